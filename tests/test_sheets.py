"""Contact sheets: what is on them, what is told meanwhile, and what is said of what cannot be drawn."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from kling_ui import Progress, Settings, SettingsError, sheet
from kling_ui.cli import app
from kling_ui.sheets import MOMENTS, TILE_PX, SheetResult


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Settings:
    return Settings.from_env({"KLING_UI_DATA_DIR": str(tmp_path_factory.mktemp("data")), "KLING_UI_WORKERS": "1"})


@pytest.fixture(scope="module")
def blank(tmp_path_factory) -> Path:
    """A picture of nobody."""
    path = tmp_path_factory.mktemp("nobody") / "blank.png"
    Image.new("RGB", (480, 640), (120, 140, 160)).save(path)
    return path


@pytest.fixture(scope="module")
def drawn(
    person_png: Path, blank: Path, short_dance_mp4: Path, settings: Settings, tmp_path_factory
) -> tuple[SheetResult, list[Progress]]:
    told: list[Progress] = []
    note = tmp_path_factory.mktemp("note") / "note.png"
    note.write_text("no picture at all")
    small = note.with_name("small.png")
    Image.open(person_png).resize((90, 160)).save(small)
    out = tmp_path_factory.mktemp("out") / "sheet.png"
    made = sheet(
        [person_png, blank, note, small],
        [short_dance_mp4],
        out=out,
        settings=settings,
        on_progress=told.append,
        accept=["video.duration"],
    )
    return made, told


def test_a_row_shows_the_picture_and_different_moments(drawn, person_png: Path):
    made, _ = drawn
    rgb = np.asarray(Image.open(made.path).convert("RGB")).astype(int)
    picture = Image.open(person_png)
    width = round(picture.width * TILE_PX / picture.height)
    tiles = [rgb[10 : 10 + TILE_PX, 10 + n * width : 10 + (n + 1) * width] for n in range(MOMENTS + 1)]
    assert all(tile.std() > 20 for tile in tiles)
    assert all(np.abs(a - b).mean() > 0.5 for a, b in pairwise(tiles))
    assert np.abs(tiles[0] - np.asarray(picture.convert("RGB").resize((width, TILE_PX)))).mean() < 8


def test_every_pair_has_a_cell_and_what_cannot_be_drawn_says_why(drawn):
    made, _ = drawn
    assert [cell.is_done for cell in made.cells] == [True, False, False, False]
    assert [cell.is_unreadable for cell in made.cells] == [False, False, True, False]
    assert "not a picture" in made.cells[2].message
    assert "no person was found" in made.cells[1].message
    assert made.cells[3].message.startswith("Would fail")


def test_progress_is_told_in_words_and_never_goes_back(drawn, person_png: Path):
    _, told = drawn
    shares = [news.share for news in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert f"Drawing {person_png.name}." in [news.words for news in told]


@pytest.mark.parametrize(
    ("images", "videos", "out"),
    [
        ([], ["dance.mp4"], "sheet.png"),
        (["me.png"], [], "sheet.png"),
        (["me.png"], ["dance.mp4"], "sheet.jpg"),
        (["me.png"], ["dance.mp4"], "nowhere/sheet.png"),
        ([f"{n}.png" for n in range(401)], ["dance.mp4"], "sheet.png"),
    ],
)
def test_what_cannot_become_a_sheet_is_refused_before_anything_is_read(tmp_path: Path, settings, images, videos, out):
    with pytest.raises(SettingsError):
        sheet(images, videos, out=tmp_path / out, settings=settings)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_command_tells_images_from_clips_and_ends_with_its_code(
    person_png: Path, short_dance_mp4: Path, settings: Settings, tmp_path: Path, monkeypatch
):
    monkeypatch.setenv("KLING_UI_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("KLING_UI_WORKERS", "1")
    out = tmp_path / "sheet.png"
    words = ["sheet", str(short_dance_mp4), str(person_png), "--out", str(out), "--accept", "video.duration"]
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["cells"][0]["drawn"] is True
    assert out.stat().st_size > 10_000
    small = tmp_path / "small.png"
    Image.open(person_png).resize((90, 160)).save(small)
    blocked = CliRunner().invoke(app, [*words, str(small)])
    assert blocked.exit_code == 1
    assert "1 of 2 drawn" in blocked.stdout
    assert CliRunner().invoke(app, [*words, str(tmp_path / "missing.png")]).exit_code == 2
