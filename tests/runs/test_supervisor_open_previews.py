"""How many previews one visitor, and one address, may have open, and who may see them at the engine."""

import asyncio
from dataclasses import replace

import pytest

from kling_ui.errors import APIStatusError, MediaError, RunError
from kling_ui.presentation.runs import run_words
from kling_ui.runs.record import OWNER, EngineName, RunState, StartCode, Terms

PREVIEW = EngineName.PREVIEW
TWO = Terms(previews_max=2, address="net-1")


async def _begin(world, prompt, visitor="ann", terms=TWO, **more):
    return await world.runner.begin(world.inputs(prompt), engine=PREVIEW, visitor=visitor, terms=terms, **more)


def _folders(world):
    return {path.name for path in (world.folder / "data" / "runs").iterdir()}


@pytest.mark.parametrize(
    ("visitor", "terms", "words"),
    [
        ("ann", TWO, "Two of your previews are waiting or being drawn."),
        ("ann", replace(TWO, address=""), "Two of your previews are waiting or being drawn."),
        ("ann", replace(TWO, address="net-2"), "Two of your previews are waiting or being drawn."),
        ("made-up", TWO, "Two previews from your network address are waiting or being drawn."),
        ("made-up", replace(TWO, address="net-2"), None),
        ("made-up", replace(TWO, address=""), None),  # nobody's address is known: it counts for nobody
        ("ann", OWNER, None),  # the command line
        ("ann", replace(TWO, previews_max=3), None),
    ],
)
def test_a_third_open_preview_is_refused_before_anything_is_copied(open_world, visitor, terms, words):
    async def story():
        async with open_world() as world:
            world.painter.go.clear()
            first = await _begin(world, "one")
            await world.until(first.run_id, RunState.IN_PROGRESS)
            await _begin(world, "two")
            before, refusal = _folders(world), None
            try:
                await _begin(world, "three", visitor, terms)
            except RunError as error:
                refusal = error
            after = _folders(world)
            world.painter.go.set()
            return refusal, len(after - before)

    refusal, more = asyncio.run(story())
    assert (refusal.message if refusal else None) == words
    assert more == (0 if words else 1)
    if refusal:
        assert refusal.advice.startswith("Wait until one is done, ")


def test_quick_clicks_do_not_both_pass(open_world):
    async def story():
        async with open_world() as world:
            world.painter.go.clear()
            clicks = [_begin(world, f"click {number}", f"made-up {number}") for number in range(20)]
            starts = await asyncio.gather(*clicks, return_exceptions=True)
            world.painter.go.set()
            return [start for start in starts if not isinstance(start, RunError)], _folders(world)

    starts, folders = asyncio.run(story())
    assert len(starts) == 2
    assert folders == {start.run_id for start in starts}


def test_the_same_wish_is_found_again_where_no_other_would_be_taken(open_world):
    async def story():
        async with open_world() as world:
            world.painter.go.clear()
            first, twice = await _begin(world, "one"), await asyncio.gather(*(_begin(world, "two") for _ in range(3)))
            again = [await _begin(world, "one"), await _begin(world, "two", again=True)]
            world.painter.go.set()
            return first, twice, again

    first, twice, again = asyncio.run(story())
    assert len({start.run_id for start in twice}) == 1
    assert [start.run_id for start in again] == [first.run_id, twice[0].run_id]
    assert not any(start.is_new for start in again)
    assert {start.code for start in again} == {StartCode.SAME_OPEN}


def test_places_come_free_when_a_preview_ends_is_cancelled_or_is_only_being_measured(open_world):
    async def story():
        async with open_world() as world:
            measured = asyncio.Event()

            async def motion(*_):
                await measured.wait()

            world.measurer.motion = motion
            scoring = [(await _begin(world, prompt)).run_id for prompt in ("one", "two")]
            for run_id in scoring:
                await world.until(run_id, RunState.SCORING)
            world.painter.go.clear()
            later = [(await _begin(world, prompt)).run_id for prompt in ("three", "four")]
            with pytest.raises(RunError):
                await _begin(world, "five")
            await world.until(later[0], RunState.IN_PROGRESS)
            await world.runner.cancel(later[0], "ann")
            six = await _begin(world, "six")
            measured.set()
            world.painter.go.set()
            return [await world.end(run_id) for run_id in (*scoring, later[1], six.run_id)]

    assert {view.state for view in asyncio.run(story())} == {RunState.COMPLETED}


def test_what_cannot_be_begun_leaves_its_place(open_world):
    async def story():
        async with open_world() as world:
            for _ in range(5):
                with pytest.raises(MediaError, match="no such file"):
                    await world.runner.begin(
                        replace(world.inputs(), image=world.folder / "gone.png"),
                        engine=PREVIEW,
                        visitor="ann",
                        terms=replace(TWO, previews_max=1),
                    )
            return await world.end((await _begin(world, "one", terms=replace(TWO, previews_max=1))).run_id)

    assert asyncio.run(story()).state is RunState.COMPLETED


def test_previews_taken_up_after_a_restart_count(open_world):
    async def story():
        async with open_world() as world:
            world.painter.go.clear()
            for prompt in ("one", "two"):
                await _begin(world, prompt)
        async with open_world(ahead_s=3600.0, take_over=False) as world:
            world.painter.go.clear()
            assert len(await world.runner.take_over()) == 2
            with pytest.raises(RunError, match="Two of your previews"):
                await _begin(world, "three")
            world.painter.go.set()

    asyncio.run(story())


def test_nobody_reads_or_cancels_anothers_request_at_the_engine(open_world):
    async def story():
        async with open_world() as world:
            world.painter.go.clear()
            first, second = await _begin(world, "one"), await _begin(world, "two")
            await world.until(first.run_id, RunState.IN_PROGRESS)
            request_id = (await world.until(second.run_id, RunState.IN_QUEUE)).request_id
            engine = await world.engines.get(PREVIEW)
            codes = []
            for token in (None, engine.token_of("ben"), engine.token_of("")):
                for ask in (engine.api(token).status, engine.api(token).result, engine.api(token).cancel):
                    with pytest.raises(APIStatusError) as caught:
                        await ask(request_id)
                    codes.append(caught.value.status_code)
            own = await engine.api(engine.token_of("ann")).status(request_id)
            hidden = engine.token_of("ann").get_secret_value() not in f"{engine!r} {engine.token_of('ann')!r}"
            world.painter.go.set()
            return codes, own.queue_position, hidden

    codes, position, hidden = asyncio.run(story())
    assert set(codes) == {403}
    assert position == 0
    assert hidden


def test_a_second_visitors_preview_is_drawn_next_though_a_first_has_many_waiting(open_world):
    async def story():
        async with open_world() as world:
            world.painter.go.clear()
            many = [(await _begin(world, f"many {number}", terms=OWNER)).run_id for number in range(12)]
            await world.until(many[-1], RunState.IN_QUEUE)
            mine = (await _begin(world, "mine", "ben")).run_id
            words = [
                run_words(await world.until_known(mine, "yours is next", "ben")).sentence,
                run_words(await world.until_known(many[1], "1 run is", "ann")).sentence,
                run_words(await world.until_known(many[2], "2 runs are", "ann")).sentence,
            ]
            world.painter.go.set()
            return words

    assert asyncio.run(story()) == [
        "Waiting: yours is next.",
        "Waiting: 1 run is ahead of yours.",
        "Waiting: 2 runs are ahead of yours.",
    ]
