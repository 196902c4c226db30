import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from kling_ui.ui.web.browser_cookie import COOKIE, BrowserCookie, browser_of


async def _told(request: Request) -> PlainTextResponse:
    return PlainTextResponse(browser_of(request.scope))


def _client(*, on_space: bool = False) -> TestClient:
    app = Starlette(routes=[Route("/", _told, methods=["GET", "POST"]), Route("/config", _told)])
    return TestClient(BrowserCookie(app, on_space=on_space), base_url="https://localhost")


def test_a_browser_gets_its_secret_with_the_page_and_keeps_it():
    client = _client()
    given = client.get("/").headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(given.split("; "))
    kept = client.cookies[COOKIE]
    assert client.get("/config").text == kept
    assert "set-cookie" not in client.get("/").headers
    assert client.cookies[COOKIE] == kept


def test_in_the_frame_of_a_space_the_cookie_says_that_it_belongs_there():
    given = _client(on_space=True).get("/").headers["set-cookie"]
    assert {"SameSite=None", "Secure", "Partitioned", "HttpOnly"} <= set(given.split("; "))


def test_each_browser_has_another_one():
    assert _client().get("/").headers["set-cookie"] != _client().get("/").headers["set-cookie"]


@pytest.mark.parametrize(("method", "path"), [("POST", "/"), ("GET", "/config")])
def test_it_comes_with_the_page_alone(method, path):
    assert "set-cookie" not in _client().request(method, path).headers


@pytest.mark.parametrize("value", ["", "short", "x" * 44, "ä" * 43, '"' + "x" * 43])
def test_what_cannot_be_one_of_ours_is_none(value):
    client = _client()
    headers = {"Cookie": f"{COOKIE}={value}".encode("latin-1")}
    assert client.get("/config", headers=headers).text == ""
    assert COOKIE in client.get("/", headers=headers).headers["set-cookie"]
