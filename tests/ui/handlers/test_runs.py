import asyncio
from dataclasses import replace

import gradio as gr
import pytest
from pydantic import SecretStr
from starlette.requests import Request

from kling_ui.errors import RunError
from kling_ui.options import Orientation, Resolution, TransferOptions
from kling_ui.presentation.wording import NBSP
from kling_ui.runs.pricing import Budget, Spending
from kling_ui.runs.record import EngineName, RunState, StartCode
from kling_ui.runs.runner import Start
from kling_ui.runs.submission import NoTokenError
from kling_ui.ui.browser_values import RunRequest
from kling_ui.ui.examples import EXAMPLES
from kling_ui.ui.handlers.gallery import GalleryHandlers
from kling_ui.ui.handlers.run_display import RunDisplay
from kling_ui.ui.handlers.runs import RunHandlers
from kling_ui.ui.handlers.take_away import TakeAwayHandlers

TAB = gr.Request(session_hash="tab")
VISITOR = "v" * 43
NOTHING = [(gr.skip(), gr.skip(), gr.skip())]


def _told(**data):
    return gr.EventData(None, data)


def _run(handlers, run_request, engine="preview", *, line=None, visitor=VISITOR):
    return _all(handlers.on_run(run_request, {"rate_usd": 0.07}, engine, line, "1080p", visitor, None, TAB))


def _all(displays):
    async def collect():
        return [display async for display in displays]

    return asyncio.run(collect())


@pytest.fixture
def handlers(services, canned_upright):
    """Handlers of a page whose clip shows somebody all the time."""
    canned_upright["probe_image"] = replace(
        canned_upright["probe_image"], width_px=1244, height_px=1826
    )  # sizes to choose
    return RunHandlers(lambda: services)


@pytest.fixture
def run_request(services):
    folder, example = services.examples, EXAMPLES[0]
    carried = RunRequest(folder / example.image, folder / example.video, TransferOptions("In a garden"), accepted=True)
    return carried.to_value(services.signed_files)


@pytest.fixture
def ends_well(runner, run_of, tmp_path):
    runner.views = [
        run_of(state=RunState.PREPARING),
        run_of(state=RunState.IN_PROGRESS, progress=0.5),
        run_of(state=RunState.IN_PROGRESS, progress=0.9),
        run_of(state=RunState.COMPLETED, result=tmp_path / "result.mp4", fps=24.0),
    ]


@pytest.mark.usefixtures("ends_well")
def test_a_run_is_started_and_shown_to_its_end(handlers, run_request, runner):
    displays = _run(handlers, run_request)
    started = runner.started[0]
    assert (started["engine"], started["visitor"], started["token"]) == (EngineName.PREVIEW, VISITOR, None)
    assert (started["again"], started["shown_rate_usd"]) == (False, 0.07)
    assert started["inputs"].choice == TransferOptions("In a garden", resolution=Resolution.P1080)
    assert started["inputs"].findings["verdict"] == "warn"
    assert [status.get("progress") for status, _, _ in displays] == [None, 0.5, 0.9, None]
    assert displays[-1][0]["final"]
    assert displays[-1][1]["result"].endswith("result.mp4")


@pytest.mark.usefixtures("ends_well")
def test_a_size_that_the_picture_does_not_give_is_not_noted(handlers, run_request, runner, canned):
    canned["probe_image"] = replace(canned["probe_image"], width_px=720, height_px=1280)
    _run(handlers, run_request)
    assert runner.started[0]["inputs"].choice.resolution is Resolution.P720


@pytest.mark.usefixtures("ends_well")
def test_what_did_not_change_is_not_sent_again(handlers, run_request):
    displays = _run(handlers, run_request)
    assert [player == gr.skip() for _, player, _ in displays] == [False, True, True, False]
    assert [history == gr.skip() for _, _, history in displays] == [False, False, True, False]


@pytest.mark.usefixtures("ends_well")
@pytest.mark.parametrize(("engine", "token"), [("kling", SecretStr("tok-123")), ("preview", None)])
def test_a_visitors_kept_token_goes_along_where_it_is_needed(handlers, run_request, services, engine, token):
    services.tokens.keep(VISITOR, SecretStr("tok-123"))
    _run(handlers, run_request, engine)
    (started,) = services.runner.started
    assert started["token"] == token
    size = Resolution.P1080 if engine == "preview" else Resolution.P720  # nobody asks Kling for a size
    assert started["inputs"].choice.resolution is size


