import errno
import os
from pathlib import Path

import pytest

from kling_ui.errors import SettingsError
from kling_ui.media.files import copy_into, cut


def test_a_video_is_put_under_a_free_name(tmp_path):
    video = tmp_path / "result.mp4"
    video.write_bytes(b"new")
    names = [copy_into(video, tmp_path, "a.mp4").name for _ in range(3)]
    assert names == ["a.mp4", "a-2.mp4", "a-3.mp4"]
    assert (tmp_path / "a-3.mp4").read_bytes() == b"new"
    with pytest.raises(SettingsError, match=r"cannot be written.*It is kept at .*result\.mp4"):
        copy_into(video, tmp_path / "nowhere", "a.mp4")


@pytest.mark.parametrize(
    ("stem", "placed"),
    [
        ("a" * 250, "a" * 80),
        ("\u4e2d" * 83, "\u4e2d" * 26),
        ("\U0001f600" * 60, "_" * 20),
        ('it\'s "mine"', "it_s _mine_"),
        ("-rf", "rf"),
        ("--out=x", "out_x"),
        (".hidden", "hidden"),
        ("half\udcff", "half_"),
        ("a:b*c?d|e<f>g", "a_b_c_d_e_f_g"),
        ("new\nline\x1b[2J", "new_line__2J"),
        ("...", "clip-preview"),
    ],
)
def test_any_name_in_and_a_short_legal_one_out(tmp_path, stem, placed):
    kept = tmp_path / "result.mp4"
    kept.write_bytes(b"new")
    for number in range(2):
        found = copy_into(kept, tmp_path, f"{cut(stem, 80)}-clip-preview.mp4")
        ending = "" if placed == "clip-preview" else "-clip-preview"
        assert found.name == f"{placed}{ending}{'-2' if number else ''}.mp4"
        assert len(os.fsencode(found.name)) <= 143  # what an encrypted disk takes
        assert found.read_bytes() == b"new"


@pytest.mark.parametrize("fault", ["no folder", "a file in its place", "not writable", "full", "too many"])
def test_an_output_folder_that_fails_hides_no_result(tmp_path, fault, monkeypatch):
    kept, out = tmp_path / "data" / "runs" / "1" / "result.mp4", tmp_path / "out"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"new")

    def refuse(number):
        def refused(*_args, **_options):
            raise OSError(number, os.strerror(number))

        return refused

    if fault == "a file in its place":
        out.write_text("mine")
    elif fault != "no folder":
        out.mkdir()
    if fault == "full":
        monkeypatch.setattr("shutil.copyfileobj", refuse(errno.ENOSPC))
    elif fault == "not writable":  # a test may run as root, whom no mode stops
        monkeypatch.setattr(Path, "open", refuse(errno.EACCES))
    elif fault == "too many":
        monkeypatch.setattr(Path, "open", refuse(errno.EEXIST))
    with pytest.raises(SettingsError) as caught:
        copy_into(kept, out, "a.mp4")
    monkeypatch.undo()
    assert str(kept) in str(caught.value)
    assert kept.read_bytes() == b"new"
    assert not out.is_dir() or list(out.iterdir()) == []
