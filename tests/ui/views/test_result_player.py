import pytest

from kling_ui.presentation.wording import NBSP
from kling_ui.runs.record import EngineName, RunState
from kling_ui.ui.views.result import NO_INPUTS, player_value
from kling_ui.ui.web.signed_files import SignedFiles


@pytest.fixture
def signed_files(tmp_path):
    return SignedFiles(tmp_path, b"secret")


def _facts(value):
    return {name: (text.replace(NBSP, " "), more) for name, text, more in value["facts"]}


def test_a_running_run_shows_its_inputs(run_of, signed_files):
    value = player_value(signed_files, run_of(state=RunState.IN_PROGRESS))
    assert value["image"].endswith("/image.png")
    assert value["reference"].endswith("/reference.mp4")
    assert (value["result"], value["waiting"], value["facts"]) == ("", "On its way", [])


def test_a_result_is_shown_with_its_figures(run_of, signed_files, tmp_path):
    run = run_of(
        state=RunState.COMPLETED,
        result=tmp_path / "result.mp4",
        duration_s=12.0,
        fps=24.0,
        width_px=720,
        height_px=1280,
        motion_match=93.2,
    )
    value = player_value(signed_files, run)
    assert _facts(value) == {
        "Motion match": ("93 of 100", ""),
        "Length": ("12.0 s", ""),
        "Rate": ("24 fps", ""),
        "Size": ("720 × 1280 px", ""),
    }
    assert value["ratio"] == 720 / 1280
    assert value["label"] == "Preview, rendered by this app, not Kling"
    assert (value["waiting"], value["remark"]) == ("", "")


def test_a_result_lies_where_it_begins_in_its_reference(run_of, signed_files, tmp_path):
    motion = {"score": 90.0, "starts_at_s": 1.25}
    run = run_of(result=tmp_path / "result.mp4", fps=30.0, motion_match=90.0, motion=motion)
    (result,) = player_value(signed_files, run)["results"]
    assert (result["run_id"], result["offset"], result["fps"], result["score"]) == ("r1", 1.25, 30.0, 90.0)
    assert result["src"].endswith("/result.mp4")
    assert player_value(signed_files, run_of())["results"] == []


def test_only_a_paid_result_shows_its_cost_beside_what_was_expected(run_of, signed_files, tmp_path):
    done = {"state": RunState.COMPLETED, "result": tmp_path / "result.mp4", "estimate_usd": 0.84}
    assert "Cost" not in _facts(player_value(signed_files, run_of(**done, cost_usd=0.0)))
    paid = run_of(**done, engine=EngineName.KLING, cost_usd=0.77)
    assert _facts(player_value(signed_files, paid))["Cost"] == ("$0.77", "about $0.84 expected")
    untold = run_of(**done, engine=EngineName.KLING)
    assert _facts(player_value(signed_files, untold))["Cost"] == ("not told", "about $0.84 expected")
    ended = run_of(state=RunState.CANCELLED, engine=EngineName.KLING, estimate_usd=0.84)
    assert "Cost" not in _facts(player_value(signed_files, ended))


def test_a_recovered_result_plays_alone_and_says_why(run_of, signed_files, tmp_path):
    run = run_of(state=RunState.COMPLETED, result=tmp_path / "result.mp4", image=None, reference=None)
    value = player_value(signed_files, run)
    assert (value["image"], value["reference"], value["remark"]) == ("", "", NO_INPUTS)
    assert [result["offset"] for result in value["results"]] == [0.0]


def test_a_run_whose_files_were_removed_says_so(run_of, signed_files):
    view = run_of(state=RunState.COMPLETED, image=None, reference=None, files_gone=True)
    value = player_value(signed_files, view)
    assert (value["image"], value["reference"], value["result"]) == ("", "", "")
    assert (value["waiting"], value["remark"]) == ("No result", "Files of this run are no longer kept here.")


@pytest.mark.parametrize(
    ("motion", "words"),
    [
        ({"apart": ["left forearm"]}, "follows, except the left forearm"),
        (
            {"is_turned_round": True, "turned_round_score": 94.4},
            "is turned round, one shows the back and the other the front;"
            " with left and right exchanged it matches 94 of 100",
        ),
    ],
    ids=["a limb apart", "turned round"],
)
def test_words_stand_where_a_figure_would_accuse(run_of, signed_files, tmp_path, motion, words):
    run = run_of(
        state=RunState.COMPLETED, result=tmp_path / "result.mp4", motion_match=3.0, motion={"score": 3.0} | motion
    )
    assert _facts(player_value(signed_files, run))["Motion match"] == (words, "")
