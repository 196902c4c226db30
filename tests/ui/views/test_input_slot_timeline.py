import pytest

from kling_ui.checks.report import Curve, CurveKind
from kling_ui.checks.usability import SpanKind, TimelineSpan, compose_timeline
from kling_ui.presentation.wording import NBSP, SPANS
from kling_ui.ui.views.input_slot import CURVE_POINTS_MAX, curve_value, span_words, timeline_value


def test_every_kind_of_span_has_a_name():
    assert set(SPANS) == set(SpanKind)


def test_the_row_covers_the_clip_and_names_each_part():
    value = timeline_value(
        compose_timeline(12, [TimelineSpan(4, 4, SpanKind.CUT), TimelineSpan(8, 10, SpanKind.OUT_OF_VIEW)])
    )
    assert [(span["start_s"], span["end_s"], span["kind"]) for span in value["spans"]] == [
        (0, 4, "good"),
        (4, 4, "cut"),
        (4, 8, "good"),
        (8, 10, "out-of-view"),
        (10, 12, "good"),
    ]
    assert value["spans"][1]["words"].replace(NBSP, " ") == "Cut, 4.0 s"
    assert value["spans"][3]["words"].replace(NBSP, " ") == "Partly out of view, 8.0–10.0 s"


def test_the_legend_names_what_there_is_the_good_first():
    faults = [TimelineSpan(4, 4, SpanKind.CUT), TimelineSpan(6, 6, SpanKind.CUT), TimelineSpan(8, 10, SpanKind.FAST)]
    words = [entry["words"].replace(NBSP, " ") for entry in timeline_value(compose_timeline(12, faults))["legend"]]
    assert words == ["Good 10.0 s", "2 cuts", "Too fast 2.0 s"]


@pytest.mark.parametrize("count", [1, CURVE_POINTS_MAX, CURVE_POINTS_MAX + 1, 2500])
def test_a_curve_keeps_no_more_points_than_can_be_seen(count):
    curve = Curve(CurveKind.SPEED, tuple(float(n) for n in range(count)), tuple(float(n) for n in range(count)), 2.5)
    value = curve_value(curve)
    assert 1 <= len(value["points"]) <= CURVE_POINTS_MAX
    assert value["points"][0] == (0.0, 0.0)
    assert value["name"] == "Speed, trunk lengths per second"
    assert "limit is 2.5" in value["words"]


def test_moments_are_told_from_spans():
    assert span_words(2.0, 2.0).replace(NBSP, " ") == "2.0 s"
    assert span_words(2.0, 4.26).replace(NBSP, " ") == "2.0–4.3 s"
