"""One frame of a clip, looked at closely."""

from dataclasses import dataclass

import cv2
import numpy as np

from kling_ui.vision.flow import LONG_SIDE_PX
from kling_ui.vision.letterbox import content_box
from kling_ui.vision.occlusion import PLAN_PX, covered_parts, hidden_joints
from kling_ui.vision.people import Box, find_group
from kling_ui.vision.person import MASK_THRESHOLD, Pose, shrink
from kling_ui.vision.reel import Still

_SHARP_PX = 512
_FIGURE_PX_MIN = 200
_SHARP_PERCENTILE = 95


@dataclass(frozen=True, slots=True)
class Moment:
    """What one frame shows; the pose itself is in the clip's track, at the same place.

    Attributes:
        time_s: Its time from the start of the clip.
        confidence: How sure the detector is of the person, 0-1; 0 when nobody was found.
        others: Boxes of other people of a comparable size, as fractions.
        is_thorough: Other people were searched twice more.
        covered: Parts of the body that something in front of it covers.
        hidden: Joints that are inside the picture and hidden.
        sharpness: Of the figure's edges: 0.6-0.8 is sharp, below 0.45 blurred; 0 when nobody was found.
    """

    time_s: float
    confidence: float = 0.0
    others: tuple[Box, ...] = ()
    is_thorough: bool = False
    covered: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    sharpness: float = 0.0


@dataclass(frozen=True, slots=True)
class Sight:
    """A moment with the pixels and landmarks that go with it.

    Attributes:
        moment: What goes into the report.
        pose: The main person, without a mask.
        figure: ``(height, width)`` bool, at the size of the flow's frames: the main person; ``None`` for nobody.
        people: Likewise, everybody.
    """

    moment: Moment
    pose: Pose | None
    figure: np.ndarray | None
    people: np.ndarray | None = None


def look_closely(still: Still, *, thorough: bool) -> Sight:
    """Find the people of a frame and what hides the main one.

    Args:
        still: The frame.
        thorough: Look twice more for other people, half as long again.
    """
    rgb = still.rgb
    group = find_group(rgb, thorough=thorough)
    main = group.main
    if main is None or main.mask is None:
        return Sight(Moment(still.time_s, is_thorough=thorough), None, None)
    plan = shrink(rgb, PLAN_PX)
    within = content_box(plan)
    moment = Moment(
        time_s=still.time_s,
        confidence=main.confidence,
        others=group.others,
        is_thorough=thorough,
        covered=covered_parts(plan, main.landmarks, within),
        hidden=hidden_joints(main.landmarks, main.world_m, within),
        sharpness=round(sharpness(still.grey(_SHARP_PX), main.mask), 3),
    )
    pose = Pose(main.landmarks, main.world_m, None, main.confidence)
    figure = _figure(main.mask)
    return Sight(moment, pose, figure, _with_boxes(figure, group.others))


def sharpness(grey: np.ndarray, mask: np.ndarray) -> float:
    """Measure how sharp the edges of a figure are: their curvature against their slope, which leaves contrast out.

    Args:
        grey: ``(height, width)`` uint8.
        mask: ``(..., ...)`` 0-1, of any size: the figure.

    Returns:
        About 0.6-0.8 for sharp pictures, 0.3 for soft ones; 0 when the figure is too small to tell.
    """
    on = cv2.resize(mask, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_AREA) > MASK_THRESHOLD
    if on.sum() < _FIGURE_PX_MIN:
        return 0.0
    left, top, width, height = cv2.boundingRect(on.astype(np.uint8))
    on, grey = on[top : top + height, left : left + width], grey[top : top + height, left : left + width]
    smooth = cv2.GaussianBlur(grey, (0, 0), 0.8)
    bend = np.abs(cv2.Laplacian(smooth, cv2.CV_16S))[on]
    across, down = (cv2.Sobel(grey, cv2.CV_16S, *axis)[on].astype(np.float32) / 8 for axis in ((1, 0), (0, 1)))
    slope = np.hypot(across, down)
    return float(np.percentile(bend, _SHARP_PERCENTILE) / max(1.0, np.percentile(slope, _SHARP_PERCENTILE)))


def _figure(mask: np.ndarray) -> np.ndarray:
    scale = min(1.0, LONG_SIDE_PX / max(mask.shape))
    size = max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale))
    return cv2.resize(mask, size, interpolation=cv2.INTER_AREA) > 0.3


def _with_boxes(figure: np.ndarray, boxes: tuple[Box, ...]) -> np.ndarray:
    people, (height, width) = figure.copy(), figure.shape
    for left, top, right, bottom in boxes:
        rows = slice(max(0, round(top * height)), max(0, round(bottom * height)))
        people[rows, max(0, round(left * width)) : max(0, round(right * width))] = True
    return people
