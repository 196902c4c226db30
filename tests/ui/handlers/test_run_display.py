"""A tab that watches a run rests while the server is slow, and never keeps a result waiting."""

import asyncio
from typing import Any

import pytest

from kling_ui.runs.record import RunState
from kling_ui.ui.handlers.run_display import SCENE_REST_MAX_S, RunDisplay, rest_after


def _watched(services, *, busy_s: float) -> tuple[list[dict[str, Any]], list[float]]:
    """Watch the played run while each scene takes so long to leave; give what was shown, and the rests."""
    rests, now_s = [], [0.0]

    async def rest(seconds):
        rests.append(seconds)

    async def watch():
        shown = []
        async for status, *_ in RunDisplay(lambda: services, rest, lambda: now_s[0]).show("r1", "v" * 43, "tab"):
            shown.append(status)
            now_s[0] += busy_s
        return shown

    return asyncio.run(watch()), rests


@pytest.fixture
def watched(services, run_of):
    steps = [run_of(progress=0.1), run_of(progress=0.5), run_of(state=RunState.COMPLETED)]
    services.runner.views = steps
    return services


def test_a_tab_rests_while_its_scenes_wait_and_not_after_the_last_one(watched):
    shown, rests = _watched(watched, busy_s=0.06)
    assert len(shown) == 3
    assert len(rests) == 2
    assert all(1.0 < rest_s <= SCENE_REST_MAX_S for rest_s in rests)


def test_a_quick_server_is_watched_without_rests(watched):
    shown, rests = _watched(watched, busy_s=0.0)
    assert len(shown) == 3
    assert rests == []


@pytest.mark.parametrize(("taken_s", "rest_s"), [(0.0, 0.0), (0.02, 0.0), (0.1, 2.0), (3.0, SCENE_REST_MAX_S)])
def test_the_slower_a_scene_the_longer_the_rest(taken_s, rest_s):
    assert rest_after(taken_s) == pytest.approx(rest_s)
