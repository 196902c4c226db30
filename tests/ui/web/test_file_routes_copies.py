"""The route that says what to show of a file, and has a copy made where not every browser shows the original."""

import asyncio
import os
import time
from collections import Counter
from dataclasses import replace
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from kling_ui.errors import WorkTimeoutError
from kling_ui.media.playable import PlayableCopies
from kling_ui.options import InputKind
from kling_ui.ui.web import sweeping
from kling_ui.ui.web.client_address import SCOPE_KEY
from kling_ui.ui.web.file_routes import add_copies_route


@pytest.fixture
def made():
    return Counter()


@pytest.fixture
def clip(services, canned, made):
    """An HEVC clip, and workers that copy it."""

    def write(facts, out):
        made[out.name.rpartition("-")[2]] += 1
        out.write_bytes(b"copy")
        return out

    canned["probe_video"] = replace(canned["probe_video"], codec="hevc", path=services.signed_files.root / "a.mp4")
    canned |= {"write_poster": write, "write_shown_clip": write, "write_shown_picture": write}
    path = services.signed_files.root / "a.mp4"
    path.write_bytes(b"hevc")
    return path


@pytest.fixture
def client(services):
    app = FastAPI()
    app.state.services = services
    add_copies_route(app, services.signed_files)
    with TestClient(app, base_url="http://127.0.0.1") as opened:
        yield opened


def ask(client, services, path, kind="video", query=""):
    return client.post(f"/shown/{kind}/{quote(services.signed_files.sign(path))}{query}")


def settled(client, services, path, **how):
    for _ in range(2000):
        answer = ask(client, services, path, **how).json()
        if answer["url"] or answer["failed"]:
            return answer
        time.sleep(0.005)
    pytest.fail("the copy is never made")


def test_a_copy_is_prepared_and_then_shown(client, services, clip, made):
    first = ask(client, services, clip)
    assert first.headers["cache-control"] == "no-store"
    assert first.json() | {"poster": ""} == {
        "url": "",
        "poster": "",
        "words": "Preparing a playable copy",
        "failed": False,
        "fps": 24.0,
    }
    answer = settled(client, services, clip)
    assert services.signed_files.open(answer["url"].removeprefix("files/")).read_bytes() == b"copy"
    assert answer["poster"].endswith("-video-poster.jpg")
    assert answer["words"] == ""
    assert made == {"video.mp4": 1, "poster.jpg": 1}


def test_what_every_browser_plays_is_shown_itself(client, services, clip, canned, made):
    canned["probe_video"] = replace(canned["probe_video"], codec="h264")
    answer = ask(client, services, clip).json()
    assert answer["url"] == services.signed_files.url(clip)
    assert not made
    assert settled(client, services, clip, query="?wanted=true")["url"].endswith("-video.mp4")


def test_a_picture_likewise(client, services, clip, canned):
    canned["probe_image"] = replace(canned["probe_image"], format="tiff")
    assert ask(client, services, clip, "image").json()["words"] == "Preparing a copy that can be shown"
    assert settled(client, services, clip, kind="image")["url"].endswith("-image.jpg")


def test_why_there_is_no_copy_is_said(client, services, clip, canned):
    canned["write_shown_clip"] = WorkTimeoutError("This took longer than 240 s and was stopped.")
    answer = settled(client, services, clip)
    assert answer["words"] == ("A playable copy could not be made: This took longer than 240 s and was stopped.")
    assert answer["poster"]


@pytest.mark.parametrize("ref", ["x/a.mp4", "a.mp4", "", "../../etc/hostname"])
def test_only_who_holds_the_address_of_a_file_may_have_it_copied(client, clip, made, ref):
    assert client.post(f"/shown/video/{ref}").status_code == 404
    assert not made


def test_nothing_but_pictures_and_clips(client, services, clip, made):
    assert ask(client, services, clip, "sound").status_code == 422
    assert client.get(f"/shown/video/{services.signed_files.sign(clip)}").status_code == 405
    assert not made


def test_one_address_has_one_copy_made_at_a_time_and_keeps_nobody_else_waiting(services, clip, canned):
    settings = replace(services.settings, public_url="https://kling.example")
    other, third = clip.with_name("b.mp4"), clip.with_name("c.mp4")
    for path in (other, third):
        path.write_bytes(path.name.encode())
    under_way = Counter()

    class SlowWorkers:
        async def run(self, work, facts, out, *, timeout_s):
            if work.__name__ == "probe_video":
                return canned["probe_video"]
            under_way[work.__name__] += 1
            await go_on.wait()
            return canned[work.__name__](facts, out)

    async def asked():
        workers = SlowWorkers()
        copies = PlayableCopies(services.signed_files.root / "playable", workers, at_once_max=4)
        public = replace(services, settings=settings, copies=copies)
        for address, path in (("a", clip), ("a", other), ("b", third)):
            theirs = public.for_scope({SCOPE_KEY: address})
            await theirs.shown(path, InputKind.VIDEO)
            for _ in range(20):
                await asyncio.sleep(0.01)
        waiting = under_way["write_poster"]
        go_on.set()
        await copies.close()
        return waiting

    go_on = asyncio.Event()
    assert asyncio.run(asked()) == 2  # of each address one


def test_old_copies_are_swept(services, clip, tmp_path):
    folder = services.settings.playable_folder
    folder.mkdir()
    for name, age_s in (("old.mp4", 2 * sweeping.KEEP_INPUTS_S), ("new.mp4", 60)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (time.time() - age_s,) * 2)

    async def swept():
        cleaning = asyncio.create_task(sweeping.keep_clean(services))
        for _ in range(500):
            await asyncio.sleep(0.01)
            if not (folder / "old.mp4").exists():
                break
        cleaning.cancel()

    asyncio.run(swept())
    assert [path.name for path in folder.iterdir()] == ["new.mp4"]
