"""What lies in front of what, steadily: a change needs a clear reason, so nothing flickers."""

import numpy as np

from kling_ui.puppetry.moving.angles import middle
from kling_ui.puppetry.moving.reference import Performance
from kling_ui.puppetry.moving.smoothing import latch
from kling_ui.puppetry.skeleton import SHOULDERS, Joint

BEHIND_M, NOT_BEHIND_M = 0.16, 0.08  # behind the shoulders, for an arm to go and to stay behind the body
NEARER_M = 0.05  # for one side to lie over the other


class DepthOrder:
    """Remembers from stretch to stretch what lies in front."""

    def __init__(self) -> None:
        self._left_behind = self._right_behind = self._right_arm_over = self._right_leg_over = False

    def follow(self, p: Performance) -> tuple[np.ndarray, np.ndarray]:
        """Take the next frames.

        Returns:
            ``(frames, 2)`` bool: the left, the right arm is behind the body. ``(frames, 2)`` bool: the right arm lies
            over the left one, the right leg over the left one.
        """
        z = p.world_m[..., 2]
        chest = middle(z, SHOULDERS)
        left = np.minimum(z[:, Joint.LEFT_ELBOW], z[:, Joint.LEFT_WRIST]) - chest
        right = np.minimum(z[:, Joint.RIGHT_ELBOW], z[:, Joint.RIGHT_WRIST]) - chest
        arms = z[:, Joint.LEFT_WRIST] - z[:, Joint.RIGHT_WRIST]
        legs = z[:, Joint.LEFT_KNEE] - z[:, Joint.RIGHT_KNEE]
        left_behind = latch(left, on=BEHIND_M, off=NOT_BEHIND_M, state=self._left_behind)
        right_behind = latch(right, on=BEHIND_M, off=NOT_BEHIND_M, state=self._right_behind)
        arm_over = latch(arms, on=NEARER_M, off=-NEARER_M, state=self._right_arm_over)
        leg_over = latch(legs, on=NEARER_M, off=-NEARER_M, state=self._right_leg_over)
        self._left_behind, self._right_behind = bool(left_behind[-1]), bool(right_behind[-1])
        self._right_arm_over, self._right_leg_over = bool(arm_over[-1]), bool(leg_over[-1])
        return np.stack([left_behind, right_behind], axis=1), np.stack([arm_over, leg_over], axis=1)
