import pytest

from kling_ui.errors import RunError
from kling_ui.ui.fair_share import AttemptLimit


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_attempts_come_back_one_by_one_and_refused_ones_do_not_count(clock):
    limit = AttemptLimit(2, span_s=600.0, clock=clock)
    limit.take("ann")
    clock.now += 300
    limit.take("ann")
    clock.now += 290
    for _ in range(3):
        with pytest.raises(RunError, match=r"2 times within 10 minutes\. Try again in 1 minute\."):
            limit.take("ann")
    clock.now += 10
    limit.take("ann")
    with pytest.raises(RunError, match=r"Try again in 5 minutes\."):
        limit.take("ann")


def test_another_id_from_the_same_address_is_no_other_attempt(clock):
    limit = AttemptLimit(3, clock=clock)
    for n in range(3):
        limit.take(f"visitor {n}", "address a")
    with pytest.raises(RunError):
        limit.take("visitor 3", "address a")
    limit.take("visitor 0", "address b")
    limit.take("visitor 3", "address c")


def test_only_so_many_are_remembered_and_the_longest_quiet_goes_first(clock):
    limit = AttemptLimit(1, keys_max=3, clock=clock)
    for key in "abcd":
        limit.take(key)
    limit.take("a")  # forgotten
    for key in "cd":
        with pytest.raises(RunError):
            limit.take(key)