@pytest.mark.parametrize(
    "run_request",
    [None, {"image": "forged"}],
    ids=["no wish", "forged files"],
)
def test_what_cannot_be_started_is_said(handlers, runner, run_request):
    ((status, player, _),) = _run(handlers, run_request, "kling")
    assert status["sentence"] == "The inputs are not ready to run."
    assert player == gr.skip()
    assert runner.started == []


def test_a_refused_token_is_never_replaced_by_the_apps_own(handlers, run_request, runner):
    ((status, _, _),) = _run(handlers, run_request, "kling", line={"error": "This cannot be a RunComfy token."})
    assert status["sentence"] == "This cannot be a RunComfy token."
    assert runner.started == []


def test_what_the_checks_block_is_not_started_whatever_the_browser_says(handlers, run_request, runner):
    run_request["orientation"] = Orientation.IMAGE.value  # the clip lasts 12 s
    ((status, _, _),) = _run(handlers, run_request)
    assert status["sentence"].startswith("Would fail:")
    assert runner.started == []


@pytest.mark.usefixtures("ends_well")
def test_a_picture_of_nobody_is_for_kling_alone(handlers, run_request, runner):
    run_request["accepted"] = False
    ((status, _, _),) = _run(handlers, run_request)
    assert status["sentence"].startswith("The preview would fail: the image shows no person")
    assert runner.started == []
    _run(handlers, run_request, "kling")
    assert runner.started


def test_a_refusal_of_the_engine_is_said(handlers, run_request, runner):
    runner.refusal = NoTokenError(advice="Enter one.")
    ((status, _, _),) = _run(handlers, run_request, "kling")
    assert (status["sentence"], status["advice"]) == ("A run on Kling needs a RunComfy token.", "Enter one.")
    assert [action["do"] for action in status["actions"]] == ["token", "preview"]


def test_an_unforeseen_error_is_no_traceback(handlers, run_request, runner):
    runner.refusal = ZeroDivisionError("secret detail")
    ((status, _, _),) = _run(handlers, run_request)
    assert status["sentence"] == "Something went wrong inside the app."


@pytest.mark.usefixtures("ends_well")
def test_opening_another_run_ends_the_older_view(handlers, run_request):
    async def both():
        older = handlers.on_run(run_request, None, "preview", None, "720p", VISITOR, None, TAB)
        await anext(older)
        newer = handlers.on_open(_told(run_id="r2"), VISITOR, TAB)
        await anext(newer)
        return [display async for display in older]

    assert asyncio.run(both()) == NOTHING  # Gradio repeats the last scene of an event that ends: it must say nothing


@pytest.mark.usefixtures("ends_well")
def test_a_refusal_is_not_overwritten_by_the_run_that_was_shown(handlers, run_request):
    async def both():
        older = handlers.on_run(run_request, None, "preview", None, "720p", VISITOR, None, TAB)
        await anext(older)
        refused = [
            display async for display in handlers.on_run(None, "preview", None, None, "720p", VISITOR, None, TAB)
        ]
        return refused, [display async for display in older]

    refused, rest = asyncio.run(both())
    assert refused[0][0]["state"] == "refused"
    assert rest == NOTHING


def test_a_returning_visitor_sees_the_newest_run(handlers, runner, run_of):
    runner.views = [run_of(state=RunState.CANCELLED)]
    ((status, _, history),) = _all(handlers.on_return(VISITOR, TAB))
    assert status["sentence"] == "Cancelled before it started. Nothing was rendered."
    assert len(history["runs"]) == 1


@pytest.mark.parametrize("visitor", [VISITOR, "", None])
def test_a_new_visitor_sees_no_run(handlers, visitor):
    assert _all(handlers.on_return(visitor, TAB)) == NOTHING


def test_cancelling_says_what_it_achieved(handlers, runner):
    update = asyncio.run(handlers.on_cancel(_told(run_id="r1"), VISITOR, TAB))
    assert (update["note"]["run_id"], update["note"]["words"]) == (
        "r1",
        "Stopped. The half-drawn preview was thrown away.",
    )
    assert runner.cancelled == [("r1", VISITOR)]


def test_somebody_elses_run_cannot_be_opened(handlers, runner):
    runner.refusal = RunError("There is no such run.")
    ((status, _, _),) = _all(handlers.on_open(_told(run_id="r9"), VISITOR, TAB))
    assert status["sentence"] == "There is no such run."


def _address(query):
    """Give a request of a page whose address holds this query."""
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": query.encode(), "headers": []}
    return gr.Request(Request(scope), session_hash="tab")


