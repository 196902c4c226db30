"""A clip's frames at an even rate, from any moment on: repeated where the clip pauses, left out where it hurries."""

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from kling_ui.media.video import decoded_frames

STANDARD_FPS = (
    Fraction(12),
    Fraction(15),
    Fraction(24_000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30_000, 1001),
    Fraction(30),
    Fraction(48),
    Fraction(50),
    Fraction(60_000, 1001),
    Fraction(60),
)
FPS_MIN, FPS_MAX = STANDARD_FPS[0], STANDARD_FPS[-1]
_SAME_RATE = 0.0004  # how far off a standard rate, as a share, still means that rate
_NEAR_RATE = 0.02  # likewise for an uneven clip, which has no rate of its own
_TIE_TICKS = 1e-3  # a frame half way between two ticks belongs to the later one


def steady_fps(fps: float, *, is_even: bool) -> Fraction:
    """Choose the constant rate for a clip.

    Args:
        fps: Its measured rate, frames a second.
        is_even: Its frames are evenly spaced already: then its own rate stays, else the next standard one is taken.

    Returns:
        12-60 frames a second.
    """
    nearest = min(STANDARD_FPS, key=lambda rate: abs(float(rate) - fps))
    if abs(float(nearest) - fps) <= (_SAME_RATE if is_even else _NEAR_RATE) * fps:
        return nearest
    if is_even:
        return max(FPS_MIN, min(FPS_MAX, Fraction(fps).limit_denominator(1001)))
    return next((rate for rate in STANDARD_FPS if rate > fps), FPS_MAX)


def steady_frames(
    opened: InputContainer, stream: VideoStream, *, start_s: float, fps: Fraction, count: int
) -> Iterator[tuple[av.VideoFrame, int]]:
    """Yield frames as coded, each with the number of ticks, at least 1, for which it is shown.

    Args:
        opened: The clip, as :func:`kling_ui.media.video.open_clip` gives it.
        stream: Its picture.
        start_s: Time of the first tick; frame-exact.
        fps: Ticks a second.
        count: Ticks in all.

    Raises:
        FFmpegError: Nothing can be decoded.
    """
    shown, shown_from = None, 0
    for time_s, frame in _frames_from(opened, stream, start_s):
        tick = min(count, max(shown_from, math.ceil((time_s - start_s) * fps - 0.5 + _TIE_TICKS)))
        if shown is not None and tick > shown_from:
            yield shown, tick - shown_from
        shown, shown_from = frame, tick if shown is not None else 0  # the first frame stands for what came before it
        if tick >= count:
            return
    if shown is not None and shown_from < count:
        yield shown, count - shown_from


def _frames_from(opened: InputContainer, stream: VideoStream, start_s: float) -> Iterator[tuple[float, av.VideoFrame]]:
    """Decode from the last keyframe before ``start_s``, or from the beginning where the file cannot jump there."""
    zero = stream.start_time or 0
    if start_s <= 0 or not stream.time_base:
        return decoded_frames(opened, stream)
    opened.seek(round(start_s / stream.time_base) + zero, stream=stream)
    frames = decoded_frames(opened, stream)
    first = next(frames, None)
    if first is not None and first[0] <= start_s and first[1].pts is not None:
        return chain([first], frames)
    opened.seek(zero, stream=stream)
    return decoded_frames(opened, stream)
