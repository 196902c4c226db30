"""The work on many machines: what workers get done, what a hop costs.

    python -m benchmarks cluster                 throughput with 1, 2 and 4 workers, a hop, runs of replicas
    python -m benchmarks cluster up              start everything, and keep it up until Ctrl+C (--workers)

Everything is started for real on this machine (``_cluster_processes.py``); measures are kept in ``--out`` for
``benchmarks capacity``, which simulates more machines.
"""

import argparse
import asyncio
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Coroutine, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from benchmarks._cluster_orders import IMAGE, ORDER_LIMIT_S, VIDEO, Order, new_picture
from benchmarks._cluster_processes import Cluster, schedule_alike, started
from kling_ui.buckets import open_bucket
from kling_ui.cluster import ClusterWorkers
from kling_ui.options import Orientation, Resolution
from kling_ui.preview.queue import render_lazily
from kling_ui.vision.analysis import analyse_image

IS_LONG = True  # left out unless it is asked for by name
PARTS = ("replica", "worker", "scheduler", "postgresql")
IDLE_S = 10.0
COUNTS = (1, 2, 4)
SPIN_S = 2.0
# What a busy process gets: its processor time by the time that passed, without that of its own beginning.
SPIN = """
import sys, time
time.sleep(0.2)
began, before = time.monotonic(), time.process_time()
while time.monotonic() - began < float(sys.argv[1]):
    pass
print((time.process_time() - before) / (time.monotonic() - began))
"""


def main(*arguments: str) -> None:
    """Do what the first argument says."""
    parser = argparse.ArgumentParser(prog="benchmarks cluster")
    parser.add_argument("what", nargs="?", choices=("measure", "up"), default="measure")
    parser.add_argument("--port", type=int, default=8240, help="the first of ten ports")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--checks", type=int, default=24, help="a round")
    parser.add_argument("--previews", type=int, default=4, help="a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rest", type=float, default=0.0, help="seconds between rounds that are left to others")
    parser.add_argument("--no-runs", action="store_true", help="measure no whole runs")
    parser.add_argument("--out", type=Path, default=Path("build/cluster.json"))
    asked = parser.parse_args(arguments)
    {"measure": _measure, "up": _keep_up}[asked.what](asked)


def _keep_up(asked: argparse.Namespace) -> None:
    with started(asked.port, asked.workers) as cluster:
        print(f"{cluster.url} is served by {len(cluster.named('replica'))} replicas; Ctrl+C ends everything.")
        with suppress(KeyboardInterrupt):
            signal.pause()
        print("Ending.")


# --- measuring


def _measure(asked: argparse.Namespace) -> None:
    found: dict[str, Any] = {"cores": os.cpu_count(), "rounds": asked.rounds, "by_workers": _throughput(asked)}
    for count, one in found["by_workers"].items():
        print(f"{count} workers", json.dumps(_short(one)), flush=True)
    for name, is_paid in () if asked.no_runs else (("runs", False), ("paid_runs", True)):
        found[name] = _whole_runs(asked, is_paid=is_paid)
        print(name, json.dumps(found[name]), flush=True)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(found, indent=1))


def _throughput(asked: argparse.Namespace) -> dict[int, Any]:
    with started(asked.port, max(COUNTS), replicas=0) as cluster:
        os.environ.update(cluster.env)
        store = open_bucket(cluster.env["KLING_UI_STORE_URL"])
        with closing(ClusterWorkers(cluster.scheduler, store, 16)) as workers:
            return asyncio.run(_timed(cluster, workers, cluster.folder, asked))


