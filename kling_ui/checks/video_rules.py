"""What the reference video must be, as a file and over time. Each rule yields nothing when it is kept."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from kling_ui.checks.light import bright_moments, dark_moments, is_lit
from kling_ui.checks.limits import (
    BACK_DEG,
    BACK_SHARE_MIN,
    BLURRED_SHARE_MIN,
    CAMERA_QUICK_MAX,
    DIM_MAX,
    DURATION_MAX_S,
    DURATION_MIN_S,
    DURATION_SLACK_S,
    FLOOR_SHARE_MIN,
    LIGHT_SHARE_MIN,
    LOST_MIN_S,
    PALE_MIN,
    PERSON_SHARE_MIN,
    SHARPNESS_MIN,
    SPEED_MAX_TRUNKS_PER_S,
    STILL_MAX_TRUNKS_PER_S,
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
from kling_ui.checks.report import Curve, CurveKind, Evidence, Finding, FindingCode, Severity
from kling_ui.checks.usability import (
    Timeline,
    TimelineSpan,
    bystanders,
    camera_spans,
    cut_spans,
    fast_spans,
    in_view,
    mean_speed,
    most_people,
    not_whole,
    sure_poses,
)
from kling_ui.media.damage import damaged_spans
from kling_ui.media.movie_boxes import DOLBY_VISION
from kling_ui.media.probe import VideoFacts
from kling_ui.media.signatures import MB
from kling_ui.options import Orientation, TransferOptions
from kling_ui.vision.analysis import VideoAnalysis
from kling_ui.vision.camera import CameraStep
from kling_ui.vision.clip_measurements import SeenPerson
from kling_ui.vision.pose import Framing, framing, shows_upper_body, spans_without, tilt_deg, turn_deg

_SHOWN = {Framing.NOBODY: 0, Framing.PART: 1, Framing.UPPER: 2, Framing.FULL: 3}


def check_usable(analysis: VideoAnalysis, timeline: Timeline) -> Iterator[Finding]:
    """``video.usable``: the longest span that one shot of one person fills is at least 3 s, best the whole clip."""
    usable_s, duration_s, source = timeline.usable_s, analysis.facts.duration_s, USABLE_MIN_S.source
    if duration_s < DURATION_MIN_S.value - DURATION_SLACK_S or duration_s - usable_s < LOST_MIN_S:
        return
    lost_to, measured = timeline.lost_to[:2], round(usable_s, 3)
    shown = Evidence(spans=((timeline.usable.start_s, timeline.usable.end_s),) if timeline.usable else ())
    if timeline.at_best_s < USABLE_MIN_S.value - DURATION_SLACK_S:
        code = FindingCode.VIDEO_USABLE_TOO_SHORT
        values = {"at_best_s": timeline.at_best_s, "limit_s": USABLE_MIN_S.value, "lost_to": lost_to}
        yield Finding(code, Severity.BLOCK, measured, source, values, override=True, evidence=shown)
    elif timeline.usable:
        values = {"duration_s": duration_s, "usable_s": usable_s, "lost_to": lost_to}
        yield Finding(FindingCode.VIDEO_USABLE_PART, Severity.WARN, measured, source, values, evidence=shown)
    else:
        values = {"duration_s": duration_s, "lost_to": lost_to}
        yield Finding(FindingCode.VIDEO_USABLE_NONE, Severity.WARN, measured, source, values, evidence=shown)


def check_cuts(analysis: VideoAnalysis, _timeline: Timeline) -> Iterator[Finding]:
    """``video.cuts``: one shot."""
    cuts = list(cut_spans(analysis))
    count, times_s = len(cuts), [span.end_s for span in cuts]
    evidence = Evidence(analysis.evidence.get("cuts"), _pairs(cuts))
    if count == 1:
        values = {"times_s": times_s}
        yield Finding(FindingCode.VIDEO_CUTS_ONE, Severity.WARN, count, LimitSource.KLING, values, evidence=evidence)
    elif count:
        values = {"count": count, "times_s": times_s}
        code = FindingCode.VIDEO_CUTS_SEVERAL
        yield Finding(code, Severity.WARN, count, LimitSource.KLING, values, evidence=evidence)


def check_camera(analysis: VideoAnalysis, _timeline: Timeline) -> Iterator[Finding]:
    """``video.camera``: the camera stands still."""
    spans, steps = list(camera_spans(analysis.notes.camera)), analysis.notes.camera
    if spans:
        moving_s = sum(span.length_s for span in spans)
        speed = [
            round(float(np.hypot(step.shift_x, step.shift_y) + 0.5 * (abs(step.zoom) + abs(step.roll_rad))), 4)
            / max(step.end_s - step.start_s, 1e-6)
            for step in steps
        ]
        curve = Curve(
            CurveKind.CAMERA,
            tuple(round(step.start_s, 3) for step in steps),
            tuple(round(value, 4) for value in speed),
            CAMERA_QUICK_MAX / 2,
        )
        evidence = Evidence(analysis.evidence.get("camera"), _pairs(spans), curve=curve)
        measured, values = round(moving_s, 2), {"moving_s": moving_s, "spans": _pairs(spans)}
        yield Finding(_camera_code(steps), Severity.WARN, measured, LimitSource.KLING, values, evidence=evidence)


def check_people(analysis: VideoAnalysis, _timeline: Timeline) -> Iterator[Finding]:
    """``video.people``: one person; advice, the largest one is used."""
    others = bystanders(analysis)
    if not others:
        return
    shown_s, boxes = most_people(analysis)
    share = analysis.share_of(in_view(analysis, others))
    spans = ((shown_s, shown_s), *((person.times_s[0], person.times_s[-1]) for person in others))
    evidence = Evidence(analysis.evidence.get("others"), spans, boxes)
    people = tuple((_across(person), person.share) for person in others)
    measured, values = round(share, 3), {"count": len(boxes) + 1, "share": share, "people": people}
    yield Finding(FindingCode.VIDEO_PEOPLE, Severity.WARN, measured, LimitSource.KLING, values, evidence=evidence)


def check_speed(analysis: VideoAnalysis, _timeline: Timeline) -> Iterator[Finding]:
    """``video.speed``: moderate moves, and sharp enough to be followed."""
    source = LimitSource.KLING
    motion_speed, spans = analysis.notes.motion_speed, list(fast_spans(analysis.notes.motion_speed))
    if spans:
        mean = mean_speed(motion_speed)
        fastest, speeds = float(mean.max()), tuple(round(float(value), 3) for value in mean)
        curve = Curve(CurveKind.SPEED, motion_speed.times_s, speeds, SPEED_MAX_TRUNKS_PER_S)
        evidence = Evidence(analysis.evidence.get("fastest"), _pairs(spans), curve=curve)
        values = {"spans": _pairs(spans), "fastest": fastest, "limit": SPEED_MAX_TRUNKS_PER_S}
        code, measured = FindingCode.VIDEO_SPEED_FAST, round(fastest, 2)
        yield Finding(code, Severity.WARN, measured, source, values, evidence=evidence)
    blurred = np.array([0 < moment.sharpness < SHARPNESS_MIN for moment in analysis.notes.moments], bool)
    share = analysis.share_of(blurred)
    if share >= BLURRED_SHARE_MIN:
        times_s, sharpness = zip(*((moment.time_s, moment.sharpness) for moment in analysis.notes.moments), strict=True)
        curve = Curve(CurveKind.SHARPNESS, times_s, sharpness, SHARPNESS_MIN)
        evidence, values = Evidence(analysis.evidence.get("first"), curve=curve), {"share": share}
        code = FindingCode.VIDEO_SPEED_BLURRED
        yield Finding(code, Severity.WARN, round(share, 3), source, values, evidence=evidence)


def check_still(analysis: VideoAnalysis, _timeline: Timeline) -> Iterator[Finding]:
    """``video.still``: the person moves at all; a clip without anybody is another rule's."""
    mean = mean_speed(analysis.notes.motion_speed)
    if not len(mean) or not analysis.track.found.any() or (fastest := float(mean.max())) >= STILL_MAX_TRUNKS_PER_S:
        return
    speeds = analysis.notes.motion_speed
    values = tuple(np.round(mean, 3).tolist())
    curve = Curve(CurveKind.SPEED, speeds.times_s, values, STILL_MAX_TRUNKS_PER_S)
    evidence = Evidence(analysis.evidence.get("first"), curve=curve)
    yield Finding(FindingCode.VIDEO_STILL, Severity.WARN, round(fastest, 3), LimitSource.SENSE, evidence=evidence)


