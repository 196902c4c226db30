"""The fault matrix: everything that can come back, at every call of a paid run, once and for as long as one looks.

Each cell tells what becomes of the run and what its visitor is told. In every cell at most one submit reaches the
server, and whatever the server accepted is a kept result in the end: by itself once the fault is gone, with a token,
or by its request id.
"""

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from kling_ui.errors import LedgerError
from kling_ui.presentation.runs import cancel_words, run_words
from kling_ui.runs.record import EngineName, RunState

VIDEO = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(range(256)) * 40
TOKEN = SecretStr("visitor-token-0123456789")
EVIL = "https://evil.example/v.mp4?sig=s3cret"
FULL = "disk full"
ENOUGH = 8  # looks: more than refusals are tolerated

UNKNOWN, FAILED, CANCELLED, COMPLETED = RunState.UNKNOWN, RunState.FAILED, RunState.CANCELLED, RunState.COMPLETED
RUNNING, FETCHING = RunState.IN_PROGRESS, RunState.COLLECTING
NEEDS_TOKEN = "needs token"

MAYBE = "not known whether the request was accepted"
AGAIN = "tried again"
LOST = "What became of the run is not known; it may be charged"
NOT_KNOWN = "Whether the run was cancelled is not known"
NO_VIDEO = "there is no video to keep"

