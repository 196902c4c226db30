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
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx

from benchmarks.soak import QUEUE, THE_END, memory_mib, page_events, serve, visitor

IS_LONG = True  # left out unless it is asked for by name
SECONDS = 60.0
TIMEOUT_S = 300.0
ARRIVAL_S, SETTLING_S = 0.05, 5.0
UPLOAD_BYTES, CHUNK_BYTES = 2_000_000, 100_000
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
                asyncio.run(Crowd(f"http://127.0.0.1:{asked.port}", app.pid, asked).come())
            finally:
                app.terminate()
                try:
                    app.wait(30)
                finally:
                    app.kill()


class Crowd:
    """Everybody.

    Args:
        base_url: Of the app.
        pid: Of the app.
        asked: How many of each kind, and for how long.
    """

    def __init__(self, base_url: str, pid: int, asked: argparse.Namespace) -> None:
        self._pid = pid
        self._asked = asked
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)  # each is a browser of its own
        self._http = httpx.AsyncClient(base_url=base_url, timeout=httpx.Timeout(TIMEOUT_S), limits=limits)
        self._numbers = itertools.count()
        self._times_s: dict[str, list[float]] = defaultdict(list)
        self._refused: Counter[str] = Counter()
        self._uploaded_bytes = 0
        self._events = 0

    async def come(self) -> None:
        """Do everything at once for a while, and print what came of it."""
        async with self._http:
            arrival, coming_back = page_events(await self._config())
            await self._round_trip(arrival, 0)  # the first one waits for what the app loads late
            refs = await self._refs()
            before_mib, load_before = memory_mib(self._pid), os.getloadavg()[0]
            work: list[Callable[[int], Coroutine[Any, Any, None]]] = []
            work += [lambda number: self._watch(coming_back, number)] * self._asked.watching
            work += [self._upload] * self._asked.uploading + [self._ask] * self._asked.calling
            work += [self._check] * self._asked.checking
            work += [lambda number: self._preview(refs, number)] * self._asked.previewing
            work += [lambda number: self._probe(arrival, number)]
            tasks = []
            for number, one in enumerate(work):  # one after another, as people come; what it is like then is measured
                tasks.append(asyncio.create_task(one(number)))
                await asyncio.sleep(ARRIVAL_S)
            await asyncio.sleep(SETTLING_S)
            self._times_s.clear()
            self._events = self._uploaded_bytes = 0
            began_s, worked_s = time.monotonic(), processor_s(self._pid)
            ended, _ = await asyncio.wait(tasks, timeout=self._asked.seconds, return_when=asyncio.FIRST_EXCEPTION)
            span_s, after_mib = time.monotonic() - began_s, memory_mib(self._pid)
            worked_s = processor_s(self._pid) - worked_s
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for task in ended:
                task.result()
            os.kill(self._pid, THE_END)
        self._print(span_s, worked_s, (before_mib, after_mib), (load_before, os.getloadavg()[0]))

    def _print(self, span_s: float, worked_s: float, memory: tuple[float, float], load: tuple[float, float]) -> None:
        asked = self._asked
        print(
            f"at once          {asked.watching} watching, {asked.uploading} uploading, {asked.calling} calling, "
            f"{asked.checking} checking, {asked.previewing} previewing, for {span_s:.0f} s"
        )
        for name in ("page event", "status", "upload", "check", "preview"):
            if times := sorted(self._times_s[name]):
                p95_s = statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
                print(
                    f"{name:16} {len(times)}: median {1000 * statistics.median(times):.0f} ms, "
                    f"p95 {1000 * p95_s:.0f} ms, longest {1000 * times[-1]:.0f} ms"
                )
            else:
                print(f"{name:16} none ended")
        print(f"uploaded         {self._uploaded_bytes / 1e6:.0f} MB, {self._uploaded_bytes / 1e6 / span_s:.1f} MB/s")
        print(f"watched          {self._events} scenes, {self._events / span_s:.0f} a second")
        print(f"refused          {dict(self._refused) or 'nothing'}")
        print(
            f"event loop       {worked_s / span_s:.2f} of a processor, with all threads of the app, without its workers"
        )
        print(f"memory           {memory[0]:.0f} MiB before, {memory[1]:.0f} MiB at the end")
        print(f"load average     {load[0]:.1f} before, {load[1]:.1f} at the end")

    async def _config(self) -> dict[str, Any]:
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                try:
                    return (await self._http.get("/config")).raise_for_status().json()
                except httpx.TransportError:
                    await asyncio.sleep(0.2)

    async def _refs(self) -> list[str]:
        return [await self._sent((EXAMPLES / name).read_bytes(), name, 0) for name in (IMAGE, VIDEO)]

    async def _watch(self, event: int, number: int) -> None:
        async for message in self._send(event, number):
            self._events += message.get("msg") == "process_generating"

    async def _probe(self, event: int, number: int) -> None:
        while True:
            self._times_s["page event"].append(await self._round_trip(event, number))
            await asyncio.sleep(0.25)

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

    async def _send(self, event: int, number: int) -> AsyncIterator[dict[str, Any]]:
        """Send a page event as a browser does, and yield what comes back."""
        session, headers = f"load{next(self._numbers)}", _from(number)
        body: dict[str, Any] = {"fn_index": event, "session_hash": session, "event_data": None, "trigger_id": None}
        body |= {"data": [visitor(number)]}
        joined = await self._http.post(f"{QUEUE}/join", json=body, headers=headers)
        if joined.is_error:
            self._refused[f"event {joined.status_code}"] += 1
            return
        params = {"session_hash": session}
        async with self._http.stream("GET", f"{QUEUE}/data", params=params, headers=headers) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data:"):
                    message = json.loads(line.removeprefix("data:"))
                    yield message
                    if message.get("msg") == "process_completed":
                        return

    async def _answer(self, name: str, number: int, **given: Any) -> Any:
        """Call an endpoint; what is refused is counted."""
        headers = _from(number)
        called = await self._http.post(f"{CALL}/v2/{name}", json=given, headers=headers)
        if called.is_error:
            self._refused[f"{name} {called.status_code}"] += 1
            return None
        event = ""
        async with self._http.stream("GET", f"{CALL}/{name}/{called.json()['event_id']}", headers=headers) as stream:
            async for line in stream.aiter_lines():
                event = line.removeprefix("event: ") if line.startswith("event:") else event
                if line.startswith("data:") and event == "complete":
                    return json.loads(line.removeprefix("data:"))[0]
        if name != "status":
            self._refused[name] += 1
        return None

    async def _sent(self, content: bytes, name: str, number: int) -> str:
        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(content), CHUNK_BYTES):
                yield content[start : start + CHUNK_BYTES]

        headers = _from(number) | {"X-File-Name": name, "Content-Length": str(len(content))}
        sent = await self._http.post("/inputs", content=chunks(), headers=headers)
        if sent.is_error:
            self._refused[f"upload {sent.status_code}"] += 1
            return ""
        return sent.json()["ref"]


def processor_s(pid: int) -> float:
    """Tell how many seconds of a processor a process has used, without those of its children."""
    after_name = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def _from(number: int) -> dict[str, str]:
    """Come from an address of one's own, as a proxy says it."""
    return {"X-Forwarded-For": f"198.18.{number // 250}.{number % 250 + 1}"}


if __name__ == "__main__":
    where = f"http://127.0.0.1:{sys.argv[2]}"
    proxies = (ip_network("127.0.0.0/8"),)
    serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), public_url=where, trusted_proxies=proxies, workers=2)
