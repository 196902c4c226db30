"""What the reference video must be. Each rule yields nothing when it is kept."""

from collections.abc import Callable, Iterator

import numpy as np

from kling_ui.checks.faults import not_whole, sure_poses
from kling_ui.checks.finding import Evidence, Finding, Severity
from kling_ui.checks.limits import (
    BACK_DEG,
    BACK_SHARE_MIN,
    DURATION_MAX_S,
    DURATION_MIN_S,
    DURATION_SLACK_S,
    FLOOR_SHARE_MIN,
    MB,
    PERSON_SHARE_MIN,
    TILT_LYING_DEG,
    VIDEO_CODECS_SURE,
    VIDEO_FORMATS_TAKEN,
    VIDEO_PIXELS_SURE,
    VIDEO_SIDE_MAX_PX,
    VIDEO_SIDE_MIN_PX,
    VIDEO_SIZE_MAX_BYTES,
    Source,
)
from kling_ui.checks.motion_rules import covered_words
from kling_ui.choice import Choice, Orientation
from kling_ui.media.probe import VideoFacts
from kling_ui.media.signatures import described
from kling_ui.vision.body import Framing, framing, shows_upper_body, spans_without
from kling_ui.vision.look import VideoLook
from kling_ui.vision.posture import tilt_deg, turn_deg

_SPANS_NAMED = 3
_SHOWN = {Framing.NOBODY: 0, Framing.PART: 1, Framing.UPPER: 2, Framing.FULL: 3}
_WORDS = {
    Framing.NOBODY: "nobody",
    Framing.PART: "only a part of a body",
    Framing.UPPER: "an upper body",
    Framing.FULL: "a full body",
}


def check_format(facts: VideoFacts) -> Iterator[Finding]:
    """``video.format``: MP4 or MOV."""
    if facts.format not in VIDEO_FORMATS_TAKEN:
        message = f"The clip is {described(facts.format)}; only MP4 and MOV are taken."
        advice = "Convert it to MP4 (H.264)."
        yield Finding("video.format", Severity.BLOCK, facts.format, message, advice, Source.KLING)


def check_codec(facts: VideoFacts) -> Iterator[Finding]:
    """``video.codec``: H.264 with 8-bit 4:2:0 colours, evenly timed."""
    rule, advice = "video.codec", "Convert it to MP4 (H.264)."
    if facts.codec not in VIDEO_CODECS_SURE:
        message = f"The clip is coded as {facts.codec}; only H.264 is sure to be taken and to play in every browser."
        yield Finding(rule, Severity.WARN, facts.codec, message, advice, Source.KLING)
    elif facts.pixel_format not in VIDEO_PIXELS_SURE:
        message = f"The clip stores its colours as {facts.pixel_format}, which many players and services cannot read."
        yield Finding(rule, Severity.WARN, facts.pixel_format, message, advice, Source.SENSE)
    if facts.has_variable_rate:
        message = f"The clip's frame rate varies around {facts.fps:.1f} frames per second, so movement may stutter."
        yield Finding(rule, Severity.HINT, facts.fps, message, "Convert it to an even frame rate.", Source.SENSE)


def check_size(facts: VideoFacts) -> Iterator[Finding]:
    """``video.size``: at most 100 MB."""
    if facts.size_bytes > VIDEO_SIZE_MAX_BYTES.value:
        size_mb = round(facts.size_bytes / MB, 2)
        message = f"The clip's file has {size_mb:.1f} MB; at most {VIDEO_SIZE_MAX_BYTES.value / MB:.0f} MB are taken."
        advice = "Trim it, or export it with a lower bit rate."
        yield Finding("video.size", Severity.BLOCK, size_mb, message, advice, VIDEO_SIZE_MAX_BYTES.source)


def check_side(facts: VideoFacts) -> Iterator[Finding]:
    """``video.side``: each side 340-3850 px."""
    rule, size = "video.side", f"{facts.width_px} x {facts.height_px} px"
    short, long = sorted((facts.width_px, facts.height_px))
    if short < VIDEO_SIDE_MIN_PX.value:
        message = f"The clip has {size}; its shorter side needs at least {VIDEO_SIDE_MIN_PX.value} px."
        advice = "Scale it up, or choose a larger clip."
        yield Finding(rule, Severity.BLOCK, short, message, advice, VIDEO_SIDE_MIN_PX.source)
    if long > VIDEO_SIDE_MAX_PX.value:
        message = f"The clip has {size}; its longer side may have at most {VIDEO_SIDE_MAX_PX.value} px."
        yield Finding(rule, Severity.BLOCK, long, message, "Scale it down.", VIDEO_SIDE_MAX_PX.source)


def check_duration(facts: VideoFacts, choice: Choice) -> Iterator[Finding]:
    """``video.duration``: 3-10 s for orientation ``image``, 3-30 s for ``video``."""
    rule, duration_s, limit = "video.duration", facts.duration_s, DURATION_MAX_S[choice.orientation]
    if duration_s < DURATION_MIN_S.value - DURATION_SLACK_S:
        message = f"The clip lasts {_seconds(duration_s)}; at least {DURATION_MIN_S.value:.0f} s are needed."
        yield Finding(rule, Severity.BLOCK, duration_s, message, "Choose a longer clip.", DURATION_MIN_S.source)
    elif duration_s > limit.value + DURATION_SLACK_S:
        limit_s = f"{limit.value:.0f} s"
        message = f"The clip lasts {_seconds(duration_s)}; orientation “{choice.orientation}” takes at most {limit_s}."
        other_fits = choice.orientation == Orientation.IMAGE and duration_s <= DURATION_MAX_S[Orientation.VIDEO].value
        advice = f"Trim it to {limit_s}{', or choose orientation “video”' if other_fits else ''}."
        yield Finding(rule, Severity.BLOCK, duration_s, message, advice, limit.source)


