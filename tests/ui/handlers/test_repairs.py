"""The repair flow with real rules and plans, and played workers."""

import asyncio
from dataclasses import replace

import gradio as gr
import pytest

from kling_ui.errors import MediaError
from kling_ui.options import InputKind
from kling_ui.ui.event_payload import LatestWins
from kling_ui.ui.examples import EXAMPLES
from kling_ui.ui.handlers.repairs import MAX_EARLY_STOPS, RepairHandlers
from kling_ui.ui.views.findings import STOPPED

TAB = gr.Request(session_hash="tab")


def _told(**data):
    return gr.EventData(None, data)


@pytest.fixture
def latest_wins():
    return LatestWins()


@pytest.fixture
def handlers(services, latest_wins):
    return RepairHandlers(lambda: services, latest_wins)


@pytest.fixture
def image(services):
    return {"ref": services.signed_files.sign(services.examples / EXAMPLES[0].image), "facts": [("Size", "")]}


@pytest.fixture
def video(services):
    return {"ref": services.signed_files.sign(services.examples / EXAMPLES[0].video), "facts": [("Size", "")]}


@pytest.fixture
def broken(canned):
    """A WebP picture and a silent Matroska clip; what is repaired is a PNG and an MP4."""
    image, clip = canned["probe_image"], replace(canned["probe_video"], has_audio=False, audio_codec="")
    look_at_image, look_at_video = canned["analyse_image"], canned["analyse_video"]

    def image_of(path, *_):
        return replace(image, path=path, format="png" if "repaired" in path.name else "webp")

    def clip_of(path, *_):
        return replace(clip, path=path, format="mp4" if "repaired" in path.name else "matroska")

    def repaired(path, _mend, folder):
        made = folder / f"made{path.suffix}"
        made.write_bytes(b"repaired")
        return replace(image, path=made)

    def drawn(_before, _after, _mend, out):
        out.write_bytes(b"picture")
        return out

    canned.update(
        probe_image=image_of,
        probe_video=clip_of,
        analyse_image=lambda path, _: replace(look_at_image, facts=image_of(path)),
        analyse_video=lambda path, _: replace(look_at_video, facts=clip_of(path)),
        transform_image=repaired,
        transform_video=repaired,
        image_before_after=drawn,
        video_before_after=drawn,
    )
    return canned


def _repair(handlers, image, video, *kinds, **more):
    async def collect():
        event = _told(kinds=list(kinds), **more)
        return [display async for display in handlers.on_repair(event, image, video, "video", True, TAB)]

    return asyncio.run(collect())


def _repairing(display):
    return display[2]["repairing"]


def test_repair_all_replaces_both_inputs_at_once(handlers, image, video, broken):
    *before, last = _repair(handlers, image, video, "image.convert", "video.convert", "choice.no-sound")
    assert {_repairing(display)["state"] for display in before} == {"running"}
    assert all(display[0] == gr.skip() and display[1] == gr.skip() for display in before)
    picture, clip, _ = last
    assert picture["ref"].endswith("-repaired.png")
    assert clip["ref"].endswith("-repaired.mp4")
    assert (picture["instead_of"], clip["instead_of"]) == (image["ref"], video["ref"])
    assert picture["repaired"]["changes"] == [("Format", "WebP", "PNG")]
    assert picture["repaired"]["picture"].startswith("files/")
    assert clip["origin"] is None
    done = _repairing(last)
    assert done["state"] == "done"
    assert done["after"] == {"image": picture["ref"], "video": clip["ref"]}
    assert (done["choice"], done["choice_before"]) == ({"keep_sound": False}, {"keep_sound": True})
    assert "Convert to JPEG; Convert to MP4 (H.264); Go on without sound" in done["words"]


def test_a_choice_alone_touches_no_file(handlers, image, video, broken):
    *_, (picture, clip, findings) = _repair(handlers, image, video, "choice.no-sound")
    assert (picture, clip) == (gr.skip(), gr.skip())
    assert findings["repairing"]["choice"] == {"keep_sound": False}


