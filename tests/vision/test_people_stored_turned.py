"""Pictures that were stored turned are told from people who lie, stand on their hands or turn a cartwheel."""

from collections.abc import Callable

import numpy as np
import pytest
from figure import Actor, Camera, Pose, Scene, draw, gesture, pair
from figure.cast import DANCER, MAYA, THEO

from kling_ui.vision.clip_measurements import clip_turns
from kling_ui.vision.frame_analysis import AnalysedFrame, FrameAnalysis
from kling_ui.vision.frame_sampling import SampledFrame
from kling_ui.vision.pose import PoseTrack, find_people, lean_deg, turned_landmarks
from kling_ui.vision.stored_turns import hands_beyond, quarters, shown_turns, stored_turns

STANDING = Scene((Actor(THEO),), Camera(y_m=0.92, height_m=2.3), "terrace")
TALKING = Scene((Actor(MAYA, gesture(0.4)),), Camera(y_m=1.28, height_m=1.2), "room")
FROM_BEHIND = Scene((Actor(DANCER, turn_deg=180),), Camera(y_m=1.0, height_m=2.5), "hall")
FROM_THE_SIDE = Scene((Actor(MAYA, gesture(0.7), turn_deg=85),), Camera(y_m=1.0, height_m=2.4), "hall")
HANDS_UP = Pose(hands=pair(0.18, 0.98, 0.05), elbows=pair(1.0, 0.1, -0.2), feet=pair(0.08, 0.045, 0.0))


def lying(backdrop: str, tilt_deg: float = 90.0) -> Scene:
    return Scene((Actor(DANCER, tilt_deg=tilt_deg, lift_m=-0.74),), Camera(y_m=0.35, height_m=1.5), backdrop)


def on_hands(tilt_deg: float) -> Scene:
    actor = Actor(THEO, HANDS_UP, tilt_deg=tilt_deg, lift_m=0.18)
    return Scene((actor,), Camera(y_m=1.0, height_m=2.9), "hall")


def walkers(backdrop: str, *turns_deg: float) -> Scene:
    """A street: people at several distances who walk in several directions."""
    looks, places = (MAYA, THEO, DANCER), np.linspace(-1.6, 1.6, len(turns_deg))
    people = (
        Actor(looks[place % 3], gesture(0.5 * place), x_m=float(x_m), z_m=1.4 * (place % 3), turn_deg=turn_deg)
        for place, (x_m, turn_deg) in enumerate(zip(places, turns_deg, strict=True))
    )
    return Scene(tuple(people), Camera(y_m=1.0, height_m=2.6), backdrop)


def side_by_side(backdrop: str, tilt_deg: float, *, one_stands: bool = False) -> Scene:
    """People who lie beside each other, or one who lies before somebody who stands."""
    lie = {"tilt_deg": tilt_deg, "lift_m": -0.74}
    if one_stands:
        return Scene((Actor(DANCER, **lie), Actor(MAYA, x_m=1.3, z_m=1.2)), Camera(y_m=0.95, height_m=2.3), backdrop)
    others = Actor(MAYA, z_m=1.2, **lie), Actor(THEO, z_m=2.4, **lie)
    return Scene((Actor(DANCER, **lie), *others), Camera(y_m=0.7, height_m=2.4), backdrop)


@pytest.fixture(scope="module")
def drawn() -> Callable[..., np.ndarray]:
    once: dict[tuple[object, ...], np.ndarray] = {}

    def drawing(scene: Scene, width_px: int = 450, height_px: int = 800) -> np.ndarray:
        what = repr(scene), width_px, height_px
        if what not in once:
            once[what] = draw(scene, width_px=width_px, height_px=height_px, supersample=1).rgb
        return once[what]

    return drawing


def found(rgb: np.ndarray) -> int:
    return stored_turns(rgb, find_people(rgb)[0])


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize(
    ("scene", "size"),
    [(STANDING, (450, 800)), (TALKING, (800, 600)), (FROM_BEHIND, (600, 800)), (FROM_THE_SIDE, (600, 800))],
    ids=["standing", "talking", "from behind", "from the side"],
)
def test_a_picture_that_was_stored_turned_is_turned_back(drawn, scene, size, turns):
    stored = np.ascontiguousarray(np.rot90(drawn(scene, *size), -turns))
    assert found(stored) == turns


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize(
    ("backdrop", "turns_deg"),
    [("hall", (0, -70, 150, 80, 180)), ("terrace", (70, 180, -80)), ("room", (85, -85, 95)), ("hall", (180, 20))],
    ids=["five", "three", "all from the side", "two"],
)
def test_a_crowd_that_was_stored_turned_is_turned_back(drawn, backdrop, turns_deg, turns):
    stored = np.ascontiguousarray(np.rot90(drawn(walkers(backdrop, *turns_deg), 960, 540), -turns))
    assert found(stored) == turns


