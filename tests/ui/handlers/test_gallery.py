import asyncio
from types import SimpleNamespace

import gradio as gr
import pytest

from kling_ui.errors import RunError
from kling_ui.runs.ledger.gallery import GallerySort
from kling_ui.runs.record import EngineName, RunState
from kling_ui.runs.run_view import DeletionLoss, LossError
from kling_ui.ui.handlers.gallery import GalleryHandlers
from kling_ui.ui.handlers.run_display import RunDisplay

VISITOR = "v" * 43
TAB = SimpleNamespace(session_hash="tab", request=None)


def _told(**data):
    return SimpleNamespace(_data=data)


@pytest.fixture
def handlers(services):
    return GalleryHandlers(lambda: services, RunDisplay(lambda: services))


def test_a_run_is_named_where_it_is_shown(handlers, runner, run_of):
    runner.views = [run_of(state=RunState.COMPLETED, name="The knight")]
    history = asyncio.run(handlers.on_rename(_told(run_id="r1", name="The knight"), VISITOR, TAB))
    assert runner.changed == [("r1", VISITOR, "The knight")]
    assert (history["about"]["name"], history["runs"][0]["title"]) == ("The knight", "The knight")


@pytest.mark.parametrize(("given", "starred"), [(True, True), (False, False), ("yes", False), (None, False)])
def test_a_run_is_marked(handlers, runner, given, starred):
    assert asyncio.run(handlers.on_star(_told(run_id="r1", starred=given), VISITOR, TAB)) == gr.skip()
    assert runner.changed == [("r1", VISITOR, starred)]


def test_a_run_is_deleted_by_somebody_who_was_told_what_is_lost(handlers, runner, run_of):
    runner.views = [run_of(state=RunState.COMPLETED)]
    told = _told(run_id="r1", loss="files", current="r1")
    status, player, history = asyncio.run(handlers.on_delete(told, VISITOR, TAB))
    assert runner.changed == [("r1", VISITOR, DeletionLoss.FILES)]
    assert (status["sentence"], player) == ("The run was deleted.", {})
    assert (history["deleted"], history["current"], history["runs"]) == ("r1", "", [])


def test_the_run_that_is_shown_stays_when_another_one_is_deleted(handlers, runner, run_of, monkeypatch):
    shown = run_of(run_id="r2", state=RunState.COMPLETED)
    runner.views = [shown]

    async def view(*_):
        return shown

    monkeypatch.setattr(runner, "view", view)
    told = _told(run_id="r1", loss="files", current="r2")
    status, player, history = asyncio.run(handlers.on_delete(told, VISITOR, TAB))
    assert (status, player, history["current"], history["deleted"]) == (gr.skip(), gr.skip(), "r2", "r1")
    assert history["about"]["run_id"] == "r2"


@pytest.mark.parametrize("loss", [None, "", "everything", 7, "under way"])
def test_what_nobody_was_told_is_taken_for_a_run_under_way(handlers, runner, loss):
    asyncio.run(handlers.on_delete(_told(run_id="r1", loss=loss), VISITOR, TAB))
    assert runner.changed == [("r1", VISITOR, DeletionLoss.UNDER_WAY)]


def test_a_deleted_run_is_put_back_among_the_others(handlers, runner, run_of):
    runner.views = [run_of(state=RunState.COMPLETED)]
    history = asyncio.run(handlers.on_restore(_told(run_id="r1", current=""), VISITOR, TAB))
    assert runner.changed == [("r1", VISITOR, "restored")]
    assert (history["restored"], len(history["runs"])) == ("r1", 1)


def test_why_something_is_not_done_is_said_there(handlers, runner, run_of):
    runner.refusal = LossError(run_of(state=RunState.IN_PROGRESS))
    status, player, history = asyncio.run(handlers.on_delete(_told(run_id="r1", loss="files"), VISITOR, TAB))
    assert (status, player, history["said"]["run_id"]) == (gr.skip(), gr.skip(), "r1")
    assert "under way" in history["said"]["words"]
    runner.refusal = RunError("This run is not known here.")
    for handle in (handlers.on_rename, handlers.on_star, handlers.on_restore):
        said = asyncio.run(handle(_told(run_id="r1", name="x"), VISITOR, TAB))["said"]
        assert said["words"] == "This run is not known here."
    *_, compared = asyncio.run(handlers.on_compare_runs(_told(run_ids=["r1", "r2"]), VISITOR, TAB))
    assert compared["said"]["words"] == "This run is not known here."
    listed = asyncio.run(handlers.on_browse(_told(asked=4), VISITOR, TAB))["listed"]
    assert (listed["asked"], listed["words"]) == (4, "This run is not known here.")


def test_runs_are_looked_for_and_the_answer_names_its_question(handlers, runner, run_of):
    runner.views = [run_of(state=RunState.COMPLETED)]
    told = _told(query={"text": "knight", "sort": "score"}, after=[1.0, 2.0, "r0"], asked=3)
    listed = asyncio.run(handlers.on_browse(told, VISITOR, TAB))["listed"]
    assert (listed["asked"], listed["total"], [run["run_id"] for run in listed["runs"]]) == (3, 1, ["r1"])
    ((visitor, query),) = runner.gallery.asked
    assert (visitor, query.text, query.sort, query.after) == (VISITOR, "knight", GallerySort.SCORE, (1.0, 2.0, "r0"))


@pytest.mark.parametrize(
    ("given", "asked"), [(["r1", "r2"], ["r1", "r2"]), ("r1", []), ([7, None], ["", ""]), (["r"] * 99, ["r"] * 8)]
)
def test_chosen_runs_are_shown_beside_each_other(handlers, runner, run_of, given, asked):
    done = {"state": RunState.COMPLETED, "result": run_of().image}
    runner.views = [run_of(run_id="r1", **done), run_of(run_id="r2", name="Other", **done)]
    status, player, history = asyncio.run(handlers.on_compare_runs(_told(run_ids=given), VISITOR, TAB))
    assert runner.gallery.asked == [(VISITOR, asked)]
    assert (status, [one["run_id"] for one in player["results"]]) == ({}, ["r1", "r2"])
    assert history["compared"]["run_ids"] == ["r1", "r2"]


def test_a_finished_run_offers_to_stand_beside_the_same_request_on_the_other_engine(handlers, runner, run_of):
    done = {"state": RunState.COMPLETED, "result": run_of().image}
    runner.views = [run_of(engine=EngineName.KLING, **done)]
    about = asyncio.run(handlers.on_rename(_told(run_id="r1", name=""), VISITOR, TAB))["about"]
    assert "beside" not in about
    runner.gallery.other = run_of(run_id="r0", **done)
    about = asyncio.run(handlers.on_rename(_told(run_id="r1", name=""), VISITOR, TAB))["about"]
    assert about["beside"] == {"run_ids": ["r0", "r1"], "label": "Show beside its preview"}
