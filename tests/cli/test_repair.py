"""``kling-ui repair`` as it is typed, with real workers."""

import json
from fractions import Fraction

import numpy as np
import pytest
from figure import Actor, Camera, Scene, write_still
from figure.cast import MAYA, THEO
from PIL import Image
from typer.testing import CliRunner

from kling_ui.cli import app
from kling_ui.media.encode import ClipWriter


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def typed(data_dir, monkeypatch):
    """Type a command."""
    monkeypatch.setenv("KLING_UI_DATA_DIR", str(data_dir))
    monkeypatch.setenv("KLING_UI_WORKERS", "1")
    return lambda *words: CliRunner().invoke(app, ["repair", *(str(word) for word in words)])


@pytest.fixture
def webp(person_png, tmp_path):
    path = tmp_path / "me.webp"
    with Image.open(person_png) as image:
        image.save(path)
    return path


@pytest.fixture(scope="module")
def long_dance(tmp_path_factory, person_png):
    """A person who stands still for longer than orientation image takes, without sound."""
    path = tmp_path_factory.mktemp("clips") / "dance.mp4"
    with Image.open(person_png) as image:
        rgb = np.asarray(image.convert("RGB").resize((360, 640)))
    with ClipWriter(path, fps=Fraction(12), size=(360, 640)) as writer:
        for _ in range(11 * 12):
            writer.write(rgb)
    return path


def test_both_files_are_repaired_in_one_go(typed, webp, long_dance, tmp_path):
    out = tmp_path / "out"
    done = typed("--image", webp, "--video", long_dance, "--orientation", "image", "--out", out, "--json")
    assert done.exit_code == 0, done.stderr
    said = json.loads(done.stdout)
    assert {repair["repair"] for repair in said["repairs"]} == {"image.convert", "video.trim", "choice.no-sound"}
    assert said["before"]["verdict"] == "block"
    assert said["check"]["verdict"] in {"pass", "warn"}
    assert said["image"]["repaired"] == str(out / "me-repaired.jpg")
    assert said["video"]["repaired"] == str(out / "dance-repaired.mp4")
    assert {"what": "duration", "before": "11.00 s", "after": "10.00 s"} in said["video"]["changes"]
    assert said["choice"] == {"orientation": "image", "keep_sound": False}
    assert sorted(path.name for path in out.iterdir()) == ["dance-repaired.mp4", "me-repaired.jpg"]
    assert "Trim to 10.0 s" in done.stderr


def test_what_no_repair_can_save_ends_with_1_and_writes_nothing(typed, person_png, dance_mp4, tmp_path):
    done = typed("--image", person_png, "--video", dance_mp4, "--out", tmp_path / "out")
    assert done.exit_code == 1  # the clip is too short
    assert done.stdout.startswith("Nothing to repair.\nWould fail: the clip lasts 1.5 s")
    assert not (tmp_path / "out").exists()


def test_a_file_that_cannot_be_read_ends_with_2(typed, tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    done = typed("--image", tmp_path / "a.png", "--out", tmp_path / "out", "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["error"]["file"] == "a.png"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [[], ["--out", "out"], ["--image", "a.png"]])
def test_wrong_usage_ends_with_2(typed, words):
    done = typed(*words)
    assert done.exit_code == 2
    assert done.stdout == ""


@pytest.fixture(scope="module")
def two_people(tmp_path_factory):
    """Maya on the left, in yellow, and Theo on the right, in green."""
    path = tmp_path_factory.mktemp("pictures") / "two.png"
    scene = Scene((Actor(MAYA, x_m=-1.0), Actor(THEO, x_m=1.0)), Camera(y_m=0.95, height_m=2.2), "hall")
    return write_still(path, scene, width_px=1600, height_px=900, supersample=1).path


@pytest.mark.parametrize(("person", "is_yellow"), [(1, True), (2, False)])
def test_the_person_that_is_named_is_kept(typed, two_people, tmp_path, person, is_yellow):
    done = typed("--image", two_people, "--person", person, "--out", tmp_path, "--json")
    assert done.exit_code == 0, done.stderr
    said = json.loads(done.stdout)
    assert "image.people" in json.dumps(said["before"])
    assert "image.people" not in json.dumps(said["check"])
    with Image.open(said["image"]["repaired"]) as image:
        assert image.width < 1000
        rgb = np.asarray(image.convert("RGB").resize((60, 90)))[25:45, 22:38].reshape(-1, 3).mean(axis=0)
    assert (rgb[0] > rgb[1] > rgb[2]) == is_yellow


def test_somebody_who_is_not_there_cannot_be_kept(typed, two_people, tmp_path):
    done = typed("--image", two_people, "--person", 3, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "3" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_one_file_becomes_what_is_wanted_of_it(typed, long_dance, tmp_path):
    done = typed("--video", long_dance, "--trim", "2-6.5", "--turn", "left", "--out", tmp_path / "out", "--json")
    said = json.loads(done.stdout)
    assert said["adjusted"] == "Kept 2.0–6.5\N{NO-BREAK SPACE}s, turned left"
    changes = {change["what"]: change["after"] for change in said["video"]["changes"]}
    assert (changes["duration"], changes["size"]) == ("4.50 s", "640 x 360 px")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--trim", "2-4"], "too short"),
        (["--trim", "soon"], "FROM-TO"),
        (["--crop", "0,0,100,100"], "at least"),
        (["--crop", "0,0"], "X,Y,W,H"),
        (["--turn", "sideways"], "no turn"),
    ],
)
def test_what_is_not_lawful_is_refused(typed, long_dance, tmp_path, words, reason):
    done = typed("--video", long_dance, *words, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert reason in done.stderr
    assert not (tmp_path / "out").exists()
