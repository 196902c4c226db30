"""Optical flow between two frames, and the camera's movement estimated from the background."""

from dataclasses import dataclass

import cv2
import numpy as np

FLOW_LONG_SIDE_PX = 160  # of the frames between which dense flow is measured
_FLOW_SIDE_MIN_PX = 32  # eight pixels in OpenCV's coarsest picture: with less of it, OpenCV's DIS flow crashes
SOBEL_SUM = 8  # a 3 x 3 Sobel filter gives so many times the slope a pixel
_GREY_MAX = 255  # differences of two levels lie between this and its negative
GAIN_MAX = 3.0  # a lamp or a camera's own exposure changes the light by less; unrelated pictures fit by hardly any gain
CAMERA_LONG_SIDE_PX = 256  # of the frames in which the background is followed
# A pixel's brightness changes by its gradient for each pixel of movement; noise of the codec stays below this.
_STILL_MAX_PX = 0.35
_EDGE_MIN = 2.0  # grey levels a pixel: flatter places say nothing about movement
_EDGES_MIN, _EDGES_MAX = 60, 800  # the steepest ones speak
_CORNERS_MAX = 150  # that are followed: far more than the four numbers of a step need
_CORNER_QUALITY_MIN, _CORNERS_APART_PX = 0.01, 5  # of the best corner's strength; between two, so that they spread
_BACK_MAX_PX = 0.7  # a corner followed there and back that ends farther off was lost on the way
_TRACKS_MIN = 10  # corners that must be followed for a step to be known
_INLIER_SHARE_MIN = 0.5  # less: the background itself moves, or nothing could be followed
_INLIER_PX = 1.0  # by which a corner may miss the camera's movement and still agree with it
_WINDOW_PX = (17, 17)  # around a corner, compared to find it again
_LEVELS = 3  # halvings of the picture, for corners that moved far
# Arms before a plain wall, their shadow, passers-by and one car are not the camera: what agrees must be many corners,
# or lie all over the picture. In pans, zooms, rolls and drifts of drawn scenes 39-123 corners agree, or 15 and more in
# 6-10 of 16 fields; arms before a wall gave up to 26 in 2, people in the distance up to 13 in 2-5.
_SURE_INLIERS, _SURE_FIELDS, _FIELDS_A_SIDE = 30, 6, 4
_FIGURE_MARGIN_SHARE = 0.04  # of the long side; segmentation is coarse and shadows go with the figure


@dataclass(frozen=True, slots=True)
class OpticalFlow:
    """Dense optical flow between two frames of the same size, and what it leaves unexplained.

    Attributes:
        moved_px: ``(height, width, 2)`` float32: right and down.
        rest: ``(height, width)`` int16, the difference in grey levels that remains when the movement is undone, a
            change of the overall brightness left out.
    """

    moved_px: np.ndarray
    rest: np.ndarray

    @property
    def unexplained(self) -> float:
        """Mean difference, in grey levels, that flow does not explain: small within a shot, large across a cut."""
        return cv2.norm(self.rest, cv2.NORM_L1) / self.rest.size


