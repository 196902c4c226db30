from ipaddress import ip_network

import pytest

from kling_ui.ui.web.client_address import Forwarded

PROXIES = [ip_network("10.0.0.0/8")]
FORGED = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Server": "evil.example",
    "X-Forwarded-For": "203.0.113.9",
    "Forwarded": "for=203.0.113.9;host=evil.example;proto=https",
    "X-Gradio-Server": "http://evil.example",
    "X-Gradio-User": "mcp",
    "X-Real-IP": "203.0.113.9",
    "X-Original-URL": "/evil",
    "X-Original-Host": "evil.example",
    "X-Rewrite-URL": "/evil",
    "X-Host": "evil.example",
    "X-HTTP-Host-Override": "evil.example",
    "X-HTTP-Method-Override": "DELETE",
}


def _scope(peer, headers):
    named = [(b"host", b"app:7860"), *((name.lower().encode(), value.encode()) for name, value in headers)]
    return {"type": "http", "client": (peer, 1), "scheme": "http", "headers": named}


def _applied(peer, *headers):
    scope = _scope(peer, headers)
    return Forwarded.from_scope(scope, PROXIES).applied_to(scope)


def test_nobody_but_a_trusted_proxy_is_believed_or_even_heard():
    scope = _applied("198.51.100.7", *FORGED.items(), ("Accept", "*/*"))
    assert scope["headers"] == [(b"host", b"app:7860"), (b"accept", b"*/*")]
    assert scope["scheme"] == "http"


def test_of_a_trusted_proxy_only_host_and_scheme_are_believed():
    scope = _applied("10.0.0.5", *FORGED.items(), ("Accept", "*/*"))
    assert scope["headers"] == [(b"host", b"evil.example"), (b"accept", b"*/*")]
    assert scope["scheme"] == "https"


@pytest.mark.parametrize(
    ("said", "scheme"),
    [
        ("https", "https"),
        ("HTTPS, http", "https"),
        ("http", "http"),
        ("javascript", "http"),
        ("", "http"),
        (",", "http"),
    ],
)
def test_the_scheme_is_one_of_the_web(said, scheme):
    assert _applied("10.0.0.5", ("X-Forwarded-Proto", said))["scheme"] == scheme


@pytest.mark.parametrize(
    ("said", "host"),
    [
        (["Demo.example.org"], b"demo.example.org"),
        (["demo.example.org, inner"], b"demo.example.org"),
        (["demo.example.org", "inner"], b"demo.example.org"),
        ([""], b"app:7860"),
        ([], b"app:7860"),
    ],
)
def test_the_host_is_what_the_outermost_proxy_was_asked(said, host):
    scope = _applied("10.0.0.5", *[("X-Forwarded-Host", text) for text in said])
    assert [value for name, value in scope["headers"] if name == b"host"] == [host]
