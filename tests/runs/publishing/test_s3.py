import asyncio
import logging
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import obstore
import pytest

from kling_ui.buckets import open_bucket
from kling_ui.options import InputKind as Kind
from kling_ui.runs.publishing.protocol import Channel, Delivery, NoPublisherError
from kling_ui.runs.publishing.s3 import SWEEP_AFTER_S, S3Publisher

KEY = bytes(32)
SECRETS = ("planted-secret", "Signature=")


def publisher(probe, url="s3://bucket/some/folder", clock=time.time):
    return S3Publisher(open_bucket(url), KEY, probe, publish_hours=2, clock=clock)


def network(net):
    """A stranger who really asks the S3 server on this machine."""
    return net.probe(httpx.AsyncHTTPTransport(verify=False), takes_http=True)


@pytest.fixture
def world(net, s3, monkeypatch):
    """The network, and the environment to change."""
    return net, monkeypatch


def names():
    return [meta["path"] for batch in obstore.list(open_bucket("s3://bucket")) for meta in batch]


def test_a_file_is_lent_by_a_presigned_address_and_deleted_afterwards(net, s3, image, video):
    async def story():
        publishing = publisher(network(net))
        published_files = (
            await publishing.publish(image, Kind.IMAGE),
            await publishing.publish(video, Kind.VIDEO),
        )
        async with httpx.AsyncClient(verify=False) as anybody:
            answers = [
                await anybody.get(published_file.url, headers={"Range": "bytes=8-11"})
                for published_file in published_files
            ]
        kept = await asyncio.to_thread(names)
        await publishing.take_back(image)
        await publishing.take_back(image)  # does no harm
        await publisher(network(net)).take_back(video)  # another process, which only knows the run
        return published_files, answers, kept

    published_files, answers, kept = net.run(story())
    assert [answer.status_code for answer in answers] == [206, 206]
    assert [answer.headers["content-type"] for answer in answers] == ["image/png", "video/mp4"]
    assert [answer.content for answer in answers] == [net.png[8:12], net.mp4[8:12]]
    query = parse_qs(urlsplit(published_files[0].url).query)
    assert query["X-Amz-Expires"] == ["7200"]
    assert all(name.startswith("some/folder/lent/") for name in kept)
    assert not any(net.run_id in name for name in kept)
    assert len({len(name) for name in kept}) == 1
    assert names() == []
    assert published_files[0].delivery == Delivery(Channel.STORE, "127.0.0.1", 2)
    assert not any(secret in repr(published_files) for secret in SECRETS)


def test_an_upload_is_foreseen_without_asking_the_store(net, s3, image):
    before = names()
    planned = net.run(publisher(network(net)).foresee(image, Kind.IMAGE))
    assert (planned.channel, planned.hours) == (Channel.STORE, 2)
    assert planned.host == "127.0.0.1"
    assert (names(), net.asked) == (before, [])


def test_names_cannot_be_guessed_without_the_key(net, s3, image):
    net.run(publisher(network(net)).publish(image, Kind.IMAGE))
    other = S3Publisher(open_bucket("s3://bucket/some/folder"), b"other", network(net), publish_hours=2)
    net.run(other.publish(image, Kind.IMAGE))
    first, second = names()
    assert first != second
    assert all(len(name.rpartition("/")[2].removesuffix(".png")) == 43 for name in (first, second))


def test_an_address_that_a_stranger_cannot_use_is_not_used(net, s3, image):
    with pytest.raises(NoPublisherError, match=r"nobody can fetch it there: it refuses strangers \(403\)") as caught:
        net.run(publisher(net.probe(lambda _: httpx.Response(403), takes_http=True)).publish(image, Kind.IMAGE))
    assert not any(secret in str(caught.value) for secret in SECRETS)
    assert names() == []


def test_the_vendor_takes_https_only(net, s3, image):
    with pytest.raises(NoPublisherError, match=r"private network|http:// addresses are not used"):
        net.run(publisher(net.probe(httpx.AsyncHTTPTransport(verify=False))).publish(image, Kind.IMAGE))
    assert names() == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3://no-such-bucket/x", "there is no such bucket"),
        ("s3://bucket", "cannot be used with the AWS_ variables"),
    ],
)
def test_a_store_that_cannot_be_used_is_told_in_words(world, image, caplog, url, words):
    net, monkeypatch = world
    if url == "s3://bucket":
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    caplog.set_level(logging.DEBUG)
    publishing = publisher(network(net), url)
    with pytest.raises(NoPublisherError, match=f"KLING_UI_STORE_URL.*{words}") as caught:
        net.run(publishing.publish(image, Kind.IMAGE))
    assert caught.value.__suppress_context__
    assert not any(secret in str(caught.value) + caplog.text for secret in SECRETS)


def test_a_store_that_refuses_to_delete_is_only_logged(net, s3, image, monkeypatch, caplog):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    net.run(publisher(network(net)).take_back(image))
    assert "could not be deleted" in caplog.text
    assert not any(secret in caplog.text for secret in SECRETS)


def test_other_files_than_pictures_and_videos_are_not_uploaded(net, s3, image):
    image.path.write_text("words")
    with pytest.raises(NoPublisherError, match="The image is a text file"):
        net.run(publisher(network(net)).publish(image, Kind.IMAGE))
    assert names() == []


@pytest.mark.parametrize(("later_s", "is_left"), [(SWEEP_AFTER_S - 60, True), (SWEEP_AFTER_S + 60, False)])
def test_what_a_killed_process_left_behind_goes_after_a_week_and_nothing_else_does(net, s3, image, later_s, is_left):
    async def story():
        lost = S3Publisher(open_bucket("s3://bucket/some/folder"), b"lost", network(net), publish_hours=2)
        await lost.publish(image, Kind.IMAGE)
        others = open_bucket("s3://bucket/some/folder")
        for name in ("lent/notes.txt", "other.png", f"lent/{'a' * 42}.png"):
            await obstore.put_async(others, name, b"mine")
        await publisher(network(net), clock=lambda: time.time() + later_s).take_back(image)

    net.run(story())
    kept = {name.removeprefix("some/folder/") for name in names()}
    assert {"lent/notes.txt", "other.png", f"lent/{'a' * 42}.png"} <= kept
    assert len(kept) == 3 + is_left
