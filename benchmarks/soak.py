"""Many watched runs at once in one app: events a second, the latency of a page event, memory, and how often it polls.

The app is the real one on a port of its own; only the vendor is played, inside of it, and results are not measured.
Each run belongs to a visitor of its own, whose page watches it through Gradio's queue as a browser does; some have a
second tab open. Meanwhile a probe sends a small page event again and again and waits for its answer.
"""

import argparse
import asyncio
import dataclasses
import itertools
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from pydantic import SecretStr

from kling_ui.api.polling import REMOTE_POLLING
from kling_ui.options import TransferOptions
from kling_ui.runs.engines import Engines
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.record import EngineName, RunState
from kling_ui.runs.recorder import RunContext
from kling_ui.runs.run_files import Measured, RunFolders
from kling_ui.runs.runner import RunInputs, open_runner
from kling_ui.settings import Settings

IS_LONG = True  # left out unless it is asked for by name
SECONDS, RUNS, SECOND_TABS = 180.0, 200, 50
TIMEOUT_S = 300.0
THE_END = signal.SIGUSR1  # tells the app that the vendor is to be done
VIDEO = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(50_000)
QUEUE = "/gradio_api/queue"


def main(*arguments: str) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="benchmarks soak")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--runs", type=int, default=RUNS)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        command = [sys.executable, "-m", "benchmarks.soak", folder, str(port), str(asked.runs)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as app:
            try:
                seen = asyncio.run(Crowd(f"http://127.0.0.1:{port}", app.pid, asked.runs).watch(asked.seconds))
                app.send_signal(signal.SIGINT)
                told = json.loads(app.communicate(timeout=TIMEOUT_S)[0].splitlines()[-1])
            finally:
                app.kill()  # if it is still there
    _print(asked, seen, told)


def _print(asked: argparse.Namespace, seen: dict[str, Any], told: dict[str, Any]) -> None:
    latencies_ms = [1000 * latency_s for latency_s in seen["latencies_s"]]
    p95_ms = statistics.quantiles(latencies_ms, n=20)[-1]
    print(f"runs at once     {asked.runs} for {asked.seconds:.0f} s, watched by {seen['tabs']} tabs")
    print(f"events           {seen['events']}, {seen['events'] / seen['span_s']:.0f} a second")
    print(
        f"page event       median {statistics.median(latencies_ms):.0f} ms, p95 {p95_ms:.0f} ms of {len(latencies_ms)}"
    )
    print(f"memory           {seen['memory_mib'][0]:.0f} MiB at the start, {seen['memory_mib'][1]:.0f} MiB at the end")
    print(f"shortest gap     {told['shortest_gap_s']:.2f} s between two polls (at least {REMOTE_POLLING.floor_s} s)")
    print(f"polls of a run   {told['polls_one_tab']:.1f} with one tab, {told['polls_two_tabs']:.1f} with two")
    print(f"ended            {told['states']}; {told['submits']} submits")


