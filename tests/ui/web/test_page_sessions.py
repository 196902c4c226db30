"""A small page, really mounted, and many who send events to it and do not read."""

import asyncio
import json
from contextlib import ExitStack, asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any

import gradio as gr
import httpx
import pytest
from fastapi import FastAPI

from kling_ui.quotas import MachineLimits
from kling_ui.settings import Settings
from kling_ui.ui.web import page_sessions
from kling_ui.ui.web.client_address import SCOPE_KEY
from kling_ui.ui.web.gradio_requests import DATA, JOIN, EventRequest
from kling_ui.ui.web.gradio_shortcuts import NoStates
from kling_ui.ui.web.page_sessions import PageSessions
from kling_ui.ui.web.server import finish_mounting

ECHO, WAIT, COUNT, SAY = 0, 1, 2, 3
LARGE = "x" * 249_000
MIB = 2**20


class _Page:
    """The page, and what its events did."""

    def __init__(self, *, is_public=False, **limits):
        self.go_on = asyncio.Event()
        self.ended = []
        self.say = ""
        self.app = FastAPI()
        with gr.Blocks(analytics_enabled=False) as page:
            box = gr.HTML("")
            for handler in (self._echo, self._wait, self._count, self._say):
                page.load(handler, box, box, preprocess=False)
        page.queue(default_concurrency_limit=None, max_size=1000)
        gr.mount_gradio_app(self.app, page, "/", show_error=False)
        settings = Settings(public_url="https://app.example" if is_public else None, limits=MachineLimits(**limits))
        self.sessions = finish_mounting(self.app, page, settings)
        mount: Any = self.app.router.routes[-1]
        self.queue, self.gradio = page._queue, mount.app
        self.address = ""
        self.http: Any = None  # as long as it is open

    async def _echo(self, value):
        return value

    async def _wait(self, value):
        try:
            yield "begun"
            await self.go_on.wait()
            yield value
        finally:
            self.ended.append(value)

    async def _count(self, number):
        try:
            for count in range(number):
                yield f"{count}"
                await asyncio.sleep(0)
        finally:
            self.ended.append(count)

    async def _say(self, _):
        return self.say

    async def __call__(self, scope, receive, send):
        async def noting(message):
            await send(message)
            if b"close_stream" in message.get("body", b""):
                await self.at_close()

        await self.app({**scope, SCOPE_KEY: self.address}, receive, noting)

    async def at_close(self):
        """Happens between the last message of a stream and its end."""

    async def join(self, event, value, name):
        body = {"data": [value], "fn_index": event, "session_hash": name}
        return await self.http.post(JOIN, json=body)

    async def read(self, name):
        text = (await self.http.get(DATA, params={"session_hash": name})).text
        return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line]

    async def settle(self):
        for _ in range(400):
            if not self.queue.event_ids_to_events:
                return
            await asyncio.sleep(0.01)

    def remembered(self):
        names = self.queue.pending_messages_per_session.keys() | self.queue.pending_event_ids_session.keys()
        return len(names | set(self.sessions._sessions) | self.gradio.state_holder.session_data.keys())


@asynccontextmanager
async def _open(**how):
    page = _Page(**how)
    async with page.app.router.lifespan_context(page.app):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(page), base_url="http://app.example") as page.http:
            yield page
        page.go_on.set()
        await page.settle()


@pytest.fixture(autouse=True)
def _as_the_server_tells_gradio(monkeypatch):
    monkeypatch.setenv("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000")
    monkeypatch.setenv("GRADIO_ANALYTICS_MAX_EVENTS", "100")


def _play(play, **how):
    async def whole():
        async with _open(**how) as page:
            await play(page)

    asyncio.run(whole())


async def _nothing():
    pass


def _kinds(messages):
    return [message["msg"] for message in messages]


@pytest.mark.parametrize("name_of", [lambda count: f"name{count}", lambda _: "same"], ids=["many names", "one name"])
def test_a_thousand_large_events_that_nobody_reads_leave_little(name_of):
    async def play(page):
        for count in range(1000):
            await page.join(ECHO, LARGE, name_of(count))
        await page.settle()
        assert page.sessions.unread_bytes <= page_sessions.ALL_BYTES_MAX
        assert page.remembered() <= page_sessions.ALL_BYTES_MAX / len(LARGE)
        assert len(page.queue.event_analytics) <= 100

    _play(play)


def test_many_small_ones_are_limited_in_number():
    async def play(page):
        for count in range(700):
            await page.join(ECHO, "x", f"name{count}")
        await page.settle()
        assert page.remembered() <= page_sessions.OPENING_MAX

    _play(play, sessions_max=10)


def test_no_values_are_kept():
    async def play(page):
        await page.join(ECHO, "secret", "tab")
        assert _kinds(await page.read("tab"))[-1] == "close_stream"
        assert isinstance(page.gradio.state_holder, NoStates)
        assert page.gradio.state_holder.session_data == {}
        assert "secret" not in repr(vars(page.gradio.state_holder["tab"]))

    _play(play)


