"""Repair all turns files stored turned, brightens dark and deepens pale ones; then they are judged like their twins."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from kling_ui.checks.preflight import judge
from kling_ui.checks.repair_plan import RepairKind, compose, offers, repair_all
from kling_ui.media.image import read_picture
from kling_ui.media.transform_image import transform_image
from kling_ui.media.transform_video import transform_video
from kling_ui.media.video import read_frames
from kling_ui.options import TransferOptions
from kling_ui.vision.analysis import ImageAnalysis, VideoAnalysis, analyse_image, analyse_video

CHOICE = TransferOptions(keep_sound=False)


def changed_clip(source: Path, path: Path, change: Callable[[np.ndarray], np.ndarray]) -> Path:
    """The frames of a clip of 16 frames a second, changed; twice, as a shorter clip is blocked for its length."""
    frames = [np.ascontiguousarray(change(frame.rgb)) for frame in read_frames(source, container="mp4")]
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=16, options={"crf": "12"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for rgb in [*frames, *frames[::-1]]:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        out.mux(stream.encode(None))
    return path


def of_clip(analysis: VideoAnalysis) -> set[str]:
    return {finding.code for finding in judge(None, analysis, CHOICE).video.findings}


def of_picture(analysis: ImageAnalysis) -> set[str]:
    return {finding.code for finding in judge(analysis, None, CHOICE).image.findings}


def repaired_clip(analysis: VideoAnalysis, folder: Path) -> tuple[frozenset[RepairKind], VideoAnalysis]:
    kinds = repair_all(offers(None, analysis, judge(None, analysis, CHOICE), CHOICE))
    plan = compose(kinds, None, analysis, CHOICE)
    assert plan.video is not None
    return kinds, analyse_video(transform_video(analysis.facts.path, plan.video, folder).path, folder)


def repaired_picture(analysis: ImageAnalysis, folder: Path) -> tuple[frozenset[RepairKind], ImageAnalysis]:
    kinds = repair_all(offers(analysis, None, judge(analysis, None, CHOICE), CHOICE))
    plan = compose(kinds, analysis, None, CHOICE)
    assert plan.image is not None
    return kinds, analyse_image(transform_image(analysis.facts.path, plan.image, folder).path, folder)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_clip_that_was_stored_turned(talk_mp4, tmp_path, turns):
    twin = analyse_video(changed_clip(talk_mp4, tmp_path / "twin.mp4", lambda rgb: rgb), tmp_path)
    stored = analyse_video(changed_clip(talk_mp4, tmp_path / "stored.mp4", lambda rgb: np.rot90(rgb, turns)), tmp_path)
    assert "video.person/turned" in of_clip(stored)
    kinds, after = repaired_clip(stored, tmp_path)
    assert kinds == {RepairKind.VIDEO_TURN}
    assert (after.facts.width_px, after.facts.height_px) == (twin.facts.width_px, twin.facts.height_px)
    assert of_clip(after) == of_clip(twin)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_picture_that_was_stored_turned_loses_nothing(person_png, tmp_path, turns):
    rgb = read_picture(person_png).rgb
    Image.fromarray(rgb).save(tmp_path / "twin.jpg", quality=95)
    twin = analyse_image(tmp_path / "twin.jpg", tmp_path)
    with Image.open(tmp_path / "twin.jpg") as opened:
        Image.fromarray(np.rot90(np.asarray(opened), turns)).save(tmp_path / "stored.png")
    stored = analyse_image(tmp_path / "stored.png", tmp_path)
    assert of_picture(stored) == {"image.posture/turned"}
    kinds, after = repaired_picture(stored, tmp_path)
    assert kinds == {RepairKind.IMAGE_TURN}
    assert of_picture(after) == of_picture(twin)
    assert (read_picture(after.facts.path).rgb == read_picture(tmp_path / "twin.jpg").rgb).all()


def test_a_dark_clip(talk_mp4, tmp_path):
    twin = analyse_video(changed_clip(talk_mp4, tmp_path / "twin.mp4", lambda rgb: rgb), tmp_path)
    path = changed_clip(talk_mp4, tmp_path / "dark.mp4", lambda rgb: (rgb * 0.1).astype(np.uint8))
    dark = analyse_video(path, tmp_path)
    assert "video.dark" in of_clip(dark)
    assert not {"video.person/covered", "video.first_frame/covered"} & of_clip(dark)
    kinds, after = repaired_clip(dark, tmp_path)
    assert RepairKind.VIDEO_BRIGHTEN in kinds
    assert of_clip(after) <= of_clip(twin)


@pytest.mark.parametrize("light", [0.12, 0.08])
def test_a_dark_picture(upper_body_png, tmp_path, light):
    rgb = read_picture(upper_body_png).rgb
    Image.fromarray((rgb * light).astype(np.uint8)).save(tmp_path / "dark.png")
    dark = analyse_image(tmp_path / "dark.png", tmp_path)
    assert "image.dark" in of_picture(dark)
    assert "image.occlusion" not in of_picture(dark)
    kinds, after = repaired_picture(dark, tmp_path)
    assert RepairKind.IMAGE_BRIGHTEN in kinds
    assert of_picture(after) == of_picture(analyse_image(upper_body_png, tmp_path))


def veiled(rgb: np.ndarray, share: float = 0.85) -> np.ndarray:
    return (rgb * (1 - share) + 255 * share).astype(np.uint8)


def test_a_washed_out_clip(talk_mp4, tmp_path):
    twin = analyse_video(changed_clip(talk_mp4, tmp_path / "twin.mp4", lambda rgb: rgb), tmp_path)
    pale = analyse_video(changed_clip(talk_mp4, tmp_path / "pale.mp4", veiled), tmp_path)
    assert "video.bright" in of_clip(pale)
    assert not {"video.person/covered", "video.first_frame/covered"} & of_clip(pale)
    kinds, after = repaired_clip(pale, tmp_path)
    assert RepairKind.VIDEO_DEEPEN in kinds
    assert of_clip(after) <= of_clip(twin)


@pytest.mark.parametrize("share", [0.82, 0.9])
def test_a_washed_out_picture(upper_body_png, tmp_path, share):
    Image.fromarray(veiled(read_picture(upper_body_png).rgb, share)).save(tmp_path / "pale.png")
    pale = analyse_image(tmp_path / "pale.png", tmp_path)
    assert "image.bright" in of_picture(pale)
    assert "image.occlusion" not in of_picture(pale)
    kinds, after = repaired_picture(pale, tmp_path)
    assert RepairKind.IMAGE_DEEPEN in kinds
    assert of_picture(after) == of_picture(analyse_image(upper_body_png, tmp_path))


def test_a_burnt_out_picture(upper_body_png, tmp_path):
    rgb = read_picture(upper_body_png).rgb
    Image.fromarray((rgb * 5.0).clip(0, 255).astype(np.uint8)).save(tmp_path / "burnt.png")
    found = of_picture(analyse_image(tmp_path / "burnt.png", tmp_path))
    assert {"image.bright", "image.bright/face"} & found
    assert "image.occlusion" not in found
