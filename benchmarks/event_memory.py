"""Memory of the app after many large page events whose answers nobody reads, and how they were answered.

The app runs as its own process. Each event is one that answers with the value it was sent; all go to
``/gradio_api/queue/join``, first under a name of its own each, then all under one name. Afterwards an ordinary event
is sent and its answer read, to see that the app still serves.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from benchmarks.soak import memory_mib

ROOT = Path(__file__).resolve().parents[1]
IS_LONG = True  # left out unless it is asked for by name
JOINS, KB = 1000, 250
TIMEOUT_S = 300.0
QUEUE = "/gradio_api/queue"
ROUNDS = ("many names", "one name")


def main(*arguments: str) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="benchmarks event_memory")
    parser.add_argument("--joins", type=int, default=JOINS)
    parser.add_argument("--kb", type=int, default=KB, help="size of one event in kB of 1000 bytes")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        env = os.environ | {"KLING_UI_PORT": str(port), "KLING_UI_DATA_DIR": folder, "KLING_UI_WORKERS": "1"}
        said = (Path(folder) / "said.txt").open("w")
        with said, subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=env, stdout=said, stderr=said) as app:
            try:
                asyncio.run(_measure(f"http://127.0.0.1:{port}", app.pid, asked))
            finally:
                app.kill()
        lines = (Path(folder) / "said.txt").read_text().splitlines()
        print(f"log              {len(lines)} lines, {sum('Traceback' in line for line in lines)} tracebacks")


async def _measure(base_url: str, pid: int, asked: argparse.Namespace) -> None:
    async with httpx.AsyncClient(base_url=base_url, timeout=TIMEOUT_S) as http:
        number, trigger = _echo(await _config(http))
        for name in ("warm", "warmer"):  # the first ones wait for what the app loads late
            await _round_trip(http, number, trigger, name)
        before_mib = memory_mib(pid)
        print(f"at the start     {before_mib:.0f} MiB")
        for kind in ROUNDS:
            started, answers = time.monotonic(), Counter[int]()
            for count in range(asked.joins):
                name = f"n{count}" if kind == ROUNDS[0] else "same"
                answers[await _join(http, number, trigger, name, "x" * (asked.kb * 1000 - 500))] += 1
            await asyncio.sleep(2)
            spent_s = time.monotonic() - started
            print(
                f"{kind:16} {memory_mib(pid):.0f} MiB ({memory_mib(pid) - before_mib:+.0f}) after {asked.joins} events "
                f"of {asked.kb} kB in {spent_s:.0f} s, answered {dict(answers)}"
            )
        print(f"an ordinary one  answered in {1000 * await _round_trip(http, number, trigger, 'last'):.0f} ms")


async def _config(http: httpx.AsyncClient) -> dict[str, Any]:
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            try:
                return (await http.get("/config")).raise_for_status().json()
            except httpx.TransportError:
                await asyncio.sleep(0.2)


def _echo(config: dict[str, Any]) -> tuple[int, int]:
    """Find the event that undoes a repair of the picture: where there is none, it sends the value back with a word."""
    event = next(event for event in config["dependencies"] if event["api_name"] == "on_undo_image")
    return event["id"], event["targets"][0][0]


async def _join(http: httpx.AsyncClient, number: int, trigger: int, name: str, padding: str) -> int:
    body = {"data": [{"ref": padding}], "fn_index": number, "session_hash": name, "trigger_id": trigger}
    return (await http.post(f"{QUEUE}/join", json=body)).status_code


async def _round_trip(http: httpx.AsyncClient, number: int, trigger: int, name: str) -> float:
    started = time.monotonic()
    await _join(http, number, trigger, name, "")
    async with http.stream("GET", f"{QUEUE}/data", params={"session_hash": name}) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data:") and json.loads(line.removeprefix("data:"))["msg"] == "process_completed":
                break
    return time.monotonic() - started


if __name__ == "__main__":
    main(*sys.argv[1:])
