"""Backward warps: for each point of the frame, the point of the picture that is seen there.

Points are complex numbers, x to the right and y downwards, in arrays of any shape: turning is one product then. A part
is straightened (bends at its joints undone), then turned back and stretched back along its bone. Bends are rotations
around the joint by a share of the angle that grows across the line that halves it; the parts on both sides use the same
rule, so they agree there and no gap can open.
"""

import cmath
from dataclasses import dataclass

import numpy as np

Box = tuple[float, float, float, float]
LEAST_PX = 1e-3  # instead of a length of 0, by which nothing can be divided
RIGID = 0.35  # of the way from one leg to the other, over which cloth around a leg goes with it less and less
HEM = 0.25  # of a shin's length beside it: there is no ankle any more, but the hem of a skirt
NOWHERE = complex(-1e5, -1e5)  # in the picture: what shows nothing
STRAIGHT = 1e-4  # radians: a bend by less than this moves nothing by a pixel's hundredth


@dataclass(frozen=True, slots=True)
class Bend:
    """A joint's bend: points beyond a line are rotated around the joint, gradually.

    Attributes:
        pivot: The joint, px.
        towards: Direction, in radians, in which the share of the rotation grows.
        near: Where it starts to grow, px from the pivot along ``towards``.
        far: Where it has grown fully.
        angle: The rotation, in radians.
        most: The share that is reached: 1 for a piece that goes on beyond, 0.5 for two pieces that meet in the joint.
        within: Where it fades, from which distance to the pivot to which, px; ``None`` for a bend of all there is.
    """

    pivot: complex
    towards: float
    near: float
    far: float
    angle: float
    most: float
    within: tuple[float, float] | None = None

    def undo(self, points: np.ndarray) -> np.ndarray:
        """Straighten points of the bent picture."""
        if abs(self.angle * self.most) < STRAIGHT:
            return points
        away = points - self.pivot
        t = (self._along(away) - self.near) / max(self.far - self.near, LEAST_PX)
        t = np.minimum(np.maximum(t, 0), 1)  # faster than np.clip
        turn = t * t * (3 - 2 * t) * (-self.angle * self.most)
        if self.within is not None:
            turn = turn * (1 - _risen(np.abs(away), *self.within))
        turned = np.empty_like(away)
        turned.real, turned.imag = np.cos(turn), np.sin(turn)
        return turned * away + self.pivot

    def reach(self, points: np.ndarray) -> Box | None:
        """Bound the places to which the bend may move straight points; ``None``: it moves none."""
        if abs(self.angle * self.most) < STRAIGHT:
            return None
        away = points - self.pivot
        turned = away * cmath.rect(1, self.angle * self.most)
        moved = away[np.maximum(self._along(away), self._along(turned)) > self.near]
        if not len(moved):
            return None
        radius, x, y = float(np.abs(moved).max()), self.pivot.real, self.pivot.imag
        return x - radius, y - radius, x + radius, y + radius

    def _along(self, away: np.ndarray) -> np.ndarray:
        return (away * cmath.rect(1, -self.towards)).real


@dataclass(frozen=True, slots=True)
class Segment:
    """A bone's place in the picture or in the frame: start, direction, length.

    Attributes:
        start: Its near end, px.
        angle: Its direction, radians.
        length: In px, more than 0.
    """

    start: complex
    angle: float
    length: float

    @classmethod
    def between(cls, start: np.ndarray, end: np.ndarray) -> "Segment":
        """Make the segment from one point ``(x, y)`` to another."""
        way = complex(*end) - complex(*start)
        return cls(complex(*start), cmath.phase(way), max(abs(way), LEAST_PX))

    @property
    def end(self) -> complex:
        """The bone's far end, px."""
        return self.start + cmath.rect(self.length, self.angle)

    def local(self, points: np.ndarray) -> np.ndarray:
        """Convert points to the bone's own axes: along it (real) and across (imaginary), px."""
        return (points - self.start) * cmath.rect(1, -self.angle)

    def world(self, points: np.ndarray) -> np.ndarray:
        """Convert points from the bone's own axes back, the inverse of :meth:`local`."""
        return points * cmath.rect(1, self.angle) + self.start


