"""A visitor's runs together: deleted ones put back, compared, added up, and held against their forecasts."""

import asyncio
from dataclasses import replace
from datetime import date

import pytest
from run_records import a_run

from kling_ui.errors import RunError
from kling_ui.runs.gallery import forecast_record, spent_by_day
from kling_ui.runs.ledger.gallery import GalleryQuery
from kling_ui.runs.record import EngineName, ResultFacts, RunState
from kling_ui.runs.run_view import UNDO_S, DeletionLoss

PAID = a_run(
    state=RunState.COMPLETED,
    created_at=1_795_000_200.0,
    changed_at=1_795_000_300.0,
    cost_usd=0.35,
    forecast_s=7.4,
    result_facts=ResultFacts(
        duration_s=7.5, fps=24.0, frame_count=180, width_px=720, height_px=1280, has_audio=True, size_bytes=9
    ),
)


def test_a_deleted_run_is_put_back_with_all_that_it_had(open_world):
    async def story():
        async with open_world() as world:
            run_id, gallery = await world.start(prompt="By a slip"), world.runner.gallery
            before = await world.end(run_id)
            await gallery.rename(run_id, "ann", "Mine")
            await gallery.star(run_id, "ann", is_starred=True)
            await gallery.delete(run_id, "ann", losing=DeletionLoss.FILES)
            hidden = await gallery.overview("ann")
            with pytest.raises(RunError, match="no longer be put back"):
                await gallery.restore(run_id, "eve")
        async with open_world() as world:  # over a restart
            gallery = world.runner.gallery
            assert await gallery.empty() == 0
            await gallery.restore(run_id, "ann")
            with pytest.raises(RunError):
                await gallery.restore(run_id, "ann")
            same = await world.runner.begin(world.inputs("By a slip"), engine=EngineName.PREVIEW, visitor="ann")
            return before, hidden, await world.runner.view(run_id, "ann"), same

    before, hidden, after, same = asyncio.run(story())
    assert (hidden.page.runs, hidden.page.total) == ([], 0)
    assert [run.run_id for run in hidden.deleted] == [before.run_id]
    assert (after.name, after.starred, after.undo_until, after.result) == ("Mine", True, None, before.result)
    assert (same.run_id, same.is_new) == (before.run_id, False)


def test_what_was_not_put_back_in_time_is_gone(open_world):
    async def story():
        async with open_world() as world:
            run_id = await world.start()
            view = await world.end(run_id)
            await world.runner.gallery.delete(run_id, "ann", losing=DeletionLoss.FILES)
        async with open_world(ahead_s=UNDO_S + 1) as world:
            assert (await world.runner.gallery.overview("ann")).deleted == []
            assert await world.runner.gallery.empty() == 1
            with pytest.raises(RunError, match="no longer be put back"):
                await world.runner.gallery.restore(run_id, "ann")
            return view

    assert not asyncio.run(story()).image.parent.exists()


def test_two_to_four_finished_runs_of_ones_own_are_compared(open_world):
    async def story():
        async with open_world() as world:
            gallery = world.runner.gallery
            first, second = await world.start(prompt="One"), await world.start(prompt="Two")
            for run_id in (first, second):
                await world.end(run_id)
            refused = []
            for run_ids in ([], [first], [first, first], [first, "0" * 32], [str(number) for number in range(5)]):
                with pytest.raises(RunError) as raised:
                    await gallery.compared("ann", run_ids)
                refused.append(raised.value.message)
            with pytest.raises(RunError, match="not known here"):
                await gallery.compared("eve", [first, second])
            return [first, second], refused, await gallery.compared("ann", [second, first])

    run_ids, refused, compared = asyncio.run(story())
    assert [run.run_id for run in compared] == run_ids[::-1]
    assert [words.startswith("Choose 2 to 4") for words in refused] == [True, True, True, False, True]


def test_a_vote_is_of_ones_own_runs_alone(open_world):
    async def story():
        async with open_world() as world:
            gallery = world.runner.gallery
            first, second = await world.start(prompt="One"), await world.start(prompt="Two")
            for run_id in (first, second):
                await world.end(run_id)
            for visitor, best in (("eve", first), ("ann", "0" * 32)):
                with pytest.raises(RunError):
                    await gallery.vote(visitor, [first, second], best)
            return first, second, await gallery.vote("ann", [second, first], first)

    first, second, (views, tally) = asyncio.run(story())
    assert [view.run_id for view in views] == [second, first]
    assert tally.votes == 0  # both are previews: no vote between the engines


def test_a_preview_and_the_same_request_on_kling_find_each_other(open_world, make_vendor):
    async def story():
        async with open_world(make_vendor()) as world:
            gallery = world.runner.gallery
            preview, other = await world.start(), await world.start(prompt="Another")
            for run_id in (preview, other):
                await world.end(run_id)
            alone = await gallery.other_engine(preview, "ann")
            paid = await world.kling()
            await world.end(paid)
            found = [await gallery.other_engine(run_id, "ann") for run_id in (preview, paid, other)]
            return preview, paid, alone, [view and view.run_id for view in found]

    preview, paid, alone, found = asyncio.run(story())
    assert alone is None
    assert found == [paid, preview, None]


def test_nobody_has_no_gallery(open_world):
    async def story():
        async with open_world() as world:
            await world.end(await world.start())
            for visitor in ("", "eve"):
                seen = await world.runner.gallery.overview(visitor, GalleryQuery())
                assert (seen.page.runs, seen.page.total, seen.days, seen.has_paid) == ([], 0, [], False)

    asyncio.run(story())


def test_what_was_spent_is_added_up_by_day():
    day_s = 86_400.0
    runs = [
        replace(PAID, created_at=PAID.created_at + day_s),
        PAID,
        replace(PAID, cost_usd=None, estimate_usd=0.5, state=RunState.UNKNOWN),
        replace(PAID, cost_usd=0.0, created_at=PAID.created_at - 3 * day_s),
    ]
    assert [(one.day, round(one.usd, 2), one.runs) for one in spent_by_day(runs)] == [
        (date(2026, 11, 19), 0.35, 1),
        (date(2026, 11, 18), 0.85, 2),
        (date(2026, 11, 15), 0.0, 1),
    ]


def test_forecasts_are_held_against_what_came_back():
    short = replace(PAID, forecast_s=7.71)
    untold = replace(PAID, forecast_s=None), replace(PAID, result_facts=None, state=RunState.FAILED)
    record = forecast_record([PAID, replace(PAID, forecast_s=7.7), short, *untold])
    assert (record.right, record.told) == (2, 3)
    assert forecast_record([]) == forecast_record(untold)
