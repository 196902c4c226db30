import json
from dataclasses import replace

import pytest

from kling_ui.checks.limits import PROMPT_MAX_CHARS
from kling_ui.checks.preflight import check_pair, judge
from kling_ui.checks.report import (
    Finding,
    Report,
    Section,
    Severity,
)
from kling_ui.options import TransferOptions

BLOCK = Finding("video.size", Severity.BLOCK, 120.0, "The clip's file has 120.0 MB.", "Trim it.", "Kling")
COVERAGE = Finding("image.coverage", Severity.BLOCK, 0.02, "The character is small.", "Crop.", "Vendor", override=True)
WARN = Finding("image.body", Severity.WARN, "left hand", "The hands are outside.", "Choose another.", "Kling")
HINT = Finding("image.format", Severity.HINT, 6, "The image lies on its side.", "Save it upright.", "Field")


@pytest.mark.parametrize(
    ("findings", "verdict", "headline"),
    [
        ([], "pass", "Ready."),
        ([HINT], "pass", "Ready."),
        ([HINT, WARN], "warn", "Will run, but the hands are outside."),
        ([WARN, WARN], "warn", "Will run, but the hands are outside, and 1 more."),
        ([WARN, COVERAGE], "block", "Would fail: the character is small."),
        ([COVERAGE, BLOCK], "block", "Would fail: the clip's file has 120.0 MB, and 1 more."),
    ],
)
def test_verdict_and_headline(findings, verdict, headline):
    report = Report(image=Section({}, tuple(findings)))
    assert (report.verdict, report.headline) == (verdict, headline)


@pytest.mark.parametrize(
    ("findings", "headline"),
    [
        ([], "Nothing wrong so far."),
        ([WARN], "So far: the hands are outside."),
        ([BLOCK], "Would fail: the clip's file has 120.0 MB."),
    ],
)
def test_an_unfinished_look_promises_nothing(findings, headline):
    assert Report(video=Section({}, tuple(findings)), complete=False).headline == headline


def test_findings_come_in_the_order_in_which_they_matter():
    report = Report(image=Section({}, (HINT, COVERAGE)), video=Section({}, (BLOCK,)), pair=Section({}, (WARN,)))
    assert report.findings == (BLOCK, COVERAGE, WARN, HINT)


def test_a_person_may_accept_what_a_detector_says():
    report = Report(image=Section({}, (COVERAGE, WARN)))
    accepted = report.accepting({"image.coverage"})
    assert accepted.verdict == "warn"
    assert [finding.severity for finding in accepted.image.findings] == ["warn", "warn"]
    assert report.verdict == "block"
    assert report.accepting({"image.body"}).verdict == "block"


def test_nobody_may_accept_a_hard_limit():
    report = Report(video=Section({}, (BLOCK,)))
    assert report.accepting({"video.size"}) == report


def test_json_has_only_plain_values():
    report = Report(image=Section({"width_px": 3}, (COVERAGE,)), video=Section({}, (BLOCK,)))
    plain = json.loads(json.dumps(report.to_json()))
    assert plain["verdict"] == "block"
    assert plain["image"]["facts"] == {"width_px": 3}
    assert plain["image"]["findings"] == [
        {
            "rule": "image.coverage",
            "severity": "block",
            "measured": 0.02,
            "message": "The character is small.",
            "advice": "Crop.",
            "source": "Vendor",
            "repair": None,
            "override": True,
            "evidence": None,
        }
    ]
    assert plain["pair"] == {"facts": None, "findings": []}


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("A person in daylight", []),
        ("", ["prompt.required"]),
        (" \n", ["prompt.required"]),
        ("two\nlines\r\n\tand a tab, \U0001f469\u200d\U0001f4bb at the \u043c\u043e\u0440\u0435", []),
        ("half a \ud83d smile", ["prompt.characters"]),
        ("a\x00b", ["prompt.characters"]),
        ("\x1b[2J", ["prompt.characters"]),
        ("\x85", ["prompt.required", "prompt.characters"]),
        ("\udcff" * int(PROMPT_MAX_CHARS.value + 1), ["prompt.characters", "prompt.length"]),
        ("x" * int(PROMPT_MAX_CHARS.value), []),
        ("x" * int(PROMPT_MAX_CHARS.value + 1), ["prompt.length"]),
    ],
)
def test_rules_about_the_prompt(prompt, expected):
    findings = check_pair(None, None, replace(TransferOptions(), prompt=prompt)).findings
    assert [(finding.rule, finding.severity) for finding in findings] == [(rule, "block") for rule in expected]


def test_a_finding_names_odd_characters_and_holds_none():
    (finding,) = check_pair(None, None, TransferOptions(prompt="".join(map(chr, range(8))) + "\ud83d")).findings
    assert finding.measured == "U+0000, U+0001, U+0002, U+0003, U+0004, ..."
    assert not finding.override
    json.dumps(finding.to_json(), ensure_ascii=False).encode()


def test_without_inputs_there_is_nothing_to_say_but_about_the_prompt():
    report = judge(None, None)
    assert (report.image, report.video) == (Section(), Section())
    assert not report.complete
    assert report.headline == "Nothing wrong so far."
