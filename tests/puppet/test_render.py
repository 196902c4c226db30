import base64
import json
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from figure.clip import DrawnClip

from kling_ui.errors import MediaError
from kling_ui.media.encode import ClipWriter
from kling_ui.media.probe import probe_video
from kling_ui.media.video import read_frames
from kling_ui.options import Orientation
from kling_ui.puppet.render import RenderFacts, render_preview
from kling_ui.puppet.skeleton import BONES, Part, joints_of
from kling_ui.vision.pose import PoseTrack, find_poses, track_of

LIMBS = [part for part in BONES if part is not Part.HEAD]


@pytest.fixture(scope="module")
def danced(person_png: Path, dance_mp4: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RenderFacts]:
    out = tmp_path_factory.mktemp("danced") / "result.mp4"
    return out, render_preview(person_png, dance_mp4, out, sides_px=(480, 480), progress=out.with_name("progress.json"))


def pictures(path: Path) -> np.ndarray:
    return np.stack([frame.rgb for frame in read_frames(path, container="mp4")])


def headings(track: PoseTrack) -> np.ndarray:
    joints = joints_of(track.landmarks)[..., :2] * (track.aspect, 1)
    ways = np.stack([joints[:, BONES[part].end] - joints[:, BONES[part].start] for part in LIMBS], axis=1)
    return np.arctan2(ways[..., 1], ways[..., 0])


def flat(path: Path, colour: int = 128) -> Path:
    with ClipWriter(path, fps=Fraction(8), size=(96, 160)) as writer:
        for _ in range(6):
            writer.write(np.full((160, 96, 3), colour, np.uint8))
    return path


def test_frames_time_size_and_sound_are_as_promised(danced: tuple[Path, RenderFacts], drawn_dance: DrawnClip):
    path, facts = danced
    assert facts == RenderFacts(drawn_dance.frame_count, drawn_dance.fps, drawn_dance.duration_s, 270, 480)
    probed = probe_video(path)
    assert (probed.frame_count, probed.fps) == (drawn_dance.frame_count, drawn_dance.fps)
    assert probed.duration_s == pytest.approx(drawn_dance.duration_s, abs=1e-3)
    assert (probed.width_px, probed.height_px) == (270, 480)
    assert (probed.codec, probed.pixel_format, probed.audio_codec) == ("h264", "yuv420p", "aac")
    told = json.loads(path.with_name("progress.json").read_bytes())
    assert told["progress"] <= 1
    shown = cv2.imdecode(np.frombuffer(base64.b64decode(told["frame"]), np.uint8), cv2.IMREAD_COLOR)
    last = list(read_frames(path, container="mp4"))[-1].rgb
    small = cv2.resize(last, shown.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert max(shown.shape) == 360
    assert np.abs(shown[..., ::-1].astype(int) - small).mean() < 6  # drawn at most half a second before the last one
    assert sorted(file.name for file in path.parent.iterdir()) == ["progress.json", "result.mp4"]


def test_the_character_makes_the_reference_s_moves(danced: tuple[Path, RenderFacts], dance_mp4: Path):
    tracks = [
        track_of(find_poses(read_frames(path, container="mp4", long_side_px=640))) for path in (dance_mp4, danced[0])
    ]
    assert tracks[1].found.all()
    apart = headings(tracks[0]) - headings(tracks[1])
    assert np.degrees(np.abs((apart + np.pi) % (2 * np.pi) - np.pi)).mean() < 8


def test_the_result_is_marked_as_a_preview(danced: tuple[Path, RenderFacts], person_png: Path):
    corner = pictures(danced[0])[:, -24:, -110:]
    assert (corner.max(axis=(1, 2, 3)) > 190).all()  # bright letters on every frame
    assert np.ptp(corner.astype(int), axis=0)[6:-6].mean() < 6  # that do not move


def test_the_background_stays(danced: tuple[Path, RenderFacts]):
    top = pictures(danced[0])[:, :40, :60].astype(int)
    assert np.abs(top - top[0]).max() < 12


def test_image_orientation_moves_differently_and_sound_can_be_dropped(
    danced: tuple[Path, RenderFacts], person_png: Path, dance_mp4: Path, tmp_path: Path
):
    out = tmp_path / "result.mp4"
    options = {"orientation": Orientation.IMAGE, "keep_sound": False, "sides_px": (480, 480)}
    render_preview(person_png, dance_mp4, out, **options)
    assert not probe_video(out).has_audio
    assert np.abs(pictures(out).astype(int) - pictures(danced[0])).max(axis=3).mean() > 2
    again = tmp_path / "again.mp4"
    render_preview(person_png, dance_mp4, again, **options)
    assert (pictures(out) == pictures(again)).all()  # the same inputs give the same pictures


def test_a_half_body_takes_a_half_body_s_moves(upper_body_png: Path, talk_mp4: Path, tmp_path: Path):
    facts = render_preview(upper_body_png, talk_mp4, tmp_path / "result.mp4", sides_px=(400, 400))
    assert (facts.width_px, facts.height_px) == (400, 300)
    moved = np.ptp(pictures(tmp_path / "result.mp4").astype(int), axis=0).max(axis=2)
    assert moved[150:].max() > 100


def test_nobody_in_the_picture_names_the_picture(dance_mp4: Path, tmp_path: Path):
    empty = flat(tmp_path / "clip.mp4")
    with av.open(str(empty)) as opened:
        next(opened.decode(video=0)).to_image().save(tmp_path / "wall.png")
    with pytest.raises(MediaError, match="no person") as caught:
        render_preview(tmp_path / "wall.png", dance_mp4, tmp_path / "out.mp4")
    assert caught.value.path.name == "wall.png"
    assert not list(tmp_path.glob("*out*"))


def test_nobody_in_the_clip_names_the_clip(person_png: Path, tmp_path: Path):
    with pytest.raises(MediaError, match="no person") as caught:
        render_preview(person_png, flat(tmp_path / "wall.mp4"), tmp_path / "out.mp4", sides_px=(240, 240))
    assert caught.value.path.name == "wall.mp4"
    assert not list(tmp_path.glob("*out*"))


def test_a_file_that_is_no_clip_is_refused(person_png: Path, tmp_path: Path):
    path = tmp_path / "text.mp4"
    path.write_text("not a clip")
    with pytest.raises(MediaError):
        render_preview(person_png, path, tmp_path / "out.mp4")
