import asyncio
from dataclasses import replace

import pytest

from kling_ui.corrections import Corrections, PlacedJoint, read_corrections
from kling_ui.errors import MediaError, RunError
from kling_ui.options import RigNote
from kling_ui.presentation.run_sentences import RIG_NOTES
from kling_ui.presentation.runs import cancel_words, rig_words, run_words
from kling_ui.runs.record import EngineName, RunState


def test_a_preview_runs_from_two_files_to_a_kept_and_measured_result(open_world):
    async def story():
        async with open_world() as world:
            world.painter.go.clear()
            run_id = await world.start()
            drawing = await world.until(run_id, RunState.IN_PROGRESS)
            while drawing.progress is None:
                await asyncio.sleep(0.01)
                drawing = await world.runner.view(run_id, "ann")
            world.painter.go.set()
            return drawing, await world.end(run_id), await world.context.ledger.ask(lambda store: store.history(run_id))

    drawing, last, history = asyncio.run(story())
    assert run_words(drawing).sentence == "Drawing the preview: 42 %."
    assert last.state is RunState.COMPLETED
    assert run_words(last).sentence == "The preview is ready."
    assert last.engine is EngineName.PREVIEW
    assert last.result.name == "result.mp4"
    assert last.result.read_bytes() == last.reference.read_bytes()
    assert (last.duration_s, last.fps, last.width_px, last.height_px) == (5.0, 24.0, 720, 1280)
    assert last.motion_match == 91.5
    assert last.cost_usd == 0.0
    assert [state for state, _ in history] == [
        RunState.PREPARING,
        RunState.SUBMITTING,
        RunState.IN_QUEUE,
        RunState.IN_PROGRESS,
        RunState.COLLECTING,
        RunState.SCORING,
        RunState.COMPLETED,
    ]
    times = [at for _, at in history]
    assert times == sorted(times)


def test_a_run_remembers_and_says_what_moves_as_one_piece(open_world):
    async def story():
        async with open_world() as world:
            world.painter.notes = (RigNote.HANDS_HIDDEN, RigNote.SKIRT_ONE)
            return await world.end(await world.start())

    last = asyncio.run(story())
    assert last.notes == (RigNote.HANDS_HIDDEN, RigNote.SKIRT_ONE)
    assert rig_words(last) == [RIG_NOTES[RigNote.HANDS_HIDDEN], RIG_NOTES[RigNote.SKIRT_ONE]]


def test_the_result_is_shown_while_its_motion_is_still_being_measured(open_world):
    async def story():
        async with open_world() as world:
            measured = asyncio.Event()

            async def motion(*_):
                await measured.wait()

            world.measurer.motion = motion
            run_id = await world.start()
            scoring = await world.until(run_id, RunState.SCORING)
            measured.set()
            return scoring, await world.end(run_id)

    scoring, last = asyncio.run(story())
    assert scoring.result is not None
    assert not scoring.is_final
    assert last.state is RunState.COMPLETED
    assert last.motion_match is None


def test_the_second_run_waits_for_the_first_and_can_be_cancelled_there(open_world):
    async def story():
        async with open_world() as world:
            world.painter.go.clear()
            first = await world.start(prompt="first")
            await world.until(first, RunState.IN_PROGRESS)
            second = await world.start(prompt="second")
            third = await world.start(prompt="third")
            await world.until(third, RunState.IN_QUEUE)
            await asyncio.sleep(0.05)
            waiting = [run_words(await world.runner.view(run_id, "ann")).sentence for run_id in (second, third)]
            words = cancel_words(await world.runner.cancel(second, "ann"))
            cancelled = await world.end(second)
            world.painter.go.set()
            return waiting, words, cancelled, await world.end(first), await world.end(third), world.painter.drawn

    waiting, words, cancelled, first, third, drawn = asyncio.run(story())
    assert waiting == ["Waiting: yours is next.", "Waiting: 1 run is ahead of yours."]
    assert words == run_words(cancelled).sentence == "Cancelled while it waited. Nothing was rendered."
    assert cancelled.state is RunState.CANCELLED
    assert first.state is third.state is RunState.COMPLETED
    assert drawn == 2


def test_a_preview_that_is_being_drawn_can_be_stopped(open_world):
    async def story():
        async with open_world() as world:
            world.painter.go.clear()
            run_id = await world.start()
            await world.until(run_id, RunState.IN_PROGRESS)
            words = cancel_words(await world.runner.cancel(run_id, "ann"))
            view = await world.end(run_id)
            world.painter.go.set()
            return words, view, cancel_words(await world.runner.cancel(run_id, "ann"))

    words, view, again = asyncio.run(story())
    assert words == run_words(view).sentence == "Stopped. The half-drawn preview was thrown away."
    assert view.state is RunState.CANCELLED
    assert again == "This run has already ended."


