"""A small world for runs: real service, ledger and runner; only drawing, measuring and the vendor are played."""

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, make_url

from kling_ui.options import TransferOptions
from kling_ui.presentation.runs import run_words
from kling_ui.quotas import MachineLimits
from kling_ui.runs.engines import Engines
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.publishing.url_probe import UrlProbe
from kling_ui.runs.record import EngineName, ResultFacts, RunState
from kling_ui.runs.recorder import RunContext
from kling_ui.runs.run_files import Measured, RunFolders
from kling_ui.runs.run_view import RunView
from kling_ui.runs.runner import RunInputs, Runner, open_runner
from kling_ui.settings import Settings

VIDEO = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(range(256)) * 40
IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(100)
FACTS = ResultFacts(
    duration_s=5.0, fps=24.0, frame_count=120, width_px=720, height_px=1280, has_audio=True, size_bytes=len(VIDEO)
)


class HereWorkers:
    """Runs work in a thread of this process."""

    previews_at_once = 1

    async def run(self, work: Callable[..., Any], /, *args: Any, timeout_s: float | None = None, **kwargs: Any) -> Any:
        return await asyncio.to_thread(work, *args, **kwargs)


class Painter:
    """Draws a preview when it is let."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.drawn = 0
        self.refusal: Exception | None = None
        self.options: dict[str, object] = {}
        self.notes: tuple[str, ...] = ()

    def __call__(self, image: Path, video: Path, out: Path, *, progress: Path, **options: object) -> SimpleNamespace:
        self.options = options
        progress.write_text(json.dumps({"progress": 0.42}))
        assert image.read_bytes() == IMAGE
        assert self.go.wait(10)
        if self.refusal is not None:
            raise self.refusal
        shutil.copyfile(video, out)
        self.drawn += 1
        return SimpleNamespace(notes=self.notes)


class FakeMeasurer:
    """Knows what it will see."""

    def __init__(self) -> None:
        self.damage = ""
        self.score: dict[str, Any] | None = {"score": 91.5}

    async def facts(self, video: Path) -> Measured:
        return Measured("f" * 64, None if self.damage else FACTS, self.damage)

    async def motion(self, reference: Path, result: Path, orientation: object = None) -> dict[str, Any] | None:
        assert (reference.name, result.name) == ("reference.mp4", "result.mp4")
        return self.score

    async def aclose(self) -> None:
        """Nothing is open."""


Answer = httpx.Response | Exception


@dataclass
class Vendor(httpx.AsyncBaseTransport):
    """Plays the remote API and its file host; every list of answers is used up, its last one repeats.

    A request that was accepted is ``in_queue``, then ``in_progress``, then ``completed``.
    """

    prices: list[Answer] = field(default_factory=list)
    submits: list[Answer] = field(default_factory=list)
    statuses: list[Answer] = field(default_factory=list)
    results: list[Answer] = field(default_factory=list)
    cancels: list[Answer] = field(default_factory=list)
    files: list[Answer] = field(default_factory=list)
    seen: list[httpx.Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.prices = self.prices or [ok(base_price_usd=0.07, price_unit="second", pricing_note="")]
        self.submits = self.submits or [ok(request_id="req-1")]
        self.statuses = self.statuses or [status("in_queue", queue_position=2), status("in_progress")]
        if len(self.statuses) == 2:
            self.statuses.append(status("completed"))
        self.results = self.results or [
            result("succeeded", output={"video": "https://files.runcomfy.net/v.mp4"}, cost=0.35)
        ]
        self.files = self.files or [httpx.Response(200, content=VIDEO, headers={"ETag": '"1"'})]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.seen.append(request)
        answers = self.answers(request)
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def answers(self, request: httpx.Request) -> list[Answer]:
        path = request.url.path
        if request.url.host != "api.example":
            return self.files
        if path.startswith("/v1/models"):
            return self.submits if request.method == "POST" else self.prices
        return {"status": self.statuses, "result": self.results, "cancel": self.cancels}[path.rpartition("/")[2]]

    def count(self, outcome: str) -> int:
        """Tell how many requests had a path with this ending."""
        return sum(request.url.path.endswith(outcome) for request in self.seen)

    @property
    def submits_seen(self) -> list[httpx.Request]:
        return [
            request for request in self.seen if request.url.path.startswith("/v1/models") and request.method == "POST"
        ]

    @property
    def submit_count(self) -> int:
        return len(self.submits_seen)


def ok(**body: object) -> httpx.Response:
    return httpx.Response(200, json=body)


def status(word: str, **more: object) -> httpx.Response:
    return ok(request_id="req-1", status=word, **more)


def result(word: str, **more: object) -> httpx.Response:
    return ok(request_id="req-1", status=word, **more)


@dataclass
class World:
    """One process of the app, and what is outside of it."""

    folder: Path
    runner: Runner
    context: RunContext
    engines: Engines
    limits: MachineLimits
    painter: Painter
    vendor: Vendor
    measurer: FakeMeasurer
    image: Path
    video: Path
    sleeps: list[float]

    def inputs(self, prompt: str = "A robot") -> RunInputs:
        return RunInputs(image=self.image, video=self.video, choice=TransferOptions(prompt=prompt))

    async def start(self, engine: EngineName = EngineName.PREVIEW, visitor: str = "ann", **more: Any) -> str:
        prompt = more.pop("prompt", "A robot")
        return await self.runner.start(self.inputs(prompt), engine=engine, visitor=visitor, **more)

    async def kling(self, **more: Any) -> str:
        return await self.start(EngineName.KLING, **more)

    async def until(self, run_id: str, *states: RunState, visitor: str = "ann") -> RunView:
        """Watch a run until it is in one of the states, or final."""
        async with asyncio.timeout(10), aclosing(self.runner.watch(run_id, visitor)) as views:
            view = None
            async for view in views:
                if view.state in states:
                    return view
            assert view is not None
            return view

    async def until_known(self, run_id: str, words: str, visitor: str = "ann") -> RunView:
        """Watch a run until its sentence holds these words."""
        async with asyncio.timeout(10), aclosing(self.runner.watch(run_id, visitor)) as views:
            async for view in views:
                if words in run_words(view).sentence:
                    return view
        raise AssertionError(f"{words!r} was never told")

    async def end(self, run_id: str, visitor: str = "ann") -> RunView:
        return await self.until(run_id, visitor=visitor)


async def _look_up(host: str, port: int) -> list[str]:
    return ["127.0.0.1" if host == "127.0.0.1" else "93.184.215.14"]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a real PostgreSQL server with nothing in it, started for the tests and stopped after them.

    ``TEST_POSTGRESQL`` names one that runs already and whose user may create databases.
    """
    pytest.importorskip("psycopg", reason="psycopg is not installed: uv sync brings it")
    if url := os.environ.get("TEST_POSTGRESQL"):
        yield url
        return
    folders = [Path(found).parent] if (found := shutil.which("initdb")) else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    programs = next((folder for folder in folders if (folder / "pg_ctl").exists()), None)
    if programs is None:
        pytest.skip("no PostgreSQL server was found; .ci/postgresql installs one")
    who: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}  # root may not run it
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="kling-pg-") as name:  # short: a socket's path has 107 bytes
        if who:
            shutil.chown(name, **who)

        def call(*command: str) -> None:
            words = [str(programs / command[0]), "-D", f"{name}/data", *command[1:]]
            with Path(name, "said").open("w") as said:  # the server keeps what it is given, so no pipe
                subprocess.run(words, cwd=name, stdout=said, stderr=said, check=True, **who)

        call("initdb", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        call("pg_ctl", "start", "-w", "-l", f"{name}/log", "-o", f"-k {name} -c listen_addresses= -c fsync=off")
        try:
            yield f"postgresql://postgres@/postgres?host={name}"
        finally:
            call("pg_ctl", "stop", "-m", "immediate")


@pytest.fixture
def new_postgresql(postgresql: str) -> Iterator[str]:
    """The address of an empty database on it."""
    name = f"ledger_{os.urandom(6).hex()}"
    server = create_engine(make_url(postgresql).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield make_url(postgresql).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    server.dispose()


@pytest.fixture
def ledger_url(tmp_path: Path) -> str:
    """Where the processes of a test keep their ledger; a module may say otherwise."""
    return f"sqlite:///{tmp_path / 'data' / 'ledger.sqlite'}"


OpenWorld = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture
def open_world(tmp_path: Path, ledger_url: str) -> OpenWorld:
    """Open a process of the app; opened again, it is another process with the same data."""
    image, video = tmp_path / "in.png", tmp_path / "in.mp4"
    image.write_bytes(IMAGE)
    video.write_bytes(VIDEO)

    @asynccontextmanager
    async def opened(
        vendor: Vendor | None = None,
        *,
        token: str | None = "app-token-0123456789",
        ahead_s: float = 0.0,
        lease_s: float = 20.0,
        take_over: bool = True,
        outside: httpx.AsyncBaseTransport | None = None,
        **more_settings: Any,
    ) -> AsyncGenerator[World]:
        settings = Settings(
            token=SecretStr(token) if token else None,
            data_dir=tmp_path / "data",
            **{"api_base": "https://api.example", **more_settings},
        )
        painter, vendor, measurer, sleeps = Painter(), vendor or Vendor(), FakeMeasurer(), []

        async def sleep(seconds: float) -> None:
            sleeps.append(seconds)
            await asyncio.sleep(0.005)

        context = RunContext(
            ledger=Ledger(settings.ledger_url or ledger_url),
            folders=RunFolders(tmp_path / "data" / "runs"),
            measurer=measurer,
            lease_s=lease_s,
            clock=lambda: time.time() + ahead_s,
            sleep=sleep,
        )
        workers: Any = HereWorkers()
        web = httpx.AsyncClient(transport=outside or httpx.MockTransport(lambda _: httpx.Response(404)))
        probe = UrlProbe(web, resolve=_look_up, takes_http=settings.api_base.startswith("http://"))
        engines = Engines(settings, workers, tmp_path / "data" / "preview", remote=vendor, probe=probe, render=painter)
        try:
            async with (
                web,
                open_runner(settings, workers, engines=engines, context=context, take_over=take_over) as runner,
            ):
                yield World(
                    tmp_path, runner, context, engines, settings.limits, painter, vendor, measurer, image, video, sleeps
                )
        finally:
            painter.go.set()  # after the process has ended: what it was drawing then did not come to its end

    return opened


@pytest.fixture
def make_vendor() -> type[Vendor]:
    return Vendor
