"""Poses and masks as a person corrects them, on a figure whose joints are known and on one that nobody finds."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from kling_ui.corrections import Corrections, PlacedJoint
from kling_ui.errors import KlingUIError, MediaError
from kling_ui.media.image import read_picture
from kling_ui.vision.analysis import analyse_image
from kling_ui.vision.corrected import corrected_pose
from kling_ui.vision.editing import find_editable
from kling_ui.vision.people import search
from kling_ui.vision.pose import MASK_THRESHOLD, Framing, Landmark


@pytest.fixture(scope="module")
def garlic_rgb(garlic):
    return read_picture(garlic[0]).rgb


@pytest.fixture(scope="module")
def person_rgb(person_png):
    return read_picture(person_png, long_side_px=800).rgb


@pytest.fixture(scope="module")
def people(person_rgb):
    return search(person_rgb)


def placed(joints, size=(480, 640), **more):
    said = {"unit": "px", "joints": {name: list(place) for name, place in joints.items()}} | more
    return Corrections.from_json(said, size_px=size)


def painted(size, *, box, white):
    paint = Image.new("LA", size, (0, 0))
    paint.paste((255 if white else 0, 255), box)
    out = BytesIO()
    paint.save(out, "PNG")
    return out.getvalue()


def test_no_detector_finds_the_garlic(garlic_rgb):
    assert search(garlic_rgb) == []


def test_placed_joints_make_a_pose_where_nobody_is_found(garlic, garlic_rgb):
    pose = corrected_pose(garlic_rgb, [], placed(garlic[1]))
    for name, landmark in (("left wrist", Landmark.LEFT_WRIST), ("right knee", Landmark.RIGHT_KNEE)):
        assert pose.landmarks[landmark, :2] * (480, 640) == pytest.approx(garlic[1][name], abs=0.1)
        assert pose.landmarks[landmark, 3] == 1
    assert pose.confidence == 1
    assert pose.world_m[Landmark.LEFT_SHOULDER, 0] > 0 > pose.world_m[Landmark.RIGHT_SHOULDER, 0]
    assert pose.world_m[Landmark.LEFT_ANKLE, 1] > 0.5 > pose.world_m[Landmark.NOSE, 1]


def test_the_outline_is_told_from_the_surroundings_around_the_joints(garlic, garlic_rgb):
    mask = corrected_pose(garlic_rgb, [], placed(garlic[1])).mask
    assert mask is not None
    truth = (np.abs(garlic_rgb.astype(int) - (140, 190, 160)).sum(axis=2) > 30).astype(np.uint8)
    assert mask.shape == truth.shape
    found = mask > MASK_THRESHOLD
    assert (found & (truth > 0)).sum() / (found | (truth > 0)).sum() > 0.9
    assert found[130, 240]  # the tip, which no joint lies in


@pytest.mark.parametrize("missing", ["nose", "left shoulder", "right shoulder"])
def test_too_few_joints_are_refused_with_the_one_that_is_missing(garlic, garlic_rgb, missing):
    joints = {name: place for name, place in garlic[1].items() if name != missing}
    with pytest.raises(KlingUIError, match=f"{missing} must be placed"):
        corrected_pose(garlic_rgb, [], placed(joints))


def test_limbs_that_are_not_placed_count_as_hidden(garlic, garlic_rgb):
    joints = {name: garlic[1][name] for name in ("nose", "left shoulder", "right shoulder", "left wrist")}
    visibility = corrected_pose(garlic_rgb, [], placed(joints)).landmarks[:, 3]
    assert visibility[Landmark.LEFT_ELBOW] == visibility[Landmark.LEFT_WRIST] == 1  # the elbow lies between
    assert not visibility[[Landmark.RIGHT_ELBOW, Landmark.RIGHT_WRIST, Landmark.LEFT_KNEE]].any()


def test_a_joint_that_was_found_moves_with_what_hangs_on_it(person_rgb, people):
    before = people[0]
    x, y = before.landmarks[Landmark.LEFT_WRIST, :2].tolist()
    after = corrected_pose(person_rgb, people, Corrections({"left wrist": PlacedJoint(x + 0.05, y - 0.1)}))
    shift = after.landmarks[:, :2] - before.landmarks[:, :2]
    moved = [Landmark.LEFT_WRIST, Landmark.LEFT_INDEX, Landmark.LEFT_PINKY, Landmark.LEFT_THUMB]
    assert shift[moved] == pytest.approx(np.tile((0.05, -0.1), (4, 1)), abs=1e-4)
    still = [mark for mark in Landmark if mark not in moved]
    assert not shift[still].any()
    ways = after.world_m[moved] - before.world_m[moved]
    assert (ways[:, 0] > 0).all()
    assert (ways[:, 1] < 0).all()
    assert not ways[:, 2].any()


def test_a_joint_that_is_marked_hidden_stays_where_it_was_found(person_rgb, people):
    after = corrected_pose(person_rgb, people, Corrections({"right wrist": PlacedJoint(None, None, hidden=True)}))
    assert np.array_equal(after.landmarks[:, :3], people[0].landmarks[:, :3])
    assert after.landmarks[Landmark.RIGHT_WRIST, 3] == after.landmarks[Landmark.RIGHT_INDEX, 3] == 0
    assert after.landmarks[Landmark.LEFT_WRIST, 3] == people[0].landmarks[Landmark.LEFT_WRIST, 3]


def test_joints_that_lie_far_from_whoever_was_found_mean_somebody_else(person_rgb, people):
    there = {"nose": (0.08, 0.04), "left shoulder": (0.12, 0.08), "right shoulder": (0.04, 0.08)}
    said = Corrections({name: PlacedJoint(*place) for name, place in there.items()})
    pose = corrected_pose(person_rgb, people, said)
    assert pose.landmarks[Landmark.NOSE, :2] == pytest.approx((0.08, 0.04), abs=1e-4)
    assert pose.landmarks[Landmark.LEFT_WRIST, 3] == 0


@pytest.mark.parametrize("white", [True, False])
def test_paint_goes_before_what_was_found(person_rgb, people, white):
    height, width = person_rgb.shape[:2]
    found = people[0].mask > MASK_THRESHOLD
    rows, columns = np.nonzero(~found if white else found)
    y, x = int(rows[len(rows) // 2]), int(columns[len(rows) // 2])
    box = max(0, x - 6), max(0, y - 6), x + 6, y + 6
    mask = corrected_pose(person_rgb, people, Corrections({}, painted((width, height), box=box, white=white))).mask
    assert (mask[y, x] > MASK_THRESHOLD) == white
    outside = np.ones_like(found)
    outside[max(0, y - 9) : y + 9, max(0, x - 9) : x + 9] = False
    assert np.array_equal((mask > MASK_THRESHOLD)[outside], found[outside])


def test_a_mask_that_cannot_be_decoded_is_refused_in_words(person_rgb, people):
    broken = painted((40, 40), box=(0, 0, 9, 9), white=True)[:60]
    with pytest.raises(KlingUIError, match="mask cannot be decoded"):
        corrected_pose(person_rgb, people, Corrections({}, broken))


def test_the_checks_see_the_corrected_character_and_keep_both(garlic, tmp_path):
    path, joints = garlic
    plain = analyse_image(path, tmp_path)
    corrected = analyse_image(path, tmp_path, placed(joints))
    assert plain.person is None
    assert plain.corrected is None
    assert corrected.person is not None
    assert corrected.person.framing is Framing.FULL
    assert corrected.person.subject_share == pytest.approx(0.16, abs=0.02)
    assert corrected.corrected is not None
    assert set(corrected.corrected.joints) == set(joints)
    assert analyse_image(path, tmp_path, placed(joints)) == corrected
    assert analyse_image(path, tmp_path) == plain
    assert corrected.overlay is not None
    assert corrected.overlay.is_file()


def test_too_few_joints_name_the_picture(garlic, tmp_path):
    with pytest.raises(MediaError) as caught:
        analyse_image(garlic[0], tmp_path, placed({"nose": (240, 250)}))
    assert caught.value.path == garlic[0]
    assert "left shoulder and right shoulder must be placed" in caught.value.reason


def test_an_editor_is_told_what_was_found_and_what_was_corrected(person_png, garlic, tmp_path):
    said = Corrections({"left wrist": PlacedJoint(0.5, 0.5)}, painted((27, 48), box=(0, 0, 3, 3), white=True))
    edited = find_editable(person_png, tmp_path, said)
    wrist = next(joint for joint in edited.joints if joint.name == "left wrist")
    found = next(joint for joint in edited.found if joint.name == "left wrist")
    assert (wrist.x, wrist.y, wrist.placed) == (pytest.approx(0.5), pytest.approx(0.5), True)
    assert not found.placed
    assert abs(found.x - 0.5) > 0.01
    assert [joint.name for joint in edited.joints if joint.placed] == ["left wrist"]
    assert edited.paint is not None
    assert edited.paint.read_bytes() == said.mask
    with Image.open(edited.figure) as figure:
        assert figure.mode == "RGBA"
        assert 0.05 < (np.asarray(figure)[..., 3] > 0).mean() < 0.5
    nobody = find_editable(garlic[0], tmp_path)
    assert nobody.joints == nobody.found == ()
