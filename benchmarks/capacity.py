"""Predicts more machines than there are from what ``benchmarks cluster`` measured with one worker; see docs/scale.md.

    python -m benchmarks capacity [build/cluster.json] [--prices FILE.json]

A job waits for a worker, travels (the measured hops), and computes, on one core at most. Jobs that compute on a machine
share its cores as so many busy processes did that computed nothing, right before and after each measure: a lone one
gets not what neighbours leave of the cores, but what the kernel gives it beside them. Processor times and hops are
those that were measured with one worker; nothing else of what was measured with 2 and 4 goes in. What is
predicted for 2 and 4 workers, and for mixed work, is compared with what was measured there. What many runs need is
reckoned from whole runs, their cost by unit prices.
"""

import argparse
import json
import math
import random
import statistics
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import simpy

from benchmarks.cluster import mixed_order

IS_LONG = True  # it needs the measures of `cluster`
DAY_S = 86_400.0
RUNS_A_DAY = (1, 100, 10_000, 1_000_000)
PEAK = 4.0  # the busiest hour against the mean of the day; an assumption
WAIT_P95_S = 10.0  # what 19 of 20 jobs may wait for a worker
CORES_EACH_MACHINE = 16
BUSY_SHARE = 0.6  # of a core of the app or the database in the busiest hour
SMALL = 100  # runs a day that one machine does alone, with SQLite and without a cluster
SMALL_VCPUS = 2
DAYS_A_MONTH, HOURS_A_MONTH = 30.4, 730
KEPT_DAYS = 30  # of results, where others can reach the app
CLIP_S = 5.0
KLING_RESULT_BYTES = 10e6  # an assumption: clips of 5 s of Kling's models have 5 to 25 MB
AGREES = 0.15
KINDS = ("check", "preview", "mixed")


@dataclass(frozen=True, slots=True)
class Cores:
    """How many cores of a machine so many busy threads get together.

    Attributes:
        had: By the count of threads, rising; below the first one in proportion, between two counts on the line between
            them, beyond the last as many.
    """

    had: Sequence[tuple[int, float]]

    @classmethod
    def whole(cls, count: int) -> "Cores":
        """Those of a machine on which nothing else runs; nobody gets more than one."""
        return cls(((1, 1.0), (count, float(count))) if count > 1 else ((1, 1.0),))

    def of_each(self, threads: float) -> float:
        """How much of a core each of so many threads gets; 0.5 is one that is busy half of the time."""
        count, cores = 0, 0.0
        for more, had in self.had:
            if threads <= more:
                cores += (had - cores) * (threads - count) / (more - count)
                break
            count, cores = more, had
        return min(1.0, cores / threads)

    def threads_of(self, cores: float) -> float:
        """How many busy threads get so many cores together, one after the other measured."""
        counts, had = zip((0, 0.0), *self.had, strict=True)
        return float(np.interp(cores, had, counts))


@dataclass(frozen=True, slots=True)
class Work:
    """What was measured of a job.

    Attributes:
        cpu_s: Processor time of a job, in seconds, one value for each that was measured.
        travel_s: How long a job takes that does nothing, in seconds, each.
        threads: How many busy threads a job is while it computes: a preview has several, a check waits in between.
    """

    cpu_s: list[float]
    travel_s: list[float]
    threads: float = 1.0

    @classmethod
    def of(cls, by_workers: dict[str, Any], name: str) -> "Work":
        """Read it from what was measured with one worker: the mean processor time, spread as the durations were.

        What is far off the median is cut: such a job waited for other programs, and did not compute so long. How many
        threads it is follows from its own processor time by its own time, and from what so many had then.
        """
        alone = by_workers["1"]
        found = alone[name]
        times = sorted(found["times_s"])
        times = [min(each, 2 * statistics.median(times)) for each in times]
        mean_s = (found["cpu_s"] - alone["idle_cores"] * found["span_s"]) / found["jobs"]
        lasted_s = statistics.fmean(found["times_s"]) - statistics.fmean(alone["hop_s"])
        threads = cores_of(alone).threads_of(mean_s / lasted_s)
        return cls([mean_s * each / statistics.fmean(times) for each in times], alone["hop_s"], threads)

    def draw(self, chance: random.Random) -> tuple[float, float]:
        """Give how long a job travels, and the processor time that it takes, in seconds."""
        return chance.choice(self.travel_s), chance.choice(self.cpu_s)


@dataclass(frozen=True, slots=True)
class UnitPrices:
    """What is paid for, in US dollars: list prices or guesses at them; docs/scale.md says whose. Replace them by yours.

    Attributes:
        vcpu_hour: A vCPU of a machine.
        database_vcpu_hour: A vCPU of a managed PostgreSQL.
        store_gb_month: A GB in the S3 store.
        store_writes: A million requests that write to it.
        store_reads: A million requests that read from it.
        volume_gb_month: A GB of the volume that replicas share.
        egress_gb: A GB that leaves for the internet.
        kling_s: A second of a clip at the vendor.
    """

    vcpu_hour: float = 0.0425
    database_vcpu_hour: float = 0.085
    store_gb_month: float = 0.015
    store_writes: float = 4.50
    store_reads: float = 0.36
    volume_gb_month: float = 0.30
    egress_gb: float = 0.09
    kling_s: float = 0.07


