import pytest

from kling_ui.checks.limits import LimitSource
from kling_ui.checks.repair_kinds import Repair, RepairCode
from kling_ui.checks.report import Finding, FindingCode, Report, Section, Severity
from kling_ui.runs.record import EngineName
from kling_ui.ui.views.findings import verdict_view


def _finding(code, severity, *, override=False, **values):
    return Finding(code, severity, 1, LimitSource.KLING, values, override=override)


SHORT = _finding(FindingCode.VIDEO_DURATION_SHORT, Severity.BLOCK, duration_s=2.0, limit_s=3.0)
SMALL = _finding(FindingCode.IMAGE_COVERAGE, Severity.BLOCK, override=True, share=0.02, limit_share=0.05)
HARD, DOUBTFUL = Section(findings=(SHORT,)), Section(findings=(SMALL,))
SOFT = Section(findings=(_finding(FindingCode.PROMPT_LENGTH, Severity.WARN, length=2501, limit=2500),))


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
        "message": "The clip lasts 2 s; at least 3 s are needed.",
        "advice": "Choose a longer clip.",
        "source": "Kling's API text and guide",
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


SIZE = {"width_px": 600, "height_px": 800}
CONVERT = Repair(RepairCode.VIDEO_CONVERT, ("video.duration", "video.codec"), {"fps": 25.0, "has_sound": False})
CROP = Repair(RepairCode.IMAGE_CROP_AROUND, ("image.coverage",), SIZE | {"share": 0.15})
PAD = Repair(RepairCode.IMAGE_PAD_TO_ASPECT, ("image.coverage",), SIZE | {"shape": "1:2.5"}, in_all=False)


def test_repairs_stand_beside_what_they_mend():
    view = verdict_view(Report(image=DOUBTFUL, video=HARD), accepted=False, repairs=(CROP, PAD, CONVERT))
    assert [[repair["label"] for repair in row["repairs"]] for row in view.findings] == [
        ["Convert to MP4 (H.264)"],
        ["Crop around the character", "Add background to 1:2.5"],
    ]
    assert view.repair_all == ("image.crop-around-character", "video.convert")
    assert view.more_words == "See and repair"


def test_one_repair_needs_no_button_for_all():
    view = verdict_view(Report(video=HARD), accepted=False, repairs=(CONVERT,))
    assert view.repair_all == ()
    assert verdict_view(Report(video=HARD), accepted=False).more_words == "Details"


NOBODY = _finding(FindingCode.VIDEO_PERSON_NOBODY, Severity.WARN)
LOST = _finding(
    FindingCode.VIDEO_USABLE_TOO_SHORT, Severity.BLOCK, override=True, at_best_s=0.0, limit_s=3.0, lost_to=()
)
EMPTY, LOST_TOO = Section(findings=(NOBODY,)), Section(findings=(LOST, NOBODY))


@pytest.mark.parametrize(
    ("video", "engine", "accepted", "text", "stop"),
    [
        (EMPTY, EngineName.KLING, False, "Will run, but", ""),
        (EMPTY, EngineName.PREVIEW, False, "The preview would fail:", "No person found in the clip"),
        (EMPTY, EngineName.PREVIEW, True, "The preview tries it, but", ""),
        (LOST_TOO, EngineName.KLING, False, "Would fail:", ""),
        (LOST_TOO, EngineName.PREVIEW, False, "Would fail:", "No person found in the clip"),
        (LOST_TOO, EngineName.PREVIEW, True, "The preview tries it, but", ""),
        (LOST_TOO, EngineName.KLING, True, "Will run, but", ""),
        (HARD, EngineName.PREVIEW, False, "Would fail:", ""),
        (Section(), EngineName.PREVIEW, False, "Ready.", ""),
    ],
)
def test_the_preview_says_what_it_cannot_draw_and_promises_nothing(video, engine, accepted, text, stop):
    view = verdict_view(Report(video=video), accepted=accepted, engine=engine)
    assert view.text.startswith(text)
    assert view.stop == stop
    assert view.summary.startswith(text.removesuffix(":").replace("The preview would", "Would"))
    assert not (view.may_run and view.stop)
