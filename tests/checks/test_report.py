import json
from dataclasses import replace

import pytest

from kling_ui.checks.limits import PROMPT_MAX_CHARS, LimitSource
from kling_ui.checks.preflight import check_pair, judge
from kling_ui.checks.report import Finding, FindingCode, Report, Section, Severity
from kling_ui.options import TransferOptions
from kling_ui.presentation.findings import finding_json, headline, report_json

SIZE, SHARE = {"size_mb": 120.0, "limit_mb": 100}, {"share": 0.02, "limit_share": 0.05}
BLOCK = Finding(FindingCode.VIDEO_SIZE, Severity.BLOCK, 120.0, LimitSource.KLING, SIZE)
COVERAGE = Finding(FindingCode.IMAGE_COVERAGE, Severity.BLOCK, 0.02, LimitSource.VENDOR, SHARE, override=True)
WARN = Finding(FindingCode.IMAGE_BODY_PART, Severity.WARN, "part", LimitSource.KLING)
HINT = Finding(FindingCode.IMAGE_FORMAT_TURNED, Severity.HINT, 6, LimitSource.FIELD)
BODY = "the image does not clearly show the head and both shoulders of the character"
SMALL = "the character covers 2 % of the image; more than 5 % is needed"
LARGE = "the clip's file has 120.0 MB; at most 100 MB are taken"


@pytest.mark.parametrize(
    ("findings", "verdict", "words"),
    [
        ([], "pass", "Ready."),
        ([HINT], "pass", "Ready."),
        ([HINT, WARN], "warn", f"Will run, but {BODY}."),
        ([WARN, WARN], "warn", f"Will run, but {BODY}, and 1 more."),
        ([WARN, COVERAGE], "block", f"Would fail: {SMALL}."),
        ([COVERAGE, BLOCK], "block", f"Would fail: {LARGE}, and 1 more."),
    ],
)
def test_verdict_and_headline(findings, verdict, words):
    report = Report(image=Section({}, tuple(findings)))
    assert (report.verdict, headline(report)) == (verdict, words)


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        ([], "Nothing wrong so far."),
        ([WARN], f"So far: {BODY}."),
        ([BLOCK], f"Would fail: {LARGE}."),
    ],
)
def test_an_unfinished_look_promises_nothing(findings, words):
    assert headline(Report(video=Section({}, tuple(findings)), complete=False)) == words


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
    plain = json.loads(json.dumps(report_json(report)))
    assert plain["verdict"] == "block"
    assert plain["image"]["facts"] == {"width_px": 3}
    assert plain["image"]["findings"] == [
        {
            "rule": "image.coverage",
            "severity": "block",
            "measured": 0.02,
            "message": f"T{SMALL[1:]}.",
            "advice": "Crop the picture around the character; go on only if the outline shown here is wrong.",
            "source": "RunComfy's page for this model",
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
    json.dumps(finding_json(finding), ensure_ascii=False).encode()


def test_without_inputs_there_is_nothing_to_say_but_about_the_prompt():
    report = judge(None, None)
    assert (report.image, report.video) == (Section(), Section())
    assert not report.complete
    assert headline(report) == "Nothing wrong so far."
