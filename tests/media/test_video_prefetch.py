import threading
from collections.abc import Iterator

import pytest

from kling_ui.media.video import Prefetch


def test_the_same_items_in_the_same_order_from_another_thread():
    makers = set()

    def items() -> Iterator[int]:
        for number in range(20):
            makers.add(threading.get_ident())
            yield number

    with Prefetch(items(), 3) as ahead:
        assert list(ahead) == list(range(20))
    assert makers.isdisjoint({threading.get_ident()})
    assert len(makers) == 1


def test_no_more_than_allowed_are_made_ahead():
    made: list[int] = []
    first_taken = threading.Event()

    def items() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            if number == 4:
                first_taken.set()  # two wait, one is taken, one is on its way: a fifth needs another to be taken
            yield number

    with Prefetch(items(), 2) as ahead:
        taking = iter(ahead)
        assert next(taking) == 0
        assert not first_taken.wait(0.3)
        assert next(taking) == 1
        assert first_taken.wait(5)


def test_an_error_arrives_where_the_items_are_taken():
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with Prefetch(items(), 2) as ahead, pytest.raises(ValueError, match="broken"):
        list(ahead)


def test_the_thread_ends_with_the_block_even_when_nobody_takes():
    before = threading.active_count()
    with Prefetch(iter(range(1000)), 1) as ahead:
        assert next(iter(ahead)) == 0
    assert threading.active_count() == before


def test_an_error_of_the_caller_ends_the_thread_and_passes():
    before = threading.active_count()
    with pytest.raises(KeyError), Prefetch(iter(range(1000)), 1):
        raise KeyError
    assert threading.active_count() == before
