import cmath
import math

import numpy as np
import pytest

from kling_ui.puppet.warp import Bend, Bulge, Lift, LimbWarp, Segment, SkirtWarp, Stretch, TrunkWarp

GRID = np.add.outer(1j * np.linspace(-60, 160, 45), np.linspace(-40, 160, 41))


def limb(rest: Segment, posed: Segment, *bends: Bend, across: float = 1.0) -> LimbWarp:
    return LimbWarp(rest, posed, Stretch(posed.length, rest.length, 1.0, 1.0, across), bends)


def test_at_rest_everything_is_where_it_was():
    rest = Segment(10 + 20j, 0.4, 50)
    assert limb(rest, rest).source(GRID) == pytest.approx(GRID)


def test_a_turned_and_shortened_bone_shows_its_own_ends():
    rest, posed = Segment(10 + 20j, 0.0, 50), Segment(70 + 80j, 2.0, 30)
    assert limb(rest, posed).source(np.array([posed.start, posed.end])) == pytest.approx([rest.start, rest.end])


def test_a_stretch_scales_before_along_and_after_the_bone_on_its_own():
    stretch = Stretch(30.0, 60.0, 2.0, 3.0, 0.5)
    points = np.array([-5 + 4j, 20 + 4j, 60 + 0j, 66 - 2j])
    assert stretch.apply(points) == pytest.approx([-10 + 2j, 10 + 2j, 30, 48 - 1j])
    assert stretch.inverse.apply(stretch.apply(points)) == pytest.approx(points)


@pytest.mark.parametrize("degrees", [-75, -30, 20, 79])
def test_two_pieces_agree_all_around_the_joint_they_meet_in(degrees: float):
    angle, room = math.radians(degrees), 12.0
    upper = Segment(0j, 0.3, 60)
    lower, posed = Segment(upper.end, 0.3, 50), Segment(upper.end, 0.3 + angle, 50)
    joint, mitre = upper.end, angle / 2
    near = limb(upper, upper, Bend(joint, 0.3 + mitre, -room, 0.0, angle, 0.5))
    far = limb(lower, posed, Bend(joint, 0.3 + angle - mitre + math.pi, -room, 0.0, -angle, 0.5))
    spots = joint + np.linspace(-15, 15, 9) * cmath.rect(1, 0.3 + mitre + math.pi / 2)
    assert near.source(spots) == pytest.approx(far.source(spots), abs=1e-9)


@pytest.mark.parametrize("degrees", [-170, -60, 0, 45, 120])
def test_reach_holds_everything_that_is_drawn(degrees: float):
    angle = math.radians(degrees)
    rest, posed = Segment(30 + 10j, 1.5, 60), Segment(60 + 60j, 0.8, 45)
    warp = limb(
        rest, posed, Bend(posed.end, 0.8, -10, 10, angle / 4, 1.0), Bend(60 + 60j, 0.8 + math.pi, -9, 0, angle, 0.5)
    )
    across, down = np.linspace(18, 42, 9), 1j * np.linspace(0, 90, 9)
    left, top, right, bottom = warp.reach(np.concatenate([across, across + 90j, 18 + down, 42 + down]))
    source = warp.source(GRID)
    drawn = GRID[(source.real > 18) & (source.real < 42) & (source.imag > 0) & (source.imag < 90)]
    assert len(drawn)
    assert left - 3 <= drawn.real.min() <= drawn.real.max() <= right + 3
    assert top - 3 <= drawn.imag.min() <= drawn.imag.max() <= bottom + 3


def test_a_torso_at_rest_stays_and_its_shoulders_tilt_without_its_hips():
    rest = Segment(50 + 100j, -math.pi / 2, 80)
    assert TrunkWarp(rest, rest, (0.0, 0.0), (1.0, 1.0)).source(GRID) == pytest.approx(GRID)
    hip, shoulder = TrunkWarp(rest, rest, (0.0, 0.2), (1.0, 1.0)).source(np.array([80 + 100j, 80 + 20j]))
    assert hip == pytest.approx(80 + 100j)
    assert abs(shoulder.imag - 20) == pytest.approx(0.2 * 30)


@pytest.mark.parametrize("tilts", [(0.0, 0.0), (0.3, -0.4)])
def test_a_torsos_reach_holds_everything_that_is_drawn(tilts: tuple[float, float]):
    warp = TrunkWarp(Segment(50 + 90j, -1.5, 80), Segment(60 + 100j, -1.1, 60), tilts, (0.7, 1.2))
    left, top, right, bottom = warp.reach(np.array([30 + 5j, 70 + 5j, 30 + 100j, 70 + 100j]))
    source = warp.source(GRID)
    drawn = GRID[(source.real > 30) & (source.real < 70) & (source.imag > 5) & (source.imag < 100)]
    assert len(drawn)
    assert left <= drawn.real.min() <= drawn.real.max() <= right
    assert top <= drawn.imag.min() <= drawn.imag.max() <= bottom


