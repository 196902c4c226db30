"""Deleting a visitor's data: nothing of theirs is left in the ledger or the data folder, and others lose nothing."""

import asyncio
import hashlib
import sqlite3
from contextlib import asynccontextmanager
from dataclasses import replace

import gradio as gr
import pytest
from starlette.requests import Request

from kling_ui.batches.plan import BatchPlan
from kling_ui.corrections import Corrections, PlacedJoint
from kling_ui.options import TransferOptions
from kling_ui.presentation.erasure import erased_words
from kling_ui.runs.engines import Engines
from kling_ui.runs.erasure import ErasedData
from kling_ui.runs.record import EngineName, RunInputs
from kling_ui.runs.runner import open_runner
from kling_ui.ui.handlers.account import ErasureHandlers
from kling_ui.ui.handlers.runs import RunHandlers
from kling_ui.ui.open_batches import OpenBatch
from kling_ui.ui.web.client_address import SCOPE_KEY

ANN, BOB = "ann" * 12, "bob" * 12
PNG = b"\x89PNG\r\n\x1a\n"
MP4 = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"
ALICE, SHARED = PNG + b"only ann has this picture", PNG + b"both have this picture"
ANNS_CLIP, BOBS = MP4 + b"only ann has this clip", PNG + b"only bob has this picture"
TAB = gr.Request(Request({"type": "http", "headers": [], SCOPE_KEY: "somewhere"}), session_hash="tab")


def _sha256(content):
    return hashlib.sha256(content).hexdigest()


class HereWorkers:
    """Runs work in a thread of this process."""

    count = previews_at_once = 1

    async def run(self, work, /, *args, timeout_s=None, **more):
        return await asyncio.to_thread(work, *args, **more)


def _draw(image, video, out, *, progress, **options):
    out.write_bytes(MP4 + image.read_bytes() + video.read_bytes())


@pytest.fixture
def public(services):
    return replace(services, settings=replace(services.settings, public_url="https://demo.example"))


@asynccontextmanager
async def opened(services):
    """The same services with real runs and a real ledger, as one process has them."""
    folder = services.settings.data_dir
    settings = replace(services.settings, ledger_url=f"sqlite:///{folder / 'ledger.sqlite'}")
    workers = HereWorkers()
    engines = Engines(settings, workers, folder / "preview", render=_draw)
    async with open_runner(settings, workers, engines=engines) as runner:
        yield replace(services, settings=settings, runner=runner)


async def _upload(services, content, name):
    async with services.for_request(TAB).room(len(content)) as room:
        await asyncio.to_thread(room.folder.mkdir, parents=True)
        path = room.folder / name
        await asyncio.to_thread(path.write_bytes, content)
    return path


async def _has(services, visitor, image, video, *, runs=True):
    """Have a visitor hand in both files, correct the picture, and make a preview of them."""
    values = [{"ref": services.signed_files.sign(path)} for path in (image, video)]
    await RunHandlers(lambda: services).on_inputs(*values, visitor, TAB)
    joints = Corrections(joints={"nose": PlacedJoint(0.4, 0.3)})
    await asyncio.to_thread(services.corrections.keep, visitor, _sha256(image.read_bytes()), joints)
    for path in (image, video):
        for folder in (services.preflight.folder, services.settings.playable_folder):
            folder.mkdir(exist_ok=True)
            (folder / f"{_sha256(path.read_bytes())}-v5-found.json").write_text(visitor)
    if not runs:
        return None
    inputs = RunInputs(image=image, video=video, choice=TransferOptions(f"words of {visitor}"))
    start = await services.runner.begin(inputs, engine=EngineName.PREVIEW, visitor=visitor)
    await services.runner.handles.give(start.run_id)
    async for view in services.runner.watch(start.run_id, visitor):
        if view.is_final:
            return start.run_id
    return None


