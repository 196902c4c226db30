"""Simulates more machines than there are, with what ``benchmarks cluster`` measured; docs/scale.md has the figures.

    python -m benchmarks capacity [build/cluster.json]

A job waits for a worker, travels (the measured hops), and computes, on one core at most. Jobs that compute on a machine
share its cores: each has a whole one while there are enough, and less in proportion when there are not. Processor times
and hops are drawn from what was measured; the cores are those that other programs left to the cluster in each round.
The simulated throughput with 1, 2 and 4 workers is compared with the measured one.
"""

import argparse
import json
import random
import statistics
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import simpy

IS_LONG = True  # it needs the measures of `cluster`
DAY_S = 86_400.0
RUNS_A_DAY = (1, 100, 10_000, 1_000_000)
ROUNDS = 3  # of `cluster`
PEAK = 4.0  # the busiest hour against the mean of the day; an assumption
WAIT_P95_S = 10.0  # what 19 of 20 jobs may wait for a worker
CORES_EACH_MACHINE = 16


@dataclass(frozen=True, slots=True)
class Work:
    """What was measured of a job.

    Attributes:
        cpu_s: Processor time of a job, in seconds, one value for each that was measured.
        travel_s: How long a job takes that does nothing, in seconds, each.
    """

    cpu_s: list[float]
    travel_s: list[float]

    @classmethod
    def of(cls, by_workers: dict[str, Any], name: str) -> "Work":
        """Read it from the measures: the mean of all rounds, spread as the durations with one worker were."""
        found = [one[name] for one in by_workers.values()]
        mean_s = sum(one["cpu_s"] for one in found) / sum(one["jobs"] for one in found)
        times = by_workers["1"][name]["times_s"]
        spread = [mean_s * each / statistics.fmean(times) for each in times]
        return cls(spread, [hop for one in by_workers.values() for hop in one["hop_s"]])

    def draw(self, chance: random.Random) -> tuple[float, float]:
        """Give how long a job travels, and the processor time that it takes, in seconds."""
        return chance.choice(self.travel_s), chance.choice(self.cpu_s)


class Machine:
    """Cores that jobs share.

    Args:
        world: The simulation.
        cores: How many there are for them.
    """

    def __init__(self, world: simpy.Environment, cores: float) -> None:
        self._world = world
        self._cores = cores
        self._left: dict[simpy.Event, float] = {}
        self._wanted: dict[simpy.Event, float] = {}
        self._since = 0.0
        self._alarm = 0

    def compute(self, alone_s: float, cores: float) -> simpy.Event:
        """Do something that takes so long alone; the event tells that it is done."""
        self._go_on()
        done = self._world.event()
        self._left[done], self._wanted[done] = alone_s, cores
        self._plan()
        return done

    @property
    def _speed(self) -> float:
        return min(1.0, self._cores / max(1e-9, sum(self._wanted.values())))

    def _go_on(self) -> None:
        passed, self._since = (self._world.now - self._since) * self._speed, self._world.now
        for job in self._left:
            self._left[job] -= passed

    def _plan(self) -> None:
        self._alarm += 1
        if self._left:
            self._world.process(self._ring(min(self._left.values()) / self._speed, self._alarm))

    def _ring(self, in_s: float, number: int) -> Generator[simpy.Event]:
        yield self._world.timeout(max(0.0, in_s))
        if number != self._alarm:
            return
        self._go_on()
        for job in [job for job, left in self._left.items() if left <= 1e-6]:
            del self._left[job], self._wanted[job]
            job.succeed()
        self._plan()


@dataclass(slots=True)
class Farm:
    """Machines with workers, and a line before them.

    Attributes:
        work: What a job is.
        workers: On each machine.
        cores: Of each machine.
        machines: How many.
        waits_s: How long each job waited for a worker.
    """

    work: Work
    workers: int
    cores: float
    machines: int = 1
    waits_s: list[float] = field(default_factory=list)

    def batch(self, jobs: int, chance: random.Random) -> float:
        """Simulate so many jobs that are there from the start; gives the seconds that they take together."""
        world, free, places = self._open()
        for _ in range(jobs):
            world.process(self._job(world, free, places, chance))
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
        self, world: simpy.Environment, free: simpy.Store, places: list[Machine], chance: random.Random
    ) -> Generator[simpy.Event]:
        came = world.now
        wanted = free.get()
        yield wanted
        place: Any = wanted.value
        self.waits_s.append(world.now - came)
        travel_s, alone_s = self.work.draw(chance)
        yield world.timeout(travel_s)
        yield places[place].compute(alone_s, 1.0)
        free.put(place)


def main(*arguments: str) -> None:
    """Print how well the simulation agrees with what was measured, and what many runs a day need."""
    parser = argparse.ArgumentParser(prog="benchmarks capacity")
    parser.add_argument("measured", nargs="?", type=Path, default=Path("build/cluster.json"))
    asked = parser.parse_args(arguments)
    found = json.loads(asked.measured.read_text())
    for name in ("check", "preview"):
        for row in agreement(found, name):
            print(f"{name:8} {row['workers']} workers: measured {row['measured']:.1f} a minute, ", end="")
            print(f"simulated {row['simulated']:.1f} ({row['off']:+.0%})")
    for row in needs(found):
        print(json.dumps(row))


def agreement(found: dict[str, Any], name: str) -> list[dict[str, float]]:
    """Compare the simulated with the measured throughput of a kind of job, with each count of workers."""
    work, rows = Work.of(found["by_workers"], name), list[dict[str, float]]()
    for count, measured in found["by_workers"].items():
        one, chance = measured[name], random.Random(17)  # noqa: S311  nothing secret
        cores = found["cores"] - one["others_cores"]
        rate = one["jobs"] / one["span_s"] * 60
        in_a_round = one["jobs"] // ROUNDS
        spans = [Farm(work, int(count), cores).batch(in_a_round, chance) for _ in range(200)]
        simulated = in_a_round / statistics.fmean(spans) * 60
        rows.append({"workers": int(count), "measured": rate, "simulated": simulated, "off": simulated / rate - 1})
    return rows


def needs(found: dict[str, Any]) -> list[dict[str, float]]:
    """Work out what a count of previews a day needs so that few wait long in the busiest hour."""
    work, runs = Work.of(found["by_workers"], "preview"), found["runs"]
    rows = []
    for count in RUNS_A_DAY:
        a_second = count / DAY_S * PEAK
        machines, each = _enough(work, a_second)
        rows.append(
            {
                "runs_a_day": count,
                "workers": machines * each,
                "machines": machines,
                "busy_cores": round(a_second * statistics.fmean(work.cpu_s), 2),
                "transactions_a_second": round(a_second * runs["transactions_each"], 2),
                "s3_gb_a_day": round(count * runs["stored_bytes"] / 1e9, 3),
            }
        )
    return rows


def _enough(work: Work, a_second: float) -> tuple[int, int]:
    """Look for the least machines, and workers on each, with which 19 of 20 jobs wait no longer than they may."""
    workers = int(a_second * (statistics.fmean(work.cpu_s) + statistics.fmean(work.travel_s))) + 1
    while True:
        machines = -(-workers // CORES_EACH_MACHINE)
        each = -(-workers // machines)
        farm = Farm(work, each, CORES_EACH_MACHINE, machines)
        farm.arrivals(a_second, 5000, random.Random(17))  # noqa: S311  nothing secret
        if statistics.quantiles(farm.waits_s, n=20)[-1] <= WAIT_P95_S:
            return machines, each
        workers = max(workers + 1, int(workers * 1.03))


if __name__ == "__main__":
    main()
