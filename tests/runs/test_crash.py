"""The app is killed at random points of 30 runs: nothing that the vendor has is lost, and nothing is paid twice."""

import asyncio
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from kling_ui.runs.engines import Engines
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.record import RunState
from kling_ui.runs.recorder import RunContext
from kling_ui.runs.run_files import Measured, RunFolders
from kling_ui.runs.run_view import RunView
from kling_ui.runs.runner import open_runner
from kling_ui.settings import Settings

RUNS = 30
TOKEN = "planted-token-0123456789"
HEAD = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"
# Where the life of a run's process ends, as the vendor sees it; "any time" is a moment that only the clock knows.
PLANNED = (
    "price",
    "submit arrives",
    "submit accepted",
    "submit answered",
    "status",
    "result",
    "download begins",
    "download half done",
    "download done",
)
POINTS = (*PLANNED * 2, *["any time"] * (RUNS - 2 * len(PLANNED)))
BY_ITSELF, BY_ITS_ID, NEVER_ACCEPTED = "finished by itself", "recovered by its id", "never accepted"


class Vendor(ThreadingHTTPServer):
    """Accepts submits, takes three looks to be done, and ends the life of the app where that is planned."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.accepted: dict[str, list[str]] = defaultdict(list)
        self.made_at: dict[str, float] = {}
        self.looks: Counter[str] = Counter()
        self.fatal: str | None = None
        self.victim = ""
        self.pid: int | None = None
        self.killed: dict[str, str] = {}

    def reach(self, point: str, request: str | None = None) -> bool:
        """Kill the app if this is what the victim was to reach; tell whether it was."""
        with self.lock:
            return self.fatal == point and request in {None, self.victim} and self.kill()

    def kill(self) -> bool:
        if self.pid is None:
            return False
        os.kill(self.pid, signal.SIGKILL)
        self.killed[self.victim] = self.fatal or ""
        self.fatal = self.pid = None
        return True


class Handler(BaseHTTPRequestHandler):
    server: Vendor

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["prompt"]
        if self.server.reach("submit arrives", request):
            return  # and is dropped
        with self.server.lock:
            request_id = f"{request}-{len(self.server.accepted[request])}"
            self.server.accepted[request].append(request_id)
            self.server.made_at[request_id] = time.time()
        self.server.reach("submit accepted", request)
        self.tell(request_id=request_id)
        self.server.reach("submit answered", request)

    def do_GET(self) -> None:
        if self.path.startswith("/v1/models"):
            self.server.reach("price")
            self.tell(base_price_usd=0.07, price_unit="second")
        elif self.path.startswith("/files/"):
            self.send_video(self.path.removeprefix("/files/"))
        else:
            request_id, call = self.path.partition("?")[0].split("/")[3:]
            self.server.reach(call, request_of(request_id))
            self.tell_about(request_id, call)

    def tell_about(self, request_id: str, call: str) -> None:
        if call == "status":
            self.server.looks[request_id] += 1
            word = ("in_queue", "in_progress", "completed")[min(self.server.looks[request_id], 3) - 1]
            self.tell(request_id=request_id, status=word)
            return
        made_at = datetime.fromtimestamp(self.server.made_at[request_id], UTC).isoformat()
        output = {"video": f"http://127.0.0.1:{self.server.server_port}/files/{request_id}"}
        self.tell(request_id=request_id, status="succeeded", output=output, cost=0.35, created_at=made_at)

    def send_video(self, request_id: str) -> None:
        content, request = video_of(request_id), request_of(request_id)
        self.server.reach("download begins", request)
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        self.server.reach("download half done", request)
        self.wfile.write(content[len(content) // 2 :])
        self.server.reach("download done", request)

    def tell(self, **body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def handle(self) -> None:
        with suppress(OSError):  # whoever asked was killed
            super().handle()

    def log_message(self, *_: object) -> None:
        pass


def request_of(request_id: str) -> str:
    return request_id.rpartition("-")[0]


def video_of(request_id: str) -> bytes:
    return HEAD + request_id.encode() + bytes(100_000)


class Nursery:
    """Starts lives and sees them end."""

    def __init__(self, folder: Path, vendor: Vendor) -> None:
        child = Path(__file__).with_name("crash_child.py")
        url = f"http://127.0.0.1:{vendor.server_port}"
        self.vendor = vendor
        self.process = subprocess.Popen(
            [sys.executable, str(child), str(folder), url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def live(self, requests: list[str], *, victim: str = "", fatal: str | None = None, after_s: float = 60.0) -> int:
        """Let a life begin, end it when the victim reaches a point or after a time, and return its exit code."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with self.vendor.lock:  # nothing is reached before it is known whom to kill
            self.vendor.fatal, self.vendor.victim = fatal, victim
            self.process.stdin.write(json.dumps({"wishes": requests, "finish": fatal is None}) + "\n")
            self.process.stdin.flush()
            self.vendor.pid = int(self.process.stdout.readline())
        timer = threading.Timer(after_s, self.end)
        timer.start()
        ended = self.process.stdout.readline()
        timer.cancel()
        with self.vendor.lock:
            self.vendor.fatal = self.vendor.pid = None
        return int(ended.split()[1])

    def end(self) -> None:
        with self.vendor.lock:
            if self.vendor.fatal in PLANNED:
                self.vendor.fatal += " was not reached"
            self.vendor.kill()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def vendor():
    with Vendor() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def live_and_die(folder: Path, vendor: Vendor, seed: int) -> None:
    """Start one more run in each life, and now and then the one before again, as an impatient person would."""
    chance, nursery = random.Random(seed), Nursery(folder, vendor)
    points = list(POINTS)
    chance.shuffle(points)
    try:
        for number, point in enumerate(points):
            requests, victim = [f"wish-{number - 1}"] * (number > 0 and chance.random() < 0.5), f"wish-{number}"
            after_s = chance.uniform(0.01, 0.3) if point == "any time" else 60.0
            ended = nursery.live([*requests, victim], victim=victim, fatal=point, after_s=after_s)
            assert ended == -signal.SIGKILL
        assert nursery.live([]) == 0
    finally:
        nursery.close()