class Machine:
    """Cores that jobs share.

    Args:
        world: The simulation.
        cores: How many so many jobs get together, see :class:`Cores`.
    """

    def __init__(self, world: simpy.Environment, cores: Cores) -> None:
        self._world = world
        self._cores = cores
        self._left: dict[simpy.Event, float] = {}  # processor time, in seconds
        self._threads: dict[simpy.Event, float] = {}
        self._since = 0.0
        self._alarm = 0

    def compute(self, cpu_s: float, threads: float = 1.0) -> simpy.Event:
        """Do something that takes so much processor time; the event tells that it is done."""
        self._go_on()
        done = self._world.event()
        self._left[done], self._threads[done] = cpu_s, threads
        self._plan()
        return done

    @property
    def _speed(self) -> float:
        return self._cores.of_each(sum(self._threads.values()) or 1.0)

    def _go_on(self) -> None:
        passed, self._since = (self._world.now - self._since) * self._speed, self._world.now
        for job in self._left:
            self._left[job] -= passed * self._threads[job]

    def _plan(self) -> None:
        self._alarm += 1
        if self._left:
            first_s = min(left / self._threads[job] for job, left in self._left.items())
            self._world.process(self._ring(first_s / self._speed, self._alarm))

    def _ring(self, in_s: float, number: int) -> Generator[simpy.Event]:
        yield self._world.timeout(max(0.0, in_s))
        if number != self._alarm:
            return
        self._go_on()
        for job in [job for job, left in self._left.items() if left <= 1e-6]:
            del self._left[job], self._threads[job]
            job.succeed()
        self._plan()


@dataclass(slots=True)
class Farm:
    """Machines with workers, and a line before them.

    Attributes:
        work: What a job is, or each of several kinds.
        workers: On each machine.
        cores: What jobs get of each machine.
        machines: How many.
        waits_s: How long each job waited for a worker.
    """

    work: Work | dict[str, Work]
    workers: int
    cores: Cores
    machines: int = 1
    waits_s: list[float] = field(default_factory=list)

    def batch(self, jobs: int | list[str], chance: random.Random) -> float:
        """Simulate so many jobs, or jobs of such kinds, that are there from the start; gives the seconds they take."""
        world, free, places = self._open()
        for kind in [""] * jobs if isinstance(jobs, int) else jobs:
            world.process(self._job(world, free, places, chance, kind))
        world.run()
        return world.now

    def arrivals(self, a_second: float, jobs: int, chance: random.Random) -> None:
        """Simulate jobs that come at random, so many a second on average."""
        world, free, places = self._open()

        def come() -> Generator[simpy.Event]:
            for _ in range(jobs):
                world.process(self._job(world, free, places, chance))
                yield world.timeout(chance.expovariate(a_second))

        world.process(come())
        world.run()

    def _open(self) -> tuple[simpy.Environment, simpy.Store, list[Machine]]:
        world = simpy.Environment()
        places = [Machine(world, self.cores) for _ in range(self.machines)]
        free = simpy.Store(world)
        free.items.extend(number for _ in range(self.workers) for number in range(self.machines))
        return world, free, places

    def _job(
        self, world: simpy.Environment, free: simpy.Store, places: list[Machine], chance: random.Random, kind: str = ""
    ) -> Generator[simpy.Event]:
        came = world.now
        wanted = free.get()
        yield wanted
        place: Any = wanted.value
        self.waits_s.append(world.now - came)
        work = self.work[kind] if isinstance(self.work, dict) else self.work
        travel_s, cpu_s = work.draw(chance)
        yield world.timeout(travel_s)
        yield places[place].compute(cpu_s, work.threads)
        free.put(place)


def main(*arguments: str) -> None:
    """Print how well the prediction agrees with what was measured, and what many runs a day need and cost."""
    parser = argparse.ArgumentParser(prog="benchmarks capacity")
    parser.add_argument("measured", nargs="?", type=Path, default=Path("build/cluster.json"))
    parser.add_argument("--prices", type=Path, help="a JSON object with other unit prices; see UnitPrices")
    asked = parser.parse_args(arguments)
    found = json.loads(asked.measured.read_text())
    prices = UnitPrices(**(json.loads(asked.prices.read_text()) if asked.prices else {}))
    for name in KINDS:
        for row in agreement(found, name):
            how = "calibrated on it" if row["workers"] == 1 and name != "mixed" else "predicted"
            verdict = "" if abs(row["off"]) <= AGREES else f"; off by more than {AGREES:.0%}"
            print(f"{name:8} {row['workers']} workers: measured {row['measured']:.1f} a minute, ", end="")
            print(f"{how} {row['simulated']:.1f} ({row['off']:+.0%}{verdict})")
    for is_paid in (False, True) if "runs" in found else ():
        for row in needs(found, prices, is_paid=is_paid):
            print("paid" if is_paid else "previews", json.dumps(row))


