"""Which parts of a body a picture shows: pure functions on landmarks.

Landmark arrays are ``(33, 4)`` or ``(frames, 33, 4)`` as in :class:`kling_ui.vision.person.Pose`; NaN means nobody.
"Left" and "right" are the person's own.
"""

from enum import StrEnum

import numpy as np

from kling_ui.vision.person import Landmark

# BlazePose gives 0.9-1.0 to what it sees and 0.0-0.4 to what it guesses; little lies between.
VISIBLE_MIN = 0.5

_FACE = list(range(Landmark.NOSE, Landmark.MOUTH_RIGHT + 1))
_SHOULDERS = [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER]
_HIPS = [Landmark.LEFT_HIP, Landmark.RIGHT_HIP]
_KNEES = [Landmark.LEFT_KNEE, Landmark.RIGHT_KNEE]
_ANKLES = [Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE]

# A joint this near to the edge, as a share of the picture's side, is cut by it as much as one beyond it.
_EDGE_SHARE = 0.03

# Outer joint -> inner joint and the name of what lies between them and beyond.
_LIMBS = {
    Landmark.LEFT_WRIST: (Landmark.LEFT_ELBOW, "left forearm"),
    Landmark.RIGHT_WRIST: (Landmark.RIGHT_ELBOW, "right forearm"),
    Landmark.LEFT_ANKLE: (Landmark.LEFT_KNEE, "left lower leg"),
    Landmark.RIGHT_ANKLE: (Landmark.RIGHT_KNEE, "right lower leg"),
}
_HANDS = {Landmark.LEFT_WRIST: "left hand", Landmark.RIGHT_WRIST: "right hand"}


class Framing(StrEnum):
    """How much of the body is in view."""

    FULL = "full body"
    UPPER = "upper body"
    PART = "part of a body"
    NOBODY = "nobody"


def in_frame(landmarks: np.ndarray) -> np.ndarray:
    """Tell which landmarks lie inside the picture: bool, ``(..., 33)``."""
    x, y = landmarks[..., 0], landmarks[..., 1]
    return (x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)


def seen(landmarks: np.ndarray) -> np.ndarray:
    """Tell which landmarks lie inside the picture and are not hidden: bool, ``(..., 33)``."""
    return in_frame(landmarks) & (landmarks[..., 3] >= VISIBLE_MIN)


def shows_head(landmarks: np.ndarray) -> np.ndarray:
    """Tell whether most of the head is in view: bool, ``(...)``."""
    return seen(landmarks)[..., _FACE].mean(axis=-1) > 0.5


def shows_shoulders(landmarks: np.ndarray) -> np.ndarray:
    """Tell whether both shoulders are in view: bool, ``(...)``."""
    return seen(landmarks)[..., _SHOULDERS].all(axis=-1)


def shows_upper_body(landmarks: np.ndarray) -> np.ndarray:
    """Tell whether head and both shoulders are in view: bool, ``(...)``."""
    return shows_head(landmarks) & shows_shoulders(landmarks)


def shows_full_body(landmarks: np.ndarray) -> np.ndarray:
    """Tell whether head, shoulders, hips, knees and ankles are in view: bool, ``(...)``.

    Of each leg one may be hidden behind the other or by a caption, as long as it is inside the picture.
    """
    view, inside = seen(landmarks), in_frame(landmarks)
    legs = [view[..., pair].any(axis=-1) & inside[..., pair].all(axis=-1) for pair in (_HIPS, _KNEES, _ANKLES)]
    return shows_upper_body(landmarks) & legs[0] & legs[1] & legs[2]


def framing(landmarks: np.ndarray) -> Framing:
    """Name how much one picture's ``(33, 4)`` landmarks show."""
    if np.isnan(landmarks[0, 0]):
        return Framing.NOBODY
    if shows_full_body(landmarks):
        return Framing.FULL
    return Framing.UPPER if shows_upper_body(landmarks) else Framing.PART


def usual_framing(landmarks: np.ndarray) -> Framing:
    """Name what most frames of a ``(frames, 33, 4)`` track show."""
    names = [framing(frame) for frame in landmarks]
    return max(Framing, key=names.count) if names else Framing.NOBODY


def cut_limbs(landmarks: np.ndarray) -> tuple[str, ...]:
    """Name the limbs of one picture that its edge cuts: the inner joint is well in view, the outer one outside."""
    places, inside = landmarks[..., :2], in_frame(landmarks)
    view = seen(landmarks) & ((places > _EDGE_SHARE) & (places < 1 - _EDGE_SHARE)).all(axis=-1)
    return tuple(name for outer, (inner, name) in _LIMBS.items() if view[inner] and not inside[outer])


def hands_outside(landmarks: np.ndarray) -> tuple[str, ...]:
    """Name the hands of one picture that lie outside it."""
    inside = in_frame(landmarks)
    return tuple(name for wrist, name in _HANDS.items() if not inside[wrist])


def spans_without(times_s: np.ndarray, shown: np.ndarray) -> list[tuple[float, float]]:
    """List the spans in which something is not shown.

    Args:
        times_s: ``(frames + 1,)`` times of the frames, in seconds, and the end of the clip.
        shown: ``(frames,)`` bool; a frame stands for the time up to the next one.

    Returns:
        ``(start_s, end_s)`` of each span, rising.
    """
    hidden = np.concatenate(([False], ~np.asarray(shown, bool), [False]))
    edges = np.flatnonzero(hidden[1:] != hidden[:-1])
    return [(float(times_s[start]), float(times_s[end])) for start, end in edges.reshape(-1, 2)]
