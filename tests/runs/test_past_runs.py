"""Runs that have ended are named and deleted by their visitor alone; what they cost stays in the books."""

import asyncio
import sqlite3

import httpx
import pytest
from pydantic import SecretStr

from kling_ui.errors import RunError
from kling_ui.presentation.runs import in_words, loss_words, run_words
from kling_ui.runs.export import RunHistory
from kling_ui.runs.gallery import NAME_MAX_CHARS
from kling_ui.runs.record import EngineName, RunState, StartCode
from kling_ui.runs.run_view import UNDO_PAID_S, UNDO_S, DeletionLoss, LossError

REPAIRED = {"image": [["image.crop-around-character", "Crop around the character"]], "video": []}


def ok(**body):
    return httpx.Response(200, json=body)


def gateway_error():
    return httpx.Response(502, text="bad gateway")


def rows(folder):
    with sqlite3.connect(folder / "data" / "ledger.sqlite") as connection:
        connection.row_factory = sqlite3.Row
        found = [dict(row) for row in connection.execute("SELECT * FROM runs ORDER BY created_at")]
    connection.close()
    return found


async def refused_as_unknown(awaitable):
    """Give the words of a refusal, so that two of them can be compared."""
    with pytest.raises(RunError) as raised:
        await awaitable
    return str(raised.value)


def test_what_was_repaired_is_kept_with_the_run(open_world):
    async def story():
        async with open_world() as world:
            inputs = world.inputs()
            inputs = type(inputs)(image=inputs.image, video=inputs.video, choice=inputs.choice, repaired=REPAIRED)
            run_id = await world.runner.start(inputs, engine=EngineName.PREVIEW, visitor="ann")
            return await world.end(run_id), await world.end(await world.start(prompt="Another"))

    view, plain = asyncio.run(story())
    assert (view.repaired, plain.repaired) == (REPAIRED, None)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("The knight", "The knight"),
        ("  two\n lines\t", "two lines"),
        ("", ""),
        ("   ", ""),
        ("a\x00b", "a\N{REPLACEMENT CHARACTER}b"),
        ("half \ud800", "half \N{REPLACEMENT CHARACTER}"),
        ("n" * 500, "n" * NAME_MAX_CHARS),
        ("'; DROP TABLE runs; --", "'; DROP TABLE runs; --"),
    ],
)
def test_a_run_is_called_as_its_visitor_says(open_world, name, kept):
    async def story():
        async with open_world() as world:
            run_id = await world.start()
            await world.end(run_id)
            await world.runner.gallery.rename(run_id, "ann", "Before")
            await world.runner.gallery.rename(run_id, "ann", name)
            return (await world.runner.view(run_id, "ann")).name, (await world.runner.history("ann"))[0].name

    assert asyncio.run(story()) == (kept, kept)


def test_a_run_can_be_named_while_it_goes_on(open_world):
    async def story():
        async with open_world() as world:
            world.painter.go.clear()
            run_id = await world.start()
            await world.until(run_id, RunState.IN_PROGRESS)
            await world.runner.gallery.rename(run_id, "ann", "Under way")
            during = (await world.runner.view(run_id, "ann")).name
            world.painter.go.set()
            return during, (await world.end(run_id)).state, (await world.runner.history("ann"))[0].name

    assert asyncio.run(story()) == ("Under way", RunState.COMPLETED, "Under way")


def test_a_deleted_preview_leaves_no_file_and_no_word_behind(open_world):
    async def story():
        async with open_world() as world:
            run_id = await world.start(prompt="A secret")
            view = await world.end(run_id)
            await world.runner.gallery.rename(run_id, "ann", "Mine")
            assert view.loss is DeletionLoss.FILES
            await world.runner.gallery.delete(run_id, "ann", losing=DeletionLoss.FILES)
            said = [await refused_as_unknown(world.runner.view(run, "ann")) for run in (run_id, "0" * 32)]
            again = await world.runner.begin(world.inputs("A secret"), engine=EngineName.PREVIEW, visitor="ann")
            await world.end(again.run_id)
            listed = [run.run_id for run in await world.runner.history("ann")]
        async with open_world(ahead_s=UNDO_S + 60) as world:
            assert await world.runner.gallery.empty() == 1
            return run_id, view, said, again, listed

    run_id, view, said, again, listed = asyncio.run(story())
    folder = view.image.parent
    assert not folder.exists()
    assert said[0] == said[1], "nobody can tell a deleted run from one that never was"
    assert again.is_new
    assert listed == [again.run_id]
    (row, _) = rows(folder.parents[2])
    assert (row["run_id"], row["state"], row["deleted_at"] > 0) == (run_id, "completed", True)
    assert "secret" not in repr(row)
    assert (row["name"], row["findings"], row["image_sha256"]) == (None, None, "")


@pytest.mark.parametrize("visitor", ["eve", "", "ann ", "ANN", "%", "' OR 1=1 --"])
def test_nobody_else_names_or_deletes_a_run_or_learns_that_it_exists(open_world, visitor):
    async def story():
        async with open_world() as world:
            run_id = await world.start()
            view = await world.end(run_id)
            asked = [
                world.runner.view(run_id, visitor),
                world.runner.gallery.rename(run_id, visitor, "Stolen"),
                world.runner.gallery.delete(run_id, visitor, losing=DeletionLoss.FILES),
                world.runner.gallery.delete("0" * 32, visitor, losing=DeletionLoss.FILES),
                world.runner.gallery.rename("no such run", visitor, "x"),
            ]
            said = {await refused_as_unknown(question) for question in asked}
            return said, view, await world.runner.view(run_id, "ann")

    said, view, after = asyncio.run(story())
    assert len(said) == 1
    assert (after.name, after.result) == ("", view.result)
    assert after.result.is_file()