@dataclass(frozen=True, slots=True)
class Stretch:
    """How a body part is scaled: in three pieces along the bone, evenly across it.

    Attributes:
        posed: How long the part of the bone that gives way is as posed, px.
        rest: How long it is in the picture.
        before: Scale before the bone.
        after: Scale after that part.
        across: Scale across the bone.
    """

    posed: float
    rest: float
    before: float
    after: float
    across: float

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Scale points, given as by :meth:`Segment.local`, from the picture to the frame."""
        way = points.real
        below, above = np.minimum(way, 0), np.maximum(way - self.rest, 0)
        out = np.empty_like(points)
        out.real = (way - below - above) * (self.posed / self.rest) + below * self.before + above * self.after
        out.imag = points.imag * self.across
        return out

    @property
    def inverse(self) -> "Stretch":
        """The scaling from the frame back to the picture."""
        return Stretch(self.rest, self.posed, 1 / self.before, 1 / self.after, 1 / self.across)


@dataclass(frozen=True, slots=True)
class LimbWarp:
    """The backward warp of a limb or a head: one bone with bends at its ends.

    Attributes:
        rest: The bone in the picture.
        posed: The bone in the frame.
        stretch: How the part is scaled.
        bends: At its ends.
        held: Where something long that the hand holds begins, and from where on it is all: px across from the bone. It
            keeps its shape and turns with the bone, whatever the limb's own length.
    """

    rest: Segment
    posed: Segment
    stretch: Stretch
    bends: tuple[Bend, ...]
    held: tuple[float, float] | None = None

    def source(self, points: np.ndarray) -> np.ndarray:
        """Map points of the frame to points of the picture."""
        bent = points
        for bend in self.bends:
            bent = bend.undo(bent)
        source = self.stretch.inverse.apply(self.posed.local(bent))
        if self.held is not None:
            local = self.posed.local(points)
            begins, ends = self.held
            share = np.minimum(np.maximum((np.abs(local.imag) - begins) / (ends - begins), 0), 1)
            stiff = (local - self.posed.length) / self.stretch.after + self.rest.length
            source = source + share * share * (3 - 2 * share) * (stiff - source)
        return self.rest.world(source)

    def reach(self, outline: np.ndarray) -> Box:
        """Bound in the frame all that an outline ``(n,)`` in the picture may cover."""
        local = self.rest.local(outline)
        straight = self.posed.world(self.stretch.apply(local))
        boxes = [_box(straight), *(bend.reach(straight) for bend in self.bends)]
        if self.held is not None:
            stiff = (local - self.rest.length) * self.stretch.after + self.posed.length
            boxes.append(_box(self.posed.world(stiff)))
        return _around(boxes)


@dataclass(frozen=True, slots=True)
class SkirtWarp:
    """The backward warp of cloth that spans both legs: it goes with the nearer one, and stretches evenly in between.

    Attributes:
        legs: For the left and the right leg the warp of its thigh, and of its shin, if that is shown.
    """

    legs: tuple[tuple[LimbWarp, LimbWarp | None], tuple[LimbWarp, LimbWarp | None]]

    def source(self, points: np.ndarray) -> np.ndarray:
        """Map points of the frame to points of the picture; feet are seen at the end of their own leg alone."""
        (left, rest_left), (right, rest_right) = (_on_leg(points, *leg) for leg in self.legs)
        way, at_left = right - left, points - left
        share = (at_left * way.conj()).real / np.maximum((way * way.conj()).real, LEAST_PX)
        share = np.minimum(np.maximum(share, 0), 1)
        sources = [_along_leg(points, *leg) for leg in self.legs]
        near = np.where(share < 0.5, *sources)
        between = np.minimum(np.minimum(share, 1 - share) / RIGID, 1)
        between = between * between * (3 - 2 * between)
        rest_way = rest_right - rest_left
        turn = rest_way * way.conj()
        beside = (points - left - share * way) * turn / np.maximum(np.abs(turn), LEAST_PX)
        source = near + between * (rest_left + share * rest_way + beside - near)
        shins = [shin for _, shin in self.legs if shin is not None]
        if len(shins) < len(self.legs):
            return source
        below, cloth = zip(*(_at_ankle(points, source, shin) for shin in shins), strict=True)
        is_left = share < 0.5
        is_nearest = is_left == (np.abs(source - shins[0].rest.end) < np.abs(source - shins[1].rest.end))
        return np.where((below[0] & below[1] & ~is_nearest) | np.where(is_left, *cloth), NOWHERE, source)

    def reach(self, outline: np.ndarray) -> Box:
        """Bound in the frame what an outline may cover, as :meth:`LimbWarp.reach`."""
        return _around([part.reach(outline) for leg in self.legs for part in leg if part is not None])


def _on_leg(points: np.ndarray, thigh: LimbWarp, shin: LimbWarp | None) -> tuple[np.ndarray, np.ndarray]:
    """The place on a leg's bones that is nearest to points, in the frame and in the picture."""
    found = _on_bone(points, thigh)
    if shin is None:
        return found[0], found[1]
    other = _on_bone(points, shin)
    is_nearer = np.abs(points - other[0]) < np.abs(points - found[0])
    return np.where(is_nearer, other[0], found[0]), np.where(is_nearer, other[1], found[1])


def _on_bone(points: np.ndarray, warp: LimbWarp) -> tuple[np.ndarray, np.ndarray]:
    along = np.minimum(np.maximum(warp.posed.local(points).real / warp.posed.length, 0), 1)
    return warp.posed.world(along * warp.posed.length), warp.rest.world(along * warp.rest.length)


