from dataclasses import asdict

import pytest

from kling_ui.options import Orientation
from kling_ui.presentation.wording import NBSP
from kling_ui.runs.record import RunState
from kling_ui.scoring.limbs import Limb
from kling_ui.scoring.match import Lag, LimbMatch, MatchMoment, MotionMatch, TimeSpan
from kling_ui.ui.views.result import MEANING, MEANING_OF_CHANGES, NOTHING_TO_COMPARE, UNMEASURED, score_value

MATCH = MotionMatch(
    Orientation.VIDEO,
    6.0,
    4.0,
    score=92.6,
    limb_error_deg=3.24,
    pck_20deg_share=0.98,
    akd_shoulder_widths=0.084,
    mkr_share=0.0,
    visibility=0.99,
    hands_score=71.4,
    lag=Lag(0.1, 2.4, 0.01, 95.0),
    missing=(TimeSpan(5.0, 6.0, "is over"),),
    limbs=(
        LimbMatch(Limb.TORSO, True, 1.0, 0.2, 1.0, 1.0, 10.0, ""),
        LimbMatch(Limb.LEFT_SHIN, True, None, None, None, 0.0, 0.0, "hidden in the result"),
        LimbMatch(Limb.LEFT_HAND, False, 9.0, 0.2, 0.9, 0.5, 0.0, ""),
    ),
    timeline=(MatchMoment(0.0, 95.0, 2.0), MatchMoment(0.25, None, None), MatchMoment(0.5, 40.0, 30.0)),
)


def _score(run_of, tmp_path, motion, **changes):
    usual = {"state": RunState.COMPLETED, "result": tmp_path / "result.mp4", "motion": motion}
    return score_value(run_of(**(usual | changes)))


@pytest.mark.parametrize("changes", [{"result": None}, {"state": RunState.SCORING}], ids=["no result", "measuring"])
def test_there_is_nothing_to_say_before_it_is_measured(run_of, tmp_path, changes):
    assert _score(run_of, tmp_path, MATCH.to_json(), **changes) is None


def test_the_figure_is_explained_and_what_matters_is_said(run_of, tmp_path):
    value = _score(run_of, tmp_path, MATCH.to_json())
    assert value["meaning"] == MEANING
    assert value["words"].startswith("From 5.0 to 6.0 s the result is over. It follows 2.4 frames")
    assert {name: text.replace(NBSP, " ") for name, text in value["figures"]} == {
        "Mean limb error": "3.2°",
        "Within 20°": "98 %",
        "Joint distance": "0.08 shoulder widths",
        "Joints missing": "0 %",
        "Hands alone": "71 of 100",
        "Lag": "2.4 frames late",
        "Missing": "1.0 s",
    }


def test_every_limb_has_a_row_and_says_why_it_does_not_count(run_of, tmp_path):
    torso, shin, hand = _score(run_of, tmp_path, MATCH.to_json())["limbs"]
    assert (torso["name"], torso["error"], torso["note"]) == ("Torso", "1.0°", "")
    assert (shin["name"], shin["error"], shin["note"]) == ("Left shin", "", "hidden in the result")
    assert (hand["within"].replace(NBSP, " "), hand["note"]) == ("90 %", "listed only")


def test_the_timeline_counts_in_the_references_seconds_wherever_the_result_begins(run_of, tmp_path):
    value = _score(run_of, tmp_path, MATCH.to_json() | {"starts_at_s": 1.5})
    assert value["pieces"][0] == {"at_s": 0.0, "score": 95.0}
    assert value["pieces"][1]["score"] is None
    assert value["step_s"] == 0.25
    assert [(gap["from_s"], gap["to_s"]) for gap in value["missing"]] == [(5.0, 6.0)]


def test_changes_of_direction_are_named_as_such(run_of, tmp_path):
    motion = MATCH.to_json() | {"orientation": "image"}
    assert _score(run_of, tmp_path, motion)["meaning"] == MEANING_OF_CHANGES


def test_no_figure_is_said_with_its_reason(run_of, tmp_path):
    motion = MotionMatch(Orientation.VIDEO, 6.0, 6.0, reason="nobody was found in the result.").to_json()
    value = _score(run_of, tmp_path, motion)
    assert value["words"] == "The motion match could not be measured: nobody was found in the result."
    assert value["pieces"] == []
    assert "limbs" not in value


def test_what_was_never_measured_is_said(run_of, tmp_path):
    assert _score(run_of, tmp_path, None)["words"] == UNMEASURED
    assert _score(run_of, tmp_path, None, image=None, reference=None)["words"] == NOTHING_TO_COMPARE


def test_an_older_ledger_knows_the_figure_alone(run_of, tmp_path):
    value = _score(run_of, tmp_path, {"score": 91.5})
    assert (value["words"], value["figures"], value["limbs"], value["pieces"]) == ("", [], [], [])


def test_the_page_knows_every_field_it_reads():
    assert {"limbs", "timeline", "missing", "lag", "starts_at_s", "reference_s", "result_s"} <= set(asdict(MATCH))
