import asyncio
import json
from dataclasses import replace

import gradio as gr
import pytest
from pydantic import SecretStr

from kling_ui.errors import APIConnectionError, AuthenticationError, InsufficientBalanceError
from kling_ui.options import Provider, TransferOptions
from kling_ui.pauses import Pause, PausedError, PauseScope
from kling_ui.presentation.price_sentences import FREE, NO_PRICE_YET, RUN, RUN_ON_KLING, run_label
from kling_ui.presentation.wording import NBSP
from kling_ui.quotas import Usage
from kling_ui.runs.model_schema import FieldChange, SchemaChange
from kling_ui.runs.pricing import Budget, ModelOffer, Quote, Spending
from kling_ui.runs.publishing.protocol import NoPublisherError
from kling_ui.ui.browser_values import RunRequest, read_shown_rate
from kling_ui.ui.event_payload import UNFORESEEN, UNFORESEEN_ADVICE
from kling_ui.ui.examples import EXAMPLES
from kling_ui.ui.handlers.price import PriceHandlers, price_value

ANN = "a" * 43
URL = "https://pics.example/me.png"
TAB = gr.Request(session_hash="tab")
TYPED, OWN = SecretStr("typed-token"), SecretStr("own-token")


def _cost(services, *, typed=TYPED, own=None, engine="kling", clip=True):
    services = replace(services, settings=replace(services.settings, token=own))
    if typed:
        services.tokens.keep(ANN, typed)
    video = {"ref": services.signed_files.sign(services.examples / EXAMPLES[0].video)} if clip else None
    value, button, shown, *field = asyncio.run(PriceHandlers(lambda: services).cost(engine, video, ANN, None, TAB))
    value |= {"shown": read_shown_rate(shown)}
    if field != [gr.skip(), gr.skip()]:
        value["field"] = field
    return {name: text.replace(NBSP, " ") if isinstance(text, str) else text for name, text in value.items()}, button


def test_the_preview_is_free_and_asks_nobody(services, runner):
    assert _cost(services, engine="preview")[0] == {"words": FREE, "shown": None}
    assert runner.quoted == []


def test_a_price_is_a_rate_times_the_seconds_that_are_sent_and_no_quote(services, runner):
    value, button = _cost(services)  # the clip lasts 12 s
    assert value["words"] == "About $0.84:"
    assert value["more"] == "12.0 s at $0.07 a second. The vendor publishes no quote."
    assert value["shown"] == 0.07
    assert value["spent"] == ""
    assert button["value"].replace(NBSP, " ") == "Transfer the motion on Kling, about $0.84"
    assert runner.quoted == [TYPED]


def test_without_any_token_no_price_is_asked_for(services, runner):
    value, button = _cost(services, typed=None)
    assert value["words"] == NO_PRICE_YET
    assert button["value"] == RUN_ON_KLING
    assert runner.quoted == []


def test_the_apps_own_token_is_used_where_the_visitor_gave_none(services, runner):
    assert _cost(services, typed=None, own=OWN)[0]["words"] == "About $0.84:"
    assert runner.quoted == [None]


def test_a_price_is_not_asked_for_with_the_apps_own_token_where_it_does_not_pay(services, runner):
    public = replace(services, settings=replace(services.settings, on_space=True))
    assert _cost(public, typed=None, own=OWN)[0]["words"] == NO_PRICE_YET
    assert runner.quoted == []
    assert _cost(public, own=OWN)[0]["words"] == "About $0.84:"
    assert runner.quoted == [TYPED]


@pytest.mark.parametrize(
    ("refusal", "tone"),
    [
        (AuthenticationError("The model API did not accept the token.", status_code=401), "block"),
        (InsufficientBalanceError("The account has no balance left.", status_code=402), "warn"),
        (ZeroDivisionError("secret detail"), "warn"),
    ],
)
def test_why_there_is_no_price_is_said(services, runner, refusal, tone):
    runner.refusal = refusal
    value, _ = _cost(services)
    assert value["words"] == getattr(
        refusal,
        "message",
        f"{UNFORESEEN} {UNFORESEEN_ADVICE}",
    )
    assert value["tone"] == tone
    assert value["shown"] is None
    assert ("field" in value) is isinstance(refusal, AuthenticationError)


