import asyncio

import pytest
from run_records import a_run

from kling_ui.runs.record import RunState
from kling_ui.runs.recorder import LiveStatus, wait_for_update
from kling_ui.runs.run_view import LiveFacts


@pytest.fixture
def record():
    return a_run(state=RunState.IN_QUEUE, created_at=1.0, changed_at=1.0)


@pytest.mark.parametrize(("live", "wakes"), [(LiveFacts(queue_position=2), False), (LiveFacts(queue_position=1), True)])
def test_whoever_waits_is_woken_by_what_is_new_and_by_nothing_else(record, live, wakes):
    live_status = LiveStatus()

    async def story():
        live_status.post(record, LiveFacts(queue_position=2))
        waiting = [asyncio.create_task(wait_for_update(live_status.read(record.run_id), 5.0)) for _ in range(3)]
        await asyncio.sleep(0)
        live_status.post(record, live)
        await asyncio.sleep(0.01)
        told = [task.done() for task in waiting]
        live_status.take_down(record.run_id)  # wakes the rest
        await asyncio.gather(*waiting)
        return told

    assert asyncio.run(story()) == [wakes] * 3
