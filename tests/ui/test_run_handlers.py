import asyncio

import gradio as gr
import pytest

from kling_ui.choice import Choice, Orientation
from kling_ui.errors import RunError
from kling_ui.runs.record import EngineName, RunState
from kling_ui.ui.examples import EXAMPLES
from kling_ui.ui.run_handlers import RunHandlers, known_visitor, new_visitor
from kling_ui.ui.wish import Wish

TAB = gr.Request(session_hash="tab")
VISITOR = "v" * 43


def _told(**data):
    return gr.EventData(None, data)


def _all(stages):
    async def collect():
        return [stage async for stage in stages]

    return asyncio.run(collect())


@pytest.fixture
def handlers(services):
    return RunHandlers(lambda: services)


@pytest.fixture
def headline(services):
    folder, example = services.examples, EXAMPLES[0]
    wish = Wish(folder / example.image, folder / example.video, Choice("In a garden"))
    return {"wish": wish.to_value(services.locker)}


@pytest.fixture
def ends_well(runner, run_of, tmp_path):
    runner.views = [
        run_of(state=RunState.PREPARING),
        run_of(state=RunState.IN_PROGRESS, progress=0.5),
        run_of(state=RunState.IN_PROGRESS, progress=0.9),
        run_of(state=RunState.COMPLETED, result=tmp_path / "result.mp4", fps=24.0),
    ]


def test_visitors_cannot_be_guessed():
    assert known_visitor(new_visitor())
    assert new_visitor() != new_visitor()


@pytest.mark.parametrize("text", ["", None, "short", "v" * 65, "v" * 42 + "'", {"v": 1}])
def test_other_ids_are_not_taken(text):
    assert known_visitor(text) is None


def test_a_new_visitor_gets_an_id_and_an_old_one_keeps_theirs(handlers):
    assert known_visitor(asyncio.run(handlers.on_arrival("")))
    assert asyncio.run(handlers.on_arrival(VISITOR)) == VISITOR


@pytest.mark.usefixtures("ends_well")
def test_a_run_is_started_and_shown_to_its_end(handlers, headline, runner):
    stages = _all(handlers.on_run(headline, "preview", "", VISITOR, TAB))
    started = runner.started[0]
    assert (started["engine"], started["visitor"], started["token"]) == (EngineName.PREVIEW, VISITOR, None)
    assert started["inputs"].choice == Choice("In a garden")
    assert started["inputs"].findings["verdict"] == "warn"
    assert [status.get("progress") for status, _, _ in stages] == [None, 0.5, 0.9, None]
    assert stages[-1][0]["final"]
    assert stages[-1][1]["result"].endswith("result.mp4")


@pytest.mark.usefixtures("ends_well")
def test_what_did_not_change_is_not_sent_again(handlers, headline):
    stages = _all(handlers.on_run(headline, "preview", "", VISITOR, TAB))
    assert [player == gr.skip() for _, player, _ in stages] == [False, True, True, False]
    assert [history == gr.skip() for _, _, history in stages] == [False, False, True, False]


@pytest.mark.usefixtures("ends_well")
def test_a_visitors_token_goes_along_as_a_secret(handlers, headline, runner):
    _all(handlers.on_run(headline, "kling", " tok-123 ", VISITOR, TAB))
    assert runner.started[0]["token"].get_secret_value() == "tok-123"


@pytest.mark.parametrize(
    ("wish", "token", "visitor"),
    [(None, "", VISITOR), ({"image": "forged"}, "", VISITOR), ("good", "", ""), ("good", "two words", VISITOR)],
    ids=["no wish", "forged files", "no visitor", "no token"],
)
def test_what_cannot_be_started_is_said(handlers, headline, wish, token, visitor):
    carried = headline if wish == "good" else {"wish": wish}
    ((status, player, _),) = _all(handlers.on_run(carried, "kling", token, visitor, TAB))
    words = "This cannot be a RunComfy token." if token else "The inputs are not ready to run."
    assert status["sentence"] == words
    assert player == gr.skip()
    assert handlers._services().runner.started == []


def test_what_the_checks_block_is_not_started_whatever_the_browser_says(handlers, headline, runner):
    headline["wish"]["orientation"] = Orientation.IMAGE.value  # the clip lasts 12 s
    ((status, _, _),) = _all(handlers.on_run(headline, "preview", "", VISITOR, TAB))
    assert status["sentence"].startswith("Would fail:")
    assert runner.started == []


