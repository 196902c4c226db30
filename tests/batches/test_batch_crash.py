"""A batch is killed again and again at random moments and gone on with: nothing is sent twice, and nothing is lost."""

import csv
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

CELLS, KILLS = 40, 30
HEAD = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"
# What the vendor sees at the moment of the kill; "any time" is a moment that only the clock knows.
POINTS = ("any time", "any time", "any time", "submit arrives", "submit accepted", "submit answered", "status", "files")


class Vendor(ThreadingHTTPServer):
    """Accepts submits, takes three looks to be done, and kills the process that asks where that is planned."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.accepted: dict[str, list[str]] = defaultdict(list)
        self.made_at: dict[str, float] = {}
        self.looks: Counter[str] = Counter()
        self.fatal = ""
        self.pid: int | None = None

    def reach(self, point: str) -> bool:
        """Kill if this is the planned point; tell whether it was."""
        with self.lock:
            return self.fatal == point and self.kill()

    def kill(self) -> bool:
        if self.pid is None:
            return False
        os.kill(self.pid, signal.SIGKILL)
        self.pid = None
        return True


class Handler(BaseHTTPRequestHandler):
    server: Vendor

    def do_POST(self) -> None:
        prompt = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["prompt"]
        if self.server.reach("submit arrives"):
            return  # and is dropped
        with self.server.lock:
            request_id = f"{prompt}-{len(self.server.accepted[prompt])}"
            self.server.accepted[prompt].append(request_id)
            self.server.made_at[request_id] = time.time()
        if self.server.reach("submit accepted"):
            return
        self.tell(request_id=request_id)
        self.server.reach("submit answered")

    def do_GET(self) -> None:
        if self.path.startswith("/v1/models"):
            self.tell(base_price_usd=0.07, price_unit="second")
            return
        if self.path.startswith("/files/"):
            self.server.reach("files")
            self.send(video_of(self.path.removeprefix("/files/")))
            return
        request_id, call = self.path.partition("?")[0].split("/")[3:]
        self.server.reach(call)
        if call == "status":
            self.server.looks[request_id] += 1
            word = ("in_queue", "in_progress", "completed")[min(self.server.looks[request_id], 3) - 1]
            self.tell(request_id=request_id, status=word)
            return
        made_at = datetime.fromtimestamp(self.server.made_at[request_id], UTC).isoformat()
        output = {"video": f"http://127.0.0.1:{self.server.server_port}/files/{request_id}"}
        self.tell(request_id=request_id, status="succeeded", output=output, cost=0.35, created_at=made_at)

    def tell(self, **body: object) -> None:
        self.send(json.dumps(body).encode())

    def send(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def handle(self) -> None:
        with suppress(OSError):  # whoever asked was killed
            super().handle()

    def log_message(self, *_: object) -> None:
        pass


def video_of(request_id: str) -> bytes:
    return HEAD + request_id.encode() + bytes(50_000)


@pytest.fixture
def vendor():
    with Vendor() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def live_and_die(folder: Path, vendor: Vendor, seed: int) -> int:
    """Let lives begin and kill them; return how many were killed before the last one finished the batch."""
    chance, killed = random.Random(seed), 0
    url = f"http://127.0.0.1:{vendor.server_port}"
    child = Path(__file__).with_name("batch_child.py")
    command = [sys.executable, str(child), str(folder), url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
        assert nursery.stdin
        assert nursery.stdout
        for number in range(KILLS + 1):
            point = chance.choice(POINTS) if number < KILLS else ""
            with vendor.lock:  # nothing is reached before it is known whom to kill
                vendor.fatal = point
                nursery.stdin.write("\n")
                nursery.stdin.flush()
                vendor.pid = int(nursery.stdout.readline())
            timer = threading.Timer(chance.uniform(0.02, 0.7), lambda: vendor.reach("any time"))
            timer.start()
            ended = int(nursery.stdout.readline().split()[1])
            timer.cancel()
            assert ended in {0, -signal.SIGKILL}
            killed += ended != 0
        assert ended == 0
        nursery.stdin.close()
    return killed


@pytest.mark.slow
@pytest.mark.parametrize("seed", [20_261_129])
def test_killing_a_batch_loses_nothing_and_sends_nothing_twice(tmp_path, vendor, seed):
    (tmp_path / "in.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (tmp_path / "in.mp4").write_bytes(HEAD + bytes(10_000))
    rows = "".join(f"in.png,in.mp4,cell-{number}\n" for number in range(1, CELLS + 1))
    (tmp_path / "rows.csv").write_text(f"image,video,prompt\n{rows}")
    killed = live_and_die(tmp_path, vendor, seed)

    with (tmp_path / "out" / "cells.csv").open(newline="") as file:
        cells = {row["prompt"]: row for row in csv.DictReader(file)}
    doubled = [prompt for prompt, ids in vendor.accepted.items() if len(ids) > 1]
    table: Counter[str] = Counter()
    for prompt, cell in cells.items():
        ids = vendor.accepted.get(prompt, [])
        if cell["state"] == "completed":
            assert (tmp_path / "out" / cell["result"]).read_bytes() == video_of(ids[0])
        table[f"{cell['state']}, {'accepted' if ids else 'never accepted'}"] += 1
    sys.stdout.write(f"{killed} kills, {CELLS} cells: {dict(table)}; doubled: {len(doubled)}\n")

    assert killed >= KILLS // 2, "the batch outlives too few kills to prove anything"
    assert doubled == []
    assert table["completed, accepted"] > CELLS // 4, (
        "too few are completed to prove anything: kills leave the others unsent"
    )
    assert len(cells) == CELLS
    told = {"completed, accepted", "unknown, accepted", "unknown, never accepted", "failed, never accepted"}
    assert set(table) <= told, "every cell has an end that is known, and none that was accepted counts as failed"
    with sqlite3.connect(tmp_path / "data" / "ledger.sqlite") as ledger:
        per_cell = ledger.execute("SELECT cell, COUNT(*) FROM batch_cells GROUP BY cell").fetchall()
    ledger.close()
    assert {count for _, count in per_cell} == {1}, "one run stands for each cell"
