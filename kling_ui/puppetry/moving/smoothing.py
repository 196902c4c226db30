"""Making raw tracks fit to drive a puppet: gaps bridged and jitter removed without lag.

Every value depends only on frames within :data:`REACH_S`, so a clip can be cleaned while it is still being read.
"""

import numpy as np

SLOW_SIGMA_S = 0.08  # how long a resting joint is averaged
FAST_SIGMA_S = 0.02  # and a fast one
FAST_M_PER_S = 1.2  # speed at which a joint counts as fast; a brisk gesture moves a wrist at 1-3 m/s
REACH_S = 0.6  # look-ahead of everything here


def bridge(values: np.ndarray, found: np.ndarray, fps: float, start: int = 0) -> np.ndarray:
    """Fill the frames in which nobody was found.

    Short gaps are crossed in a straight line. In long ones the last pose is held until :data:`REACH_S` before the next.

    Args:
        values: ``(frames, ...)`` of which rows not ``found`` are ignored.
        found: ``(frames,)`` bool, at least one of them true.
        fps: Frames per second.
        start: The first frame wanted.

    Returns:
        ``(frames - start, ...)``.
    """
    index = np.arange(start, len(found))
    known = np.flatnonzero(found)
    after = np.searchsorted(known, index)
    right = known[np.minimum(after, len(known) - 1)]
    left = np.where(found[start:], index, known[np.maximum(after - 1, 0)])
    span = np.minimum(np.maximum(right - left, 1), max(1.0, REACH_S * fps))
    share = np.where(right > left, np.clip(1 - (right - index) / span, 0, 1), 0.0)
    share = share.reshape(-1, *[1] * (values.ndim - 1))
    return values[left] * (1 - share) + values[right] * share


def steady(values: np.ndarray, fps: float, speed_m_s: np.ndarray | None = None) -> np.ndarray:
    """Smooth without lag: much where a joint rests, little where it moves fast.

    Args:
        values: ``(frames, ...)``.
        fps: Frames per second.
        speed_m_s: ``(frames, ...)`` speeds that broadcast against ``values``; ``None`` smooths as if all were slow.
    """
    slow = blur(values, SLOW_SIGMA_S * fps)
    if speed_m_s is None:
        return slow
    fast = blur(values, FAST_SIGMA_S * fps)
    share = np.clip(speed_m_s / FAST_M_PER_S, 0, 1)
    return slow + share * (fast - slow)


def blur(values: np.ndarray, sigma_frames: float) -> np.ndarray:
    """Gaussian average over time, with both ends continued point-symmetrically so that a trend is kept."""
    reach = min(int(np.ceil(3 * sigma_frames)), len(values) - 1)
    if reach < 1:
        return values.copy()
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_frames) ** 2)
    kernel /= kernel.sum()
    before = 2 * values[:1] - values[reach:0:-1]
    after = 2 * values[-1:] - values[-2 : -reach - 2 : -1]
    padded = np.concatenate([before, values, after])
    total = np.zeros(values.shape)
    for place, weight in enumerate(kernel):
        total += weight * padded[place : place + len(values)]
    return total


def speeds(points: np.ndarray, fps: float) -> np.ndarray:
    """``(frames, n, 1)`` speeds of ``(frames, n, d)`` points, per second, lightly averaged."""
    if len(points) < 2:
        return np.zeros((*points.shape[:2], 1))
    rate = np.linalg.norm(np.gradient(blur(points, FAST_SIGMA_S * fps), axis=0), axis=-1, keepdims=True) * fps
    return blur(rate, 2 * FAST_SIGMA_S * fps)


def latch(values: np.ndarray, *, on: float, off: float, state: bool) -> np.ndarray:
    """``(frames,)`` bool that goes on above ``on`` and off below ``off``, so that it does not flicker between."""
    out = np.zeros(len(values), bool)
    for index, value in enumerate(values):
        state = value > (off if state else on)
        out[index] = state
    return out
