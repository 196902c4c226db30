import gradio as gr
import pytest
from pydantic import SecretStr

from kling_ui.ui.handlers.account import FORGOTTEN, TokenHandlers
from kling_ui.ui.visitors import IDLE_S

ANN, BOB = "a" * 43, "b" * 43
TOKEN = "typed-token-0123456789"
KLING, PREVIEW = "kling", "preview"
TAB = gr.Request(session_hash="tab")
NEITHER = (False, False)


@pytest.fixture
def handlers(services):
    return TokenHandlers(lambda: services)


def test_a_typed_token_is_kept_and_its_field_emptied_and_hidden(handlers, services):
    value, place, line = handlers.on_token(f" {TOKEN}\n", {}, KLING, ANN, TAB)
    assert (value, place["visible"]) == ("", False)
    assert 0 < line["kept_s"] <= IDLE_S
    assert services.tokens.use(ANN) == SecretStr(TOKEN)
    assert services.tokens.use(BOB) is None


@pytest.mark.parametrize("visitor", [ANN, "", None], ids=["two words", "no visitor yet", "no visitor"])
def test_what_cannot_be_kept_is_said_and_the_field_emptied_all_the_same(handlers, services, visitor):
    typed = "two words" if visitor == ANN else TOKEN
    value, place, line = handlers.on_token(typed, {}, KLING, visitor, TAB)
    assert (value, place["visible"]) == ("", True)
    assert line["error"]
    assert typed not in line["error"]
    assert not services.tokens.holds(ANN)


def test_a_refused_token_stays_refused_until_there_is_a_better_one(handlers):
    *_, refused = handlers.on_token("two words", {}, KLING, ANN, TAB)
    *_, still = handlers.on_token("", refused, KLING, ANN, TAB)
    assert still == refused
    *_, kept = handlers.on_token(TOKEN, still, KLING, ANN, TAB)
    assert "error" not in kept


def test_leaving_the_empty_field_changes_nothing(handlers, services):
    assert handlers.on_token("", {}, KLING, ANN, TAB)[-1] == {}
    services.tokens.keep(ANN, SecretStr(TOKEN))
    assert handlers.on_token("", None, KLING, ANN, TAB)[-1]["kept_s"] > 0


def test_a_token_can_be_forgotten(handlers, services):
    services.tokens.keep(ANN, SecretStr(TOKEN))
    place, line = handlers.on_forget(KLING, ANN, TAB)
    assert place["visible"]
    assert line == {"words": FORGOTTEN}
    assert not services.tokens.holds(ANN)
    assert handlers.on_forget(KLING, ANN, TAB)[1] == {}


@pytest.mark.parametrize(
    ("engine", "is_kept", "shown"),
    [(KLING, False, (True, False)), (KLING, True, (False, True)), (PREVIEW, False, NEITHER), (PREVIEW, True, NEITHER)],
)
def test_field_and_line_take_turns_and_belong_to_kling(handlers, services, engine, is_kept, shown):
    if is_kept:
        services.tokens.keep(ANN, SecretStr(TOKEN))
    place, line, history = handlers.on_engine(engine, ANN, TAB)
    assert (place["visible"], bool(line)) == shown
    assert history["engine"] == engine