def _at_ankle(points: np.ndarray, source: np.ndarray, shin: LimbWarp) -> tuple[np.ndarray, np.ndarray]:
    """Where a foot is seen, and where cloth beside the shin is that only the foot's own turning brings below it."""
    local = shin.rest.local(source)
    below = local.real > shin.rest.length
    beside = np.abs(local.imag) > HEM * shin.rest.length
    return below, ~below & beside & (shin.posed.local(points).real > shin.posed.length)


def _along_leg(points: np.ndarray, thigh: LimbWarp, shin: LimbWarp | None) -> np.ndarray:
    """Where a leg shows points: its thigh up to the line that halves its knee, its shin beyond."""
    if shin is None:
        return thigh.source(points)
    halving = cmath.rect(1, -thigh.posed.angle) + cmath.rect(1, -shin.posed.angle)
    beyond = ((points - shin.posed.start) * halving).real > 0
    return np.where(beyond, shin.source(points), thigh.source(points))


@dataclass(frozen=True, slots=True)
class Lift:
    """The flank below a shoulder, drawn along by the arm that is raised: most near the joint, nothing farther away.

    Attributes:
        pivot: The shoulder, px.
        down: Direction from there along the trunk, radians.
        angle: How far cloth near the joint is turned, radians, at most 0.9 or it would fold.
        radius: Where that has faded to nothing, px.
    """

    pivot: complex
    down: float
    angle: float
    radius: float

    def undo(self, points: np.ndarray) -> np.ndarray:
        """Map points of the lifted cloth back to where it hangs."""
        away = points - self.pivot
        far = np.abs(away)
        below = np.maximum((away * cmath.rect(1, -self.down)).real, 0) / np.maximum(far, LEAST_PX)
        turn = np.maximum(1 - (far / self.radius) ** 2, 0) ** 2 * below * -self.angle
        turned = np.empty_like(away)
        turned.real, turned.imag = np.cos(turn), np.sin(turn)
        return turned * away + self.pivot

    @property
    def box(self) -> Box:
        """All that it may move."""
        x, y = self.pivot.real, self.pivot.imag
        return x - self.radius, y - self.radius, x + self.radius, y + self.radius


@dataclass(frozen=True, slots=True)
class TrunkWarp:
    """The backward warp of a torso: a spine, and lines of hips and shoulders that tilt and narrow on their own.

    Attributes:
        rest: The spine of the picture, from the hips up.
        posed: The spine as posed.
        tilts: Slopes of hips and shoulders against the turned torso.
        widths: Scales across at the hips and the shoulders.
        lifts: What raised arms do to the flanks.
    """

    rest: Segment
    posed: Segment
    tilts: tuple[float, float]
    widths: tuple[float, float]
    lifts: tuple[Lift, ...] = ()

    def source(self, points: np.ndarray) -> np.ndarray:
        """Map points of the frame to points of the picture."""
        for lift in self.lifts:
            points = lift.undo(points)
        local = self.posed.local(points)
        along, across = local.real * (self.rest.length / self.posed.length), local.imag
        t = np.minimum(np.maximum(along / self.rest.length, 0), 1)
        share = t * t * (3 - 2 * t)
        across = across / (self.widths[0] + share * (self.widths[1] - self.widths[0]))
        local.real = along - across * (self.tilts[0] + share * (self.tilts[1] - self.tilts[0]))
        local.imag = across
        return self.rest.world(local)

    def reach(self, outline: np.ndarray) -> Box:
        """Bound in the frame what an outline may cover, as :meth:`LimbWarp.reach`."""
        local = self.rest.local(outline)
        tilts, widths = np.array([[*self.tilts, 0.0]]).T, np.array(self.widths)[:, None, None]
        along = (local.real + local.imag * tilts) * (self.posed.length / self.rest.length)
        still = _box(self.posed.world(along + 1j * (local.imag * widths)))
        return _around([still, *(lift.box for lift in self.lifts)])


@dataclass(frozen=True, slots=True)
class Bulge:
    """The warp of a face that turns a little: its middle slides over the head, the rim stays.

    Attributes:
        centre: Middle of the face in the picture, px.
        radius: Where the sliding has faded to nothing, px.
        shift: How far the middle slides, px.
    """

    centre: complex
    radius: float
    shift: complex

    def undo(self, points: np.ndarray) -> np.ndarray:
        """Map points of the turned face back to the picture."""
        away = (points - self.centre) / self.radius
        share = np.maximum(1 - (away * away.conj()).real, 0) ** 2
        return points - share * self.shift


def _risen(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Smoothstep: 0 up to ``low``, 1 from ``high`` on."""
    t = np.minimum(np.maximum((values - low) / max(high - low, LEAST_PX), 0), 1)
    return t * t * (3 - 2 * t)


def _box(points: np.ndarray) -> Box:
    x, y = points.real, points.imag
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def _around(boxes: list[Box | None]) -> Box:
    left, top, right, bottom = zip(*(box for box in boxes if box is not None), strict=True)
    return min(left), min(top), max(right), max(bottom)
