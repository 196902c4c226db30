import pytest

from kling_ui.checks.repair_kinds import Repair, RepairKind
from kling_ui.checks.report import (
    Finding,
    Report,
    Section,
    Severity,
)
from kling_ui.ui.views.findings import verdict_view


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
        "repairs": [],
        "evidence": None,
    }


@pytest.mark.parametrize(
    ("report", "summary"),
    [
        (Report(), "Ready."),
        (Report(pair=SOFT), "Will run, but 1 finding may disappoint."),
        (Report(video=HARD), "Would fail: 1 finding stops the run."),
        (Report(image=DOUBTFUL, video=HARD, pair=SOFT), "Would fail: 2 findings stop the run, 1 may disappoint."),
    ],
)
def test_the_list_is_summed_up(report, summary):
    assert verdict_view(report, accepted=False).summary == summary


CONVERT = Repair(RepairKind.VIDEO_CONVERT, ("video.duration", "video.codec"), "Convert", "To MP4.")
CROP = Repair(RepairKind.IMAGE_CROP_AROUND, ("image.coverage",), "Crop", "Keeps less.")
PAD = Repair(RepairKind.IMAGE_PAD_TO_ASPECT, ("image.coverage",), "Pad", "Keeps all.", in_all=False)


def test_repairs_stand_beside_what_they_mend():
    view = verdict_view(Report(image=DOUBTFUL, video=HARD), accepted=False, repairs=(CROP, PAD, CONVERT))
    assert [[repair["label"] for repair in row["repairs"]] for row in view.findings] == [["Convert"], ["Crop", "Pad"]]
    assert view.repair_all == ("image.crop-around-character", "video.convert")
    assert view.more_words == "See and repair"


def test_one_repair_needs_no_button_for_all():
    view = verdict_view(Report(video=HARD), accepted=False, repairs=(CONVERT,))
    assert view.repair_all == ()
    assert verdict_view(Report(video=HARD), accepted=False).more_words == "Details"
