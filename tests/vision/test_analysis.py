import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kling_ui.errors import MediaError
from kling_ui.media.image import read_picture
from kling_ui.vision.analysis import analyse_image, analyse_video
from kling_ui.vision.pose import Framing


@pytest.fixture(scope="module")
def looks(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("looks")


def test_a_look_at_a_character(drawn_person, looks):
    look = analyse_image(drawn_person.path, looks)
    assert look.facts.path == drawn_person.path
    assert look.person is not None
    assert look.person.framing == Framing.FULL
    x, y = drawn_person.joints_px[0][:, 0], drawn_person.joints_px[0][:, 1]
    left, top, right, bottom = look.person.box
    assert left * drawn_person.width_px < x.min() + 5
    assert right * drawn_person.width_px > x.max() - 5
    assert top * drawn_person.height_px < y.min()
    assert bottom * drawn_person.height_px > y.max() - 20
    assert 0.05 < look.person.subject_share < (right - left) * (bottom - top)


def test_the_overlay_shows_the_picture_with_marks(drawn_person, looks):
    look = analyse_image(drawn_person.path, looks)
    assert look.overlay is not None
    overlay = read_picture(look.overlay)
    plain = read_picture(drawn_person.path)
    assert overlay.facts.format == "jpeg"
    assert overlay.rgb.shape == (800, 450, 3)  # the same shape, as large as the models see it
    assert overlay.rgb[2, 2].mean() < plain.rgb[2, 2].mean()  # what is not the person is dimmed


def test_a_picture_of_nobody(tmp_path):
    path = tmp_path / "wall.png"
    Image.new("RGB", (400, 400), (180, 170, 160)).save(path)
    look = analyse_image(path, tmp_path / "looks")
    assert (look.person, look.overlay) == (None, None)
    assert analyse_image(path, tmp_path / "looks") == look


def test_a_second_look_under_another_name_is_remembered(drawn_person, looks, tmp_path):
    first = analyse_image(drawn_person.path, looks)
    copy = tmp_path / "copy.png"
    shutil.copy(drawn_person.path, copy)
    kept = {file.name: file.stat().st_mtime_ns for file in looks.iterdir()}
    second = analyse_image(copy, looks)
    assert second == replace(first, facts=replace(first.facts, path=copy))
    assert {file.name: file.stat().st_mtime_ns for file in looks.iterdir()} == kept


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"facts": {}}'])
def test_a_damaged_memory_is_replaced(drawn_person, looks, damage):
    first = analyse_image(drawn_person.path, looks)
    (kept,) = looks.glob(f"{first.sha256}-*-image.json")
    kept.write_bytes(damage)
    assert analyse_image(drawn_person.path, looks) == first
    assert kept.read_bytes() != damage


def test_a_look_at_a_clip(drawn_dance, looks):
    look = analyse_video(drawn_dance.path, looks)
    assert len(look.track.times_s) == 13, "nothing is in doubt: every second of 24 moments, and the last frame"
    assert look.person_share == 1
    assert look.framing == Framing.FULL
    assert look.facts.has_audio
    strip = read_picture(look.strip)
    assert strip.rgb.shape[0] == 260
    assert strip.rgb.shape[1] > 8 * 130


def test_the_second_look_at_a_clip_finds_the_same(drawn_dance, looks):
    first, second = (analyse_video(drawn_dance.path, looks) for _ in range(2))
    assert second.facts == first.facts
    assert np.array_equal(second.track.landmarks, first.track.landmarks)
    assert second.strip == first.strip


def test_looks_travel_between_processes(drawn_dance, drawn_person, looks):
    image = analyse_image(drawn_person.path, looks)
    assert pickle.loads(pickle.dumps(image)) == image
    video = analyse_video(drawn_dance.path, looks)
    assert pickle.loads(pickle.dumps(video)).facts == video.facts


def test_a_clip_of_nobody(make_clip, tmp_path):
    look = analyse_video(make_clip(frames=6), tmp_path / "looks")
    assert look.person_share == 0
    assert look.framing == Framing.NOBODY
    assert (look.notes.cuts, look.notes.motion_speed.times_s) == ((), ())


def test_a_folder_that_cannot_be_written(tmp_path):
    path = tmp_path / "wall.png"
    Image.new("RGB", (400, 400)).save(path)
    (tmp_path / "looks").touch()
    with pytest.raises(MediaError, match="cannot be written"):
        analyse_image(path, tmp_path / "looks")


def test_that_a_kept_look_was_used_can_be_told_and_its_content_stays_as_it_is(person_png, tmp_path):
    analyse_image(person_png, tmp_path)
    (kept,) = tmp_path.glob("*-image.json")
    os.utime(kept, (1, 2))
    analyse_image(person_png, tmp_path)
    assert kept.stat().st_atime > 10**9
    assert kept.stat().st_mtime == 2