class Crowd:
    """Everybody who watches, and the probe.

    Args:
        base_url: Of the app.
        pid: Of the app.
        runs: Visitors, one run each.
    """

    def __init__(self, base_url: str, pid: int, runs: int) -> None:
        self._pid = pid
        self._visitors = [*(visitor(n) for n in range(runs)), *(visitor(n) for n in range(min(runs, SECOND_TABS)))]
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)  # each tab is a browser of its own
        self._http = httpx.AsyncClient(base_url=base_url, timeout=httpx.Timeout(TIMEOUT_S), limits=limits)
        self._sessions = itertools.count()
        self._events = 0
        self._latencies_s: list[float] = []

    async def watch(self, seconds: float) -> dict[str, Any]:
        """Watch until every run has ended, and return what was seen."""
        async with self._http:
            arrival, coming_back = page_events(await self._config())
            await self._round_trip(arrival)  # the first one waits for what the app loads late
            started, before_mib = time.monotonic(), memory_mib(self._pid)
            probing = asyncio.create_task(self._probe(arrival))
            tabs = [asyncio.create_task(self._tab(coming_back, owner)) for owner in self._visitors]
            await asyncio.sleep(seconds)
            if not probing.cancel():
                await probing  # it has failed
            events, span_s, after_mib = self._events, time.monotonic() - started, memory_mib(self._pid)
            os.kill(self._pid, THE_END)
            async with asyncio.timeout(TIMEOUT_S):
                await asyncio.gather(*tabs)
            memory = before_mib, after_mib
            return {"events": events, "span_s": span_s, "latencies_s": self._latencies_s} | {
                "memory_mib": memory,
                "tabs": len(tabs),
            }

    async def _config(self) -> dict[str, Any]:
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                try:
                    return (await self._http.get("/config")).raise_for_status().json()
                except httpx.TransportError:
                    await asyncio.sleep(0.2)

    async def _tab(self, event: int, owner: str) -> None:
        async for message in self._send(event, owner):
            self._events += message.get("msg") == "process_generating"

    async def _probe(self, event: int) -> None:
        while True:
            self._latencies_s.append(await self._round_trip(event))
            await asyncio.sleep(0.25)

    async def _round_trip(self, event: int) -> float:
        started = time.monotonic()
        async for _ in self._send(event, visitor(0)):
            pass
        return time.monotonic() - started

    async def _send(self, event: int, owner: str) -> AsyncIterator[dict[str, Any]]:
        """Send a page event as a browser does, and yield what comes back."""
        session = f"soak{next(self._sessions)}"
        body = {"data": [owner], "fn_index": event, "session_hash": session, "event_data": None, "trigger_id": None}
        (await self._http.post(f"{QUEUE}/join", json=body)).raise_for_status()
        async with self._http.stream("GET", f"{QUEUE}/data", params={"session_hash": session}) as stream:
            async for line in stream.aiter_lines():
                if not line.startswith("data:"):
                    continue
                message = json.loads(line.removeprefix("data:"))
                yield message
                if message.get("msg") == "process_completed":
                    return


def page_events(config: dict[str, Any]) -> tuple[int, int]:
    """Find the event that a page sends when it opens, and the one that looks for the visitor's newest run."""
    events = config["dependencies"]
    loads = [event["id"] for event in events if ["load"] in _triggers(event)]
    return next((event["trigger_after"], event["id"]) for event in events if event.get("trigger_after") in loads)


def _triggers(event: dict[str, Any]) -> list[list[str]]:
    return [[name for name in target if isinstance(name, str)] for target in event["targets"]]


def visitor(number: int) -> str:
    """Return the id of a visitor, as long as those of the page."""
    return f"visitor-{number:035d}"