def test_a_double_click_makes_one_run(open_world):
    async def story():
        async with open_world() as world:
            world.painter.go.clear()
            run_ids = await asyncio.gather(*(world.start() for _ in range(4)))
            other = await world.start(visitor="ben")
            world.painter.go.set()
            await world.end(run_ids[0])
            await world.end(other, visitor="ben")
            later = await world.start(again=True)
            await world.end(later)
            folders = {path.name for path in (world.folder / "data" / "runs").iterdir()}
            return run_ids, other, later, folders, await world.runner.history("ann")

    run_ids, other, later, folders, history = asyncio.run(story())
    assert len(set(run_ids)) == 1
    assert folders == {run_ids[0], other, later}
    assert [view.run_id for view in history] == [later, run_ids[0]]


def test_a_run_goes_on_when_nobody_watches(open_world):
    async def story():
        async with open_world() as world:
            world.painter.go.clear()
            run_id = await world.start()
            watcher = asyncio.create_task(world.end(run_id))
            await world.until(run_id, RunState.IN_PROGRESS)
            watcher.cancel()
            world.painter.go.set()
            return await world.end(run_id)

    assert asyncio.run(story()).state is RunState.COMPLETED


def test_nobody_sees_the_runs_of_others(open_world):
    async def story():
        async with open_world() as world:
            run_id = await world.start()
            for look in (world.runner.view, world.runner.cancel, lambda *who: anext(world.runner.watch(*who))):
                with pytest.raises(RunError, match="not known here"):
                    await look(run_id, "ben")
            assert await world.runner.history("ben") == []
            await world.end(run_id)

    asyncio.run(story())


def test_a_preview_that_cannot_be_drawn_says_why(open_world, tmp_path):
    async def story():
        async with open_world() as world:
            world.painter.refusal = MediaError("no person was found in the image.", path=tmp_path / "image.png")
            return await world.end(await world.start())

    view = asyncio.run(story())
    assert view.state is RunState.FAILED
    assert run_words(view).sentence == "No person was found in the image."
    assert view.result is None


def test_files_that_cannot_be_read_make_no_run(open_world):
    async def story():
        async with open_world() as world:
            world.video.write_bytes(b"")
            with pytest.raises(MediaError, match="empty"):
                await world.start()
            world.video.unlink()
            with pytest.raises(MediaError, match="no such file"):
                await world.start()
            return await world.runner.history("ann")

    assert asyncio.run(story()) == []


def test_a_preview_is_drawn_again_after_the_app_was_stopped(open_world):
    async def before():
        async with open_world() as world:
            world.painter.go.clear()
            run_id = await world.start()
            await world.until(run_id, RunState.IN_PROGRESS)
            return run_id

    async def after(run_id):
        async with open_world() as world:
            assert (await world.runner.view(run_id, "ann")).state is RunState.IN_PROGRESS
            taken_over = await world.runner.take_over()
            return taken_over, await world.end(run_id)

    run_id = asyncio.run(before())
    taken_over, view = asyncio.run(after(run_id))
    assert taken_over == [run_id]
    assert view.state is RunState.COMPLETED


def test_what_ends_the_app_each_time_is_not_drawn_for_ever(open_world):
    async def stopped(run_id):
        async with open_world() as world:
            world.painter.go.clear()
            run_id = run_id or await world.start()
            await world.runner.take_over()
            return await world.until(run_id, RunState.IN_PROGRESS)

    run_id = None
    for _ in range(3):
        view = asyncio.run(stopped(run_id))
        assert view.state is RunState.IN_PROGRESS
        run_id = view.run_id
    view = asyncio.run(stopped(run_id))
    assert view.state is RunState.FAILED
    assert "each time" in run_words(view).sentence


def test_a_run_keeps_what_was_corrected_and_is_drawn_with_it(open_world):
    said = Corrections({"left wrist": PlacedJoint(0.25, 0.5)})

    async def story():
        async with open_world() as world:
            inputs = replace(world.inputs(), corrections=said)
            run_id = await world.runner.start(inputs, engine=EngineName.PREVIEW, visitor="ann")
            drawn_with = (last := await world.end(run_id)) and world.painter.options
            again = await world.runner.start(inputs, engine=EngineName.PREVIEW, visitor="ann")
            plain = await world.start()
            await world.end(plain)
            return run_id, again, plain, last, drawn_with, world.painter.options

    run_id, again, plain, last, drawn_with, drawn_without = asyncio.run(story())
    assert last.state is RunState.COMPLETED
    assert drawn_with["corrections"] == said
    assert last.corrected == {"key": said.key, "joints": ["left wrist"], "mask": False}
    assert read_corrections(last.corrections) == said
    assert again == run_id
    assert plain != run_id
    assert "corrections" not in drawn_without


def test_kling_is_sent_no_corrections_and_charges_once(open_world):
    async def story():
        async with open_world() as world:
            first = await world.end(await world.kling())
            said = Corrections({"left wrist": PlacedJoint(0.25, 0.5)})
            inputs = replace(world.inputs(), corrections=said)
            second = await world.runner.start(inputs, engine=EngineName.KLING, visitor="ann")
            return first.run_id, second

    first, second = asyncio.run(story())
    assert first == second
