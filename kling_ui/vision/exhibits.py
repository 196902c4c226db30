"""Pictures that show one thing each of what a viewing of a clip found: the evidence beside the words.

============  ==========================================================================
``first``     the first frame with its skeleton
``cuts``      the frames before and after each of the first cuts
``others``    a moment with several people, a box around each other one
``covered``   a moment in which something hides a part of the person
``missing``   a moment without a person, or with a part of one
``fastest``   two neighbouring frames where the figure moves fastest
``camera``    the first and the last frame of where the view moves most
============  ==========================================================================
"""

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np

from kling_ui.media.video import Frame
from kling_ui.vision.body import shows_upper_body
from kling_ui.vision.camera import CameraStep
from kling_ui.vision.drawing import draw_boxes, draw_strip, strip_size
from kling_ui.vision.people import Box
from kling_ui.vision.reel import Still
from kling_ui.vision.viewing import Viewing

_HEIGHT_PX = 300
_CUTS_MAX = 3
_CAMERA_S = 2.0
_CAMERA_MIN = 0.02  # long sides of the picture within two seconds; less is nothing to show
_FAST_MIN = 1.2  # trunks per second; less is nothing to show


def draw_overview(seen: Viewing) -> np.ndarray:
    """Put some moments of a clip side by side, evenly spread, each with its skeleton and its time."""
    size = strip_size(seen.track.aspect)
    times_s = seen.track.times_s
    wanted = np.linspace(times_s[0], times_s[-1], min(size.count, len(times_s)))
    chosen = sorted({int(np.abs(times_s - time_s).argmin()) for time_s in wanted})
    return _moments(seen, chosen, size.height_px)


def draw_exhibits(seen: Viewing) -> dict[str, np.ndarray]:
    """Draw what there is to show, by name."""
    draw: dict[str, Callable[[Viewing], np.ndarray | None]] = {
        "first": lambda seen: _moments(seen, [0]),
        "cuts": _cuts,
        "others": _others,
        "covered": _covered,
        "missing": _missing,
        "fastest": _fastest,
        "camera": _camera,
    }
    drawn = ((name, picture(seen)) for name, picture in draw.items())
    return {name: rgb for name, rgb in drawn if rgb is not None}


def _moments(seen: Viewing, chosen: Sequence[int], height_px: int = _HEIGHT_PX) -> np.ndarray:
    return _strip(
        [seen.stills[place] for place in chosen], [seen.track.landmarks[place] for place in chosen], height_px
    )


def _strip(
    stills: Sequence[Still], landmarks: Sequence[np.ndarray] | None = None, height_px: int = _HEIGHT_PX
) -> np.ndarray:
    frames = [Frame(place, still.time_s, still.rgb) for place, still in enumerate(stills)]
    return draw_strip(frames, landmarks, height_px)


def _cuts(seen: Viewing) -> np.ndarray | None:
    stills = [_near(seen, time_s) for cut in seen.notes.cuts[:_CUTS_MAX] for time_s in (cut.last_s, cut.first_s)]
    return _strip(stills) if stills else None


def _others(seen: Viewing) -> np.ndarray | None:
    counts = [len(moment.others) for moment in seen.notes.moments]
    if not any(counts):
        return None
    place = int(np.argmax(counts))
    return _boxed(seen, place, seen.notes.moments[place].others)


def _boxed(seen: Viewing, place: int, boxes: Sequence[Box]) -> np.ndarray:
    still = seen.stills[place]
    rgb = still.rgb
    draw_boxes(rgb, boxes)
    return draw_strip([Frame(0, still.time_s, rgb)], [seen.track.landmarks[place]], _HEIGHT_PX)


def _covered(seen: Viewing) -> np.ndarray | None:
    counts = [2 * len(moment.covered) + len(moment.hidden) for moment in seen.notes.moments]
    return _moments(seen, [int(np.argmax(counts))]) if any(counts) else None


def _missing(seen: Viewing) -> np.ndarray | None:
    gone = np.flatnonzero(~shows_upper_body(seen.track.landmarks))
    return _moments(seen, [int(gone[len(gone) // 2])]) if len(gone) else None


def _fastest(seen: Viewing) -> np.ndarray | None:
    pace = seen.notes.pace
    if not pace.times_s or max(pace.trunks_per_s) < _FAST_MIN:
        return None
    smooth = cv2.blur(np.asarray(pace.trunks_per_s, np.float32)[None], (5, 1))[0]
    times_s = [still.time_s for still in seen.reel]
    after = min(len(times_s) - 1, int(np.searchsorted(times_s, pace.times_s[int(smooth.argmax())])))
    return _strip(seen.reel[max(0, after - 1) : after + 1])


def _camera(seen: Viewing) -> np.ndarray | None:
    spans = list(_moves(seen.notes.camera))
    start_s, end_s, moved = max(spans, key=lambda span: span[2], default=(0.0, 0.0, 0.0))
    return _strip([_near(seen, start_s), _near(seen, end_s)]) if moved >= _CAMERA_MIN else None


def _moves(steps: Sequence[CameraStep]) -> Iterator[tuple[float, float, float]]:
    for first, step in enumerate(steps):
        window = [other for other in steps[first:] if other.end_s <= step.start_s + _CAMERA_S]
        if window:
            moved = sum(np.hypot(other.shift_x, other.shift_y) + 0.5 * abs(other.zoom) for other in window)
            yield step.start_s, window[-1].end_s, float(moved)


def _near(seen: Viewing, time_s: float) -> Still:
    return min(seen.reel, key=lambda still: abs(still.time_s - time_s))
