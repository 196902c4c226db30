import cv2
import numpy as np
import pytest

from kling_ui.puppet.rig.character import Window
from kling_ui.puppet.rig.hidden_parts import hidden_behind
from kling_ui.puppet.skeleton import Joint, Part

HEIGHT, WIDTH, PX_PER_M = 300, 240, 400.0
ROWS = np.arange(HEIGHT)
HALF = 52 - 14 * np.exp(-(((ROWS - 170) / 45) ** 2))  # a trunk with a waist
MIDDLE = 120


def trunk() -> np.ndarray:
    columns = np.arange(WIDTH)
    return (np.abs(columns - MIDDLE) <= HALF[:, None]) & ((ROWS >= 30) & (ROWS < 290))[:, None]


def window(*limbs: tuple[Part, list[tuple[int, int]], int]) -> Window:
    """A trunk with limbs, lines of a width, before it."""
    labels = np.where(trunk(), Part.TORSO, -1).astype(np.int8)
    for part, way, width in limbs:
        drawn = cv2.polylines(np.zeros((HEIGHT, WIDTH), np.uint8), [np.array(way)], False, (1,), width)
        labels[drawn > 0] = part
    joints = np.full((len(Joint), 2), (MIDDLE, 280.0))
    joints[[Joint.NECK, Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER]] = (MIDDLE, 30)
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    return Window((0, 0), labels, (labels >= 0).astype(np.float32), rgb, joints, PX_PER_M, HEIGHT)


CLASPED = (
    (Part.LEFT_FOREARM, [(200, 170), (120, 220)], 30),
    (Part.RIGHT_FOREARM, [(40, 170), (120, 220)], 30),
)
HANGING = (
    (Part.LEFT_UPPER_ARM, [(176, 50), (172, 160)], 30),
    (Part.RIGHT_UPPER_ARM, [(64, 50), (68, 160)], 30),
)
ONE_ACROSS = ((Part.LEFT_FOREARM, [(190, 150), (70, 190)], 36),)
# A row whose right half is all hands and a thigh taken for more than it is: its left half ends where hands begin.
HALF_A_ROW = (
    *CLASPED,
    (Part.LEFT_THIGH, [(120, 236), (200, 236)], 40),
    (Part.LEFT_FOREARM, [(100, 222), (100, 250)], 14),
)


@pytest.mark.parametrize("limbs", [CLASPED, HANGING, ONE_ACROSS, CLASPED + HANGING])
def test_behind_limbs_the_trunk_keeps_its_shape(limbs):
    scene = window(*limbs)
    guessed = hidden_behind(scene, Part.TORSO) | (scene.labels == Part.TORSO)
    true = trunk() & (guessed | (scene.labels >= 0))
    assert (guessed & true).sum() > 0.95 * true.sum()
    wider = cv2.dilate(true.astype(np.uint8), np.ones((1, 25), np.uint8)) > 0
    assert not (guessed & ~wider).any()
    assert (guessed & ~true).sum() < 0.05 * true.sum()


def test_a_row_that_hands_leave_half_of_tells_nothing():
    scene = window(*HALF_A_ROW)
    hidden = hidden_behind(scene, Part.TORSO)
    true = trunk() & (scene.labels == Part.LEFT_FOREARM)
    assert hidden[true].mean() > 0.95


def test_where_one_side_is_hidden_the_other_one_gives_the_shape():
    scene = window((Part.LEFT_UPPER_ARM, [(170, 70), (170, 270)], 76))
    guessed = hidden_behind(scene, Part.TORSO)
    waist, hips = guessed[170].nonzero()[0].max(), guessed[255].nonzero()[0].max()
    assert hips - waist == pytest.approx(HALF[255] - HALF[170], abs=5)


def test_nothing_is_hidden_without_limbs_and_nothing_outside_them():
    assert not hidden_behind(window(), Part.TORSO).any()
    scene = window(*CLASPED)
    arms = np.isin(scene.labels, (Part.LEFT_FOREARM, Part.RIGHT_FOREARM))
    assert not (hidden_behind(scene, Part.TORSO) & ~arms).any()


def test_a_part_that_is_not_there_hides_nothing():
    assert not hidden_behind(window(*CLASPED), Part.LEFT_THIGH).any()


def test_the_collar_goes_on_behind_the_neck():
    scene = window((Part.HEAD, [(MIDDLE, 0), (MIDDLE, 45)], 40))
    hidden = hidden_behind(scene, Part.TORSO)
    assert hidden[55, MIDDLE]
    assert not hidden[:25].any()


def test_a_border_into_which_an_arm_bites_becomes_a_smooth_flank():
    scene = window((Part.LEFT_UPPER_ARM, [(206, 80), (206, 260)], 40))
    for row in range(90, 250, 6):
        labels = scene.labels[row : row + 3]
        edge = int(np.flatnonzero(labels[0] == Part.TORSO).max())
        labels[:, edge - 7 : edge + 1] = Part.LEFT_UPPER_ARM
    whole = hidden_behind(scene, Part.TORSO) | (scene.labels == Part.TORSO)
    flank = [int(np.flatnonzero(row).max()) for row in whole[100:240]]
    bitten = [int(np.flatnonzero(row == Part.TORSO).max()) for row in scene.labels[100:240]]
    assert np.abs(np.diff(flank)).max() <= 2 < np.abs(np.diff(bitten)).max()
