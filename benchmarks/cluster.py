"""The work on many machines: what workers get done, what a hop costs, what is lost when parts are killed.

    python -m benchmarks cluster                 throughput with 1, 2 and 4 workers, a hop, runs of replicas
    python -m benchmarks cluster kills           30 parts killed at random moments of running work (--kills, --seed)
    python -m benchmarks cluster up              start everything, and keep it up until Ctrl+C (--workers)

Everything is started for real on this machine (``_cluster_processes.py``); measures are kept in ``--out`` for
``benchmarks capacity``, which simulates more machines.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import signal
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from benchmarks._cluster_processes import Cluster
from kling_ui.buckets import open_bucket
from kling_ui.cluster import ClusterWorkers
from kling_ui.options import Orientation, Resolution
from kling_ui.preview.queue import render_lazily
from kling_ui.vision.analysis import analyse_image

IS_LONG = True  # left out unless it is asked for by name
EXAMPLES = Path(__file__).resolve().parents[1] / "assets" / "examples"
IMAGE, VIDEO = EXAMPLES / "character-upper-body.png", EXAMPLES / "gesture-upper-body.mp4"
KINDS = ("replica", "worker", "scheduler", "postgresql", "s3")
COUNTS, ROUNDS = (1, 2, 4), 3
ORDERS_AT_ONCE = 4
ORDER_LIMIT_S = 300.0
RECOVERY_LIMIT_S = 60.0  # after a kill; then the next one comes, whatever became of it
CALL = "/gradio_api/call"


def main(*arguments: str) -> None:
    """Do what the first argument says."""
    parser = argparse.ArgumentParser(prog="benchmarks cluster")
    parser.add_argument("what", nargs="?", choices=("measure", "kills", "up"), default="measure")
    parser.add_argument("--port", type=int, default=8240, help="the first of ten ports")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=60.0, help="after which no part is killed any more")
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--checks", type=int, default=24, help="a round")
    parser.add_argument("--previews", type=int, default=4, help="a round")
    parser.add_argument("--out", type=Path, default=Path("build/cluster.json"))
    asked = parser.parse_args(arguments)
    {"measure": _measure, "kills": _kill, "up": _keep_up}[asked.what](asked)


@contextmanager
def _started(port: int, workers: int, *, replicas: int = 2) -> Generator[Cluster]:
    """Start a cluster with its files in a folder that goes with it."""
    with (
        tempfile.TemporaryDirectory(prefix="kling-cluster-") as folder,
        Cluster(Path(folder, "parts"), port=port, workers=workers, replicas=replicas) as cluster,
    ):
        yield cluster


def _keep_up(asked: argparse.Namespace) -> None:
    with _started(asked.port, asked.workers) as cluster:
        print(f"{cluster.url} is served by {len(cluster.named('replica'))} replicas; Ctrl+C ends everything.")
        with suppress(KeyboardInterrupt):
            signal.pause()
        print("Ending.")


# --- measuring


def _measure(asked: argparse.Namespace) -> None:
    found = {"cores": os.cpu_count(), "by_workers": _throughput(asked)}
    for count, one in found["by_workers"].items():
        print(f"{count} workers", json.dumps(_short(one)), flush=True)
    found["runs"] = _whole_runs(asked)
    print("runs", json.dumps(found["runs"]))
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(found, indent=1))


def _throughput(asked: argparse.Namespace) -> dict[int, Any]:
    with _started(asked.port, max(COUNTS), replicas=0) as cluster:
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
    for number, count in itertools.product(range(ROUNDS), COUNTS):
        hops = [await _seconds(workers.run(max, 1000 * number + 100 * count + hop, -1)) for hop in range(10)]
        checks = await _batch(cluster, workers, jobs.check, asked.checks, count)
        previews = await _batch(cluster, workers, jobs.preview, asked.previews, count)
        rounds[count].append({"hop_s": hops, "check": checks, "preview": previews})
    return {
        count: {
            "hop_s": [hop for one in found for hop in one["hop_s"]],
            **{name: _added([one[name] for one in found]) for name in ("check", "preview")},
        }
        for count, found in rounds.items()
    }


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
    cluster: Cluster, workers: ClusterWorkers, job: Callable[[], Coroutine[Any, Any, object]], jobs: int, count: int
) -> dict[str, Any]:
    """Do so many jobs, as many at once as there are workers, and so each job's own time is known, too."""
    free, times = asyncio.Semaphore(count), list[float]()

    async def one() -> None:
        async with free:
            times.append(await _seconds(job()))

    before_cpu, before_others, before = cluster.cpu_s(""), _busy_s() - _own_s(cluster), workers.traffic.sent_bytes
    fetched, began = workers.traffic.fetched_bytes, time.monotonic()
    await asyncio.gather(*(one() for _ in range(jobs)))
    span_s = time.monotonic() - began
    return {
        "jobs": jobs,
        "span_s": span_s,
        "times_s": times,
        "cpu_s": cluster.cpu_s("") - before_cpu,
        "others_cores": max(0.0, (_busy_s() - _own_s(cluster) - before_others) / span_s),
        "bytes_each": 2 * (workers.traffic.sent_bytes - before + workers.traffic.fetched_bytes - fetched) / jobs,
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


def new_picture() -> bytes:
    """Give the example with something after its end, which makes it another file."""
    return IMAGE.read_bytes() + os.urandom(16)


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
    for name in ("check", "preview"):
        one = found[name]
        brief[name] = {
            "per_minute": round(60 * one["jobs"] / one["span_s"], 1),
            "median_s": round(statistics.median(one["times_s"]), 2),
            "cpu_s_each": round(one["cpu_s"] / one["jobs"], 2),
            "others_cores": round(one["others_cores"], 2),
            "kB_each": round(one["bytes_each"] / 1000),
        }
    return brief


def _whole_runs(asked: argparse.Namespace) -> dict[str, Any]:
    with _started(asked.port, 2) as cluster:
        os.environ.update(cluster.env)
        return asyncio.run(_some_runs(cluster, 2 * asked.previews))


async def _some_runs(cluster: Cluster, count: int) -> dict[str, Any]:
    orders = [Order(cluster.url, number) for number in range(count + 2)]
    await asyncio.gather(*(order.see_through() for order in orders[:2]))  # warm
    idle, began = _transactions(cluster), time.monotonic()
    await asyncio.sleep(15)
    idle_rate = (_transactions(cluster) - idle) / (time.monotonic() - began)
    before, began = _transactions(cluster), time.monotonic()
    free = asyncio.Semaphore(2)

    async def one(order: Order) -> None:
        async with free:
            await order.see_through()

    await asyncio.gather(*(one(order) for order in orders[2:]))
    span_s = time.monotonic() - began
    return {
        "runs": count,
        "span_s": span_s,
        "transactions_each": (_transactions(cluster) - before - idle_rate * span_s) / count,
        "idle_transactions_a_second": idle_rate,
        "stored_bytes": _stored(cluster) / len(orders),
    }


def _stored(cluster: Cluster) -> int:
    store = open_bucket(cluster.env["KLING_UI_STORE_URL"])
    return sum(meta["size"] for batch in store.list("work") for meta in batch)


def _transactions(cluster: Cluster) -> int:
    with psycopg.connect(cluster.ledger) as database:
        counted = database.execute(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'postgres'"
        )
        return counted.fetchall()[0][0]


# --- killing


@dataclass(slots=True)
class Order:
    """A preview that somebody asks for by the endpoints, and goes on asking whatever happens meanwhile.

    Attributes:
        url: Of the app.
        number: Tells it from all others.
        end: How it ended: a state, or what went wrong.
        handles: All that it was given.
    """

    url: str
    number: int
    end: str = "unknown"
    handles: set[str] = field(default_factory=set)

    async def see_through(self) -> None:
        """Ask for it until it has ended."""
        picture, wanted = new_picture(), time.monotonic() + ORDER_LIMIT_S
        told: dict[str, Any] | None = None
        while time.monotonic() < wanted and not (told and told.get("is_final")):
            try:
                async with self._visit() as http:
                    told = await self._ask(http, picture)
            except (httpx.HTTPError, json.JSONDecodeError, KeyError, RefusedError) as error:
                self.end = f"unknown ({type(error).__name__})"
                await asyncio.sleep(1)
        if told and told.get("is_final"):
            self.end = told["state"]

    async def _ask(self, http: httpx.AsyncClient, picture: bytes) -> dict[str, Any]:
        if not self.handles:
            refs = [await _sent(http, picture, "new.png"), await _sent(http, VIDEO.read_bytes(), VIDEO.name)]
            given = {"image": refs[0], "video": refs[1], "prompt": f"order {self.number}", "orientation": "image"}
            begun = await _call(http, "run", **given)
            self.handles.add(begun["handle"])
            return begun
        return await _call(http, "status", handle=next(iter(self.handles)), wait_s=5)

    @asynccontextmanager
    async def _visit(self) -> AsyncGenerator[httpx.AsyncClient]:
        headers = {"X-Forwarded-For": f"198.18.{self.number // 250}.{self.number % 250 + 1}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60) as http:
            yield http


class RefusedError(Exception):
    """A call was answered with an error."""


async def _sent(http: httpx.AsyncClient, content: bytes, name: str) -> str:
    return (await http.post("/inputs", content=content, headers={"X-File-Name": name})).raise_for_status().json()["ref"]


async def _call(http: httpx.AsyncClient, name: str, **given: Any) -> dict[str, Any]:
    called = (await http.post(f"{CALL}/v2/{name}", json=given)).raise_for_status()
    event = ""
    async with http.stream("GET", f"{CALL}/{name}/{called.json()['event_id']}") as stream:
        async for line in stream.aiter_lines():
            event = line.removeprefix("event: ") if line.startswith("event:") else event
            if line.startswith("data:") and event == "complete":
                return json.loads(line.removeprefix("data:"))[0]
            if line.startswith("data:") and event == "error":
                raise RefusedError(line)
    raise RefusedError(name)


def _kill(asked: argparse.Namespace) -> None:
    with _started(asked.port, asked.workers) as cluster:
        print(json.dumps(asyncio.run(kill_and_count(cluster, asked.kills, random.Random(asked.seed), asked.minutes))))  # noqa: S311


async def kill_and_count(cluster: Cluster, kills: int, chance: random.Random, minutes: float = 60.0) -> dict[str, Any]:
    """Kill parts at random moments while runs go on, one kind after the other, and count what became of the runs."""
    orders, is_over, killed = list[Order](), asyncio.Event(), Counter[str]()

    async def ask_on() -> None:
        while not is_over.is_set():
            orders.append(order := Order(cluster.url, len(orders)))
            await order.see_through()

    def ended() -> int:
        return sum(order.end == "completed" for order in orders)

    asking = [asyncio.create_task(ask_on()) for _ in range(ORDERS_AT_ONCE)]
    last = time.monotonic() + 60 * minutes
    for number in range(kills):
        if time.monotonic() > last:
            break
        await asyncio.sleep(chance.uniform(1, 8))
        kind, before, began = KINDS[number % len(KINDS)], ended(), time.monotonic()
        await asyncio.to_thread(cluster.kill, chance.choice(cluster.named(kind)))
        killed[kind] += 1
        while ended() == before and time.monotonic() - began < RECOVERY_LIMIT_S:  # noqa: ASYNC110  many orders, no one event
            await asyncio.sleep(0.2)
        print(f"{number + 1}: {kind} killed; the next run ended {time.monotonic() - began:.0f} s later", flush=True)
    is_over.set()
    await asyncio.gather(*asking)
    return {"killed": dict(killed), **await asyncio.to_thread(_count, cluster, orders)}


def _count(cluster: Cluster, orders: list[Order]) -> dict[str, Any]:
    """Compare what was asked for with what the ledger and the disk have."""
    with psycopg.connect(cluster.ledger) as database:
        rows = database.execute("SELECT run_id, choice->>'prompt', state, result_name FROM runs").fetchall()
    runs = Counter(prompt for _, prompt, _, _ in rows)
    folder = cluster.folder / "data" / "runs"
    done = {prompt for run, prompt, _, name in rows if name and (folder / run / name).is_file()}
    return {
        "orders": len(orders),
        "ends": dict(Counter(order.end for order in orders)),
        "ledger": dict(Counter(state for _, _, state, _ in rows)),
        "lost": sum(f"order {order.number}" not in done for order in orders),
        "doubled": sum(count > 1 for count in runs.values()),
        "end_unknown": sum(order.end.startswith("unknown") for order in orders),
    }
