"""How a body is held: upright or not, turned towards the camera or away. Pure functions on landmarks.

Landmark arrays are ``(..., 33, 4)`` and ``(..., 33, 3)`` as in :class:`kling_ui.vision.person.Pose`; NaN gives NaN.
"""

import numpy as np

from kling_ui.vision.body import in_frame
from kling_ui.vision.person import Landmark

_SHOULDERS = [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER]
_HIPS = [Landmark.LEFT_HIP, Landmark.RIGHT_HIP]
_FACE = list(range(Landmark.NOSE, Landmark.MOUTH_RIGHT + 1))
# A trunk is about 1.3 times as long as the shoulders are wide; the longer of both stays steady when one is turned away.
_TRUNK_PER_SHOULDERS = 1.3


def tilt_deg(landmarks: np.ndarray, aspect: float) -> np.ndarray:
    """Measure the turn in the picture plane: 0 is upright, 90 lies, 180 stands on its head; ``(...)``, 0-180.

    Args:
        landmarks: ``(..., 33, 4)``.
        aspect: Width divided by height of the picture.
    """
    places = landmarks[..., :2] * (aspect, 1.0)
    shoulders, hips = places[..., _SHOULDERS, :].mean(axis=-2), places[..., _HIPS, :].mean(axis=-2)
    face = places[..., _FACE, :].mean(axis=-2)
    has_hips = in_frame(landmarks)[..., _HIPS].all(axis=-1)[..., None]
    up = np.where(has_hips, shoulders - hips, face - shoulders)
    return np.degrees(np.abs(np.arctan2(up[..., 0], -up[..., 1])))


def turn_deg(world_m: np.ndarray) -> np.ndarray:
    """Measure the turn about the upright axis: 0 faces the camera, 180 shows the back; ``(...)``, -180 to 180.

    It means little for a body that is not upright.
    """
    across = world_m[..., Landmark.LEFT_SHOULDER, :] - world_m[..., Landmark.RIGHT_SHOULDER, :]
    return np.degrees(np.arctan2(across[..., 2], across[..., 0]))


def trunk_length(landmarks: np.ndarray, aspect: float) -> np.ndarray:
    """Measure the trunk, shoulders to hips, in picture heights: the ruler for movement; ``(...)``.

    Args:
        landmarks: ``(..., 33, 4)``.
        aspect: Width divided by height of the picture.
    """
    places = landmarks[..., :2] * (aspect, 1.0)
    shoulders, hips = places[..., _SHOULDERS, :], places[..., _HIPS, :]
    along = np.linalg.norm(shoulders.mean(axis=-2) - hips.mean(axis=-2), axis=-1)
    across = np.linalg.norm(shoulders[..., 0, :] - shoulders[..., 1, :], axis=-1)
    return np.maximum(along, _TRUNK_PER_SHOULDERS * across)
