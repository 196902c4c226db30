import json
from pathlib import Path

from kling_ui.checks.report import (
    IMPORTANCE,
    Curve,
    Evidence,
    Finding,
    Severity,
    in_order,
)


def finding(rule: str, severity: Severity, *, override: bool = False) -> Finding:
    return Finding(rule, severity, None, "The ...", "Do ...", "us", override=override)


def test_what_matters_comes_first():
    given = [
        finding("video.sound", Severity.WARN),
        finding("image.format", Severity.HINT),
        finding("video.usable", Severity.BLOCK, override=True),
        finding("pair.framing", Severity.WARN),
        finding("of.another.day", Severity.WARN),
        finding("video.size", Severity.BLOCK),
    ]
    assert [found.rule for found in in_order(given)] == [
        "video.size",  # nobody may override it
        "video.usable",
        "pair.framing",
        "video.sound",
        "of.another.day",
        "image.format",
    ]


def test_no_rule_is_ranked_twice():
    assert len(set(IMPORTANCE)) == len(IMPORTANCE)


def test_evidence_in_json():
    curve = Curve("speed", (0.5, 1.5), (1.0, 3.0), 1.9)
    shown = Evidence(Path("a.jpg"), ((0.123456, 2.0),), ((0.1, 0.2, 1.23456, 0.4),), curve)
    assert json.loads(json.dumps(shown.to_json())) == {
        "picture": "a.jpg",
        "spans": [[0.123, 2.0]],
        "boxes": [[0.1, 0.2, 1.2346, 0.4]],
        "curve": {"name": "speed", "times_s": [0.5, 1.5], "values": [1.0, 3.0], "limit": 1.9},
    }
    assert Evidence().to_json() == {"picture": None, "spans": [], "boxes": [], "curve": None}
