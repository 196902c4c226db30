import time
from dataclasses import replace

import fastapi
import gradio as gr
import pytest

from kling_ui.ui.visitors import SESSION_KEY, Account, Visitor, known_visitor, new_visitor, token_key_of, visitor_of


def test_visitors_cannot_be_guessed():
    assert known_visitor(new_visitor())
    assert new_visitor() != new_visitor()


@pytest.mark.parametrize("text", ["", None, "short", "v" * 65, "v" * 42 + "'", {"v": 1}])
def test_other_ids_are_not_taken(text):
    assert known_visitor(text) is None


ACCOUNT = Account("5f0c34", "ann", time.time() + 86_400, "k" * 32)


def request_of(session=None):
    return gr.Request(fastapi.Request({"type": "http", "session": session or {}}), session_hash="tab")


def test_a_browsers_id_counts_until_somebody_logs_in():
    assert visitor_of("v" * 43, request_of()) == Visitor("v" * 43, "v" * 43)
    assert not visitor_of("hf:5f0c34", request_of()).is_known
    who = visitor_of("v" * 43, request_of({SESSION_KEY: ACCOUNT.to_session()}))
    assert (who.owner, who.account) == ("hf:5f0c34", ACCOUNT)
    assert known_visitor(who.owner) is None
    assert known_visitor(who.token_key) is None


def test_a_login_from_before_the_username_was_kept_goes_on_without_one():
    old = {name: value for name, value in ACCOUNT.to_session().items() if name != "username"}
    assert Account.from_session({SESSION_KEY: old}) == replace(ACCOUNT, username="")
    new = Account.from_claims({"sub": "5f0c34", "preferred_username": "Ann"})
    assert Account.from_session({SESSION_KEY: new.to_session()}) == new
    assert new.username == "Ann"


def test_each_login_keeps_a_token_of_its_own():
    first, second = (Account.from_claims({"sub": "5f0c34"}) for _ in range(2))
    assert token_key_of(first) != token_key_of(second)


@pytest.mark.parametrize(
    "session",
    [
        {},
        {SESSION_KEY: replace(ACCOUNT, until=time.time() - 1).to_session()},
        {SESSION_KEY: "ann"},
        {SESSION_KEY: {"sub": "5f0c34"}},
        {SESSION_KEY: ACCOUNT.to_session() | {"more": 1}},
    ],
    ids=["none", "ended", "no account", "half of one", "of another release"],
)
def test_what_is_no_login_or_one_no_more_is_nobody(session):
    assert Account.from_session(session) is None
    assert visitor_of("", request_of(session)) == Visitor("", "")


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": "ann", "name": "Ann"}, "ann"),
        ({"name": "Ann"}, "Ann"),
        ({}, ""),
        ({"preferred_username": "x" * 5000}, "x" * 100),
        ({"preferred_username": "a\ud83d\x00n"}, "a\ufffd\ufffdn"),
    ],
)
def test_a_name_is_taken_as_it_comes_but_not_at_any_length(claims, name):
    assert Account.from_claims({"sub": "5f0c34"} | claims).name == name
