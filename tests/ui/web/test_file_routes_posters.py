"""The route of the small pictures of runs: drawn once, of files of runs alone, at signed addresses."""

from urllib.parse import quote

import pytest
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient

from kling_ui.errors import WorkError
from kling_ui.media.playable import THUMBNAIL_LONG_SIDE_PX, write_thumbnail
from kling_ui.options import InputKind
from kling_ui.ui.web.file_routes import add_posters_route


@pytest.fixture
def drawn(canned):
    """What was drawn, by name and kind."""
    names = []

    def draw(path, kind, out):
        names.append((path.name, kind))
        out.write_bytes(b"small")

    canned["write_thumbnail"] = draw
    return names


@pytest.fixture
def folder(services):
    made = services.signed_files.root / "runs" / ("a" * 32)
    made.mkdir(parents=True)
    for name in ("image.png", "result.mp4"):
        (made / name).write_bytes(b"large")
    return made


@pytest.fixture
def client(services):
    app = FastAPI()
    app.state.services = services
    add_posters_route(app, services.signed_files)
    with TestClient(app, base_url="http://127.0.0.1") as opened:
        yield opened


def _ask(client, services, path):
    return client.get(f"/posters/{quote(services.signed_files.sign(path))}")


def test_a_small_picture_is_drawn_once_of_the_result_and_of_the_character(client, services, folder, drawn):
    for name in ("result.mp4", "result.mp4", "image.png"):
        answer = _ask(client, services, folder / name)
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"small", "image/jpeg")
        assert "private" in answer.headers["cache-control"]
    assert drawn == [("result.mp4", InputKind.VIDEO), ("image.png", InputKind.IMAGE)]


def test_nothing_is_drawn_of_other_files_or_without_a_signature(client, services, folder, drawn):
    (upload := services.signed_files.root / "uploads").mkdir()
    (upload / "image.png").write_bytes(b"large")
    assert _ask(client, services, upload / "image.png").status_code == 404
    assert client.get(f"/posters/{'0' * 32}/runs/{'a' * 32}/image.png").status_code == 404
    assert client.get("/posters/").status_code == 404
    assert drawn == []


def test_what_cannot_be_drawn_is_not_found_and_tried_again(client, services, folder, canned):
    canned["write_thumbnail"] = WorkError("It cannot be read.")
    assert _ask(client, services, folder / "result.mp4").status_code == 404
    canned["write_thumbnail"] = lambda path, kind, out: out.write_bytes(b"small")
    assert _ask(client, services, folder / "result.mp4").status_code == 200


def test_a_picture_is_small_whatever_its_size(tmp_path):
    Image.linear_gradient("L").resize((1200, 1800)).convert("RGB").save(large := tmp_path / "large.png")
    write_thumbnail(large, InputKind.IMAGE, small := tmp_path / "small.jpg")
    with Image.open(small) as opened:
        assert (opened.format, opened.size) == ("JPEG", (THUMBNAIL_LONG_SIDE_PX * 2 // 3, THUMBNAIL_LONG_SIDE_PX))


def test_of_a_clip_a_moment_after_its_beginning_is_taken(three_seconds_mp4, tmp_path):
    write_thumbnail(three_seconds_mp4, InputKind.VIDEO, small := tmp_path / "small.jpg")
    with Image.open(small) as opened:
        assert max(opened.size) <= THUMBNAIL_LONG_SIDE_PX
