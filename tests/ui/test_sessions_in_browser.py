"""Two tabs among many foreign sessions: nothing that a person sees may be lost."""

import contextlib
import json
import threading
import time

import httpx
import pytest
from playwright.sync_api import expect

from kling_ui.ui.web.page_sessions import TAB_BUSY

pytestmark = pytest.mark.browser
RENDER_MS = 180_000
JOIN = "gradio_api/queue/join"


@pytest.fixture(scope="module")
def crowded(serve, tmp_path_factory):
    """An app that remembers ten tabs only."""
    folder = tmp_path_factory.mktemp("crowded")
    with serve(folder, KLING_UI_SESSIONS_MAX="10", KLING_UI_SESSION_MINUTES="1") as (_, address):
        yield address, folder


def _echo(address):
    (event,) = [
        event for event in httpx.get(f"{address}config").json()["dependencies"] if event["api_name"] == "on_undo_image"
    ]
    return {"data": [{"ref": "x" * 200_000}], "fn_index": event["id"], "trigger_id": event["targets"][0][0]}


@contextlib.contextmanager
def _crowd(address, count):
    """Make foreign sessions, one after another, that send large events and never read."""
    body, answers, stop = _echo(address), [], threading.Event()

    def come():
        with httpx.Client(base_url=address, timeout=60) as http:
            for number in range(count):
                if stop.is_set():
                    return
                answers.append(http.post(JOIN, json=body | {"session_hash": f"foreign{number}"}).status_code)

    crowd = threading.Thread(target=come)
    crowd.start()
    try:
        yield answers
    finally:
        stop.set()
        crowd.join(120)


def _open(chromium, address):
    tab, noise = chromium.new_context().new_page(), []
    tab.on("pageerror", lambda error: noise.append(str(error)))
    tab.on("console", lambda message: noise.append(message.text) if message.type == "error" else None)
    tab.set_default_timeout(90_000)
    tab.goto(address)
    tab.wait_for_selector("#run:not([disabled])")
    return tab, noise


@contextlib.contextmanager
def _until_streams_end(tab, quiet_s=2.0):
    """Do something, then wait until every stream of answers has ended and none has begun for a while."""
    streams = {}

    def begun(request):
        if "/queue/data" in request.url:
            streams[request] = None

    def ended(request):
        if request in streams:
            streams[request] = time.monotonic()

    tab.on("request", begun)
    tab.on("requestfinished", ended)
    tab.on("requestfailed", ended)
    yield
    until = time.monotonic() + 90
    while not streams or None in streams.values() or time.monotonic() - max(streams.values()) < quiet_s:
        assert time.monotonic() < until, streams
        tab.wait_for_timeout(100)


@pytest.mark.slow
def test_a_preview_is_shown_while_foreign_sessions_come_and_go(chromium, crowded):
    address, folder = crowded
    first, first_noise = _open(chromium, address)
    with _crowd(address, 200) as answers:
        second, second_noise = _open(chromium, address)
        for tab in (first, second):
            tab.click("#run")
        for tab in (first, second):
            expect(tab.locator("[data-link=download]")).to_be_visible(timeout=RENDER_MS)
            expect(tab.locator("#status")).to_be_hidden(timeout=RENDER_MS)
            expect(tab.locator(".player-facts")).to_contain_text("Motion match")
        until = time.monotonic() + 120
        while len(answers) < 200 and time.monotonic() < until:
            time.sleep(0.2)
    assert answers == [200] * 200
    assert first_noise == second_noise == []
    assert "Traceback" not in (folder / "said.txt").read_text()
    first.context.close()
    second.context.close()


@pytest.mark.slow
@pytest.mark.parametrize("status", [400, 413, 429])
def test_a_refusal_is_shown_in_its_own_words(chromium, crowded, status):
    tab, _ = _open(chromium, crowded[0])
    refusal = {"status": status, "content_type": "application/json", "body": json.dumps({"detail": TAB_BUSY})}
    tab.route("**/queue/join**", lambda route: route.fulfill(**refusal))
    tab.click("#run")
    expect(tab.locator("[data-testid=toast-body]").first).to_contain_text(TAB_BUSY)
    tab.unroute("**/queue/join**")
    tab.click("#run")
    expect(tab.locator("[data-link=download]")).to_be_visible(timeout=RENDER_MS)  # the page goes on
    tab.context.close()


def test_half_a_character_does_not_stop_the_page(chromium, crowded):
    tab, noise = _open(chromium, crowded[0])
    cut = "field => { field.value = 'A person dancing \\ud83d'; field.dispatchEvent(new Event('input')); }"
    with tab.expect_request(lambda request: "dancing \\ud83d" in (request.post_data or "")):
        tab.locator("#prompt textarea").evaluate(cut)
    expect(tab.locator("#findings")).to_contain_text("U+FFFD")  # what was lost is said, and nothing is run
    expect(tab.locator("#run")).to_be_disabled()
    tab.locator("#prompt textarea").fill("A person dancing")
    tab.wait_for_selector("#run:not([disabled])")
    assert noise == []
    tab.reload()
    tab.wait_for_selector("#run:not([disabled])")
    tab.context.close()


@pytest.mark.slow
def test_a_forgotten_tab_finds_its_server_again(chromium, crowded):
    """Whoever comes back to a stream that was forgotten begins anew, with what the browser kept."""
    tab, _ = _open(chromium, crowded[0])
    with _until_streams_end(tab):  # an event that finds an open stream asks for no other
        tab.locator("#prompt textarea").fill("A person in a garden")
        tab.locator("#prompt textarea").blur()
    tab.wait_for_function("(localStorage['kling_ui.inputs'] || '').length > 50")
    forgotten = b'data: {"msg":"unexpected_error","message":"x","success":false,"session_not_found":true}\n\n'
    tab.route("**/queue/data**", lambda route: route.fulfill(content_type="text/event-stream", body=forgotten), times=1)
    with tab.expect_response("**/gradio_api/app_id") as answer:
        tab.locator("#keep-sound input").click()
    assert answer.value.status == 200
    expect(tab.locator("#prompt textarea")).to_have_value("A person in a garden")
    tab.wait_for_selector("#run:not([disabled])")
    tab.click("#run")
    expect(tab.locator("[data-link=download]")).to_be_visible(timeout=RENDER_MS)
    tab.context.close()
