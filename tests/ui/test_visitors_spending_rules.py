import asyncio
import logging
import time
from dataclasses import replace

import pytest
from pydantic import SecretStr

from kling_ui.presentation.price_sentences import TokenHint
from kling_ui.runs.record import Terms
from kling_ui.settings import Settings, TokenFor
from kling_ui.ui.services import open_services
from kling_ui.ui.visitors import SESSION_KEY, UNUSED, Account, Visitor, may_use_app_token, terms_of, token_hint
from kling_ui.ui.web.signed_files import SignedFiles

HERE = Settings(token=SecretStr("planted-token"))
SPACE = replace(HERE, on_space=True, budget_day_usd=8.0)
LISTED = replace(SPACE, token_for=TokenFor.LISTED, token_accounts=frozenset({"ann", "kim"}))
LOGGED_IN = replace(SPACE, token_for=TokenFor.LOGGED_IN)
EVERYBODY = replace(SPACE, token_for=TokenFor.EVERYBODY)
OUTSIDER = Visitor("v" * 43, "v" * 43, None, "a1")


def logged_in(**claims):
    account = Account.from_claims({"sub": "5f0c34"} | claims)
    return Visitor("hf:5f0c34", "hf:5f0c34:k", account, "a1")


def from_an_old_cookie(name):
    kept = {"sub": "5f0c34", "name": name, "until": time.time() + 60, "key": "k" * 32}
    return Visitor("hf:5f0c34", "hf:5f0c34:k", Account.from_session({SESSION_KEY: kept}), "a1")


@pytest.mark.parametrize(
    ("settings", "who", "hint"),
    [
        (HERE, OUTSIDER, TokenHint.LEAVE_EMPTY),  # whoever is at this machine
        (replace(HERE, token=None), OUTSIDER, None),
        (SPACE, OUTSIDER, TokenHint.BRING_YOURS),
        (SPACE, logged_in(preferred_username="ann"), TokenHint.BRING_YOURS),
        (replace(SPACE, token_for=TokenFor.NOBODY), OUTSIDER, TokenHint.BRING_YOURS),
        (replace(HERE, host="0.0.0.0"), OUTSIDER, TokenHint.BRING_YOURS),
        (replace(HERE, public_url="https://demo.example"), OUTSIDER, TokenHint.BRING_YOURS),
        (replace(SPACE, token=None), OUTSIDER, None),
        (EVERYBODY, OUTSIDER, TokenHint.LEAVE_EMPTY),
        (LOGGED_IN, OUTSIDER, TokenHint.LOG_IN),
        (LOGGED_IN, logged_in(), TokenHint.LEAVE_EMPTY),
        (LOGGED_IN, from_an_old_cookie("ann"), TokenHint.LEAVE_EMPTY),
        (LISTED, OUTSIDER, TokenHint.LOG_IN_LISTED),
        (LISTED, logged_in(preferred_username="ann"), TokenHint.LEAVE_EMPTY),
        (LISTED, logged_in(preferred_username="ANN"), TokenHint.LEAVE_EMPTY),
        (LISTED, logged_in(preferred_username="bob", name="ann"), TokenHint.NOT_LISTED),
        (LISTED, logged_in(name="ann"), TokenHint.LOG_IN_AGAIN),  # a name that anybody may give themselves
        (LISTED, logged_in(preferred_username="ann\n"), TokenHint.LOG_IN_AGAIN),
        (
            LISTED,
            logged_in(preferred_username="\N{KELVIN SIGN}im"),
            TokenHint.LOG_IN_AGAIN,
        ),  # a small k once it is lowered
        (LISTED, logged_in(preferred_username=["ann"]), TokenHint.LOG_IN_AGAIN),
        (LISTED, from_an_old_cookie("ann"), TokenHint.LOG_IN_AGAIN),
        (replace(LISTED, token_accounts=frozenset()), logged_in(), TokenHint.LOG_IN_AGAIN),
        (replace(LISTED, token_accounts=frozenset({""})), logged_in(), TokenHint.LOG_IN_AGAIN),
    ],
)
def test_for_whom_the_apps_token_pays(settings, who, hint):
    assert terms_of(settings, who).app_token is may_use_app_token(settings, who)
    assert may_use_app_token(settings, who) is (hint == TokenHint.LEAVE_EMPTY or settings == replace(HERE, token=None))
    assert token_hint(settings, who) == hint


@pytest.mark.parametrize(
    ("settings", "who", "terms"),
    [
        (HERE, OUTSIDER, Terms(any_request=False, previews_max=2)),
        (EVERYBODY, OUTSIDER, Terms(any_request=False, payer="ip:a1", share_usd=2.0, address="a1", previews_max=2)),
        (
            EVERYBODY,
            logged_in(),
            Terms(any_request=False, payer="hf:5f0c34", share_usd=2.0, address="a1", previews_max=2),
        ),
        (
            EVERYBODY,
            replace(OUTSIDER, address=""),
            Terms(any_request=False, payer="unknown", share_usd=2.0, previews_max=2),
        ),
        (
            replace(SPACE, budget_visitor_usd=0.5),
            OUTSIDER,
            Terms(app_token=False, any_request=False, payer="ip:a1", share_usd=0.5, address="a1", previews_max=2),
        ),
    ],
    ids=["here", "address", "account", "neither", "a share that is set"],
)
def test_in_whose_name_the_apps_money_is_counted_and_how_much_of_it_there_is(settings, who, terms):
    assert terms_of(settings, who) == terms


@pytest.mark.parametrize(
    ("settings", "warns"),
    [
        (HERE, False),
        (SPACE, True),
        (replace(SPACE, token=None), False),
        (EVERYBODY, False),
        (LISTED, False),
    ],
    ids=["here", "nobody", "no token", "everybody", "some"],
)
def test_a_token_that_pays_for_nobody_is_told_once_at_the_start(settings, warns, tmp_path, caplog):
    caplog.set_level(logging.WARNING)

    async def start():
        async with open_services(replace(settings, data_dir=tmp_path, workers=1), SignedFiles(tmp_path, b"secret")):
            pass

    asyncio.run(start())
    assert caplog.messages.count(UNUSED) == int(warns)
    assert "KLING_UI_TOKEN_FOR" in UNUSED
    assert "KLING_UI_BUDGET_DAY_USD" in UNUSED
    assert "planted" not in caplog.text