def cores_of(measured: dict[str, Any]) -> Cores:
    """Read what busy processes had beside a measure."""
    return Cores(sorted((int(busy), had) for busy, had in measured["busy_cores"].items()))


def agreement(found: dict[str, Any], name: str) -> list[dict[str, float]]:
    """Compare the predicted with the measured throughput of a kind of job, with each count of workers."""
    by_workers, rows = found["by_workers"], list[dict[str, float]]()
    kinds = ("check", "preview") if name == "mixed" else (name,)
    work = {kind: Work.of(by_workers, kind) for kind in kinds}
    for count, measured in by_workers.items():
        one, chance = measured[name], random.Random(17)  # noqa: S311  nothing secret
        cores = cores_of(measured)
        rate, in_a_round = one["jobs"] / one["span_s"] * 60, one["jobs"] // found["rounds"]
        order = mixed_order(in_a_round // len(mixed_order(1))) if name == "mixed" else [name] * in_a_round
        spans = [Farm(work, int(count), cores).batch(order, chance) for _ in range(200)]
        simulated = len(order) / statistics.fmean(spans) * 60
        rows.append({"workers": int(count), "measured": rate, "simulated": simulated, "off": simulated / rate - 1})
    return rows


def needs(found: dict[str, Any], prices: UnitPrices, *, is_paid: bool) -> list[dict[str, Any]]:
    """Work out what a count of runs a day needs so that few wait long in the busiest hour, and what a month costs.

    Args:
        found: What was measured.
        prices: Of everything.
        is_paid: They go to Kling; else they are previews.
    """
    runs = found["paid_runs" if is_paid else "runs"]
    each, result_bytes = runs["each"], KLING_RESULT_BYTES if is_paid else runs["result_bytes"]
    drawn = Work.of(found["by_workers"], "preview")
    scale = each["worker_cpu_s"] / statistics.fmean(drawn.cpu_s)
    work = replace(drawn, cpu_s=[cpu_s * scale for cpu_s in drawn.cpu_s])  # all jobs of a run as one
    kept_bytes = runs["kept_bytes"] - runs["result_bytes"] + result_bytes
    out_bytes = result_bytes + (runs["input_bytes"] if is_paid else 0)
    rows = []
    for count in RUNS_A_DAY:
        a_second, a_month = count / DAY_S * PEAK, count * DAYS_A_MONTH
        is_small = count <= SMALL
        workers = 0 if is_small else math.prod(_enough(work, a_second))
        app = (
            SMALL_VCPUS if is_small else 1 + math.ceil(a_second * each["replica_cpu_s"] / BUSY_SHARE)
        )  # and a scheduler
        database = 0 if is_small else math.ceil(a_second * each["postgresql_cpu_s"] / BUSY_SHARE)
        volume_gb, store_gb = (
            count * KEPT_DAYS * kept_bytes / 1e9,
            0 if is_small else count * runs["stored_bytes"] / 1e9,
        )
        requests = 0.0 if is_small else a_month / 1e6
        usd = {
            "machines": (workers + app) * prices.vcpu_hour * HOURS_A_MONTH,
            "database": database * prices.database_vcpu_hour * HOURS_A_MONTH,
            "store": store_gb * prices.store_gb_month
            + requests * (each["store_writes"] * prices.store_writes + each["store_reads"] * prices.store_reads),
            "volume": volume_gb * prices.volume_gb_month,
            "egress": a_month * out_bytes / 1e9 * prices.egress_gb,
        }
        rows.append(
            {
                "runs_a_day": count,
                "worker_vcpus": workers,
                "app_vcpus": app,
                "database_vcpus": database,
                "transactions_a_second": round(a_second * each["transactions"], 2),
                "volume_gb": round(volume_gb, 2),
                "store_gb": round(store_gb, 2),
                "egress_gb_a_month": round(a_month * out_bytes / 1e9, 2),
                "usd_a_month": {name: round(amount, 2) for name, amount in usd.items()},
                "total_usd": round(sum(usd.values()), 2),
                "usd_a_run": round(sum(usd.values()) / a_month, 6),
                "kling_usd": round(a_month * CLIP_S * prices.kling_s, 2) if is_paid else 0.0,
            }
        )
    return rows


def _enough(work: Work, a_second: float) -> tuple[int, int]:
    """Look for the least machines, and workers on each, with which 19 of 20 jobs wait no longer than they may."""
    workers = int(a_second * (statistics.fmean(work.cpu_s) + statistics.fmean(work.travel_s))) + 1
    while True:
        machines = -(-workers // CORES_EACH_MACHINE)
        each = -(-workers // machines)
        farm = Farm(work, each, Cores.whole(CORES_EACH_MACHINE), machines)
        farm.arrivals(a_second, 5000, random.Random(17))  # noqa: S311  nothing secret
        if statistics.quantiles(farm.waits_s, n=20)[-1] <= WAIT_P95_S:
            return machines, each
        workers = max(workers + 1, int(workers * 1.03))


if __name__ == "__main__":
    main()
