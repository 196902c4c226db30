"""What passes behind arms or hangs from them: tails, scarves, capes, wide sleeves; and feet from the side."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from gallery_models import ARM_CHAINS, drawn, turned

from benchmarks import _gallery_cast as cast
from kling_ui.media.colour import to_rgb, to_ycbcr
from kling_ui.puppet.motion.frame_pose import FramePose
from kling_ui.puppet.puppet import Puppet
from kling_ui.puppet.rig.character import Character, shown_parts
from kling_ui.puppet.rig.segmentation import label_parts
from kling_ui.puppet.skeleton import ANKLES, ARMS, FOREARMS, TOES, Joint

NOWHERE = (255, 0, 255)


def near(rgb: np.ndarray, colour: tuple[int, int, int], most: int = 40) -> np.ndarray:
    return np.abs(rgb.astype(int) - colour).max(axis=-1) < most


def shown(character: Character, pose: FramePose) -> np.ndarray:
    """What a puppet shows over a colour that nothing has."""
    ground = to_ycbcr(np.full_like(character.rgb, NOWHERE))
    return to_rgb(Puppet(character).draw(pose, ground=ground))


@pytest.mark.parametrize(("name", "colour"), [("cat", cast.BLACK), ("devil", cast.RED), ("scarf", cast.RED)], ids=str)
def test_what_passes_behind_a_hand_stays_where_it_hangs(tmp_path: Path, name: str, colour: tuple[int, int, int]):
    character = drawn(name, tmp_path)
    labels = label_parts(character, shown_parts(character))[: character.size[1]]
    x = np.arange(labels.shape[1])[None] > character.joints[Joint.LEFT_HIP, 0] + 0.2 * character.px_per_m
    y = np.arange(labels.shape[0])[:, None] > character.joints[Joint.LEFT_ELBOW, 1]
    its = near(character.rgb, colour, 30) & x & y & (labels >= 0)
    assert its.sum() > 0.01 * character.px_per_m**2
    assert (its & np.isin(labels, FOREARMS)).sum() < 0.08 * its.sum()


def test_a_tail_is_whole_when_the_hand_before_it_is_lifted(tmp_path: Path):
    character = drawn("cat", tmp_path)
    lifted = shown(character, turned(character, ARM_CHAINS, 80))
    beside = np.arange(lifted.shape[1])[None] > character.joints[Joint.LEFT_HIP, 0] + 0.2 * character.px_per_m
    below = np.arange(lifted.shape[0])[:, None] > character.joints[Joint.LEFT_ELBOW, 1]
    figure = ~near(lifted, NOWHERE, 60) & beside & below
    _, _, stats, _ = cv2.connectedComponentsWithStats(figure.astype(np.uint8))
    areas = np.sort(stats[1:, cv2.CC_STAT_AREA])
    assert areas[-1] > 0.98 * areas.sum()
    assert areas[-1] > 0.02 * character.px_per_m**2


@pytest.mark.parametrize(("name", "colour"), [("cape", cast.RED), ("cape-violet", cast.VIOLET)])
def test_a_cape_goes_on_behind_the_forearms_that_cross_it(tmp_path: Path, name: str, colour: tuple[int, int, int]):
    character = drawn(name, tmp_path)
    labels = label_parts(character, shown_parts(character))[: character.size[1]]
    cloth = near(character.rgb, colour, 60)
    arms = np.isin(labels, ARMS)
    reach = round(0.14 * character.px_per_m)
    column = np.zeros((2 * reach + 1, 1), np.uint8)
    column[: reach + 1] = 1  # cloth straight above an arm and straight below it
    above, below = (
        cv2.dilate(cloth.astype(np.uint8), np.ascontiguousarray(part)) > 0 for part in (column, column[::-1])
    )
    crossed = cv2.erode((arms & above & below).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    lifted = shown(character, turned(character, ARM_CHAINS, 60))
    assert crossed.sum() > 100
    assert (crossed & near(lifted, NOWHERE, 60)).sum() < 0.05 * crossed.sum()
    assert (cloth & arms).sum() < 0.05 * cloth.sum()


@pytest.mark.parametrize("name", ["wizard", "monk"])
def test_a_wide_sleeve_goes_with_its_forearm(tmp_path: Path, name: str):
    character = drawn(name, tmp_path)
    labels = label_parts(character, shown_parts(character))
    for (_, elbow, wrist, _), forearm in zip(ARM_CHAINS, FOREARMS, strict=True):
        middle = (character.joints[elbow] + character.joints[wrist]) / 2
        for down_m in (0.06, 0.12, 0.17):
            x, y = round(middle[0]), round(middle[1] + down_m * character.px_per_m)
            assert labels[y, x] == forearm, (forearm.name, down_m)


@pytest.mark.parametrize("name", ["folded", "hips-0", "fox", "cut-hips", "comic-1"])
def test_jackets_and_skirts_below_a_forearm_are_no_sleeves(tmp_path: Path, name: str):
    character = drawn(name, tmp_path)
    labels = label_parts(character, shown_parts(character))
    for (_, elbow, wrist, _), forearm in zip(ARM_CHAINS, FOREARMS, strict=True):
        x, y = ((character.joints[elbow] + character.joints[wrist]) / 2).round().astype(int)
        y += round(0.14 * character.px_per_m)
        if y < len(labels):
            assert labels[y, x] != forearm


@pytest.mark.parametrize("degrees", [-70, -45, 45, 70])
def test_a_foot_seen_from_the_side_bends_in_one_piece(tmp_path: Path, degrees: float):
    character = drawn("side", tmp_path)
    joints, turn = character.joints.copy(), np.radians(degrees)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    for ankle, toe in zip(ANKLES, TOES, strict=True):
        joints[toe] = joints[ankle] + matrix @ (joints[toe] - joints[ankle])
    puppet = Puppet(character)
    counts = []
    for pose in (FramePose.at_rest(character.joints), FramePose.at_rest(joints)):
        cover = puppet.coverage(pose)[round(character.joints[list(ANKLES), 1].min()) - 60 :] > 127
        _, _, stats, _ = cv2.connectedComponentsWithStats(cover.astype(np.uint8))
        counts.append(int((stats[1:, cv2.CC_STAT_AREA] > 20).sum()))
    assert counts == [1, 1]