def test_a_second_repair_starts_from_the_original_again(handlers, image, video, broken):
    sources = []
    make = broken["transform_video"]
    broken["transform_video"] = lambda path, *more: sources.append(path.name) or make(path, *more)
    *_, (_, clip, _) = _repair(handlers, image, video, "video.convert")
    *_, (_, again, findings) = _repair(handlers, image, clip, "video.trim", span=[2.0, 7.0])
    assert findings["repairing"]["state"] == "done"
    assert sources == [EXAMPLES[0].video, EXAMPLES[0].video]
    assert [kind for kind, _ in again["current"]["repairs"]] == ["video.convert", "video.trim"]
    assert again["repaired"]["steps"] == 2


def test_what_is_not_on_offer_is_not_done(handlers, image, video, broken):
    *_, last = _repair(handlers, image, video, "image.turn", "nonsense")
    assert _repairing(last)["state"] == "failed"
    assert "nothing to repair" in _repairing(last)["words"]


def test_a_part_that_a_person_picked_is_kept(handlers, image, video, broken):
    mends = []
    make = broken["transform_video"]
    broken["transform_video"] = lambda path, transform, folder: mends.append(transform) or make(path, transform, folder)
    *_, (_, clip, findings) = _repair(handlers, image, video, "video.trim", span=[2.0, 7.0])
    assert (mends[0].start_s, mends[0].end_s) == (2.0, 7.0)
    assert clip["current"]["span"] == [2.0, 7.0]
    assert findings["repairing"]["words"].startswith("Done: Keep 2.0–7.0")


def test_a_failure_changes_nothing_and_says_why(handlers, image, video, broken):
    broken["transform_video"] = MediaError(
        "it breaks off.", path=handlers._services().examples, advice="Choose another."
    )
    *_, (picture, clip, findings) = _repair(handlers, image, video, "image.convert", "video.convert")
    assert (picture, clip) == (gr.skip(), gr.skip())
    assert findings["repairing"]["state"] == "failed"
    assert "breaks off" in findings["repairing"]["words"]


def test_an_unforeseen_error_is_no_traceback(handlers, image, video, broken, caplog):
    broken["transform_image"] = ZeroDivisionError("secret detail")
    *_, last = _repair(handlers, image, video, "image.convert")
    assert "secret detail" not in _repairing(last)["words"]
    assert "ZeroDivisionError at" in caplog.text
    assert "secret detail" not in caplog.text


class Slow:
    """Workers that wait in the middle of a repair until they are let go."""

    def __init__(self, workers):
        self._workers = workers
        self.reached, self.go = asyncio.Event(), asyncio.Event()

    async def run(self, work, *args, **more):
        if work.__name__.startswith("transform_"):
            self.reached.set()
            await self.go.wait()
        return await self._workers.run(work, *args, **more)


@pytest.fixture
def slow(services, latest_wins):
    """Handlers whose repairs wait, and what lets them go."""
    workers = Slow(services.workers)
    return RepairHandlers(lambda: replace(services, workers=workers), latest_wins), workers


def _under_way(slow, image, video, meanwhile):
    """Repair the picture; while that is being written, do something else."""
    handlers, workers = slow

    async def both():
        displays = []

        async def repair():
            event = _told(kinds=["image.convert"])
            displays.extend([display async for display in handlers.on_repair(event, image, video, "video", True, TAB)])

        repairing = asyncio.create_task(repair())
        await asyncio.wait_for(workers.reached.wait(), 10)
        said = await meanwhile(handlers, workers)
        await asyncio.wait_for(repairing, 10)
        return displays, said

    return asyncio.run(both())


def test_it_can_be_stopped_in_the_middle(slow, image, video, broken, services):
    async def stop(handlers, _):
        await handlers.on_stop(_told(press="first"), TAB)

    displays, _ = _under_way(slow, image, video, stop)
    assert _repairing(displays[-1]) == {"state": "stopped", "words": "Stopped. Nothing was changed."}
    assert not [path for path in services.store.root.rglob("*") if path.is_file()]


