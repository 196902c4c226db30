"""Backward maps: for points of the bent puppet, which point of the picture is seen there.

Everything works on two arrays x and y whose shapes fit each other. A part is straightened (bends at its joints
undone), then turned back and stretched back along its bone. Bends are rotations around the joint by a share of the
angle that grows across the line that halves it; the parts on both sides use the same rule, so they agree there and no
gap can open.
"""

import math
from dataclasses import dataclass

import numpy as np

Arrays = tuple[np.ndarray, np.ndarray]
SHARES = np.array([0.2, 0.4, 0.6, 0.8, 1.0])  # of a bend at which its reach is looked at


@dataclass(frozen=True, slots=True)
class Bend:
    """Points beyond a line follow another rotation around a pivot.

    Attributes:
        pivot: The joint, px.
        towards: Direction, in radians, in which the share of the rotation grows.
        near: Where it starts to grow, px from the pivot along ``towards``.
        far: Where it has grown fully.
        angle: The rotation, in radians.
        most: The share that is reached: 1 for a piece that goes on beyond, 0.5 for two pieces that meet in the joint.
    """

    pivot: tuple[float, float]
    towards: float
    near: float
    far: float
    angle: float
    most: float

    def undo(self, x: np.ndarray, y: np.ndarray) -> Arrays:
        """Straighten points of the bent picture."""
        px, py = self.pivot
        dx, dy = x - px, y - py
        turn = self._share(dx, dy) * (-self.angle * self.most)
        cos, sin = np.cos(turn), np.sin(turn)
        return px + cos * dx - sin * dy, py + sin * dx + cos * dy

    def spots(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """``(n, 2)``: where straight points may come to lie in the bent picture."""
        px, py = self.pivot
        turn = (SHARES * (self.angle * self.most))[:, None]
        cos, sin = np.cos(turn), np.sin(turn)
        dx, dy = cos * (x - px) - sin * (y - py), sin * (x - px) + cos * (y - py)
        likely = self._share(dx, dy) > SHARES[:, None] - SHARES[0] - 0.05
        return np.stack([px + dx[likely], py + dy[likely]], axis=-1)

    def _share(self, dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
        t = dx * math.cos(self.towards) + dy * math.sin(self.towards)
        t = np.minimum(np.maximum((t - self.near) / max(self.far - self.near, 1e-3), 0), 1)  # faster than np.clip
        return t * t * (3 - 2 * t)


@dataclass(frozen=True, slots=True)
class Segment:
    """A bone as it is in the picture or as it is posed.

    Attributes:
        x: Start, px.
        y: Start, px.
        angle: Its direction, radians.
        length: In px, more than 0.
    """

    x: float
    y: float
    angle: float
    length: float

    @classmethod
    def between(cls, start: np.ndarray, end: np.ndarray) -> "Segment":
        """The segment from one point to another."""
        dx, dy = float(end[0] - start[0]), float(end[1] - start[1])
        return cls(float(start[0]), float(start[1]), math.atan2(dy, dx), max(math.hypot(dx, dy), 1e-3))

    @property
    def end(self) -> tuple[float, float]:
        """Its far end."""
        return self.x + self.length * math.cos(self.angle), self.y + self.length * math.sin(self.angle)

    def local(self, x: np.ndarray, y: np.ndarray) -> Arrays:
        """Along and across, px."""
        dx, dy = x - self.x, y - self.y
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return cos * dx + sin * dy, cos * dy - sin * dx

    def world(self, along: np.ndarray, across: np.ndarray) -> Arrays:
        """The inverse of :meth:`local`."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return self.x + cos * along - sin * across, self.y + sin * along + cos * across


@dataclass(frozen=True, slots=True)
class Stretch:
    """How a straight piece is scaled: by parts along the bone, evenly across it.

    Attributes:
        knots: Positions along the posed bone, px, increasing.
        sources: The same positions along the bone of the picture.
        before: Scale before the first knot.
        after: Scale after the last knot.
        across: Scale across the bone.
    """

    knots: tuple[float, ...]
    sources: tuple[float, ...]
    before: float
    after: float
    across: float

    def undo(self, along: np.ndarray, across: np.ndarray) -> Arrays:
        """Back to the picture's lengths."""
        middle = np.interp(along, self.knots, self.sources)
        ahead = np.minimum(along - self.knots[0], 0) / self.before
        behind = np.maximum(along - self.knots[-1], 0) / self.after
        return middle + ahead + behind, across / self.across

    def apply(self, along: np.ndarray, across: np.ndarray) -> Arrays:
        """From the picture's lengths to the posed ones."""
        middle = np.interp(along, self.sources, self.knots)
        ahead = np.minimum(along - self.sources[0], 0) * self.before
        behind = np.maximum(along - self.sources[-1], 0) * self.after
        return middle + ahead + behind, across * self.across


@dataclass(frozen=True, slots=True)
class LimbWarp:
    """The map of a limb or a head: one bone with bends at its ends."""

    rest: Segment
    posed: Segment
    stretch: Stretch
    bends: tuple[Bend, ...]

    def source(self, x: np.ndarray, y: np.ndarray) -> Arrays:
        """Which points of the picture are seen at points of the frame."""
        for bend in self.bends:
            x, y = bend.undo(x, y)
        return self.rest.world(*self.stretch.undo(*self.posed.local(x, y)))

    def reach(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """``(n, 2)`` points of the frame around all that is drawn within an outline in the picture, given in points."""
        x, y = self.posed.world(*self.stretch.apply(*self.rest.local(x, y)))
        return np.concatenate([np.stack([x, y], axis=-1), *(bend.spots(x, y) for bend in self.bends)])


@dataclass(frozen=True, slots=True)
class TrunkWarp:
    """The map of a torso: a spine, and a line of hips and of shoulders that tilt and narrow on their own.

    Attributes:
        rest: The spine of the picture, from the hips up.
        posed: The spine as posed.
        tilts: Slopes of hips and shoulders against the turned torso.
        widths: Scales across at the hips and the shoulders.
    """

    rest: Segment
    posed: Segment
    tilts: tuple[float, float]
    widths: tuple[float, float]

    def source(self, x: np.ndarray, y: np.ndarray) -> Arrays:
        """Which points of the picture are seen at points of the frame."""
        along, across = self.posed.local(x, y)
        along = along * (self.rest.length / self.posed.length)
        t = np.clip(along / self.rest.length, 0, 1)
        share = t * t * (3 - 2 * t)
        across = across / (self.widths[0] + share * (self.widths[1] - self.widths[0]))
        along = along - across * (self.tilts[0] + share * (self.tilts[1] - self.tilts[0]))
        return self.rest.world(along, across)

    def reach(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """As :meth:`LimbWarp.reach`."""
        along, across = self.rest.local(x, y)
        spots = []
        for tilt in (*self.tilts, 0.0):
            way = (along + across * tilt) * (self.posed.length / self.rest.length)
            spots += [np.stack(self.posed.world(way, across * width), axis=-1) for width in self.widths]
        return np.concatenate(spots)


@dataclass(frozen=True, slots=True)
class Bulge:
    """A face that turns a little: its middle slides over the head, the rim stays.

    Attributes:
        x: Middle of the face in the picture, px.
        y: Likewise.
        radius: Where the sliding has faded to nothing, px.
        shift_x: How far the middle slides, px.
        shift_y: Likewise.
    """

    x: float
    y: float
    radius: float
    shift_x: float
    shift_y: float

    def undo(self, x: np.ndarray, y: np.ndarray) -> Arrays:
        """Where the slid points come from."""
        away = ((x - self.x) ** 2 + (y - self.y) ** 2) / self.radius**2
        share = np.maximum(1 - away, 0) ** 2
        return x - share * self.shift_x, y - share * self.shift_y
