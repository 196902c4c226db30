import numpy as np

from kling_ui.puppet.rig.boundaries import tell_fingers

PX_PER_M = 400.0
SKIN, TROUSERS, SLEEVE = (220, 165, 135), (35, 40, 60), (35, 40, 60)
PALM = np.array([[120.0, 60.0], [120.0, 90.0]])


def hand_on_leg(wrist: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A picture of a leg with a hand on it that has a gap between two fingers, and what is really the arm."""
    rgb = np.full((200, 240, 3), TROUSERS, np.uint8)
    arm = np.zeros((200, 240), bool)
    arm[10:95, 104:136] = True
    arm[95:115, 104:116] = True
    arm[95:115, 124:136] = True
    rgb[arm] = SKIN
    rgb[10:60, 104:136] = wrist
    return rgb, arm


def test_the_gap_between_fingers_is_the_legs_and_finger_tips_are_the_hands():
    rgb, arm = hand_on_leg(SKIN)
    guess = arm.copy()
    guess[95:113, 104:136] = True  # the gap taken along
    guess[113:] = False  # tips left behind
    told = tell_fingers(guess, ~guess, rgb, PALM, PX_PER_M)
    assert not told[98:110, 118:122].any()
    assert told[100:113, 107:113].all()
    assert (told != arm).mean() < (guess != arm).mean() / 2


def test_a_rim_of_skin_does_not_stay_on_the_leg():
    rgb, arm = hand_on_leg(SKIN)
    guess = arm.copy()
    guess[:, :108] = False
    assert tell_fingers(guess, ~guess, rgb, PALM, PX_PER_M)[70:110, 105:108].all()


def test_a_sleeve_of_the_trousers_colour_stays_with_the_arm():
    rgb, arm = hand_on_leg(SLEEVE)
    assert tell_fingers(arm, ~arm, rgb, PALM, PX_PER_M)[12:60, 106:134].all()


def test_skin_that_is_not_connected_with_the_palm_is_no_finger():
    rgb, arm = hand_on_leg(SKIN)
    rgb[70:90, 139:146] = SKIN
    assert not tell_fingers(arm, ~arm, rgb, PALM, PX_PER_M)[70:90, 139:146].any()