async def _timed(cluster: Cluster, workers: ClusterWorkers, folder: Path, asked: argparse.Namespace) -> dict[int, Any]:
    """Measure in rounds, each with 1, 2 and 4 workers at work, so that what else this machine does meets all alike."""
    jobs = Jobs(workers, folder)
    for _ in range(2):  # models are loaded
        await asyncio.gather(*(jobs.check() for _ in range(2 * max(COUNTS))))
    rounds: dict[int, list[dict[str, Any]]] = {count: [] for count in COUNTS}
    before, began = _own_s(cluster), time.monotonic()
    await asyncio.sleep(IDLE_S)
    idle_cores = (_own_s(cluster) - before) / (time.monotonic() - began)
    for number, count in itertools.product(range(asked.rounds), COUNTS):
        if number and count == COUNTS[0]:
            await asyncio.sleep(asked.rest)
        had = await asyncio.to_thread(busy_cores)
        hops = [await _seconds(workers.run(max, 1000 * number + 100 * count + hop, -1)) for hop in range(10)]
        checks = await _batch(cluster, workers, ["check"] * asked.checks, jobs, count)
        previews = await _batch(cluster, workers, ["preview"] * asked.previews, jobs, count)
        mixed = await _batch(cluster, workers, mixed_order(asked.previews), jobs, count)
        had = [had, await asyncio.to_thread(busy_cores)]
        rounds[count].append({"had": had, "hop_s": hops, "check": checks, "preview": previews, "mixed": mixed})
    return {
        count: {
            "hop_s": [hop for one in found for hop in one["hop_s"]],
            "idle_cores": idle_cores,
            "busy_cores": {
                busy: statistics.fmean(each[busy] for one in found for each in one["had"]) for busy in COUNTS
            },
            **{name: _added([one[name] for one in found]) for name in ("check", "preview", "mixed")},
        }
        for count, found in rounds.items()
    }


def busy_cores() -> dict[int, float]:
    """Measure how many cores 1, 2 and 4 busy processes get together beside whatever else runs here.

    That is their own processor time by the time that passed. Each has a session of its own, as the workers have.
    """
    had = {}
    for count in COUNTS:
        spun = [
            subprocess.Popen([sys.executable, "-c", SPIN, str(SPIN_S)], stdout=subprocess.PIPE, start_new_session=True)
            for _ in range(count)
        ]
        for one in spun:
            schedule_alike(one.pid)
        had[count] = sum(float(one.communicate()[0]) for one in spun)
    return had


def mixed_order(previews: int) -> list[str]:
    """Give the order of mixed work: as many previews, each with the checks of three pictures."""
    return ["check", "preview", "check", "check"] * previews


