"""Outside the figure's reach a preview is the picture: exactly as drawn, nearly as encoded."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from kling_ui.media.colour import to_ycbcr
from kling_ui.media.probe import probe_video
from kling_ui.media.video import read_frames
from kling_ui.options import Orientation
from kling_ui.puppet.motion.frame_pose import FramePose
from kling_ui.puppet.motion.pose_stream import PoseStream
from kling_ui.puppet.motion.retarget import Retargeter
from kling_ui.puppet.puppet import Puppet
from kling_ui.puppet.render import render_preview
from kling_ui.puppet.rig.character import Character, find_character
from kling_ui.puppet.rig.layers import under_shoes
from kling_ui.puppet.watermark import Watermark
from kling_ui.vision.pose import find_poses

SIDES_PX = (360, 360)
PAIRS = [("person_png", "dance_mp4"), ("upper_body_png", "talk_mp4"), ("person_png", "talk_mp4")]


def drawn(character: Character, video: Path) -> np.ndarray:
    """Every frame as it is drawn, without the badge."""
    facts = probe_video(video)
    pose_stream = PoseStream(facts.fps)
    for frame, pose in find_poses(read_frames(video, container=facts.format, long_side_px=480)):
        pose_stream.add(frame.time_s, frame.rgb.shape[1] / frame.rgb.shape[0], pose)
    pose_stream.close()
    puppet, count = Puppet(character), len(pose_stream.times_s)
    retargeter = Retargeter(character, puppet.parts, Orientation.VIDEO, pose_stream.perform(0, min(12, count)))
    motion = retargeter.move(pose_stream.perform(0, count))
    return np.stack([puppet.draw(FramePose.of(motion, index)) for index in range(count)])


def own_place(character: Character) -> np.ndarray:
    """Where the person of the picture is, with the soft rim, and where its shoes throw their shadow."""
    there = (character.alpha[: character.size[1]] > 0) | (under_shoes(character) >= 0)
    return cv2.dilate(there.astype(np.uint8), np.ones((21, 21), np.uint8)) > 0


@pytest.mark.parametrize(("image", "video"), PAIRS)
def test_outside_the_figure_s_reach_the_preview_is_the_picture(image, video, request, tmp_path: Path):
    paths = request.getfixturevalue(image), request.getfixturevalue(video)
    character = find_character(paths[0], sides_px=SIDES_PX)
    picture, frames = to_ycbcr(character.rgb), drawn(character, paths[1])
    touched = (frames != picture).any(axis=(0, 3))
    moved = (np.ptp(frames, axis=0) > 0).any(axis=2)  # the figure in any of its stances
    outside = ~(moved | own_place(character))
    assert outside.mean() > 0.15
    assert not touched[outside].any()

    render_preview(*paths, tmp_path / "out.mp4", sides_px=SIDES_PX, keep_sound=False)
    stamped = np.zeros_like(picture)
    Watermark(character.size).stamp(stamped)
    outside &= ~stamped.any(axis=2)
    outside = cv2.erode(outside.astype(np.uint8), np.ones((17, 17), np.uint8)) > 0  # blocks beside the figure ring
    shown = np.stack([frame.rgb for frame in read_frames(tmp_path / "out.mp4", container="mp4")])
    apart = np.abs(shown.astype(int) - character.rgb)[:, outside]
    assert apart.mean() < 2.5
    assert np.quantile(apart, 0.999) <= 12
