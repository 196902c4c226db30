import asyncio
import time

import fastapi
import gradio as gr
import pytest
from pydantic import SecretStr

from kling_ui.errors import LedgerError
from kling_ui.ui.handlers.account import AccountHandlers
from kling_ui.ui.visitors import SESSION_KEY, Account, known_visitor

BROWSER = "v" * 43


def request_of(*, name=None):
    account = Account("5f0c34", name or "", time.time() + 86_400, "k" * 32)
    session = {} if name is None else {SESSION_KEY: account.to_session()}
    return gr.Request(fastapi.Request({"type": "http", "session": session}), session_hash="tab")


@pytest.fixture
def handed(services):
    """What was handed over, by which visitor and to whom."""
    pairs = []

    async def hand_over(visitor, to):
        pairs.append((visitor, to))
        if len(pairs) == 2:
            raise LedgerError("The ledger is away.")

    services.runner.hand_over = hand_over
    return pairs


@pytest.fixture
def handlers(services):
    return AccountHandlers(lambda: services)


def test_a_new_visitor_gets_an_id_and_an_old_one_keeps_theirs(handlers, handed):
    assert known_visitor(asyncio.run(handlers.on_arrival("", request_of())))
    assert known_visitor(asyncio.run(handlers.on_arrival("hf:5f0c34", request_of())))
    assert asyncio.run(handlers.on_arrival(BROWSER, request_of())) == BROWSER
    assert handed == []


def test_after_a_login_the_browsers_runs_are_handed_over_and_its_token_is_not(handlers, handed, services):
    services.tokens.keep(BROWSER, SecretStr("typed-token-0123456789"))
    for _ in range(2):  # the second time the ledger is away: the page comes all the same
        assert asyncio.run(handlers.on_arrival(BROWSER, request_of(name="ann"))) == BROWSER
    assert handed == [(BROWSER, "hf:5f0c34")] * 2
    assert "0 tokens" in repr(services.tokens)


@pytest.mark.parametrize(("name", "told"), [(None, {}), ("ann", {"name": "ann"}), ("", {"name": "your account"})])
def test_the_page_says_who_has_logged_in(handlers, name, told):
    assert asyncio.run(handlers.on_account(request_of(name=name))) == told
