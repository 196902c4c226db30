"""How fast a figure moves, by the optical flow on it: its fast parts against the rest, in trunk lengths per second.

Flow follows what it can; hands that smear or jump further than their own width count for less than they do. The curve
still rises with the true speed: clips played at 1, 2, 3 and 4 times their speed measure 1.0, 1.4, 1.7 and 1.9 times.
"""

from dataclasses import dataclass

import numpy as np

from kling_ui.vision.camera import CameraStep
from kling_ui.vision.flow import Flow

_FAST_PERCENTILE = 97  # a hand and a forearm are about that much of a figure
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
    moved = flow.moved_px[figure]
    if camera is not None and camera.is_known:
        moved = moved - _view_moved(figure, camera, step_s)
    whole = np.median(moved, axis=0)
    limbs = moved - whole
    fast = float(np.percentile(np.hypot(limbs[:, 0], limbs[:, 1]), _FAST_PERCENTILE))
    return max(fast, _WHOLE_SHARE * float(np.hypot(*whole))) / trunk_px / step_s


def _view_moved(figure: np.ndarray, camera: CameraStep, step_s: float) -> np.ndarray:
    """Movement of the view at each pixel of the figure, ``(pixels, 2)`` px."""
    share = step_s / (camera.end_s - camera.start_s)
    height, width = figure.shape
    rows, columns = np.nonzero(figure)
    x, y = columns - width / 2, rows - height / 2
    zoom, roll, long_side = camera.zoom * share, camera.roll_rad * share, max(figure.shape)
    across = camera.shift_x * share * long_side + zoom * x - roll * y
    down = camera.shift_y * share * long_side + zoom * y + roll * x
    return np.stack([across, down], axis=1)