def _everything(folder):
    """Return the names and the contents of all files, and everything that the ledger says."""
    with sqlite3.connect(folder / "ledger.sqlite") as ledger:
        ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        ledger.execute("VACUUM")
        said = "\n".join(ledger.iterdump())
    files = [path for path in folder.rglob("*") if path.is_file() and "ledger.sqlite" not in path.name]
    return "\n".join([said, *map(str, files), *(path.read_bytes().decode("latin-1") for path in files)])


def _erase(services, visitor):
    return ErasureHandlers(lambda: services).on_erase(visitor, TAB)


def test_after_a_restart_nothing_is_found_of_whoever_deleted_their_data_and_others_lose_nothing(public):
    folder = public.settings.data_dir

    async def live():
        async with opened(public) as services:
            shared = [await _upload(services, SHARED, "shared.png") for _ in range(2)]
            clips = [await _upload(services, content, "clip.mp4") for content in (ANNS_CLIP, MP4 + b"bob's clip")]
            picture, bobs = await _upload(services, ALICE, "ann.png"), await _upload(services, BOBS, "bob.png")
            await _has(services, ANN, shared[0], clips[0])
            await _has(services, ANN, picture, clips[0], runs=False)
            kept = await _has(services, BOB, shared[1], clips[1])
            await _has(services, BOB, bobs, clips[1], runs=False)
            before = _everything(folder)
            services.tokens.keep(ANN, "a token")
            visitor, saved, told = await _erase(services, ANN)
            assert not services.tokens.holds(ANN)
        return before, visitor, saved, told, kept

    before, visitor, saved, told, kept = asyncio.run(live())
    contents = [ALICE, ANNS_CLIP]
    for trace in (ANN, *map(_sha256, contents), *(content.decode("latin-1") for content in contents)):
        assert trace in before
    assert visitor not in {ANN, ""}
    assert saved is None
    assert told["told_erased"]["done"] is True
    assert "Deleted: 1 run and 3 inputs." in told["told_erased"]["words"]

    async def again():
        async with opened(public) as services:
            assert [run.run_id for run in await services.runner.history(BOB)] == [kept]
            assert await services.runner.history(ANN) == []
            return await asyncio.to_thread(_everything, folder)

    after = asyncio.run(again())
    found_in_shared = f"{_sha256(SHARED)}-v5-found.json"
    for trace in (ANN, *map(_sha256, contents), *(content.decode("latin-1") for content in contents)):
        assert trace not in after, trace[:20]
    assert after.count(found_in_shared) == 2, "bob has that picture, too"
    for trace in (BOB, BOBS.decode("latin-1"), _sha256(BOBS), SHARED.decode("latin-1")):
        assert trace in after


def test_an_input_that_two_visitors_have_goes_with_the_second_one(public):
    async def live():
        async with opened(public) as services:
            picture, clip = await _upload(services, SHARED, "one.png"), await _upload(services, ANNS_CLIP, "one.mp4")
            for visitor in (ANN, BOB):
                await _has(services, visitor, picture, clip, runs=False)
            await _erase(services, ANN)
            assert picture.is_file()
            await _erase(services, BOB)
            assert not picture.parent.exists()

    asyncio.run(live())


@pytest.mark.parametrize(("is_public", "stays"), [(True, True), (False, False)])
def test_what_is_noted_as_nobodys_goes_only_where_it_can_be_nobody_elses(services, public, is_public, stays):
    async def live():
        async with opened(public if is_public else services) as open_services:
            upload = await _upload(open_services, ALICE, "never-handed-in.png")
            await _erase(open_services, ANN)
            assert upload.exists() is stays

    asyncio.run(live())


