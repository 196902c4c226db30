import numpy as np
import pytest

from kling_ui.puppet.rig.character import Window
from kling_ui.puppet.rig.hidden_parts import complete
from kling_ui.puppet.skeleton import Joint, Part

BLOUSE, SKIRT, SLEEVE = (235, 228, 220), (30, 34, 48), (250, 120, 60)
SHAPE = (200, 160)
BELT = 100


def window(*, arm: bool = True, shade_px: int = 0) -> Window:
    """A trunk in two cloths with an arm across where they meet, which shades what is next to it."""
    labels = np.full(SHAPE, Part.TORSO, np.int8)
    rgb = np.full((*SHAPE, 3), BLOUSE, np.uint8)
    rgb[BELT:] = SKIRT
    if arm:
        rgb[BELT - 20 - shade_px : BELT + 20 + shade_px] //= 2
        labels[BELT - 20 : BELT + 20], rgb[BELT - 20 : BELT + 20] = Part.LEFT_FOREARM, SLEEVE
    joints = np.zeros((len(Joint), 2))
    return Window((0, 0), labels, np.ones(SHAPE, np.float32), rgb, joints, 400.0, SHAPE[0])


EVERYWHERE = np.ones(SHAPE, bool)


def test_cloths_under_an_arm_are_not_mixed():
    colours = complete(window(), Part.TORSO, EVERYWHERE, kept=None).reshape(-1, 3)
    assert {tuple(colour) for colour in np.unique(colours, axis=0).tolist()} == {BLOUSE, SKIRT}


def test_an_arm_s_shadow_beside_it_goes_with_it():
    colours = complete(window(shade_px=2), Part.TORSO, EVERYWHERE, kept=None)
    assert (colours[BELT - 22] == BLOUSE).all()


def test_far_from_the_arm_the_picture_stays():
    scene = window(shade_px=2)
    colours = complete(scene, Part.TORSO, EVERYWHERE, kept=None)
    far = np.abs(np.arange(SHAPE[0]) - BELT) > 26
    assert (colours[far] == scene.colours[far]).all()


@pytest.mark.parametrize("kept", [None, np.ones(SHAPE, np.float32)])
def test_where_nothing_is_wanted_or_all_is_kept_nothing_changes(kept):
    scene = window()
    wanted = EVERYWHERE if kept is not None else ~EVERYWHERE
    assert (complete(scene, Part.TORSO, wanted, kept=kept) == scene.colours).all()


def test_a_part_with_nothing_before_it_stays_as_it_is():
    scene = window(arm=False)
    assert complete(scene, Part.TORSO, EVERYWHERE, kept=None) is scene.colours


def test_an_arm_does_not_change_itself():
    scene = window()
    assert (complete(scene, Part.LEFT_FOREARM, EVERYWHERE, kept=None) == scene.colours).all()
