"""Feet that stay where they stand: a foot that rests in the reference keeps its place in the picture."""

import numpy as np

from kling_ui.puppetry.moving.reference import Performance
from kling_ui.puppetry.moving.smoothing import latch
from kling_ui.puppetry.skeleton import ANKLES, Joint

RESTS_M_PER_S, MOVES_M_PER_S = 0.22, 0.4  # below and above which a foot begins to rest and to move
MOST_PULL_M = 0.1  # how far a foot is held back at most
SLIP_S = 1.5  # in which a held foot gives way to where it should be, so that nothing is pulled for ever
LET_GO_S = 0.12  # in which a foot that moves again catches up
LEGS = (
    (Joint.LEFT_HIP, Joint.LEFT_KNEE, Joint.LEFT_ANKLE, Joint.LEFT_TOE),
    (Joint.RIGHT_HIP, Joint.RIGHT_KNEE, Joint.RIGHT_ANKLE, Joint.RIGHT_TOE),
)


class Footing:
    """Holds resting feet; remembers from stretch to stretch where they stand.

    Args:
        fps: Frames per second.
        px_per_m: Scale of the figure.
    """

    def __init__(self, fps: float, px_per_m: float) -> None:
        self._most_px = MOST_PULL_M * px_per_m
        self._slip, self._let_go = np.exp(-1 / (SLIP_S * fps)), np.exp(-1 / (LET_GO_S * fps))
        self._rests = [False, False]
        self._before: list[np.ndarray | None] = [None, None]  # where each foot was shown last
        self._pulls = np.zeros((2, 2))

    def hold(self, joints: np.ndarray, p: Performance, seen: np.ndarray) -> None:
        """Correct the next frames in place.

        Args:
            joints: ``(frames, 18, 2)`` px.
            p: The reference in these frames.
            seen: ``(frames, 2)`` 0-1: how well the left and the right foot are seen there.
        """
        for side, leg in enumerate(LEGS):
            moves = latch(p.pace_m_s[:, side], on=MOVES_M_PER_S, off=RESTS_M_PER_S, state=not self._rests[side])
            self._rests[side] = not bool(moves[-1])
            pulls = self._follow(side, joints[:, ANKLES[side]], ~moves) * seen[:, side, None]
            _pull(joints, leg, pulls)

    def _follow(self, side: int, ankle: np.ndarray, rests: np.ndarray) -> np.ndarray:
        """``(frames, 2)``: how far a foot is to be pulled away from where it would be, px."""
        pulls = np.zeros(ankle.shape)
        pull, before = self._pulls[side], self._before[side]
        for index, (place, stays) in enumerate(zip(ankle, rests, strict=True)):
            if stays and before is not None:
                pull = (before - place) * self._slip
                pull *= min(1.0, self._most_px / max(float(np.hypot(*pull)), 1e-6))
            else:
                pull = pull * self._let_go
            before = place + pull
            pulls[index] = pull
        self._pulls[side], self._before[side] = pull, before
        return pulls


def _pull(joints: np.ndarray, leg: tuple[Joint, ...], pulls: np.ndarray) -> None:
    """Move a foot, and its knee by the knee's share of the leg."""
    hip, knee, ankle, toe = leg
    thigh = np.linalg.norm(joints[:, knee] - joints[:, hip], axis=1)
    shin = np.linalg.norm(joints[:, ankle] - joints[:, knee], axis=1)
    share = thigh / np.maximum(thigh + shin, 1e-6)
    joints[:, knee] += share[:, None] * pulls
    joints[:, ankle] += pulls
    joints[:, toe] += pulls