@pytest.mark.parametrize(
    ("is_public", "names", "let_in", "words"),
    [
        (False, ["one"] * 60, page_sessions.SESSION_EVENTS_MAX, page_sessions.TAB_BUSY),
        (True, ["one"] * 60, page_sessions.SESSION_EVENTS_MAX, page_sessions.TAB_BUSY),
        (True, [f"n{n % 10}" for n in range(220)], page_sessions.ADDRESS_EVENTS_MAX, page_sessions.ADDRESS_BUSY),
        (False, [f"n{n % 10}" for n in range(220)], 220, ""),  # on a local app all come from one address
    ],
)
def test_unfinished_events_are_limited(is_public, names, let_in, words):
    async def play(page):
        page.address = "a" * 32
        answers = [await page.join(WAIT, n, name) for n, name in enumerate(names)]
        assert [answer.status_code for answer in answers] == [200] * let_in + [429] * (len(names) - let_in)
        if words:
            assert answers[-1].json() == {"detail": words}
        page.address = "b" * 32  # somebody else is let in
        assert (await page.join(WAIT, 0, "other")).status_code == 200

    _play(play, is_public=is_public)


def test_bodies_of_unfinished_events_are_limited():
    async def play(page):
        answers = [await page.join(WAIT, LARGE, f"name{count}") for count in range(60)]
        let_in = [answer for answer in answers if answer.status_code == 200]
        assert len(let_in) * len(LARGE) <= page_sessions.ALL_BYTES_MAX
        assert answers[-1].json() == {"detail": page_sessions.APP_BUSY}

    _play(play)


def test_who_reads_loses_nothing_to_those_who_do_not():
    async def play(page):
        await page.join(WAIT, "mine", "tab")
        reading = asyncio.create_task(page.read("tab"))
        for count in range(200):
            await page.join(ECHO, LARGE, f"foreign{count}")
        page.go_on.set()
        messages = await asyncio.wait_for(reading, 30)
        assert _kinds(messages)[-2:] == ["process_completed", "close_stream"]
        assert page.ended == ["mine"]

    _play(play, sessions_max=10)


def test_a_silent_tab_can_go_on():
    async def play(page):
        await page.join(ECHO, 1, "tab")
        await page.read("tab")
        page.sessions.forget("tab")
        assert page.remembered() == 0
        assert (await page.join(ECHO, 2, "tab")).status_code == 200
        assert "close_stream" in _kinds(await page.read("tab"))

    _play(play)


def test_a_forgotten_session_is_told_so_without_a_traceback(capfd, caplog):
    async def play(page):
        (told,) = await page.read("never-seen")
        assert told["msg"] == "unexpected_error"
        assert told["session_not_found"] is True

    _play(play)
    assert "Traceback" not in "".join(capfd.readouterr()) + caplog.text


def test_an_event_whose_session_is_forgotten_ends(capfd, caplog):
    async def play(page):
        await page.join(WAIT, "mine", "tab")
        reading = asyncio.create_task(page.read("tab"))
        await asyncio.sleep(0.2)
        page.sessions.forget("tab")
        page.go_on.set()
        await page.settle()
        assert page.ended == ["mine"]
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
        assert page.remembered() == 0

    _play(play)
    assert "Traceback" not in "".join(capfd.readouterr()) + caplog.text


def test_a_tab_that_leaves_leaves_nothing(capfd, caplog):
    async def play(page):
        for name in ("tab", "tab", "other"):
            await page.join(WAIT, name, name)
        readings = [asyncio.create_task(page.read(name)) for name in ("tab", "tab", "other")]  # one reads twice
        await asyncio.sleep(0.2)
        for reading in readings:
            reading.cancel()
        await asyncio.gather(*readings, return_exceptions=True)
        page.go_on.set()
        await page.settle()
        assert page.queue.pending_event_ids_session == {}
        assert page.queue.pending_messages_per_session == {}
        assert page.sessions.unread_bytes == 0
        assert sorted(page.ended) == ["other", "tab", "tab"]

    _play(play)
    assert "Traceback" not in "".join(capfd.readouterr()) + caplog.text


def test_an_event_that_comes_while_a_stream_ends_is_answered_in_the_next():
    async def play(page):
        async def join():
            page.at_close = _nothing
            assert (await page.join(WAIT, "late", "tab")).status_code == 200

        await page.join(ECHO, "early", "tab")
        page.at_close = join
        assert _kinds(await page.read("tab"))[-1] == "close_stream"
        page.go_on.set()
        late = await page.read("tab")
        assert _kinds(late)[-2:] == ["process_completed", "close_stream"]
        assert page.ended == ["late"]

    _play(play)