def test_a_run_that_is_not_known_here_shows_nothing_of_any(handlers, runner, run_of):
    runner.views, runner.refusal = [run_of(state=RunState.CANCELLED)], RunError("This run is not known here.")
    for scenes in (
        _all(handlers.on_open(_told(run_id="r9"), VISITOR, TAB)),
        _all(handlers.on_return(VISITOR, _address("run=r9"))),
    ):
        ((status, player, history),) = scenes
        assert (status["sentence"], status["run_id"], player) == ("This run is not known here.", "", {})
        assert (history["current"], history["about"], len(history["runs"])) == ("", {}, 1)


@pytest.mark.parametrize(("query", "opened"), [("run=r7", "r7"), ("", "r1"), ("run=", "r1"), ("run=a%00b", "a�b")])
def test_the_address_says_which_run_is_shown_on_arrival(handlers, runner, run_of, query, opened):
    runner.views = [run_of(state=RunState.CANCELLED)]
    asked, watch = [], runner.watch
    runner.watch = lambda run_id, visitor: (asked.append((run_id, visitor)), watch(run_id, visitor))[1]
    ((_, _, history),) = _all(handlers.on_return(VISITOR, _address(query)))
    assert asked == [(opened, VISITOR)]
    assert history["arrived"]


def test_an_address_without_a_run_shows_the_inputs(handlers, runner, run_of):
    runner.views = [run_of(state=RunState.CANCELLED)]
    ((status, player, history),) = _all(handlers.on_open(_told(run_id=""), VISITOR, TAB))
    assert (status, player, history["current"], len(history["runs"])) == ({}, {}, "", 1)


def _offer(handlers, runner, **given):
    told = _told(run_id="r1")
    return asyncio.run(
        handlers.on_kling_offer(given.get("token_line"), given.get("visitor", VISITOR), given.get("model"), told, TAB)
    )["offer"]


def test_the_price_on_kling_stands_before_a_preview_is_run_there(handlers, runner, run_of, services):
    runner.views = [
        run_of(state=RunState.COMPLETED, image=services.examples / EXAMPLES[0].image, choice=TransferOptions("A robot"))
    ]
    services.tokens.keep(VISITOR, SecretStr("tok-123"))
    offer = _offer(handlers, runner)
    assert (offer["run_id"], offer["words"], offer["rate_usd"]) == ("r1", "About $0.84:", 0.07)
    assert offer["label"].replace(NBSP, " ") == "Transfer the motion on Kling, about $0.84"
    assert offer["leaves"].endswith("“A robot”")
    assert runner.started == [], "nothing is started before the second press"


def test_the_model_that_is_chosen_is_priced_told_and_run(handlers, runner, run_of, services):
    model = "kling/kling-2-6/motion-control-pro"
    runner.views = [
        run_of(state=RunState.COMPLETED, image=services.examples / EXAMPLES[0].image, choice=TransferOptions("A robot"))
    ]
    services.tokens.keep(VISITOR, SecretStr("tok-123"))
    offer = _offer(handlers, runner, model=model)
    assert (runner.asked_of.model, offer["model"], model in offer["more"]) == (model, model, True)
    _all(handlers.on_run_on_kling(None, VISITOR, _told(run_id="r1", rate_usd=0.07, model=offer["model"]), TAB))
    assert runner.started[0]["inputs"].choice == TransferOptions("A robot", model=model)


def test_what_stands_in_the_way_of_kling_is_said_before_the_click(handlers, runner, run_of, services, canned):
    runner.views = [run_of(state=RunState.COMPLETED)]
    assert _offer(handlers, runner)["wants_token"]
    services.tokens.keep(VISITOR, SecretStr("tok-123"))
    runner.budget, runner.spent = Budget(day_usd=1.0), Spending(day_usd=0.5, payer_day_usd=0.5)
    assert "$0.50 is left" in _offer(handlers, runner)["stop"]
    assert "cannot be a token" in _offer(handlers, runner, token_line={"error": "This cannot be a token."})["stop"]
    canned["probe_image"] = replace(canned["probe_image"], width_px=100, height_px=100)
    assert "stop" in _offer(handlers, runner)
    runner.views = [run_of(state=RunState.COMPLETED, image=None, reference=None)]
    assert "not kept here" in _offer(handlers, runner)["stop"]
    assert "not ready" in _offer(handlers, runner, visitor="")["stop"]