def test_a_stop_that_overtakes_its_repair_still_counts(slow, image, video, broken, services):
    handlers, workers = slow
    workers.go.set()

    async def stop_then_repair(press):
        await handlers.on_stop(_told(press="first"), TAB)
        event = _told(kinds=["image.convert"], press=press)
        return [display async for display in handlers.on_repair(event, image, video, "video", True, TAB)]

    assert [_repairing(display) for display in asyncio.run(stop_then_repair("first"))] == [STOPPED]
    assert _repairing(asyncio.run(stop_then_repair("second"))[-1])["state"] == "done"


def test_only_so_many_early_stops_are_kept(slow):
    handlers, _ = slow

    async def stop_often():
        for number in range(1000):
            await handlers.on_stop(_told(press=f"{number}"), TAB)

    asyncio.run(stop_often())
    assert len(handlers._stopped_early) == MAX_EARLY_STOPS


def test_a_new_picture_meanwhile_is_not_overwritten(slow, image, video, broken, latest_wins):
    async def hand_in(_, workers):
        with latest_wins.claim("tab", InputKind.IMAGE):
            workers.go.set()

    displays, _ = _under_way(slow, image, video, hand_in)
    picture, clip, findings = displays[-1]
    assert (picture, clip) == (gr.skip(), gr.skip())
    assert findings["repairing"]["after"] == {}
    assert "left as it is" in findings["repairing"]["words"]


def test_a_second_press_takes_over_from_the_first(slow, image, video, broken):
    async def press_again(handlers, workers):
        workers.go.set()
        event = _told(kinds=["image.convert"])
        return [display async for display in handlers.on_repair(event, image, video, "video", True, TAB)]

    displays, again = _under_way(slow, image, video, press_again)
    assert {_repairing(display)["state"] for display in displays} == {"running"}
    assert _repairing(again[-1])["state"] == "done"
    assert not slow[0]._under_way


def test_a_page_that_goes_away_ends_the_work(slow, image, video, broken):
    handlers, workers = slow

    async def leave():
        event = _told(kinds=["image.convert"])
        displays = handlers.on_repair(event, image, video, "video", True, TAB)
        await anext(displays)
        await asyncio.wait_for(workers.reached.wait(), 10)
        (task,) = handlers._under_way.values()
        await displays.aclose()
        await asyncio.wait({task}, timeout=10)
        return task.cancelled()

    assert asyncio.run(leave())
    assert not handlers._under_way


def test_undo_goes_back_to_the_file_from_before(handlers, image, video, broken):
    *_, (picture, _, _) = _repair(handlers, image, video, "image.convert")
    back = asyncio.run(handlers.on_undo_image(picture, TAB))
    assert (back["ref"], back["instead_of"]) == (image["ref"], picture["ref"])
    assert "repaired" not in back


def test_undo_all_leaves_what_was_changed_since(handlers, image, video, broken):
    *_, (picture, clip, findings) = _repair(handlers, image, video, "image.convert", "video.convert")
    after = findings["repairing"]["after"]
    newer = {"ref": image["ref"], "facts": [("Size", "")]}
    back = asyncio.run(handlers.on_undo_all(_told(after=after), newer, clip, TAB))
    assert back[0] == gr.skip()
    assert back[1]["ref"] == video["ref"]
    assert back[2]["repairing"] == {}
    both = asyncio.run(handlers.on_undo_all(_told(after=after), picture, clip, TAB))
    assert (both[0]["ref"], both[1]["ref"]) == (image["ref"], video["ref"])


def test_what_is_gone_cannot_be_gone_back_to(handlers, image):
    back = asyncio.run(handlers.on_undo_image(image, TAB))
    assert back["ref"] == image["ref"]
    assert "no longer kept" in back["error"]