@pytest.mark.parametrize("one_stands", [False, True], ids=["all lie", "one stands"])
@pytest.mark.parametrize("backdrop", ["hall", "room", "terrace", "plain"])
@pytest.mark.parametrize("tilt_deg", [90, -90])
def test_who_lies_beside_others_stays_lying(drawn, backdrop, tilt_deg, one_stands):
    assert found(drawn(side_by_side(backdrop, tilt_deg, one_stands=one_stands), 960, 540)) == 0


@pytest.mark.parametrize("backdrop", ["hall", "room", "terrace", "plain"])
@pytest.mark.parametrize("tilt_deg", [90, -90])
def test_who_lies_stays_lying(drawn, backdrop, tilt_deg):
    assert found(drawn(lying(backdrop, tilt_deg), 800, 450)) == 0


@pytest.mark.parametrize("tilt_deg", [45, 90, 135, 180, 225, 270])
def test_who_stands_on_the_hands_or_turns_a_cartwheel_stays_so(drawn, tilt_deg):
    assert found(drawn(on_hands(tilt_deg), 800, 800)) == 0


@pytest.mark.parametrize(
    ("lean", "turns"), [(0, 0), (24, 0), (45, 0), (70, 1), (90, 1), (120, 0), (170, 2), (-170, 2), (-90, 3), (-60, 0)]
)
def test_only_quarters_count(lean, turns):
    assert quarters(lean) == turns


def test_landmarks_turn_with_their_picture(drawn):
    rgb = drawn(STANDING)
    upright, turned = (find_people(np.ascontiguousarray(np.rot90(rgb, turns)))[0].landmarks for turns in (0, 1))
    assert np.abs(turned_landmarks(upright, 1, 450 / 800) - turned)[:, :2].max() < 0.05
    assert np.abs(turned_landmarks(upright, 4, 1.0) - upright).max() < 1e-6
    assert lean_deg(turned, 800 / 450) == pytest.approx(-90, abs=8)  # the head is on the left


def track(pictures: list[np.ndarray], turns: list[int]) -> tuple[list[AnalysedFrame], list[SampledFrame], PoseTrack]:
    """What is known of a square clip whose frames show these pictures, each turned so often."""

    class Still(SampledFrame):
        @property
        def rgb(self) -> np.ndarray:
            return self.planes

    frames: list[SampledFrame] = [
        Still(float(at), True, np.ascontiguousarray(np.rot90(rgb, each)))
        for at, (rgb, each) in enumerate(zip(pictures, turns, strict=True))
    ]
    poses = [find_people(frame.rgb)[0] for frame in frames]
    analysed = [
        AnalysedFrame(FrameAnalysis(frame.time_s, confidence=pose.confidence), pose, None)
        for frame, pose in zip(frames, poses, strict=True)
    ]
    times_s = np.array([frame.time_s for frame in frames])
    rows = (np.array([pose.landmarks for pose in poses]), np.array([pose.world_m for pose in poses]))
    return analysed, frames, PoseTrack(times_s, *rows, 1.0)


@pytest.mark.parametrize(
    ("turns", "needed"),
    [([3] * 6, 1), ([2] * 6, 2), ([1, 1, 1, 1, 0, 1], 3), ([0, 0, 0, 2, 2, 0], 0), ([0, 1, 2, 3, 0, 1], 0)],
    ids=["on its side", "upside down", "one slip", "upside down for a while", "round and round"],
)
def test_a_clip_is_what_most_of_its_moments_are(drawn, turns, needed):
    assert clip_turns(*track([drawn(STANDING, 600, 600)] * len(turns), turns)) == needed


def test_moments_that_tell_nothing_do_not_outvote_those_that_do(drawn):
    scenes = Scene((Actor(MAYA, turn_deg=90),), Camera(y_m=1.0, height_m=1.9), "plain"), STANDING
    unclear, clear = (np.ascontiguousarray(np.rot90(drawn(scene, 600, 600), -1)) for scene in scenes)
    assert [shown_turns(rgb, find_people(rgb)[0]) for rgb in (unclear, clear)] == [None, 1]
    assert clip_turns(*track([unclear] * 4 + [clear] * 3, [0] * 7)) == 1
    assert clip_turns(*track([unclear] * 6 + [clear], [0] * 7)) == 0


def test_hands_beyond_the_shoulders(drawn):
    for scene, are_beyond in ((STANDING, False), (on_hands(0), True), (on_hands(180), True)):
        assert hands_beyond(find_people(drawn(scene, 800, 800))[0].landmarks, 1.0) is are_beyond
