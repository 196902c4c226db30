"""Everybody at once in one app: watchers, uploads, calls of endpoints, checks and previews; how long each waits.

    python -m benchmarks load                  200 watching, 20 uploading, 10 calling, 4 checking, 2 previewing
    python -m benchmarks load --seconds 20     for a shorter time

The app is the real one of ``soak``, with two workers, in a process of its own; everybody comes from another address, as
behind a proxy. Checks look at a picture that was never seen, previews are drawn whole. Everybody else is in this
process, on the same machine.
"""

import argparse
import asyncio
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from benchmarks._connections import Connections, Reply
from benchmarks.soak import QUEUE, THE_END, memory_mib, page_events, serve, visitor

IS_LONG = True  # left out unless it is asked for by name
SECONDS = 60.0
TIMEOUT_S = 300.0
ARRIVAL_S, SETTLING_S = 0.05, 5.0
UPLOAD_BYTES = 2_000_000
LAG_EVERY_S = 0.01
EXAMPLES = Path(__file__).resolve().parents[1] / "assets" / "examples"
IMAGE, VIDEO = "character-upper-body.png", "gesture-upper-body.mp4"
CALL = "/gradio_api/call"


def main(*arguments: str) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="benchmarks load", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    for name, count in (("watching", 200), ("uploading", 20), ("calling", 10), ("checking", 4), ("previewing", 2)):
        parser.add_argument(f"--{name}", type=int, default=count)
    parser.add_argument("--port", type=int, default=8140)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.load", folder, str(asked.port), str(asked.watching)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as app:
            try:
                asyncio.run(Crowd("127.0.0.1", app.pid, asked).come())
            finally:
                app.terminate()
                try:
                    app.wait(30)
                finally:
                    app.kill()


