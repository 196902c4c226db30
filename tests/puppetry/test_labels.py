from dataclasses import replace

import numpy as np
import pytest
from figure.clip import DrawnStill

from kling_ui.puppetry.character import Character, shown_parts
from kling_ui.puppetry.labels import label_parts
from kling_ui.puppetry.skeleton import BONES, DRAWING_ORDER, Part, joints_of


@pytest.fixture(scope="module")
def labels(character: Character) -> np.ndarray:
    return label_parts(character, shown_parts(character))


def test_a_whole_body_shows_every_part(character: Character):
    assert set(shown_parts(character)) == set(DRAWING_ORDER)


def test_parts_that_the_picture_does_not_show_are_not_invented(character: Character):
    visibility = character.visibility.copy()
    visibility[[BONES[Part.LEFT_THIGH].end, BONES[Part.RIGHT_FOREARM].end]] = 0.2
    shown = shown_parts(replace(character, visibility=visibility))
    assert not {Part.LEFT_THIGH, Part.LEFT_SHIN, Part.RIGHT_FOREARM} & set(shown)
    assert Part.RIGHT_UPPER_ARM in shown


def test_a_limb_outside_the_picture_is_not_shown(character: Character):
    joints = character.joints.copy()
    joints[BONES[Part.LEFT_FOREARM].end] += (500, 0)
    assert Part.LEFT_FOREARM not in shown_parts(replace(character, joints=joints))


@pytest.mark.parametrize("part", [part for part in BONES if part is not Part.HEAD])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_the_middle_of_a_true_bone_belongs_to_it(
    labels: np.ndarray, character: Character, drawn_person: DrawnStill, part: Part, share: float
):
    true = joints_of(drawn_person.joints_px[0].astype(float))[:, :2] * (character.size[0] / drawn_person.width_px)
    x, y = true[BONES[part].start] * (1 - share) + true[BONES[part].end] * share
    assert labels[round(y), round(x)] == part


def test_everything_of_the_person_has_a_label_and_nothing_else(labels: np.ndarray, character: Character):
    assert (labels[character.alpha > 0.5] >= 0).mean() > 0.999
    assert (labels[character.alpha <= 0.02] == -1).all()


def test_each_part_is_one_piece_and_hardly_more(labels: np.ndarray):
    cv2 = pytest.importorskip("cv2")
    for part in Part:
        _, _, stats, _ = cv2.connectedComponentsWithStats((labels == part).astype(np.uint8))
        areas = np.sort(stats[1:, cv2.CC_STAT_AREA])
        assert areas[-1] > 0.95 * areas.sum(), part.name