def test_a_refusal_of_the_engine_is_said(handlers, headline, runner):
    runner.refusal = RunError("A run on Kling needs a RunComfy token.", advice="Enter one.")
    ((status, _, _),) = _all(handlers.on_run(headline, "kling", "", VISITOR, TAB))
    assert (status["sentence"], status["advice"]) == ("A run on Kling needs a RunComfy token.", "Enter one.")


def test_an_unforeseen_error_is_no_traceback(handlers, headline, runner):
    runner.refusal = ZeroDivisionError("secret detail")
    ((status, _, _),) = _all(handlers.on_run(headline, "preview", "", VISITOR, TAB))
    assert status["sentence"] == "Something went wrong inside the app."


@pytest.mark.usefixtures("ends_well")
def test_opening_another_run_ends_the_older_view(handlers, headline):
    async def both():
        older = handlers.on_run(headline, "preview", "", VISITOR, TAB)
        await anext(older)
        newer = handlers.on_open(_told(run_id="r2"), VISITOR, TAB)
        await anext(newer)
        return [stage async for stage in older]

    assert asyncio.run(both()) == []


def test_a_returning_visitor_sees_the_newest_run(handlers, runner, run_of):
    runner.views = [run_of(state=RunState.CANCELLED, sentence="Cancelled.")]
    ((status, _, history),) = _all(handlers.on_return(VISITOR, TAB))
    assert status["sentence"] == "Cancelled."
    assert len(history["runs"]) == 1


@pytest.mark.parametrize("visitor", [VISITOR, "", None])
def test_a_new_visitor_sees_no_run(handlers, visitor):
    assert _all(handlers.on_return(visitor, TAB)) == [(gr.skip(), gr.skip(), gr.skip())]


def test_cancelling_says_what_it_achieved(handlers, runner):
    update = asyncio.run(handlers.on_cancel(_told(run_id="r1"), VISITOR))
    assert update["note"] == {"run_id": "r1", "words": "Stopped."}
    assert runner.cancelled == [("r1", VISITOR)]


def test_somebody_elses_run_cannot_be_opened(handlers, runner):
    runner.refusal = RunError("There is no such run.")
    ((status, _, _),) = _all(handlers.on_open(_told(run_id="r9"), VISITOR, TAB))
    assert status["sentence"] == "There is no such run."


@pytest.mark.usefixtures("ends_well")
def test_a_token_takes_waiting_runs_up_again(handlers, runner):
    runner.waiting = ["r1"]
    stages = _all(handlers.on_token("tok-123", VISITOR, TAB))
    assert stages[-1][0]["final"]
    runner.waiting = []
    assert _all(handlers.on_token("tok-123", VISITOR, TAB)) == [(gr.skip(), gr.skip(), gr.skip())]


def test_a_comparison_needs_a_result(handlers, runner, run_of):
    runner.views = [run_of()]
    update = asyncio.run(handlers.on_compare(_told(run_id="r1"), VISITOR))
    assert update["comparison"]["error"] == "This run has no result to compare."


def test_a_comparison_is_made_once(handlers, runner, run_of, canned, tmp_path):
    result = tmp_path / "result.mp4"
    runner.views = [run_of(state=RunState.COMPLETED, result=result)]
    canned["side_by_side"] = lambda *paths: paths[-1].write_bytes(b"mp4")
    update = asyncio.run(handlers.on_compare(_told(run_id="r1"), VISITOR))
    assert update["comparison"]["url"].endswith("/comparison.mp4")
    assert update["comparison"]["name"] == "comparison-preview-r1.mp4"
    canned["side_by_side"] = AssertionError("made twice")
    assert asyncio.run(handlers.on_compare(_told(run_id="r1"), VISITOR)) == update


def test_inputs_stand_where_their_result_will_be(handlers, headline):
    image, video = {"ref": headline["wish"]["image"]}, {"ref": headline["wish"]["video"]}
    shown = asyncio.run(handlers.on_inputs(image, video))["pair"]
    assert shown["image"].endswith(EXAMPLES[0].image)
    assert shown["reference"].endswith(EXAMPLES[0].video)
    assert asyncio.run(handlers.on_inputs(image, None))["pair"]["reference"] == ""