TIME_RULES: tuple[Callable[[VideoAnalysis, Timeline], Iterator[Finding]], ...] = (
    check_usable,
    check_cuts,
    check_camera,
    check_people,
    check_speed,
    check_still,
)


def _across(person: SeenPerson) -> float:
    """Where somebody usually is, as a share of the width from the left."""
    return float(np.median([(left + right) / 2 for left, _, right, _ in person.boxes]))


def _often_hidden(analysis: VideoAnalysis) -> list[str]:
    """Name the two parts of the person that are hidden most often."""
    names = [name for moment in analysis.notes.moments for name in moment.covered or moment.hidden]
    return sorted(dict.fromkeys(names), key=lambda name: -names.count(name))[:2]


def _camera_code(steps: Sequence[CameraStep]) -> FindingCode:
    shift = sum(float(np.hypot(step.shift_x, step.shift_y)) for step in steps)
    zoom = sum(0.5 * abs(step.zoom) for step in steps)
    net = np.hypot(sum(step.shift_x for step in steps), sum(step.shift_y for step in steps))
    if zoom > shift:
        return FindingCode.VIDEO_CAMERA_ZOOMS
    return FindingCode.VIDEO_CAMERA_MOVES if net > shift / 3 else FindingCode.VIDEO_CAMERA_SHAKES


