"""Whether there is too little light on somebody, or too much, to be made out."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from kling_ui.checks.limits import (
    BLANK_SHARE_MIN,
    DARK_MAX,
    DEEP_AIM,
    DIM_MAX,
    PALE_MIN,
    VEIL_MAX,
    WASHED_OUT_MIN,
    WELL_FOUND_MIN,
)
from kling_ui.vision.analysis import VideoAnalysis


class Lit(Protocol):
    """What was measured of the light on somebody, see :class:`kling_ui.vision.lighting.Lighting`."""

    @property
    def brightness(self) -> float: ...  # noqa: D102
    @property
    def shade(self) -> float: ...  # noqa: D102
    @property
    def glare(self) -> float: ...  # noqa: D102
    @property
    def is_veiled(self) -> bool: ...  # noqa: D102


def is_lit(light: Lit) -> bool:
    """Tell whether what seems to be hidden in this light may be believed to be hidden."""
    return light.brightness >= DIM_MAX and not _is_pale(light)


def is_dark(light: Lit, confidence: float, hidden: Sequence[str]) -> bool:
    """Tell whether somebody is too dark to be made out; in a dim light only if the detector has its doubts.

    Args:
        light: Of the figure.
        confidence: How sure the detector is of the figure, 0-1.
        hidden: Parts that seem to be hidden.
    """
    return light.brightness < DARK_MAX or (light.brightness < DIM_MAX and _is_doubtful(confidence, hidden))


def is_bright(light: Lit, confidence: float, hidden: Sequence[str]) -> bool:
    """Tell whether somebody is too bright to be made out: washed out for certain, or pale and the detector has doubts.

    A pale wall with nobody in front is not too bright: somebody must appear once its levels are spread, or most of the
    picture be burnt out, where nobody could.

    Args:
        light: Of the figure.
        confidence: How sure the detector is of the figure, 0-1; 0 where nobody was found.
        hidden: Parts that seem to be hidden.
    """
    if confidence <= 0:
        return light.shade >= PALE_MIN and (light.is_veiled or light.glare >= BLANK_SHARE_MIN)
    return light.shade >= WASHED_OUT_MIN or (_is_pale(light) and _is_doubtful(confidence, hidden))


def dark_moments(analysis: VideoAnalysis) -> np.ndarray:
    """Tell at which moments the person, or the frame without one, is too dark: ``(moments,)`` bool."""
    moments = analysis.notes.moments
    return np.array([is_dark(moment, moment.confidence, moment.covered + moment.hidden) for moment in moments], bool)


def bright_moments(analysis: VideoAnalysis) -> np.ndarray:
    """Tell at which moments the person, or the frame without one, is too bright: ``(moments,)`` bool."""
    moments = analysis.notes.moments
    return np.array([is_bright(moment, moment.confidence, moment.covered + moment.hidden) for moment in moments], bool)


def veil_over(shade: float, glare: float) -> float:
    """The level, 0-1, that is to become black so that dark parts are dark again; 0 where nothing is to be gained.

    Args:
        shade: Level of the dark parts, 0-1.
        glare: Share of the face that is burnt out, 0-1; what is lost there no repair brings back.
    """
    if shade < PALE_MIN or glare >= BLANK_SHARE_MIN:
        return 0.0
    return min(VEIL_MAX, (shade - DEEP_AIM) / (1 - DEEP_AIM))


def _is_pale(light: Lit) -> bool:
    return light.shade >= PALE_MIN or light.glare >= BLANK_SHARE_MIN


def _is_doubtful(confidence: float, hidden: Sequence[str]) -> bool:
    return confidence < WELL_FOUND_MIN or bool(hidden)
