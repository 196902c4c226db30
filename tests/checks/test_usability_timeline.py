import json

import pytest

from kling_ui.checks.usability import SpanKind, TimelineSpan, compose_timeline
from kling_ui.presentation.findings import forecast_json, forecast_sentence

GOOD, CUT, FAST, NOBODY, COVERED = (
    SpanKind.GOOD,
    SpanKind.CUT,
    SpanKind.FAST,
    SpanKind.NOBODY,
    SpanKind.OCCLUDED,
)
LETTERS = {kind: kind.name[0] for kind in SpanKind}  # C is for cuts alone in these tests: no camera moves


def laid(duration_s: float, *faults: tuple[float, float, SpanKind]) -> str:
    """Write a timeline as ``G0-3 C3-3 G3-8``."""
    spans = compose_timeline(duration_s, (TimelineSpan(*fault) for fault in faults)).spans
    return " ".join(f"{LETTERS[span.kind]}{span.start_s:g}-{span.end_s:g}" for span in spans)


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ([], "G0-8"),
        ([(3, 3, CUT)], "G0-3 C3-3 G3-8"),
        ([(3, 3.5, CUT)], "G0-3 C3-3.5 G3.5-8"),
        ([(2, 4, FAST)], "G0-2 F2-4 G4-8"),
        ([(2, 5, FAST), (3, 4, NOBODY)], "G0-2 F2-3 N3-4 F4-5 G5-8"),
        ([(2, 4, FAST), (4, 6, FAST)], "G0-2 F2-6 G6-8"),
        ([(2, 4, FAST), (4.2, 6, FAST)], "G0-2 F2-6 G6-8"),
        ([(2, 4, FAST), (4.4, 6, FAST)], "G0-2 F2-4 G4-4.4 F4.4-6 G6-8"),
        ([(0.3, 2, NOBODY), (7.8, 8, COVERED)], "N0-2 G2-7.8 O7.8-8"),
        ([(-1, 2, NOBODY), (7, 99, FAST)], "N0-2 G2-7 F7-8"),
        ([(4, 4, CUT), (2, 4, FAST)], "G0-2 F2-4 C4-4 G4-8"),
        ([(3, 3, CUT), (2, 4, NOBODY)], "G0-2 N2-3 C3-3 N3-4 G4-8"),
        ([(0, 0, CUT)], "C0-0 G0-8"),
        ([(2, 2, CUT), (2.2, 2.2, CUT)], "G0-2 C2-2 G2-2.2 C2.2-2.2 G2.2-8"),
    ],
    ids=[
        "all good",
        "a cut",
        "a fade",
        "one fault",
        "the worse one is named",
        "neighbours are one",
        "a sliver between faults is none",
        "more than a sliver stays",
        "a sliver at the start, a short fault at the end",
        "what reaches beyond the clip",
        "a cut at the end of a fault",
        "a cut inside a fault",
        "a cut at the start",
        "two cuts in a blink",
    ],
)
def test_faults_are_laid_over_a_clip(faults, expected):
    assert laid(8, *faults) == expected


@pytest.mark.parametrize(
    ("faults", "usable", "at_best_s"),
    [
        ([], (0, 8), 8),
        ([(3, 3, CUT)], (3, 8), 5),
        ([(2, 4, FAST)], (4, 8), 8),
        ([(2, 4, FAST), (5, 5, CUT)], (5, 8), 5),
        ([(2, 4, NOBODY)], (4, 8), 4),
        ([(0, 8, NOBODY)], None, 0),
        ([(0, 8, FAST)], None, 8),
    ],
)
def test_the_longest_usable_part(faults, usable, at_best_s):
    timeline = compose_timeline(8, [TimelineSpan(*fault) for fault in faults])
    found = timeline.usable
    assert (found and (found.start_s, found.end_s)) == usable
    assert timeline.usable_s == (usable[1] - usable[0] if usable else 0)
    assert timeline.at_best_s == at_best_s


def test_reasons_come_with_the_largest_loss_first():
    timeline = compose_timeline(12, [TimelineSpan(1, 2, FAST), TimelineSpan(4, 7, NOBODY), TimelineSpan(9, 9, CUT)])
    assert timeline.lost_to == (NOBODY, FAST, CUT)


@pytest.mark.parametrize(
    ("faults", "sentence"),
    [
        ([], "Kling charges for 12.0 s, and all of it is likely to come back."),
        ([(8.4, 8.4, CUT)], "Kling charges for 12.0 s; about 8.4 s are likely to come back (0.0-8.4 s)."),
        (
            [(8.4, 10, FAST)],
            "Kling charges for 12.0 s; about 8.4 s are likely to come back (0.0-8.4 s), at best 12.0 s.",
        ),
        ([(0, 12, NOBODY)], "Kling charges for 12.0 s; nothing of it is sure to come back."),
    ],
)
def test_the_forecast_in_words(faults, sentence):
    assert forecast_sentence(compose_timeline(12, [TimelineSpan(*fault) for fault in faults])) == sentence


def test_the_forecast_in_json():
    plain = json.loads(json.dumps(forecast_json(compose_timeline(12, [TimelineSpan(8.4, 8.4, CUT)]))))
    assert plain == {
        "paid_s": 12,
        "usable_s": 8.4,
        "at_best_s": 8.4,
        "usable": [0, 8.4],
        "sentence": "Kling charges for 12.0 s; about 8.4 s are likely to come back (0.0-8.4 s).",
        "spans": [
            {"start_s": 0, "end_s": 8.4, "kind": "good"},
            {"start_s": 8.4, "end_s": 8.4, "kind": "cut"},
            {"start_s": 8.4, "end_s": 12, "kind": "good"},
        ],
    }
