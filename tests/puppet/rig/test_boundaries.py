import numpy as np
import pytest

from kling_ui.puppet.rig.boundaries import BODY, NOTHING, OWN, Arm, arm_axis, arm_boundaries, territory
from kling_ui.puppet.skeleton import Joint, Part

PX_PER_M = 400.0
PARTS = [Part.RIGHT_UPPER_ARM, Part.RIGHT_FOREARM]
SLEEVE, CREASE = slice(82, 118), 118  # columns of an arm that hangs beside the body, all of one cloth


@pytest.fixture
def arm() -> Arm:
    joints = np.zeros((18, 2))
    joints[Joint.RIGHT_SHOULDER], joints[Joint.RIGHT_ELBOW] = (100, 40), (100, 160)
    joints[Joint.RIGHT_WRIST] = (100, 260)
    return arm_axis(joints, PARTS, PX_PER_M)


@pytest.fixture
def jacket() -> np.ndarray:
    """A sleeve beside a jacket's front, told apart by nothing but the dark line between them."""
    picture = np.full((300, 260, 3), (120, 140, 120), np.uint8)
    picture[:, CREASE : CREASE + 3] = (80, 140, 120)
    picture[60:240:9, 90:110] += 6  # folds across the sleeve
    return picture


def nothing_known() -> np.ndarray:
    evidence = np.zeros((300, 260), np.float32)
    evidence[:, :82] = NOTHING
    evidence[:, 82:100] = -0.2  # nothing of the body is there
    return evidence


def inner(arm: Arm, sides: list, rows: slice) -> np.ndarray:
    """Columns of the seam on the body's side."""
    columns = [arm.points + way * arm.sides * side.away_px[:, None] for way, side in zip((1, -1), sides, strict=True)]
    right = max(columns, key=lambda points: points[:, 0].mean())
    return right[(right[:, 1] > rows.start) & (right[:, 1] < rows.stop), 0]


def test_a_sleeve_is_cut_from_a_jacket_of_the_same_cloth_along_the_line_between_them(arm: Arm, jacket: np.ndarray):
    sides = arm_boundaries(arm, jacket, nothing_known(), 1.0, PX_PER_M)
    assert inner(arm, sides, slice(80, 240)) == pytest.approx(CREASE + 1, abs=3.5)


def test_a_patch_of_the_arms_colour_on_the_chest_tears_out_no_flap(arm: Arm, jacket: np.ndarray):
    evidence = nothing_known()
    evidence[170:178, 118:150] = -1.0
    sides = arm_boundaries(arm, jacket, evidence, 1.0, PX_PER_M)
    assert inner(arm, sides, slice(80, 240)).max() < CREASE + 6


def test_colours_carry_a_seam_out_to_the_end_of_a_wide_sleeve(arm: Arm):
    evidence = np.full((300, 260), 0.7, np.float32)
    evidence[:, 66:134] = -1.0
    plain = np.full((300, 260, 3), 120, np.uint8)
    sides = arm_boundaries(arm, plain, evidence, 1.0, PX_PER_M)
    assert inner(arm, sides, slice(130, 240)).mean() > 125


def test_what_lies_beside_a_seam_is_the_bodys_and_a_free_side_is_left_alone(arm: Arm, jacket: np.ndarray):
    zone = territory(arm, arm_boundaries(arm, jacket, nothing_known(), 1.0, PX_PER_M), (300, 260))
    assert (zone[80:240, 90:112] == OWN).all()
    assert (zone[100:240, 126:138] == BODY).all()
    assert (zone[80:240, 70:80] != BODY).all()


def test_a_shoulder_takes_little_of_the_chest(arm: Arm):
    evidence = np.full((300, 260), -1.0, np.float32)  # however much speaks for the arm
    zone = territory(
        arm, arm_boundaries(arm, np.full((300, 260, 3), 120, np.uint8), evidence, 1.0, PX_PER_M), (300, 260)
    )
    assert not (zone[25:45, 122:] == OWN).any()


def test_an_arm_whose_forearm_is_not_shown_has_a_way_all_the_same():
    joints = np.zeros((18, 2))
    joints[Joint.RIGHT_SHOULDER], joints[Joint.RIGHT_ELBOW] = (100, 40), (100, 160)
    arm = arm_axis(joints, PARTS[:1], PX_PER_M)
    assert arm.points[-1] == pytest.approx((100, 160), abs=2.5)
