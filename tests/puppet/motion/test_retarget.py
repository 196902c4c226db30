from dataclasses import replace

import numpy as np
import pytest

from kling_ui.options import Orientation
from kling_ui.puppet.motion.pose_stream import SmoothedMotion
from kling_ui.puppet.motion.retarget import Retargeter
from kling_ui.puppet.rig.character import Character, FaceMarks
from kling_ui.puppet.skeleton import BONES, DRAWING_ORDER, Joint, Part

FRAMES = 24
REST_M = {
    Joint.NECK: (0, -0.5), Joint.HEAD: (0, -0.72),
    Joint.LEFT_SHOULDER: (0.18, -0.5), Joint.RIGHT_SHOULDER: (-0.18, -0.5),
    Joint.LEFT_ELBOW: (0.24, -0.22), Joint.RIGHT_ELBOW: (-0.24, -0.22),
    Joint.LEFT_WRIST: (0.26, 0.03), Joint.RIGHT_WRIST: (-0.26, 0.03),
    Joint.LEFT_HAND: (0.27, 0.12), Joint.RIGHT_HAND: (-0.27, 0.12),
    Joint.LEFT_HIP: (0.1, 0), Joint.RIGHT_HIP: (-0.1, 0),
    Joint.LEFT_KNEE: (0.11, 0.42), Joint.RIGHT_KNEE: (-0.11, 0.42),
    Joint.LEFT_ANKLE: (0.12, 0.82), Joint.RIGHT_ANKLE: (-0.12, 0.82),
    Joint.LEFT_TOE: (0.16, 0.9), Joint.RIGHT_TOE: (-0.16, 0.9),
}  # fmt: skip
REST = np.array([REST_M[joint] for joint in Joint], float)


def make_character(*, px_per_m: float = 200.0) -> Character:
    joints = REST * px_per_m + (200, 260)
    world = np.concatenate([REST, np.zeros((18, 1))], axis=1)
    blank = np.zeros((480, 400, 3), np.uint8)
    face = FaceMarks((200.0, 110.0), 30.0, np.zeros(3))
    return Character(blank, blank, np.zeros((480, 400)), joints, world, np.ones(18), px_per_m, face)


def perform(metres: np.ndarray, *, unseen: tuple[Joint, ...] = (), heights_per_m: float = 0.4) -> SmoothedMotion:
    """A performance of ``(frames, 18, 2 or 3)`` joints in metres."""
    world = np.zeros((*metres.shape[:2], 3))
    world[..., : metres.shape[2]] = metres
    visibility = np.ones(metres.shape[:2])
    visibility[:, list(unseen)] = 0.1
    points = world[..., :2] * heights_per_m + (0.3, 0.5)
    pace = np.linalg.norm(np.gradient(metres[:, [Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE], :2], axis=0), axis=-1) * 24
    return SmoothedMotion(
        points, world, visibility, np.full(len(metres), heights_per_m), np.zeros((len(metres), 3)), pace, 24.0
    )


def standing() -> np.ndarray:
    return np.repeat(REST[None], FRAMES, axis=0)


