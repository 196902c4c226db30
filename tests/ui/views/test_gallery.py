from dataclasses import replace
from datetime import date

import pytest

from kling_ui.options import Orientation, TransferOptions
from kling_ui.presentation.gallery import differences, forecast_words
from kling_ui.presentation.wording import NBSP
from kling_ui.runs.gallery import ForecastRecord, GalleryOverview, SpentDay
from kling_ui.runs.ledger.gallery import GalleryPage, GalleryQuery, GallerySort, GalleryState, PageCursor
from kling_ui.runs.pricing import Charge
from kling_ui.runs.record import EngineName, RunState
from kling_ui.ui.views.gallery import compared_value, differences_value, history_value, read_query
from kling_ui.ui.web.signed_files import SignedFiles

DONE = {"state": RunState.COMPLETED, "duration_s": 6.0, "motion_match": 93.2}
PIECES = [{"time_s": 0.25, "score": 91.0, "note": ""}, {"time_s": 0.5, "score": None, "note": ""}]


@pytest.fixture
def signed_files(tmp_path):
    return SignedFiles(tmp_path, b"secret")


@pytest.fixture
def overview():
    """Makes an overview of some runs."""
    nothing = GalleryOverview(
        page=GalleryPage(runs=[], total=0, after=None),
        deleted=[],
        days=[],
        forecasts=ForecastRecord(),
        has_paid=False,
    )

    def make(*runs, after=None, **more):
        return replace(nothing, page=GalleryPage(runs=list(runs), total=len(runs), after=after), **more)

    return make


def test_a_run_tells_its_state_age_score_and_name(run_of, signed_files, overview):
    runs = [
        run_of(run_id="new", created_at=500.0, **DONE),
        run_of(run_id="old", created_at=0.0, state=RunState.CANCELLED, name="The knight", starred=True),
    ]
    value = history_value(signed_files, overview(*runs, after=PageCursor(0.0, 0.0, "old")), current="old", now=560.0)
    told = [(run["run_id"], run["title"].replace(NBSP, " "), run["about"], run["more"]) for run in value["runs"]]
    assert told == [
        ("new", "Preview, 6.0 s", "Finished, 1 min ago", "match 93"),
        ("old", "The knight", "Preview, Cancelled, 9 min ago", ""),
    ]
    assert [run["starred"] for run in value["runs"]] == [False, True]
    assert (value["current"], value["total"], value["after"]) == ("old", 2, [0.0, 0.0, "old"])


def test_the_small_picture_is_of_the_result_else_of_the_character_else_there_is_none(
    run_of, signed_files, overview, tmp_path
):
    (tmp_path / "result.mp4").write_bytes(b"x")
    runs = [
        run_of(result=tmp_path / "result.mp4", **DONE),
        run_of(),
        run_of(state=RunState.COMPLETED, image=None, reference=None, files_gone=True),
    ]
    with_result, without, gone = history_value(signed_files, overview(*runs), current="", now=100.0)["runs"]
    assert [card["poster"].partition("/")[0] for card in (with_result, without)] == ["posters", "posters"]
    assert (with_result["poster"][-10:], without["poster"][-9:], gone["poster"]) == ("result.mp4", "image.png", "")
    assert [card["can_compare"] for card in (with_result, without, gone)] == [True, False, False]
    assert gone["about"] == "Finished, just now, files removed"


def test_what_is_lost_with_a_run_stands_on_its_card_where_it_was_paid(run_of, signed_files, overview, tmp_path):
    paid = run_of(engine=EngineName.KLING, cost_usd=0.35, result=tmp_path / "result.mp4", **DONE)
    free, bought = history_value(signed_files, overview(run_of(**DONE), paid), current="", now=100.0)["runs"]
    assert (free["loss"], free["loss_words"]) == ("files", "")
    assert (bought["loss"], bought["more"]) == ("paid", "match 93, $0.35")
    assert "It was paid for $0.35" in bought["loss_words"]
    assert "put back for 24 hours" in bought["loss_words"]


