"""Repairs of the reference video: which ones its findings call for, and what they come to together."""

import math
from collections.abc import Collection, Iterator
from fractions import Fraction

import numpy as np

from kling_ui.checks.cropping import gain_to_light, legal_scale, scaled
from kling_ui.checks.light import veil_over
from kling_ui.checks.limits import (
    DURATION_MAX_S,
    DURATION_MIN_S,
    DURATION_SLACK_S,
    VIDEO_SIDE_MIN_PX,
    VIDEO_SIZE_MAX_BYTES,
)
from kling_ui.checks.repair_kinds import Repair, RepairCode, RepairKind
from kling_ui.media.movie_boxes import DOLBY_VISION
from kling_ui.media.probe import VideoFacts, constant_fps
from kling_ui.media.rectangles import Margins, Rect, Size
from kling_ui.media.signatures import MB
from kling_ui.media.transform_video import VideoTransform
from kling_ui.options import Orientation, TransferOptions
from kling_ui.vision.analysis import VideoAnalysis

# What a clip cut to its usable span does not show any more.
SPAN_RULES = frozenset(
    {
        "video.usable",
        "video.cuts",
        "video.camera",
        "video.person",
        "video.people",
        "video.speed",
        "video.first_frame",
    }
)
# What writing the clip anew settles; the last ones change its pictures.
_MADE_RULES = frozenset({"video.damaged", "video.hdr", "video.interlaced", "video.size-changes"})
_CONVERTED_RULES = ("video.format", "video.codec", *sorted(_MADE_RULES))
SIDE_AIM_PX = 3840  # the largest standard size (4K) within the limit
_STRETCH_SHARE = 0.02  # nobody sees this much; a bar of a few pixels would be seen
_ROUNDING = 1e-4
Known = VideoFacts | VideoAnalysis
Span = tuple[float, float]


def video_repairs(
    video: Known, rules: Collection[str], choice: TransferOptions, usable: Span | None
) -> Iterator[Repair]:
    """Offer what settles broken rules; where there are two ways, the better one comes first.

    Args:
        video: What is known about the clip.
        rules: Ids of the rules it breaks.
        choice: How to transfer the motion.
        usable: Its longest usable span, in seconds, if it is known.
    """
    facts = _facts(video)
    if "video.person" in rules and (turns := _turns(video)):
        code = (RepairCode.VIDEO_TURN_LEFT, RepairCode.VIDEO_TURN_OVER, RepairCode.VIDEO_TURN_RIGHT)[turns - 1]
        yield Repair(code, ("video.person",), {"has_sound": facts.has_audio})
    if "video.dark" in rules and _gain(video) > 1:
        yield Repair(RepairCode.VIDEO_BRIGHTEN, ("video.dark",), {"gain": _gain(video), "has_sound": facts.has_audio})
    if "video.bright" in rules and (veil := _veil(video)):
        yield Repair(RepairCode.VIDEO_DEEPEN, ("video.bright",), {"veil": veil, "has_sound": facts.has_audio})
    yield from _shortening(facts, rules, choice, usable)
    if "video.side" in rules:
        yield _resizing(facts)
    if "video.size" in rules and not _is_endless(facts):
        yield Repair(RepairCode.VIDEO_COMPRESS, ("video.size",), {"limit_mb": VIDEO_SIZE_MAX_BYTES.value / MB})
    lasting = {"video.hdr", "video.codec"} if facts.hdr == DOLBY_VISION else set()  # nothing here can read its colours
    if broken := tuple(rule for rule in _CONVERTED_RULES if rule in rules and rule not in lasting):
        values = {"fps": float(standard_fps(facts)), "has_sound": facts.has_audio}
        code = RepairCode.VIDEO_MAKE_PLAIN if _MADE_RULES & set(broken) else RepairCode.VIDEO_CONVERT
        yield Repair(code, broken, values)
    if "video.sound" in rules:
        yield Repair(RepairCode.CHOICE_NO_SOUND, ("video.sound",))


def compose_video(
    kinds: Collection[RepairKind],
    video: Known,
    choice: TransferOptions,
    *,
    usable: Span | None = None,
    crop: Rect | None = None,
) -> VideoTransform:
    """Bring several repairs together into one pass.

    A clip longer than any orientation takes is trimmed with every repair: nothing else would be of use.

    Args:
        kinds: The repairs; those of other inputs do not matter.
        video: What is known about the clip.
        choice: How to transfer the motion.
        usable: Its longest usable span, in seconds, if it is known.
        crop: What to keep of each frame, where the image decides that; px as displayed once it is turned.
    """
    turns = _turns(video) if RepairKind.VIDEO_TURN in kinds else 0
    facts = _facts(video.turned(turns) if isinstance(video, VideoAnalysis) else video)
    start_s, end_s = kept_span(kinds, facts, choice, usable) or (0.0, facts.duration_s)
    size = crop.size if crop else (facts.width_px, facts.height_px)
    inner, margins = _framed(size, resize=crop is not None or RepairKind.VIDEO_RESIZE in kinds)
    return VideoTransform(
        size=inner[::-1] if turns % 2 else inner,
        fps=standard_fps(facts),
        start_s=start_s,
        end_s=end_s,
        crop=crop and crop.turned(-turns, (facts.width_px, facts.height_px)),
        margins=margins.turned(-turns),
        turns=turns,
        gain=_gain(video) if RepairKind.VIDEO_BRIGHTEN in kinds else 1.0,
        veil=_veil(video) if RepairKind.VIDEO_DEEPEN in kinds else 0.0,
        keep_sound=facts.audio_codec not in {"", "unknown"},
        max_bytes=int(VIDEO_SIZE_MAX_BYTES.value),
    )


