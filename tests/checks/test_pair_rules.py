"""One figure, laid over itself: the clip's person is half as tall as the picture's, so its moves grow twofold."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kling_ui.checks.pair_rules import FramingMargin, framing_margin
from kling_ui.media.image import ImageFacts
from kling_ui.options import Orientation
from kling_ui.vision.analysis import ImageAnalysis, PersonFacts
from kling_ui.vision.pose import Landmark, PoseTrack

HEIGHTS = [0.08, *[0.06] * 6, *[0.07] * 2, *[0.1] * 2, *[0.2] * 2, *[0.34] * 2, *[0.46] * 2, *[0.5] * 6]
HEIGHTS += [*[0.5] * 2, *[0.73] * 2, *[0.93] * 2, *[0.96] * 2, *[0.98] * 2]
SIDES = [0.0, *[0.02] * 3, *[-0.02] * 3, *[0.02, -0.02] * 2, *[0.1, -0.1], *[0.13, -0.13], *[0.14, -0.14] * 4]
SIDES += [0.06, -0.06] * 5
HANDS = [Landmark.LEFT_WRIST, Landmark.LEFT_INDEX]
ANKLES = [Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE]
SMALL = {"top": 0.5, "tall": 0.4}
SHOULDERS_Y = 0.58  # of the small one; of the large one 0.26


def standing(*, x: float = 0.5, top: float = 0.1, tall: float = 0.8, aspect: float = 1.0) -> np.ndarray:
    """``(33, 4)`` landmarks, sizes in heights of a picture of this width divided by height."""
    places = [x + np.array(SIDES) * tall / aspect, top + np.array(HEIGHTS) * tall, np.zeros(33), np.ones(33)]
    return np.stack(places, axis=1)


def moved(landmarks: np.ndarray, joints: list[Landmark], *, y: float, visibility: float = 1.0) -> np.ndarray:
    changed = landmarks.copy()
    changed[joints, 1], changed[joints, 3] = y, visibility
    return changed


def picture(landmarks: np.ndarray) -> ImageAnalysis:
    facts = ImageFacts(Path("me.png"), "png", 1_000_000, 1000, 1000, 1, "RGB", has_alpha=False, frame_count=1)
    joints = tuple((x, y, z, visibility) for x, y, z, visibility in landmarks.tolist())
    return ImageAnalysis("0" * 64, facts, PersonFacts(joints, 0.2, (0.3, 0.1, 0.7, 0.9), 0.9, 1.0), 0.0, None)


@pytest.fixture
def room(watch):
    """``room(pose, pose, ..., character=..., orientation=...)`` for a square picture and clip."""

    def measure(
        *poses: np.ndarray,
        character: np.ndarray | None = None,
        aspect: float = 1.0,
        orientation: Orientation = Orientation.VIDEO,
    ) -> FramingMargin | None:
        track = PoseTrack(np.arange(len(poses)), np.array(poses), np.zeros((len(poses), 33, 3)), aspect)
        own = standing() if character is None else character
        return framing_margin(picture(own), replace(watch("F"), track=track), orientation)

    return measure


def test_moves_that_fit_leave_nothing_out(room):
    found = room(standing(**SMALL), standing(**SMALL))
    assert found.left_share == 0
    assert found.edges == ()
    assert found.box == pytest.approx((0.5 - 0.14 * 0.8, 0.1 + 0.08 * 0.8, 0.5 + 0.14 * 0.8, 0.1 + 0.93 * 0.8))


@pytest.mark.parametrize(("hands_y", "left_share"), [(-0.02, 0.0), (-0.04, 0.5), (-0.3, 0.5)])
def test_hands_may_come_a_little_beyond_the_edge(room, hands_y, left_share):
    up = moved(standing(**SMALL), HANDS, y=SHOULDERS_Y + (hands_y - 0.26) / 2)
    found = room(standing(**SMALL), up)
    assert found.left_share == left_share
    assert found.edges == (("top",) if left_share else ())
    assert found.box[1] == pytest.approx(hands_y)


def test_feet_leave_a_picture_of_a_whole_body(room):
    found = room(moved(standing(top=0.1, tall=0.4), ANKLES, y=0.6))
    assert (found.left_share, found.edges) == (1.0, ("bottom",))


def test_a_half_body_goes_on_below_the_picture(room):
    low = moved(standing(top=0.1, tall=0.4), HANDS, y=0.45)
    assert room(low, character=standing(tall=1.75)).box[3] > 1.2
    assert room(low, character=standing(tall=1.75)).left_share == 0


@pytest.mark.parametrize(("orientation", "edges"), [(Orientation.VIDEO, ("right",)), (Orientation.IMAGE, ())])
def test_only_a_character_that_follows_the_clip_walks_about(room, orientation, edges):
    found = room(standing(x=0.3, **SMALL), standing(x=0.7, **SMALL), orientation=orientation)
    assert found.edges == edges
    assert found.left_share == (0.5 if edges else 0.0)


def test_what_the_clip_does_not_show_does_not_count(room):
    hidden = moved(standing(**SMALL), HANDS, y=0.3, visibility=0.1)
    assert room(hidden).left_share == 0
    assert room(moved(hidden, HANDS, y=0.3)).left_share == 1


def test_a_wide_clip_is_not_squeezed_into_the_picture(room):
    square, wide = room(standing(**SMALL)), room(standing(aspect=2.0, **SMALL), aspect=2.0)
    assert wide.box == pytest.approx(square.box, abs=1e-3)


def test_nobody_needs_no_room(room, watch):
    assert room(np.full((33, 4), np.nan)) is None
    assert framing_margin(replace(picture(standing()), person=None), watch("FF"), Orientation.VIDEO) is None
