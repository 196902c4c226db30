import cv2
import numpy as np

from kling_ui.puppet.rig.character import Window
from kling_ui.puppet.rig.hidden_parts import armpits, hidden_behind
from kling_ui.puppet.skeleton import Joint, Part

HEIGHT, WIDTH, PX_PER_M = 400, 300, 300.0


def window(labels: np.ndarray) -> Window:
    joints = np.zeros((18, 2))
    joints[Joint.NECK], joints[Joint.LEFT_SHOULDER], joints[Joint.RIGHT_SHOULDER] = (150, 40), (200, 60), (100, 60)
    joints[Joint.LEFT_HIP], joints[Joint.RIGHT_HIP] = (170, 330), (130, 330)
    return Window((0, 0), labels, np.ones(labels.shape, np.float32), np.zeros((*labels.shape, 3), np.uint8), joints,
                  PX_PER_M, HEIGHT)  # fmt: skip


def body(arm_wide: int) -> np.ndarray:
    """A trunk whose left arm lies on its flank down to the elbow, and is gone below that."""
    labels = np.full((HEIGHT, WIDTH), -1, np.int8)
    cv2.rectangle(labels, (100, 40), (185, 340), (int(Part.TORSO),), -1)
    cv2.rectangle(labels, (160, 45), (160 + arm_wide, 200), (int(Part.LEFT_UPPER_ARM),), -1)
    labels[45:200, 100:160] = Part.TORSO
    return labels


def test_what_is_guessed_behind_an_arm_ends_in_no_shelf():
    labels = body(75)
    labels[45:200, 65:180] = Part.TORSO  # the other side is wide there, as a figure's is that is turned aside
    shown = hidden_behind(window(labels), Part.TORSO) | (labels == Part.TORSO)
    ends = WIDTH - shown[:, ::-1].argmax(axis=1)
    assert ends[100] > 200  # that side is guessed to be wide, too
    steps = np.diff(ends[90:330].astype(int))
    assert np.abs(steps).max() <= 3  # px from one row to the next: it runs out into the flank


def test_the_round_end_of_a_shoulder_runs_out_into_the_flank():
    labels = body(75)
    shown = labels == Part.TORSO
    cap = np.zeros(labels.shape, np.uint8)
    cv2.circle(cap, (195, 70), 18, (1,), -1)
    shown |= cap > 0
    more = armpits(window(labels), shown)
    assert more[84, 190]
    assert (labels[more] == Part.LEFT_UPPER_ARM).all()
    assert not more[:, 230:].any()  # what is outside of the shoulder stays the arm's alone


def test_a_trunk_without_arms_has_nothing_to_fill():
    labels = np.where(body(75) == Part.LEFT_UPPER_ARM, -1, body(75)).astype(np.int8)
    assert not armpits(window(labels), labels == Part.TORSO).any()
