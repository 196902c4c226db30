"""Strips of faces, hands and frames, and the moments in which a limb is farthest off."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from kling_ui.errors import MediaError
from kling_ui.options import Orientation
from kling_ui.scoring.identity import (
    FACE_PX_MIN,
    TILES,
    StripKind,
    draw_strips,
    face_of_character,
    strip_place,
    worst_moments,
)
from kling_ui.scoring.limbs import Limb
from kling_ui.vision.pose import FACE, Landmark, PoseTrack

FPS, FRAMES = 20, 80


def _track(face_px=0, hand_px=0, frames=FRAMES):
    """Somebody whose face and left hand extend so far in a clip of 320 x 192; nothing else is seen."""
    landmarks = np.zeros((frames, 33, 4), np.float32)
    for joints, middle, extent in ((FACE, 160, face_px), ([15, 17, 19, 21], 60, hand_px)):
        spread = np.linspace(-0.5, 0.5, len(joints)) * extent
        landmarks[:, joints, 0] = (middle + spread) / 320
        landmarks[:, joints, 1] = 96 / 192
        landmarks[:, joints, 3] = 1.0 if extent else 0.0
    return PoseTrack(np.arange(frames) / FPS, landmarks, np.zeros((frames, 33, 3), np.float32), 320 / 192)


@pytest.fixture
def clip(numbered_clip):
    return numbered_clip("result.mp4", times=list(range(FRAMES)), fps=FPS)


def test_a_strip_has_a_piece_of_each_part_of_the_clip(clip, tmp_path):
    strips = {strip.kind: strip for strip in draw_strips(clip, _track(face_px=60, hand_px=40), tmp_path)}
    faces = strips[StripKind.FACES]
    assert len(faces.times_s) == TILES
    assert [int(time_s * TILES / (FRAMES / FPS)) for time_s in faces.times_s] == list(range(TILES))
    with Image.open(strip_place(tmp_path, "faces")) as drawn:
        assert drawn.size == (TILES * faces.tile_px[0], faces.tile_px[1])
    assert len(strips[StripKind.LEFT_HAND].times_s) == TILES
    assert strips[StripKind.RIGHT_HAND].times_s == ()
    assert strips[StripKind.RIGHT_HAND].largest_px == 0
    whole = strips[StripKind.FRAMES]
    assert whole.times_s == pytest.approx((0.0, 1.975, 3.95))
    with Image.open(strip_place(tmp_path, "frames")) as drawn:
        levels = np.asarray(drawn.convert("L"))[90::180, 75::150]  # eight fields of each frame, its number
    numbers = [sum(1 << place for place in range(8) if levels[place // 4, 4 * n + place % 4] > 125) for n in range(3)]
    assert numbers == [0, 40, 79]  # the first frame that does not come before the moment


def test_what_is_too_small_has_no_strip_but_its_size(clip, tmp_path):
    faces, *_ = draw_strips(clip, _track(face_px=10), tmp_path)
    assert (faces.times_s, faces.largest_px) == ((), 21)
    assert faces.largest_px < FACE_PX_MIN
    assert not strip_place(tmp_path, "faces").exists()


def test_a_clip_that_is_gone_cannot_be_cut(tmp_path):
    with pytest.raises(MediaError):
        draw_strips(tmp_path / "gone.mp4", _track(), tmp_path)


def test_a_picture_that_is_gone_has_no_face(tmp_path):
    assert face_of_character(tmp_path / "gone.png", tmp_path, tmp_path) is False


@pytest.mark.parametrize("late_s", [0.0, 2.0], ids=["as long", "begins late"])
def test_the_worst_moment_names_limb_and_time_of_the_reference(dance_track, late_s):
    result = replace(dance_track, landmarks=dance_track.landmarks.copy())
    moments = (result.times_s >= 3.0) & (result.times_s < 3.3)
    elbow, wrist = Landmark.LEFT_ELBOW, Landmark.LEFT_WRIST
    arm = (result.landmarks[moments, wrist, :2] - result.landmarks[moments, elbow, :2]) * (result.aspect, 1.0)
    turned = np.column_stack([-arm[:, 1], arm[:, 0]])  # by 90 degrees
    result.landmarks[moments, wrist, :2] = result.landmarks[moments, elbow, :2] + turned / (result.aspect, 1.0)
    kept = result.times_s >= late_s
    result = PoseTrack(result.times_s[kept] - late_s, result.landmarks[kept], result.world_m[kept], result.aspect)
    (worst,) = worst_moments(dance_track, result, Orientation.VIDEO)
    assert worst.limb is Limb.LEFT_FOREARM
    assert worst.error_deg == pytest.approx(90, abs=2)
    assert 3.0 <= worst.at_s < 3.3


def test_there_is_no_worst_moment_where_all_follows_or_nobody_is(dance_track):
    assert worst_moments(dance_track, dance_track, Orientation.VIDEO) == ()
    nobody = replace(dance_track, landmarks=np.full_like(dance_track.landmarks, np.nan))
    assert worst_moments(dance_track, nobody, Orientation.VIDEO) == ()
