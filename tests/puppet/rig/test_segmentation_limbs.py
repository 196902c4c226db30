import numpy as np
import pytest

from kling_ui.puppet.rig.distances import distances
from kling_ui.puppet.rig.segmentation import ARMS, HEAD, LIMBS, gather, label_limbs
from kling_ui.puppet.skeleton import Joint, Part

SHOWN = [Part.TORSO, Part.HEAD, Part.LEFT_UPPER_ARM, Part.LEFT_FOREARM, Part.RIGHT_UPPER_ARM, Part.RIGHT_FOREARM]
PX_PER_M = 200.0
WHITE, BLACK, SKIN, GREEN = (235, 235, 235), (28, 28, 28), (215, 165, 140), (60, 140, 70)


@pytest.fixture
def joints() -> np.ndarray:
    """Somebody to the hips, arms hanging a little away from the body."""
    points = np.zeros((18, 2))
    points[Joint.NECK], points[Joint.HEAD] = (150, 120), (150, 75)
    points[Joint.LEFT_SHOULDER], points[Joint.RIGHT_SHOULDER] = (185, 120), (115, 120)
    points[Joint.LEFT_ELBOW], points[Joint.RIGHT_ELBOW] = (212, 180), (88, 180)
    points[Joint.LEFT_WRIST], points[Joint.RIGHT_WRIST] = (222, 230), (78, 230)
    points[Joint.LEFT_HAND], points[Joint.RIGHT_HAND] = (224, 245), (76, 245)
    points[Joint.LEFT_HIP], points[Joint.RIGHT_HIP] = (170, 225), (130, 225)
    return points


def picture(joints: np.ndarray, shirt: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    rgb, mask = np.full((300, 300, 3), 128, np.uint8), np.zeros((300, 300), bool)
    ys, xs = np.mgrid[:300, :300]

    def paint(region: np.ndarray, colour: tuple[int, int, int]) -> None:
        rgb[region], mask[region] = colour, True

    def limb(a: Joint, b: Joint, radius: float) -> np.ndarray:
        way = joints[b] - joints[a]
        share = np.clip(((xs - joints[a][0]) * way[0] + (ys - joints[a][1]) * way[1]) / (way @ way), 0, 1)
        return np.hypot(xs - joints[a][0] - share * way[0], ys - joints[a][1] - share * way[1]) < radius

    paint((abs(xs - 150) < 36) & (ys > 108) & (ys < 260), shirt)
    paint((abs(xs - 150) < 10) & (ys > 90) & (ys < 115), SKIN)
    paint(np.hypot(xs - 150, ys - 75) < 24, WHITE)
    paint(np.hypot(xs - 150, ys - 78) < 15, SKIN)
    for a, b in ((Joint.LEFT_SHOULDER, Joint.LEFT_ELBOW), (Joint.RIGHT_SHOULDER, Joint.RIGHT_ELBOW)):
        paint(limb(a, b, 9), GREEN)
        paint(limb(Joint(b), Joint(b + 2), 8), GREEN)
    return rgb, mask


def chains_of(rgb: np.ndarray, mask: np.ndarray, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return label_limbs(gather(rgb, mask, joints, distances(mask, joints, SHOWN, PX_PER_M), PX_PER_M))


def test_each_limb_gets_its_own(joints: np.ndarray):
    limb_labels, _ = chains_of(*picture(joints, BLACK), joints)
    assert (limb_labels[180, 80:96] == LIMBS.index((Part.RIGHT_UPPER_ARM, Part.RIGHT_FOREARM))).all()
    assert (limb_labels[180, 204:220] == LIMBS.index((Part.LEFT_UPPER_ARM, Part.LEFT_FOREARM))).all()
    assert (limb_labels[60:90, 145:155] == HEAD).all()
    assert (limb_labels[150:250, 130:170] == 0).all()


def test_black_is_no_neighbour_of_white(joints: np.ndarray):
    rgb, mask = picture(joints, BLACK)
    evidence = gather(rgb, mask, joints, distances(mask, joints, SHOWN, PX_PER_M), PX_PER_M)
    bow = slice(117, 122), slice(145, 155)
    assert (evidence.colour[HEAD][bow] > 1).all()  # under white hair
    assert (evidence.colour[0][bow] == 0).all()


def test_the_tops_of_the_shoulders_are_the_bodys(joints: np.ndarray):
    limb_labels, _ = chains_of(*picture(joints, GREEN), joints)
    assert (limb_labels[110, 176:180] == 0).all()
    assert (limb_labels[110, 122:126] == 0).all()


def test_what_lies_under_an_arm_is_told_without_the_arms(joints: np.ndarray):
    rgb, mask = picture(joints, BLACK)
    limb_labels, behind = chains_of(rgb, mask, joints)
    assert np.isin(limb_labels, ARMS).any()
    assert not np.isin(behind, ARMS).any()
    assert (behind[mask] >= 0).all()
    assert (behind[~mask] == -1).all()


def test_colours_speak_for_an_arm_or_against_it(joints: np.ndarray):
    rgb, mask = picture(joints, BLACK)
    evidence = gather(rgb, mask, joints, distances(mask, joints, SHOWN, PX_PER_M), PX_PER_M)
    against = evidence.against(ARMS[0])
    assert against[180, 210] < 0 < against[180, 150]
    assert (against[~mask] > against[mask].max()).all()
    assert evidence.beside(ARMS[0])[180, 150]
    assert not evidence.beside(ARMS[0])[225, 228]