def raise_arm(metres: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Swing the stretched left arm outwards and up."""
    metres = metres.copy()
    way = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
    shoulder = metres[:, Joint.LEFT_SHOULDER]
    for joint, reach in ((Joint.LEFT_ELBOW, 0.29), (Joint.LEFT_WRIST, 0.54), (Joint.LEFT_HAND, 0.63)):
        metres[:, joint] = shoulder + reach * way
    return metres


def move(metres: np.ndarray, orientation: Orientation = Orientation.VIDEO, *, shown=DRAWING_ORDER, **options):
    performance = perform(metres, **options)
    return Retargeter(make_character(), frozenset(shown), orientation, performance[:12]).move(performance)


def direction(joints: np.ndarray, part: Part) -> np.ndarray:
    way = joints[:, BONES[part].end] - joints[:, BONES[part].start]
    return np.arctan2(way[:, 1], way[:, 0])


def test_the_same_stance_is_the_rest():
    for orientation in Orientation:
        assert np.allclose(move(standing(), orientation).joints, make_character().joints, atol=1e-6)


def test_the_video_s_angles_are_taken_as_they_are():
    metres = raise_arm(standing(), np.linspace(0.2, 2.6, FRAMES))
    joints = move(metres).joints
    for part in (Part.LEFT_UPPER_ARM, Part.LEFT_FOREARM, Part.RIGHT_FOREARM, Part.LEFT_THIGH, Part.RIGHT_SHIN):
        assert direction(joints, part) == pytest.approx(direction(metres, part), abs=1e-6)


def test_bones_keep_the_character_s_lengths_whatever_the_reference_s_are():
    giant = raise_arm(standing(), np.linspace(0, 2, FRAMES)) * 1.7
    joints = move(giant).joints
    bone = BONES[Part.LEFT_FOREARM]
    length = np.linalg.norm(joints[:, bone.end] - joints[:, bone.start], axis=1)
    own = np.linalg.norm(make_character().joints[bone.end] - make_character().joints[bone.start])
    assert length == pytest.approx(own, rel=1e-6)


def test_an_arm_that_points_at_the_camera_is_short():
    deep = np.concatenate([standing(), np.zeros((FRAMES, 18, 1))], axis=2)
    deep[12:, Joint.LEFT_WRIST] = deep[12:, Joint.LEFT_ELBOW] + (0, 0.12, -0.22)
    joints = move(deep).joints
    length = np.linalg.norm(joints[:, Joint.LEFT_WRIST] - joints[:, Joint.LEFT_ELBOW], axis=1)
    assert length[20] < 0.6 * length[0]


def test_image_keeps_the_character_s_place_and_video_follows_the_way():
    walk = standing() + np.linspace(0, 0.3, FRAMES)[:, None, None] * (1, 0)
    middle = [joints[:, [Joint.LEFT_HIP, Joint.RIGHT_HIP], 0].mean(axis=1) for joints in
              (move(walk, Orientation.IMAGE).joints, move(walk, Orientation.VIDEO).joints)]  # fmt: skip
    assert np.ptp(middle[0]) < 1
    assert middle[1][-1] - middle[1][0] == pytest.approx(60, abs=12)
    assert (np.diff(middle[1]) > 0).all()


def test_image_keeps_some_of_the_character_s_own_stance():
    metres = raise_arm(standing(), np.linspace(1.2, 2.6, FRAMES))
    follow, keep = move(metres, Orientation.VIDEO).joints, move(metres, Orientation.IMAGE).joints
    apart = direction(follow, Part.LEFT_UPPER_ARM) - direction(keep, Part.LEFT_UPPER_ARM)
    apart = np.degrees(np.abs((apart + np.pi) % (2 * np.pi) - np.pi))
    assert apart == pytest.approx(20, abs=1e-6)


def test_a_turn_narrows_the_shoulders_only_when_the_facing_is_followed():
    turned = np.concatenate([standing(), np.zeros((FRAMES, 18, 1))], axis=2)
    for joint, x in (
        (Joint.LEFT_SHOULDER, 1),
        (Joint.RIGHT_SHOULDER, -1),
        (Joint.LEFT_HIP, 0.55),
        (Joint.RIGHT_HIP, -0.55),
    ):
        turned[12:, joint, 0], turned[12:, joint, 2] = 0.1 * x, 0.15 * x
    width = {
        o: np.ptp(move(turned, o).joints[:, [Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER], 0], axis=1)
        for o in Orientation
    }
    assert width[Orientation.VIDEO][20] < 0.8 * width[Orientation.VIDEO][0]
    assert width[Orientation.IMAGE][20] == pytest.approx(width[Orientation.IMAGE][0], rel=0.02)


def test_the_feet_stay_on_the_floor_while_the_body_goes_down():
    squat = np.concatenate([standing(), np.zeros((FRAMES, 18, 1))], axis=2)
    drop = np.linspace(0, 0.25, FRAMES)[:, None]
    lower = (Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE, Joint.LEFT_TOE, Joint.RIGHT_TOE)
    knees = [Joint.LEFT_KNEE, Joint.RIGHT_KNEE]
    squat[:, [j for j in Joint if j not in (*lower, *knees)], 1] += drop
    squat[:, knees, 1] += drop / 2
    squat[:, knees, 2] = -np.sqrt(0.42**2 - (0.42 - drop / 2) ** 2)  # forwards, so that the legs keep their length
    joints = move(squat).joints
    assert np.ptp(joints[:, Joint.LEFT_ANKLE, 1]) < 1
    assert joints[-1, Joint.NECK, 1] - joints[0, Joint.NECK, 1] > 25


def test_legs_that_the_reference_does_not_show_stay_as_they_are():
    metres = standing()
    rng = np.random.default_rng(0)
    legs = [Joint.LEFT_KNEE, Joint.RIGHT_KNEE, Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE, Joint.LEFT_TOE, Joint.RIGHT_TOE]
    metres[:, legs] += rng.normal(0, 0.3, (FRAMES, 6, 2))
    joints = move(metres, unseen=tuple(legs)).joints
    assert np.allclose(joints[:, legs], make_character().joints[legs], atol=0.5)


@pytest.mark.parametrize("way", [(3.0, 0.0), (-3.0, 0.0), (0.0, -2.0), (0.0, 2.0)])
def test_the_figure_stays_in_the_picture(way: tuple[float, float]):
    far = standing() + np.linspace(0, 1, FRAMES)[:, None, None] * way
    joints = move(far).joints
    centre = joints[:, [Joint.LEFT_HIP, Joint.RIGHT_HIP]].mean(axis=1)
    assert (centre > 0).all()
    assert (centre < (400, 480)).all()


def test_stretches_give_what_the_whole_gives():
    performance = perform(raise_arm(standing(), np.linspace(0.2, 2.6, FRAMES)))
    whole = Retargeter(make_character(), frozenset(Part), Orientation.VIDEO, performance[:12]).move(performance)
    pieces = Retargeter(make_character(), frozenset(Part), Orientation.VIDEO, performance[:12])
    joints = [pieces.move(performance[start : start + 7]).joints for start in range(0, FRAMES, 7)]
    assert np.allclose(np.concatenate(joints), whole.joints)


def test_an_arm_goes_behind_the_back_and_does_not_flicker():
    deep = np.concatenate([standing(), np.zeros((FRAMES, 18, 1))], axis=2)
    depth = np.where(np.arange(FRAMES) < 12, 0.0, np.where(np.arange(FRAMES) % 2, 0.2, 0.12))
    deep[:, [Joint.LEFT_ELBOW, Joint.LEFT_WRIST], 2] = depth[:, None]
    behind = move(deep).arms_behind
    assert not behind[:12].any()
    assert behind[13:, 0].all()
    assert not behind[:, 1].any()


def turned_round(metres: np.ndarray) -> np.ndarray:
    """The same stance seen from behind."""
    return metres * (-1, 1)


def test_a_back_is_shown_with_left_and_right_in_each_other_s_places():
    metres = standing()
    metres[12:] = turned_round(metres[12:])
    motion = move(raise_arm(metres, np.full(FRAMES, 1.0)))
    assert motion.turned.tolist() == [False] * 12 + [True] * 12
    for left, right in ((Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER), (Joint.LEFT_HIP, Joint.RIGHT_HIP)):
        assert (motion.joints[:12, left, 0] > motion.joints[:12, right, 0]).all()
        assert (motion.joints[12:, left, 0] < motion.joints[12:, right, 0]).all()
    assert np.abs(motion.face[:, 0]).max() < np.pi / 2


def test_the_picture_s_facing_is_kept_when_it_is_asked_for():
    motion = move(np.concatenate([standing(), turned_round(standing())]), Orientation.IMAGE)
    assert not motion.turned.any()
    assert (motion.joints[:, Joint.LEFT_SHOULDER, 0] > motion.joints[:, Joint.RIGHT_SHOULDER, 0]).all()


def test_a_shoulder_line_about_to_turn_does_not_flicker():
    metres = np.repeat(standing(), 2, axis=0)
    narrow = 0.1 * np.cos(np.arange(len(metres)))  # shoulders 36 mm apart at most, either way
    metres[12:, :, 0] *= narrow[12:, None]
    assert not move(metres).turned.any()


def test_crossed_legs_follow_the_leg_that_stands():
    character = make_character()
    crossed = character.joints.copy()
    left, right = [Joint.LEFT_ANKLE, Joint.LEFT_TOE], [Joint.RIGHT_ANKLE, Joint.RIGHT_TOE]
    crossed[left], crossed[right] = character.joints[right], character.joints[left]
    character = replace(character, joints=crossed)
    metres = standing()
    metres[:, Joint.LEFT_KNEE] += (0.15, -0.2)
    metres[:, [Joint.LEFT_ANKLE, Joint.LEFT_TOE]] += (0.1, -0.35)
    performance = perform(metres)
    still = perform(standing())
    retargeter = Retargeter(character, frozenset(DRAWING_ORDER), Orientation.VIDEO, still[:12])
    moved = retargeter.move(performance).joints - character.joints
    for part in (Part.LEFT_SHIN, Part.RIGHT_SHIN):
        assert np.abs(moved[:, BONES[part].end]).max() < 0.05 * character.px_per_m
    apart = moved[:, Joint.LEFT_KNEE] - moved[:, Joint.RIGHT_KNEE]
    assert np.abs(apart).max() < 1e-6


def test_an_arm_whose_hand_is_hidden_stays_with_the_trunk():
    arm = frozenset({Part.LEFT_UPPER_ARM, Part.LEFT_FOREARM})
    performance = perform(raise_arm(standing(), np.linspace(0.1, 2.6, FRAMES)))
    character = make_character()
    retargeter = Retargeter(character, frozenset(DRAWING_ORDER), Orientation.VIDEO, performance[:12], held=arm)
    joints = retargeter.move(performance).joints
    for start, end in ((Joint.LEFT_SHOULDER, Joint.LEFT_ELBOW), (Joint.LEFT_WRIST, Joint.LEFT_HAND)):
        way = character.joints[end] - character.joints[start]
        assert joints[:, end] - joints[:, start] == pytest.approx(np.repeat(way[None], FRAMES, axis=0), abs=1.0)
    free = Retargeter(character, frozenset(DRAWING_ORDER), Orientation.VIDEO, performance[:12]).move(performance).joints
    assert np.ptp(direction(free, Part.LEFT_UPPER_ARM)) > 1