def _added(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Put the rounds of one measure together."""
    span_s = sum(one["span_s"] for one in rounds)
    return {
        "jobs": sum(one["jobs"] for one in rounds),
        "span_s": span_s,
        "times_s": [each for one in rounds for each in one["times_s"]],
        "cpu_s": sum(one["cpu_s"] for one in rounds),
        "others_cores": sum(one["others_cores"] * one["span_s"] for one in rounds) / span_s,
        "bytes_each": statistics.fmean(one["bytes_each"] for one in rounds),
    }


async def _batch(
    cluster: Cluster, workers: ClusterWorkers, order: Sequence[str], jobs: "Jobs", count: int
) -> dict[str, Any]:
    """Do jobs in an order, as many at once as there are workers, and so each job's own time is known, too."""
    free, times = asyncio.Semaphore(count), list[float]()

    async def one(kind: str) -> None:
        async with free:
            times.append(await _seconds({"check": jobs.check, "preview": jobs.preview}[kind]()))

    before_cpu, before_others, before = _own_s(cluster), _busy_s() - _own_s(cluster), workers.traffic.sent_bytes
    fetched, began = workers.traffic.fetched_bytes, time.monotonic()
    await asyncio.gather(*(one(kind) for kind in order))
    span_s = time.monotonic() - began
    return {
        "jobs": len(order),
        "span_s": span_s,
        "times_s": times,
        "cpu_s": _own_s(cluster) - before_cpu,
        "others_cores": max(0.0, (_busy_s() - _own_s(cluster) - before_others) / span_s),
        "bytes_each": 2 * (workers.traffic.sent_bytes - before + workers.traffic.fetched_bytes - fetched) / len(order),
    }


@dataclass(slots=True)
class Jobs:
    """Jobs that were never done before.

    Attributes:
        workers: Who does them.
        folder: For their files.
        numbers: Of the files.
    """

    workers: ClusterWorkers
    folder: Path
    numbers: Any = field(default_factory=itertools.count)

    async def check(self) -> object:
        """Look at a picture."""
        image, looks = self._image(), self.folder / "looks"
        looks.mkdir(exist_ok=True)
        return await self.workers.run(analyse_image, image, looks, timeout_s=120)

    async def preview(self) -> object:
        """Draw a preview."""
        image = self._image()
        room = image.with_suffix("")
        room.mkdir()
        choice = {"orientation": Orientation.IMAGE, "keep_sound": True, "resolution": Resolution.P720}
        out, progress = room / "output.mp4", room / "progress.json"
        return await self.workers.run(
            render_lazily, image, VIDEO, out, progress=progress, timeout_s=ORDER_LIMIT_S, **choice
        )

    def _image(self) -> Path:
        path = self.folder / f"image-{next(self.numbers)}.png"
        path.write_bytes(new_picture())
        return path


async def _seconds(work: Coroutine[Any, Any, object]) -> float:
    began = time.monotonic()
    await work
    return time.monotonic() - began


def _busy_s() -> float:
    values = [int(value) for value in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(values) - values[3] - values[4]) / os.sysconf("SC_CLK_TCK")


def _own_s(cluster: Cluster) -> float:
    own = os.times()
    return cluster.cpu_s("") + own.user + own.system


def _short(found: dict[str, Any]) -> dict[str, Any]:
    brief: dict[str, Any] = {"hop_ms": round(1000 * statistics.median(found["hop_s"]), 1)}
    for name in ("check", "preview", "mixed"):
        one = found[name]
        brief[name] = {
            "per_minute": round(60 * one["jobs"] / one["span_s"], 1),
            "median_s": round(statistics.median(one["times_s"]), 2),
            "cpu_s_each": round(one["cpu_s"] / one["jobs"], 2),
            "others_cores": round(one["others_cores"], 2),
            "kB_each": round(one["bytes_each"] / 1000),
        }
    return brief


def _whole_runs(asked: argparse.Namespace, *, is_paid: bool) -> dict[str, Any]:
    with started(asked.port, 2, vendor_video=VIDEO) as cluster:
        os.environ.update(cluster.env)
        return asyncio.run(_some_runs(cluster, 2 * asked.previews, is_paid=is_paid))


async def _some_runs(cluster: Cluster, count: int, *, is_paid: bool) -> dict[str, Any]:
    """Measure what whole runs take: of each part of the cluster, of the database and of the store."""
    orders = [Order(cluster.url, number, is_paid=is_paid) for number in range(count + 2)]
    await asyncio.gather(*(order.see_through() for order in orders[:2]))  # warm
    idle, began = _taken(cluster), time.monotonic()
    await asyncio.sleep(15)
    idle_s, idle = time.monotonic() - began, _less(_taken(cluster), idle)
    before, began, free = _taken(cluster), time.monotonic(), asyncio.Semaphore(2)

    async def one(order: Order) -> None:
        async with free:
            await order.see_through()

    await asyncio.gather(*(one(order) for order in orders[2:]))
    span_s = time.monotonic() - began
    took = _less(_taken(cluster), before)
    return {
        "runs": count,
        "span_s": span_s,
        "each": {name: (value - idle[name] * span_s / idle_s) / count for name, value in took.items()},
        "idle_a_second": {name: value / idle_s for name, value in idle.items()},
        "stored_bytes": _stored(cluster) / len(orders),
        "kept_bytes": _size_bytes(cluster.folder / "data" / "runs") / len(orders),
        "result_bytes": statistics.fmean(order.result_bytes for order in orders),
        "input_bytes": IMAGE.stat().st_size + VIDEO.stat().st_size,
    }


def _taken(cluster: Cluster) -> dict[str, float]:
    """Add up what was taken so far: transactions, requests to the store, and processor seconds of each part."""
    log = (cluster.logs / "s3.log").read_text(errors="replace")
    cpu_s = {f"{kind}_cpu_s": cluster.cpu_s(kind) for kind in PARTS}
    writes, reads = (sum(log.count(f'"{word} /') for word in words) for words in (("PUT", "POST"), ("GET", "HEAD")))
    return {"transactions": _transactions(cluster), "store_writes": writes, "store_reads": reads} | cpu_s


def _less(after: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    return {name: value - before[name] for name, value in after.items()}


def _size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _stored(cluster: Cluster) -> int:
    store = open_bucket(cluster.env["KLING_UI_STORE_URL"])
    return sum(meta["size"] for batch in store.list("work") for meta in batch)


def _transactions(cluster: Cluster) -> int:
    with psycopg.connect(cluster.ledger) as database:
        counted = database.execute(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'postgres'"
        )
        return counted.fetchall()[0][0]
