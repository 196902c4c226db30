import pytest

from kling_ui.puppet.motion.frame_pose import drawing_order
from kling_ui.puppet.skeleton import DRAWING_ORDER, Part


@pytest.mark.parametrize("behind", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("arms", [False, True])
@pytest.mark.parametrize("legs", [False, True])
def test_every_part_is_drawn_once(behind: tuple[bool, bool], arms: bool, legs: bool):
    assert sorted(drawing_order(behind, arms=arms, legs=legs)) == sorted(DRAWING_ORDER)


def place(part: Part, **options) -> int:
    return drawing_order(options.pop("behind", (False, False)), **({"arms": True, "legs": True} | options)).index(part)


@pytest.mark.parametrize("side", [0, 1])
def test_an_arm_goes_behind_the_body_and_comes_before_it(side: int):
    arm = (Part.LEFT_FOREARM, Part.RIGHT_FOREARM)[side]
    behind = (side == 0, side == 1)
    assert place(arm, behind=behind) < place(Part.TORSO, behind=behind)
    assert place(arm) > place(Part.HEAD)


def test_the_nearer_limb_lies_over_the_other():
    assert place(Part.RIGHT_FOREARM, arms=True) > place(Part.LEFT_FOREARM, arms=True)
    assert place(Part.RIGHT_FOREARM, arms=False) < place(Part.LEFT_FOREARM, arms=False)
    assert place(Part.RIGHT_THIGH, legs=True) > place(Part.LEFT_THIGH, legs=True)
    assert place(Part.RIGHT_SHIN, legs=False) < place(Part.LEFT_SHIN, legs=False)


def test_a_shin_lies_under_its_thigh():
    assert place(Part.LEFT_SHIN) < place(Part.LEFT_THIGH) < place(Part.TORSO)
