"""Where each place of a small grey picture went in another one, and what that does not explain."""

from dataclasses import dataclass

import cv2
import numpy as np

LONG_SIDE_PX = 160
GAIN_MAX = 3.0  # a lamp or a camera's own exposure changes the light by less; unrelated pictures fit by hardly any gain


@dataclass(frozen=True, slots=True)
class Flow:
    """Dense movement between two frames of the same size.

    Attributes:
        moved_px: ``(height, width, 2)`` float32: right and down.
        rest: ``(height, width)`` int16, the difference in grey levels that remains when the movement is undone, a
            change of the overall brightness left out.
    """

    moved_px: np.ndarray
    rest: np.ndarray

    @property
    def unexplained(self) -> float:
        """Mean of what remains: small within a shot however wildly somebody dances, large across a cut."""
        return cv2.norm(self.rest, cv2.NORM_L1) / self.rest.size


def in_the_light_of(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Give ``before`` the brightness and contrast of ``after``, if the two are related like a scene in another light.

    Args:
        before: ``(height, width)`` uint8.
        after: Likewise, of the same size.
    """
    gain, offset = np.polyfit(before.ravel(), after.ravel(), 1) if before.std() > 1 else (1.0, 0.0)
    if not 1 / GAIN_MAX <= gain <= GAIN_MAX:
        return before
    return (before * gain + offset).clip(0, 255).astype(np.uint8)


class FlowMeter:
    """Measures flow between frames of one size; it keeps buffers, so it belongs to one thread."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._places: np.ndarray | None = None

    def between(self, before: np.ndarray, after: np.ndarray) -> Flow:
        """Compare two ``(height, width)`` uint8 pictures."""
        moved = self._flow.calc(before, after, np.zeros((*before.shape, 2), np.float32))
        if self._places is None or self._places.shape != moved.shape:
            rows, columns = np.indices(before.shape, np.float32)
            self._places = np.stack([columns, rows], axis=-1)
        places, nothing = cv2.add(self._places, moved), np.empty(0)
        undone = cv2.remap(after, places, nothing, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        rest = cv2.subtract(undone, before, dtype=cv2.CV_16S)
        return Flow(moved, rest - _median(rest))


def _median(rest: np.ndarray) -> np.int16:
    """The middle one of differences of grey levels: counting them is quicker than sorting."""
    counts = np.bincount((rest.ravel() + np.int16(255)).view(np.uint16), minlength=511)
    return np.int16(np.searchsorted(counts.cumsum(), rest.size // 2, side="right") - 255)
