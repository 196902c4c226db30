"""Bringing the colours of one video to those of another that shows the same: mean and spread in CIE Lab.

After Reinhard et al., Color Transfer between Images (2001), with Lab in place of their own space.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

GAIN_MAX = 1.25  # by which the spread is stretched or pressed at most: more would bring out noise
SHIFT_MAX = 25.0  # units of Lab: farther apart, the two do not show the same
PLAIN_SHIFT, PLAIN_GAIN = 0.3, 0.01  # nobody sees less
_SPREAD_MIN = 1.0


@dataclass(frozen=True, slots=True)
class LabColours:
    """The colours of some pictures in CIE Lab (D65): L 0-100, a and b around 0.

    Attributes:
        mean: Of L, a and b.
        spread: Their standard deviations.
    """

    mean: tuple[float, ...]
    spread: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ColourMatch:
    """A change of colours: each of L, a and b is multiplied and shifted.

    Attributes:
        gain: Factors.
        shift: What is added afterwards, in units of Lab.
    """

    gain: tuple[float, ...] = (1.0, 1.0, 1.0)
    shift: tuple[float, ...] = (0.0, 0.0, 0.0)

    def applied_to(self, rgb: np.ndarray) -> np.ndarray:
        """Change ``(height, width, 3)`` uint8; a plain match gives back the same array."""
        return (
            rgb
            if self == PLAIN
            else from_lab(to_lab(rgb) * np.array(self.gain, np.float32) + np.array(self.shift, np.float32))
        )


PLAIN = ColourMatch()


def to_lab(rgb: np.ndarray) -> np.ndarray:
    """Convert ``(height, width, 3)`` uint8 of sRGB to float32 of Lab."""
    return cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)


def from_lab(lab: np.ndarray) -> np.ndarray:
    """Convert back to uint8."""
    return (cv2.cvtColor(lab, cv2.COLOR_Lab2RGB) * 255).round().clip(0, 255).astype(np.uint8)


def lab_colours(pictures: Iterable[np.ndarray]) -> LabColours:
    """Measure the colours of one or more ``(height, width, 3)`` uint8."""
    values = np.concatenate([to_lab(rgb).reshape(-1, 3) for rgb in pictures])
    return LabColours(tuple(values.mean(axis=0).tolist()), tuple(values.std(axis=0).tolist()))


def match_colours(given: LabColours, wanted: LabColours) -> ColourMatch:
    """Find what brings given colours to the wanted ones; :data:`PLAIN` where nobody would see it, or nothing fits."""
    mean, other_mean = np.array(given.mean), np.array(wanted.mean)
    if np.abs(mean - other_mean).max() > SHIFT_MAX:
        return PLAIN
    spread, other_spread = (np.maximum(_SPREAD_MIN, colours.spread) for colours in (given, wanted))
    gain = (other_spread / spread).clip(1 / GAIN_MAX, GAIN_MAX)
    if np.abs(mean - other_mean).max() < PLAIN_SHIFT and np.abs(gain - 1).max() < PLAIN_GAIN:
        return PLAIN
    shift = other_mean - gain * mean
    return ColourMatch(tuple(gain.tolist()), tuple(shift.tolist()))
