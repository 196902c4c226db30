"""How fast a figure moves, by the optical flow on it: its fast parts against the rest, in trunk lengths per second.

Flow follows what it can; hands that smear or jump further than their own width count for less than they do. The curve
still rises with the true speed up to three times: a drawn dance (24 frames a second, 4 s) played at 1, 2, 3 and 4 times
its speed measures 0.9, 1.3, 1.75 and 1.75 in its fastest second.
"""

from dataclasses import dataclass

import numpy as np

from kling_ui.vision.camera import CameraStep
from kling_ui.vision.flow import Flow

_FAST_SHARE = 0.97  # a hand and a forearm are about the rest of a figure
# How far a move of the whole body counts: walking, with 2.6 trunk lengths a second, is easy to follow, running is not.
_WHOLE_SHARE = 0.4
_FIGURE_PX_MIN = 30


@dataclass(frozen=True, slots=True)
class Pace:
    """Speed of the figure over time.

    Attributes:
        times_s: Middle of each step between two frames, rising.
        trunks_per_s: Speed of the figure's fast parts; 0 where nobody is.
    """

    times_s: tuple[float, ...] = ()
    trunks_per_s: tuple[float, ...] = ()


def step_speed(
    flow: Flow, figure: np.ndarray | None, *, trunk_px: float, step_s: float, camera: CameraStep | None
) -> float:
    """Measure one step, in trunk lengths per second.

    Args:
        flow: From one frame to the next.
        figure: ``(height, width)`` bool, where the person is in either; ``None`` for nobody.
        trunk_px: Length of the trunk in the flow's pixels.
        step_s: Time between the frames.
        camera: What the camera does meanwhile, which is not the figure's doing.
    """
    if figure is None or trunk_px <= 0 or step_s <= 0 or figure.sum() < _FIGURE_PX_MIN:
        return 0.0
    rows, columns = np.nonzero(figure)
    moved = np.ascontiguousarray(flow.moved_px[rows, columns].T)
    if camera is not None and camera.is_known and camera.is_moving:
        moved -= _view_moved(rows, columns, figure.shape, camera, step_s)
    whole = _ranked(moved, 0.5)[:, None]
    fast = float(_ranked(np.hypot(*(moved - whole)), _FAST_SHARE))
    return max(fast, _WHOLE_SHARE * float(np.hypot(*whole)[0])) / trunk_px / step_s


def _ranked(values: np.ndarray, share: float) -> np.ndarray:
    """What so large a share of the values does not exceed, along the last axis."""
    rank = round(share * (values.shape[-1] - 1))
    return np.partition(values, rank)[..., rank]


def _view_moved(
    rows: np.ndarray, columns: np.ndarray, shape: tuple[int, ...], camera: CameraStep, step_s: float
) -> np.ndarray:
    """Movement of the view at some pixels, ``(2, pixels)`` px: right and down."""
    share = step_s / (camera.end_s - camera.start_s)
    height, width = shape
    x, y = columns - np.float32(width / 2), rows - np.float32(height / 2)
    zoom, roll, long_side = camera.zoom * share, camera.roll_rad * share, max(shape)
    across = camera.shift_x * share * long_side + zoom * x - roll * y
    down = camera.shift_y * share * long_side + zoom * y + roll * x
    return np.stack([across, down])