@pytest.mark.parametrize(
    ("told", "chosen"),
    [
        ({"orientation": "image"}, ("image", None)),
        ({"keep_sound": False}, (None, False)),
        ({"orientation": "sideways", "keep_sound": "no"}, (None, None)),
    ],
)
def test_only_choices_that_exist_are_taken_over(handlers, told, chosen):
    taken = asyncio.run(handlers.on_choose(_told(**told)))
    assert taken == tuple(gr.skip() if value is None else value for value in chosen)


def _adjust(handlers, image, video, **what):
    async def collect():
        event = _told(**what)
        return [display async for display in handlers.on_adjust(event, image, video, "video", True, TAB)]

    return asyncio.run(collect())


def test_an_adjusted_clip_is_what_repairs_begin_with_and_can_be_undone(handlers, image, video, broken):
    sources = []
    make = broken["transform_video"]
    broken["transform_video"] = lambda path, *more: sources.append(path.name) or make(path, *more)
    *before, (picture, clip) = _adjust(handlers, image, video, input="video", span=[2.0, 7.0])
    assert all(shown[1]["adjusting"]["state"] == "running" for shown in before)
    assert picture == gr.skip()
    assert clip["adjusting"]["state"] == "done"
    trimmed = clip["value"]
    assert trimmed["repaired"]["labels"] == ("Kept 2.0–7.0\N{NO-BREAK SPACE}s",)
    assert (trimmed["repaired"]["word"], trimmed["instead_of"]) == ("Changed", video["ref"])
    *_, (_, turned) = _adjust(handlers, image, trimmed, input="video", turns=1)
    assert turned["value"]["repaired"]["labels"][1:] == ("Turned left",)
    assert sources == [EXAMPLES[0].video, sources[1]]
    assert "repaired" in sources[1]  # of what is shown
    back = asyncio.run(handlers.on_undo_video(turned["value"], TAB))
    assert (back["ref"], back["repaired"]["labels"]) == (trimmed["ref"], trimmed["repaired"]["labels"])
    first = asyncio.run(handlers.on_undo_video(back, TAB))
    assert first["ref"] == video["ref"]


def test_repairs_of_an_adjusted_clip_are_made_from_it_and_keep_its_words(handlers, image, video, broken):
    *_, (_, clip) = _adjust(handlers, image, video, input="video", turns=3)
    adjusted, sources, make = clip["value"], [], broken["transform_video"]
    broken["transform_video"] = lambda path, *more: sources.append(path.name) or make(path, *more)
    *_, (_, again, _) = _repair(handlers, image, adjusted, "video.trim", span=[2.0, 7.0])
    assert sources == [adjusted["ref"].rpartition("/")[2]]
    assert again["repaired"]["labels"] == ("Turned right", "Keep 2.0–7.0\N{NO-BREAK SPACE}s")
    assert again["repaired"]["steps"] == 2


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ({"input": "video", "span": [2.0, 4.0]}, "too short"),
        ({"input": "image", "box": [0.0, 0.0, 0.1, 0.1]}, "at least"),
        ({"input": "image", "box": [0.5, 0.0, 0.1, 1.0]}, "nothing would change"),
        ({"input": "image", "turns": "left"}, "nothing would change"),
    ],
)
def test_what_is_not_lawful_is_refused_and_changes_nothing(handlers, image, video, what, reason):
    *_, shown = _adjust(handlers, image, video, **what)
    told = shown[0 if what["input"] == "image" else 1]
    assert told["adjusting"]["state"] == "failed"
    assert reason in told["adjusting"]["words"]
    assert "value" not in told


def test_a_part_is_foreseen_with_the_rate_that_is_shown(handlers, video):
    event = _told(span=[1.0, 5.0])
    told = asyncio.run(handlers.on_part(event, video, {"rate_usd": 0.05}, TAB))
    assert told["part"]["span"] == [1.0, 5.0]
    assert "$0.20" in told["part"]["words"]
    assert "Kling" not in asyncio.run(handlers.on_part(event, video, {}, TAB))["part"]["words"]
    assert asyncio.run(handlers.on_part(_told(span="all"), video, {}, TAB)) == gr.skip()
