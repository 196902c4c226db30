import numpy as np
import pytest

from kling_ui.vision.pose import (
    Framing,
    Landmark,
    cut_limbs,
    framing,
    hands_outside,
    seen,
    shows_full_body,
    shows_upper_body,
    spans_without,
    usual_framing,
)

HIPS = [Landmark.LEFT_HIP, Landmark.RIGHT_HIP]
ANKLES = [Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE]
FACE = list(range(11))


@pytest.fixture
def body() -> np.ndarray:
    """Everything in the middle of the picture and visible."""
    return np.tile(np.array([0.5, 0.5, 0.0, 1.0]), (33, 1))


def below(body: np.ndarray, joints: list[int]) -> np.ndarray:
    body[joints, 1] = 1.2
    body[joints, 3] = 0.1
    return body


def hidden(body: np.ndarray, joints: list[int]) -> np.ndarray:
    body[joints, 3] = 0.1
    return body


LEGS = list(range(Landmark.LEFT_KNEE, Landmark.RIGHT_FOOT_INDEX + 1))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda body: body, Framing.FULL),
        (lambda body: hidden(body, [Landmark.LEFT_ANKLE]), Framing.FULL),
        (lambda body: hidden(body, ANKLES), Framing.UPPER),
        (lambda body: below(body, [Landmark.LEFT_ANKLE]), Framing.UPPER),
        (lambda body: below(body, LEGS), Framing.UPPER),
        (lambda body: below(body, HIPS + LEGS), Framing.UPPER),
        (lambda body: hidden(body, FACE[:5]), Framing.FULL),
        (lambda body: hidden(body, FACE[:6]), Framing.PART),
        (lambda body: hidden(body, [Landmark.LEFT_SHOULDER]), Framing.PART),
        (lambda body: body * np.nan, Framing.NOBODY),
    ],
    ids=[
        "all of it",
        "one ankle behind the other",
        "both ankles hidden",
        "one ankle outside",
        "legs outside",
        "hips outside",
        "less than half of the face hidden",
        "more than half of the face hidden",
        "a shoulder hidden",
        "nobody",
    ],
)
def test_framing(body, change, name):
    assert framing(change(body)) == name


def test_the_usual_framing_is_the_most_frequent(body):
    half = below(body.copy(), LEGS)
    assert usual_framing(np.stack([body, half, half])) == Framing.UPPER
    assert usual_framing(np.empty((0, 33, 4))) == Framing.NOBODY


def test_a_track_is_judged_frame_by_frame(body):
    track = np.stack([body, below(body.copy(), LEGS), body * np.nan])
    assert shows_upper_body(track).tolist() == [True, True, False]
    assert shows_full_body(track).tolist() == [True, False, False]
    assert seen(track).shape == (3, 33)


def test_an_edge_that_cuts_a_forearm(body):
    assert cut_limbs(body) == ()
    assert cut_limbs(below(body, [Landmark.LEFT_WRIST])) == ("left forearm",)
    assert hands_outside(body) == ("left hand",)


def test_a_limb_wholly_outside_is_not_cut_but_its_hand_is_missed(body):
    body = below(body, [Landmark.RIGHT_ELBOW, Landmark.RIGHT_WRIST])
    assert cut_limbs(body) == ()
    assert hands_outside(body) == ("right hand",)


@pytest.mark.parametrize(
    ("shown", "spans"),
    [
        ([1, 1, 1, 1], []),
        ([0, 1, 1, 1], [(0, 1)]),
        ([1, 0, 0, 1], [(1, 3)]),
        ([0, 1, 1, 0], [(0, 1), (3, 4)]),
        ([0, 0, 0, 0], [(0, 4)]),
    ],
)
def test_spans_in_which_something_is_missing(shown, spans):
    assert spans_without(np.arange(5.0), np.array(shown)) == spans
