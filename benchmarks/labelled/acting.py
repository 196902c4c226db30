"""What the figure does in the labelled set besides dancing and talking: single poses, and a walk."""

import numpy as np
from figure import Actor, Look, Pose, pair

STRIDE_S = 1.1  # two steps


def hands_behind() -> Pose:
    """Both hands behind the back."""
    return Pose(hands=pair(-0.06, -0.80, -0.30), elbows=pair(1.0, 0.0, -0.6))


def hands_folded() -> Pose:
    """Hands in front of the belly, in view."""
    return Pose(hands=pair(-0.12, -0.62, 0.42), elbows=pair(1.0, -0.3, -0.3), twists=pair(0.2, 0.2))


def arms_down() -> Pose:
    """Arms close to the body."""
    return Pose(hands=pair(0.18, -0.95, 0.06))


def arms_up() -> Pose:
    """Both arms high above the head."""
    return Pose(hands=pair(0.30, 0.88, 0.10), elbows=pair(1.0, 0.1, -0.2), twists=pair(0.2, -0.1))


def arms_out() -> Pose:
    """Both arms stretched out to the sides."""
    return Pose(hands=pair(0.99, 0.02, 0.05), elbows=pair(0.2, -1.0, -0.4), twists=pair(0.6, 0.0))


def squatting() -> Pose:
    """Knees bent deep, hands on the thighs."""
    return Pose(
        hips=np.array([0.0, 0.17, 0.06]),
        hips_turn=np.array([0.25, 0.0, 0.0]),
        hands=pair(0.42, -0.62, 0.46),
        feet=pair(0.13, 0.045, 0.0),
        toes=pair(0.5, 0.0),
    )


def handstand() -> Pose:
    """Arms along the head, for a figure that is turned over."""
    return Pose(hands=pair(0.18, 0.98, 0.05), elbows=pair(1.0, 0.1, -0.2), feet=pair(0.08, 0.045, 0.0))


def walking(t_s: float, speed_m_s: float) -> Pose:
    """A walk on the spot whose steps fit a speed."""
    phase = 2 * np.pi * t_s / STRIDE_S + np.array([0.0, np.pi])
    reach = speed_m_s * STRIDE_S / 4 / 1.7
    lifted = np.maximum(0.0, -np.sin(phase))
    feet = np.stack([np.full(2, 0.05), 0.045 + 0.05 * lifted, reach * np.cos(phase)], -1)
    swing = 0.34 * np.cos(phase[::-1])
    hands = np.stack([np.full(2, 0.22), np.full(2, -0.90), 0.12 + swing], -1)
    return Pose(
        hips=np.array([0.0, 0.012 + 0.012 * abs(np.cos(phase[0])), 0.0]),
        hands=hands,
        feet=feet,
        toes=np.stack([np.full(2, 0.1), 0.25 * lifted], -1),
    )


def walker(look: Look, t_s: float, *, from_m: float, speed_m_s: float, z_m: float = 0.0) -> Actor:
    """Somebody who walks through the picture, to the right when the speed is positive, seen from the side."""
    pose, turn_deg = walking(t_s, abs(speed_m_s)), -90.0 if speed_m_s > 0 else 90.0
    return Actor(look, pose, x_m=from_m + speed_m_s * t_s, z_m=z_m, turn_deg=turn_deg)