def test_one_tab_has_few_streams():
    async def play(page):
        await page.join(WAIT, "mine", "tab")
        readings = [asyncio.create_task(page.read("tab")) for _ in range(page_sessions.READERS_MAX)]
        await asyncio.sleep(0.2)
        answer = await page.http.get(DATA, params={"session_hash": "tab"})
        assert (answer.status_code, answer.json()) == (429, {"detail": page_sessions.TAB_BUSY})
        for reading in readings:
            reading.cancel()
        await asyncio.gather(*readings, return_exceptions=True)

    _play(play)


def test_what_cannot_be_written_is_one_line(capfd, caplog):
    async def play(page):
        page.say = "half a character: \ud800"
        await page.join(SAY, 1, "tab")
        assert "process_completed" not in _kinds(await page.read("tab"))

    _play(play)
    told = "".join(capfd.readouterr()) + caplog.text
    assert "did not end well" in told
    assert "Traceback" not in told


def test_a_flood_of_messages_that_nobody_reads_ends(capfd):
    async def play(page):
        await page.join(COUNT, 5000, "tab")
        await page.settle()
        assert page.ended
        assert page.ended[0] < 1200
        assert page.remembered() == 0

    _play(play)
    assert "Traceback" not in "".join(capfd.readouterr())


def test_whatever_goes_wrong_in_gradio_is_one_line(capfd, caplog):
    async def play(page):
        async def broken(*_, **__):
            raise ZeroDivisionError("secret detail")

        page.queue.push = broken
        answer = await page.join(ECHO, 1, "tab")
        assert (answer.status_code, answer.json()) == (500, {"detail": page_sessions.INSIDE})

    _play(play)
    told = "".join(capfd.readouterr()) + caplog.text
    assert "ZeroDivisionError at" in told
    assert "Traceback" not in told
    assert "secret detail" not in told


class _Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return _Clock()


@pytest.fixture
def sessions(clock):
    queue = SimpleNamespace(event_ids_to_events={}, event_queue_per_concurrency_id={})
    return PageSessions(queue, sessions_max=10, silent_s=600.0, counts_addresses=True, clock=clock)


@pytest.fixture
def open_streams():
    with ExitStack() as stack:
        yield stack


def _arrive(sessions, name, messages=0):
    assert sessions.refusal(EventRequest(name, 100), "a") == ""
    if name not in sessions._queue.pending_messages_per_session:
        sessions._queue.pending_messages_per_session[name] = None  # as Gradio does; what it hands in does not count
    for _ in range(messages):
        sessions._queue.pending_messages_per_session[name].put_nowait(SimpleNamespace(output={"data": [1]}))


@pytest.mark.parametrize(
    ("how", "silent_s", "stays"),
    [
        ("silent", 599, True),
        ("silent", 601, False),
        ("reads", 601, True),
        ("does not read", page_sessions.UNREAD_S - 1, True),
        ("does not read", page_sessions.UNREAD_S + 1, False),
    ],
)
def test_who_is_forgotten_after_a_while(sessions, open_streams, how, silent_s, stays):
    _arrive(sessions, "tab", messages=0 if how == "silent" else 1)
    if how == "reads":
        open_streams.enter_context(sessions.reading("tab"))
    sessions._clock.now += silent_s
    sessions.forget_silent()
    assert ("tab" in sessions) is stays


def test_the_longest_silent_one_makes_room(sessions, clock, open_streams):
    for number in range(10):
        _arrive(sessions, f"tab{number}")
    open_streams.enter_context(sessions.reading("tab0"))
    clock.now += page_sessions.OPENING_S
    _arrive(sessions, "tab1")  # it is heard of again
    _arrive(sessions, "new")
    assert len(sessions) == 10
    assert {"tab0", "tab1", "new"} <= set(sessions._sessions)
    assert "tab2" not in sessions


def test_who_waits_for_nothing_goes_first(sessions, clock):
    for number in range(10):
        _arrive(sessions, f"tab{number}")
        if number != 7:
            sessions._queue.pending_event_ids_session[f"tab{number}"] = {"event"}
    clock.now += page_sessions.OPENING_S
    _arrive(sessions, "new")
    assert "tab7" not in sessions
    assert len(sessions) == 10


def test_tabs_that_read_are_limited(sessions, open_streams):
    for number in range(10):
        _arrive(sessions, f"tab{number}")
        open_streams.enter_context(sessions.reading(f"tab{number}"))
    assert sessions.refusal(EventRequest("new", 100), "a") == page_sessions.TABS_MAX


def test_tabs_that_have_just_begun_are_limited(sessions, clock):
    for number in range(page_sessions.OPENING_MAX):
        _arrive(sessions, f"tab{number}")
    assert sessions.refusal(EventRequest("new", 100), "b") == page_sessions.TABS_MAX
    clock.now += page_sessions.OPENING_S
    assert sessions.refusal(EventRequest("new", 100), "b") == ""


def test_the_task_forgets_until_it_is_cancelled(sessions, clock):
    _arrive(sessions, "tab")
    clock.now += 601
    seen = []

    async def sleep(seconds):
        seen.append(len(sessions))
        if len(seen) == 2:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(sessions.keep_forgetting(sleep))
    assert seen == [1, 0]
