import asyncio
import re
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette

from kling_ui.errors import LedgerError
from kling_ui.options import InputKind as Kind
from kling_ui.runs.publishing.protocol import Channel, Delivery, NoPublisherError
from kling_ui.runs.publishing.public_files import PublicFiles, PublicFilesPublisher, published_files_route

KEY = bytes(range(32))


class App:
    """This app, seen from outside; also keeps the time and the ledger."""

    def __init__(self, tmp_path, net):
        self.now, self.open_runs, self.trouble = net.now, {net.run_id}, None
        self.files = PublicFiles(tmp_path / "runs", KEY)
        asgi = Starlette(routes=[published_files_route(self.files, self.may_be_fetched, clock=lambda: self.now)])
        self.transport = httpx.ASGITransport(asgi)

    async def may_be_fetched(self, run_id):
        if self.trouble:
            raise self.trouble
        return run_id in self.open_runs

    def ask(self, url, method="GET", **headers):
        async def asking():
            async with httpx.AsyncClient(transport=self.transport, base_url="https://demo.example") as http:
                return await http.request(method, url, headers=headers)

        return asyncio.run(asking())


@pytest.fixture
def app(tmp_path, net):
    return App(tmp_path, net)


@pytest.fixture
def url(app, net, image):
    return app.files.sign(image.path, int(net.now) + 60)


def test_a_signed_address_gives_the_file_with_protective_headers(app, net, url):
    answer = app.ask(url)
    assert (answer.status_code, answer.content) == (200, net.png)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["accept-ranges"] == "bytes"
    assert "no-store" in answer.headers["cache-control"]
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "content-disposition" not in answer.headers


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-3", 206, slice(0, 4)),
        ("bytes=10000-", 206, slice(10_000, None)),
        ("bytes=-8", 206, slice(-8, None)),
        ("lines=1-2", 400, None),
        ("bytes=99999999-", 416, None),
    ],
)
def test_ranges(app, url, asked, status, part):
    answer, net_png = app.ask(url, Range=asked), app.ask(url).content
    assert answer.status_code == status
    if status == 206:
        assert answer.content == net_png[part]
        assert answer.headers["content-range"].endswith(f"/{len(net_png)}")


def test_head_tells_everything_but_the_content(app, net, url):
    answer = app.ask(url, "HEAD")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(net.png))


def test_a_misnamed_file_has_the_type_of_its_content(app, net, image):
    misnamed = image.path.with_suffix(".webp")
    image.path.rename(misnamed)
    assert app.ask(app.files.sign(misnamed, int(net.now) + 9)).headers["content-type"] == "image/png"


def test_an_address_works_until_its_moment_and_only_while_the_run_is_open(app, url):
    app.now += 59
    assert app.ask(url).status_code == 200
    app.open_runs.clear()
    assert app.ask(url).status_code == 404
    app.open_runs = {url.split("/")[2]}
    app.now += 1
    assert app.ask(url).status_code == 404


def test_nothing_about_an_address_can_be_changed(app, net, url, video):
    other = net.run_id.replace("0", "1")
    changes = [
        url.replace(net.run_id, other),
        url.replace("image.png", "reference.mp4"),
        re.sub(r"expires=\d+", "expires=9999999999", url),
        url.replace("signature=", "signature=A"),
        url.partition("&")[0],
        url.partition("?")[0],
        f"{url}0",
        url.replace("signature=", "Signature="),
        re.sub(r"signature=.*", "signature=%C3%A4", url),
    ]
    app.open_runs.add(other)
    assert [app.ask(change).status_code for change in changes] == [404] * len(changes)
    assert len({app.ask(change).content for change in changes}) == 1
    assert [app.ask(url, method).status_code for method in ("POST", "PUT", "DELETE")] == [405] * 3


def test_another_key_opens_nothing(app, net, image, tmp_path):
    foreign = PublicFiles(tmp_path / "runs", b"another").sign(image.path, int(net.now) + 60)
    assert app.ask(foreign).status_code == 404


@pytest.mark.parametrize(
    "inside", ["result.mp4", "image.png.part", "image.png/x", "../ledger.sqlite", "../files.key", "image", "image.PNG"]
)
def test_only_the_two_inputs_of_a_run_can_be_published(app, net, image, inside):
    path = image.path.parent / inside
    with pytest.raises(ValueError, match=r"published|subpath"):
        app.files.sign(path, int(net.now) + 60)


def test_a_link_out_of_the_folder_is_not_followed(app, net, image, url, tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(net.png)
    image.path.unlink()
    image.path.symlink_to(secret)
    assert app.ask(url).status_code == 404


def test_a_file_that_is_gone_and_a_ledger_that_cannot_be_read(app, url, image):
    app.trouble = LedgerError("The ledger cannot be read.")
    answer = app.ask(url)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    app.trouble = None
    image.path.unlink()
    assert app.ask(url).status_code == 404


def other_publisher(app, net, transport=None, outside_url="https://demo.example/kling"):
    probe = net.probe(transport or app.transport)
    return PublicFilesPublisher(app.files, outside_url, probe, publish_hours=3, clock=lambda: app.now)


def test_a_file_is_lent_once_a_stranger_can_fetch_it(app, net, video):
    published_file = net.run(other_publisher(app, net, outside_url="https://demo.example").publish(video, Kind.VIDEO))
    assert published_file.url.startswith(
        f"https://demo.example/lent/{net.run_id}/reference.mp4?expires={net.now + 3 * 3600:.0f}&"
    )
    assert published_file.delivery == Delivery(Channel.APP_ADDRESS, "demo.example", 3)
    assert app.ask(published_file.url).content == net.mp4
    assert "signature" not in repr(published_file)
    net.run(other_publisher(app, net).take_back(video))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(404), "nothing is there"),  # a private Space, or another app
        (httpx.Response(401), "asks for a sign-in"),
        (httpx.Response(302, headers={"location": "https://login.example/"}), "leads to a web page"),
        (httpx.Response(200, content=b"<html>Sleeping</html>"), "leads to a web page"),
    ],
)
def test_an_app_that_is_not_public_lends_nothing(app, net, image, answer, words):
    def outside(request):
        if request.headers["host"] == "login.example":
            return httpx.Response(200, content=b"<html>Sign in</html>")
        return answer

    with pytest.raises(
        NoPublisherError, match=f"This app cannot be reached from outside at demo.example: .*{words}"
    ) as caught:
        net.run(other_publisher(app, net, httpx.MockTransport(outside)).publish(image, Kind.IMAGE))
    assert "signature" not in str(caught.value)


@pytest.mark.parametrize("outside_url", ["http://demo.example", "https://192.168.1.5", "https://localhost:7860"])
def test_an_address_that_the_vendor_cannot_reach_is_not_even_tried(app, net, image, outside_url):
    with pytest.raises(NoPublisherError, match=r"private network|http:// addresses"):
        net.run(other_publisher(app, net, outside_url=outside_url).publish(image, Kind.IMAGE))


def test_a_given_address_does_not_matter_here(app, net, image):
    given = replace(image, url="https://pics.example/a.png")
    published_file = net.run(other_publisher(app, net, outside_url="https://demo.example").publish(given, Kind.IMAGE))
    assert published_file.url.startswith("https://demo.example/")
