"""Small geometry of angles and vectors over frames."""

import numpy as np

from kling_ui.puppetry.skeleton import Joint


def middle(values: np.ndarray, pair: tuple[Joint, Joint]) -> np.ndarray:
    """``(frames, n)``: the mean of a left and a right joint of ``(frames, 18, n)``."""
    return (values[:, pair[0]] + values[:, pair[1]]) / 2


def flatness(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How much of a bone's length shows in the picture: 1 across the view, 0 along it."""
    bone = b - a
    return np.linalg.norm(bone[:, :2], axis=1) / np.maximum(np.linalg.norm(bone, axis=1), 1e-6)


def ramp(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 up to ``low``, 1 from ``high`` on, smooth between."""
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def within(way: np.ndarray, back: float, forth: float) -> np.ndarray:
    """Bend a way so that it never goes farther than the room there is; the first half of it is left as it is."""
    room = np.where(way < 0, back, forth)
    share = np.abs(way) / room
    bent = np.where(share <= 0.5, share, 0.5 + 0.5 * np.tanh(2 * share - 1))
    return np.sign(way) * room * bent


def heading(vectors: np.ndarray) -> np.ndarray:
    """Angles of ``(..., 2)`` vectors, radians, clockwise as seen because y points down."""
    return np.arctan2(vectors[..., 1], vectors[..., 0])


def polar(angle: np.ndarray, length: np.ndarray) -> np.ndarray:
    """``(..., 2)`` vectors of these angles and lengths."""
    return np.stack([np.cos(angle) * length, np.sin(angle) * length], axis=-1)


def wrapped(angle: np.ndarray) -> np.ndarray:
    """The same angles between -pi and pi."""
    return (angle + np.pi) % (2 * np.pi) - np.pi
