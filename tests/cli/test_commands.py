"""The commands as they are typed, with real workers: what they print, and the codes they end with."""

import json
import os
import signal
import subprocess
import sys
import time

import imageio_ffmpeg
import pytest
from typer.testing import CliRunner

from kling_ui.cli import app


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """One for all tests, so that each file is looked at once."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def typed(data_dir, monkeypatch):
    """Type a command."""
    monkeypatch.setenv("KLING_UI_DATA_DIR", str(data_dir))
    monkeypatch.setenv("KLING_UI_WORKERS", "1")  # one start of MediaPipe a command is enough
    for name in ("RUNCOMFY_API_TOKEN", "RUNCOMFY_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def test_help_tells_every_command_without_loading_what_they_need():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "kling_ui", "--help"], capture_output=True, text=True, check=True
    )
    for name in ("check", "run", "preview-server", "app"):
        assert name in done.stdout
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "typer" in loaded
    assert loaded.isdisjoint({"numpy", "av", "gradio", "httpx", "sqlalchemy", "mediapipe", "PIL", "pydantic"})


@pytest.mark.parametrize(
    "words",
    [
        ["check"],
        ["check", "--image", "a.png", "--orientation", "sideways"],
        ["run", "a.png"],
        ["run", "a.png", "b.mp4", "--engine", "other"],
        ["run", "a.png", "b.mp4", "--engine", "kling"],
        ["run", "a.png", "b.mp4", "--resolution", "4k"],
        ["preview-server", "--port", "70000"],
        ["preview-server", "--token", "two words"],
        ["nonsense"],
    ],
)
def test_wrong_usage_ends_with_2_and_words_on_standard_error(typed, words):
    done = typed(*words)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "Error" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_told_in_one_line(typed, monkeypatch):
    monkeypatch.setenv("KLING_UI_WORKERS", "many")
    done = typed("check", "--image", "a.png")
    assert done.exit_code == 2
    assert done.stderr == "Error: KLING_UI_WORKERS takes a whole number from 1 to 64.\n"


def test_check_says_what_is_wrong_and_ends_with_1_when_a_run_would_fail(typed, person_png, dance_mp4):
    done = typed("check", "--image", person_png, "--video", dance_mp4, "--json")
    report = json.loads(done.stdout)
    assert done.exit_code == 1
    assert report["verdict"] == "block"
    assert 0.05 < report["image"]["facts"]["subject_share"] < 0.9
    assert report["video"]["facts"]["duration_s"] == 1.5
    finding = next(found for found in report["video"]["findings"] if found["rule"] == "video.duration")
    assert finding["severity"] == "block"
    assert {"rule", "severity", "measured", "message", "advice", "source", "repair"} <= set(finding)
    shown = typed("check", "--image", person_png, "--video", dance_mp4)
    assert shown.exit_code == 1
    assert shown.stdout.startswith("Would fail:")
    assert "[video.duration]" in shown.stdout
    assert "Video: dance.mp4, MP4, 360 x 640 px" in shown.stdout


@pytest.mark.parametrize("prompt", ["half a \ud83d smile", os.fsdecode(b"caf\xe9"), "a\x07b"])
def test_a_prompt_that_is_no_text_blocks(typed, person_png, short_dance_mp4, tmp_path, prompt):
    commands = (["check", "--image", person_png], ["run", person_png, short_dance_mp4, "--out", tmp_path])
    for words in commands:
        done = typed(*words, "--prompt", prompt, "--json")
        report = json.loads(done.stdout)
        assert done.exit_code == 1
        findings = report.get("check", report)["pair"]["findings"]
        assert [finding["rule"] for finding in findings] == ["prompt.characters"]
    assert list(tmp_path.iterdir()) == []


def test_files_whose_names_are_long_or_no_text_are_checked_run_and_repaired(
    typed, person_png, short_dance_mp4, tmp_path, monkeypatch
):
    """Sixty-two characters of four bytes are the most that a disk takes; other names are no text at all."""
    monkeypatch.setenv("KLING_UI_DATA_DIR", str(tmp_path / "data"))  # others run the same files
    out = tmp_path / "out"
    for name in ("\U0001f600" * 62, os.fsdecode(b"caf\xe9")):
        image, video = tmp_path / f"{name}.png", tmp_path / f"{name}.mp4"
        image.write_bytes(person_png.read_bytes())
        video.write_bytes(short_dance_mp4.read_bytes())
        done = typed("run", image, video, "--out", out)
        assert done.exit_code == 0, done.stderr
        assert os.fsdecode(done.stdout_bytes).strip() in map(str, out.iterdir())
        assert typed("repair", "--image", image, "--out", out).exit_code in {0, 1}
        assert typed("check", "--image", image).exit_code in {0, 1}


def test_a_file_that_cannot_be_read_ends_with_2(typed, person_png, tmp_path):
    named = tmp_path / "named.mp4"
    named.write_text("only words")
    done = typed("check", "--image", person_png, "--video", named, "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["error"]["file"] == "named.mp4"
    assert "named.mp4: it is a text file" in done.stderr
    done = typed("run", tmp_path / "missing.png", named, "--out", tmp_path)
    assert done.exit_code == 2
    assert done.stdout == ""


def test_run_stops_at_a_block(typed, person_png, dance_mp4, tmp_path):
    done = typed("run", person_png, dance_mp4, "--out", tmp_path / "out", "--json")
    outcome = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (outcome["status"], outcome["run_id"], outcome["video"]) == ("blocked", None, None)
    assert "1.5 s" in outcome["error"]["message"]
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.slow
def test_run_makes_a_preview_and_overwrites_nothing(typed, person_png, short_dance_mp4, tmp_path):
    mine = tmp_path / f"{person_png.stem}-short-dance-preview.mp4"
    mine.write_text("mine")
    done = typed("run", person_png, short_dance_mp4, "--out", tmp_path, "--json")
    outcome = json.loads(done.stdout)
    assert done.exit_code == 0, done.stderr
    assert (outcome["engine"], outcome["status"], outcome["error"]) == ("preview", "completed", None)
    assert outcome["video"] == str(tmp_path / f"{person_png.stem}-short-dance-preview-2.mp4")
    assert (tmp_path / f"{person_png.stem}-short-dance-preview-2.mp4").stat().st_size > 1000
    assert mine.read_text() == "mine"
    assert outcome["duration_s"] == pytest.approx(3.25, abs=0.01)
    assert outcome["fps"] == 8
    assert outcome["motion_match"] > 60
    assert outcome["run_id"]
    assert outcome["request_id"]
    assert "Drawing the preview" in done.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("heeds_ctrl_c")
def test_ctrl_c_ends_a_run_and_leaves_nothing_behind(person_png, short_dance_mp4, tmp_path, data_dir):
    long_dance = data_dir.with_name("long-dance.mp4")  # long enough to be still drawn when the signal comes
    repeated = ["-stream_loop", "7", "-i", str(short_dance_mp4), "-c", "copy", str(long_dance)]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *repeated], check=True)
    environ = os.environ | {"KLING_UI_DATA_DIR": str(data_dir), "KLING_UI_WORKERS": "1"}
    command = [
        sys.executable,
        "-m",
        "kling_ui",
        "run",
        str(person_png),
        str(long_dance),
        "--out",
        str(tmp_path),
        "--again",
    ]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        told = []
        while not (told and told[-1].startswith("Drawing the preview")):
            told.append(running.stderr.readline())
            assert told[-1], "".join(told)  # it ended before it drew
        time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        rest = running.stderr.read()
        assert running.wait(20) == 130
    assert "Stopped." in rest
    assert "Traceback" not in rest
    assert list(tmp_path.iterdir()) == []
    assert list((data_dir / "preview").iterdir()) == []


@pytest.fixture
def garlic_json(garlic, tmp_path):
    """A file of the garlic's joints, as a person writes it."""
    path = tmp_path / "garlic.json"
    path.write_text(json.dumps({"unit": "px", "joints": {name: list(place) for name, place in garlic[1].items()}}))
    return path


