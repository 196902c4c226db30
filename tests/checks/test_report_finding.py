import json
from itertools import groupby
from pathlib import Path

from kling_ui.checks.limits import LimitSource
from kling_ui.checks.report import RULES, Curve, CurveKind, Evidence, Finding, FindingCode, Severity, in_order
from kling_ui.presentation.findings import evidence_json


def finding(rule: str, severity: Severity, *, override: bool = False) -> Finding:
    code = next(code for code in FindingCode if code.rule == rule)
    return Finding(code, severity, None, LimitSource.SENSE, override=override)


def test_what_matters_comes_first():
    given = [
        finding("video.sound", Severity.WARN),
        finding("image.format", Severity.HINT),
        finding("video.usable", Severity.BLOCK, override=True),
        finding("pair.framing", Severity.WARN),
        finding("video.size", Severity.BLOCK),
    ]
    assert [found.rule for found in in_order(given)] == [
        "video.size",  # nobody may override it
        "video.usable",
        "pair.framing",
        "video.sound",
        "image.format",
    ]


def test_sentences_of_a_rule_stand_together():
    assert [rule for rule, _ in groupby(code.rule for code in FindingCode)] == list(RULES)


def test_evidence_in_json():
    curve = Curve(CurveKind.SPEED, (0.5, 1.5), (1.0, 3.0), 1.9)
    shown = Evidence(Path("a.jpg"), ((0.123456, 2.0),), ((0.1, 0.2, 1.23456, 0.4),), curve)
    assert json.loads(json.dumps(evidence_json(shown))) == {
        "picture": "a.jpg",
        "spans": [[0.123, 2.0]],
        "boxes": [[0.1, 0.2, 1.2346, 0.4]],
        "curve": {"name": "speed, trunk lengths per second", "times_s": [0.5, 1.5], "values": [1.0, 3.0], "limit": 1.9},
    }
    assert evidence_json(Evidence()) == {"picture": None, "spans": [], "boxes": [], "curve": None}