def check_sound(facts: VideoFacts, choice: Choice) -> Iterator[Finding]:
    """``video.sound``: there is sound when it is to be kept."""
    if choice.keep_sound and not facts.has_audio:
        message = "The clip has no sound, so there is none to keep."
        advice = "Nothing to do if a silent result is fine; else choose a clip with sound."
        yield Finding("video.sound", Severity.WARN, None, message, advice, Source.SENSE)


def check_person(look: VideoLook) -> Iterator[Finding]:
    """``video.person``: head and shoulders of one person are in view all the time; advice, never a block."""
    rule, share = "video.person", look.person_share
    advice = "Choose a clip of one person who stays in view, head included, or trim it to such a part."
    evidence = Evidence(look.exhibits.get("missing"), tuple(_gaps(look)))
    if share == 0:
        message = "The clip shows nobody with head and shoulders in any of the moments looked at."
        yield Finding(rule, Severity.WARN, 0.0, message, advice, Source.BOTH, evidence=evidence)
    elif share < PERSON_SHARE_MIN:
        percent = f"{share * 100:.0f} %"
        message = f"The clip shows a person with head and shoulders only {percent} of the time{_missing(look)}."
        yield Finding(rule, Severity.WARN, round(share, 4), message, advice, Source.BOTH, evidence=evidence)
    covered = look.share_of(not_whole(look))
    if covered > 0:
        message = f"The person in the clip is not seen whole: {covered_words(look)}."
        advice = "Choose a clip with nothing in front of the person."
        evidence = Evidence(look.exhibits.get("covered"))
        yield Finding(rule, Severity.WARN, round(covered, 4), message, advice, Source.BOTH, evidence=evidence)


def check_facing(look: VideoLook) -> Iterator[Finding]:
    """``video.person``: upright and seen from the front, which works best; worth knowing only."""
    sure = sure_poses(look)
    upright = sure & (tilt_deg(look.track.landmarks, look.track.aspect) < TILT_LYING_DEG)
    floor = look.share_of(sure & ~upright)
    if floor >= FLOOR_SHARE_MIN:
        message = f"The person lies or is upside down for {floor * 100:.0f} % of the time; such moves often go wrong."
        advice = "Choose a clip of somebody who stands or sits."
        yield Finding("video.person", Severity.HINT, round(floor, 4), message, advice, Source.FIELD)
    back = look.share_of(upright & (np.abs(turn_deg(look.track.world_m)) >= BACK_DEG))
    if back >= BACK_SHARE_MIN:
        message = (
            f"The person is seen from behind for {back * 100:.0f} % of the time; faces come out best from the front."
        )
        advice = "Choose a clip from the front if the face matters."
        yield Finding("video.person", Severity.HINT, round(back, 4), message, advice, Source.FIELD)


def check_first_frame(look: VideoLook) -> Iterator[Finding]:
    """``video.first_frame``: it shows as much of the person as the rest of the clip, alone and not covered."""
    if not len(look.track.times_s):
        return
    first, usual = framing(look.track.landmarks[0]), look.framing
    advice = "Start the clip where the person is clearly in view."
    evidence = Evidence(look.exhibits.get("first"), ((0.0, 0.0),))
    if usual in {Framing.FULL, Framing.UPPER} and _SHOWN[first] < _SHOWN[usual]:
        message = f"The clip's first frame shows {_WORDS[first]}, although most of the clip shows {_WORDS[usual]}."
        yield Finding("video.first_frame", Severity.WARN, first.value, message, advice, Source.FIELD, evidence=evidence)
    elif name := _covered_at_first(look):
        message = f"The clip's first frame hides the {name} of the person."
        yield Finding("video.first_frame", Severity.WARN, name, message, advice, Source.FIELD, evidence=evidence)


# In the order in which they are shown among findings of the same severity.
FILE_RULES: tuple[Callable[[VideoFacts], Iterator[Finding]], ...] = (check_format, check_size, check_side, check_codec)
CHOICE_RULES: tuple[Callable[[VideoFacts, Choice], Iterator[Finding]], ...] = (check_duration, check_sound)
LOOK_RULES: tuple[Callable[[VideoLook], Iterator[Finding]], ...] = (check_person, check_first_frame, check_facing)


def _covered_at_first(look: VideoLook) -> str | None:
    """Name a part that is covered in the first moment and still in the second: one alone may be a mistake."""
    first = [moment.covered for moment in look.notes.moments[:2]]
    return next((name for name in first[0] if name in first[-1]), None) if first else None


def _gaps(look: VideoLook) -> list[tuple[float, float]]:
    times_s = np.append(look.track.times_s, look.facts.duration_s)
    return spans_without(times_s, shows_upper_body(look.track.landmarks))


def _missing(look: VideoLook) -> str:
    spans = _gaps(look)
    shown = ", ".join(f"{start_s:.1f}-{end_s:.1f} s" for start_s, end_s in spans[:_SPANS_NAMED])
    return f" (not at {shown}{' and later' if len(spans) > _SPANS_NAMED else ''})"


def _seconds(duration_s: float) -> str:
    return f"{duration_s:.2f}".rstrip("0").rstrip(".") + " s"
