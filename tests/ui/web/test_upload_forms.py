"""Programs upload with forms; the file is kept like one of the page's, and nothing else is taken."""

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from kling_ui.ui.web.program_requests import UPLOAD
from kling_ui.ui.web.signed_files import SignedFiles
from kling_ui.ui.web.temporary_space import DiskFloor
from kling_ui.ui.web.upload_forms import add_forms_route
from kling_ui.ui.web.uploads import UploadIntake, UploadRate, UploadStore

RATE = UploadRate(limit_s=10)
BOUNDARY = "----b"
HEADERS = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@pytest.fixture
def signed_files(tmp_path):
    return SignedFiles(tmp_path, b"secret")


@pytest.fixture
def client(tmp_path, signed_files):
    store = UploadStore(tmp_path / "uploads", b"secret", each_bytes=10**6, floor=DiskFloor(tmp_path, 0))
    app = FastAPI()
    add_forms_route(app, signed_files, UploadIntake(lambda: store, rate=RATE, max_bytes=500_000))
    return TestClient(app)


def _form(*parts):
    return b"".join(b"--%b\r\n%b\r\n" % (BOUNDARY.encode(), part) for part in parts) + b"--%b--\r\n" % BOUNDARY.encode()


def _part(content, name="files", filename="me.png"):
    return f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'.encode() + content


@pytest.mark.parametrize("content", [b"x", bytes(range(256)) * 1000, b"\r\n------b\r", b"--" + BOUNDARY.encode()])
def test_a_file_arrives_whole(client, signed_files, content):
    (ref,) = client.post(UPLOAD, files={"files": ("me.png", content)}).json()
    path = signed_files.open(ref)
    assert path.read_bytes() == content
    assert path.name == "me.png"


def test_in_pieces_of_one_byte_too(client, signed_files):
    form = _form(_part(b"abc\r\n--def"))
    answer = client.post(UPLOAD, content=(form[n : n + 1] for n in range(len(form))), headers=HEADERS)
    assert signed_files.open(answer.json()[0]).read_bytes() == b"abc\r\n--def"


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\x.png", "/abs/me.png", "con.png", "a" * 500 + ".png"])
def test_its_name_leads_nowhere(client, signed_files, tmp_path, name):
    (ref,) = client.post(UPLOAD, content=_form(_part(b"x", filename=name)), headers=HEADERS).json()
    path = signed_files.open(ref)
    assert path.is_relative_to(tmp_path / "uploads")
    assert path.parent.parent.parent == tmp_path / "uploads"


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (_form(_part(b"x"), _part(b"y")), HEADERS),
        (_form(b'Content-Disposition: form-data; name="files"\r\n\r\nx'), HEADERS),
        (_form(), HEADERS),
        (_form(_part(b"x" * 2000))[:-20], HEADERS),
        (b"x=1", {"Content-Type": "application/x-www-form-urlencoded"}),
        (b"x" * 200_000, HEADERS),
        (b"", HEADERS),
        (_form(_part(b"x")), {"Content-Type": "multipart/form-data"}),
        (b"--%b\r\n" % BOUNDARY.encode() + b"A: b\r\n" * 50_000, HEADERS),
    ],
)
def test_what_is_no_form_with_one_file_leaves_nothing(client, tmp_path, content, headers):
    answer = client.post(UPLOAD, content=content, headers=headers)
    assert (answer.status_code, answer.text[:36]) == (422, "This is no form with one file in it.")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_limits_of_uploads_hold(client, tmp_path):
    large = client.post(UPLOAD, files={"files": ("me.png", b"x" * 600_000)})
    assert (large.status_code, large.text[:26]) == (422, "This file is larger than 0")
    for _ in range(2):
        assert client.post(UPLOAD, files={"files": ("me.png", b"x" * 400_000)}).status_code == 200
    full = client.post(UPLOAD, files={"files": ("me.png", b"x" * 400_000)})
    assert full.status_code == 413
    assert "the most that is kept at a time" in full.text
