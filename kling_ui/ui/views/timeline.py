"""What the page draws of a clip's time: the row of spans above their legend, and curves with their limit."""

from typing import Any

from kling_ui.checks.report import Curve
from kling_ui.checks.timeline import Span, SpanKind, Timeline
from kling_ui.ui.views import wording

LABELS = {
    SpanKind.GOOD: "Good",
    SpanKind.CUT: "Cut",
    SpanKind.NOBODY: "Nobody in view",
    SpanKind.OUT_OF_VIEW: "Partly out of view",
    SpanKind.SEVERAL: "Several people",
    SpanKind.OCCLUDED: "Something in front",
    SpanKind.CAMERA: "Camera moves",
    SpanKind.FAST: "Too fast",
    SpanKind.UNSEEN: "Not looked at",
}
CURVE_POINTS_MAX = 240
_MOMENT_S = 0.05  # shorter is a moment, as a person reads it


def timeline_value(timeline: Timeline) -> dict[str, Any]:
    """Show what of a clip is likely to come back.

    Args:
        timeline: All of the clip.
    """
    return {
        "duration_s": timeline.duration_s,
        "sentence": timeline.sentence,
        "spans": [_span_value(span) for span in timeline.spans],
        "legend": [
            {"kind": _css(kind), "words": _legend_words(timeline, kind)}
            for kind in sorted(SpanKind, key=lambda kind: kind != SpanKind.GOOD)
            if any(span.kind == kind for span in timeline.spans)
        ],
    }


def curve_value(curve: Curve) -> dict[str, Any]:
    """Show something measured over time, in no more points than can be seen."""
    step = -(-len(curve.values) // CURVE_POINTS_MAX) or 1
    return {
        "name": curve.name[:1].upper() + curve.name[1:],
        "points": list(zip(curve.times_s[::step], curve.values[::step], strict=True)),
        "limit": curve.limit,
        "limit_words": f"limit {curve.limit:.3g}",
        "words": f"{curve.name}, at most {max(curve.values, default=0.0):.3g}; the limit is {curve.limit:.3g}",
    }


def span_words(start_s: float, end_s: float) -> str:
    """``2.3-4.1 s``, or ``2.3 s`` for a moment."""
    if end_s - start_s < _MOMENT_S:
        return wording.seconds(start_s)
    return f"{start_s:.1f}\N{EN DASH}{wording.seconds(end_s)}"


def _span_value(span: Span) -> dict[str, Any]:
    return {
        "start_s": round(span.start_s, 3),
        "end_s": round(span.end_s, 3),
        "kind": _css(span.kind),
        "label": LABELS[span.kind],
        "words": f"{LABELS[span.kind]}, {span_words(span.start_s, span.end_s)}",
    }


def _legend_words(timeline: Timeline, kind: SpanKind) -> str:
    spans = [span for span in timeline.spans if span.kind == kind]
    total_s = sum(span.length_s for span in spans)
    if kind == SpanKind.CUT:
        return LABELS[kind] if len(spans) == 1 else f"{len(spans)} {LABELS[kind].lower()}s"
    return f"{LABELS[kind]} {wording.seconds(total_s)}"


def _css(kind: SpanKind) -> str:
    return kind.value.replace(" ", "-")
