"""Detect shot boundaries: hard cuts, jump cuts, fades and dissolves."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np

from kling_ui.vision.camera import CameraStep, FlowMeter, OpticalFlow, in_the_light_of
from kling_ui.vision.frame_analysis import analyse_frame, grown
from kling_ui.vision.frame_sampling import SampledFrame
from kling_ui.vision.people import detector_pool
from kling_ui.vision.pose import ARMS, EPSILON, FACE, SHOULDERS, VISIBLE_MIN, trunk_length

# Measured on dancing at up to 4 x its speed, shaken and panned: at most 2.4; on cuts 3.1 (a jump) to 70.
ISOLATION_MIN = 2.8
# Grey levels; a jump of the person within one scene leaves 8, another scene 25-150. Less than this harms nobody.
UNEXPLAINED_MIN = 5.0
# A person who jumps within one scene may leave as little as this (3.0, isolated 2.7 times, was measured on somebody who
# talks); then only the jump itself proves the cut.
FAINT_ISOLATION_MIN, FAINT_UNEXPLAINED_MIN = 2.5, 2.5
# Between lively moves it stands out less: from its next steps as much, from those beyond less. Then the body must have
# moved farther than any move takes it from one frame to the next.
LIVELY_ISOLATION_MIN, LIVELY_UNEXPLAINED_MIN, LIVELY_JUMP_MIN = 1.9, 4.0, 0.25
_BURST_MAX = 3  # steps: a blended frame or two between the shots
_NEIGHBOURS = 3  # steps on either side that a burst must exceed
# Of the contrast of the pictures; 0.8 s of dancing leave at most 0.35, a fade to another scene 1.0 and more.
FADE_UNEXPLAINED_MIN = 0.55
_CONTRAST_MIN = 8.0  # grey levels: pictures with less are judged as if they had so much
FADE_S = 0.8  # from before a fade to after it
_FADE_STEP_S = 0.2  # from one moment that is tested for a fade to the next
_LATER_S = 0.35  # after a cut: a flash is over, and the old scene would be back
_PASSING_S = 2.0  # after a fade: what passed the camera is gone, and the old scene would be back
# Of the background's parts: another scene changes nearly all (0.8 measured), a post or a caption that appears a
# quarter. In between and below, only a person who is suddenly elsewhere proves a cut.
SCENE_CHANGED_MIN = 0.5
_CELLS = 8  # the picture is judged in so many parts along each side
_CELL_CHANGED = 6.0  # grey levels
_CELL_USED_MIN = 0.25  # of a part that belongs to the background
# The median joint moves by this much of a trunk, and most of the change lies on the figure.
_JUMP_MIN, _JUMP_ENERGY_MIN = 0.05, 0.5
_EQUALLY_SURE = 0.1  # of confidence: farther apart, something covers the person in one of both frames
# Of the parts of the figure that both frames show: another person, or the same one in other clothes.
_SOMEBODY_ELSE_MIN = 0.8
_JOINTS = [*FACE, *SHOULDERS, *ARMS]


class CutKind(StrEnum):
    """The kind of a shot boundary."""

    HARD = "cut"
    SOFT = "fade"


@dataclass(frozen=True, slots=True)
class Cut:
    """A shot boundary: where one shot ends and the next begins.

    Attributes:
        kind: Hard or soft.
        last_s: Time of the last frame that surely belongs to the old shot.
        first_s: Time of the first frame that surely belongs to the new one.
    """

    kind: CutKind
    last_s: float
    first_s: float


@dataclass(frozen=True, slots=True)
class Views:
    """What shot detection knows of a clip: small frames, outlines of people, a test for jump cuts.

    Attributes:
        times_s: ``(frames,)`` rising.
        grey: ``(height, width)`` uint8 each.
        figure: Where people are in a frame, by index: ``(height, width)`` bool, or ``None`` for nobody.
        jumped: Tells how far, in trunk lengths, a person is suddenly elsewhere who makes the difference between two
            frames, by index; 0 when nobody does. It also gets what movement does not explain between them.
    """

    times_s: np.ndarray
    grey: Sequence[np.ndarray]
    figure: Callable[[int], np.ndarray | None]
    jumped: Callable[[int, int, np.ndarray], float]


def find_cuts(views: Views, camera: Sequence[CameraStep]) -> tuple[Cut, ...]:
    """Find all shot boundaries of a clip, in order.

    Args:
        views: The frames.
        camera: What the camera did, over the whole clip.
    """
    meter = FlowMeter()
    hard = _hard_cuts(views, _Unexplained(views.grey, meter), meter)
    soft = _soft_cuts(views, hard, camera, meter)
    return tuple(sorted((*hard, *soft), key=lambda cut: cut.last_s))


def changed_share(rest: np.ndarray, figure: np.ndarray | None) -> float:
    """Measure the share of the background's cells, 0-1, that changed.

    Args:
        rest: ``(height, width)`` what movement does not explain, in grey levels.
        figure: ``(height, width)`` bool, where people are in either picture; ``None`` for nobody.
    """
    outside = np.ones(rest.shape, np.float32) if figure is None else 1 - figure.astype(np.float32)
    weight, change = (
        cv2.resize(values, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
        for values in (outside, np.abs(rest) * outside)
    )
    used = weight >= _CELL_USED_MIN
    changed = used & (change >= _CELL_CHANGED * weight)
    return float(changed.sum() / used.sum()) if used.any() else 0.0


class _Unexplained:
    """What movement does not explain from each frame to the next, in grey levels; measured where it is asked for.

    Args:
        grey: The frames.
        meter: Measures the movement.
    """

    def __init__(self, grey: Sequence[np.ndarray], meter: FlowMeter) -> None:
        self._grey, self._meter = grey, meter
        self._changes = [cv2.norm(after, before, cv2.NORM_L1) / after.size for before, after in pairwise(grey)]
        self._known: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._changes)

    def of(self, steps: Iterable[int]) -> list[float]:
        """Measure some steps; those that the clip does not have are left out."""
        wanted = [step for step in steps if 0 <= step < len(self)]
        for step in wanted:
            if step not in self._known:
                self._known[step] = self._meter.between(*self._grey[step : step + 2]).unexplained
        return [self._known[step] for step in wanted]

    def may_stand_out(self, step: int) -> bool:
        """Tell whether a step may exceed those before it: movement hardly leaves more unexplained than has changed."""
        before = (self._known.get(near, 0.0) for near in range(step - _NEIGHBOURS, step))
        return self._changes[step] >= max(FAINT_UNEXPLAINED_MIN, LIVELY_ISOLATION_MIN * max(before))


def _hard_cuts(views: Views, unexplained: _Unexplained, meter: FlowMeter) -> list[Cut]:
    found, step, times_s = [], 0, views.times_s
    while step < len(unexplained):
        burst = _burst(unexplained, step)
        if burst is not None and _is_cut(views, step, burst, 0.5 * max(unexplained.of(range(step, burst.end))), meter):
            found.append(Cut(CutKind.HARD, float(times_s[step]), float(times_s[burst.end])))
        step = burst.end if burst else step + 1
    return found


class _Burst(NamedTuple):
    """Steps that movement does not explain, up to before ``end``; a faint one is a cut only when somebody jumps."""

    end: int
    is_faint: bool
    jump_min: float = _JUMP_MIN


def _burst(unexplained: _Unexplained, step: int) -> _Burst | None:
    """Find the burst that begins at ``step``."""
    if not unexplained.may_stand_out(step):
        return None
    least = min(unexplained.of([step]))
    if least < max(FAINT_UNEXPLAINED_MIN, LIVELY_ISOLATION_MIN * max(unexplained.of([step - 1]), default=0.0)):
        return None
    for end in range(step + 1, min(step + _BURST_MAX, len(unexplained)) + 1):
        before, after = range(step - _NEIGHBOURS, step), range(end, end + _NEIGHBOURS)
        least, usual = min(unexplained.of(range(step, end))), max([1.0, *unexplained.of([*before, *after])])
        if least >= max(FAINT_UNEXPLAINED_MIN, FAINT_ISOLATION_MIN * usual):
            return _Burst(end, is_faint=least < max(UNEXPLAINED_MIN, ISOLATION_MIN * usual))
        next_to_it = ISOLATION_MIN * max([1.0, *unexplained.of([step - 2, step - 1, end, end + 1])])
        if least >= max(LIVELY_UNEXPLAINED_MIN, LIVELY_ISOLATION_MIN * usual, next_to_it):
            return _Burst(end, is_faint=True, jump_min=LIVELY_JUMP_MIN)
    return None


def _is_cut(views: Views, last: int, burst: _Burst, rest_min: float, meter: FlowMeter) -> bool:
    """Tell a cut from a flash, behind which all is as before, from a lamp, and from an object that appears."""
    first, before = burst.end, views.grey[last]
    flow = _in_any_light(before, views.grey[first], meter)
    if burst.is_faint:
        return views.jumped(last, first, flow.rest) >= burst.jump_min
    later = min(len(views.grey) - 1, max(first, int(np.searchsorted(views.times_s, views.times_s[first] + _LATER_S))))
    if min(flow.unexplained, _in_any_light(before, views.grey[later], meter).unexplained) < rest_min:
        return False
    scene_changed = changed_share(flow.rest, _union(views, last, first)) >= SCENE_CHANGED_MIN
    return scene_changed or views.jumped(last, first, flow.rest) >= burst.jump_min


def _in_any_light(before: np.ndarray, after: np.ndarray, meter: FlowMeter) -> OpticalFlow:
    flows = meter.between(before, after), meter.between(in_the_light_of(before, after), after)
    return min(flows, key=lambda flow: flow.unexplained)


def _soft_cuts(views: Views, hard: Sequence[Cut], camera: Sequence[CameraStep], meter: FlowMeter) -> list[Cut]:
    found: list[Cut] = []
    times_s, next_s = views.times_s, 0.0
    for first, start_s in enumerate(times_s.tolist()):
        last = int(np.searchsorted(times_s, start_s + FADE_S))
        if last >= len(times_s):
            break
        if start_s < next_s or _crosses(hard, start_s, times_s[last]):
            continue
        next_s = start_s + _FADE_STEP_S
        if not _is_followed(camera, start_s, times_s[last]) and _is_new_scene(views, first, last, meter):
            begun_s = found.pop().last_s if found and start_s <= found[-1].first_s else start_s
            found.append(Cut(CutKind.SOFT, begun_s, float(times_s[last])))
    return [cut for cut in found if _lasts(views, cut, meter)]


def _lasts(views: Views, cut: Cut, meter: FlowMeter) -> bool:
    """Tell a new scene from something large that passes: behind it the picture from before would be back."""
    around_s = cut.last_s - _PASSING_S / 2, cut.first_s + _PASSING_S
    first, later = (int(np.searchsorted(views.times_s, at_s)) for at_s in around_s)
    return _is_new_scene(views, first, min(later, len(views.grey) - 1), meter)


def _is_new_scene(views: Views, first: int, last: int, meter: FlowMeter) -> bool:
    before, after = views.grey[first], views.grey[last]
    least = FADE_UNEXPLAINED_MIN * max(_CONTRAST_MIN, 0.5 * float(before.std() + after.std()))
    flow = meter.between(before, after)
    later = min(len(views.grey) - 1, int(np.searchsorted(views.times_s, views.times_s[last] + _LATER_S)))
    if min(flow.unexplained, meter.between(before, views.grey[later]).unexplained) < least:
        return False
    return changed_share(flow.rest, _union(views, first, last)) >= SCENE_CHANGED_MIN


def _union(views: Views, first: int, second: int) -> np.ndarray | None:
    one, other = views.figure(first), views.figure(second)
    if one is None or other is None:
        return other if one is None else one
    return one | other


def _crosses(cuts: Sequence[Cut], start_s: float, end_s: float) -> bool:
    return any(cut.last_s < end_s and cut.first_s > start_s for cut in cuts)


def _is_followed(camera: Sequence[CameraStep], start_s: float, end_s: float) -> bool:
    return all(step.is_known for step in camera if step.start_s < end_s and step.end_s > start_s)


class JumpCutTest:
    """Tests for a jump cut: the person is suddenly elsewhere or another one; it reads two poses, so it comes last."""

    def __init__(self, sampled_frames: Sequence[SampledFrame], aspect: float) -> None:
        self._sampled_frames, self._aspect = sampled_frames, aspect

    def between(self, first: int, second: int, rest: np.ndarray) -> float:
        """Measure how far, in trunk lengths, the person jumps between two frames, by index; infinitely for another one.

        Args:
            first: One frame.
            second: The other one.
            rest: What flow does not explain between them; where most of it lies elsewhere, the result is 0.
        """
        before, after = detector_pool().map(
            lambda index: analyse_frame(self._sampled_frames[index], thorough=False), (first, second)
        )
        if before.pose is None or after.pose is None or before.figure is None or after.figure is None:
            return 0.0
        if abs(before.pose.confidence - after.pose.confidence) > _EQUALLY_SURE or (
            before.moment.covered != after.moment.covered
        ):
            return 0.0  # something came before the person, or went away
        energy = np.abs(rest).astype(np.float32)
        if changed_share(rest, ~(before.figure & after.figure)) >= _SOMEBODY_ELSE_MIN:
            return np.inf
        figure = grown(before.figure | after.figure)
        on_figure = float(energy[figure].sum()) >= _JUMP_ENERGY_MIN * float(energy.sum())
        return moved_trunks(before.pose.landmarks, after.pose.landmarks, self._aspect) if on_figure else 0.0


def moved_trunks(before: np.ndarray, after: np.ndarray, aspect: float) -> float:
    """Measure how far the head and arms moved, by the median joint, in trunk lengths.

    Args:
        before: ``(33, 4)`` landmarks.
        after: Likewise.
        aspect: Width divided by height of the picture.
    """
    both = (before[_JOINTS, 3] >= VISIBLE_MIN) & (after[_JOINTS, 3] >= VISIBLE_MIN)
    moved = (after - before)[_JOINTS, :2][both] * (aspect, 1.0)
    trunk = float(trunk_length(before, aspect))
    return float(np.median(np.linalg.norm(moved, axis=1))) / max(trunk, EPSILON) if len(moved) else 0.0
