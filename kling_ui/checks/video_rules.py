"""What the reference video must be, as a file and over time. Each rule yields nothing when it is kept."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from kling_ui.checks.limits import (
    BACK_DEG,
    BACK_SHARE_MIN,
    BLURRED_SHARE_MIN,
    CAMERA_QUICK_MAX,
    DURATION_MAX_S,
    DURATION_MIN_S,
    DURATION_SLACK_S,
    FLOOR_SHARE_MIN,
    LOST_MIN_S,
    MB,
    OTHERS_SHARE_MIN,
    PERSON_SHARE_MIN,
    SHARPNESS_MIN,
    SPEED_MAX_TRUNKS_PER_S,
    TILT_LYING_DEG,
    USABLE_MIN_S,
    VIDEO_CODECS_SURE,
    VIDEO_FORMATS_TAKEN,
    VIDEO_PIXELS_SURE,
    VIDEO_SIDE_MAX_PX,
    VIDEO_SIDE_MIN_PX,
    VIDEO_SIZE_MAX_BYTES,
    LimitSource,
)
from kling_ui.checks.report import (
    Curve,
    Evidence,
    Finding,
    Severity,
)
from kling_ui.checks.usability import (
    SpanKind,
    Timeline,
    TimelineSpan,
    camera_spans,
    cut_spans,
    fast_spans,
    mean_speed,
    not_whole,
    others_share,
    sure_poses,
)
from kling_ui.media.probe import VideoFacts
from kling_ui.media.signatures import SHOWN_CODECS, described
from kling_ui.options import Orientation, TransferOptions
from kling_ui.vision.analysis import VideoAnalysis
from kling_ui.vision.pose import (
    Framing,
    framing,
    shows_upper_body,
    spans_without,
    tilt_deg,
    turn_deg,
)

_NAMED_MAX = 3
_LOST_TO = {
    SpanKind.CUT: "cuts",
    SpanKind.NOBODY: "moments without a person",
    SpanKind.OUT_OF_VIEW: "moments in which head or shoulders are out of view",
    SpanKind.SEVERAL: "other people",
    SpanKind.OCCLUDED: "something in front of the person",
    SpanKind.CAMERA: "camera movement",
    SpanKind.FAST: "moves that are too fast",
    SpanKind.UNSEEN: "seconds that were not looked at",
}
_SPANS_NAMED = 3
_SHOWN = {Framing.NOBODY: 0, Framing.PART: 1, Framing.UPPER: 2, Framing.FULL: 3}
_WORDS = {
    Framing.NOBODY: "nobody",
    Framing.PART: "only a part of a body",
    Framing.UPPER: "an upper body",
    Framing.FULL: "a full body",
}


def check_usable(analysis: VideoAnalysis, timeline: Timeline) -> Iterator[Finding]:
    """``video.usable``: the longest span that one shot of one person fills is at least 3 s, best the whole clip."""
    rule, usable_s, duration_s = "video.usable", timeline.usable_s, analysis.facts.duration_s
    if duration_s < DURATION_MIN_S.value - DURATION_SLACK_S or duration_s - usable_s < LOST_MIN_S:
        return
    because = " and ".join(_LOST_TO[kind] for kind in timeline.lost_to[:2])
    evidence = Evidence(spans=((timeline.usable.start_s, timeline.usable.end_s),) if timeline.usable else ())
    if timeline.at_best_s < USABLE_MIN_S.value - DURATION_SLACK_S:
        message = (
            f"The clip's longest usable part lasts {timeline.at_best_s:.1f} s; at least {USABLE_MIN_S.value:.0f} s are "
            f"needed (lost to {because})."
        )
        advice = "Choose another clip, or another part of this one; go on only if the timeline shown here is wrong."
        yield Finding(
            rule,
            Severity.BLOCK,
            round(usable_s, 3),
            message,
            advice,
            USABLE_MIN_S.source,
            override=True,
            evidence=evidence,
        )
        return
    sure = f"only about {usable_s:.1f} s are likely" if timeline.usable else "none of it is sure"
    message = f"The clip lasts {duration_s:.1f} s, but {sure} to come back ({because})."
    advice = "Trim it to its longest usable part, or choose another clip: the rest is paid for and may be lost."
    yield Finding(rule, Severity.WARN, round(usable_s, 3), message, advice, USABLE_MIN_S.source, evidence=evidence)


def check_cuts(analysis: VideoAnalysis, _timeline: Timeline) -> Iterator[Finding]:
    """``video.cuts``: one shot."""
    cuts = list(cut_spans(analysis))
    if cuts:
        where = _moments([span.end_s for span in cuts])
        what = "a cut" if len(cuts) == 1 else f"{len(cuts)} cuts"
        message = f"The clip has {what} ({where}); the model follows one shot only."
        advice = "Trim it to one shot."
        evidence = Evidence(analysis.evidence.get("cuts"), tuple((span.start_s, span.end_s) for span in cuts))
        yield Finding("video.cuts", Severity.WARN, len(cuts), message, advice, LimitSource.KLING, evidence=evidence)


def check_camera(analysis: VideoAnalysis, _timeline: Timeline) -> Iterator[Finding]:
    """``video.camera``: the camera stands still."""
    spans = list(camera_spans(analysis.notes.camera))
    if spans:
        moving_s = sum(span.length_s for span in spans)
        what = _camera_words(analysis)
        message = f"The camera {what} for {moving_s:.1f} s ({_parts(spans)}), so the clip may be cut short."
        advice = "Choose a clip from a camera that stands still, or trim it to such a part."
        steps = analysis.notes.camera
        speed = [
            round(float(np.hypot(step.shift_x, step.shift_y) + 0.5 * (abs(step.zoom) + abs(step.roll_rad))), 4)
            / max(step.end_s - step.start_s, 1e-6)
            for step in steps
        ]
        curve = Curve(
            "movement of the view, long sides of the picture per second",
            tuple(round(step.start_s, 3) for step in steps),
            tuple(round(value, 4) for value in speed),
            CAMERA_QUICK_MAX / 2,
        )
        evidence = Evidence(analysis.evidence.get("camera"), _pairs(spans), curve=curve)
        yield Finding(
            "video.camera", Severity.WARN, round(moving_s, 2), message, advice, LimitSource.KLING, evidence=evidence
        )


def check_people(analysis: VideoAnalysis, _timeline: Timeline) -> Iterator[Finding]:
    """``video.people``: one person; advice, the largest one is used."""
    share = others_share(analysis)
    if share < OTHERS_SHARE_MIN:
        return
    most = max(analysis.notes.moments, key=lambda moment: len(moment.others))
    message = (
        f"The clip shows {len(most.others) + 1} people for about {share * 100:.0f} % of the time; the largest one is "
        "used, and some runs are refused."
    )
    advice = "Choose a clip of one person, or crop the others out."
    evidence = Evidence(analysis.evidence.get("others"), ((most.time_s, most.time_s),), most.others)
    yield Finding("video.people", Severity.WARN, round(share, 3), message, advice, LimitSource.KLING, evidence=evidence)


def check_speed(analysis: VideoAnalysis, _timeline: Timeline) -> Iterator[Finding]:
    """``video.speed``: moderate moves, and sharp enough to be followed."""
    motion_speed, spans = analysis.notes.motion_speed, list(fast_spans(analysis.notes.motion_speed))
    advice = "Choose a calmer clip, or slow it down."
    if spans:
        mean = mean_speed(motion_speed)
        fastest = float(mean.max())
        message = (
            f"The figure moves very fast ({_parts(spans)}): {fastest:.1f} trunk lengths per second, where "
            f"{SPEED_MAX_TRUNKS_PER_S:.1f} is about the most that is followed well."
        )
        values = tuple(round(float(value), 3) for value in mean)
        curve = Curve("speed, trunk lengths per second", motion_speed.times_s, values, SPEED_MAX_TRUNKS_PER_S)
        evidence = Evidence(analysis.evidence.get("fastest"), _pairs(spans), curve=curve)
        yield Finding(
            "video.speed", Severity.WARN, round(fastest, 2), message, advice, LimitSource.KLING, evidence=evidence
        )
    blurred = np.array([0 < moment.sharpness < SHARPNESS_MIN for moment in analysis.notes.moments], bool)
    share = analysis.share_of(blurred)
    if share >= BLURRED_SHARE_MIN:
        message = f"The figure is blurred for {share * 100:.0f} % of the time."
        advice = "Choose a sharper clip: in focus, in good light, with calm moves."
        times_s, values = zip(*((moment.time_s, moment.sharpness) for moment in analysis.notes.moments), strict=True)
        evidence = Evidence(analysis.evidence.get("first"), curve=Curve("sharpness", times_s, values, SHARPNESS_MIN))
        yield Finding(
            "video.speed", Severity.WARN, round(share, 3), message, advice, LimitSource.KLING, evidence=evidence
        )


TIME_RULES: tuple[Callable[[VideoAnalysis, Timeline], Iterator[Finding]], ...] = (
    check_usable,
    check_cuts,
    check_camera,
    check_people,
    check_speed,
)


def covered_words(analysis: VideoAnalysis) -> str:
    """Name what is hidden of the person and for how long, such as "the trunk is covered for 40 % of the time"."""
    names = [name for moment in analysis.notes.moments for name in moment.covered or moment.hidden]
    often = sorted(set(names), key=lambda name: -names.count(name))[:2]
    what = " and ".join(f"the {name}" for name in often)
    verb, share = "is" if len(often) == 1 else "are", analysis.share_of(not_whole(analysis))
    return f"{what} {verb} hidden, {share * 100:.0f} % of the time"


def _camera_words(analysis: VideoAnalysis) -> str:
    shift = sum(float(np.hypot(step.shift_x, step.shift_y)) for step in analysis.notes.camera)
    zoom = sum(0.5 * abs(step.zoom) for step in analysis.notes.camera)
    net = np.hypot(
        sum(step.shift_x for step in analysis.notes.camera), sum(step.shift_y for step in analysis.notes.camera)
    )
    if zoom > shift:
        return "zooms"
    return "moves" if net > shift / 3 else "shakes"


def _moments(times_s: list[float]) -> str:
    named = ", ".join(f"{time_s:.1f} s" for time_s in times_s[:_NAMED_MAX])
    return f"at {named}{' and later' if len(times_s) > _NAMED_MAX else ''}"


def _parts(spans: Sequence[TimelineSpan]) -> str:
    named = ", ".join(f"{span.start_s:.1f}-{span.end_s:.1f} s" for span in spans[:_NAMED_MAX])
    return f"{named}{' and later' if len(spans) > _NAMED_MAX else ''}"


def _pairs(spans: Sequence[TimelineSpan]) -> tuple[tuple[float, float], ...]:
    return tuple((span.start_s, span.end_s) for span in spans)


def check_format(facts: VideoFacts) -> Iterator[Finding]:
    """``video.format``: MP4 or MOV."""
    if facts.format not in VIDEO_FORMATS_TAKEN:
        message = f"The clip is {described(facts.format)}; only MP4 and MOV are taken."
        advice = "Convert it to MP4 (H.264)."
        yield Finding("video.format", Severity.BLOCK, facts.format, message, advice, LimitSource.KLING)


def check_codec(facts: VideoFacts) -> Iterator[Finding]:
    """``video.codec``: H.264 with 8-bit 4:2:0 colours, evenly timed."""
    rule, advice = "video.codec", "Convert it to MP4 (H.264)."
    if facts.codec not in VIDEO_CODECS_SURE:
        coded = SHOWN_CODECS.get(facts.codec, facts.codec)
        message = f"The clip is coded as {coded}; only H.264 is sure to be taken and to play in every browser."
        yield Finding(rule, Severity.WARN, facts.codec, message, advice, LimitSource.KLING)
    elif facts.pixel_format not in VIDEO_PIXELS_SURE:
        message = f"The clip stores its colours as {facts.pixel_format}, which many players and services cannot read."
        yield Finding(rule, Severity.WARN, facts.pixel_format, message, advice, LimitSource.SENSE)
    if facts.has_variable_rate:
        message = f"The clip's frame rate varies around {facts.fps:.1f} frames per second, so movement may stutter."
        yield Finding(rule, Severity.HINT, facts.fps, message, "Convert it to an even frame rate.", LimitSource.SENSE)


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


def check_duration(facts: VideoFacts, choice: TransferOptions) -> Iterator[Finding]:
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


def check_sound(facts: VideoFacts, choice: TransferOptions) -> Iterator[Finding]:
    """``video.sound``: there is sound when it is to be kept."""
    if choice.keep_sound and not facts.has_audio:
        message = "The clip has no sound, so there is none to keep."
        advice = "Nothing to do if a silent result is fine; else choose a clip with sound."
        yield Finding("video.sound", Severity.WARN, None, message, advice, LimitSource.SENSE)


def check_person(analysis: VideoAnalysis) -> Iterator[Finding]:
    """``video.person``: head and shoulders of one person are in view all the time; advice, never a block."""
    rule, share = "video.person", analysis.person_share
    advice = "Choose a clip of one person who stays in view, head included, or trim it to such a part."
    evidence = Evidence(analysis.evidence.get("missing"), tuple(_gaps(analysis)))
    if share == 0:
        message = "The clip shows nobody with head and shoulders in any of the moments looked at."
        yield Finding(rule, Severity.WARN, 0.0, message, advice, LimitSource.BOTH, evidence=evidence)
    elif share < PERSON_SHARE_MIN:
        percent = f"{share * 100:.0f} %"
        message = f"The clip shows a person with head and shoulders only {percent} of the time{_missing(analysis)}."
        yield Finding(rule, Severity.WARN, round(share, 4), message, advice, LimitSource.BOTH, evidence=evidence)
    covered = analysis.share_of(not_whole(analysis))
    if covered > 0:
        message = f"The person in the clip is not seen whole: {covered_words(analysis)}."
        advice = "Choose a clip with nothing in front of the person."
        evidence = Evidence(analysis.evidence.get("covered"))
        yield Finding(rule, Severity.WARN, round(covered, 4), message, advice, LimitSource.BOTH, evidence=evidence)


def check_facing(analysis: VideoAnalysis) -> Iterator[Finding]:
    """``video.person``: upright and seen from the front, which works best; worth knowing only."""
    sure = sure_poses(analysis)
    upright = sure & (tilt_deg(analysis.track.landmarks, analysis.track.aspect) < TILT_LYING_DEG)
    floor = analysis.share_of(sure & ~upright)
    if floor >= FLOOR_SHARE_MIN:
        message = f"The person lies or is upside down for {floor * 100:.0f} % of the time; such moves often go wrong."
        advice = "Choose a clip of somebody who stands or sits."
        yield Finding("video.person", Severity.HINT, round(floor, 4), message, advice, LimitSource.FIELD)
    back = analysis.share_of(upright & (np.abs(turn_deg(analysis.track.world_m)) >= BACK_DEG))
    if back >= BACK_SHARE_MIN:
        message = (
            f"The person is seen from behind for {back * 100:.0f} % of the time; faces come out best from the front."
        )
        advice = "Choose a clip from the front if the face matters."
        yield Finding("video.person", Severity.HINT, round(back, 4), message, advice, LimitSource.FIELD)


def check_first_frame(analysis: VideoAnalysis) -> Iterator[Finding]:
    """``video.first_frame``: it shows as much of the person as the rest of the clip, alone and not covered."""
    if not len(analysis.track.times_s):
        return
    first, usual = framing(analysis.track.landmarks[0]), analysis.framing
    advice = "Start the clip where the person is clearly in view."
    evidence = Evidence(analysis.evidence.get("first"), ((0.0, 0.0),))
    if usual in {Framing.FULL, Framing.UPPER} and _SHOWN[first] < _SHOWN[usual]:
        message = f"The clip's first frame shows {_WORDS[first]}, although most of the clip shows {_WORDS[usual]}."
        yield Finding(
            "video.first_frame", Severity.WARN, first.value, message, advice, LimitSource.FIELD, evidence=evidence
        )
    elif name := _covered_at_first(analysis):
        message = f"The clip's first frame hides the {name} of the person."
        yield Finding("video.first_frame", Severity.WARN, name, message, advice, LimitSource.FIELD, evidence=evidence)


def check_hdr(facts: VideoFacts) -> Iterator[Finding]:
    """``video.hdr``: colours of the usual range; what the vendor makes of HDR is not documented."""
    if facts.hdr:
        message = f"The clip is HDR ({facts.hdr}); a service that takes it for SDR sees it grey and flat."
        advice = "Convert it to SDR, which keeps its look."
        yield Finding("video.hdr", Severity.WARN, facts.hdr, message, advice, LimitSource.SENSE)


def check_interlaced(facts: VideoFacts) -> Iterator[Finding]:
    """``video.interlaced``: whole pictures."""
    if facts.is_interlaced:
        message = "The clip is interlaced: each picture mixes two moments, which shows as combs on what moves."
        advice = "Convert it, which makes whole pictures of it."
        yield Finding("video.interlaced", Severity.WARN, None, message, advice, LimitSource.SENSE)


def check_size_changes(facts: VideoFacts) -> Iterator[Finding]:
    """``video.size-changes``: one size from beginning to end; known once the clip was decoded."""
    if facts.size_changes_s:
        where = _moments(list(facts.size_changes_s))
        message = f"The clip's pictures change their size ({where}); services often refuse or stretch such a clip."
        advice = "Convert it to one size, or choose a clip that was not turned while it was recorded."
        evidence = Evidence(spans=tuple((time_s, time_s) for time_s in facts.size_changes_s[:_SPANS_NAMED]))
        changes = len(facts.size_changes_s)
        yield Finding(
            "video.size-changes", Severity.WARN, changes, message, advice, LimitSource.SENSE, evidence=evidence
        )


# In the order in which they are shown among findings of the same severity.
FILE_RULES: tuple[Callable[[VideoFacts], Iterator[Finding]], ...] = (
    check_format,
    check_size,
    check_side,
    check_codec,
    check_hdr,
    check_interlaced,
    check_size_changes,
)
CHOICE_RULES: tuple[Callable[[VideoFacts, TransferOptions], Iterator[Finding]], ...] = (check_duration, check_sound)
ANALYSIS_RULES: tuple[Callable[[VideoAnalysis], Iterator[Finding]], ...] = (
    check_person,
    check_first_frame,
    check_facing,
)


def _covered_at_first(analysis: VideoAnalysis) -> str | None:
    """Name a part that is covered in the first moment and still in the second: one alone may be a mistake."""
    first = [moment.covered for moment in analysis.notes.moments[:2]]
    return next((name for name in first[0] if name in first[-1]), None) if first else None


def _gaps(analysis: VideoAnalysis) -> list[tuple[float, float]]:
    times_s = np.append(analysis.track.times_s, analysis.facts.duration_s)
    return spans_without(times_s, shows_upper_body(analysis.track.landmarks))


def _missing(analysis: VideoAnalysis) -> str:
    spans = _gaps(analysis)
    shown = ", ".join(f"{start_s:.1f}-{end_s:.1f} s" for start_s, end_s in spans[:_SPANS_NAMED])
    return f" (not at {shown}{' and later' if len(spans) > _SPANS_NAMED else ''})"


def _seconds(duration_s: float) -> str:
    return f"{duration_s:.2f}".rstrip("0").rstrip(".") + " s"
