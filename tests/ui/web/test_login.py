"""A whole login against a played provider, and all that can go wrong with one."""

import json
import logging
import time
from base64 import b64decode
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI, Request
from itsdangerous import TimestampSigner
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from starlette.testclient import TestClient

from kling_ui.ui.visitors import Account, TokenStore
from kling_ui.ui.web.login import COOKIE, WORDS, add_login, login_url


@pytest.fixture
def open_app(played):
    """Opens an app that has a login and tells who is there."""

    def opened(login):
        app = FastAPI()
        add_login(app, login, TokenStore)

        @app.get("/who")
        async def who(request: Request) -> str:
            account = Account.from_session(request.session)
            return account.name if account else "nobody"

        return TestClient(app, base_url=f"https://{played.SPACE}", follow_redirects=False)

    return opened


@pytest.fixture
def client(open_app, login):
    return open_app(login)


def _home(answer):
    return answer.status_code, answer.headers["location"]


def test_a_login_keeps_who_it_is_and_nothing_that_opens_anything(client, provider, played):
    before = time.time()
    answer = played.log_in(client)
    assert _home(answer) == (303, "../")  # whatever address the link asked to come back to
    (account,) = played.session_of(client).values()
    assert (account["sub"], account["name"]) == (played.ANN["sub"], "ann")
    assert account.keys() == {"sub", "name", "until", "key", "username"}
    assert 86_400 < account["until"] - before < 31 * 86_400
    flags = answer.headers["set-cookie"].lower()
    assert all(flag in flags for flag in ("httponly", "secure", "samesite=none", "path=/"))
    assert answer.headers["cache-control"] == "no-store"
    assert provider.seen[0]["redirect_uri"] == f"https://{played.SPACE}/login/callback"
    assert client.get("/who").json() == "ann"


def test_the_login_starts_at_the_host_where_it_ends(login, played):
    assert login_url(login) == f"https://{played.SPACE}/login/huggingface"


@pytest.mark.parametrize("changed", [{"state": "another"}, {"state": ""}, {"code": "another"}], ids=str)
def test_a_callback_that_does_not_fit_is_no_login(client, played, changed):
    assert _home(played.log_in(client, **changed)) == (303, "../?login=failed")
    assert played.session_of(client) == {}


def test_a_callback_in_another_browser_is_no_login(client, played):
    back = httpx.get(client.get("/login/huggingface").headers["location"]).headers["location"]
    client.cookies.clear()
    assert _home(client.get(back)) == (303, "../?login=failed")
    assert played.session_of(client) == {}


def test_a_callback_counts_once(client, played):
    back = httpx.get(client.get("/login/huggingface").headers["location"]).headers["location"]
    assert _home(client.get(back)) == (303, "../")
    assert _home(client.get(back)) == (303, "../?login=failed")
    assert client.get("/who").json() == "ann"  # a broken attempt ends no login


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"aud": "another"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"sub": ""},
        {"sub": "a:b c"},
        {"sub": 7},
    ],
    ids=str,
)
def test_a_token_that_does_not_fit_is_no_login(client, provider, played, claims):
    provider.claims = claims
    assert _home(played.log_in(client)) == (303, "../?login=failed")
    assert played.session_of(client) == {}


@pytest.mark.parametrize("way", ["unsigned", "foreign key", "no answer"])
def test_an_answer_that_proves_nothing_is_no_login(client, provider, played, way):
    provider.has_id_token = way != "unsigned"
    provider.is_broken = way == "no answer"
    if way == "foreign key":
        provider.key = RSAKey.generate_key(2048, {"kid": "1"})
    assert _home(played.log_in(client)) == (303, "../?login=failed")
    assert played.session_of(client) == {}


def test_who_does_not_agree_comes_back_to_the_page(client, provider, played):
    provider.refuses = True
    assert _home(played.log_in(client)) == (303, "../?login=refused")
    assert played.session_of(client) == {}


def test_a_provider_that_is_away_is_said(client, provider):
    provider.stop()
    assert _home(client.get("/login/huggingface")) == (303, "../?login=unreachable")
    assert _home(client.get("/login/callback?code=x&state=y")) == (303, "../?login=failed")
    assert {"unreachable", "failed", "refused"} == WORDS.keys()


@pytest.mark.parametrize(
    "forge",
    [
        lambda text, payload: ("A" if text[0] != "A" else "B") + text[1:],
        lambda text, payload: TimestampSigner("another key").sign(payload).decode(),
        lambda text, payload: payload,
    ],
    ids=["altered", "signed by another", "unsigned"],
)
def test_a_forged_cookie_is_nobody(client, played, forge):
    played.log_in(client)
    cookie = client.cookies.get(COOKIE)
    client.cookies.clear()
    assert client.get("/who", headers={"Cookie": f"{COOKIE}={cookie}"}).json() == "ann"
    forged = forge(cookie, cookie.rsplit(".", 2)[0])
    assert client.get("/who", headers={"Cookie": f"{COOKIE}={forged}"}).json() == "nobody"


def test_another_secret_ends_all_logins(client, open_app, login, played):
    played.log_in(client)
    renewed = open_app(replace(login, client_secret=SecretStr("renewed")))
    renewed.cookies.update(client.cookies)
    assert renewed.get("/who").json() == "nobody"


def test_logging_out_leaves_nothing(client, played):
    played.log_in(client)
    assert _home(client.post("/logout")) == (303, "./")
    assert played.session_of(client) == {}
    assert client.get("/who").json() == "nobody"
    assert _home(client.post("/logout")) == (303, "./")


def test_nothing_of_the_providers_leaves_the_server(client, provider, played, caplog):
    caplog.set_level(logging.DEBUG)
    answers = [played.log_in(client)]
    session = json.dumps(played.session_of(client))
    provider.is_broken = True  # its error says the client's secret
    answers.append(played.log_in(client))
    assert played.CLIENT_SECRET in b64decode(provider.seen[0]["authorization"].removeprefix("Basic ")).decode()
    texts = [session, *(answer.text + str(answer.headers) for answer in answers)]
    texts += [caplog.handler.format(record) for record in caplog.records]
    for secret in (played.CLIENT_SECRET, played.ACCESS_TOKEN, played.REFRESH_TOKEN):
        assert not any(secret in text for text in texts)
    assert "eyJ" not in session  # no id token, either
