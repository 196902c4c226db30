"""What Gradio remembers of open tabs, kept within limits; and how long their events wait for a first answer.

A browser chooses the name of its session (one open tab) itself, and need never read what was answered. Left alone,
Gradio would keep for each name a copy of the whole page with the values last sent, every unread message, and the
numbers of events whose end nobody fetched. The copies are not kept at all (``gradio_shortcuts``). The rest is counted
here, and what nobody reads is forgotten.
"""

import asyncio
import logging
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any, NoReturn
from weakref import WeakSet

import orjson
from gradio.queueing import Event as QueuedEvent
from gradio.queueing import Queue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kling_ui.languages import retell, retell_all, told
from kling_ui.signing import is_same
from kling_ui.ui.event_payload import place_of
from kling_ui.ui.web.browser_cookie import browser_of
from kling_ui.ui.web.client_address import SCOPE_KEY as ADDRESS_KEY
from kling_ui.ui.web.gradio_requests import DATA, JOIN, OUTDATED, EventRequest
from kling_ui.ui.web.gradio_requests import SCOPE_KEY as EVENT_KEY
from kling_ui.ui.web.program_requests import SESSION, CallPath

log = logging.getLogger(__name__)

SESSION_EVENTS_MAX, ADDRESS_EVENTS_MAX = 50, 200  # unfinished or unread ones
# Sizes are those of the JSON; what Python makes of it takes a few times as much.
SESSION_BYTES_MAX, ADDRESS_BYTES_MAX, ALL_BYTES_MAX = 2_000_000, 4_000_000, 8_000_000
UNREAD_MESSAGES_MAX = 1000  # of one session
READERS_MAX = 4  # of one session: a tab has one, and for a while those that its network has lost
UNREAD_S = 120.0  # a tab begins to read at once; a browser with many of them may let one wait
OPENING_S = 5.0  # between its first event and its first reading a tab cannot be told from one that never reads
OPENING_MAX = 500  # sessions that may be in that state beyond the limit
CHECK_EVERY_S = 5.0
LATENCY_BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)

TAB_BUSY = told("This tab is waiting for too many things at once. Wait until they are done, or reload the page.")
ADDRESS_BUSY = told("Too many things are going on at once from where you are. Wait until some of them are done.")
APP_BUSY = told("Too much is going on in this app at the moment. Try again in a minute.")
TABS_MAX = told("Too many tabs are open in this app at the moment. Try again in a minute.")
INSIDE = told("Something went wrong inside the app. Try again.")
NO_CALL = "No call is waiting for its answer here."
_ANSWERS = {"process_generating", "process_completed"}
_FORGOTTEN = {"msg": "unexpected_error", "message": told("This tab was forgotten."), "success": False}


class Mailbox(asyncio.Queue[Any]):
    """The messages of one session that its tab has not read yet.

    Args:
        on_message: Called with each one that comes, and its bytes.
    """

    def __init__(self, on_message: Callable[[Any, int], None]) -> None:
        super().__init__()
        self._on_message = on_message
        self.size_bytes = 0

    def _put(self, item: Any) -> None:
        size_bytes = _written_bytes(getattr(item, "output", None))
        self.size_bytes += size_bytes
        super()._put((item, size_bytes))
        self._on_message(item, size_bytes)

    def _get(self) -> Any:
        item, size_bytes = super()._get()
        self.size_bytes -= size_bytes
        return item


@dataclass(slots=True)
class Session:
    """One open tab, as far as anything is remembered of it.

    Attributes:
        address: The key of the network address from which it came; empty where addresses do not count.
        browser: The secret of the browser that opened it; empty where that keeps none.
        seen_at: When it last sent or read something.
        mailbox: Its unread messages, as soon as there can be any.
        readers: Open streams of it.
    """

    address: str
    browser: str
    seen_at: float
    mailbox: Mailbox | None = None
    readers: int = 0

    @property
    def unread_bytes(self) -> int:
        """Size of the unread messages."""
        return self.mailbox.size_bytes if self.mailbox else 0


