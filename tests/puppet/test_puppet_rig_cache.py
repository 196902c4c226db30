import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from kling_ui.errors import MediaError
from kling_ui.puppet.puppet import forget_rigs, rig_of

SIDES = (480, 480)


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    forget_rigs()
    yield
    forget_rigs()


def test_the_same_picture_is_cut_out_once_wherever_it_lies(person_png: Path, tmp_path: Path):
    first = rig_of(person_png, sides_px=SIDES)
    assert rig_of(Path(shutil.copy(person_png, tmp_path / "copy.png")), sides_px=SIDES) is first


def test_another_picture_under_the_same_name_is_another_figure(person_png: Path, tmp_path: Path):
    path = Path(shutil.copy(person_png, tmp_path / "picture.png"))
    first = rig_of(path, sides_px=SIDES)
    cv2.imwrite(str(path), cv2.flip(cv2.imread(str(path)), 1))
    assert rig_of(path, sides_px=SIDES).character.face.centre != first.character.face.centre


def test_another_size_is_another_figure(person_png: Path):
    larger = rig_of(person_png, sides_px=(600, 600))
    assert rig_of(person_png, sides_px=SIDES).character.size < larger.character.size


def test_a_picture_that_is_gone_is_named(tmp_path: Path):
    with pytest.raises(MediaError, match=r"gone\.png"):
        rig_of(tmp_path / "gone.png", sides_px=SIDES)