def test_a_preview_that_is_being_drawn_ends_and_goes(public):
    async def live():
        started, go = asyncio.Event(), asyncio.Event()

        class Slow(HereWorkers):
            async def run(self, work, /, *args, timeout_s=None, **more):
                started.set()
                await go.wait()

        folder = public.settings.data_dir
        settings = replace(public.settings, ledger_url=f"sqlite:///{folder / 'ledger.sqlite'}")
        engines = Engines(settings, Slow(), folder / "preview", render=_draw)
        async with open_runner(settings, Slow(), engines=engines) as runner:
            services = replace(public, settings=settings, runner=runner)
            picture, clip = await _upload(services, ALICE, "ann.png"), await _upload(services, ANNS_CLIP, "ann.mp4")
            inputs = RunInputs(image=picture, video=clip, choice=TransferOptions("words"))
            run_id = (await runner.begin(inputs, engine=EngineName.PREVIEW, visitor=ANN)).run_id
            await asyncio.wait_for(started.wait(), 30)
            await _erase(services, ANN)
            assert await runner.history(ANN) == []
            assert not (folder / "runs" / run_id).exists()
            assert not list((folder / "preview").rglob("*.png"))

    asyncio.run(live())


def test_a_batch_under_way_makes_no_more_runs_of_whoever_deleted_their_data(public):
    async def live():
        async with opened(public) as services:
            door = asyncio.Event()
            anns, bobs = (
                services.batches.begin(who, OpenBatch(BatchPlan(cells=()), {}, owner=who), door.wait())
                for who in (ANN, BOB)
            )
            await _erase(services, ANN)
            assert anns.task.cancelled()
            assert services.batches.find(ANN) is None
            assert bobs.is_under_way
            await services.batches.aclose()

    asyncio.run(live())


def test_pieces_of_a_long_clip_and_what_was_joined_go_with_their_runs(public):
    async def live():
        async with opened(public) as services:
            data_dir = services.settings.data_dir
            pieces = data_dir / "pieces"
            pieces.mkdir()
            whole, joined, others = MP4 + b"ann's whole clip", MP4 + b"joined", MP4 + b"bob's piece"
            sent = pieces / f"{_sha256(whole)[:24]}-12-1-0-99-v1.mp4"
            unsent, kept = pieces / f"{_sha256(whole)[:24]}-12-1-95-150-v1.mp4", pieces / f"{'b' * 24}-12-1-0-9-v1.mp4"
            for path, content in ((sent, ANNS_CLIP), (unsent, MP4 + b"not sent"), (kept, others)):
                path.write_bytes(content)
            picture, clip = await _upload(services, ALICE, "ann.png"), await _upload(services, ANNS_CLIP, "ann.mp4")
            run_id = await _has(services, ANN, picture, clip)
            folder = data_dir / "runs" / run_id / "joined"
            folder.mkdir()
            found = [services.preflight.folder / f"{_sha256(content)}-v5-found.json" for content in (whole, joined)]
            for content, name, look in ((whole, "reference.mp4", found[0]), (joined, "joined.mp4", found[1])):
                (folder / name).write_bytes(content)
                look.write_text("found")
            await _erase(services, ANN)
            assert [path.name for path in pieces.iterdir()] == [kept.name]
            assert not folder.exists()
            assert not any(look.exists() for look in found)

    asyncio.run(live())


def test_whoever_is_nobody_deletes_nothing(services):
    visitor, saved, told = asyncio.run(ErasureHandlers(lambda: services).on_erase("", TAB))
    assert told["told_erased"] | {"number": 0} == {
        "words": "The page was not ready yet. Load it again.",
        "done": False,
        "number": 0,
    }
    assert visitor == saved == gr.skip()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (ErasedData(), "Nothing of yours was kept here any more."),
        (ErasedData(runs=2, inputs=1), "Deleted: 2 runs and 1 input."),
        (
            ErasedData(under_way=1),
            "Nothing was deleted. 1 paid run has not ended and is kept: delete once more after the end, or after "
            "cancelling.",
        ),
        (
            ErasedData(runs=1, at_vendor=1, with_money=1),
            "Deleted: 1 run and 0 inputs. RunComfy may keep copies of 1 paid run: only RunComfy can delete those. Of 1 "
            "run that this app paid for, the date and the amount stay, without a name; until midnight UTC they count "
            "against the day's share of whoever caused them.",
        ),
    ],
)
def test_what_went_and_what_is_left_is_said(data, said):
    assert " ".join(erased_words(data)) == said
