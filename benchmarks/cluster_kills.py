"""What is lost or done twice when parts of a real cluster are killed while previews and paid runs go on.

    python -m benchmarks cluster_kills            30 kills (--kills, --seed, --kinds)

Replicas, workers, the scheduler, PostgreSQL, the S3 server, which forgets everything, the proxy and the played vendor
of paid runs (``_vendor.py``), which forgets nothing, are killed in turn and started again: at random moments, or while
the vendor has a submit in hand that it has not answered. Runs that end as of unknown outcome by that are recovered at
the end by the request ids that the vendor has of them; docs/scale.md has the table.
"""

import argparse
import asyncio
import itertools
import json
import math
import os
import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import psycopg

from benchmarks._cluster_orders import NOT_TOLD, VIDEO, Order
from benchmarks._cluster_processes import Cluster, started
from benchmarks._vendor import IN_HAND, SUBMITS

IS_LONG = True  # left out unless it is asked for by name
IN_A_SUBMIT = " in a submit"
KINDS = (
    "replica", "worker", "scheduler", "postgresql", "s3", "proxy", "vendor",
    *(f"{part}{IN_A_SUBMIT}" for part in ("replica", "postgresql", "vendor")),
)  # fmt: skip
ORDERS_AT_ONCE = 4  # every other one is paid
KILLED_AFTER_S = (1.0, 8.0)  # since the last part recovered
RECOVERY_LIMIT_S = 60.0  # then the next part is killed, whatever became of this one
SUBMIT_LIMIT_S = 120.0  # in which the vendor gets a submit
COMPLETED, FAILED, UNKNOWN = "completed", "failed", "unknown"


@dataclass(frozen=True, slots=True)
class Kill:
    """A part that was killed.

    Attributes:
        kind: What it was, one of :data:`KINDS`.
        at_s: When, in seconds since the first order.
        previews: Orders under way then, by number.
        paid: Paid ones.
        next_s: Seconds until the next order was completed.
        all_s: Seconds until all that were under way had ended.
    """

    kind: str
    at_s: float
    previews: tuple[int, ...]
    paid: tuple[int, ...]
    next_s: float
    all_s: float = math.nan


@dataclass(frozen=True, slots=True)
class Count:
    """What became of all orders, compared with what the ledger, the disk and the vendor have.

    Attributes:
        kills: In their order.
        ends: How many orders ended how, paid ones and previews.
        submits: What the vendor was sent.
        lost: Orders without a kept result, though nobody was told that it is not known what became of them.
        doubled: Paid orders with more than one run in the ledger, or orders with more submits at the vendor than they
            are to have.
        twice: Previews with more than one run: who asks for one chooses its handle, and asks with it once more when the
            answer is cut off.
        unsent: Paid orders that failed, as somebody was told, before anything was sent.
        unknown: Paid orders that ended as of unknown outcome: they may have been sent, and were not sent again.
        recovered: Those of them that the vendor knew, and of which the result is kept by now.
        untold: Orders whose end nobody was told, or not in words.
        hung: Orders of which a call was neither answered nor ended in time, so that it was asked anew.
        said: What was said of those of unknown outcome.
    """

    kills: tuple[Kill, ...]
    ends: dict[str, int]
    submits: int
    lost: frozenset[int]
    doubled: frozenset[int]
    twice: frozenset[int]
    unsent: frozenset[int]
    unknown: frozenset[int]
    recovered: frozenset[int]
    untold: frozenset[int]
    hung: frozenset[int]
    said: frozenset[str]

    @property
    def killed(self) -> dict[str, int]:
        """How often each kind was killed."""
        return dict(Counter(kill.kind for kill in self.kills))

    def rows(self) -> list[dict[str, Any]]:
        """Tell of each kind what became of the orders that were under way when one was killed."""
        return [self._row(kind, [kill for kill in self.kills if kill.kind == kind]) for kind in self.killed]

    def _row(self, kind: str, kills: list[Kill]) -> dict[str, Any]:
        previews = set(itertools.chain.from_iterable(kill.previews for kill in kills))
        paid = set(itertools.chain.from_iterable(kill.paid for kill in kills))
        met = previews | paid
        return {
            "killed": kind,
            "times": len(kills),
            "previews": len(previews),
            "paid": len(paid),
            "lost": len(self.lost & met),
            "doubled": len(self.doubled & met),
            "twice": len(self.twice & met),
            "unsent": len(self.unsent & met),
            "unknown": len(self.unknown & met),
            "recovered": len(self.recovered & met),
            "untold": len(self.untold & met),
            "hung": len(self.hung & met),
            "next_s": _median_and_most([kill.next_s for kill in kills]),
            "all_s": _median_and_most([kill.all_s for kill in kills]),
        }