def kept_span(
    kinds: Collection[RepairKind], facts: VideoFacts, choice: TransferOptions, usable: Span | None = None
) -> Span | None:
    """Start and end, in seconds, of what repairs keep of a clip; ``None`` when they keep all."""
    return trim_span(facts, choice, usable) if RepairKind.VIDEO_TRIM in kinds or _is_endless(facts) else None


def trim_span(facts: VideoFacts, choice: TransferOptions, usable: Span | None) -> Span | None:
    """Choose what to keep of a clip: its usable span, as much of it as the orientation takes, in whole frames.

    Returns:
        Start and end in seconds, or ``None`` when that is all of it.
    """
    fps, least_s = float(standard_fps(facts)), DURATION_MIN_S.value
    start_s, end_s = usable if usable and usable[1] - usable[0] >= least_s else (0.0, facts.duration_s)
    limit_s = DURATION_MAX_S[choice.orientation].value
    frames = math.floor(min(end_s - start_s, limit_s) * fps + _ROUNDING)
    if frames < least_s * fps <= (facts.duration_s - start_s) * fps + _ROUNDING:
        frames = math.ceil(least_s * fps - _ROUNDING)  # of a span of 3.0 s no frame can be spared
    if start_s < 0.5 / fps and frames >= math.floor(facts.duration_s * fps + _ROUNDING):
        return None
    return start_s, start_s + frames / fps


def _shortening(
    facts: VideoFacts, rules: Collection[str], choice: TransferOptions, usable: Span | None
) -> Iterator[Repair]:
    too_long = "video.duration" in rules and facts.duration_s > DURATION_MAX_S[choice.orientation].value
    spoiled = [rule for rule in rules if rule in SPAN_RULES] if _is_whole(usable) else []
    span = trim_span(facts, choice, usable) if too_long or spoiled else None
    if span is not None:
        settled = [*(["video.duration"] if too_long else []), *spoiled]
        if _is_endless(facts) and "video.size" in rules:
            settled.append("video.size")
        code = RepairCode.VIDEO_TRIM_TO_USABLE if _is_whole(usable) else RepairCode.VIDEO_TRIM_TO_BEGINNING
        values = {"start_s": span[0], "end_s": span[1], "length_s": span[1] - span[0], "has_sound": facts.has_audio}
        yield Repair(code, tuple(settled), values)
    if too_long and choice.orientation == Orientation.IMAGE and not _is_endless(facts):
        yield Repair(RepairCode.CHOICE_ORIENTATION, ("video.duration",), in_all=False)


def _resizing(facts: VideoFacts) -> Repair:
    size, margins = _framed((facts.width_px, facts.height_px), resize=True)
    width, height = margins.around(size)
    if any(margins):
        code = RepairCode.VIDEO_FIT
    elif min(facts.width_px, facts.height_px) < VIDEO_SIDE_MIN_PX.value:
        code = RepairCode.VIDEO_ENLARGE
    else:
        code = RepairCode.VIDEO_SCALE_DOWN
    return Repair(code, ("video.side",), {"width_px": width, "height_px": height})


def _framed(size: Size, *, resize: bool) -> tuple[Size, Margins]:
    """Size of the picture and the bars around it; all sides even, as H.264 needs them."""
    factor, least = 1.0, 2
    if resize:
        least = int(VIDEO_SIDE_MIN_PX.value)
        factor = min(legal_scale(size, side_min_px=least, side_max_px=SIDE_AIM_PX), SIDE_AIM_PX / max(size))
    inner = scaled(size, factor, step_px=2)
    if least * (1 - _STRETCH_SHARE) <= min(inner) < least:
        inner = max(least, inner[0]), max(least, inner[1])
    across, down = max(0, least - inner[0]), max(0, least - inner[1])
    left, top = 2 * (across // 4), 2 * (down // 4)
    return inner, Margins(left, top, across - left, down - top)


def _is_whole(usable: Span | None) -> bool:
    return usable is not None and usable[1] - usable[0] >= DURATION_MIN_S.value - DURATION_SLACK_S


def _is_endless(facts: VideoFacts) -> bool:
    return facts.duration_s > DURATION_MAX_S[Orientation.VIDEO].value + DURATION_SLACK_S


def standard_fps(facts: VideoFacts) -> Fraction:
    """The constant rate that copies of a clip get: its own, or the next standard one where its frames are uneven."""
    if not facts.has_variable_rate:
        return constant_fps(facts.fps, is_even=True)
    return constant_fps(max(facts.fps, facts.every_picture_fps), is_even=False)


def _turns(video: Known) -> int:
    return video.notes.turns if isinstance(video, VideoAnalysis) else 0


def _gain(video: Known) -> float:
    """By the lighter half of the moments: what is as dark as in the others comes out a little darker."""
    levels = [moment.brightness for moment in video.notes.moments] if isinstance(video, VideoAnalysis) else []
    return gain_to_light(float(np.median(levels))) if levels else 1.0


def _veil(video: Known) -> float:
    """Likewise: what is normal in a part of the clip must not become black."""
    moments = video.notes.moments if isinstance(video, VideoAnalysis) else ()
    if not moments:
        return 0.0
    return veil_over(*(float(np.median([getattr(one, name) for one in moments])) for name in ("shade", "glare")))


def _facts(video: Known) -> VideoFacts:
    return video.facts if isinstance(video, VideoAnalysis) else video
