"""What the checks found, judged for the engine that is to render."""

import pytest

from kling_ui.checks.limits import LimitSource
from kling_ui.checks.report import Finding, FindingCode, Report, Section, Severity, Verdict
from kling_ui.runs.engines import judged_for
from kling_ui.runs.record import EngineName

NOBODY = Finding(FindingCode.IMAGE_CHARACTER, Severity.WARN, None, LimitSource.SENSE)
NO_PROMPT = Finding(FindingCode.PROMPT_REQUIRED, Severity.BLOCK, 0, LimitSource.VENDOR)
FOUND = Report(image=Section({}, (NOBODY,)), pair=Section({}, (NO_PROMPT,)))


@pytest.mark.parametrize(
    ("engine", "accept", "verdict", "rules"),
    [
        (EngineName.PREVIEW, (), Verdict.BLOCK, {"image.character"}),
        (EngineName.PREVIEW, ("image.character",), Verdict.WARN, {"image.character"}),
        (EngineName.PREVIEW, ("video.person",), Verdict.BLOCK, {"image.character"}),
        (EngineName.KLING, (), Verdict.BLOCK, {"image.character", "prompt.required"}),
        (
            EngineName.KLING,
            ("image.character", "prompt.required"),
            Verdict.BLOCK,
            {"image.character", "prompt.required"},
        ),
    ],
)
def test_the_preview_needs_no_prompt_but_somebody_to_draw_and_a_person_may_overrule_that(
    engine, accept, verdict, rules
):
    judged = judged_for(engine, FOUND, accept)
    assert judged.verdict is verdict
    assert {finding.rule for finding in judged.findings} == rules
