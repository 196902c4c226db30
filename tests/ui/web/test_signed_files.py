import asyncio
import stat

import pytest

from kling_ui.errors import KlingUIError
from kling_ui.ui.web.signed_files import SignedFiles, open_signed_files, receive, shown_type


@pytest.fixture
def signed_files(tmp_path):
    return SignedFiles(tmp_path, b"secret")


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "runs" / "a b.png"
    path.parent.mkdir()
    path.write_bytes(b"png")
    return path


def test_a_signed_reference_opens_its_file(signed_files, picture):
    assert signed_files.open(signed_files.sign(picture)) == picture


def test_an_address_is_relative_and_escaped(signed_files, picture):
    assert signed_files.url(picture).startswith("files/")
    assert signed_files.url(picture).endswith("/runs/a%20b.png")
    assert signed_files.url(None) == ""


def test_references_survive_a_restart(tmp_path, picture):
    ref = open_signed_files(tmp_path).sign(picture)
    assert open_signed_files(tmp_path).open(ref) == picture
    assert stat.S_IMODE((tmp_path / "files.key").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda ref: ref.replace("a b", "c"), id="another file with the same signature"),
        pytest.param(lambda ref: "A" * 32 + ref[32:], id="another signature"),
        pytest.param(lambda ref: ref[32:], id="no signature"),
        pytest.param(lambda ref: ref[:33] + "../" + ref[33:], id="outside"),
        pytest.param(lambda _: "", id="empty"),
        pytest.param(lambda _: None, id="nothing"),
        pytest.param(lambda _: {"path": "/etc/passwd"}, id="not text"),
        pytest.param(lambda ref: ref + "\udcff", id="not even Unicode"),
    ],
)
def test_a_forged_reference_opens_nothing(signed_files, picture, forge):
    (picture.parent / "c.png").write_bytes(b"png")
    assert signed_files.open(forge(signed_files.sign(picture))) is None


def test_another_secret_opens_nothing(tmp_path, signed_files, picture):
    assert SignedFiles(tmp_path, b"other").open(signed_files.sign(picture)) is None


def test_only_files_below_the_folder_are_signed(signed_files, tmp_path):
    with pytest.raises(ValueError, match="subpath"):
        signed_files.sign(tmp_path.parent / "elsewhere.png")


def test_a_link_out_of_the_folder_opens_nothing(signed_files, tmp_path, tmp_path_factory):
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.png"
    secret.write_bytes(b"png")
    (tmp_path / "link.png").write_bytes(b"png")
    ref = signed_files.sign(tmp_path / "link.png")
    (tmp_path / "link.png").unlink()
    (tmp_path / "link.png").symlink_to(secret)
    assert signed_files.open(ref) is None


@pytest.mark.parametrize(("name", "kind"), [("a.PNG", "image/png"), ("a.svg", None), ("a.html", None), ("a", None)])
def test_only_pictures_and_clips_are_shown_in_the_browser(tmp_path, name, kind):
    assert shown_type(tmp_path / name) == kind


async def _chunks(*parts):
    for part in parts:
        if isinstance(part, Exception):
            raise part
        yield part


def test_an_upload_is_kept_whole(tmp_path):
    path = asyncio.run(receive(_chunks(b"ab", b"cd"), tmp_path / "home", "clip.mp4"))
    assert path.read_bytes() == b"abcd"
    assert path.name == "clip.mp4"


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ([b"abc", b"def"], KlingUIError),
        ([b""], KlingUIError),
        ([b"ab", ConnectionError("gone")], ConnectionError),
    ],
    ids=["too large", "empty", "broken off"],
)
def test_an_upload_that_cannot_be_kept_leaves_nothing(tmp_path, parts, error):
    with pytest.raises(error):
        asyncio.run(receive(_chunks(*parts), tmp_path / "home", "clip.mp4", max_bytes=5))
    assert list(tmp_path.iterdir()) == []


def test_an_upload_whose_name_no_disk_takes_leaves_nothing(tmp_path):
    with pytest.raises(KlingUIError, match="too long"):
        asyncio.run(receive(_chunks(b"abc"), tmp_path / "home", "\U0001f600" * 90))
    assert list(tmp_path.iterdir()) == []
