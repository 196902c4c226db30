import asyncio

import pytest

from kling_ui.ui.event_payload import debounced


async def _values(*steps):
    """Give values, each after a pause in seconds; an error is raised in its place."""
    for pause_s, value in steps:
        await asyncio.sleep(pause_s)
        if isinstance(value, Exception):
            raise value
        yield value


def _shown(*steps, within_s=0.2):
    async def shown():
        return [value async for value in debounced(_values(*steps), within_s)]

    return asyncio.run(shown())


@pytest.mark.parametrize(
    ("steps", "shown"),
    [
        ((), []),
        (((0, 1),), [1]),
        (((0, 1), (0, 2), (0, 3)), [3]),
        (((0, 1), (0.5, 2)), [1, 2]),
        (((0.5, 1), (0, 2), (0.5, 3), (0, 4)), [2, 4]),
    ],
    ids=["nothing", "one", "all at once", "slow", "in two bursts"],
)
def test_what_another_value_follows_at_once_is_left_out(steps, shown):
    assert _shown(*steps) == shown


def test_an_error_is_raised_once_what_stood_long_enough_was_shown():
    seen = []

    async def show():
        async for value in debounced(_values((0, 1), (0.5, 2), (0, ValueError("lost"))), 0.2):
            seen.append(value)  # noqa: PERF401  a comprehension would lose what came before the error

    with pytest.raises(ValueError, match="lost"):
        asyncio.run(show())
    assert seen == [1]


def test_whoever_stops_asking_ends_the_work():
    ended = asyncio.Event()

    async def endless():
        try:
            yield 1
            await asyncio.sleep(3600)
        finally:
            ended.set()

    async def first():
        values = debounced(endless(), 0.05)
        value = await anext(values)
        await values.aclose()
        return value, ended.is_set()

    assert asyncio.run(first()) == (1, True)
