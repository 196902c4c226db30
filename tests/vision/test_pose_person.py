import numpy as np
import pytest

from kling_ui.media.image import read_picture
from kling_ui.vision.pose import Framing, Landmark, Pose, find_person, framing

LIMBS = [
    Landmark.LEFT_SHOULDER,
    Landmark.RIGHT_SHOULDER,
    Landmark.LEFT_ELBOW,
    Landmark.RIGHT_ELBOW,
    Landmark.LEFT_WRIST,
    Landmark.RIGHT_WRIST,
    Landmark.LEFT_KNEE,
    Landmark.RIGHT_KNEE,
    Landmark.LEFT_ANKLE,
    Landmark.RIGHT_ANKLE,
]


def test_the_drawn_person_is_found_where_it_was_drawn(drawn_person):
    pose = find_person(read_picture(drawn_person.path).rgb)
    assert pose is not None
    assert framing(pose.landmarks) == Framing.FULL
    size = drawn_person.width_px, drawn_person.height_px
    found, true = pose.landmarks[LIMBS, :2] * size, drawn_person.joints_px[0][LIMBS, :2]
    assert np.median(np.linalg.norm(found - true, axis=1)) < 0.03 * drawn_person.height_px
    assert pose.mask is not None
    assert pose.mask.shape == (drawn_person.height_px, drawn_person.width_px)
    assert pose.mask_agreement is not None
    assert pose.mask_agreement > 0.9


def test_a_half_body_is_found_as_one(drawn_upper_body):
    pose = find_person(read_picture(drawn_upper_body.path).rgb)
    assert pose is not None
    assert framing(pose.landmarks) == Framing.UPPER


def test_nobody_is_found_in_a_landscape():
    sky = np.linspace((90, 140, 220), (200, 220, 240), 240, dtype=np.uint8)
    assert find_person(np.repeat(sky[:, None], 320, axis=1)) is None


@pytest.mark.parametrize(("mask_columns", "agreement"), [(slice(0, 20), 1.0), (slice(10, 20), 0.0), (slice(0, 0), 0.0)])
def test_agreement_counts_visible_landmarks_on_the_mask(mask_columns, agreement):
    landmarks = np.tile(np.array([0.25, 0.5, 0, 1], np.float32), (33, 1))
    landmarks[20:, 0] = 1.5  # outside the picture: does not count
    mask = np.zeros((20, 20), np.float32)
    mask[:, mask_columns] = 1
    pose = Pose(landmarks, np.zeros((33, 3), np.float32), mask, 0.3)
    assert pose.mask_agreement == agreement
