"""Cameras, lamps and props for the labelled clips."""

from collections.abc import Callable

import numpy as np

from benchmarks.labelled.props import Change
from benchmarks.labelled.reel import Reel, Window
from benchmarks.labelled.takes import WALK_M_S

WALK_PX_S = WALK_M_S * 540 / 2.4  # the walker's way in the picture
SIZE = (404, 720)  # of a portrait cut out of a square take


def plain(reel: Reel) -> Reel:
    """A clip of 3.5 s in portrait format."""
    return reel.part(0, 3.5).portrait()


def pans(start: float, end: float, duration_s: float, begin_s: float = 0.0) -> Callable[[float], Window]:
    """The camera turns sideways at an even speed, from one share of the width to another."""

    def window(time_s: float) -> Window:
        return start + (end - start) * min(max(time_s - begin_s, 0) / duration_s, 1), 0.5, 1.0, 0.0

    return window


def sways(reach: float, roll_deg: float) -> Callable[[float], Window]:
    """A camera held by hand: several slow and quick wobbles, ``reach`` in shares of the picture."""

    def window(time_s: float) -> Window:
        across = np.sin(4.1 * time_s) + 0.5 * np.sin(11.3 * time_s + 1)
        down = np.sin(5.3 * time_s + 2) + 0.5 * np.sin(13.7 * time_s)
        return 0.5 + reach * across, 0.5 + reach * down, 1 + 4 * reach, roll_deg * float(np.sin(6.1 * time_s))

    return window


def behind(reel: Reel, change: Change) -> Reel:
    """Put something between the camera and the figure, in every frame."""
    return reel.each(lambda frame, _: change(frame))


def ramp(begin_s: float, end_s: float) -> Callable[[float], float]:
    """Light that rises from 0 to 1, or falls when the times do."""
    return lambda time_s: float(np.clip((time_s - begin_s) / (end_s - begin_s), 0, 1))
