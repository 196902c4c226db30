import hashlib

import pytest

from kling_ui.errors import KlingUIError, MediaError
from kling_ui.runs.run_files import RunFolders, sha256_of

IMAGE = b"\xff\xd8\xff\xe0" + bytes(range(200))
VIDEO = b"\0\0\0\x14ftypqt  \0\0\2\0qt  " + bytes(3 * 2**20)


@pytest.fixture
def files(tmp_path):
    image, video = tmp_path / "a.bin", tmp_path / "b.txt"
    image.write_bytes(IMAGE)
    video.write_bytes(VIDEO)
    return image, video


def test_inputs_are_copied_under_what_they_are_and_hashed(tmp_path, files):
    folders = RunFolders(tmp_path / "runs")
    kept = folders.keep(*files)
    assert (kept.image_name, kept.reference_name) == ("image.jpg", "reference.mov")
    assert kept.image_sha256 == hashlib.sha256(IMAGE).hexdigest()
    copy = folders.of(kept.run_id) / kept.reference_name
    assert copy.read_bytes() == VIDEO
    assert sha256_of(copy) == kept.reference_sha256
    files[1].write_bytes(b"changed later")
    assert copy.read_bytes() == VIDEO
    assert folders.keep(*reversed(files)).run_id != kept.run_id


def test_what_cannot_be_kept_leaves_nothing(tmp_path, files):
    root = tmp_path / "runs"
    with pytest.raises(MediaError, match="no such file"):
        RunFolders(root).keep(files[0], tmp_path / "missing.mp4")
    assert not root.exists()
    root.write_text("a file where the folder should be")
    with pytest.raises(KlingUIError, match="could not be kept"):
        RunFolders(root).keep(*files)
