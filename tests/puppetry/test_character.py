from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kling_ui.choice import Resolution
from kling_ui.puppetry.character import find_character


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
