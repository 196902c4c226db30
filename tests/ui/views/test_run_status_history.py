import pytest

from kling_ui.options import Orientation, Resolution, TransferOptions
from kling_ui.presentation.wording import NBSP, STATE_WORDS, STEP_WORDS
from kling_ui.runs.record import EngineName, RunState
from kling_ui.ui.views.run_status import about_value


def test_every_state_has_words():
    assert set(STATE_WORDS) == set(STEP_WORDS) == set(RunState)


FACTS = {
    "image": {"facts": {"width_px": 720, "height_px": 1280, "format": "png"}},
    "video": {"facts": {"duration_s": 6.0, "width_px": 540, "height_px": 960, "fps": 24.0, "format": "mp4"}},
}
RESULT = {"duration_s": 6.0, "width_px": 720, "height_px": 1280, "fps": 24.0}
LONG = "A knight in silver armour. " * 90
DONE = {"image": [["image.convert", "Convert to PNG"]], "video": [["video.trim", "Keep 1.0\N{EN DASH}5.0 s"]]}


def _rows(run):
    return {name: text.replace(NBSP, " ") for name, text in about_value(run)["rows"]}


def test_a_run_tells_all_that_it_was_made_of(run_of):
    choice = TransferOptions(LONG, Orientation.IMAGE, keep_sound=False, resolution=Resolution.P1080)
    run = run_of(state=RunState.COMPLETED, choice=choice, findings=FACTS, repaired=DONE, name="", **RESULT)
    assert _rows(run) == {
        "Scene in words": LONG,
        "Orientation": "Image",
        "Sound": "Left out",
        "Size asked for": "1080p",
        "Picture": "720 × 1280 px, PNG",
        "Clip": "6.0 s, 540 × 960 px, 24 fps, MP4",
        "Repaired before": "Picture: Convert to PNG. Clip: Keep 1.0\N{EN DASH}5.0 s.",
        "Result": "6.0 s, 720 × 1280 px, 24 fps",
    }


def test_nothing_is_said_of_what_an_older_or_a_recovered_run_does_not_tell(run_of):
    older = run_of(engine=EngineName.KLING, choice=TransferOptions("Old"), findings={"verdict": "pass"})
    assert _rows(older) == {"Scene in words": "Old", "Orientation": "Video", "Sound": "Kept from the clip"}
    recovered = run_of(engine=EngineName.KLING, choice=TransferOptions(prompt=""), image=None, reference=None, **RESULT)
    assert list(_rows(recovered)) == ["Result"]
    assert not about_value(recovered)["can_use"]


@pytest.mark.parametrize(
    "findings",
    [None, {}, {"image": None}, {"image": []}, {"image": {"facts": 7}}, {"image": {"facts": {"width_px": "x"}}}],
)
def test_odd_findings_in_a_ledger_are_passed_over(run_of, findings):
    assert "Picture" not in _rows(run_of(findings=findings, repaired={"image": [], "video": None}))


@pytest.mark.parametrize(
    ("more", "loss", "words"),
    [
        ({"state": RunState.IN_PROGRESS}, "under way", "under way"),
        ({"state": RunState.IN_QUEUE, "needs_token": True, "engine": EngineName.KLING}, "under way", "Enter its token"),
        ({"state": RunState.FAILED}, "files", "put back for 10 minutes"),
        ({"state": RunState.UNKNOWN, "engine": EngineName.KLING, "request_id": "req-7"}, "not fetched", "req-7"),
        ({"state": RunState.FAILED, "engine": EngineName.KLING}, "files", "put back for 10 minutes"),
    ],
)
def test_what_is_lost_is_said_before_a_run_is_deleted(run_of, more, loss, words):
    value = about_value(run_of(**more))
    assert (value["loss"], value["can_delete"]) == (loss, loss != "under way")
    assert words in value["loss_words"]
