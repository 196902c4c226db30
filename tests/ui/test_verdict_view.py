import pytest

from kling_ui.checks.report import Finding, Report, Section, Severity
from kling_ui.ui.verdict_view import verdict_view


def _finding(rule, severity, *, override=False):
    return Finding(rule, severity, 1, f"The {rule} is off.", "Change it.", "Kling's guide", override=override)


HARD = Section(findings=(_finding("video.duration", Severity.BLOCK),))
DOUBTFUL = Section(findings=(_finding("image.coverage", Severity.BLOCK, override=True),))
SOFT = Section(findings=(_finding("prompt.length", Severity.WARN),))


@pytest.mark.parametrize(
    ("report", "accepted", "tone", "offers_override"),
    [
        pytest.param(Report(), False, "ok", False, id="nothing found"),
        pytest.param(Report(pair=SOFT), False, "warn", False, id="a warning does not stop"),
        pytest.param(Report(video=HARD), False, "block", False, id="a hard limit stops"),
        pytest.param(Report(video=HARD), True, "block", False, id="a hard limit cannot be overridden"),
        pytest.param(Report(image=DOUBTFUL), False, "block", True, id="a doubtful block can be overridden"),
        pytest.param(Report(image=DOUBTFUL), True, "warn", True, id="it was overridden"),
        pytest.param(Report(image=DOUBTFUL, video=HARD), True, "block", True, id="one overridden, one not"),
    ],
)
def test_what_the_button_says(report, accepted, tone, offers_override):
    view = verdict_view(report, accepted=accepted)
    assert (view.tone, view.offers_override) == (tone, offers_override)
    assert view.may_run == (tone in {"ok", "warn"})
    assert view.text


def test_rows_say_what_they_are_about_worst_first():
    view = verdict_view(Report(image=DOUBTFUL, video=HARD, pair=SOFT), accepted=False)
    assert [(row["word"], row["about"]) for row in view.findings] == [
        ("Stops the run", "about the clip"),
        ("Stops the run", "about the picture"),
        ("May disappoint", ""),
    ]
    assert view.findings[0] == {
        "rule": "video.duration",
        "severity": "block",
        "word": "Stops the run",
        "about": "about the clip",
        "message": "The video.duration is off.",
        "advice": "Change it.",
        "source": "Kling's guide",
    }