def main(*arguments: str) -> None:
    """Kill parts, and print a table by kind."""
    parser = argparse.ArgumentParser(prog="benchmarks cluster_kills")
    parser.add_argument("--port", type=int, default=8240, help="the first of ten ports")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=60.0, help="after which no part is killed any more")
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=KINDS, help="what is killed, in turn")
    parser.add_argument("--out", type=Path, default=Path("build/cluster_kills.json"))
    asked = parser.parse_args(arguments)
    chance = random.Random(asked.seed)  # noqa: S311  nothing secret
    with started(asked.port, asked.workers, vendor_video=VIDEO) as cluster:
        found = asyncio.run(kill_and_count(cluster, asked.kills, chance, asked.minutes, asked.kinds))
    for row in found.rows():
        print(json.dumps(row))
    print(json.dumps({"ends": found.ends, "submits": found.submits, "doubled": len(found.doubled)}))
    print(json.dumps({"said of unknown outcomes": sorted(found.said)}))
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(asdict(found), indent=1, default=sorted))


async def kill_and_count(
    cluster: Cluster, kills: int, chance: random.Random, minutes: float = 60.0, kinds: Sequence[str] = KINDS
) -> Count:
    """Kill parts while runs go on, one kind after the other, and count what became of the runs.

    Args:
        cluster: With a played vendor.
        kills: How many.
        chance: Chooses parts and moments.
        minutes: After which no part is killed any more.
        kinds: Of :data:`KINDS`.
    """
    orders, killed, began = list[Order](), list[Kill](), time.monotonic()
    is_over = asyncio.Event()

    async def ask_on() -> None:
        while not is_over.is_set():
            number = len(orders)
            orders.append(order := Order(cluster.url, number, is_paid=number % 2 == 1))
            await order.see_through()

    def completed() -> int:
        return sum(order.end == COMPLETED for order in orders)

    asking = [asyncio.create_task(ask_on()) for _ in range(ORDERS_AT_ONCE)]
    for number in range(kills):
        await asyncio.sleep(chance.uniform(*KILLED_AFTER_S))
        if time.monotonic() - began > 60 * minutes:
            break
        kind = kinds[number % len(kinds)]
        name = await _chosen(cluster, kind, chance)
        at_s, before = time.monotonic() - began, completed()
        under_way = [order for order in orders if order.end.startswith(NOT_TOLD)]
        await asyncio.to_thread(cluster.kill, name)
        while completed() == before and time.monotonic() - began - at_s < RECOVERY_LIMIT_S:  # noqa: ASYNC110  many orders, no one event
            await asyncio.sleep(0.2)
        previews = tuple(order.number for order in under_way if not order.is_paid)
        paid = tuple(order.number for order in under_way if order.is_paid)
        killed.append(Kill(kind, at_s, previews, paid, time.monotonic() - began - at_s))
        print(f"{number + 1}: {kind} killed at {at_s:.0f} s; a run ended {killed[-1].next_s:.0f} s later", flush=True)
    is_over.set()
    await asyncio.gather(*asking)
    ended_s = {order.number: order.ended_at - began for order in orders}
    timed = tuple(
        replace(kill, all_s=max(ended_s[number] for number in kill.previews + kill.paid) - kill.at_s) for kill in killed
    )
    return await asyncio.to_thread(_count, cluster, orders, timed)


