import pytest

from kling_ui.options import Orientation, Resolution, TransferOptions
from kling_ui.presentation.wording import NBSP, STATE_WORDS, STEP_WORDS
from kling_ui.runs.record import EngineName, RunState
from kling_ui.ui.views.run_status import PAST_RUNS_MAX, about_value, history_value
from kling_ui.ui.web.signed_files import SignedFiles


@pytest.fixture
def signed_files(tmp_path):
    return SignedFiles(tmp_path, b"secret")


def test_history_is_newest_first_and_names_what_is_shown(run_of, signed_files):
    runs = [
        run_of(run_id="old", created_at=0.0, state=RunState.CANCELLED),
        run_of(run_id="new", created_at=500.0, duration_s=6.0, state=RunState.COMPLETED, motion_match=93.2),
    ]
    value = history_value(signed_files, runs, current="old", now=560.0)
    assert [(run["run_id"], run["title"].replace(NBSP, " "), run["about"], run["more"]) for run in value["runs"]] == [
        ("new", "Preview, 6.0 s", "Finished, 1 min ago", "match 93"),
        ("old", "Preview", "Cancelled, 9 min ago", ""),
    ]
    assert (value["current"], value["has_paid"]) == ("old", False)


def test_a_paid_run_tells_its_cost_and_that_requests_may_be_recovered(run_of, signed_files):
    value = history_value(signed_files, [run_of(engine=EngineName.KLING, cost_usd=0.35)], current="r1", now=200.0)
    assert value["runs"][0]["more"] == "$0.35"
    assert value["has_paid"]


def test_the_steps_of_the_run_that_is_shown_have_words_and_times(run_of, signed_files):
    steps = [(RunState.PREPARING, 100.0), (RunState.UNKNOWN, 107.5)]
    value = history_value(signed_files, [run_of()], current="r1", now=200.0, steps=steps)
    assert value["steps"] == [{"words": "Asked for", "at": 100.0}, {"words": "Outcome unknown", "at": 107.5}]


def test_a_long_history_is_cut(run_of, signed_files):
    runs = [run_of(run_id=str(number)) for number in range(PAST_RUNS_MAX + 1)]
    assert len(history_value(signed_files, runs, current="", now=0.0)["runs"]) == PAST_RUNS_MAX


def test_every_state_has_words():
    assert set(STATE_WORDS) == set(STEP_WORDS) == set(RunState)


def test_a_run_whose_files_were_removed_is_told_apart(run_of, signed_files):
    gone = run_of(state=RunState.COMPLETED, image=None, reference=None, files_gone=True)
    (past,) = history_value(signed_files, [gone], current="r1", now=100.0)["runs"]
    assert (past["image"], past["about"]) == ("", "Finished, just now, files removed")


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
        ({"state": RunState.FAILED}, "files", "cannot be undone"),
        ({"state": RunState.UNKNOWN, "engine": EngineName.KLING, "request_id": "req-7"}, "not fetched", "req-7"),
        ({"state": RunState.FAILED, "engine": EngineName.KLING}, "files", "cannot be undone"),
    ],
)
def test_what_is_lost_is_said_before_a_run_is_deleted(run_of, more, loss, words):
    value = about_value(run_of(**more))
    assert (value["loss"], value["can_delete"]) == (loss, loss != "under way")
    assert words in value["loss_words"]


def test_a_name_stands_first_and_what_it_is_after_it(run_of, signed_files):
    run = run_of(state=RunState.COMPLETED, duration_s=6.0, name="The knight")
    value = history_value(signed_files, [run], current="r1", now=100.0, shown=run)
    assert (value["runs"][0]["title"], value["about"]["name"]) == ("The knight", "The knight")
    assert value["runs"][0]["about"].replace(NBSP, " ") == "Preview, 6.0 s, Finished, just now"