def test_a_request_that_is_on_kling_already_is_only_shown(handlers, runner, run_of):
    runner.views = [run_of(state=RunState.COMPLETED)]
    runner.standing = run_of(engine=EngineName.KLING, state=RunState.COMPLETED)
    offer = _offer(handlers, runner)
    assert (offer["label"], "rate_usd" in offer) == ("Show it", False)


def test_a_preview_runs_on_kling_with_its_inputs_and_stands_beside_the_result(
    handlers, runner, run_of, services, tmp_path
):
    choice = TransferOptions("A robot", keep_sound=False, resolution=Resolution.P1080)
    paid = run_of(
        run_id="r2", engine=EngineName.KLING, state=RunState.COMPLETED, result=tmp_path / "result.mp4", choice=choice
    )
    runner.views = [run_of(run_id="r2", engine=EngineName.KLING, choice=choice), paid]
    services.tokens.keep(VISITOR, SecretStr("tok-123"))
    displays = _all(handlers.on_run_on_kling(None, VISITOR, _told(run_id="r1", rate_usd=0.07), TAB))
    (started,) = runner.started
    assert (started["engine"], started["shown_rate_usd"], started["again"]) == (EngineName.KLING, 0.07, False)
    assert (started["inputs"].image, started["inputs"].video) == (paid.image, paid.reference)
    assert started["inputs"].choice == replace(choice, resolution=Resolution.P720)
    assert started["inputs"].findings["verdict"]
    assert [len(player.get("results", ())) for _, player, _ in displays] == [0, 2]
    assert displays[-1][0]["run_id"] == "r2"


def test_a_preview_is_not_run_on_kling_with_a_token_that_was_refused(handlers, runner, run_of):
    runner.views = [run_of(state=RunState.COMPLETED)]
    told = _told(run_id="r1", rate_usd=0.07)
    ((status, player, _),) = _all(handlers.on_run_on_kling({"error": "This cannot be a token."}, VISITOR, told, TAB))
    assert (status["sentence"], player, runner.started) == ("This cannot be a token.", gr.skip(), [])


@pytest.mark.usefixtures("ends_well")
def test_a_kept_token_takes_waiting_runs_up_again(handlers, runner, services):
    runner.waiting = ["r1"]
    assert _all(handlers.on_kept_token(VISITOR, TAB)) == NOTHING
    services.tokens.keep(VISITOR, SecretStr("tok-123"))
    assert _all(handlers.on_kept_token(VISITOR, TAB))[-1][0]["final"]
    runner.waiting = []
    ((status, player, _),) = _all(handlers.on_kept_token(VISITOR, TAB))
    assert status["note"]["settled"]
    assert player == gr.skip()


def test_the_same_wish_again_shows_what_is_there_already(handlers, run_request, runner, run_of, tmp_path):
    runner.views = [run_of(state=RunState.COMPLETED, result=tmp_path / "result.mp4")]
    runner.start = Start(run_id="r1", is_new=False, code=StartCode.SAME_RESULT)
    ((status, player, _),) = _run(handlers, run_request)
    assert status["sentence"] == "You already have this result. Run it again for another one."
    assert status["actions"] == [{"do": "again", "label": "Run it again"}]
    assert player["result"].endswith("result.mp4")


@pytest.mark.parametrize("is_the_same", [True, False], ids=["as on the left", "another one"])
def test_running_again_takes_the_runs_own_inputs(handlers, run_request, run_of, services, is_the_same):
    runner = services.runner
    run = run_of(state=RunState.COMPLETED, choice=TransferOptions("In a garden"))
    runner.views, runner.standing = [run], run if is_the_same else None
    _all(handlers.on_again(run_request, {"rate_usd": 0.07}, VISITOR, _told(run_id="r1"), TAB))
    (started,) = runner.started
    assert (started["again"], started["engine"], started["shown_rate_usd"]) == (True, EngineName.PREVIEW, 0.07)
    folder, example = services.examples, EXAMPLES[0]
    expected = folder / example.image if is_the_same else run.image
    assert started["inputs"].image == expected
    assert started["inputs"].choice == run.choice


def test_a_recovered_run_has_no_inputs_to_run_again(handlers, runner, run_of):
    runner.views = [run_of(state=RunState.COMPLETED, image=None, reference=None)]
    ((status, _, _),) = _all(handlers.on_again(None, None, VISITOR, _told(run_id="r1"), TAB))
    assert status["sentence"] == "The inputs of this run are not kept here."


