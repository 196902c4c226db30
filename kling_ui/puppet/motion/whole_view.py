"""Keep all that is drawn in the picture: hands, hats and held things, too, as somebody behind a camera would.

Who sees an arm go up steps back before the hand leaves the picture, and does not come near again at once. So the figure
becomes smaller, about its feet, ahead of the moment for which it must; what is then still outside moves it aside.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from kling_ui.puppet.motion.frame_pose import wrapped
from kling_ui.puppet.motion.pose_stream import REACH_S
from kling_ui.puppet.rig.character import Character, legs_are_one
from kling_ui.puppet.skeleton import ANKLES, BONES, HIPS, SHOULDERS, Joint, Part, both_legs

MOST_WRIST = np.radians(50)  # by which hands and feet turn against their limb
LOOK_S = REACH_S  # how far ahead of a moment the figure begins to make room for it: as far as it is known
COMES_BACK_PER_S = 0.1  # of its size, that a figure grows again at most when there is room
SMALLEST_VIEW = 0.6  # of its size: a figure is made no smaller for what it does, and may then leave the picture
ROOM_SHARE = 0.01  # of the height: kept free at every edge, if the picture keeps it free
NARROWEST, WIDEST = 0.6, 1.25  # of the trunk's width in the picture, as it turns


@dataclass(frozen=True, slots=True)
class Outlines:
    """What there is to draw of a character.

    Attributes:
        points: For each part ``(n, 2)`` px around all in the picture that moves with its bone.
        stiff: Forearms whose hand does not bend, for it holds something long.
    """

    points: Mapping[Part, np.ndarray] = field(default_factory=dict)
    stiff: frozenset[Part] = frozenset()


class DrawnExtent:
    """Tells how far all that is drawn of a figure reaches in a pose, by the outlines of its parts.

    Args:
        character: The person in the picture.
        outlines: What there is to draw.
    """

    def __init__(self, character: Character, outlines: Outlines) -> None:
        self._is_one_leg = legs_are_one(character)
        self._stiff = outlines.stiff
        self._rest = character.joints
        joints = _complex(self._legs(character.joints[None]))
        self._local: dict[Part, np.ndarray] = {}
        self._bones: dict[Part, complex] = {}
        for part, points in outlines.points.items():
            start, bone = _bone(joints, part)
            self._bones[part] = complex(bone[0])
            self._local[part] = (points @ (1, 1j) - start[0]) * np.conj(bone[0]) / max(abs(bone[0]), 1.0)
        across = _across(_complex(character.joints[None]), _bone(joints, Part.TORSO)[1])[0]
        self._across = float(across if abs(across) > 1 else np.copysign(1, across))
        self._joints = joints[0]

    @property
    def at_rest(self) -> np.ndarray:
        """``(4,)`` px: left, top, right, bottom in the character's own picture."""
        return self.of(self._rest[None], np.ones(1), np.zeros(1))[0]

    def of(self, joints: np.ndarray, scale: np.ndarray, roll: np.ndarray) -> np.ndarray:
        """Find the box around all that is drawn.

        Args:
            joints: ``(frames, 18, 2)`` px.
            scale: ``(frames,)`` the figure's size.
            roll: ``(frames,)`` radians, by which its head is tilted against the picture.

        Returns:
            ``(frames, 4)`` px: left, top, right, bottom.
        """
        now = _complex(self._legs(joints))
        places = [self._place(part, now, scale[:, None], roll) for part in self._local]
        if not places:
            return np.concatenate([joints.min(axis=1), joints.max(axis=1)], axis=1)
        drawn = np.concatenate(places, axis=1)
        return np.column_stack(
            [drawn.real.min(axis=1), drawn.imag.min(axis=1), drawn.real.max(axis=1), drawn.imag.max(axis=1)]
        )

    def _place(self, part: Part, now: np.ndarray, scale: np.ndarray, roll: np.ndarray) -> np.ndarray:
        """``(frames, n)`` complex: where a part's outline lies in the frame."""
        local, rest = self._local[part], self._bones[part]
        start, bone = _bone(now, part)
        length, rest_length = np.maximum(np.abs(bone), 1.0), max(abs(rest), 1.0)
        if part is Part.HEAD:  # keeps its shape
            tilt = np.exp(1j * (np.angle(rest) + roll))
            return (start + bone)[:, None] + (local - rest_length) * scale * tilt[:, None]
        before, beyond = np.minimum(local.real, 0), np.maximum(local.real - rest_length, 0)
        along = (local.real - before - beyond) * (length / rest_length)[:, None] + before * scale
        across = local.imag * scale
        if part is Part.TORSO:
            width = _across(now, bone) / self._across
            across = local.imag * (np.sign(width) * np.clip(np.abs(width), NARROWEST, WIDEST))[:, None]
        tip = BONES[part].tip if part in BONES and part not in self._stiff else None
        if tip is None:
            return start[:, None] + (along + beyond * scale + 1j * across) * (bone / length)[:, None]
        end = BONES[part].end
        turn = np.angle(bone) - np.angle(rest)
        turned = np.angle(now[:, tip] - now[:, end]) - np.angle(self._joints[tip] - self._joints[end]) - turn
        bend = np.clip(wrapped(turned), -MOST_WRIST, MOST_WRIST)[:, None]
        hand = np.where(beyond > 0, (beyond * scale + 1j * across) * np.exp(1j * bend), 1j * across)
        return start[:, None] + (along + hand) * (bone / length)[:, None]

    def _legs(self, joints: np.ndarray) -> np.ndarray:
        return both_legs(joints) if self._is_one_leg else joints


