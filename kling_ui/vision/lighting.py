"""How light a figure is: whether light and dark, and the face, can be told apart in it."""

from typing import NamedTuple

import cv2
import numpy as np

from kling_ui.vision.pose import FACE, MASK_THRESHOLD, Pose

_LIGHT_DIGITS = 3  # decimals kept
_BRIGHT_PERCENTILE = 95  # of a figure's brightness: face and hands, whatever the clothes are
_DARK_PERCENTILE = 5  # of a figure's brightness: hair, eyes, folds and shoes, whatever the clothes are
# Of a whole picture, of which a figure that was not found may be a small part. Where nothing in it is darker than this,
# what was taken for a figure is none the darker: in a picture that is burnt out the hair alone may pass for somebody.
_DARK_PERCENTILE_ALL = 0.5
_BURNT_OUT_MIN = 0.98  # of white: what lies above it shows no more differences
_FACE_PX_MIN = 12  # area below which a face is too small to judge
# Pictures whose lightest parts, but for a few lamps, do not reach this level are brightened, as noise allows.
_LIGHT_PERCENTILE, _LIT_LEVEL, _GAIN_MAX = 99, 160.0, 6.0


class Lighting(NamedTuple):
    """The light on a figure, or in a whole picture where nobody was found.

    Attributes:
        brightness: Of its light parts, 0-1 of white. Lit figures measure 0.4-1.0, well visible ones in a dim room 0.13.
        shade: Of its dark parts, 0-1 of white. Well exposed figures measure 0.02-0.3, pale ones in white up to 0.55.
        glare: Share of the face that is burnt out, 0-1. Well exposed faces measure 0-0.01; 0 where there is no face.
    """

    brightness: float
    shade: float
    glare: float


def lighting(rgb: np.ndarray, figure: Pose | None = None) -> Lighting:
    """Measure the light on a figure.

    Args:
        rgb: ``(height, width, 3)`` uint8; a long side of about 220 px is enough.
        figure: Whose, with a mask; ``None`` measures the whole picture.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    on, face = np.ones(grey.shape, bool), np.empty(0)
    shade = np.percentile(grey, _DARK_PERCENTILE_ALL)
    if figure is not None and figure.mask is not None:
        size = grey.shape[1], grey.shape[0]
        on = cv2.resize(figure.mask, size, interpolation=cv2.INTER_AREA) > MASK_THRESHOLD
        if not on.any():
            return Lighting(1.0, 0.0, 0.0)
        face = grey[_face(figure.landmarks, grey.shape)]
        shade = max(shade, np.percentile(grey[on], _DARK_PERCENTILE))
    light = np.percentile(grey[on], _BRIGHT_PERCENTILE)
    glare = float((face >= _BURNT_OUT_MIN * 255).mean()) if len(face) >= _FACE_PX_MIN else 0.0
    return Lighting(*(round(float(value), _LIGHT_DIGITS) for value in (light / 255, shade / 255, glare)))


def _face(landmarks: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """``(height, width)`` bool: what lies between eyes, ears and mouth."""
    height, width = shape[:2]
    places = (landmarks[FACE, :2].clip(-1, 2) * (width, height)).astype(np.int32)
    face = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(places), (1,))
    return face > 0


def exposed(rgb: np.ndarray) -> np.ndarray:
    """Brighten a dark picture as a longer exposure would, so that its colours differ as much as those of a lit one.

    Args:
        rgb: ``(height, width, 3)`` uint8.
    """
    brightest = cv2.reduce(rgb.reshape(-1, 3), 1, cv2.REDUCE_MAX)
    light = float(np.percentile(brightest, _LIGHT_PERCENTILE))
    return cv2.convertScaleAbs(rgb, alpha=min(_GAIN_MAX, _LIT_LEVEL / max(1.0, light))) if light < _LIT_LEVEL else rgb