def test_a_face_slides_in_the_middle_and_not_at_the_rim():
    bulge = Bulge(50 + 50j, 20, 6 - 3j)
    assert bulge.undo(np.array([50 + 50j, 71 + 50j])) == pytest.approx([44 + 53j, 71 + 50j])


def leg(x: float, degrees: float) -> tuple[LimbWarp, LimbWarp]:
    """A leg of two bones, turned around its hip at ``x``."""
    turned = math.radians(90 - degrees)
    upper, now = Segment(complex(x, 0), math.pi / 2, 50), Segment(complex(x, 0), turned, 50)
    lower, lower_now = Segment(upper.end, math.pi / 2, 50), Segment(now.end, turned, 50)
    return limb(upper, now), limb(lower, lower_now)


def test_cloth_around_both_legs_goes_with_each_of_them_and_never_tears():
    warp = SkirtWarp((leg(40, 25), leg(0, -25)))
    ends = np.array([warp.legs[0][0].posed.end, warp.legs[1][0].posed.end])
    assert warp.source(ends) == pytest.approx([40 + 50j, 0 + 50j])
    across = ends[1] + np.linspace(0, 1, 200) * (ends[0] - ends[1])
    seen = warp.source(across)
    assert seen.real.min() >= -1
    assert seen.real.max() <= 41
    assert np.abs(np.diff(seen)).max() < 2  # no gap, and nothing of the one leg beside the other
    middle = seen[80:120].real
    assert (np.diff(middle) > 0).all()


def test_what_is_far_from_an_ankle_does_not_turn_with_the_foot():
    foot, hem = np.array([30 + 5j]), np.array([20 + 60j, 20 - 60j])
    bend = Bend(0j, 0.0, -5, 5, 0.7, 1.0, (35, 45))
    assert bend.undo(foot) == pytest.approx(foot * np.exp(-0.7j))
    assert bend.undo(hem) == pytest.approx(hem)


def test_a_skirt_at_rest_is_where_it_was():
    warp = SkirtWarp((leg(40, 0), leg(0, 0)))
    spots = np.add.outer(1j * np.linspace(0, 100, 21), np.linspace(-30, 70, 21))
    assert warp.source(spots) == pytest.approx(spots, abs=1e-6)


@pytest.mark.parametrize("angle", [-0.4, 0.4])
def test_a_raised_arm_draws_the_flank_along_but_not_the_chest(angle: float):
    lift = Lift(50 + 0j, math.pi / 2, angle, 80)
    flank = lift.undo(np.array([50 + 30j]))[0]
    assert math.copysign(1, (flank - 50 - 30j).real) == math.copysign(1, angle)
    still = np.array([50 - 20j, 20 + 0j, 50 + 90j, 50 + 0j])
    assert lift.undo(still) == pytest.approx(still)
    spine = Segment(0 + 100j, -math.pi / 2, 100)
    left, top, right, bottom = TrunkWarp(spine, spine, (0.0, 0.0), (1.0, 1.0), (lift,)).reach(GRID.ravel()[:4])
    assert (left, right) == (min(left, -30), max(right, 130))
    assert (top, bottom) == (min(top, -80), max(bottom, 80))


@pytest.mark.parametrize("length", [20.0, 75.0])
def test_what_a_hand_holds_stays_straight_however_long_its_arm_is(length: float):
    rest, posed = Segment(30 + 40j, 0.0, 60), Segment(30 + 40j, 0.7, length)
    bend = Bend(posed.start, 0.7 + math.pi, -9, 0, 0.6, 0.5)
    warp = LimbWarp(rest, posed, Stretch(length, 60, 1.0, 1.0, 1.0), (bend,), (12.0, 22.0))
    fine = np.add.outer(1j * np.arange(-80, 200, 1.0), np.arange(-80, 200, 1.0))
    source = warp.source(fine)
    rod = (np.abs(((source - 92 - 40j) * cmath.rect(1, -2.0)).imag) < 1) & (np.abs(source.imag - 40) < 70)
    shown, along = fine[rod], ((fine[rod] - posed.end) * cmath.rect(1, -2.7)).real
    off = ((shown - posed.end - 2 * cmath.rect(1, 0.7)) * cmath.rect(1, -2.7)).imag
    assert np.abs(off[np.abs(along) > 30]).max() < 1.5
    assert np.ptp(along) > 130
    left, top, right, bottom = warp.reach(np.array([92 + 40j + s * cmath.rect(1, 2.0) for s in (-76, 76)]))
    assert left <= shown.real.min() + 2
    assert shown.real.max() - 2 <= right
    assert top <= shown.imag.min() + 2
    assert shown.imag.max() - 2 <= bottom
