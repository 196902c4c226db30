from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kling_ui.options import Resolution
from kling_ui.puppet.rig.character import CUT_ROWS, find_character
from kling_ui.puppet.skeleton import Joint


@pytest.mark.parametrize(
    ("height_px", "resolution", "expected_px"),
    [
        (400, Resolution.P720, 720),  # small pictures are enlarged, but no further than they must
        (400, Resolution.P1080, 720),
        (1000, Resolution.P720, 1000),
        (1600, Resolution.P720, 1280),
        (1600, Resolution.P1080, 1600),
    ],
)
def test_a_character_fits_the_resolution(person_png: Path, tmp_path: Path, height_px, resolution, expected_px):
    picture = Image.open(person_png).convert("RGB")
    width_px = round(picture.width * height_px / picture.height)
    picture.resize((width_px, height_px)).save(tmp_path / "person.png")
    character = find_character(tmp_path / "person.png", sides_px=resolution.sides_px)
    assert character.size[1] == pytest.approx(expected_px, abs=2)
    assert character.size[0] / character.size[1] == pytest.approx(width_px / height_px, abs=0.01)
    assert not np.any(np.array(character.size) % 2)


def test_what_the_picture_cuts_off_goes_on_as_the_cloth_above_it(upper_body_png: Path):
    character = find_character(upper_body_png, sides_px=(480, 480))
    height, last = character.size[1], character.size[1] - CUT_ROWS - 1
    assert len(character.figure) == len(character.alpha) > 1.1 * height
    for away in (2, 10, 25):
        above, below = last - away, last + 1 + away
        solid = (character.alpha[above] > 0.95) & (character.alpha[below] > 0.95)
        assert solid.sum() > 40
        assert (character.figure[below][solid] == character.figure[above][solid]).all()
    assert (character.alpha[height:] == character.alpha[height]).all()


def test_a_whole_figure_is_not_continued(person_png: Path):
    character = find_character(person_png, sides_px=(480, 480))
    assert len(character.figure) == character.size[1]


@pytest.mark.parametrize(("cut_at", "goes_on"), [("soles", False), ("shins", True)])
def test_only_above_its_feet_a_figure_goes_on_below_the_picture(person_png: Path, tmp_path: Path, cut_at, goes_on):
    picture = Image.open(person_png).convert("RGB")
    whole = find_character(person_png, sides_px=picture.size[::-1])
    ends = np.flatnonzero((whole.alpha > 0.9).any(axis=1))[-1] * picture.height / whole.size[1]
    knee, ankle = whole.joints[[Joint.LEFT_KNEE, Joint.LEFT_ANKLE], 1] * picture.height / whole.size[1]
    row = round(ends - 0.01 * picture.height if cut_at == "soles" else (knee + ankle) / 2)
    picture.crop((0, 0, picture.width, row)).save(tmp_path / "cut.png")
    character = find_character(tmp_path / "cut.png", sides_px=picture.size[::-1])
    assert character.alpha[character.size[1] - CUT_ROWS : character.size[1]].max() > 0.5
    assert (len(character.figure) > character.size[1]) is goes_on