async def _chosen(cluster: Cluster, kind: str, chance: random.Random) -> str:
    """Choose the part that is killed; of a kill in a submit, wait until there is one, and choose who is sending it."""
    part = kind.removesuffix(IN_A_SUBMIT)
    if part == kind:
        return chance.choice(cluster.named(kind))
    async with httpx.AsyncClient(base_url=cluster.vendor, timeout=SUBMIT_LIMIT_S) as http:
        port = (await http.get(IN_HAND)).raise_for_status().json()["port"]
    return cluster.replica_at(port) if part == "replica" else cluster.named(part)[0]


def _median_and_most(seconds: list[float]) -> list[float]:
    return [round(statistics.median(seconds), 1), round(max(seconds), 1)] if seconds else []


def _count(cluster: Cluster, orders: list[Order], kills: tuple[Kill, ...]) -> Count:
    with psycopg.connect(cluster.ledger) as database:
        rows = database.execute("SELECT run_id, choice->>'prompt', state, result_name FROM runs").fetchall()
    requests: dict[str, list[str]] = httpx.get(f"{cluster.vendor}{SUBMITS}").raise_for_status().json()
    submits = Counter({prompt: len(ids) for prompt, ids in requests.items()})
    runs = Counter(prompt for _, prompt, _, _ in rows)
    folder = cluster.folder / "data" / "runs"
    done = {prompt for run, prompt, _, name in rows if name and (folder / run / name).is_file()}
    unknown = frozenset(order.number for order in orders if order.end == UNKNOWN)
    unsent = frozenset(
        order.number for order in orders if order.is_paid and order.end == FAILED and not submits[order.prompt]
    )
    run_of = {prompt: run for run, prompt, _, _ in rows}
    recovered = frozenset(
        order.number
        for order in orders
        if order.number in unknown
        and order.prompt in requests
        and _is_recovered(cluster, order, requests[order.prompt][0], run_of[order.prompt])
    )
    again: dict[str, list[str]] = httpx.get(f"{cluster.vendor}{SUBMITS}").raise_for_status().json()
    return Count(
        kills=kills,
        ends=dict(Counter(f"{'paid' if order.is_paid else 'preview'} {order.end}" for order in orders)),
        submits=submits.total(),
        lost=frozenset(order.number for order in orders if order.prompt not in done) - unknown - unsent,
        doubled=frozenset(
            order.number
            for order in orders
            if (order.is_paid and runs[order.prompt] > 1) or len(again.get(order.prompt, ())) > order.is_paid
        ),
        twice=frozenset(order.number for order in orders if not order.is_paid and runs[order.prompt] > 1),
        unsent=unsent,
        unknown=unknown,
        recovered=recovered,
        untold=frozenset(order.number for order in orders if order.end.startswith(NOT_TOLD) or not order.said),
        hung=frozenset(order.number for order in orders if order.hung),
        said=frozenset(order.said for order in orders if order.number in unknown),
    )


def _is_recovered(cluster: Cluster, order: Order, request_id: str, run_id: str) -> bool:
    """Recover a run as a person would who read its request's id at the vendor, and tell whether its result is kept."""
    env = cluster.env | {
        "KLING_UI_DATA_DIR": str(cluster.folder / "data"),
        "KLING_UI_LEDGER_URL": cluster.ledger,
        "RUNCOMFY_API_TOKEN": order.token,
    }
    out = cluster.folder / "recovered" / run_id
    command = [sys.executable, "-m", "kling_ui", "recover", request_id, "--run", run_id, "--out", str(out)]
    subprocess.run(command, env=os.environ | env, check=False, timeout=RECOVERY_LIMIT_S * 3, capture_output=True)
    return any(out.glob("*.mp4"))


if __name__ == "__main__":
    main()
