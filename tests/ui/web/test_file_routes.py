import os
import time
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from kling_ui.settings import Settings
from kling_ui.ui.services import open_store
from kling_ui.ui.web.file_routes import add_routes
from kling_ui.ui.web.signed_files import SignedFiles
from kling_ui.ui.web.sweeping import sweep
from kling_ui.ui.web.uploads import UploadIntake, UploadRate


@pytest.fixture
def client(tmp_path):
    app, signed_files = FastAPI(), SignedFiles(tmp_path, b"secret")
    store = open_store(Settings(data_dir=tmp_path), signed_files)
    add_routes(app, signed_files, UploadIntake(lambda: store, rate=UploadRate(limit_s=60.0)))
    return TestClient(app)


def _send(client, content, name):
    return client.post("/inputs", content=content, headers={"X-File-Name": quote(name)})


def test_health(client):
    assert client.get("/health").json() == {"status": "ok"}


def test_what_is_uploaded_can_be_read_by_its_reference_only(client):
    ref = _send(client, b"0123456789", "my clip.mp4").json()["ref"]
    answer = client.get(f"/files/{quote(ref)}")
    assert answer.content == b"0123456789"
    assert answer.headers["content-type"] == "video/mp4"
    assert client.get(f"/files/{('y' if ref[0] == 'x' else 'x') + ref[1:]}").status_code == 404
    assert client.get(f"/files/{ref.partition('/')[2]}").status_code == 404


def test_a_clip_is_served_in_ranges(client):
    ref = _send(client, b"0123456789", "clip.mp4").json()["ref"]
    answer = client.get(f"/files/{ref}", headers={"Range": "bytes=2-4"})
    assert (answer.status_code, answer.content) == (206, b"234")
    assert answer.headers["content-range"] == "bytes 2-4/10"


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "script.js"])
def test_what_could_run_in_a_browser_is_only_downloaded(client, name):
    answer = client.get(f"/files/{_send(client, b'<script>', name).json()['ref']}")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("%F0%A0%80%80" * 90 + ".png", "\U00020000" * 39 + ".png"),
        ("%F0%9F%98%80" * 90 + ".png", "_" * 76 + ".png"),
        ("\U00020000.png", "\U00020000.png"),
        ("%ED%A0%80.png", "___.png"),
        ("a%00b%0D%0Ac.png", "a_b__c.png"),
        ("..", "input"),
        ("%2e%2e%2f", "input"),
        ("NUL.png", "_NUL.png"),
    ],
)
def test_an_upload_of_any_name_is_kept_and_served(client, tmp_path, header, name):
    answer = client.post("/inputs", content=b"abc", headers={"X-File-Name": header.encode()})
    assert answer.status_code == 200
    assert [path.name for path in (tmp_path / "uploads").rglob("*") if path.is_file()] == [name]
    assert client.get(f"/files/{quote(answer.json()['ref'])}").content == b"abc"


def test_a_download_is_named_whatever_the_alphabet(client):
    ref = _send(client, b"text", "\u0424\u043e\u0442\u043e.txt").json()["ref"]
    told = client.get(f"/files/{quote(ref)}").headers["content-disposition"]
    assert told == "attachment; filename*=utf-8''%D0%A4%D0%BE%D1%82%D0%BE.txt"


def test_an_empty_upload_is_refused_in_words(client):
    answer = _send(client, b"", "clip.mp4")
    assert answer.status_code == 422
    assert answer.json() == {"error": "This file is empty.", "advice": "Choose another one."}


def test_old_inputs_are_swept_and_young_ones_stay(tmp_path):
    old, young = tmp_path / "old", tmp_path / "young"
    for folder in (old, young):
        folder.mkdir()
        (folder / "clip.mp4").write_bytes(b"x")
    then = time.time() - 100
    os.utime(old, (then, then))
    sweep(tmp_path, 50)
    assert list(tmp_path.iterdir()) == [young]


def test_sweeping_a_folder_that_is_not_there_does_nothing(tmp_path):
    sweep(tmp_path / "none", 50)
