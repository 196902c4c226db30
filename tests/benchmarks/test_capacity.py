import random

import pytest

simpy = pytest.importorskip("simpy")
pytest.importorskip("distributed")

from benchmarks.capacity import Cores, Farm, Machine, UnitPrices, Work, agreement, needs  # noqa: E402

ONE_CORE = Work(cpu_s=[2.0], travel_s=[1.0])


@pytest.mark.parametrize(
    ("workers", "cores", "expected_s"),
    [
        (1, 2, 12.0),  # one after the other, each travels 1 s and computes 2 s
        (2, 2, 6.0),  # two at a time
        (4, 4, 3.0),
        (4, 2, 5.0),  # all travel together, then four share two cores
    ],
)
def test_a_batch_takes_as_long_as_its_workers_and_cores_let_it(workers, cores, expected_s):
    assert Farm(ONE_CORE, workers, Cores.whole(cores)).batch(4, random.Random(1)) == pytest.approx(expected_s)


@pytest.mark.parametrize(("processes", "of_each"), [(1, 0.8), (2, 0.6), (3, 1.4 / 3), (4, 0.4), (8, 0.2)])
def test_jobs_get_of_a_machine_what_so_many_busy_processes_got_beside_its_neighbours(processes, of_each):
    assert Cores(((1, 0.8), (2, 1.2), (4, 1.6))).of_each(processes) == pytest.approx(of_each)


def test_a_lone_job_is_as_slow_as_a_lone_busy_process():
    beside_others = Cores(((1, 0.8), (2, 1.0)))
    assert Farm(ONE_CORE, 1, beside_others).batch(4, random.Random(1)) == pytest.approx(4 * (1 + 2 / 0.8))


def test_more_machines_share_nothing():
    assert Farm(ONE_CORE, 2, Cores.whole(2), machines=2).batch(4, random.Random(1)) == pytest.approx(3.0)


def test_a_job_that_comes_later_slows_the_first_only_from_then_on():
    world = simpy.Environment()
    machine, ended = Machine(world, Cores.whole(1)), {}

    def job(name, begins_s):
        yield world.timeout(begins_s)
        yield machine.compute(2.0)
        ended[name] = world.now

    world.process(job("first", 0.0))
    world.process(job("second", 1.0))
    world.run()
    assert ended == {"first": pytest.approx(3.0), "second": pytest.approx(4.0)}


def test_jobs_wait_when_more_come_than_can_be_done():
    farm = Farm(ONE_CORE, 1, Cores.whole(1))
    farm.arrivals(0.05, 200, random.Random(1))
    seldom = sum(farm.waits_s)
    busy = Farm(ONE_CORE, 1, Cores.whole(1))
    busy.arrivals(0.3, 200, random.Random(1))
    assert sum(busy.waits_s) > 5 * seldom


def measured(jobs, span_s, cpu_each_s):
    return {
        "jobs": jobs,
        "span_s": span_s,
        "cpu_s": jobs * cpu_each_s,
        "times_s": [span_s / jobs] * jobs,
    }


EACH = {"worker_cpu_s": 2.0, "replica_cpu_s": 0.2, "postgresql_cpu_s": 0.05, "transactions": 50.0}
RUNS = {
    "each": EACH | {"store_writes": 5.0, "store_reads": 20.0},
    "result_bytes": 1e6,
    "kept_bytes": 2e6,
    "input_bytes": 5e5,
    "stored_bytes": 1e6,
}


@pytest.fixture
def found():
    """What a machine of two cores would measure on which nothing else runs, and which has no overhead."""
    by_workers = {
        str(count): {
            "hop_s": [0.0],
            "idle_cores": 0.0,
            "busy_cores": {"1": 1.0, "2": 2.0, "4": 2.0},
            "check": measured(30, 30 * 0.5 / min(count, 2), 0.5),
            "preview": measured(30, 30 * 2.0 / min(count, 2), 2.0),
            "mixed": measured(120, (90 * 0.5 + 30 * 2.0) / min(count, 2), 0.875),
        }
        for count in (1, 2, 4)
    }
    return {"cores": 2, "rounds": 3, "by_workers": by_workers, "runs": RUNS, "paid_runs": RUNS}


@pytest.mark.parametrize("name", ["check", "preview", "mixed"])
def test_more_workers_and_mixed_work_are_predicted_from_one_worker(found, name):
    assert all(abs(row["off"]) < 0.05 for row in agreement(found, name))


def test_the_prediction_takes_nothing_from_what_it_is_compared_with(found):
    before = [row["simulated"] for row in agreement(found, "preview")]
    for count in ("2", "4"):
        one = found["by_workers"][count]["preview"]
        one |= {"cpu_s": 9 * one["cpu_s"], "span_s": 9 * one["span_s"], "times_s": [9.0]}
    rows = agreement(found, "preview")
    assert [row["simulated"] for row in rows] == before
    assert rows[1]["off"] > 1


def test_costs_are_amounts_times_unit_prices(found):
    nothing = UnitPrices(*[0.0] * 8)
    assert all(row["total_usd"] == 0 for row in needs(found, nothing, is_paid=False))
    rows = needs(found, UnitPrices(egress_gb=0.1, kling_s=0.1), is_paid=True)
    by_count = {row["runs_a_day"]: row for row in rows}
    assert by_count[10_000]["usd_a_month"]["egress"] == pytest.approx(10_000 * 30.4 * 10.5e6 / 1e9 * 0.1, abs=0.01)
    assert by_count[100]["kling_usd"] == pytest.approx(100 * 30.4 * 5 * 0.1)
    assert by_count[1]["usd_a_month"]["database"] == 0, "one machine does it with SQLite"
    assert by_count[1_000_000]["worker_vcpus"] >= 1_000_000 / 86_400 * 4 * 2.0
