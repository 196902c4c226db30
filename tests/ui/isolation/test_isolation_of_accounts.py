"""What a stranger tries with cookies of logins; each try succeeds once the guard that it names is removed."""

import json
import time
from base64 import b64decode, b64encode
from dataclasses import replace

import itsdangerous
import pytest

from kling_ui.settings import TokenFor
from kling_ui.ui import visitors
from kling_ui.ui.visitors import Account
from kling_ui.ui.web import login

TRIES = []
EVE = {"sub": "0eve", "preferred_username": "eve"}


def tried(*without):
    """Add a function that tries something; it returns something true if it got what is another's.

    Args:
        without: What removes the guards that stand in its way.
    """

    def keep(attack):
        TRIES.append(pytest.param(attack, without, id=attack.__name__.replace("_", " ")))
        return attack

    return keep


# --- guards, and how to do without ------------------------------------------------------------------------------------


def signature_of_cookies(patch):
    """Whatever a cookie says is believed."""
    unsigned = lambda self, value, **_: value.rsplit(b"." if isinstance(value, bytes) else ".", 2)[0]  # noqa: E731
    patch.setattr(itsdangerous.TimestampSigner, "unsign", unsigned)


def end_of_logins(patch):
    """A login never ends."""
    patch.setattr(Account, "from_session", classmethod(lambda cls, kept: cls(**kept["account"])))


def form_of_ids(patch):
    """A browser may call itself whatever it likes."""
    patch.setattr(visitors, "known_visitor", lambda text: text)
    patch.setattr("kling_ui.ui.handlers.account.known_visitor", lambda text: text)


def key_of_a_login(patch):
    """A token is kept for an account, whichever login it was typed in."""
    patch.setattr(visitors, "token_key_of", lambda account: f"hf:{account.sub}")


def verified_names(patch):
    """An account is listed by the name that it shows."""
    patch.setattr(visitors, "may_use_app_token", lambda settings, who: who.account.name in settings.token_accounts)


# --- tries ------------------------------------------------------------------------------------------------------------


def _shown_to(target, cookie, browser=""):
    return target.send("on_return", browser=browser or target.STRANGER, headers=cookie)


def _cookie(text):
    return {"Cookie": f"{login.COOKIE}={text}"}


def _read(cookie):
    return json.loads(b64decode(cookie["Cookie"].partition("=")[2].rsplit(".", 2)[0]))


@tried(signature_of_cookies)
def signs_a_cookie_with_a_key_of_its_own(target, sign_cookie):
    return target.gives_away(_shown_to(target, _cookie(sign_cookie(target.account(), "guessed"))))


@tried(signature_of_cookies)
def signs_a_cookie_with_the_id_of_the_space_at_the_provider(target, sign_cookie):
    return target.gives_away(_shown_to(target, _cookie(sign_cookie(target.account(), "client-id"))))


@tried(signature_of_cookies)
def writes_another_account_into_its_own_cookie(target, _):
    own = target.cookie_of(Account.from_claims(EVE))
    session = _read(own)
    session["account"]["sub"] = target.ANN["sub"]
    rest = own["Cookie"].partition("=")[2].partition(".")[2]
    return target.gives_away(_shown_to(target, _cookie(f"{b64encode(json.dumps(session).encode()).decode()}.{rest}")))


@tried(signature_of_cookies)
def leaves_the_signature_out(target, _):
    bare = b64encode(json.dumps({"account": target.account().to_session()}).encode()).decode()
    return target.gives_away(_shown_to(target, _cookie(f"{bare}.x.y")))


@tried(end_of_logins)
def uses_a_login_that_has_ended(target, _):
    ended = replace(target.account(), until=time.time() - 1)
    return target.gives_away(_shown_to(target, target.cookie_of(ended)))


@tried(form_of_ids)
def has_the_runs_of_an_account_handed_over_to_its_own(target, _):
    account = f"hf:{target.ANN['sub']}"
    target.send("on_arrival", browser=account, headers=target.cookie_of(Account.from_claims(EVE)))
    return target.runs_of(f"hf:{EVE['sub']}")


@tried(form_of_ids)
def has_the_runs_of_a_program_handed_over(target, _):
    target.send("on_arrival", browser=target.program_owner, headers=target.cookie_of(Account.from_claims(EVE)))
    return target.runs_of(f"hf:{EVE['sub']}")


@tried(key_of_a_login)
def spends_a_token_that_was_typed_in_another_login(target, _):
    target.kept_token_of(target.account())
    target.send("cost", video_slot={"ref": target.request["video"]}, headers=target.cookie_of(target.account()))
    return target.vendor.paid_with(target.TYPED)


@tried(verified_names)
def spends_the_token_of_the_app_under_the_name_of_a_listed_account(target, _):
    shown = Account.from_claims({"sub": "0eve", "name": "ann"})
    target.send("cost", video_slot={"ref": target.request["video"]}, headers=target.cookie_of(shown))
    return target.vendor.paid_with(target.APPS)


@pytest.mark.parametrize("is_guarded", [True, False], ids=["guarded", "guard removed"])
@pytest.mark.parametrize(("attack", "without"), TRIES)
def test_only_without_its_guard_a_cookie_gives_away_what_is_anothers(  # noqa: PLR0917  fixtures
    attack, without, is_guarded, open_target, sign_cookie, monkeypatch
):
    for remove in () if is_guarded else without:
        remove(monkeypatch)
    listed = {"token_for": TokenFor.LISTED, "token_accounts": frozenset({"ann"}), "budget_day_usd": 8.0}
    with open_target(**listed) as target:
        assert bool(attack(target, sign_cookie)) is not is_guarded


def test_the_cookie_of_a_login_does_open_its_own_runs(open_target):
    """What is refused above is not refused by chance."""
    with open_target() as target:
        assert target.gives_away(_shown_to(target, target.cookie_of(target.account())))