# What is left of the run after a fault that lasts, and the words that its visitor reads; for a cancel: is told.
# A fault that passes ends in COMPLETED, except at a submit, which is never repeated, and where PASSED says otherwise.
LASTING = {
    "submit": {
        "connect refused": (FAILED, "No connection to the model API could be made."),
        "timeout before the server saw it": (FAILED, "did not answer in time"),
        "timeout after the server saw it": (UNKNOWN, MAYBE),
        "reset mid-body": (UNKNOWN, MAYBE),
        "401": (FAILED, "did not accept the token"),
        "402": (FAILED, "no balance"),
        "403": (FAILED, "may not do that"),
        "404": (FAILED, "does not know this model"),
        "409": (FAILED, "reported an error"),
        "422": (FAILED, "did not accept the image"),
        "429 with Retry-After": (FAILED, "busy"),
        "429": (FAILED, "busy"),
        "500": (UNKNOWN, MAYBE),
        "502 HTML": (UNKNOWN, MAYBE),
        "empty 200": (UNKNOWN, MAYBE),
        "200 with error_code": (FAILED, "no balance"),
        "wrong JSON type": (UNKNOWN, MAYBE),
        "unknown state": (UNKNOWN, MAYBE),
        "succeeded": (UNKNOWN, MAYBE),
        "canceled": (UNKNOWN, MAYBE),
        "result not ready": (UNKNOWN, MAYBE),
        "result without output": (UNKNOWN, MAYBE),
        "output host untrusted": (UNKNOWN, MAYBE),
        "cut at byte n": (UNKNOWN, MAYBE),
        FULL: (FAILED, "ledger"),
    },
    "status": {
        "connect refused": (RunState.IN_QUEUE, AGAIN),
        "timeout before the server saw it": (RunState.IN_QUEUE, AGAIN),
        "timeout after the server saw it": (RunState.IN_QUEUE, AGAIN),
        "reset mid-body": (RunState.IN_QUEUE, AGAIN),
        "401": (NEEDS_TOKEN, "Enter its token"),
        "402": (UNKNOWN, LOST),
        "403": (NEEDS_TOKEN, "Enter its token"),
        "404": (UNKNOWN, LOST),
        "409": (UNKNOWN, LOST),
        "422": (UNKNOWN, LOST),
        "429 with Retry-After": (RunState.IN_QUEUE, AGAIN),
        "429": (RunState.IN_QUEUE, AGAIN),
        "500": (RunState.IN_QUEUE, AGAIN),
        "502 HTML": (RunState.IN_QUEUE, AGAIN),
        "empty 200": (RunState.IN_QUEUE, AGAIN),
        "200 with error_code": (UNKNOWN, LOST),
        "wrong JSON type": (RunState.IN_QUEUE, AGAIN),
        "unknown state": (RUNNING, "Kling is rendering"),
        "succeeded": (COMPLETED, "kept here"),
        "canceled": (COMPLETED, "kept here"),  # the result knows better
        "result not ready": (RUNNING, "Kling is rendering"),
        "result without output": (COMPLETED, "kept here"),
        "output host untrusted": (COMPLETED, "kept here"),
        "cut at byte n": (RunState.IN_QUEUE, AGAIN),
        FULL: (COMPLETED, "kept here"),
    },
    "result": {
        "connect refused": (RUNNING, AGAIN),
        "timeout before the server saw it": (RUNNING, AGAIN),
        "timeout after the server saw it": (RUNNING, AGAIN),
        "reset mid-body": (RUNNING, AGAIN),
        "401": (NEEDS_TOKEN, "Enter its token"),
        "402": (UNKNOWN, LOST),
        "403": (NEEDS_TOKEN, "Enter its token"),
        "404": (UNKNOWN, LOST),
        "409": (UNKNOWN, LOST),
        "422": (UNKNOWN, LOST),
        "429 with Retry-After": (RUNNING, AGAIN),
        "429": (RUNNING, AGAIN),
        "500": (RUNNING, AGAIN),
        "502 HTML": (RUNNING, AGAIN),
        "empty 200": (RUNNING, AGAIN),
        "200 with error_code": (UNKNOWN, LOST),
        "wrong JSON type": (RUNNING, AGAIN),
        "unknown state": (RUNNING, "Kling is rendering"),
        "succeeded": (COMPLETED, "kept here"),
        "canceled": (CANCELLED, "Nothing was rendered"),
        "result not ready": (RUNNING, "Kling is rendering"),
        "result without output": (FAILED, NO_VIDEO),
        "output host untrusted": (FAILED, "not known as the engine's"),
        "cut at byte n": (RUNNING, AGAIN),
        FULL: (COMPLETED, "kept here"),
    },
    "cancel": {
        "connect refused": (COMPLETED, NOT_KNOWN),
        "timeout before the server saw it": (COMPLETED, NOT_KNOWN),
        "timeout after the server saw it": (COMPLETED, NOT_KNOWN),
        "reset mid-body": (COMPLETED, NOT_KNOWN),
        "401": (COMPLETED, NOT_KNOWN),
        "402": (COMPLETED, NOT_KNOWN),
        "403": (COMPLETED, NOT_KNOWN),
        "404": (COMPLETED, NOT_KNOWN),
        "409": (COMPLETED, NOT_KNOWN),
        "422": (COMPLETED, NOT_KNOWN),
        "429 with Retry-After": (COMPLETED, NOT_KNOWN),
        "429": (COMPLETED, NOT_KNOWN),
        "500": (COMPLETED, NOT_KNOWN),
        "502 HTML": (COMPLETED, NOT_KNOWN),
        "empty 200": (COMPLETED, NOT_KNOWN),
        "200 with error_code": (COMPLETED, NOT_KNOWN),
        "wrong JSON type": (COMPLETED, NOT_KNOWN),
        "unknown state": (COMPLETED, "cannot be stopped any more"),
        "succeeded": (COMPLETED, "too late to cancel"),
        "canceled": (CANCELLED, "Cancelled while it waited"),
        "result not ready": (COMPLETED, "cannot be stopped any more"),
        "result without output": (COMPLETED, "too late to cancel"),
        "output host untrusted": (COMPLETED, "too late to cancel"),
        "cut at byte n": (COMPLETED, NOT_KNOWN),
        FULL: (CANCELLED, "Cancelled while it waited"),
    },
    "download": {
        "connect refused": (FETCHING, AGAIN),
        "timeout before the server saw it": (FETCHING, AGAIN),
        "timeout after the server saw it": (FETCHING, AGAIN),
        "reset mid-body": (FETCHING, AGAIN),
        "401": (FETCHING, AGAIN),
        "402": (FETCHING, AGAIN),
        "403": (FETCHING, AGAIN),
        "404": (FETCHING, AGAIN),
        "409": (FETCHING, AGAIN),
        "422": (FETCHING, AGAIN),
        "429 with Retry-After": (FETCHING, AGAIN),
        "429": (FETCHING, AGAIN),
        "500": (FETCHING, AGAIN),
        "502 HTML": (FETCHING, AGAIN),
        "empty 200": (FAILED, NO_VIDEO),
        "200 with error_code": (FAILED, NO_VIDEO),
        "wrong JSON type": (FAILED, NO_VIDEO),
        "unknown state": (FAILED, NO_VIDEO),
        "succeeded": (FAILED, NO_VIDEO),
        "canceled": (FAILED, NO_VIDEO),
        "result not ready": (FAILED, NO_VIDEO),
        "result without output": (FAILED, NO_VIDEO),
        "output host untrusted": (FAILED, "not known as the engine's"),
        "cut at byte n": (FETCHING, AGAIN),
        FULL: (FETCHING, "the disk is full"),
    },
}
PASSED = {("result", "canceled"): (CANCELLED, "Nothing was rendered")}
CELLS = [
    pytest.param(call, fault, lasting, id=f"{fault} x {call}{' for long' if lasting else ''}")
    for call, faults in LASTING.items()
    for fault in faults
    for lasting in (False, True)
]


class Cut(httpx.AsyncByteStream):
    """A body that breaks off."""

    def __init__(self, content: bytes, error: Exception | None) -> None:
        self.content, self.error = content, error

    async def __aiter__(self):
        yield self.content
        if self.error is not None:
            raise self.error


