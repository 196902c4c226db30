import asyncio
from dataclasses import replace
from types import SimpleNamespace

import httpx
import pytest
from pydantic import SecretStr

from kling_ui.api.client import ModelAPI
from kling_ui.api.models import Price
from kling_ui.runs.record import EngineName
from kling_ui.ui.engine_handlers import FREE, NO_PRICE_YET, EngineHandlers, cost_words
from kling_ui.ui.examples import EXAMPLES
from kling_ui.ui.wording import NBSP


class Engines:
    """One paid engine whose API answers as scripted."""

    def __init__(self, answer):
        self.asked = []
        self._answer = answer

    async def get(self, name):
        assert name is EngineName.KLING
        http = httpx.AsyncClient(base_url="https://api.test", transport=httpx.MockTransport(self._reply))
        return SimpleNamespace(api=lambda token: ModelAPI(http, model_id="kling/x", token=token))

    def _reply(self, request):
        self.asked.append(request.headers["authorization"])
        return self._answer


def _cost(services, answer, token="tok-123", *, own_token=None, engine="kling"):
    engines = Engines(answer)
    services = replace(services, engines=engines, settings=replace(services.settings, token=own_token))
    video = {"ref": services.locker.sign(services.examples / EXAMPLES[0].video)}
    words = asyncio.run(EngineHandlers(lambda: services).cost(engine, token, video))
    return words.replace(NBSP, " "), engines.asked


PRICED = httpx.Response(200, json={"base_price_usd": 0.07, "price_unit": "second"})


def test_the_preview_is_free_and_asks_nobody(services):
    assert _cost(services, PRICED, engine="preview") == (FREE, [])


def test_a_price_is_a_rate_times_seconds_and_no_quote(services):
    words, asked = _cost(services, PRICED)
    assert words == "Kling bills $0.07 for each second: about $0.84 for 12.0 s. The vendor publishes no quote."
    assert asked == ["Bearer tok-123"]


def test_without_any_token_no_price_is_asked_for(services):
    assert _cost(services, PRICED, token="") == (NO_PRICE_YET, [])


def test_the_apps_own_token_is_used_where_the_visitor_gave_none(services):
    assert _cost(services, PRICED, token="", own_token=SecretStr("own"))[1] == ["Bearer own"]


@pytest.mark.parametrize(
    ("answer", "start"),
    [
        (httpx.Response(200, json={"base_price_usd": None}), "Price unavailable: "),
        (httpx.Response(500, text="<html>"), "Price unavailable: "),
        (httpx.Response(401, json={"error_code": 400004, "error_message": "bad"}), "The model API did not accept"),
    ],
)
def test_a_price_that_cannot_be_read_is_never_invented(services, answer, start):
    words, _ = _cost(services, answer)
    assert words.startswith(start)
    assert "$" not in words
    assert "tok-123" not in words


def test_a_token_that_cannot_be_one_is_not_sent(services):
    words, asked = _cost(services, PRICED, token="two words")
    assert words.startswith("Price unavailable: This cannot be a RunComfy token.")
    assert asked == []


@pytest.mark.parametrize(
    ("price", "duration_s"), [(Price(0.5, "video"), 12.0), (Price(0.07, "second"), None)], ids=["unit", "no clip"]
)
def test_no_total_where_none_can_be_known(price, duration_s):
    assert "about" not in cost_words(price, duration_s)


@pytest.mark.parametrize(("engine", "visible"), [("kling", True), ("preview", False)])
def test_the_token_field_belongs_to_kling(services, engine, visible):
    token, button = EngineHandlers(lambda: services).on_engine(engine)
    assert token["visible"] == visible
    assert ("Kling" in button["value"]) == visible
