import math

import numpy as np
import pytest

from kling_ui.puppetry.warp import Bend, Bulge, LimbWarp, Segment, Stretch, TrunkWarp

GRID = np.meshgrid(np.linspace(-40, 160, 41), np.linspace(-60, 160, 45))


def limb(rest: Segment, posed: Segment, *bends: Bend, across: float = 1.0) -> LimbWarp:
    return LimbWarp(rest, posed, Stretch((0.0, posed.length), (0.0, rest.length), 1.0, 1.0, across), bends)


def test_at_rest_everything_is_where_it_was():
    rest = Segment(10, 20, 0.4, 50)
    x, y = limb(rest, rest).source(*GRID)
    assert x == pytest.approx(GRID[0])
    assert y == pytest.approx(GRID[1])


def test_a_turned_and_shortened_bone_shows_its_own_ends():
    rest, posed = Segment(10, 20, 0.0, 50), Segment(70, 80, 2.0, 30)
    x, y = limb(rest, posed).source(np.array([posed.x, posed.end[0]]), np.array([posed.y, posed.end[1]]))
    assert (x[0], y[0]) == pytest.approx((rest.x, rest.y))
    assert (x[1], y[1]) == pytest.approx(rest.end)


@pytest.mark.parametrize("degrees", [-75, -30, 20, 79])
def test_two_pieces_agree_all_around_the_joint_they_meet_in(degrees: float):
    angle, room = math.radians(degrees), 12.0
    upper, lower = Segment(0, 0, 0.3, 60), Segment(*Segment(0, 0, 0.3, 60).end, 0.3, 50)
    posed = Segment(upper.end[0], upper.end[1], 0.3 + angle, 50)
    joint, mitre = upper.end, angle / 2
    near = limb(upper, upper, Bend(joint, 0.3 + mitre, -room, 0.0, angle, 0.5))
    far = limb(lower, posed, Bend(joint, 0.3 + angle - mitre + math.pi, -room, 0.0, -angle, 0.5))
    across = 0.3 + mitre + math.pi / 2
    line = np.linspace(-15, 15, 9)
    spots = joint[0] + line * math.cos(across), joint[1] + line * math.sin(across)
    for a, b in zip(near.source(*spots), far.source(*spots), strict=True):
        assert a == pytest.approx(b, abs=1e-9)


@pytest.mark.parametrize("degrees", [-170, -60, 45, 120])
def test_reach_holds_everything_that_is_drawn(degrees: float):
    angle = math.radians(degrees)
    rest, posed = Segment(30, 10, 1.5, 60), Segment(60, 60, 0.8, 45)
    warp = limb(
        rest, posed, Bend(posed.end, 0.8, -10, 10, angle / 4, 1.0), Bend((60, 60), 0.8 + math.pi, -9, 0, angle, 0.5)
    )
    sides = np.linspace([18, 0], [42, 0], 9), np.linspace([18, 0], [18, 90], 9)
    outline = np.concatenate([*sides, sides[0] + (0, 90), sides[1] + (24, 0)]).T
    spots = warp.reach(*outline)
    x, y = warp.source(*GRID)
    drawn = (x > 18) & (x < 42) & (y > 0) & (y < 90)
    assert drawn.any()
    for axis in (0, 1):
        assert GRID[axis][drawn].min() >= spots[:, axis].min() - 3
        assert GRID[axis][drawn].max() <= spots[:, axis].max() + 3


def test_a_torso_at_rest_stays_and_its_shoulders_tilt_without_its_hips():
    rest = Segment(50, 100, -math.pi / 2, 80)
    assert TrunkWarp(rest, rest, (0.0, 0.0), (1.0, 1.0)).source(*GRID)[0] == pytest.approx(GRID[0])
    x, y = TrunkWarp(rest, rest, (0.0, 0.2), (1.0, 1.0)).source(np.array([80.0, 80.0]), np.array([100.0, 20.0]))
    assert (x[0], y[0]) == pytest.approx((80, 100))
    assert abs(y[1] - 20) == pytest.approx(0.2 * 30)


def test_a_face_slides_in_the_middle_and_not_at_the_rim():
    bulge = Bulge(50, 50, 20, 6, -3)
    x, y = bulge.undo(np.array([50.0, 71.0]), np.array([50.0, 50.0]))
    assert (x[0], y[0]) == pytest.approx((44, 53))
    assert (x[1], y[1]) == pytest.approx((71, 50))
