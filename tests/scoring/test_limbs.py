import numpy as np
import pytest

from kling_ui.scoring.limbs import LIMBS, Limb, limb_track, mirrored
from kling_ui.vision.pose import Landmark, PoseTrack


def test_the_mirror_exchanges_left_and_right(dance_track):
    other = mirrored(dance_track)
    for name, landmark in Landmark.__members__.items():
        twin = Landmark[name.replace("LEFT", "?").replace("RIGHT", "LEFT").replace("?", "RIGHT")]
        assert other.landmarks[:, landmark, 0] == pytest.approx(1 - dance_track.landmarks[:, twin, 0])
        assert other.landmarks[:, landmark, 1] == pytest.approx(dance_track.landmarks[:, twin, 1])
    again = mirrored(other)
    assert again.landmarks == pytest.approx(dance_track.landmarks, abs=1e-6)
    assert again.world_m == pytest.approx(dance_track.world_m)


def test_limbs_point_where_they_point():
    landmarks = np.full((1, 33, 4), 0.5)
    landmarks[0, Landmark.LEFT_ELBOW, :2] = 0.5, 0.2
    landmarks[0, Landmark.LEFT_WRIST, :2] = 0.8, 0.2  # to the right: 0.6 heights in a picture twice as wide
    landmarks[0, Landmark.RIGHT_WRIST, 3] = 0.2
    world_m = np.zeros((1, 33, 3))
    world_m[0, Landmark.LEFT_WRIST] = 0.3, 0, -0.4
    track = limb_track(PoseTrack(np.zeros(1), landmarks, world_m, 2.0))
    left, right = LIMBS.index(Limb.LEFT_FOREARM), LIMBS.index(Limb.RIGHT_FOREARM)
    assert track.vectors[0, left] == pytest.approx([0.6, 0])
    assert track.angles[0, left] == pytest.approx(0)
    assert track.angles[0, LIMBS.index(Limb.LEFT_UPPER_ARM)] == pytest.approx(-np.pi / 2)  # up
    assert track.flatness[0, left] == pytest.approx(0.6)
    assert track.shown[0, left]
    assert not track.shown[0, right]


def test_nobody_shows_nothing():
    track = limb_track(PoseTrack(np.zeros(1), np.full((1, 33, 4), np.nan), np.full((1, 33, 3), np.nan), 1.0))
    assert not track.shown.any()
    assert np.isnan(track.vectors).all()