class _Mailboxes(dict[str, Any]):
    """Takes the place of Gradio's own queues of messages: each is one that counts."""

    def __init__(self, sessions: "PageSessions") -> None:
        super().__init__()
        self._sessions = sessions

    def __setitem__(self, session: str, _: Any) -> None:
        super().__setitem__(session, self._sessions.new_mailbox(session))

    def __delitem__(self, session: str) -> None:
        self.pop(session, None)  # of two streams that end both want to
        self._sessions.lose_mailbox(session)

    def __missing__(self, _: str) -> Any:
        return asyncio.Queue()  # of a session that was forgotten: whatever is put there is gone


class _EventIds(dict[str, set[str]]):
    """Takes the place of Gradio's own sets; a session that was forgotten waits for nothing."""

    def __missing__(self, _: str) -> set[str]:
        return set()


class PageSessions:
    """All open tabs of which anything is remembered.

    Args:
        queue: Gradio's queue of the page.
        sessions_max: How many.
        silent_s: Seconds after which a silent one is forgotten.
        counts_addresses: Limits hold for one network address, too.
        clock: Seconds since any moment.
    """

    def __init__(
        self,
        queue: Queue,
        *,
        sessions_max: int,
        silent_s: float,
        counts_addresses: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._sessions_max = sessions_max
        self._silent_s = silent_s
        self._counts_addresses = counts_addresses
        self._clock = clock
        self._sessions: dict[str, Session] = {}  # the longest silent first
        self._answered: WeakSet[QueuedEvent] = WeakSet()
        self._unread_bytes_most = 0  # never less than what is unread
        self.latency = Latency()
        self.refused = 0
        any_queue: Any = queue
        any_queue.pending_messages_per_session = _Mailboxes(self)
        any_queue.pending_event_ids_session = _EventIds()

    def __len__(self) -> int:
        return len(self._sessions)

    def __contains__(self, session: str) -> bool:
        return session in self._sessions

    @property
    def unread_bytes(self) -> int:
        """Size of all unread messages."""
        return sum(session.unread_bytes for session in self._sessions.values())

    def is_of(self, name: str, browser: str) -> bool:
        """Tell whether a session may be one of a browser's; that of a browser without a secret is anybody's."""
        session = self._sessions.get(name)
        return session is None or not session.browser or is_same(browser, session.browser)

    def refusal(self, event: EventRequest, address: str, browser: str = "") -> str:
        """Let an event of a tab in, or say in words why not; empty words let it in.

        Args:
            event: What the tab sent.
            address: The key of the network address that it came from.
            browser: The secret of the browser that sent it.
        """
        if not self.is_of(event.session, browser):
            return OUTDATED
        address = address if self._counts_addresses else ""
        refused = self._too_many(event, address)
        if not refused and event.session not in self._sessions and not self._make_room():
            refused = TABS_MAX
        if refused:
            self.refused += 1
        else:
            self._see(event.session, address, browser)
        return refused

    def of_call(self, event_id: str) -> str:
        """Give the session of a program's call; an empty name where there is none, or the event is a page's."""
        event = self._queue.event_ids_to_events.get(event_id)
        waiting = self._queue.pending_event_ids_session.items()
        name = event.session_hash if event else next((name for name, ids in waiting if event_id in ids), "")
        return name if name.startswith(SESSION) else ""

    def may_read(self, name: str) -> bool:
        """Tell whether one more stream of a session may open."""
        return self._sessions[name].readers < READERS_MAX

    @contextmanager
    def reading(self, name: str) -> Generator[None]:
        """Note that a tab reads its messages, for as long as it does."""
        session = self._see(name, self._sessions[name].address)
        session.readers += 1
        try:
            yield
        finally:
            session.readers -= 1
            if self._sessions.get(name) is session:
                session.seen_at = self._clock()
                self._drop_dead(name)

    def forget(self, name: str) -> None:
        """Forget a session: its events end at their next step, and a tab that comes back to it begins anew."""
        queue = self._queue
        for event in [event for event in queue.event_ids_to_events.values() if event.session_hash == name]:
            event.alive = False
            waiting = queue.event_queue_per_concurrency_id[event.concurrency_id].queue
            if event in waiting:
                waiting.remove(event)
                queue.event_ids_to_events.pop(event._id, None)
        queue.pending_messages_per_session.pop(name, None)
        queue.pending_event_ids_session.pop(name, None)
        self._sessions.pop(name, None)

    def _drop_dead(self, name: str) -> None:
        """Wait no longer for events that Gradio has ended because their tab has gone.

        Those that the tab has sent since then, while its stream was ending, go on.
        """
        waited_for = self._queue.pending_event_ids_session[name]
        box = self._queue.pending_messages_per_session.get(name)
        for event_id in list(waited_for):
            event = self._queue.event_ids_to_events.get(event_id)
            is_coming = event.alive if event else box is not None and not box.empty()
            if not is_coming:
                waited_for.discard(event_id)
        if not waited_for:
            self._queue.pending_event_ids_session.pop(name, None)

    def forget_silent(self) -> None:
        """Forget who does not read its messages, and who has been silent for long."""
        now = self._clock()
        for name, session in list(self._sessions.items()):
            silent_s = now - session.seen_at
            is_deaf = bool(session.mailbox and session.mailbox.qsize()) and silent_s > UNREAD_S
            if not session.readers and (is_deaf or silent_s > self._silent_s):
                self.forget(name)

    async def keep_forgetting(self, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> NoReturn:
        """Forget silent sessions every few seconds, until cancelled."""
        while True:
            await sleep(CHECK_EVERY_S)
            self.forget_silent()

    def new_mailbox(self, name: str) -> Mailbox:
        """Give a session the place for its messages."""
        session = self._sessions.get(name) or self._see(name, "")
        session.mailbox = Mailbox(partial(self._note_message, name))
        return session.mailbox

    def lose_mailbox(self, name: str) -> None:
        """Note that Gradio has thrown the messages of a session away."""
        if name in self._sessions:
            self._sessions[name].mailbox = None

    def _see(self, name: str, address: str, browser: str = "") -> Session:
        session = self._sessions.pop(name, None) or Session(address, browser, 0.0)
        session.seen_at, session.address = self._clock(), address
        self._sessions[name] = session
        return session

    def _too_many(self, event: EventRequest, address: str) -> str:
        unfinished = list(self._queue.event_ids_to_events.values())
        own = [other for other in unfinished if other.session_hash == event.session]
        if self._waiting([event.session], own) >= SESSION_EVENTS_MAX or _bytes(own, event) > SESSION_BYTES_MAX:
            return TAB_BUSY
        near = [other for other in unfinished if address and _address(other) == address]
        tabs = [name for name, session in self._sessions.items() if address and session.address == address]
        if self._waiting(tabs, near) >= ADDRESS_EVENTS_MAX or _bytes(near, event) > ADDRESS_BYTES_MAX:
            return ADDRESS_BUSY
        return APP_BUSY if _bytes(unfinished, event) > ALL_BYTES_MAX else ""

    def _waiting(self, names: list[str], unfinished: list[QueuedEvent]) -> int:
        """Count the events that are not finished, or whose end nobody has read."""
        return max(len(unfinished), sum(len(self._queue.pending_event_ids_session[name]) for name in names))

    def _make_room(self) -> bool:
        """Forget the longest silent session that nobody reads, if there are too many; tell whether one more may come.

        One that waits for nothing goes first, and one that has just begun is left in peace: its tab is about to read.
        """
        if len(self._sessions) < self._sessions_max:
            return True
        latest = self._clock() - OPENING_S
        silent = [name for name, tab in self._sessions.items() if not tab.readers and tab.seen_at <= latest]
        if silent:
            self.forget(min(silent, key=lambda name: bool(self._queue.pending_event_ids_session[name])))
            return True
        reading = sum(session.readers > 0 for session in self._sessions.values())
        return reading < self._sessions_max and len(self._sessions) - reading < OPENING_MAX

    def _note_message(self, name: str, message: Any, size_bytes: int) -> None:
        self._limit_unread(name, size_bytes)
        event = self._queue.event_ids_to_events.get(getattr(message, "event_id", None) or "")
        if event is not None and getattr(message, "msg", "") in _ANSWERS and event not in self._answered:
            self._answered.add(event)
            self.latency.note(time.monotonic() - event.enqueue_time)

    def _limit_unread(self, name: str, size_bytes: int) -> None:
        """Forget whoever does not fetch what it asked for; those who read lose nothing to those who do not.

        What all have not read is added up only when it may be too much, not for each message.
        """
        box = self._sessions[name].mailbox if name in self._sessions else None
        if box is not None and (box.qsize() > UNREAD_MESSAGES_MAX or box.size_bytes > SESSION_BYTES_MAX):
            self.forget(name)
        self._unread_bytes_most += size_bytes
        while self._unread_bytes_most > ALL_BYTES_MAX:
            self._unread_bytes_most = self.unread_bytes
            if self._unread_bytes_most > ALL_BYTES_MAX:
                self.forget(max(self._sessions, key=self._burden))

    def _burden(self, name: str) -> tuple[bool, int]:
        session = self._sessions[name]
        return (not session.readers and session.unread_bytes > 0, session.unread_bytes)


def _written_bytes(output: Any) -> int:
    try:
        return len(orjson.dumps(output, default=str))
    except TypeError:  # it cannot be written either, which is told when it is read
        return len(repr(output))


def _address(event: QueuedEvent) -> str:
    return event.request.scope.get(ADDRESS_KEY, "")


def _bytes(events: list[QueuedEvent], one_more: EventRequest) -> int:
    told = (event.request.scope.get(EVENT_KEY) for event in events)
    return sum(event.size_bytes for event in told if event is not None) + one_more.size_bytes


class SessionLimits:
    """Stands between the checked events and Gradio: lets in what is within limits, and knows who reads.

    Args:
        app: Gradio's application.
        sessions: The open tabs.
    """

    def __init__(self, app: ASGIApp, *, sessions: PageSessions) -> None:
        self.app = app
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or answer it here."""
        path = scope["path"] if scope["type"] == "http" else ""
        if path == JOIN:
            refused = self._sessions.refusal(scope[EVENT_KEY], scope.get(ADDRESS_KEY, ""), browser_of(scope))
            await (_answer(429, refused) if refused else self._quietly)(scope, receive, send)
        elif path == DATA:
            await self._read(Request(scope).query_params.get("session_hash", ""), scope, receive, send)
        elif (call := CallPath.of(path)) is not None:
            await self._read_call(self._sessions.of_call(call.event_id), scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _read(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        if name not in self._sessions or not self._sessions.is_of(name, browser_of(scope)):
            # As Gradio says it: a page that has lost its session looks for the server and begins anew.
            told = orjson.dumps(retell_all(_FORGOTTEN) | {"session_not_found": True})
            await Response(b"data: " + told + b"\n\n", media_type="text/event-stream")(scope, receive, send)
            return
        if not self._sessions.may_read(name):
            await _answer(429, TAB_BUSY)(scope, receive, send)
            return
        with self._sessions.reading(name):
            await self._quietly(scope, receive, send)

    async def _read_call(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Bring a program the answer to its call, which is all that its session was for."""
        if name not in self._sessions:
            await _answer(404, NO_CALL)(scope, receive, send)
            return
        await self._read(name, scope, receive, send)
        self._sessions.forget(name)

    async def _quietly(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let Gradio answer; what it does not expect becomes one line of the log instead of a traceback."""
        has_begun = asyncio.Event()

        async def noting(message: Message) -> None:
            has_begun.set()
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except Exception as error:  # noqa: BLE001  told to the log
            log.warning("%s did not end well: %s", scope["path"], place_of(error))
            if not has_begun.is_set():
                await _answer(500, INSIDE)(scope, receive, send)
                return
            with suppress(Exception):  # it may have ended, or the browser has gone
                await send({"type": "http.response.body", "body": b"", "more_body": False})


def _answer(status: int, words: str) -> JSONResponse:
    return JSONResponse({"detail": retell(words)}, status)


class Latency:
    """Counts how long events wait for their first answer, by classes as Prometheus wants it.

    Attributes:
        sum_s: All of them together, in seconds.
    """

    def __init__(self) -> None:
        self.sum_s = 0.0
        self._counts = [0] * (len(LATENCY_BOUNDS_S) + 1)

    def note(self, elapsed_s: float) -> None:
        """Count one."""
        self.sum_s += elapsed_s
        self._counts[bisect_left(LATENCY_BOUNDS_S, elapsed_s)] += 1

    def buckets(self) -> list[tuple[str, float]]:
        """Return how many took at most so long, by the bound as text."""
        bounds = [*map(str, LATENCY_BOUNDS_S), "+Inf"]
        return list(zip(bounds, map(float, accumulate(self._counts)), strict=True))