def test_a_token_that_is_not_accepted_makes_room_for_another_one(services, runner):
    runner.refusal = AuthenticationError("The model API did not accept the token.", status_code=401)
    value, _ = _cost(services, own=OWN)
    place, line = value["field"]
    assert place["visible"]
    assert line == {"error": value["words"], "app_token": True}
    assert not services.tokens.holds(ANN)
    runner.quoted.clear()
    assert "field" not in _cost(services, typed=None, own=OWN)[0]  # the app's own is nobody's to replace


def _leaving(services, *, engine="kling", **changes):
    paths = (services.examples / name for name in (EXAMPLES[0].image, EXAMPLES[0].video))
    asked = RunRequest(*paths, replace(EXAMPLES[0].choice, prompt="At the sea"), **changes)
    carried = asked.to_value(services.signed_files)
    return asyncio.run(PriceHandlers(lambda: services).leaving(engine, carried))["leaves"]


def test_what_is_sent_is_said_for_kling_alone(services, runner):
    said = _leaving(services, image_url="https://pics.example/me.png")
    assert said["prompt"] == "At the sea"
    assert said["words"].startswith("Picture, clip and this text go to RunComfy: the picture by the address that you")
    assert _leaving(services, engine="preview") == {}
    runner.refusal = NoPublisherError("The video cannot reach RunComfy.")
    assert _leaving(services) == {"words": "The video cannot reach RunComfy.", "stops": True}


def test_a_price_that_cannot_be_read_is_never_invented(services, runner):
    runner.price = Quote(trouble="The model API did not answer in time.")
    value, button = _cost(services)
    assert value["words"] == "The price is not available at the moment. The model API did not answer in time."
    assert "$" not in value["words"] + button["value"]


@pytest.mark.parametrize(
    "quote",
    [Quote(rate_usd=0.5, unit="video", duration_s=12.0), Quote(rate_usd=0.07, unit="second")],
    ids=["unit", "no clip"],
)
def test_no_total_where_none_can_be_known(quote):
    assert "about" not in price_value(quote)["words"].lower()
    assert run_label(quote) == RUN_ON_KLING


def test_what_was_spent_is_said_once_there_is_anything_to_say(services, runner):
    runner.spent = Spending(session_usd=0.35, day_usd=0.7, payer_day_usd=0.7)
    assert _cost(services)[0]["spent"] == "Spent on Kling: this session $0.35, today $0.70."
    runner.spent, runner.budget = Spending(), Budget(session_usd=2.0)
    assert _cost(services)[0]["spent"] == "Spent on Kling: this session $0.00 of $2.00, today $0.00."


@pytest.mark.parametrize(("limit_usd", "is_stopped"), [(0.84, False), (0.83, True)])
def test_a_budget_stops_before_anything_is_sent_and_shows_the_way_out(services, runner, limit_usd, is_stopped):
    runner.budget = Budget(session_usd=limit_usd)
    value, _ = _cost(services)
    assert ("stop" in value) is is_stopped
    if is_stopped:
        assert value["stop"].endswith("is left.")
        assert "preview" in value["way_out"]


@pytest.mark.parametrize(("engine", "typed"), [("kling", TYPED), ("kling", None), ("preview", None)])
def test_why_nothing_would_be_let_in_is_said_before_the_click(services, runner, engine, typed):
    runner.admission.closed = PausedError(Pause(PauseScope.ALL, "Back on Monday."), None)
    value, _ = _cost(services, engine=engine, typed=typed)
    assert value["stop"].startswith("Whoever runs this app has paused new uploads, previews and runs")
    assert value["stop"].endswith("Back on Monday.")
    assert value["stops_all"]