def test_what_was_spent_forecast_and_deleted_is_told_once_for_all(run_of, signed_files, overview):
    now = 1_795_000_200.0
    days = [SpentDay(date(2026, 11, 18), 0.85, 2), SpentDay(date(2026, 11, 15), 0.42, 1)]
    value = history_value(
        signed_files,
        overview(
            deleted=[run_of(run_id="gone", name="By a slip", undo_until=now + 500)],
            days=days,
            forecasts=ForecastRecord(11, 12),
            has_paid=True,
        ),
        current="",
        now=now,
        steps=[(RunState.PREPARING, 100.0), (RunState.UNKNOWN, 107.5)],
    )
    assert value["spent"] == "Spent on Kling: $0.85 today, $1.27 in all."
    assert value["days"] == [("2026-11-18", "$0.85", "2 runs"), ("2026-11-15", "$0.42", "1 run")]
    assert value["forecasts"].replace(NBSP, " ") == "Forecast right in 11 of 12 paid runs; within 0.2 s."
    assert value["trash"][0]["run_id"] == "gone"
    assert value["trash"][0]["words"].replace(NBSP, " ") == "Deleted: By a slip. It can be put back for 9 min."
    assert value["steps"] == [{"words": "Asked for", "at": 100.0}, {"words": "Outcome unknown", "at": 107.5}]
    assert value["has_paid"]


def test_nothing_is_said_of_what_never_was(signed_files, overview):
    value = history_value(signed_files, overview(), current="", now=100.0)
    assert (value["spent"], value["days"], value["forecasts"], value["trash"]) == ("", [], "", [])
    assert "in 1 of 1 paid run;" in forecast_words(ForecastRecord(1, 1))


def test_compared_runs_stand_beside_one_reference_and_tell_what_differs(run_of, signed_files, tmp_path):
    result = tmp_path / "result.mp4"
    preview = run_of(
        result=result, charge=Charge.NO, fps=24.0, motion={"starts_at_s": 0.25, "timeline": PIECES},
        image_sha256="a", reference_sha256="c", choice=TransferOptions("A robot"), **DONE
    )  # fmt: skip
    other = replace(
        preview,
        run_id="r2",
        engine=EngineName.KLING,
        charge=Charge.YES,
        cost_usd=0.35,
        image_sha256="b",
        choice=TransferOptions("A robot", Orientation.IMAGE),
        name="Paid",
    )
    value = compared_value(signed_files, [preview, other])
    assert (value["run_id"], value["reference"]) == ("", signed_files.url(preview.reference))
    told = [(one["run_id"], one["label"].replace(NBSP, " "), one["score"], one["offset"]) for one in value["results"]]
    assert told == [("r1", "Preview, 6.0 s", 93.2, 0.25), ("r2", "Paid", 93.2, 0.25)]
    assert value["results"][0]["src"] == signed_files.url(result)
    assert value["results"][1]["pieces"] == [{"at_s": 0.25, "score": 91.0}, {"at_s": 0.5, "score": None}]
    assert differences_value([preview, other])["rows"] == [
        ["Engine", "Preview", "Kling"],
        ["Character", "A", "B"],
        ["Orientation", "Video", "Image"],
        ["Cost", "free", "$0.35"],
    ]
    assert differences([preview, preview]) == []


@pytest.mark.parametrize(
    ("given", "query"),
    [
        ({}, GalleryQuery()),
        ({"query": 7, "after": 7}, GalleryQuery()),
        ({"query": {"text": 7, "engine": [], "state": {}, "starred": "yes", "sort": None}}, GalleryQuery()),
        ({"query": {"engine": "nobody", "state": "any", "sort": "oldest"}}, GalleryQuery()),
        ({"after": [True, 1.0, "r"]}, GalleryQuery()),
        ({"after": [1.0, 1.0]}, GalleryQuery()),
        ({"after": [1, 2.5, "r"]}, GalleryQuery(after=PageCursor(1.0, 2.5, "r"))),
        (
            {"query": {"text": "x" * 999, "engine": "kling", "state": "ended", "starred": True, "sort": "cost"}},
            GalleryQuery(
                text="x" * 200,
                engine=EngineName.KLING,
                state=GalleryState.ENDED,
                starred=True,
                sort=GallerySort.COST,
            ),
        ),
    ],
)
def test_what_a_browser_asks_for_is_read_with_care(given, query):
    assert read_query(given) == query
