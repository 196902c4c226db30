"""What handlers cause waits for its turn, counts for whoever asked, and is refused while the disk is nearly full."""

import asyncio
from collections import namedtuple
from dataclasses import replace

import gradio as gr
import pytest
from starlette.requests import Request

from kling_ui.errors import KlingUIError
from kling_ui.options import InputKind, TransferOptions
from kling_ui.quotas import DailyQuota, DailyQuotaError, DailyQuotas
from kling_ui.runs.admission import Admission
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.record import EngineName, RunState
from kling_ui.ui import fair_share
from kling_ui.ui.browser_values import RunRequest
from kling_ui.ui.examples import EXAMPLES
from kling_ui.ui.fair_share import FairShare
from kling_ui.ui.handlers.inputs import InputHandlers
from kling_ui.ui.handlers.repairs import RepairHandlers
from kling_ui.ui.handlers.run_display import RunDisplay
from kling_ui.ui.handlers.runs import RunHandlers
from kling_ui.ui.handlers.take_away import TakeAwayHandlers
from kling_ui.ui.web.client_address import SCOPE_KEY
from kling_ui.ui.web.temporary_space import DiskFloor
from kling_ui.ui.web.uploads import UploadStore

Disk = namedtuple("Disk", "total free")
VISITOR = "v" * 43


def _told(**data):
    return gr.EventData(None, data)


def _asking(address, tab="tab"):
    """A request from an address, as it reaches a handler behind the middleware."""
    scope = {"type": "http", "headers": [], SCOPE_KEY: address}
    return gr.Request(Request(scope), session_hash=tab)


class HeldWorkers:
    """Counts what reaches the workers, and holds it until it is let."""

    def __init__(self, inner):
        self.inner, self.begun, self.let = inner, [], asyncio.Event()

    async def run(self, work, /, *args, timeout_s=None, **more):
        self.begun.append(args[0].name)
        await self.let.wait()
        return await self.inner.run(work, *args, timeout_s=timeout_s, **more)


@pytest.fixture
def public(services):
    """The services of an app that strangers can reach, with workers that are held."""
    held = HeldWorkers(services.workers)
    preflight = services.preflight
    preflight.workers = held
    settings = replace(services.settings, public_url="https://demo.example")
    return replace(services, settings=settings, workers=held, preflight=preflight, checks=FairShare(4))


def _pictures(services, count, who):
    refs = []
    for number in range(count):
        path = services.signed_files.root / f"{who}-{number}.png"
        path.write_bytes(b"x")
        refs.append(services.signed_files.sign(path))
    return refs


async def _end(values):
    return [value async for value in values][-1]


async def _settle():
    for _ in range(60):
        await asyncio.sleep(0.005)


def test_a_strangers_hundred_checks_do_not_stand_before_somebody_elses_first(public):
    async def story():
        handlers = InputHandlers(lambda: public)

        def look(ref, tab, address):
            return asyncio.create_task(_end(handlers.on_image("", _told(ref=ref, seq=1), _asking(address, tab))))

        crowd = [look(ref, f"tab {n}", "net-1") for n, ref in enumerate(_pictures(public, 100, "first"))]
        await _settle()
        among_workers = list(public.workers.begun)
        second = look(*_pictures(public, 1, "second"), "tab", "net-2")
        await _settle()
        then = public.workers.begun[len(among_workers) :]
        public.workers.let.set()
        ends = await asyncio.gather(*crowd, second)
        return among_workers, then, ends

    among_workers, then, ends = asyncio.run(story())
    assert len(among_workers) == 4
    assert then == ["second-0.png"]
    refused = [end for end in ends[:-1] if end.get("error")]
    assert {end["error"][-21:] for end in refused} == {"this would be place 65."[-21:]}
    assert len(refused) == 100 - 4 - 64
    assert ends[-1]["found"]