class Crowd:
    """Everybody.

    Args:
        host: Of the app.
        pid: Of the app.
        asked: How many of each kind, and for how long.
    """

    def __init__(self, host: str, pid: int, asked: argparse.Namespace) -> None:
        self._pid = pid
        self._asked = asked
        self._app = Connections(host, asked.port, TIMEOUT_S)
        self._numbers = itertools.count()
        self._times_s: dict[str, list[float]] = defaultdict(list)
        self._refused: Counter[str] = Counter()
        self._uploaded_bytes = 0
        self._events = 0
        self._lags_s: list[float] = []

    async def come(self) -> None:
        """Do everything at once for a while, and print what came of it."""
        arrival, coming_back = page_events(await self._config())
        await self._round_trip(arrival, 0)  # the first one waits for what the app loads late
        refs = await self._refs()
        before_mib, load_before = memory_mib(self._pid), os.getloadavg()[0]
        work: list[Callable[[int], Coroutine[Any, Any, None]]] = []
        work += [lambda number: self._watch(coming_back, number)] * self._asked.watching
        work += [self._upload] * self._asked.uploading + [self._ask] * self._asked.calling
        work += [self._check] * self._asked.checking
        work += [lambda number: self._preview(refs, number)] * self._asked.previewing
        work += [lambda number: self._probe(arrival, number), self._lag]
        tasks = []
        for number, one in enumerate(work):  # one after another, as people come; what it is like then is measured
            tasks.append(asyncio.create_task(one(number)))
            await asyncio.sleep(ARRIVAL_S)
        await asyncio.sleep(SETTLING_S)
        self._times_s.clear()
        self._lags_s.clear()
        self._events = self._uploaded_bytes = 0
        began_s, worked_s, own_s = time.monotonic(), processor_s(self._pid), time.process_time()
        ended, _ = await asyncio.wait(tasks, timeout=self._asked.seconds, return_when=asyncio.FIRST_EXCEPTION)
        span_s, after_mib = time.monotonic() - began_s, memory_mib(self._pid)
        worked_s, own_s = processor_s(self._pid) - worked_s, time.process_time() - own_s
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in ended:
            task.result()
        os.kill(self._pid, THE_END)
        load = load_before, os.getloadavg()[0]
        self._print(span_s, (worked_s, own_s), (before_mib, after_mib), load)

    def _print(
        self, span_s: float, worked_s: tuple[float, float], memory: tuple[float, float], load: tuple[float, float]
    ) -> None:
        asked = self._asked
        print(
            f"at once          {asked.watching} watching, {asked.uploading} uploading, {asked.calling} calling, "
            f"{asked.checking} checking, {asked.previewing} previewing, for {span_s:.0f} s"
        )
        for name in ("page event", "status", "upload", "check", "preview"):
            if times := sorted(self._times_s[name]):
                print(
                    f"{name:16} {len(times)}: median {1000 * statistics.median(times):.0f} ms, "
                    f"p95 {1000 * _p95(times):.0f} ms, longest {1000 * times[-1]:.0f} ms"
                )
            else:
                print(f"{name:16} none ended")
        print(f"uploaded         {self._uploaded_bytes / 1e6:.0f} MB, {self._uploaded_bytes / 1e6 / span_s:.1f} MB/s")
        print(f"watched          {self._events} scenes, {self._events / span_s:.0f} a second")
        print(f"refused          {dict(self._refused) or 'nothing'}")
        print(f"app              {worked_s[0] / span_s:.2f} of a processor, all its threads, without its workers")
        print(
            f"crowd            {worked_s[1] / span_s:.2f} of a processor, p95 {1000 * _p95(self._lags_s):.0f} ms, "
            f"longest {1000 * max(self._lags_s):.0f} ms later than it wanted to do something"
        )
        print(f"memory           {memory[0]:.0f} MiB before, {memory[1]:.0f} MiB at the end")
        print(f"load average     {load[0]:.1f} before, {load[1]:.1f} at the end")

    async def _config(self) -> dict[str, Any]:
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                try:
                    async with self._app.request("GET", "/config") as reply:
                        return await reply.json()
                except OSError:
                    await asyncio.sleep(0.2)

    async def _refs(self) -> list[str]:
        return [await self._sent((EXAMPLES / name).read_bytes(), name, 0) for name in (IMAGE, VIDEO)]

    async def _watch(self, event: int, number: int) -> None:
        async for line in self._send(event, number):
            self._events += b'"msg":"process_generating"' in line

    async def _probe(self, event: int, number: int) -> None:
        while True:
            self._times_s["page event"].append(await self._round_trip(event, number))
            await asyncio.sleep(0.25)

    async def _lag(self, _: int) -> None:
        """Note how much later than it wants this process does things: what it adds to all times."""
        while True:
            due_s = time.monotonic() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self._lags_s.append(time.monotonic() - due_s)

    async def _upload(self, number: int) -> None:
        while True:
            began_s = time.monotonic()
            await self._sent(bytes(UPLOAD_BYTES), "clip.mp4", number)
            self._times_s["upload"].append(time.monotonic() - began_s)
            self._uploaded_bytes += UPLOAD_BYTES
            await asyncio.sleep(1)

    async def _ask(self, number: int) -> None:
        while True:
            began_s = time.monotonic()
            await self._answer("status", number, handle="none of this name")
            self._times_s["status"].append(time.monotonic() - began_s)
            await asyncio.sleep(0.2)

    async def _check(self, number: int) -> None:
        picture = (EXAMPLES / IMAGE).read_bytes()
        while True:
            ref = await self._sent(picture + os.urandom(8), "new.png", number)  # what follows a PNG makes another file
            began_s = time.monotonic()
            if await self._answer("check", number, image=ref) is not None:
                self._times_s["check"].append(time.monotonic() - began_s)

    async def _preview(self, refs: list[str], number: int) -> None:
        while True:
            began_s = time.monotonic()
            given = {"image": refs[0], "video": refs[1], "prompt": f"preview {next(self._numbers)}"}
            told = await self._answer("run", number, orientation="image", **given)
            while told is not None and not told["is_final"]:
                handle = told["handle"]
                told = await self._answer("status", number, handle=handle, wait_s=20)
                told = None if told is None else told | {"handle": handle}
            self._times_s["preview"].append(time.monotonic() - began_s)

    async def _round_trip(self, event: int, number: int) -> float:
        began_s = time.monotonic()
        async for _ in self._send(event, number):
            pass
        return time.monotonic() - began_s

    async def _send(self, event: int, number: int) -> AsyncIterator[bytes]:
        """Send a page event as a browser does, and yield what comes back, line by line."""
        session = f"load{next(self._numbers)}"
        body: dict[str, Any] = {"fn_index": event, "session_hash": session, "event_data": None, "trigger_id": None}
        body |= {"data": [visitor(number)]}
        async with self._post(f"{QUEUE}/join", number, body) as joined:
            if joined.is_error:
                self._refused[f"event {joined.status}"] += 1
                return
            await joined.json()
        async with self._app.request("GET", f"{QUEUE}/data?session_hash={session}", _from(number)) as stream:
            async for line in stream.lines():
                if line.startswith(b"data:"):
                    yield line
                    if b'"msg":"process_completed"' in line:
                        return

    async def _answer(self, name: str, number: int, **given: Any) -> Any:
        """Call an endpoint; what is refused is counted."""
        async with self._post(f"{CALL}/v2/{name}", number, given) as called:
            if called.is_error:
                self._refused[f"{name} {called.status}"] += 1
                return None
            event_id = (await called.json())["event_id"]
        event = b""
        async with self._app.request("GET", f"{CALL}/{name}/{event_id}", _from(number)) as stream:
            async for line in stream.lines():
                event = line.removeprefix(b"event: ").strip() if line.startswith(b"event:") else event
                if line.startswith(b"data:") and event == b"complete":
                    return json.loads(line.removeprefix(b"data:"))[0]
        if name != "status":
            self._refused[name] += 1
        return None

    async def _sent(self, content: bytes, name: str, number: int) -> str:
        async with self._app.request("POST", "/inputs", _from(number) | {"X-File-Name": name}, content) as sent:
            if sent.is_error:
                self._refused[f"upload {sent.status}"] += 1
                return ""
            return (await sent.json())["ref"]

    def _post(self, path: str, number: int, body: object) -> AbstractAsyncContextManager[Reply]:
        headers = _from(number) | {"Content-Type": "application/json"}
        return self._app.request("POST", path, headers, json.dumps(body).encode())


def processor_s(pid: int) -> float:
    """Tell how many seconds of a processor a process has used, without those of its children."""
    after_name = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]


def _from(number: int) -> dict[str, str]:
    """Come from an address of one's own, as a proxy says it."""
    return {"X-Forwarded-For": f"198.18.{number // 250}.{number % 250 + 1}"}


if __name__ == "__main__":
    where = f"http://127.0.0.1:{sys.argv[2]}"
    proxies = (ip_network("127.0.0.0/8"),)
    serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), public_url=where, trusted_proxies=proxies, workers=2)