def in_the_light_of(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Match the brightness and contrast of ``before`` to ``after``, if they are like one scene in another light.

    Args:
        before: ``(height, width)`` uint8.
        after: Likewise, of the same size.
    """
    gain, offset = np.polyfit(before.ravel(), after.ravel(), 1) if before.std() > 1 else (1.0, 0.0)
    if not 1 / GAIN_MAX <= gain <= GAIN_MAX:
        return before
    return (before * gain + offset).clip(0, 255).astype(np.uint8)


class FlowMeter:
    """Measures dense optical flow (DIS) between frames; it keeps buffers, so it belongs to one thread."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._places: np.ndarray | None = None

    def between(self, before: np.ndarray, after: np.ndarray) -> OpticalFlow:
        """Measure the flow from one ``(height, width)`` uint8 picture to another."""
        more = [max(0, _FLOW_SIDE_MIN_PX - side) for side in before.shape]
        first, second = (
            cv2.copyMakeBorder(picture, 0, more[0], 0, more[1], cv2.BORDER_REPLICATE) if any(more) else picture
            for picture in (before, after)
        )
        moved = self._flow.calc(first, second, np.zeros((*first.shape, 2), np.float32))
        moved = np.ascontiguousarray(moved[: before.shape[0], : before.shape[1]])
        if self._places is None or self._places.shape != moved.shape:
            rows, columns = np.indices(before.shape, np.float32)
            self._places = np.stack([columns, rows], axis=-1)
        places, nothing = cv2.add(self._places, moved), np.empty(0)
        undone = cv2.remap(after, places, nothing, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        rest = cv2.subtract(undone, before, dtype=cv2.CV_16S)
        return OpticalFlow(moved, rest - _median(rest))


def _median(rest: np.ndarray) -> np.int16:
    """The middle one of differences of grey levels: counting them is quicker than sorting."""
    counts = np.bincount((rest.ravel() + np.int16(_GREY_MAX)).view(np.uint16), minlength=2 * _GREY_MAX + 1)
    return np.int16(np.searchsorted(counts.cumsum(), rest.size // 2, side="right") - _GREY_MAX)


@dataclass(frozen=True, slots=True)
class CameraStep:
    """The camera's movement between two frames: shift, zoom and roll of what is seen.

    Attributes:
        start_s: Time of the first frame.
        end_s: Time of the second one.
        shift_x: To the right of what is seen, in long sides of the picture.
        shift_y: Downwards, likewise.
        zoom: Relative growth of what is seen; 0.05 is 5 % larger.
        roll_rad: Clockwise turn of what is seen.
        is_known: The background could be followed; else all of the above are 0.
    """

    start_s: float
    end_s: float
    shift_x: float = 0.0
    shift_y: float = 0.0
    zoom: float = 0.0
    roll_rad: float = 0.0
    is_known: bool = True

    @property
    def is_moving(self) -> bool:
        """Whether the camera moved at all."""
        return any((self.shift_x, self.shift_y, self.zoom, self.roll_rad))


def camera_step(
    before: np.ndarray, after: np.ndarray, figure: np.ndarray | None, *, start_s: float, end_s: float
) -> CameraStep:
    """Measure the camera's movement between two frames of the same size, best 0.2-0.5 s apart.

    Args:
        before: ``(height, width)`` uint8, best :data:`CAMERA_LONG_SIDE_PX` long.
        after: Likewise.
        figure: ``(height, width)`` bool, where people are in either frame; ``None`` for nobody.
        start_s: Time of ``before``.
        end_s: Time of ``after``.
    """
    background = _background(before.shape, figure)
    if _is_still(before, after, background):
        return CameraStep(start_s, end_s)
    found = _followed(before, after, background)
    if found is None:
        return CameraStep(start_s, end_s, is_known=False)
    height, width = before.shape
    long_side = max(height, width)
    middle = np.array([width / 2, height / 2])
    moved = found[:, :2] @ middle + found[:, 2] - middle
    return CameraStep(
        start_s,
        end_s,
        shift_x=float(moved[0] / long_side),
        shift_y=float(moved[1] / long_side),
        zoom=float(np.hypot(found[0, 0], found[1, 0]) - 1),
        roll_rad=float(np.arctan2(found[1, 0], found[0, 0])),
    )


def _background(shape: tuple[int, ...], figure: np.ndarray | None) -> np.ndarray:
    if figure is None:
        return np.full(shape, 255, np.uint8)
    margin = 2 * round(_FIGURE_MARGIN_SHARE * max(shape)) + 1
    grown = cv2.dilate(figure.astype(np.uint8), np.ones((margin, margin), np.uint8))
    return np.where(grown > 0, 0, 255).astype(np.uint8)


def _is_still(before: np.ndarray, after: np.ndarray, background: np.ndarray) -> bool:
    """Tell whether edges across and edges down are both where they were; a beam hides movement along itself."""
    change = cv2.absdiff(before, after)
    slopes = (cv2.Sobel(before, cv2.CV_32F, *axis, scale=1 / SOBEL_SUM) for axis in ((1, 0), (0, 1)))
    return all(_moved_px(change, slope, background) <= _STILL_MAX_PX for slope in slopes)


def _moved_px(change: np.ndarray, slope: np.ndarray, background: np.ndarray) -> float:
    steep = np.where(background > 0, np.abs(slope), 0).ravel()
    used = np.argpartition(steep, -_EDGES_MAX)[-_EDGES_MAX:] if len(steep) > _EDGES_MAX else np.arange(len(steep))
    used = used[steep[used] >= _EDGE_MIN]
    return float(np.median(change.ravel()[used] / steep[used])) if len(used) >= _EDGES_MIN else np.inf


def _followed(before: np.ndarray, after: np.ndarray, background: np.ndarray) -> np.ndarray | None:
    corners = cv2.goodFeaturesToTrack(before, _CORNERS_MAX, _CORNER_QUALITY_MIN, _CORNERS_APART_PX, mask=background)
    if corners is None or len(corners) < _TRACKS_MIN:
        return None
    nowhere = np.empty_like(corners)
    moved, there, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, nowhere, winSize=_WINDOW_PX, maxLevel=_LEVELS)
    back, again, _ = cv2.calcOpticalFlowPyrLK(
        after, before, moved, nowhere.copy(), winSize=_WINDOW_PX, maxLevel=_LEVELS
    )
    kept = (there[:, 0] > 0) & (again[:, 0] > 0) & (np.abs(back - corners).max(axis=(1, 2)) < _BACK_MAX_PX)
    if kept.sum() < _TRACKS_MIN:
        return None
    first, second = corners[kept, 0], moved[kept, 0]
    found, inliers = cv2.estimateAffinePartial2D(first, second, ransacReprojThreshold=_INLIER_PX)
    if found is None:
        return None
    inside = inliers[:, 0] > 0
    if inside.sum() < max(_TRACKS_MIN, _INLIER_SHARE_MIN * len(first)):
        return None
    fields = np.unique((first[inside] * _FIELDS_A_SIDE / before.shape[::-1]).astype(int), axis=0)
    return found if inside.sum() >= _SURE_INLIERS or len(fields) >= _SURE_FIELDS else None