def _pairs(spans: Sequence[TimelineSpan]) -> tuple[tuple[float, float], ...]:
    return tuple((span.start_s, span.end_s) for span in spans)


def check_format(facts: VideoFacts) -> Iterator[Finding]:
    """``video.format``: MP4 or MOV."""
    if facts.format not in VIDEO_FORMATS_TAKEN:
        values = {"format": facts.format}
        yield Finding(FindingCode.VIDEO_FORMAT, Severity.BLOCK, facts.format, LimitSource.KLING, values)


def check_codec(facts: VideoFacts) -> Iterator[Finding]:
    """``video.codec``: H.264 with 8-bit 4:2:0 colours, evenly timed."""
    if facts.codec not in VIDEO_CODECS_SURE:
        values = {"codec": facts.codec}
        yield Finding(FindingCode.VIDEO_CODEC, Severity.WARN, facts.codec, LimitSource.KLING, values)
    elif facts.pixel_format not in VIDEO_PIXELS_SURE:
        values = {"pixel_format": facts.pixel_format}
        yield Finding(FindingCode.VIDEO_CODEC_PIXELS, Severity.WARN, facts.pixel_format, LimitSource.SENSE, values)
    if facts.has_variable_rate:
        values = {"fps": facts.fps}
        yield Finding(FindingCode.VIDEO_CODEC_RATE, Severity.HINT, facts.fps, LimitSource.SENSE, values)


def check_size(facts: VideoFacts) -> Iterator[Finding]:
    """``video.size``: at most 100 MB."""
    limit = VIDEO_SIZE_MAX_BYTES
    if facts.size_bytes > limit.value:
        size_mb = round(facts.size_bytes / MB, 2)
        values = {"size_mb": size_mb, "limit_mb": limit.value / MB}
        yield Finding(FindingCode.VIDEO_SIZE, Severity.BLOCK, size_mb, limit.source, values)


def check_side(facts: VideoFacts) -> Iterator[Finding]:
    """``video.side``: each side 340-3850 px."""
    least, most = VIDEO_SIDE_MIN_PX, VIDEO_SIDE_MAX_PX
    short, long = sorted((facts.width_px, facts.height_px))
    size = {"width_px": facts.width_px, "height_px": facts.height_px}
    if short < least.value:
        values = size | {"limit_px": least.value}
        yield Finding(FindingCode.VIDEO_SIDE_SHORT, Severity.BLOCK, short, least.source, values)
    if long > most.value:
        values = size | {"limit_px": most.value}
        yield Finding(FindingCode.VIDEO_SIDE_LONG, Severity.BLOCK, long, most.source, values)


def check_duration(facts: VideoFacts, choice: TransferOptions) -> Iterator[Finding]:
    """``video.duration``: 3-10 s for orientation ``image``, 3-30 s for ``video``."""
    duration_s, limit = facts.duration_s, DURATION_MAX_S[choice.orientation]
    if duration_s < DURATION_MIN_S.value - DURATION_SLACK_S:
        values = {"duration_s": duration_s, "limit_s": DURATION_MIN_S.value}
        yield Finding(FindingCode.VIDEO_DURATION_SHORT, Severity.BLOCK, duration_s, DURATION_MIN_S.source, values)
    elif duration_s > limit.value + DURATION_SLACK_S:
        other_fits = choice.orientation == Orientation.IMAGE and duration_s <= DURATION_MAX_S[Orientation.VIDEO].value
        code = FindingCode.VIDEO_DURATION_LONG_FOR_IMAGE if other_fits else FindingCode.VIDEO_DURATION_LONG
        values = {"duration_s": duration_s, "orientation": choice.orientation, "limit_s": limit.value}
        yield Finding(code, Severity.BLOCK, duration_s, limit.source, values)


