import numpy as np
import pytest

from kling_ui.puppet.motion.framing import MOST_PULL_M, FootLock
from kling_ui.puppet.motion.pose_stream import SmoothedMotion
from kling_ui.puppet.skeleton import Joint

FPS, PX_PER_M = 24.0, 200.0
LEFT = [Joint.LEFT_KNEE, Joint.LEFT_ANKLE, Joint.LEFT_TOE]


def walk(way_m: np.ndarray) -> tuple[np.ndarray, SmoothedMotion]:
    """A figure whose left leg goes ``way_m`` sideways, its knee half as far; the right one stands."""
    frames = len(way_m)
    joints = np.zeros((frames, 18, 2))
    joints[:, [Joint.LEFT_KNEE, Joint.RIGHT_KNEE], 1] = 80
    joints[:, [Joint.LEFT_ANKLE, Joint.RIGHT_ANKLE], 1] = 160
    joints[:, LEFT, 0] = way_m[:, None] * PX_PER_M * (0.5, 1, 1)
    pace = np.zeros((frames, 2))
    pace[:, 0] = np.abs(np.gradient(way_m)) * FPS
    blank = np.zeros((frames, 18, 3))
    return joints, SmoothedMotion(blank[..., :2], blank, blank[..., 0], np.ones(frames), blank[:, 0], pace, FPS)


def held(way_m: np.ndarray, *, seen: float = 1.0, stretch: int | None = None) -> np.ndarray:
    joints, performance = walk(way_m)
    footing, size = FootLock(FPS, PX_PER_M), stretch or len(way_m)
    for start in range(0, len(way_m), size):
        piece = slice(start, start + size)
        footing.hold(joints[piece], performance[piece], np.full((len(joints[piece]), 2), seen))
    return joints


WOBBLE_M = 0.02 * np.sin(np.arange(48) / 8)
STEP_M = np.interp(np.arange(48), [12, 20], [0.0, 0.5])


def test_a_foot_that_only_wobbles_stays():
    free, fixed = walk(WOBBLE_M)[0], held(WOBBLE_M)
    for joints, most in ((free, 10.0), (fixed, 2.5)):
        assert np.ptp(joints[:, Joint.LEFT_ANKLE, 0]) == pytest.approx(most, abs=2.5)
    assert fixed[:, Joint.LEFT_TOE, 0] == pytest.approx(fixed[:, Joint.LEFT_ANKLE, 0])


def test_a_step_arrives_where_it_goes_without_a_jump():
    free, fixed = walk(STEP_M)[0], held(STEP_M)
    assert fixed[-1, LEFT] == pytest.approx(free[-1, LEFT], abs=2.0)
    steps = [np.abs(np.diff(joints[:, Joint.LEFT_ANKLE, 0])).max() for joints in (free, fixed)]
    assert steps[1] < 1.3 * steps[0]


def test_the_other_foot_and_the_body_are_left_alone():
    free, fixed = walk(STEP_M)[0], held(STEP_M)
    others = [joint for joint in Joint if joint not in LEFT]
    assert (free[:, others] == fixed[:, others]).all()


def test_a_foot_is_not_held_back_for_ever():
    creep_m = 0.1 * np.arange(120) / FPS  # 0.1 m/s, slower than anything that counts as moving
    apart = walk(creep_m)[0] - held(creep_m)
    assert 0 < np.abs(apart).max() <= MOST_PULL_M * PX_PER_M + 1e-6


def test_feet_that_are_not_seen_are_not_held():
    assert (held(WOBBLE_M, seen=0.0) == walk(WOBBLE_M)[0]).all()


def test_pieces_give_the_same_as_the_whole():
    assert held(STEP_M + np.resize(WOBBLE_M, 48), stretch=5) == pytest.approx(held(STEP_M + np.resize(WOBBLE_M, 48)))