async def look_and_recover(folder: Path, vendor: Vendor) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """Return the runs of each wish before and after the unknown ones were recovered by their request ids."""
    api_base = f"http://127.0.0.1:{vendor.server_port}"
    settings = Settings(token=SecretStr(TOKEN), api_base=api_base, data_dir=folder / "data")
    workers: Any = None
    measurer: Any = NoMeasurer()
    context = RunContext(
        ledger=Ledger(f"sqlite:///{folder / 'data' / 'ledger.sqlite'}"),
        folders=RunFolders(folder / "data" / "runs"),
        measurer=measurer,
        sleep=lambda seconds: asyncio.sleep(min(seconds, 4.0) / 200),
    )
    engines = Engines(settings, workers, folder / "data" / "preview")
    async with open_runner(settings, workers, engines=engines, context=context) as runner:
        before = by_request(await runner.history("ann", 1000))
        known = {view.request_id for views in before.values() for view in views}
        for request_id in itertools.chain.from_iterable(vendor.accepted.values()):
            if request_id not in known:
                start = await runner.recover(request_id, visitor="ann")
                async for _ in runner.watch(start.run_id, "ann"):
                    pass
        return before, by_request(await runner.history("ann", 1000))


class NoMeasurer:
    """Measures nothing."""

    async def facts(self, video: Path) -> Measured:
        return Measured("f" * 64, None)

    async def motion(self, reference: Path, result: Path, orientation: object) -> None:
        return None

    async def aclose(self) -> None:
        """Nothing is open."""


def by_request(views: list[RunView]) -> dict[str, list[RunView]]:
    runs = defaultdict(list)
    for view in views:
        runs[view.choice.prompt].append(view)
    return runs


def is_kept(views: list[RunView], request_ids: list[str]) -> bool:
    kept = [view for view in views if view.state is RunState.COMPLETED and view.request_id in request_ids]
    return any(view.result is not None and view.result.read_bytes() == video_of(view.request_id) for view in kept)


def outcomes(vendor: Vendor, before: dict[str, list[RunView]], after: dict[str, list[RunView]]) -> Counter:
    """Count what became of the runs that were killed, by where that was."""
    table: Counter[tuple[str, str]] = Counter()
    for request, point in vendor.killed.items():
        ids = vendor.accepted.get(request, [])
        if len(ids) > 1:
            table[point, "doubled"] += 1
        elif not ids:
            table[point, NEVER_ACCEPTED] += 1
        elif is_kept(before[request], ids):
            table[point, BY_ITSELF] += 1
        else:
            table[point, BY_ITS_ID if is_kept(after[request], ids) else "lost"] += 1
    return table


@pytest.mark.slow
@pytest.mark.parametrize("seed", [20_261_122])
def test_killing_the_app_loses_nothing_and_doubles_nothing(tmp_path, vendor, seed):
    (tmp_path / "in.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (tmp_path / "in.mp4").write_bytes(HEAD + bytes(10_000))
    live_and_die(tmp_path, vendor, seed)
    before, after = asyncio.run(look_and_recover(tmp_path, vendor))
    table = outcomes(vendor, before, after)
    lines = [f"  {point:20} {outcome:20} {count:3}\n" for (point, outcome), count in sorted(table.items())]
    sys.stdout.write(f"{len(vendor.killed)} runs, each killed once:\n{''.join(lines)}")

    assert {outcome for _, outcome in table} <= {BY_ITSELF, BY_ITS_ID, NEVER_ACCEPTED}, "lost or doubled"
    assert Counter(vendor.killed.values()) == Counter(POINTS), "each was killed where that was planned"
    for request, ids in vendor.accepted.items():
        if ids and not is_kept(before[request], ids):
            assert {view.state for view in before[request]} == {RunState.UNKNOWN}, "the only window: accepted, not told"
    unsent = [view for request, views in after.items() if not vendor.accepted.get(request) for view in views]
    assert {view.state for view in unsent} <= {RunState.FAILED, RunState.UNKNOWN}
    assert not [view for views in after.values() for view in views if not view.is_final]