def check_sound(facts: VideoFacts, choice: TransferOptions) -> Iterator[Finding]:
    """``video.sound``: there is sound when it is to be kept."""
    if choice.keep_sound and not facts.has_audio:
        yield Finding(FindingCode.VIDEO_SOUND, Severity.HINT, None, LimitSource.SENSE)


def check_person(analysis: VideoAnalysis) -> Iterator[Finding]:
    """``video.person``: head and shoulders of one person are in view all the time; advice, never a block."""
    share, source = analysis.person_share, LimitSource.BOTH
    gaps = tuple(_gaps(analysis))
    evidence = Evidence(analysis.evidence.get("missing"), gaps)
    if share == 0:
        yield Finding(FindingCode.VIDEO_PERSON_NOBODY, Severity.WARN, 0.0, source, evidence=evidence)
    elif share < PERSON_SHARE_MIN:
        code, values = FindingCode.VIDEO_PERSON_GAPS, {"share": share, "spans": gaps}
        yield Finding(code, Severity.WARN, round(share, 4), source, values, evidence=evidence)
    covered = analysis.share_of(not_whole(analysis))
    if covered > 0:
        code, values = FindingCode.VIDEO_PERSON_COVERED, {"parts": _often_hidden(analysis), "share": covered}
        evidence = Evidence(analysis.evidence.get("covered"))
        yield Finding(code, Severity.WARN, round(covered, 4), source, values, evidence=evidence)


def check_dark(analysis: VideoAnalysis) -> Iterator[Finding]:
    """``video.dark``: the person is bright enough to be made out."""
    dark = dark_moments(analysis)
    share = analysis.share_of(dark)
    if share >= LIGHT_SHARE_MIN:
        light = float(
            np.median([moment.brightness for moment in analysis.notes.moments if moment.brightness < DIM_MAX])
        )
        values = {"brightness": light, "limit": DIM_MAX, "share": share}
        evidence = Evidence(analysis.evidence.get("covered", analysis.evidence.get("first")))
        measured = round(light, 3)
        yield Finding(FindingCode.VIDEO_DARK, Severity.WARN, measured, LimitSource.SENSE, values, evidence=evidence)


def check_bright(analysis: VideoAnalysis) -> Iterator[Finding]:
    """``video.bright``: light and dark can be told apart in the person."""
    bright = bright_moments(analysis)
    share = analysis.share_of(bright)
    if share < LIGHT_SHARE_MIN:
        return
    moments = [moment for moment, is_one in zip(analysis.notes.moments, bright, strict=True) if is_one]
    pale = [moment.shade for moment in moments if moment.shade >= PALE_MIN]
    evidence = Evidence(analysis.evidence.get("covered", analysis.evidence.get("first")))
    if 2 * len(pale) >= len(moments):
        code, measured = FindingCode.VIDEO_BRIGHT, round(float(np.median(pale)), 3)
        values = {"shade": measured, "limit": PALE_MIN, "share": share}
    else:
        code, measured = FindingCode.VIDEO_BRIGHT_FACE, round(float(np.median([one.glare for one in moments])), 3)
        values = {"glare": measured, "share": share}
    yield Finding(code, Severity.WARN, measured, LimitSource.SENSE, values, evidence=evidence)


def check_facing(analysis: VideoAnalysis) -> Iterator[Finding]:
    """``video.person``: a file that was not stored turned; upright and seen from the front, which is worth knowing."""
    if analysis.notes.turns:
        code, evidence = FindingCode.VIDEO_PERSON_TURNED, Evidence(analysis.evidence.get("first"))
        values = {"turns": analysis.notes.turns}
        yield Finding(code, Severity.WARN, analysis.notes.turns, LimitSource.SENSE, values, evidence=evidence)
    analysis = analysis.upright
    sure = sure_poses(analysis)
    upright = sure & (tilt_deg(analysis.track.landmarks, analysis.track.aspect) < TILT_LYING_DEG)
    floor = analysis.share_of(sure & ~upright)
    if floor >= FLOOR_SHARE_MIN:
        values = {"share": floor}
        yield Finding(FindingCode.VIDEO_PERSON_LYING, Severity.HINT, round(floor, 4), LimitSource.FIELD, values)
    back = analysis.share_of(upright & (np.abs(turn_deg(analysis.track.world_m)) >= BACK_DEG))
    if back >= BACK_SHARE_MIN:
        values = {"share": back}
        yield Finding(FindingCode.VIDEO_PERSON_BACK, Severity.HINT, round(back, 4), LimitSource.FIELD, values)