def _complex(points: np.ndarray) -> np.ndarray:
    return points[..., 0] + 1j * points[..., 1]


def _bone(joints: np.ndarray, part: Part) -> tuple[np.ndarray, np.ndarray]:
    """``(frames,)`` complex: where a part's bone begins, and the way to its end."""
    if part is Part.TORSO:
        start = (joints[:, HIPS[0]] + joints[:, HIPS[1]]) / 2
        return start, joints[:, Joint.NECK] - start
    return joints[:, BONES[part].start], joints[:, BONES[part].end] - joints[:, BONES[part].start]


def _across(joints: np.ndarray, spine: np.ndarray) -> np.ndarray:
    """``(frames,)``: how far the shoulders lie apart across the spine, px; the sign tells which is on which side."""
    left, right = SHOULDERS
    return ((joints[:, left] - joints[:, right]) * np.conj(spine)).imag / np.maximum(np.abs(spine), 1.0)


class Foresight:
    """Lets values change over :data:`LOOK_S` before they have to; it remembers the last ones.

    Args:
        fps: Frames per second.
    """

    def __init__(self, fps: float) -> None:
        self._look = max(1, round(LOOK_S * fps))
        self._before: np.ndarray | None = None

    def most(self, values: np.ndarray) -> np.ndarray:
        """The greatest of each frame and those that are seen ahead of it; ``(frames, n)``."""
        more = np.pad(values, ((0, self._look), (0, 0)), mode="edge")
        return np.lib.stride_tricks.sliding_window_view(more, self._look + 1, axis=0).max(axis=-1)

    def ease(self, values: np.ndarray, count: int, *, fading: float = np.inf) -> np.ndarray:
        """Average values over the frames before, of which the next call goes on after the first ``count``.

        Args:
            values: ``(frames, n)``, such as :meth:`most` gives: each is then reached when it has to be.
            count: How many of the frames are wanted.
            fading: By how much a value becomes less from frame to frame at most.

        Returns:
            ``(frames, n)``; in the very first frame the value itself.
        """
        if self._before is None:
            self._before = np.repeat(values[:1], self._look, axis=0)
        held = np.concatenate([self._before, values])
        for index in range(self._look, len(held)):
            held[index] = np.maximum(held[index], held[index - 1] - fading)
        self._before = held[count : count + self._look]
        sums = np.cumsum(np.concatenate([np.zeros_like(held[:1]), held]), axis=0)
        return (sums[self._look : -1] - sums[: -self._look - 1]) / self._look


class WholeView:
    """Finds how much smaller, and how far aside, a figure is to be drawn for all of it to be seen.

    Args:
        character: The person in the picture.
        outlines: What there is to draw of it.
        fps: Frames per second.
        on_feet: The picture shows its feet, about which it becomes smaller; otherwise it does about its hips.
    """

    def __init__(self, character: Character, outlines: Outlines, fps: float, *, on_feet: bool) -> None:
        width, height = character.size
        self._extent, self._on_feet = DrawnExtent(character, outlines), on_feet
        left, top, right, bottom = self._extent.at_rest
        room = ROOM_SHARE * height
        self._low = np.array([min(left, room), min(top, room)])
        self._high = np.array([max(right, width - room), max(bottom, height - room)])
        self._smaller, self._moved = Foresight(fps), Foresight(fps)
        self._fading = COMES_BACK_PER_S / fps

    def boxes(self, joints: np.ndarray, scale: np.ndarray, roll: np.ndarray) -> np.ndarray:
        """Find ``(frames, 4)`` boxes, as :meth:`DrawnExtent.of`."""
        return self._extent.of(joints, scale, roll)

    def anchors(self, joints: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """Find ``(frames, 2)`` px: the places about which the figure becomes smaller."""
        if not self._on_feet:
            return joints[:, list(HIPS)].mean(axis=1)
        return np.column_stack([joints[:, list(ANKLES), 0].mean(axis=1), np.minimum(boxes[:, 3], self._high[1])])

    def shrink(self, boxes: np.ndarray, anchors: np.ndarray, count: int) -> np.ndarray:
        """Find how much smaller the figure is to be, ``(frames,)`` of its size; see :meth:`Foresight.ease`."""
        wide = (self._high[0] - self._low[0]) / np.maximum(boxes[:, 2] - boxes[:, 0], 1.0)
        high = (anchors[:, 1] - self._low[1]) / np.maximum(anchors[:, 1] - boxes[:, 1], 1.0)
        needs = -np.log(np.clip(np.minimum(wide, high), SMALLEST_VIEW, 1))[:, None]
        return np.exp(-self._smaller.ease(self._smaller.most(needs), count, fading=self._fading)[:, 0])

    def aside(self, boxes: np.ndarray, count: int) -> np.ndarray:
        """Find how far the figure is to be moved, ``(frames, 2)`` px: into the picture, or into its middle."""
        least, most = self._moved.most(self._low - boxes[:, :2]), -self._moved.most(boxes[:, 2:] - self._high)
        wanted = np.where(least <= most, np.clip(0, least, most), (least + most) / 2)
        return self._moved.ease(wanted, count)