def memory_mib(pid: int) -> float:
    """Return what a process holds in memory; Linux only."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class Vendor(httpx.AsyncBaseTransport):
    """Accepts every submit, moves the queue on now and then, and is done with everything when it is told to be."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self.is_done = asyncio.Event()
        self.submits = 0
        self.asked_at: dict[str, list[float]] = defaultdict(list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        now, path = time.monotonic(), request.url.path
        if path.startswith("/files/"):
            return httpx.Response(200, content=VIDEO)
        if path.startswith("/v1/models"):
            return self._submit() if request.method == "POST" else _json(base_price_usd=0.07, price_unit="second")
        request_id, call = path.split("/")[3:]
        self.asked_at[request_id].append(now)
        if call == "result":
            output = {"video": f"https://api.example/files/{request_id}"}
            return _json(request_id=request_id, status="succeeded", output=output, cost=0.35)
        return _json(request_id=request_id, **self._standing(now - self._started, int(request_id.partition("-")[2])))

    def _submit(self) -> httpx.Response:
        self.submits += 1
        return _json(request_id=f"req-{self.submits}")

    def _standing(self, age_s: float, number: int) -> dict[str, Any]:
        if self.is_done.is_set():
            return {"status": "completed"}
        waiting = 10 - int((age_s + number % 7) // 7)  # the queue moves every seven seconds
        return {"status": "in_queue", "queue_position": waiting} if waiting > 0 else {"status": "in_progress"}


class NoMeasurer:
    """Measures nothing."""

    async def facts(self, _video: Path) -> Measured:
        """Say that there is nothing to say."""
        return Measured("f" * 64, None)

    async def motion(self, _reference: Path, _result: Path, _orientation: object) -> None:
        """Say nothing."""

    async def aclose(self) -> None:
        """Do nothing: nothing is done in the background."""


def serve(folder: Path, port: int, runs: int, **more_settings: Any) -> None:
    """Be the app, with that many runs on their way, until interrupted; then print what it knows as one line of JSON."""
    from kling_ui.ui.services import Services, open_services  # noqa: PLC0415
    from kling_ui.ui.web.security import StreamShutdown  # noqa: PLC0415
    from kling_ui.ui.web.server import (  # noqa: PLC0415
        STOP_WITHIN_S,
        Server,
        TimedConnection,
        build_app,
    )
    from kling_ui.ui.web.signed_files import SignedFiles  # noqa: PLC0415

    image, video = folder / "in.png", folder / "in.mp4"
    image.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))
    video.write_bytes(VIDEO)
    usual: dict[str, Any] = {
        "token": SecretStr("t" * 32),
        "api_base": "https://api.example",
        "data_dir": folder / "data",
        "workers": 1,
    }
    settings = Settings(**(usual | more_settings))
    vendor, measurer = Vendor(), NoMeasurer()
    runs_folder = RunFolders(settings.data_dir / "runs")

    @asynccontextmanager
    async def opening(settings: Settings, signed_files: SignedFiles) -> AsyncGenerator[Services]:
        anything: Any = measurer
        context = RunContext(
            ledger=Ledger(f"sqlite:///{folder / 'soak.sqlite'}"), folders=runs_folder, measurer=anything
        )
        asyncio.get_running_loop().add_signal_handler(THE_END, vendor.is_done.set)
        async with open_services(settings, signed_files) as services:
            engines = Engines(settings, services.workers, folder / "preview", remote=vendor)
            async with open_runner(settings, services.workers, engines=engines, context=context) as runner:
                for number in range(runs):
                    inputs = RunInputs(image=image, video=video, choice=TransferOptions(), duration_s=5.0)
                    await runner.start(inputs, engine=EngineName.KLING, visitor=visitor(number))
                yield dataclasses.replace(services, runner=runner)
                views = [(await runner.history(visitor(number)))[0] for number in range(runs)]
        print(json.dumps(_told(vendor, Counter(view.state for view in views), runs)), flush=True)

    stream_shutdown = StreamShutdown()
    app = build_app(settings, opening, stream_shutdown=stream_shutdown)
    config = uvicorn.Config(
        app,
        http=TimedConnection,
        port=port,
        log_level="warning",
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )
    with suppress(KeyboardInterrupt):
        Server(config, stream_shutdown).run()


def _told(vendor: Vendor, states: Counter[RunState], runs: int) -> dict[str, Any]:
    gaps = [after - before for times in vendor.asked_at.values() for before, after in itertools.pairwise(times)]
    polls = [len(vendor.asked_at[f"req-{number + 1}"]) for number in range(runs)]
    return {
        "shortest_gap_s": min(gaps),
        "polls_two_tabs": statistics.mean(polls[:SECOND_TABS]),
        "polls_one_tab": statistics.mean(polls[SECOND_TABS:] or polls),
        "states": {state.value: count for state, count in states.items()},
        "submits": vendor.submits,
    }


def _json(**body: object) -> httpx.Response:
    return httpx.Response(200, json=body)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
