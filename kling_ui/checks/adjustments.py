"""What a person wants of an input though no finding calls for it: a part of its time, a crop, a turn.

An adjustment is made from what is shown, and what comes of it is judged like any input. One that could not be lawful,
because it is too short, too small or too slim, is refused with the reason.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path

from kling_ui.checks.image_repairs import compose_image
from kling_ui.checks.limits import (
    DURATION_MIN_S,
    DURATION_SLACK_S,
    IMAGE_ASPECT_MAX,
    IMAGE_SIDE_MIN_PX,
    VIDEO_SIDE_MIN_PX,
)
from kling_ui.checks.video_repairs import Span, compose_video, standard_fps
from kling_ui.errors import MediaError, SettingsError
from kling_ui.languages import Told
from kling_ui.media.image import ImageFacts
from kling_ui.media.probe import VideoFacts
from kling_ui.media.rectangles import Rect, Size
from kling_ui.media.transform_image import ImageTransform
from kling_ui.media.transform_video import VideoTransform
from kling_ui.options import TransferOptions
from kling_ui.vision.people import Box

TURNS = {"left": 1, "over": 2, "right": 3}  # counter-clockwise quarter turns
_ROUNDING = 1e-4
_FRAME_SLACK_S = 0.05  # a handle at the clip's end may lie a frame behind it


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What to make of one input.

    Attributes:
        span: What to keep of a clip, in seconds of it; ``None`` keeps all.
        crop: What to keep of each picture, in px as displayed before it is turned; ``None`` keeps all.
        turns: Counter-clockwise quarter turns, 0-3, at the end.
    """

    span: Span | None = None
    crop: Rect | None = None
    turns: int = 0

    def __bool__(self) -> bool:
        """Tell whether it changes anything."""
        return self.span is not None or self.crop is not None or self.turns % 4 != 0


def adjustment_of(trim: Span | None, crop: tuple[int, int, int, int] | None, turn: str | None) -> Adjustment:
    """Read an adjustment as Python code and the command line say it.

    Args:
        trim: From when to when, in seconds.
        crop: Left, top, width and height, in px as displayed.
        turn: ``left``, ``right`` or ``over``.

    Raises:
        SettingsError: The turn is none of these.
    """
    if turn is not None and turn not in TURNS:
        raise SettingsError(f"{turn!r} is no turn.", advice=f"Turns are {', '.join(TURNS)}.")
    rect = Rect(crop[0], crop[1], crop[0] + crop[2], crop[1] + crop[3]) if crop else None
    return Adjustment(trim, rect, TURNS[turn] if turn else 0)


def rect_of(box: Box, size: Size) -> Rect:
    """Give a box, left, top, right and bottom as fractions of a picture of ``size``, in whole pixels of it."""
    left, top, right, bottom = (min(1.0, max(0.0, edge)) for edge in box)
    return Rect(round(left * size[0]), round(top * size[1]), round(right * size[0]), round(bottom * size[1]))


def adjusted_image(facts: ImageFacts, adjustment: Adjustment) -> ImageTransform:
    """Say what to make of a picture.

    Raises:
        MediaError: Nothing would change, or the crop is outside of the picture, too small or too slim.
    """
    size, path = (facts.width_px, facts.height_px), facts.path
    if adjustment.span is not None:
        raise MediaError("a picture has no time of which a part could be kept.", path=path, advice="Trim the clip.")
    crop = _lawful(adjustment.crop, size, IMAGE_SIDE_MIN_PX.value, path)
    if crop and max(crop.size) > IMAGE_ASPECT_MAX.value * min(crop.size):
        reason = Told("this crop is slimmer than {limit:g}:1, which Kling does not take.", limit=IMAGE_ASPECT_MAX.value)
        raise MediaError(reason, path=path, advice="Make its shorter side longer.")
    _require_change(replace(adjustment, crop=crop), path)
    made = compose_image([], facts, crop=crop)
    return replace(made, turns=adjustment.turns % 4)


def adjusted_video(facts: VideoFacts, adjustment: Adjustment, choice: TransferOptions) -> VideoTransform:
    """Say what to make of a clip.

    Args:
        facts: What its file says.
        adjustment: What a person wants of it.
        choice: How to transfer the motion.

    Raises:
        MediaError: Nothing would change, the part is outside of the clip or too short, or the crop too small.
    """
    size, path = (facts.width_px, facts.height_px), facts.path
    crop = _lawful(adjustment.crop, size, VIDEO_SIDE_MIN_PX.value, path)
    crop = crop and _even(crop)
    span = _whole_frames(adjustment.span, facts) if adjustment.span else None
    _require_change(replace(adjustment, crop=crop, span=span), path)
    start_s, end_s = span or (0.0, facts.duration_s)
    made = compose_video([], facts, choice, crop=crop)
    return replace(made, start_s=start_s, end_s=end_s, turns=adjustment.turns % 4)


def _lawful(crop: Rect | None, size: Size, side_min_px: float, path: Path) -> Rect | None:
    """Check a crop; one that keeps all is none.

    Raises:
        MediaError: It is outside of the picture or too small.
    """
    if crop is None or crop == Rect.whole(size):
        return None
    if not Rect.whole(size).holds(crop) or min(crop.size) <= 0:
        reason = Told(
            "this crop is not inside of its {width_px} x {height_px} px.", width_px=size[0], height_px=size[1]
        )
        raise MediaError(reason, path=path, advice="Choose a part of what is shown.")
    if min(crop.size) < side_min_px:
        reason = Told(
            "this crop has {width_px} x {height_px} px; each side needs {side_min_px:g} px at least.",
            width_px=crop.size[0],
            height_px=crop.size[1],
            side_min_px=side_min_px,
        )
        raise MediaError(reason, path=path, advice="Make it larger.")
    return crop


def _even(crop: Rect) -> Rect:
    """Leave out an odd column and row at the end: H.264 has none."""
    width, height = (side - side % 2 for side in crop.size)
    return Rect(crop.left_px, crop.top_px, crop.left_px + width, crop.top_px + height)


def _whole_frames(span: Span, facts: VideoFacts) -> Span | None:
    """Give a part of a clip in whole frames of its copy; ``None`` for all of it.

    Raises:
        MediaError: It is outside of the clip or too short.
    """
    (start_s, end_s), fps, least_s = span, float(standard_fps(facts)), DURATION_MIN_S.value
    if (
        not (math.isfinite(start_s) and math.isfinite(end_s))
        or start_s < 0
        or end_s > facts.duration_s + _FRAME_SLACK_S
    ):
        reason = Told(
            "the part from {start_s:.1f} to {end_s:.1f} s is not inside of its {duration_s:.1f} s.",
            start_s=start_s,
            end_s=end_s,
            duration_s=facts.duration_s,
        )
        raise MediaError(reason, path=facts.path, advice="Choose a part that is.")
    if end_s - start_s < least_s - DURATION_SLACK_S:
        reason = Told(
            "{end_s:.1f} s are too short; Kling takes {least_s:g} s at least.",
            end_s=max(0.0, end_s - start_s),
            least_s=least_s,
        )
        raise MediaError(reason, path=facts.path, advice="Keep a longer part.")
    frames = max(round((end_s - start_s) * fps), math.ceil(least_s * fps - _ROUNDING))
    if frames >= math.floor(facts.duration_s * fps + _ROUNDING):
        return None
    start_s = max(0.0, min(start_s, facts.duration_s - frames / fps))
    return start_s, start_s + frames / fps


def _require_change(adjustment: Adjustment, path: Path) -> None:
    if not adjustment:
        raise MediaError("nothing would change.", path=path, advice="Choose a part of it, or a turn.")