def refused(http_status, code, **headers):
    body: dict = {"error_code": code, "error_message": "no"}
    if http_status == 422:
        body["detail"] = [{"loc": ["image_url"], "msg": "no"}]
    headers = {name.replace("_", "-"): text for name, text in headers.items()}
    return httpx.Response(http_status, json=body, headers=headers)


def told(call, word, **more):
    """An answer that tells where the request stands, and no request id when it answers a submit."""
    known = {} if call == "submit" else {"request_id": "req-1"}
    outcome = {"outcome": "cancelled" if word == "canceled" else "not_cancellable"} if call == "cancel" else {}
    return httpx.Response(200, json=known | {"status": word} | outcome | more)


def untrusted(call):
    if call == "download":
        return httpx.Response(302, headers={"Location": EVIL})
    return told(call, "succeeded", output={"video": EVIL})


def answer_of(call, fault, whole):
    """Make what comes back; ``whole`` is what would have come."""
    body = VIDEO if call == "download" else b'{"request_id": "req-1", "status": "in_progress"}'
    half, reset = body[: len(body) // 2], httpx.ReadError("reset by peer")
    # a file's length is known beforehand, that of a JSON answer shows in its end
    broke = httpx.RemoteProtocolError("peer closed connection") if call == "download" else None
    answers = {
        "connect refused": lambda: httpx.ConnectError("refused"),
        "timeout before the server saw it": lambda: httpx.ConnectTimeout("slow"),
        "timeout after the server saw it": lambda: httpx.ReadTimeout("slow"),
        "reset mid-body": lambda: httpx.Response(200, stream=Cut(half, reset)),
        "401": lambda: refused(401, 400004),
        "402": lambda: refused(402, 400002),
        "403": lambda: refused(403, 403001),
        "404": lambda: refused(404, 400001 if call == "submit" else 404001),
        "409": lambda: refused(409, 409001),
        "422": lambda: refused(422, 422001),
        "429 with Retry-After": lambda: refused(429, 429001, Retry_After="7"),
        "429": lambda: refused(429, 429001),
        "500": lambda: refused(500, 500001),
        "502 HTML": lambda: httpx.Response(502, text="<html>Bad gateway</html>"),
        "empty 200": lambda: httpx.Response(200, content=b""),
        "200 with error_code": lambda: refused(200, 400002),
        "wrong JSON type": lambda: httpx.Response(200, json=["req-1"]),
        "unknown state": lambda: told(call, "warming_up"),
        "succeeded": lambda: whole if call == "result" else told(call, "succeeded"),
        "canceled": lambda: told(call, "canceled"),
        "result not ready": lambda: told(call, "in_progress"),
        "result without output": lambda: told(call, "succeeded", output={}),
        "output host untrusted": lambda: untrusted(call),
        "cut at byte n": lambda: httpx.Response(200, stream=Cut(half, broke)),
        FULL: lambda: told(call, "canceled") if call == "cancel" else whole,
    }
    return answers[fault]()


NEVER_SEEN = {"connect refused", "timeout before the server saw it"}


def call_of(request):
    if request.url.host != "api.example":
        return "download"
    if request.url.path.startswith("/v1/models"):
        return "submit" if request.method == "POST" else "price"
    return request.url.path.rpartition("/")[2]


@pytest.fixture
def faulty(make_vendor):
    """Make a vendor that plays one fault at one call."""

    @dataclass
    class Faulty(make_vendor):
        call: str = ""
        fault: str = ""
        lasting: bool = False
        played: int = 0
        healed: bool = False
        on_play: list = field(default_factory=list)

        async def handle_async_request(self, request):
            if call_of(request) != self.call or self.healed or (self.played and not self.lasting):
                return await super().handle_async_request(request)
            self.played += 1
            for tell in self.on_play:
                tell()
            await request.aread()
            if self.fault not in NEVER_SEEN:
                self.seen.append(request)
            answer = answer_of(self.call, self.fault, self.answers(request)[-1])
            if isinstance(answer, Exception):
                raise answer
            if isinstance(answer.stream, Cut):
                return answer
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    return Faulty


class Disk:
    """The disk of one cell: full from the moment that the fault is played."""

    def __init__(self, world, vendor, call, lasting):
        self.world, self.vendor, self.call, self.lasting = world, vendor, call, lasting
        self.is_full = call == "submit"
        self._ask = world.context.ledger.ask
        world.context.ledger.ask = self.ask
        vendor.on_play.append(self.fill)

    @property
    def folder(self) -> Path | None:
        return next((self.world.folder / "data" / "runs").iterdir(), None)

    @property
    def part(self) -> Path:
        return self.folder / f"result-{self.world.context.holder}.part"

    def fill(self):
        self.is_full = True
        if self.call == "download":
            self.part.unlink(missing_ok=True)
            self.part.symlink_to("/dev/full")

    def free(self):
        self.is_full = False
        if self.call == "download" and self.part.is_symlink():
            self.part.unlink()

    async def ask(self, question):
        update = self.world.context.live_status.read(self.folder.name) if self.folder else None
        if not self.is_full or self.call == "download" or update is None:
            return await self._ask(question)
        return await self._ask(lambda store: question(FullStore(store, self)))

    def refuse(self):
        self.is_full = self.lasting
        raise LedgerError("The ledger of runs cannot be read or written.", advice="See that there is room.")


class FullStore:
    """A store on a full disk: what is there can be read."""

    WRITES = frozenset({"add", "change", "recover", "hand_over", "claim", "renew"})

    def __init__(self, store, disk):
        self._store, self._disk = store, disk

    def __getattr__(self, name):
        return getattr(self._store, name) if name not in self.WRITES else lambda *_, **__: self._disk.refuse()


async def settled(world, vendor, run_id):
    """Wait until the run has come to rest, or the fault was met often enough; return the last view."""
    async with asyncio.timeout(20):
        while True:
            view = await world.runner.view(run_id, "ann")
            if view.is_final or view.needs_token or (not vendor.healed and vendor.played >= ENOUGH):
                return view
            await asyncio.sleep(0.004)


async def heal(world, vendor, disk, run_id):
    """Take the fault away and do what its visitor was told to do; return what becomes of the run."""
    vendor.healed = True
    if disk is not None:
        disk.free()
    view = await world.runner.view(run_id, "ann")
    if view.needs_token:
        await world.runner.resume("ann", TOKEN)
    elif view.can_recover:
        start = await world.runner.recover("req-1", visitor="ann", token=TOKEN)
        assert start.run_id == run_id
    return await settled(world, vendor, run_id)


async def live_through(world, vendor, call, fault, lasting):
    disk = Disk(world, vendor, call, lasting) if fault == FULL else None
    run_id = await world.start(EngineName.KLING)
    words = ""
    if call == "cancel":
        await world.until(run_id, RunState.IN_PROGRESS)
        words = cancel_words(await world.runner.cancel(run_id, "ann"))
        vendor.statuses.append(vendor.answers_when_done())
    elif disk is not None and call == "download" and not lasting:
        await world.until_known(run_id, "disk is full")
        disk.free()
    view = await settled(world, vendor, run_id)
    record = None
    if disk is None:
        record = await world.context.ledger.ask(lambda store: store.get(run_id))
    submits = vendor.submit_count
    later = await heal(world, vendor, disk, run_id)
    return view, record, words or run_words(view).sentence, submits, later


@pytest.mark.parametrize(("call", "fault", "lasting"), CELLS)
def test_nothing_is_lost_doubled_or_misread(open_world, faulty, call, fault, lasting):
    statuses = [httpx.Response(200, json={"request_id": "req-1", "status": "in_progress"})] if call == "cancel" else []
    done = httpx.Response(200, json={"request_id": "req-1", "status": "completed"})

    async def story():
        vendor = faulty(call=call, fault=fault, lasting=lasting, statuses=statuses, cancels=[done])
        vendor.answers_when_done = lambda: done
        async with open_world(vendor, ledger_url="sqlite://") as world:  # in memory: 250 cells are to be quick
            return vendor, *await live_through(world, vendor, call, fault, lasting)

    vendor, view, record, words, submits, later = asyncio.run(story())
    state, says = LASTING[call][fault]
    if not lasting and call not in {"submit", "cancel"}:
        state, says = PASSED.get((call, fault), (COMPLETED, "kept here"))
    if state is NEEDS_TOKEN:
        assert view.needs_token
    else:
        assert view.state is state
    assert says in words
    assert "s3cret" not in words
    assert "evil" not in words
    assert record is None or record.state is view.state
    assert run_words(view).advice or view.state not in {FAILED, UNKNOWN}
    accepted = not (call == "submit" and (state is FAILED or fault in NEVER_SEEN))
    assert vendor.submit_count == submits <= 1, "never sent again"
    assert (submits == 1) is (fault not in {*NEVER_SEEN, FULL} or call != "submit")
    if state is CANCELLED:
        assert later.state is CANCELLED
    elif accepted:
        assert later.state is COMPLETED, "what the vendor has is kept in the end"
        assert later.result.read_bytes() == VIDEO
    else:
        assert later.charge == "no"


def test_the_matrix_is_whole():
    assert {len(faults) for faults in LASTING.values()} == {25}
    assert len(CELLS) == 250
    assert os.path.exists("/dev/full")  # noqa: PTH110  what a full disk is played with