def test_names_made_up_behind_one_address_are_one_visitor_and_one_person_at_home_too(public):
    async def count(services):
        handlers = InputHandlers(lambda: services)
        tasks = [
            asyncio.create_task(_end(handlers.on_image("", _told(ref=ref, seq=1), _asking("net", f"tab {n}"))))
            for n, ref in enumerate(_pictures(services, 10, "many"))
        ]
        await _settle()
        begun = len(services.workers.begun)
        services.workers.let.set()
        await asyncio.gather(*tasks)
        return begun

    assert asyncio.run(count(public)) == 4


def test_what_is_known_waits_for_nothing(public):
    async def story():
        handlers = InputHandlers(lambda: public)
        (known, *others) = _pictures(public, 6, "one")
        public.workers.let.set()
        await _end(handlers.on_image("", _told(ref=known, seq=1), _asking("net")))
        public.workers.let.clear()
        tasks = [
            asyncio.create_task(_end(handlers.on_image("", _told(ref=ref, seq=1), _asking("net", ref))))
            for ref in others
        ]
        await _settle()
        async with asyncio.timeout(10):
            again = await _end(handlers.on_image("", _told(ref=known, seq=2), _asking("net", "other")))
        public.workers.let.set()
        await asyncio.gather(*tasks)
        return again

    assert asyncio.run(story())["found"]


def test_two_tabs_of_one_visitor_feel_nothing(public):
    """Each loads its inputs, judges, advises and asks for the price at once, as the page does."""

    async def story():
        handlers, tabs = InputHandlers(lambda: public), [_asking("net", "tab 1"), _asking("net", "tab 2")]
        seen = [asyncio.create_task(_end(handlers.on_first_inputs(None, tab))) for tab in tabs]
        picked = [
            asyncio.create_task(_end(handlers.on_example("", "", _told(id=EXAMPLES[1].key), _asking("net", "tab 3"))))
        ]
        await _settle()
        waiting = len(public.checks._waiting)
        public.workers.let.set()
        await asyncio.gather(*seen, *picked)
        return waiting

    assert asyncio.run(story()) == 0


def test_a_link_takes_a_turn_and_room_of_whoever_gave_it(public, monkeypatch):
    async def story():
        gate, folders, asked = asyncio.Event(), [], asyncio.Queue()

        async def download(url, folder, **_):
            folders.append(folder)
            asked.put_nowait(url)
            await gate.wait()
            folder.mkdir(parents=True)
            (folder / "a.png").write_bytes(b"x")
            return folder / "a.png"

        monkeypatch.setattr("kling_ui.ui.services.download", download)
        first, second = (public.for_request(_asking(address)) for address in ("net-1", "net-2"))
        crowd = [asyncio.create_task(first.fetch(InputKind.IMAGE, "first")) for _ in range(10)]
        begun = [await asked.get() for _ in range(4)]
        other = asyncio.create_task(second.fetch(InputKind.IMAGE, "second"))
        begun.append(await asked.get())
        gate.set()
        await asyncio.gather(*crowd, other)
        return begun, len({folder.parent for folder in folders})

    assert asyncio.run(story()) == (["first"] * 4 + ["second"], 2)


def test_a_link_counts_as_an_upload_of_whoever_gave_it(public, monkeypatch):
    async def story():
        async def download(url, folder, *, count, **_):
            await count(700)
            return folder / url

        monkeypatch.setattr("kling_ui.ui.services.download", download)
        first, second = (public.for_request(_asking(address)) for address in ("net-1", "net-2"))
        ledger = Ledger("sqlite://")
        public.runner.admission = Admission(ledger, DailyQuotas(visitor=DailyQuota(size_bytes=1000)), None, lambda: 0.0)
        await first.fetch(InputKind.IMAGE, "first")
        with pytest.raises(DailyQuotaError):
            await first.fetch(InputKind.IMAGE, "second")
        await second.fetch(InputKind.IMAGE, "third")
        await ledger.aclose()

    asyncio.run(story())


@pytest.fixture
def full(services):
    """The services of an app whose disk is nearly full."""
    floor = DiskFloor(services.signed_files.root, 10**9, usage=lambda _: Disk(10**12, 10**8))
    return replace(services, store=UploadStore(services.store.root, b"s", each_bytes=10**9, floor=floor))