def test_a_run_of_no_clip_yet_is_not_refused_for_its_length(services, runner):
    _cost(services, own=OWN, typed=None, clip=False)
    _cost(services, own=OWN, typed=None)
    _cost(services)
    of_the_app = Usage(runs=1, seconds=12.0, usd=pytest.approx(0.84))
    of_the_visitor = Usage(runs=1, seconds=12.0)
    assert runner.admission.asked == [Usage(runs=1), of_the_app, of_the_visitor]


def test_without_a_clip_the_rate_alone_is_told(services):
    value, button = _cost(services, clip=False)
    assert value["words"] == "The rate is $0.07 a second."
    assert button["value"] == RUN_ON_KLING != RUN


def _as_code(services, engine, carried, rate=None):
    shown = {"rate_usd": rate} if rate else {}
    return asyncio.run(PriceHandlers(lambda: services).as_code(engine, carried, shown, "1080p", None, TAB))


def test_the_request_as_code_is_the_one_that_the_button_sends(services):
    folder, example = services.examples, EXAMPLES[0]
    asked = RunRequest(folder / example.image, folder / example.video, TransferOptions("In a garden"), image_url=URL)
    services.tokens.keep(ANN, TYPED)
    own = replace(services, settings=replace(services.settings, token=OWN))
    carried = asked.to_value(services.signed_files)
    paid = {one["label"]: one["text"] for one in _as_code(own, "kling", carried, 0.07)["snippets"]}
    assert json.loads(paid["JSON"]) == {
        "prompt": "In a garden",
        "image_url": URL,
        "video_url": f"data:video/mp4;base64,<{example.video}>",
        "keep_original_sound": True,
        "character_orientation": "video",
    }
    assert "max_price_usd=0.84," in paid["Python, kling_ui"]
    assert "max_price_usd=1.00," in str(_as_code(own, "kling", carried))
    free = {one["label"]: one["text"] for one in _as_code(own, "preview", carried)["snippets"]}
    assert json.loads(free["JSON"])["resolution"] == "1080p"
    for told in (*paid.values(), *free.values()):
        assert TYPED.get_secret_value() not in told
        assert OWN.get_secret_value() not in told
        assert services.signed_files.sign(asked.video) not in told


def test_without_inputs_there_is_no_code(services):
    assert _as_code(services, "kling", {}) == {}
    assert _as_code(services, "odd", None) == {}


def _offered(services, *, engine="kling", model=None):
    return asyncio.run(PriceHandlers(lambda: services).offered(engine, ANN, model, TAB))


def test_models_are_a_choice_where_there_is_one(services, runner):
    assert _offered(services)["visible"] is False
    rates = {"standard": 0.07, "pro": 0.112}
    runner.offers = tuple(
        ModelOffer(
            model_id=f"kling/motion-control-{tier}",
            name=tier.title(),
            provider=Provider.RUNCOMFY,
            quote=Quote(rate_usd=rate, unit="second"),
            is_usual=tier == "standard",
        )
        for tier, rate in rates.items()
    )
    shown = _offered(services, model={"odd": 1})
    assert (shown["visible"], shown["value"]) == (True, "kling/motion-control-standard")
    assert shown["choices"][1][0] == "Pro\n$0.11 a second, through RunComfy"
    assert _offered(services, model="kling/motion-control-pro")["value"] == "kling/motion-control-pro"
    assert _offered(services, engine="preview")["visible"] is False
    runner.refusal = APIConnectionError("away")
    assert _offered(services)["visible"] is False


def test_a_change_of_what_a_model_takes_is_said_beside_the_price(services, runner):
    new = SchemaChange(change=FieldChange.NEW, name="mode", now="string")
    runner.price = replace(runner.price, changes=(new,))
    value, _ = _cost(services)
    assert "“mode” is new (string); this app does not send it." in value["more"]
    assert "tone" not in value, "a phone shows it, too"
    runner.price = replace(runner.price, changes=(replace(new, stops=True),))
    assert "and required" in _cost(services)[0]["stop"]
