"""How the camera moved between two frames, told by what does not belong to the figure. Pure functions on pixels.

A background that stays where it was is recognised first, by comparing pixels where they lie: that needs no corners
and so works on plain walls, too. Only where it changed are corners followed and one shift, zoom and roll fitted.
"""

from dataclasses import dataclass

import cv2
import numpy as np

LONG_SIDE_PX = 256
# A pixel's brightness changes by its gradient for each pixel of movement; noise of the codec stays below this.
_STILL_MAX_PX = 0.35
_EDGE_MIN = 2.0  # grey levels a pixel: flatter places say nothing about movement
_EDGES_MIN, _EDGES_MAX = 60, 800  # the steepest ones speak
_CORNERS_MAX = 150
_TRACKS_MIN = 10
_INLIER_SHARE_MIN = 0.5  # less: the background itself moves, or nothing could be followed
_INLIER_PX = 1.0
_WINDOW_PX = (17, 17)
_SPREAD_MIN = 0.25  # what the inliers must span of the picture: one moving car is not the camera
_FIGURE_MARGIN_SHARE = 0.04  # of the long side; segmentation is coarse and shadows go with the figure


@dataclass(frozen=True, slots=True)
class CameraStep:
    """Movement of the view between two frames.

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
        """The view moved at all."""
        return any((self.shift_x, self.shift_y, self.zoom, self.roll_rad))


def camera_step(
    before: np.ndarray, after: np.ndarray, figure: np.ndarray | None, *, start_s: float, end_s: float
) -> CameraStep:
    """Measure the camera between two frames of the same size, best 0.2-0.5 s apart.

    Args:
        before: ``(height, width)`` uint8, best :data:`LONG_SIDE_PX` long.
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
    slopes = cv2.Sobel(before, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(before, cv2.CV_32F, 0, 1, scale=1 / 8)
    return all(_moved_px(change, slope, background) <= _STILL_MAX_PX for slope in slopes)


def _moved_px(change: np.ndarray, slope: np.ndarray, background: np.ndarray) -> float:
    steep = np.where(background > 0, np.abs(slope), 0).ravel()
    used = np.argpartition(steep, -_EDGES_MAX)[-_EDGES_MAX:] if len(steep) > _EDGES_MAX else np.arange(len(steep))
    used = used[steep[used] >= _EDGE_MIN]
    return float(np.median(change.ravel()[used] / steep[used])) if len(used) >= _EDGES_MIN else np.inf


def _followed(before: np.ndarray, after: np.ndarray, background: np.ndarray) -> np.ndarray | None:
    corners = cv2.goodFeaturesToTrack(before, _CORNERS_MAX, 0.01, 5, mask=background)
    if corners is None or len(corners) < _TRACKS_MIN:
        return None
    nowhere = np.empty_like(corners)
    moved, there, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, nowhere, winSize=_WINDOW_PX, maxLevel=3)
    back, again, _ = cv2.calcOpticalFlowPyrLK(after, before, moved, nowhere.copy(), winSize=_WINDOW_PX, maxLevel=3)
    kept = (there[:, 0] > 0) & (again[:, 0] > 0) & (np.abs(back - corners).max(axis=(1, 2)) < 0.7)
    if kept.sum() < _TRACKS_MIN:
        return None
    first, second = corners[kept, 0], moved[kept, 0]
    found, inliers = cv2.estimateAffinePartial2D(first, second, ransacReprojThreshold=_INLIER_PX)
    if found is None:
        return None
    inside = inliers[:, 0] > 0
    spread = np.ptp(first[inside], axis=0) / before.shape[::-1] if inside.any() else np.zeros(2)
    if inside.sum() < max(_TRACKS_MIN, _INLIER_SHARE_MIN * len(first)) or spread.max() < _SPREAD_MIN:
        return None
    return found
