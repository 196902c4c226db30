import pytest

from kling_ui.own_hosts import Origin
from kling_ui.ui.web.security import is_foreign_write

OWN = [Origin.parse("https://demo.example.org")]


def _foreign(*headers, method="POST", host="127.0.0.1:7860"):
    named = [(name.lower().encode(), value.encode()) for name, value in [("Host", host), *headers]]
    return is_foreign_write({"type": "http", "method": method, "headers": named}, OWN)


@pytest.mark.parametrize(
    ("headers", "foreign"),
    [
        pytest.param([("Sec-Fetch-Site", "same-origin")], False, id="own page"),
        pytest.param([("Sec-Fetch-Site", "none")], False, id="typed by the person"),
        pytest.param([("Sec-Fetch-Site", "cross-site")], True, id="another site"),
        pytest.param([("Sec-Fetch-Site", "same-site")], True, id="another port of localhost"),
        pytest.param([("Sec-Fetch-Site", "SAME-ORIGIN")], True, id="no word of a browser"),
        pytest.param([("Sec-Fetch-Site", "")], True, id="no word at all"),
        pytest.param([("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")], True, id="two words"),
        pytest.param([("Sec-Fetch-Site", "same-origin"), ("Origin", "null")], False, id="own form, no referrer"),
        pytest.param([("Sec-Fetch-Site", "cross-site"), ("Origin", "http://127.0.0.1:7860")], True, id="site first"),
        pytest.param([("Origin", "http://127.0.0.1:7860")], False, id="own origin"),
        pytest.param([("Origin", "https://demo.example.org")], False, id="public origin"),
        pytest.param([("Origin", "http://demo.example.org")], True, id="public origin without TLS"),
        pytest.param([("Origin", "http://127.0.0.1:7861")], True, id="another port"),
        pytest.param([("Origin", "http://localhost:7860")], True, id="another name of this machine"),
        pytest.param([("Origin", "http://evil.example")], True, id="foreign origin"),
        pytest.param([("Origin", "http://127.0.0.1:7860@evil.example")], True, id="dressed up"),
        pytest.param([("Origin", "null")], True, id="null"),
        pytest.param([("Origin", "")], True, id="empty"),
        pytest.param([("Origin", "http://127.0.0.1:7860"), ("Origin", "http://evil.example")], True, id="two origins"),
        pytest.param([("Origin", "null"), ("Referer", "http://127.0.0.1:7860/")], True, id="origin before referrer"),
        pytest.param([("Referer", "http://127.0.0.1:7860/page?x=1")], False, id="own referrer"),
        pytest.param([("Referer", "http://evil.example/http://127.0.0.1:7860/")], True, id="foreign referrer"),
        pytest.param([("Referer", "")], True, id="empty referrer"),
        pytest.param([], False, id="a program"),
    ],
)
def test_only_the_own_page_and_programs_may_write(headers, foreign):
    assert _foreign(*headers) is foreign
    assert not _foreign(*headers, method="GET")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "get", "NONSENSE"])
def test_whatever_is_no_read_is_a_write(method):
    assert _foreign(("Origin", "http://evil.example"), method=method)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reads_are_let_in(method):
    assert not _foreign(("Sec-Fetch-Site", "cross-site"), method=method)


def test_behind_a_proxy_that_ended_https_the_host_counts():
    assert not _foreign(("Origin", "https://box.example"), host="box.example")
