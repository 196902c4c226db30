import numpy as np
import pytest
from figure import DANCE_S, Actor, Bar, Camera, DrawnClip, Pose, Scene, dance, draw, gesture, mirror, true_joints
from figure.cast import DANCER, MAYA, THEO

from kling_ui.media.video import read_frames
from kling_ui.vision.pose import Landmark, find_poses

LIMBS = [*range(Landmark.LEFT_SHOULDER, Landmark.RIGHT_WRIST + 1), *range(Landmark.LEFT_HIP, Landmark.RIGHT_ANKLE + 1)]
SIZE = {"width_px": 270, "height_px": 480}


def drawn_over(scene: Scene) -> np.ndarray:
    """Where figures changed the backdrop; the floor's shadow is too faint to count."""
    empty = draw(Scene((), scene.camera, scene.backdrop), **SIZE).rgb
    return np.abs(draw(scene, **SIZE).rgb.astype(int) - empty).max(2) > 14


@pytest.mark.parametrize(
    ("actor", "why"),
    [
        (Actor(MAYA), "standing"),
        (Actor(THEO, turn_deg=180), "from behind"),
        (Actor(DANCER, dance(2.4)), "arms above the head"),
        (Actor(DANCER, dance(4.2), turn_deg=50), "a knee lifted, turned aside"),
        (Actor(THEO, gesture(0.7), x_m=-0.2, scale=0.6), "small, talking"),
        (Actor(MAYA, tilt_deg=180, lift_m=0.1), "upside down"),
    ],
)
def test_joints_lie_on_the_figure(actor: Actor, why: str) -> None:
    scene = Scene((actor,), Camera(y_m=1.0, height_m=2.5))
    x, y = true_joints(scene, **SIZE)[0, LIMBS, :2].round().astype(int).T
    assert drawn_over(scene)[y, x].all(), why


def test_left_is_the_persons_own() -> None:
    front, back = true_joints(Scene((Actor(MAYA), Actor(MAYA, turn_deg=180))), **SIZE)
    for left, right in ((Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER), (Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE)):
        assert front[left, 0] > front[right, 0]
        assert back[left, 0] < back[right, 0]


def test_depth_is_smaller_in_front_and_counts_from_the_hips() -> None:
    joints = true_joints(Scene((Actor(MAYA),)), **SIZE)[0]
    assert joints[Landmark.NOSE, 2] < joints[Landmark.LEFT_EAR, 2]
    assert joints[[Landmark.LEFT_HIP, Landmark.RIGHT_HIP], 2].mean() == pytest.approx(0)


def test_mirrored_pose_is_the_mirrored_picture() -> None:
    own, other = (true_joints(Scene((Actor(MAYA, pose),)), **SIZE)[0] for pose in (dance(0.9), mirror(dance(0.9))))
    assert other[Landmark.LEFT_WRIST, 0] == pytest.approx(SIZE["width_px"] - own[Landmark.RIGHT_WRIST, 0])
    assert other[Landmark.LEFT_KNEE, 1] == pytest.approx(own[Landmark.RIGHT_KNEE, 1])


def test_bones_keep_their_length() -> None:
    camera = Camera(distance_m=1e6)  # no perspective, so depth and place share one scale
    pairs = [(Landmark.LEFT_SHOULDER, Landmark.LEFT_ELBOW), (Landmark.RIGHT_KNEE, Landmark.RIGHT_ANKLE)]
    for start, end in pairs:
        lengths = [
            np.linalg.norm(
                np.subtract(*true_joints(Scene((Actor(DANCER, dance(t)),), camera), **SIZE)[0, [start, end]])
            )
            for t in np.linspace(0, DANCE_S, 15)
        ]
        assert np.ptp(lengths) < 1e-2


def test_feet_that_stand_do_not_slide() -> None:
    ankles = [
        true_joints(Scene((Actor(DANCER, dance(t)),)), **SIZE)[0, Landmark.RIGHT_ANKLE, :2]
        for t in (2.4, 2.6, 2.8, 3.0)
    ]
    assert np.ptp(ankles, axis=0).max() < 0.2


def test_dance_is_a_loop() -> None:
    assert np.allclose(dance(0.0).hands, dance(DANCE_S).hands)


def test_drawing_is_deterministic() -> None:
    scene = Scene((Actor(THEO, gesture(1.1)),))
    assert np.array_equal(draw(scene, **SIZE).rgb, draw(scene, **SIZE).rgb)


def test_camera_moves_figure_and_backdrop_together() -> None:
    near, moved = (draw(Scene((Actor(MAYA),), Camera(x_m=x)), **SIZE) for x in (0.0, 0.11))
    shift = round(0.11 * SIZE["height_px"] / 2.2)
    assert moved.joints_px[0, :, 0] == pytest.approx(near.joints_px[0, :, 0] - shift)
    assert np.abs(moved.rgb[:, :-shift].astype(int) - near.rgb[:, shift:]).mean() < 1.5


def test_bar_hides_what_lies_behind() -> None:
    bar = Bar(0.4, 0.0, 0.6, 1.0, (10, 20, 30))
    rgb = draw(Scene((Actor(MAYA),), bars=(bar,)), **SIZE).rgb
    assert (rgb[:, 108:162] == (10, 20, 30)).all()


def test_figure_outside_the_picture_draws_nothing() -> None:
    scene = Scene((Actor(MAYA, x_m=6.0),))
    assert np.array_equal(draw(scene, **SIZE).rgb, draw(Scene(()), **SIZE).rgb)


def test_figure_at_the_very_edge_is_drawn_as_far_as_it_reaches() -> None:
    empty = draw(Scene(()), **SIZE).rgb
    drawn = [draw(Scene((Actor(MAYA, x_m=x),)), **SIZE, supersample=1).rgb for x in np.linspace(0.95, 1.15, 12)]
    changed = [int((rgb != empty).any(2).sum()) for rgb in drawn]
    assert changed[0] > changed[-1] == 0


def test_nearer_figure_hides_the_farther_whatever_the_order() -> None:
    near, far = Actor(THEO, z_m=-0.4), Actor(MAYA, z_m=1.0)
    assert np.array_equal(draw(Scene((near, far)), **SIZE).rgb, draw(Scene((far, near)), **SIZE).rgb)


def test_unreachable_hand_stretches_the_arm_towards_it() -> None:
    far = Pose(hands=np.array([[3.0, 0.0, 0.0], [0.5, -0.8, 0.1]]))
    joints = true_joints(Scene((Actor(MAYA, far),)), **SIZE)[0]
    assert joints[Landmark.LEFT_WRIST, 1] == pytest.approx(joints[Landmark.LEFT_SHOULDER, 1], abs=2)


@pytest.mark.parametrize("name", ["drawn_dance", "drawn_talk"])
def test_detector_finds_the_drawn_joints(name: str, request: pytest.FixtureRequest) -> None:
    clip: DrawnClip = request.getfixturevalue(name)
    size = clip.width_px, clip.height_px
    for frame, pose in find_poses(read_frames(clip.path, container="mp4")):
        truth = clip.joints_px[frame.index, 0, :, :2]
        assert pose is not None
        inside = ((truth >= 0) & (truth < size)).all(1)
        away = np.linalg.norm(pose.landmarks[:, :2] * size - truth, axis=1)[inside]
        shoulders = np.linalg.norm(truth[Landmark.LEFT_SHOULDER] - truth[Landmark.RIGHT_SHOULDER])
        assert away.mean() < 0.15 * shoulders  # measured: 0.05 to 0.09
