import random

import pytest

simpy = pytest.importorskip("simpy")

from benchmarks.capacity import Farm, Machine, Work  # noqa: E402

ONE_CORE = Work(cpu_s=[2.0], travel_s=[1.0])


@pytest.mark.parametrize(
    ("workers", "cores", "expected_s"),
    [
        (1, 2.0, 12.0),  # one after the other, each travels 1 s and computes 2 s
        (2, 2.0, 6.0),  # two at a time
        (4, 4.0, 3.0),
        (4, 2.0, 5.0),  # all travel together, then four share two cores
    ],
)
def test_a_batch_takes_as_long_as_its_workers_and_cores_let_it(workers, cores, expected_s):
    assert Farm(ONE_CORE, workers, cores).batch(4, random.Random(1)) == pytest.approx(expected_s)


def test_more_machines_share_nothing():
    assert Farm(ONE_CORE, 2, 2.0, machines=2).batch(4, random.Random(1)) == pytest.approx(3.0)


def test_a_job_that_comes_later_slows_the_first_only_from_then_on():
    world = simpy.Environment()
    machine, ended = Machine(world, 1.0), {}

    def job(name, begins_s):
        yield world.timeout(begins_s)
        yield machine.compute(2.0, 1.0)
        ended[name] = world.now

    world.process(job("first", 0.0))
    world.process(job("second", 1.0))
    world.run()
    assert ended == {"first": pytest.approx(3.0), "second": pytest.approx(4.0)}


def test_jobs_wait_when_more_come_than_can_be_done():
    farm = Farm(ONE_CORE, 1, 1.0)
    farm.arrivals(0.05, 200, random.Random(1))
    seldom = sum(farm.waits_s)
    busy = Farm(ONE_CORE, 1, 1.0)
    busy.arrivals(0.3, 200, random.Random(1))
    assert sum(busy.waits_s) > 5 * seldom
