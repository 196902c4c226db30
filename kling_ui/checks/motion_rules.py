"""What happens in the reference video over time. Each rule yields nothing when it is kept."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from kling_ui.checks.faults import camera_spans, cut_spans, fast_spans, mean_pace, not_whole, others_share
from kling_ui.checks.finding import Curve, Evidence, Finding, Severity
from kling_ui.checks.limits import (
    BLURRED_SHARE_MIN,
    CAMERA_QUICK_MAX,
    DURATION_MIN_S,
    DURATION_SLACK_S,
    LOST_MIN_S,
    OTHERS_SHARE_MIN,
    SHARPNESS_MIN,
    SPEED_MAX_TRUNKS_PER_S,
    USABLE_MIN_S,
    Source,
)
from kling_ui.checks.timeline import Span, SpanKind, Timeline
from kling_ui.vision.look import VideoLook

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


def check_usable(look: VideoLook, timeline: Timeline) -> Iterator[Finding]:
    """``video.usable``: the longest span that one shot of one person fills is at least 3 s, best the whole clip."""
    rule, usable_s, duration_s = "video.usable", timeline.usable_s, look.facts.duration_s
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


def check_cuts(look: VideoLook, _timeline: Timeline) -> Iterator[Finding]:
    """``video.cuts``: one shot."""
    cuts = list(cut_spans(look))
    if cuts:
        where = _moments([span.end_s for span in cuts])
        what = "a cut" if len(cuts) == 1 else f"{len(cuts)} cuts"
        message = f"The clip has {what} ({where}); the model follows one shot only."
        advice = "Trim it to one shot."
        evidence = Evidence(look.exhibits.get("cuts"), tuple((span.start_s, span.end_s) for span in cuts))
        yield Finding("video.cuts", Severity.WARN, len(cuts), message, advice, Source.KLING, evidence=evidence)


def check_camera(look: VideoLook, _timeline: Timeline) -> Iterator[Finding]:
    """``video.camera``: the camera stands still."""
    spans = list(camera_spans(look.notes.camera))
    if spans:
        moving_s = sum(span.length_s for span in spans)
        message = (
            f"The camera {_camera_words(look)} for {moving_s:.1f} s ({_parts(spans)}), so the clip may be cut short."
        )
        advice = "Choose a clip from a camera that stands still, or trim it to such a part."
        steps = look.notes.camera
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
        evidence = Evidence(look.exhibits.get("camera"), _pairs(spans), curve=curve)
        yield Finding(
            "video.camera", Severity.WARN, round(moving_s, 2), message, advice, Source.KLING, evidence=evidence
        )


def check_people(look: VideoLook, _timeline: Timeline) -> Iterator[Finding]:
    """``video.people``: one person; advice, the largest one is used."""
    share = others_share(look)
    if share < OTHERS_SHARE_MIN:
        return
    most = max(look.notes.moments, key=lambda moment: len(moment.others))
    message = (
        f"The clip shows {len(most.others) + 1} people for about {share * 100:.0f} % of the time; the largest one is "
        "used, and some runs are refused."
    )
    advice = "Choose a clip of one person, or crop the others out."
    evidence = Evidence(look.exhibits.get("others"), ((most.time_s, most.time_s),), most.others)
    yield Finding("video.people", Severity.WARN, round(share, 3), message, advice, Source.KLING, evidence=evidence)


def check_speed(look: VideoLook, _timeline: Timeline) -> Iterator[Finding]:
    """``video.speed``: moderate moves, and sharp enough to be followed."""
    pace, spans = look.notes.pace, list(fast_spans(look.notes.pace))
    advice = "Choose a calmer clip, or slow it down."
    if spans:
        mean = mean_pace(pace)
        fastest = float(mean.max())
        message = (
            f"The figure moves very fast ({_parts(spans)}): {fastest:.1f} trunk lengths per second, where "
            f"{SPEED_MAX_TRUNKS_PER_S:.1f} is about the most that is followed well."
        )
        values = tuple(round(float(value), 3) for value in mean)
        curve = Curve("speed, trunk lengths per second", pace.times_s, values, SPEED_MAX_TRUNKS_PER_S)
        evidence = Evidence(look.exhibits.get("fastest"), _pairs(spans), curve=curve)
        yield Finding("video.speed", Severity.WARN, round(fastest, 2), message, advice, Source.KLING, evidence=evidence)
    blurred = np.array([0 < moment.sharpness < SHARPNESS_MIN for moment in look.notes.moments], bool)
    share = look.share_of(blurred)
    if share >= BLURRED_SHARE_MIN:
        message = f"The figure is blurred for {share * 100:.0f} % of the time."
        advice = "Choose a sharper clip: in focus, in good light, with calm moves."
        times_s, values = zip(*((moment.time_s, moment.sharpness) for moment in look.notes.moments), strict=True)
        evidence = Evidence(look.exhibits.get("first"), curve=Curve("sharpness", times_s, values, SHARPNESS_MIN))
        yield Finding("video.speed", Severity.WARN, round(share, 3), message, advice, Source.KLING, evidence=evidence)


TIME_RULES: tuple[Callable[[VideoLook, Timeline], Iterator[Finding]], ...] = (
    check_usable,
    check_cuts,
    check_camera,
    check_people,
    check_speed,
)


def covered_words(look: VideoLook) -> str:
    """Name what is hidden of the person and for how long, such as "the trunk is covered for 40 % of the time"."""
    names = [name for moment in look.notes.moments for name in moment.covered or moment.hidden]
    often = sorted(set(names), key=lambda name: -names.count(name))[:2]
    what = " and ".join(f"the {name}" for name in often)
    return (
        f"{what} {'is' if len(often) == 1 else 'are'} hidden, {look.share_of(not_whole(look)) * 100:.0f} % of the time"
    )


def _camera_words(look: VideoLook) -> str:
    shift = sum(float(np.hypot(step.shift_x, step.shift_y)) for step in look.notes.camera)
    zoom = sum(0.5 * abs(step.zoom) for step in look.notes.camera)
    net = np.hypot(sum(step.shift_x for step in look.notes.camera), sum(step.shift_y for step in look.notes.camera))
    if zoom > shift:
        return "zooms"
    return "moves" if net > shift / 3 else "shakes"


def _moments(times_s: list[float]) -> str:
    named = ", ".join(f"{time_s:.1f} s" for time_s in times_s[:_NAMED_MAX])
    return f"at {named}{' and later' if len(times_s) > _NAMED_MAX else ''}"


def _parts(spans: Sequence[Span]) -> str:
    named = ", ".join(f"{span.start_s:.1f}-{span.end_s:.1f} s" for span in spans[:_NAMED_MAX])
    return f"{named}{' and later' if len(spans) > _NAMED_MAX else ''}"


def _pairs(spans: Sequence[Span]) -> tuple[tuple[float, float], ...]:
    return tuple((span.start_s, span.end_s) for span in spans)