def test_below_the_floor_links_recordings_runs_and_comparisons_are_refused(full, run_of, tmp_path):
    async def story():
        with pytest.raises(KlingUIError, match="nearly full"):
            await full.fetch(InputKind.IMAGE, "https://example.org/a.png")
        recording = tmp_path / "recording.webm"
        recording.write_bytes(b"x")
        full.workers._answers["probe_video"] = replace(full.workers._answers["probe_video"], codec="vp8")
        with pytest.raises(KlingUIError, match="nearly full"):
            await full.plain(recording)
        (tmp_path / "result.mp4").write_bytes(b"x")
        full.runner.views = [run_of(state=RunState.COMPLETED, result=tmp_path / "result.mp4")]
        handlers = RunHandlers(lambda: full)
        taking = TakeAwayHandlers(lambda: full, RunDisplay(lambda: full))
        compared = await _end(
            taking.on_take(VISITOR, _told(run_id="r1", what="comparison"), gr.Request(session_hash="tab"))
        )
        again = handlers.on_again(None, None, VISITOR, _told(run_id="r1"), gr.Request(session_hash="tab"))
        return compared["taken"]["error"], (await _end(again))[0]["sentence"]

    assert all("nearly full" in words for words in asyncio.run(story()))
    assert full.runner.started == []
    assert not full.store.root.exists()


def test_below_the_floor_a_repair_is_refused(full, canned):
    canned["probe_image"] = replace(canned["probe_image"], format="webp")
    canned["analyse_image"] = replace(canned["analyse_image"], facts=canned["probe_image"])
    image = {"ref": full.signed_files.sign(full.examples / EXAMPLES[0].image), "facts": [("Size", "")]}

    async def story():
        event, handlers = _told(kinds=["image.convert"]), RepairHandlers(lambda: full)
        return await _end(handlers.on_repair(event, image, None, "video", True, gr.Request(session_hash="tab")))

    *_, findings = asyncio.run(story())
    assert "nearly full" in str(findings["repairing"])
    assert not full.store.root.exists()


@pytest.mark.parametrize(("is_public", "address"), [(True, "net-1"), (False, "")])
def test_a_run_begins_on_the_terms_of_whoever_asks(services, is_public, address):
    settings = replace(services.settings, public_url="https://demo.example" if is_public else None)
    theirs = replace(services, settings=settings)
    image, video = (services.examples / name for name in (EXAMPLES[0].image, EXAMPLES[0].video))
    run_request = RunRequest(image, video, TransferOptions(), True, None, None).to_value(services.signed_files)

    async def story():
        handlers = RunHandlers(lambda: theirs)
        run = handlers.on_run(run_request, None, "preview", None, "720p", VISITOR, None, _asking("net-1"))
        return [scene async for scene in run]

    asyncio.run(story())
    (started,) = services.runner.started
    assert started["engine"] is EngineName.PREVIEW
    assert (started["terms"].previews_max, started["terms"].address) == (2, address)


def test_whoever_waits_is_told_their_place_and_then_that_their_turn_has_come(public, monkeypatch):
    monkeypatch.setattr(fair_share, "PLACE_EVERY_S", 0.01)
    services = replace(public, checks=FairShare(4, slots=1))

    async def story():
        handlers, said = InputHandlers(lambda: services), []
        (first,), (second,) = _pictures(services, 1, "first"), _pictures(services, 1, "second")
        holds = asyncio.create_task(_end(handlers.on_image("", _told(ref=first, seq=1), _asking("net-1", "one"))))
        await _settle()

        is_told = asyncio.Event()

        async def look():
            async for value in handlers.on_image("", _told(ref=second, seq=1), _asking("net-2", "two")):
                said.append(value.get("busy"))
                if said[-1] == "Waiting for a turn, this one is next":
                    is_told.set()

        waits = asyncio.create_task(look())
        await asyncio.wait_for(is_told.wait(), 30)
        services.workers.let.set()
        await asyncio.gather(holds, waits)
        return said

    said = asyncio.run(story())
    assert said[0] == "Waiting for a turn, this one is next"
    assert said[-1] == ""
