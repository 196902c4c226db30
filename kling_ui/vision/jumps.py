"""Whether a person is suddenly elsewhere, or somebody else: what proves a cut within one scene."""

from collections.abc import Sequence

import numpy as np

from kling_ui.vision.body import VISIBLE_MIN
from kling_ui.vision.figures import grown
from kling_ui.vision.moment import look_closely
from kling_ui.vision.person import Landmark
from kling_ui.vision.posture import trunk_length
from kling_ui.vision.readers import readers
from kling_ui.vision.reel import Still
from kling_ui.vision.shots import changed_share

# The median joint moves by this much of a trunk, and most of the change lies on the figure.
_JUMP_MIN, _JUMP_ENERGY_MIN = 0.05, 0.5
_EQUALLY_SURE = 0.1
# Of the parts of the figure that both frames show: another person, or the same one in other clothes.
_SOMEBODY_ELSE_MIN = 0.8
_JOINTS = [*range(Landmark.NOSE, Landmark.MOUTH_RIGHT + 1), *range(Landmark.LEFT_SHOULDER, Landmark.RIGHT_WRIST + 1)]


class JumpTest:
    """Tells whether the person is suddenly elsewhere or another one; reads two poses each time, so it is asked last."""

    def __init__(self, reel: Sequence[Still], aspect: float) -> None:
        self._reel, self._aspect = reel, aspect

    def between(self, first: int, second: int, rest: np.ndarray) -> bool:
        """Compare two frames, by index; ``rest`` is what movement does not explain between them."""
        before, after = readers().map(lambda index: look_closely(self._reel[index], thorough=False), (first, second))
        if before.pose is None or after.pose is None or before.figure is None or after.figure is None:
            return False
        if abs(before.pose.confidence - after.pose.confidence) > _EQUALLY_SURE or (
            before.moment.covered != after.moment.covered
        ):
            return False  # something came before the person, or went away
        energy = np.abs(rest).astype(np.float32)
        if changed_share(rest, ~(before.figure & after.figure)) >= _SOMEBODY_ELSE_MIN:
            return True
        figure = grown(before.figure | after.figure)
        on_figure = float(energy[figure].sum()) >= _JUMP_ENERGY_MIN * float(energy.sum())
        return on_figure and moved_trunks(before.pose.landmarks, after.pose.landmarks, self._aspect) >= _JUMP_MIN


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
    return float(np.median(np.linalg.norm(moved, axis=1))) / max(trunk, 1e-6) if len(moved) else 0.0