def check_first_frame(analysis: VideoAnalysis) -> Iterator[Finding]:
    """``video.first_frame``: it shows as much of the person as the rest of the clip, alone and not covered."""
    if not len(analysis.track.times_s):
        return
    first, usual, source = framing(analysis.track.landmarks[0]), analysis.framing, LimitSource.FIELD
    evidence = Evidence(analysis.evidence.get("first"), ((0.0, 0.0),))
    if usual in {Framing.FULL, Framing.UPPER} and _SHOWN[first] < _SHOWN[usual]:
        code, values = FindingCode.VIDEO_FIRST_FRAME_PART, {"first": first, "usual": usual}
        yield Finding(code, Severity.WARN, first.value, source, values, evidence=evidence)
    elif name := _covered_at_first(analysis):
        code, values = FindingCode.VIDEO_FIRST_FRAME_COVERED, {"part": name}
        yield Finding(code, Severity.WARN, name, source, values, evidence=evidence)


def check_hdr(facts: VideoFacts) -> Iterator[Finding]:
    """``video.hdr``: colours of the usual range; what the vendor makes of HDR is not documented."""
    if facts.hdr:
        code = FindingCode.VIDEO_HDR_OWN_COLOURS if facts.hdr == DOLBY_VISION else FindingCode.VIDEO_HDR
        yield Finding(code, Severity.WARN, facts.hdr, LimitSource.SENSE, {"hdr": facts.hdr})


def check_interlaced(facts: VideoFacts) -> Iterator[Finding]:
    """``video.interlaced``: whole pictures."""
    if facts.is_interlaced:
        yield Finding(FindingCode.VIDEO_INTERLACED, Severity.WARN, None, LimitSource.SENSE)


def check_damaged(facts: VideoFacts) -> Iterator[Finding]:
    """``video.damaged``: every picture can be read; what the vendor makes of others is not documented."""
    if facts.damaged_s:
        spans = tuple(damaged_spans(facts.damaged_s, facts.keyframe_times_s, facts.duration_s))
        values, source = {"count": len(facts.damaged_s), "spans": spans}, LimitSource.SENSE
        evidence = Evidence(spans=spans)
        yield Finding(FindingCode.VIDEO_DAMAGED, Severity.WARN, len(facts.damaged_s), source, values, evidence=evidence)


def check_size_changes(facts: VideoFacts) -> Iterator[Finding]:
    """``video.size-changes``: one size from beginning to end; known once the clip was decoded."""
    if facts.size_changes_s:
        evidence = Evidence(spans=tuple((time_s, time_s) for time_s in facts.size_changes_s))
        changes, values = len(facts.size_changes_s), {"times_s": facts.size_changes_s}
        yield Finding(
            FindingCode.VIDEO_SIZE_CHANGES, Severity.WARN, changes, LimitSource.SENSE, values, evidence=evidence
        )


# In the order in which they are shown among findings of the same severity.
FILE_RULES: tuple[Callable[[VideoFacts], Iterator[Finding]], ...] = (
    check_format,
    check_size,
    check_side,
    check_codec,
    check_hdr,
    check_interlaced,
    check_damaged,
    check_size_changes,
)
CHOICE_RULES: tuple[Callable[[VideoFacts, TransferOptions], Iterator[Finding]], ...] = (check_duration, check_sound)
ANALYSIS_RULES: tuple[Callable[[VideoAnalysis], Iterator[Finding]], ...] = (
    check_person,
    check_first_frame,
    check_facing,
    check_dark,
    check_bright,
)


def _covered_at_first(analysis: VideoAnalysis) -> str | None:
    """Name a part that is covered in the first moment and still in the second: one alone may be a mistake."""
    first = [moment.covered if is_lit(moment) else () for moment in analysis.notes.moments[:2]]
    return next((name for name in first[0] if name in first[-1]), None) if first else None


def _gaps(analysis: VideoAnalysis) -> list[tuple[float, float]]:
    times_s = np.append(analysis.track.times_s, analysis.facts.duration_s)
    return spans_without(times_s, shows_upper_body(analysis.track.landmarks))