@pytest.mark.usefixtures("ends_well")
def test_a_request_is_recovered_with_the_kept_token(handlers, runner, services):
    services.tokens.keep(VISITOR, SecretStr("tok-123"))
    runner.start = Start(run_id="r1", is_new=False, code=StartCode.FOUND)
    scenes = _all(handlers.on_recover(VISITOR, _told(run_id="r1", request_id="req-9"), TAB))
    ((request_id, how),) = runner.recovered
    assert (request_id, how["visitor"], how["run_id"]) == ("req-9", VISITOR, "r1")
    assert how["token"].get_secret_value() == "tok-123"
    assert scenes[0][0]["standing"] == "Found. The run is followed on."


@pytest.mark.parametrize(
    ("run_id", "place"), [("r1", 0), ("", 2), (7, 2)], ids=["at the run", "in the history", "forged"]
)
def test_why_a_request_is_not_recovered_is_said_where_it_was_asked(handlers, runner, run_id, place):
    runner.refusal = RunError("This is not a request id.")
    (scene,) = _all(handlers.on_recover(VISITOR, _told(run_id=run_id, request_id="?"), TAB))
    assert scene[place]["note"]["words"] == "This is not a request id."
    assert [part == gr.skip() for part in scene].count(True) == 2


def test_a_returning_visitors_waiting_run_goes_on_with_the_kept_token(handlers, runner, run_of, services):
    runner.views = [run_of(needs_token=True, engine=EngineName.KLING)]
    services.tokens.keep(VISITOR, SecretStr("tok-123"))
    runner.refusal = None
    ((status, _, _),) = _all(handlers.on_return(VISITOR, TAB))
    assert status["actions"] == [{"do": "token", "label": "Enter the token"}]


def test_inputs_stand_where_their_result_will_be(handlers, run_request):
    image, video = {"ref": run_request["image"]}, {"ref": run_request["video"]}
    shown = asyncio.run(handlers.on_inputs(image, video, VISITOR, TAB))["pair"]
    assert shown["image"].endswith(EXAMPLES[0].image)
    assert shown["reference"].endswith(EXAMPLES[0].video)
    assert asyncio.run(handlers.on_inputs(image, None, VISITOR, TAB))["pair"]["reference"] == ""


class Untouched:
    """Fails whoever asks it for anything."""

    def __getattr__(self, name):
        raise AssertionError(f"{name} was asked")


@pytest.mark.parametrize("visitor", ["", None, "hf:5f0c34", "None", 7, ["v" * 43], "v" * 31])
def test_nothing_is_done_for_somebody_to_whom_nothing_can_belong(services, run_request, visitor):
    services = replace(services, runner=Untouched(), tokens=Untouched(), preflight=Untouched(), workers=Untouched())
    handlers, told = RunHandlers(lambda: services), _told(run_id="r1", request_id="req-9")

    async def answered():
        gallery = GalleryHandlers(lambda: services, RunDisplay(lambda: services))
        handle = handlers.on_cancel, gallery.on_rename, gallery.on_delete, gallery.on_star
        handle += gallery.on_browse, gallery.on_restore, gallery.on_compare_runs
        return [await one(told, visitor, TAB) for one in handle]

    scenes = _run(handlers, run_request, "kling", visitor=visitor)
    scenes += _all(handlers.on_again(run_request, None, visitor, told, TAB))
    scenes += _all(handlers.on_recover(visitor, told, TAB)) + _all(handlers.on_open(told, visitor, TAB))
    quiet = _all(handlers.on_return(visitor, TAB)) + _all(handlers.on_kept_token(visitor, TAB))
    scenes += _all(handlers.on_run_on_kling(None, visitor, told, TAB))
    taking = TakeAwayHandlers(lambda: services, RunDisplay(lambda: services))
    scenes += _all(taking.on_take(visitor, _told(run_id="r1", what="card"), TAB))
    assert repr([*scenes, *asyncio.run(answered())]).count("The page was not ready yet.") == 13
    assert quiet == NOTHING * 2


@pytest.mark.usefixtures("ends_well")
def test_requests_are_asked_for_only_so_often(handlers, runner):
    for visitor in ("v" * 43, "w" * 43):  # of one address
        for n in range(6):
            _all(handlers.on_recover(visitor, _told(request_id=f"req-{n}"), TAB))
    assert len(runner.recovered) == 10
    (scene,) = _all(handlers.on_recover("x" * 43, _told(request_id="req-9"), TAB))
    assert scene[2]["note"]["words"] == "This was tried 10 times within 60 minutes. Try again in 60 minutes."