@pytest.mark.slow
def test_check_takes_joints_that_were_placed_by_hand(typed, garlic, garlic_json):
    plain = json.loads(typed("check", "--image", garlic[0], "--json").stdout)
    done = typed("check", "--image", garlic[0], "--joints", garlic_json, "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 0
    assert [finding["rule"] for finding in plain["image"]["findings"]] == ["image.character"]
    assert "corrected" not in plain["image"]["facts"]
    corrected = told["image"]["facts"]["corrected"]
    assert (set(corrected["joints"]), corrected["mask"]) == (set(garlic[1]), False)
    assert told["image"]["findings"] == []
    assert "corrected by you: 13 joints" in typed("check", "--image", garlic[0], "--joints", garlic_json).stdout


@pytest.mark.parametrize(
    ("joints", "words"), [('{"joints": {"tail": [0, 0]}}', "no joint 'tail'"), ('{"joints": {}', "it is not JSON")]
)
def test_joints_that_cannot_be_meant_end_with_2(typed, garlic, tmp_path, joints, words):
    (tmp_path / "wrong.json").write_text(joints)
    done = typed("check", "--image", garlic[0], "--joints", tmp_path / "wrong.json")
    assert done.exit_code == 2
    assert words in done.stderr
    assert "wrong.json" in done.stderr


def test_joints_need_an_image(typed, garlic_json, dance_mp4):
    done = typed("check", "--video", dance_mp4, "--joints", garlic_json)
    assert done.exit_code == 2
    assert "Give the image, too." in done.stderr


@pytest.mark.slow
def test_run_rehearses_whom_no_detector_finds_and_without_background_too(
    typed, garlic, garlic_json, short_dance_mp4, tmp_path
):
    out = tmp_path / "out"
    words = ("run", garlic[0], short_dance_mp4, "--joints", garlic_json, "--transparent", "--out", out, "--json")
    done = typed(*words, "--accept", "video.duration")
    told = json.loads(done.stdout)
    assert done.exit_code == 0
    assert told["corrected"]["joints"] == told["check"]["image"]["facts"]["corrected"]["joints"]
    names = sorted(path.name for path in out.iterdir())
    assert names == sorted([told["video"].rpartition("/")[2], told["transparent"].rpartition("/")[2]])
    assert names[0].endswith("-preview-transparent.webm")


def test_what_is_kept_is_deleted_only_when_one_is_sure(typed, data_dir):
    told = typed("forget")
    assert told.exit_code == 1
    assert "--yes does it" in told.stderr
    deleted = typed("forget", "--yes", "--json")
    assert deleted.exit_code == 0
    assert json.loads(deleted.stdout)["deleted"] is True
    assert not (data_dir / "command-line-visitor").exists()
    assert json.loads(typed("runs", "--json").stdout)["runs"] == []
    assert typed("forget", "--of", "f00d", "--yes").exit_code == 1
