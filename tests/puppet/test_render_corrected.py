"""A character that no detector finds is rehearsed once its joints are placed; and drawn without its background."""

import av
import cv2
import numpy as np
import pytest

from kling_ui.corrections import Corrections
from kling_ui.errors import MediaError
from kling_ui.media.colour import to_rgb
from kling_ui.media.probe import probe_video
from kling_ui.media.video import read_frames
from kling_ui.puppet.motion.frame_pose import FramePose
from kling_ui.puppet.paint import BLACK_LUMA, WHITE_LUMA, apart_from_grounds, plain_ground
from kling_ui.puppet.puppet import rig_of
from kling_ui.puppet.render import render_preview, render_transparent
from kling_ui.puppet.skeleton import ARMS, FOREARMS, SHINS, Joint

SIDES = (640, 640)
GLOVE = (235, 60, 60)


@pytest.fixture(scope="module")
def corrections(garlic):
    said = {"unit": "px", "joints": {name: list(place) for name, place in garlic[1].items()}}
    return Corrections.from_json(said, size_px=(480, 640))


def gloves(rgb):
    """Middles of both hands, the left of the picture first."""
    near = (np.abs(rgb.astype(int) - GLOVE).max(axis=2) < 50).astype(np.uint8)
    _, _, stats, middles = cv2.connectedComponentsWithStats(near)
    largest = sorted(range(1, len(stats)), key=lambda piece: -stats[piece, cv2.CC_STAT_AREA])[:2]
    return sorted(middles[piece].tolist() for piece in largest)


def test_nobody_is_rehearsed_without_corrections(garlic):
    with pytest.raises(MediaError, match="no person was found"):
        rig_of(garlic[0], sides_px=SIDES)


def test_its_hands_follow_the_joints(garlic, corrections):
    rig = rig_of(garlic[0], sides_px=SIDES, corrections=corrections)
    assert {*ARMS, *FOREARMS, *SHINS} <= rig.puppet.parts
    joints = rig.character.joints.copy()
    scale = rig.character.size[0] / 480
    lifted = np.array([0, -110.0 * scale])
    joints[[Joint.LEFT_WRIST, Joint.LEFT_HAND]] += lifted
    still = gloves(to_rgb(rig.puppet.draw(FramePose.at_rest(rig.character.joints))))
    moved = gloves(to_rgb(rig.puppet.draw(FramePose.at_rest(joints))))
    assert len(still) == len(moved) == 2
    assert moved[0] == pytest.approx(still[0], abs=3)  # the right hand, on the left of the picture
    assert moved[1][1] - still[1][1] == pytest.approx(lifted[1], abs=30 * scale)


def test_other_corrections_make_another_rig(garlic, corrections):
    first = rig_of(garlic[0], sides_px=SIDES, corrections=corrections)
    assert rig_of(garlic[0], sides_px=SIDES, corrections=corrections) is first
    fewer = Corrections({name: joint for name, joint in corrections.joints.items() if "ankle" not in name})
    other = rig_of(garlic[0], sides_px=SIDES, corrections=fewer)
    assert other is not first
    assert not {*SHINS} & other.puppet.parts  # limbs whose ends are not placed stay with the body


def test_a_preview_of_it_makes_the_clip_s_moves(garlic, corrections, dance_mp4, tmp_path):
    out = tmp_path / "out.mp4"
    facts = render_preview(garlic[0], dance_mp4, out, sides_px=SIDES, corrections=corrections)
    frames = [frame.rgb for frame in read_frames(out, container="mp4")]
    assert len(frames) == facts.frames
    hands = np.array([gloves(rgb)[0] for rgb in frames])
    assert np.ptp(hands, axis=0).max() > 40


def test_what_was_drawn_is_told_from_black_and_white():
    alpha = np.linspace(0, 1, 64, dtype=np.float32)[None, :].repeat(32, axis=0)
    ink = np.array([120, 90, 170], np.float32)
    drawn = []
    for luma in (BLACK_LUMA, WHITE_LUMA):
        ground = plain_ground(alpha.shape, luma).astype(np.float32)
        drawn.append(np.rint(ink * alpha[..., None] + ground * (1 - alpha[..., None])).astype(np.uint8))
    colour, clear = apart_from_grounds(*drawn)
    assert clear / 255 == pytest.approx(alpha, abs=0.03)
    shown = alpha > 0.2
    assert np.abs(colour[shown].astype(int) - ink.astype(int)).max() <= 4


def test_without_background_only_the_figure_and_the_mark_are_seen(garlic, corrections, dance_mp4, tmp_path):
    out = tmp_path / "out.webm"
    facts = render_transparent(garlic[0], dance_mp4, out, sides_px=SIDES, corrections=corrections)
    probed = probe_video(out)
    assert (probed.codec, probed.frame_count, probed.has_audio) == ("vp9", facts.frames, False)
    with av.open(str(out)) as opened:
        assert opened.streams.video[0].metadata["alpha_mode"] == "1"
        decoder = av.codec.CodecContext.create("libvpx-vp9", "r")  # the native one leaves alpha out
        packets = [packet for packet in opened.demux(video=0) if packet.size]
        frames = [frame.to_ndarray(format="rgba") for packet in packets for frame in decoder.decode(packet)]
    assert len(frames) == facts.frames
    height, width = frames[0].shape[:2]
    for picture in (frames[0], frames[-1]):
        alpha = picture[..., 3]
        assert alpha[:20, :20].max() <= 3  # the encoder rounds
        assert alpha[height // 2, width // 2] > 250
        assert 0.08 < (alpha > 128).mean() < 0.35
        assert alpha[int(0.9 * height) :, int(0.55 * width) :].max() > 100  # the mark of a preview
        assert len(gloves(picture[..., :3] * (alpha[..., None] > 200))) == 2
