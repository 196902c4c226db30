import asyncio
import json
import logging
from contextlib import asynccontextmanager

import httpx
import obstore
import pytest
from starlette.applications import Starlette

from kling_ui.buckets import open_bucket
from kling_ui.media.metadata import copy_without_metadata
from kling_ui.presentation.runs import run_words
from kling_ui.runs.engines import open_public_files
from kling_ui.runs.publishing.public_files import published_files_route
from kling_ui.runs.record import RunState


def in_state(word):
    return httpx.Response(200, json={"request_id": "req-1", "status": word})


def sent(vendor):
    """What the engine was asked for."""
    submit = next(request for request in vendor.seen if request.method == "POST")
    return json.loads(submit.content)


def without_metadata(path):
    """What leaves of a file."""
    out = path.with_name(f"clean-{path.name}")
    copy_without_metadata(path, out)
    return out.read_bytes()


def in_bucket():
    return [meta["path"] for batch in obstore.list(open_bucket("s3://bucket")) for meta in batch]


def written(folder):
    """Everything that lies on the disk, but for the key."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "lending.key"]
    return b"".join(path.read_bytes() for path in files)


async def fetched(url, transport):
    async with httpx.AsyncClient(transport=transport) as engine:
        answer = await engine.get(url)
    return answer.status_code, answer.content


@pytest.fixture
def demo(open_world, tmp_path):
    """Open a world whose app is public as https://demo.example, as long as that world is there."""
    current = {}

    async def may_be_fetched(run_id):
        return await current["world"].runner.may_be_fetched(run_id)

    route = published_files_route(open_public_files(tmp_path / "data"), may_be_fetched)
    transport = httpx.ASGITransport(Starlette(routes=[route]))

    @asynccontextmanager
    async def opened(vendor):
        async with open_world(vendor, outside=transport, public_url="https://demo.example") as world:
            current["world"] = world
            yield world

    return opened, transport


def test_a_store_holds_the_files_of_a_run_until_it_ends(open_world, make_vendor, s3, caplog):
    caplog.set_level(logging.DEBUG)
    vendor = make_vendor(statuses=[in_state("in_progress")])
    real = httpx.AsyncHTTPTransport(verify=False)

    async def story():
        options = {"store_url": "s3://bucket", "api_base": "http://api.example", "outside": real}
        async with open_world(vendor, **options) as world:
            run_id = await world.kling()
            running = await world.until(run_id, RunState.IN_PROGRESS)
            body = sent(vendor)
            files = [await fetched(body[name], real) for name in ("image_url", "video_url")]
            vendor.statuses.append(in_state("completed"))
            done = await world.end(run_id)
        return world, running, files, body, done

    world, running, files, body, done = asyncio.run(story())
    assert files == [(200, without_metadata(world.image)), (200, without_metadata(world.video))]
    assert done.state is RunState.COMPLETED
    assert "S3 store (127.0.0.1)" in run_words(running).note
    assert in_bucket() == []
    logged = " ".join(record.getMessage() for record in caplog.records if record.name != "werkzeug")  # the S3 server
    told = written(world.folder) + f"{logged} {running} {done}".encode()
    for secret in ("X-Amz-Signature", body["image_url"].partition("?")[0].rpartition("/")[2], "planted-secret"):
        assert secret.encode() not in told


def test_the_store_is_emptied_as_soon_as_the_result_is_here(open_world, make_vendor, s3):
    vendor, real = make_vendor(), httpx.AsyncHTTPTransport(verify=False)

    async def story():
        options = {"store_url": "s3://bucket", "api_base": "http://api.example", "outside": real}
        async with open_world(vendor, **options) as world:

            async def motion(*_):
                async with asyncio.timeout(10):
                    while await asyncio.to_thread(in_bucket):  # noqa: ASYNC110  measuring takes a while
                        await asyncio.sleep(0.01)
                return {"score": 91.5}

            world.measurer.motion = motion
            return await world.end(await world.kling())

    view = asyncio.run(story())
    assert (view.state, view.motion_match) == (RunState.COMPLETED, 91.5)
    assert view.result.is_file()


def test_this_app_lends_the_files_of_a_run_until_it_ends_also_after_a_restart(demo, make_vendor):
    opened, transport = demo
    vendor = make_vendor(statuses=[in_state("in_queue")])

    async def before():
        async with opened(vendor) as world:
            run_id = await world.kling()
            running = await world.until(run_id, RunState.IN_QUEUE)
            return world, run_id, running, await fetched(sent(vendor)["video_url"], transport)

    async def after(run_id):
        async with opened(vendor) as world:
            meanwhile = await fetched(sent(vendor)["video_url"], transport)
            vendor.statuses.append(in_state("completed"))
            assert await world.runner.take_over() == [run_id]
            done = await world.end(run_id)
            return meanwhile, done, await fetched(sent(vendor)["video_url"], transport)

    world, run_id, running, first = asyncio.run(before())
    meanwhile, done, afterwards = asyncio.run(after(run_id))
    assert "by a signed address of this app (demo.example)" in run_words(running).note
    assert first == meanwhile == (200, without_metadata(world.video))
    assert done.state is RunState.COMPLETED
    assert afterwards[0] == 404
    signature = sent(vendor)["video_url"].partition("signature=")[2]
    assert len(signature) == 43
    assert signature.encode() not in written(world.folder) + repr((running, done)).encode()


def test_files_stay_fetchable_while_nobody_knows_whether_the_run_was_accepted(demo, make_vendor):
    opened, transport = demo
    vendor = make_vendor(submits=[httpx.ReadTimeout("slow")])

    async def story():
        async with opened(vendor) as world:
            view = await world.end(await world.kling())
            return view, await fetched(sent(vendor)["image_url"], transport)

    view, found = asyncio.run(story())
    assert view.state is RunState.UNKNOWN
    assert found[0] == 200


def test_files_of_a_refused_run_are_not_fetchable(demo, make_vendor):
    opened, transport = demo
    refusal = httpx.Response(402, json={"error_code": 400002, "error_message": "no"})
    vendor = make_vendor(submits=[refusal])

    async def story():
        async with opened(vendor) as world:
            view = await world.end(await world.kling())
            return view, await fetched(sent(vendor)["image_url"], transport)

    view, found = asyncio.run(story())
    assert view.state is RunState.FAILED
    assert found[0] == 404


def test_a_preview_shows_nothing_to_anybody(demo, make_vendor):
    opened, _ = demo
    vendor = make_vendor()

    async def story():
        async with opened(vendor) as world:
            return await world.end(await world.start())

    view = asyncio.run(story())
    assert (view.state, run_words(view).note) == (RunState.COMPLETED, "")
    assert vendor.seen == []