def test_a_run_under_way_is_not_deleted(open_world):
    async def story():
        async with open_world() as world:
            world.painter.go.clear()
            run_id = await world.start()
            running = await world.until(run_id, RunState.IN_PROGRESS)
            for losing in DeletionLoss:
                with pytest.raises(LossError):
                    await world.runner.gallery.delete(run_id, "ann", losing=losing)
            world.painter.go.set()
            return running, await world.end(run_id)

    running, view = asyncio.run(story())
    assert "under way" in loss_words(running)
    assert view.result.is_file()


def test_what_a_deleted_paid_run_cost_still_counts(open_world, make_vendor):
    async def story():
        async with open_world(make_vendor()) as world:
            run_id = await world.kling()
            view = await world.end(run_id)
            before = await world.runner.spending("ann")
            with pytest.raises(LossError) as refused:
                await world.runner.gallery.delete(run_id, "ann", losing=DeletionLoss.FILES)
            await world.runner.gallery.delete(run_id, "ann", losing=DeletionLoss.PAID)
            history = RunHistory(
                world.context.ledger, world.context.folders, lambda run: (run_words(run).doing, None, None)
            )
            (entry,) = await history.runs(None, 5)
            after, listed = await world.runner.spending("ann"), await history.runs("ann", 5)
        async with open_world(make_vendor(), ahead_s=UNDO_S + 60) as world:
            assert await world.runner.gallery.empty() == 0, "what was paid for can be put back for longer"
        async with open_world(make_vendor(), ahead_s=UNDO_PAID_S + 60) as world:
            assert await world.runner.gallery.empty() == 1
        return view, refused.value, before, after, entry, listed

    view, refused, before, after, entry, listed = asyncio.run(story())
    assert "It was paid for $0.35" in in_words(refused).message
    assert (before, before.day_usd) == (after, pytest.approx(0.35))
    assert not view.result.exists()
    assert listed == []
    assert (entry.record.cost_usd, entry.record.request_id) == (0.35, "req-1")
    assert entry.words[0] == "This run was deleted on the page, where it can still be put back."


def test_an_unfetched_paid_run_is_deleted_only_by_somebody_who_knows_what_that_loses(open_world, make_vendor):
    async def story():
        async with open_world(make_vendor(submits=[gateway_error(), ok(request_id="req-1")])) as world:
            run_id = await world.kling()
            lost = await world.end(run_id)
            for losing in (DeletionLoss.FILES, DeletionLoss.PAID, DeletionLoss.UNDER_WAY):
                with pytest.raises(LossError):
                    await world.runner.gallery.delete(run_id, "ann", losing=losing)
            spent = await world.runner.spending("ann")
            await world.runner.gallery.delete(run_id, "ann", losing=DeletionLoss.NOT_FETCHED)
            assert await world.runner.spending("ann") == spent
            again = await world.runner.begin(world.inputs(), engine=EngineName.KLING, visitor="ann")
            return lost, again, await world.end(again.run_id)

    lost, again, view = asyncio.run(story())
    assert (lost.state, lost.loss) == (RunState.UNKNOWN, DeletionLoss.NOT_FETCHED)
    assert "charged again" in loss_words(lost)
    assert (again.is_new, view.state) == (True, RunState.COMPLETED)


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_a_deleted_paid_run_that_is_recovered_is_there_again(open_world, make_vendor, is_forgotten):
    async def story():
        async with open_world(make_vendor()) as world:
            run_id = await world.kling()
            await world.end(run_id)
            await world.runner.gallery.delete(run_id, "ann", losing=DeletionLoss.PAID)
        async with open_world(make_vendor(), ahead_s=UNDO_PAID_S + 60 if is_forgotten else 0.0) as world:
            await world.runner.gallery.empty()
            start = await world.runner.recover("req-1", visitor="ann", token=SecretStr("app-token-0123456789"))
            view = await world.end(start.run_id)
            return run_id, start, view, (await world.runner.gallery.overview("ann")).days

    run_id, start, view, days = asyncio.run(story())
    assert (start.run_id, view.state) == (run_id, RunState.COMPLETED)
    assert start.code is (StartCode.FOUND if is_forgotten else StartCode.FOUND_HERE)
    assert view.result.is_file()
    assert [day.usd for day in days] == [pytest.approx(0.35)], "counted once"


def test_a_run_that_waits_for_its_token_says_so_when_it_is_to_be_deleted(open_world, make_vendor):
    vendor = make_vendor(statuses=[ok(request_id="req-1", status="in_progress")])

    async def begin():
        async with open_world(vendor, token=None) as world:
            run_id = await world.kling(token=SecretStr("visitor-token-0123456789"))
            await world.until(run_id, RunState.IN_PROGRESS)
            return run_id

    async def come_back(run_id):
        async with open_world(vendor, token=None, ahead_s=60.0) as world:
            with pytest.raises(LossError) as refused:
                await world.runner.gallery.delete(run_id, "ann", losing=DeletionLoss.NOT_FETCHED)
            return in_words(refused.value)

    error = asyncio.run(come_back(asyncio.run(begin())))
    assert "Enter its token" in error.message
    assert error.advice == "Nothing was deleted."
