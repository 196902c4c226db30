"""The gallery's cast: drawn characters with clothes, things and stances that are hard to cut out, and their outlines.

Import it when the drawn figure can be found. Everything that belongs to a character is drawn twice, over black and over
white, so that its true outline is known, with all that it wears and holds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from figure import Actor, Camera, Hair, Look, Pose, gesture, pair, true_joints
from figure.backdrop import view
from figure.cast import DANCER, MAYA, THEO
from figure.paint import Posed, cast_shadow, draw_mesh
from figure.scene import Scene, figure_mesh
from figure.skeleton import solve

from benchmarks.labelled.acting import arms_down, arms_out, arms_up, hands_behind, hands_folded, squatting
from kling_ui.vision.pose import Landmark as Mark

FINE = 2  # samples a pixel along each side of clothes and things
OUTLINE = 0.72  # of a colour's light: its outline
Colour = tuple[int, int, int]
Points = list[tuple[float, float]]
RED, BLUE, GREEN, WOOD = (204, 52, 60), (52, 82, 176), (58, 140, 84), (134, 92, 58)
VIOLET, CREAM, STEEL, BLACK = (126, 72, 160), (236, 226, 200), (176, 184, 196), (30, 30, 36)


class Easel:
    """Where a character's clothes and things are painted, before and behind its body.

    Args:
        joints: ``(33, 2)`` px.
        px_per_m: Scale.
        size: ``(width_px, height_px)``.
    """

    def __init__(self, joints: np.ndarray, px_per_m: float, size: tuple[int, int]) -> None:
        self.joints, self.px_per_m = joints, px_per_m
        self.front = np.zeros((size[1] * FINE, size[0] * FINE, 4), np.uint8)
        self.behind, self.around = self.front.copy(), self.front.copy()

    def at(self, *landmarks: Mark, right: float = 0.0, down: float = 0.0) -> tuple[float, float]:
        """The middle of some landmarks, moved by metres."""
        x, y = self.joints[list(landmarks)].mean(axis=0) + np.array([right, down]) * self.px_per_m
        return float(x), float(y)

    def shape(self, points: Points, colour: Colour, *, layer: np.ndarray | None = None, shade: float = 0.25) -> None:
        """Fill a polygon, darker to its right, with an outline."""
        target = self.front if layer is None else layer
        corners = (np.array(points) * FINE).round().astype(np.int32)
        mask = np.zeros(target.shape[:2], np.uint8)
        cv2.fillPoly(mask, [corners], (255,), cv2.LINE_AA)
        left, right = corners[:, 0].min(), max(corners[:, 0].max(), corners[:, 0].min() + 1)
        light = 1 - shade * np.clip((np.arange(target.shape[1]) - left) / (right - left), 0, 1) ** 2
        rgba = np.empty_like(target)
        rgba[..., :3] = (np.array(colour)[None, None] * light[None, :, None]).astype(np.uint8)
        rgba[..., 3] = 255
        dark = tuple(int(OUTLINE * value) for value in colour)
        cv2.polylines(rgba, [corners], isClosed=True, color=(*dark, 255), thickness=2 * FINE, lineType=cv2.LINE_AA)
        share = mask[..., None] / np.float32(255)
        target[:] = (rgba * share + target * (1 - share)).astype(np.uint8)

    def line(self, points: Points, width_m: float, colour: Colour, *, layer: np.ndarray | None = None) -> None:
        """Draw a thick line with round ends."""
        target = self.front if layer is None else layer
        corners = (np.array(points) * FINE).round().astype(np.int32)
        thick = max(1, round(width_m * self.px_per_m * FINE))
        dark = tuple(int(OUTLINE * value) for value in colour)
        for paint, more in ((dark, 2 * FINE), (colour, 0)):
            cv2.polylines(target, [corners], False, (*paint, 255), thick + more, cv2.LINE_AA)

    def disc(self, centre: tuple[float, float], radius_m: float, colour: Colour, flat: float = 1.0) -> None:
        """Draw an ellipse before the body."""
        around = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        radius = radius_m * self.px_per_m
        self.shape(
            [(centre[0] + radius * np.cos(a), centre[1] + flat * radius * np.sin(a)) for a in around.tolist()], colour
        )


Prop = Callable[[Easel], None]


@dataclass(frozen=True, slots=True)
class Model:
    """How a character of the gallery is drawn.

    Attributes:
        name: Unique, as files are named.
        kind: What is hard about it.
        actor: Who, in which stance.
        props: What is worn and held.
        camera: What is seen of it.
        backdrop: Where it stands.
        size: ``(width_px, height_px)``.
        change: What is done to the finished pixels.
    """

    name: str
    kind: str
    actor: Actor
    props: tuple[Prop, ...] = ()
    camera: Camera = field(default_factory=lambda: Camera(y_m=0.95, height_m=2.4))
    backdrop: str = "terrace"
    size: tuple[int, int] = (540, 960)
    change: Callable[[np.ndarray], np.ndarray] | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A character's picture, and what is true of it.

    Attributes:
        rgb: ``(height, width, 3)`` uint8.
        alpha: ``(height, width)`` float32 0-1: the body with all that it wears and holds.
        empty: ``(height, width, 3)`` uint8: the picture without it, and without its shadow.
    """

    rgb: np.ndarray
    alpha: np.ndarray
    empty: np.ndarray


def draw_model(model: Model) -> Drawn:
    """Draw one character of the gallery; deterministic."""
    (width, height), camera, actor = model.size, model.camera, model.actor
    empty = view(model.backdrop, x_m=0.0, y_m=camera.y_m, height_m=camera.height_m, width_px=width, height_px=height)
    mesh = figure_mesh(actor.look)
    points, normals = mesh.bend(solve(actor.pose, actor.look.build), actor.look.build.joints())
    posed = Posed(mesh, actor.to_world(points), normals @ actor.turn.T)
    joints = true_joints(Scene((actor,), camera), width_px=width, height_px=height)[0, :, :2]
    easel = Easel(joints, height / camera.height_m, model.size)
    for prop in model.props:
        prop(easel)
    around = _small(easel.around, model.size)
    empty = _over(empty.astype(np.float32), around)
    floor = empty.round().astype(np.uint8)
    cast_shadow(floor, posed.points, camera)
    grounds = [np.full((height, width, 3), value, np.float32) for value in (0, 255)]
    shown = []
    for ground in (floor.astype(np.float32), *grounds):
        canvas = _over(ground, _small(easel.behind, model.size)).round().astype(np.uint8)
        draw_mesh(canvas, posed, camera, supersample=1.5)
        shown.append(_over(canvas.astype(np.float32), _small(easel.front, model.size)))
    alpha = 1 - (shown[2] - shown[1]).mean(axis=-1) / 255
    change = model.change or (lambda rgb: rgb)
    rgb, bare = (change(v.round().clip(0, 255).astype(np.uint8)) for v in (shown[0], empty))
    return Drawn(rgb, alpha.astype(np.float32), bare)


def _small(layer: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(layer, size, interpolation=cv2.INTER_AREA).astype(np.float32)


def _over(ground: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """Lay RGBA with colours weighed by alpha (they are where averaging met nothing) over a ground."""
    return layer[..., :3] + ground * (1 - layer[..., 3:] / 255)


# --- what is worn ---------------------------------------------------------------------------------------------------


def skirt(colour: Colour, *, long_share: float = 0.9, flare_m: float = 0.16) -> Prop:
    """A skirt from the waist down so much of the way to the knees, or farther."""

    def paint(e: Easel) -> None:
        hips, knees = e.at(Mark.LEFT_HIP, Mark.RIGHT_HIP), e.at(Mark.LEFT_KNEE, Mark.RIGHT_KNEE)
        wide = 0.15 * e.px_per_m
        low, out = hips[1] + long_share * (knees[1] - hips[1]), wide + flare_m * e.px_per_m
        top = hips[1] - 0.1 * e.px_per_m
        hem = [(hips[0] + out * t, low + 0.02 * e.px_per_m * (1 - t * t)) for t in np.linspace(1, -1, 9).tolist()]
        e.shape([(hips[0] - 0.8 * wide, top), (hips[0] + 0.8 * wide, top), *hem], colour)

    return paint


def coat(colour: Colour, *, is_open: bool = True) -> Prop:
    """A coat that hangs from the shoulders below the knees; open in front or not."""

    def paint(e: Easel) -> None:
        low = e.at(Mark.LEFT_KNEE, Mark.RIGHT_KNEE, down=0.12)[1]
        for outwards, shoulder, hip in (
            (1, Mark.LEFT_SHOULDER, Mark.LEFT_HIP),
            (-1, Mark.RIGHT_SHOULDER, Mark.RIGHT_HIP),
        ):
            sign = outwards if e.joints[Mark.LEFT_SHOULDER, 0] > e.joints[Mark.RIGHT_SHOULDER, 0] else -outwards
            inner = 0.05 if is_open else -0.01
            middle = e.at(Mark.LEFT_HIP, Mark.RIGHT_HIP)[0]
            e.shape(
                [
                    e.at(shoulder, right=-0.03 * sign, down=-0.03),
                    e.at(shoulder, right=0.005 * sign, down=0.10),
                    e.at(hip, right=0.11 * sign, down=-0.05),
                    (e.at(hip, right=0.17 * sign)[0], low),
                    (middle + inner * sign * e.px_per_m, low),
                    (middle + inner * sign * e.px_per_m, e.at(shoulder, down=0.05)[1]),
                ],
                colour,
            )

    return paint


def cape(colour: Colour) -> Prop:
    """A cape behind the body, from the shoulders to the calves."""

    def paint(e: Easel) -> None:
        low = e.at(Mark.LEFT_ANKLE, Mark.RIGHT_ANKLE, down=-0.15)[1]
        left, right = sorted((e.at(Mark.LEFT_SHOULDER), e.at(Mark.RIGHT_SHOULDER)))
        wide = 0.26 * e.px_per_m
        e.shape([left, right, (right[0] + wide, low), (left[0] - wide, low)], colour, layer=e.behind)

    return paint


def sleeves(colour: Colour) -> Prop:
    """Wide sleeves that hang from the forearms, a kimono's."""

    def paint(e: Easel) -> None:
        for elbow, wrist, shoulder in (
            (Mark.LEFT_ELBOW, Mark.LEFT_WRIST, Mark.LEFT_SHOULDER),
            (Mark.RIGHT_ELBOW, Mark.RIGHT_WRIST, Mark.RIGHT_SHOULDER),
        ):
            e.shape(
                [
                    e.at(shoulder, down=-0.05),
                    e.at(elbow, down=-0.07),
                    e.at(wrist, down=-0.06),
                    e.at(wrist, down=0.22),
                    e.at(elbow, down=0.24),
                    e.at(elbow, shoulder, down=0.09),
                ],
                colour,
            )

    return paint


def hat(colour: Colour, *, tall_m: float = 0.14) -> Prop:
    """A hat with a brim."""

    def paint(e: Easel) -> None:
        x, y = e.at(Mark.LEFT_EAR, Mark.RIGHT_EAR, down=-0.07)
        half, tall = 0.095 * e.px_per_m, tall_m * e.px_per_m
        e.shape([(x - half, y), (x - 0.85 * half, y - tall), (x + 0.85 * half, y - tall), (x + half, y)], colour)
        e.disc((x, y), 0.17, colour, flat=0.22)

    return paint


def long_hair(colour: Colour, *, long_m: float = 0.5, before: bool = True) -> Prop:
    """Hair to the chest or the hips, behind the body; with strands before the shoulders."""

    def paint(e: Easel) -> None:
        top = e.at(Mark.LEFT_EAR, Mark.RIGHT_EAR, down=-0.12)
        half, low = 0.14 * e.px_per_m, top[1] + long_m * e.px_per_m
        e.shape(
            [
                (top[0] - 0.6 * half, top[1]),
                (top[0] + 0.6 * half, top[1]),
                (top[0] + half, top[1] + 0.15 * e.px_per_m),
                (top[0] + 1.15 * half, low),
                (top[0] - 1.15 * half, low),
                (top[0] - half, top[1] + 0.15 * e.px_per_m),
            ],
            colour,
            layer=e.behind,
        )
        for sign in (-1, 1) if before else ():
            x = top[0] + sign * 0.085 * e.px_per_m
            e.line(
                [(x, top[1] + 0.06 * e.px_per_m), (x + sign * 0.02 * e.px_per_m, top[1] + 0.2 * e.px_per_m), (x, low)],
                0.035,
                colour,
            )

    return paint


def tail(colour: Colour) -> Prop:
    """A long tail that swings out beside the legs."""

    def paint(e: Easel) -> None:
        way = [(0.0, 0.0), (0.22, 0.18), (0.38, 0.28), (0.5, 0.18), (0.52, -0.02), (0.44, -0.14)]
        e.line([e.at(Mark.LEFT_HIP, Mark.RIGHT_HIP, right=x, down=y) for x, y in way], 0.06, colour, layer=e.behind)

    return paint


def ears(colour: Colour) -> Prop:
    """An animal's ears on the head."""

    def paint(e: Easel) -> None:
        for sign in (-1, 1):
            x, y = e.at(Mark.LEFT_EAR, Mark.RIGHT_EAR, right=0.06 * sign, down=-0.1)
            wide, tall = 0.045 * e.px_per_m, 0.14 * e.px_per_m
            e.shape([(x - wide, y), (x + sign * 0.3 * wide, y - tall), (x + wide, y)], colour)

    return paint


# --- what is held, and what stands around ---------------------------------------------------------------------------


def ball(hand: Mark = Mark.RIGHT_INDEX, colour: Colour = (226, 120, 40), radius_m: float = 0.12) -> Prop:
    """A ball in a hand."""
    return lambda e: e.disc(e.at(hand, down=0.04), radius_m, colour)


def bag(hand: Mark = Mark.LEFT_INDEX, colour: Colour = WOOD) -> Prop:
    """A bag that hangs from a hand."""

    def paint(e: Easel) -> None:
        e.line(
            [e.at(hand, right=-0.06, down=0.16), e.at(hand, down=0.02), e.at(hand, right=0.06, down=0.16)],
            0.015,
            colour,
        )
        e.shape(
            [e.at(hand, right=x, down=y) for x, y in ((-0.13, 0.14), (0.13, 0.14), (0.15, 0.38), (-0.15, 0.38))], colour
        )

    return paint


def shoulder_bag(colour: Colour = RED) -> Prop:
    """A bag at the hip, its strap across the chest."""

    def paint(e: Easel) -> None:
        e.line(
            [e.at(Mark.RIGHT_SHOULDER, right=0.04, down=-0.02), e.at(Mark.LEFT_HIP, right=0.06, down=0.0)],
            0.03,
            colour,
        )
        e.shape(
            [e.at(Mark.LEFT_HIP, right=x, down=y) for x, y in ((0.0, -0.02), (0.2, -0.02), (0.2, 0.2), (0.0, 0.2))],
            colour,
        )

    return paint


def stick(
    hand: Mark, knuckle: Mark, *, ahead_m: float, back_m: float, lean: float, colour: Colour, wide_m: float
) -> Prop:
    """A sword or a staff in a fist."""

    def paint(e: Easel) -> None:
        x, y = e.at(hand, knuckle)
        way = np.array([np.sin(lean), -np.cos(lean)]) * e.px_per_m
        e.line(
            [(x - back_m * way[0], y - back_m * way[1]), (x + ahead_m * way[0], y + ahead_m * way[1])], wide_m, colour
        )

    return paint


def phone(hand: Mark = Mark.LEFT_INDEX) -> Prop:
    """A phone in a hand."""
    return lambda e: e.shape(
        [e.at(hand, right=x, down=y) for x, y in ((-0.04, -0.1), (0.04, -0.1), (0.04, 0.05), (-0.04, 0.05))], BLACK
    )


def pockets(colour: Colour) -> Prop:
    """Trousers over both hands."""

    def paint(e: Easel) -> None:
        for wrist, knuckle, sign in (
            (Mark.LEFT_WRIST, Mark.LEFT_INDEX, 1),
            (Mark.RIGHT_WRIST, Mark.RIGHT_INDEX, -1),
        ):
            middle = e.at(wrist, knuckle)
            outer = middle[0] + sign * 0.055 * e.px_per_m
            inner = middle[0] - sign * 0.09 * e.px_per_m
            top, low = e.at(wrist, down=0.015)[1], e.at(knuckle, down=0.15)[1]
            e.shape([(inner, top - 4), (outer, top + 4), (outer - sign * 4, low), (inner, low)], colour, shade=0.05)

    return paint


def letters(words: str = "HELLO", colour: Colour = (250, 250, 250)) -> Prop:
    """Large letters behind the figure, which touch it."""

    def paint(e: Easel) -> None:
        height, width = e.around.shape[:2]
        size = width / 150
        for row in (0.30, 0.62):
            cv2.putText(
                e.around,
                words,
                (round(0.02 * width), round(row * height)),
                cv2.FONT_HERSHEY_DUPLEX,
                size,
                (*colour, 255),
                round(size * 5),
                cv2.LINE_AA,
            )

    return paint


def frame(colour: Colour = (40, 44, 60)) -> Prop:
    """A frame around the picture and a caption across its foot, behind the figure."""

    def paint(e: Easel) -> None:
        height, width = e.around.shape[:2]
        thick = round(0.06 * width)
        cv2.rectangle(e.around, (0, 0), (width, height), (*colour, 255), thick)
        cv2.rectangle(e.around, (0, round(0.88 * height)), (width, height), (*colour, 255), -1)

    return paint


def chair(colour: Colour = WOOD) -> Prop:
    """A stool under somebody who sits; it is not the character's."""

    def paint(e: Easel) -> None:
        hips, floor = (
            e.at(Mark.LEFT_HIP, Mark.RIGHT_HIP, down=0.1),
            e.at(Mark.LEFT_HEEL, Mark.RIGHT_HEEL)[1],
        )
        half = 0.24 * e.px_per_m
        left, right = hips[0] - half, hips[0] + half
        e.shape(
            [(left, hips[1]), (right, hips[1]), (right, hips[1] + 12), (left, hips[1] + 12)], colour, layer=e.around
        )
        for x in (left + 8, right - 8):
            e.line([(x, hips[1]), (x, floor)], 0.035, colour, layer=e.around)

    return paint


def scarf(colour: Colour) -> Prop:
    """A scarf around the neck, of which one end flies behind the arm."""

    def paint(e: Easel) -> None:
        way = [(-0.04, 0.0), (0.0, 0.25), (0.08, 0.42), (0.3, 0.5), (0.4, 0.64)]
        e.line([e.at(Mark.LEFT_SHOULDER, right=x, down=y) for x, y in way], 0.07, colour, layer=e.behind)
        e.line([e.at(shoulder, down=-0.05) for shoulder in (Mark.LEFT_SHOULDER, Mark.RIGHT_SHOULDER)], 0.07, colour)

    return paint


# --- stances --------------------------------------------------------------------------------------------------------


def crossed(**changes: np.ndarray) -> Pose:
    """Legs crossed while standing."""
    return replace(Pose(feet=np.array([[-0.05, 0.045, 0.04], [-0.05, 0.045, -0.03]])), **changes)


def touching(**changes: np.ndarray) -> Pose:
    """Legs close together."""
    return replace(Pose(feet=pair(0.026, 0.045, 0.0), toes=pair(0.05, 0.0)), **changes)


def in_pockets() -> Pose:
    """Hands at the thighs."""
    return Pose(hands=pair(0.06, -0.86, 0.14), elbows=pair(1.0, 0.0, -0.6), twists=pair(0.1, 0.0))


def on_hips() -> Pose:
    """Hands on the hips."""
    return Pose(hands=pair(-0.02, -0.62, 0.14), elbows=pair(1.0, -0.05, -0.25), twists=pair(-0.2, 0.3))


def seated() -> Pose:
    """On a stool, hands on the thighs."""
    return Pose(
        hips=np.array([0.0, 0.24, 0.0]),
        hands=pair(0.16, -0.62, 0.46),
        elbows=pair(0.9, -0.3, -0.5),
        feet=pair(0.09, 0.045, 0.20),
        toes=pair(0.2, 0.0),
    )


def holding(*, left: tuple[float, float, float] = (0.30, -0.88, 0.1), right: tuple[float, float, float]) -> Pose:
    """One hand or both somewhere else."""
    return Pose(hands=np.array([left, right]), elbows=pair(0.9, -0.4, -0.5), twists=pair(0.4, 0.1))


def dim(level: float, flat: float = 1.0) -> Callable[[np.ndarray], np.ndarray]:
    """Darker, and with less contrast."""
    return lambda rgb: ((rgb * flat + 128 * (1 - flat)) * level).clip(0, 255).astype(np.uint8)


def comic(rgb: np.ndarray) -> np.ndarray:
    """Few flat colours with dark contours."""
    calm = cv2.bilateralFilter(rgb, 9, 40, 9)
    flat = np.minimum(calm.astype(int) // 36 * 36 + 18, 255).astype(np.uint8)
    edges = cv2.Canny(cv2.GaussianBlur(rgb, (0, 0), 1.2), 40, 110)
    flat[cv2.dilate(edges, np.ones((2, 2), np.uint8)) > 0] = 24
    return flat


DEEP = replace(MAYA, skin=(120, 78, 56), hair=(26, 22, 22), top=(236, 208, 84), trousers=(150, 58, 70))
TALL = replace(THEO, top=(180, 60, 52), trousers=(52, 56, 68), hair_style=Hair.SHORT)
PALE = replace(DANCER, top=(120, 150, 210), trousers=(214, 206, 190), sleeve_share=0.98)
DARK = replace(THEO, top=(34, 34, 40), trousers=(28, 28, 34), shoes=(22, 22, 26), accent=(50, 50, 56))
KNEES, HIPS_UP = Camera(y_m=1.18, height_m=1.4), Camera(y_m=1.40, height_m=1.06)
CHEST_UP, PORTRAIT = Camera(y_m=1.52, height_m=0.72), (640, 800)


def models() -> Iterator[Model]:
    """All characters of the gallery."""
    yield from _stances()
    yield from _holding()
    yield from _wearing()
    yield from _framed()


def _model(
    name: str, kind: str, look: Look, pose: Pose | None, *props: Prop, turn: float = 0.0, **more: object
) -> Model:
    return Model(name, kind, Actor(look, pose or Pose(), turn_deg=turn), props, **more)  # ty: ignore[invalid-argument-type]


def _stances() -> Iterator[Model]:
    for number, look in enumerate((MAYA, THEO, DEEP, PALE)):
        yield _model(
            f"crossed-{look.name}-{number}", "crossed legs", look, crossed(), backdrop=("terrace", "room")[number % 2]
        )
        yield _model(f"touching-{look.name}-{number}", "touching legs", look, touching(), backdrop="hall")
    yield _model("crossed-arms-down", "crossed legs", DARK, crossed(hands=arms_down().hands), backdrop="plain")
    for number, look in enumerate((THEO, PALE, TALL)):
        yield _model(f"pockets-{number}", "hands in pockets", look, in_pockets(), pockets(look.trousers))
    for number, look in enumerate((MAYA, TALL, DANCER)):
        yield _model(f"behind-{number}", "hands behind the back", look, hands_behind(), backdrop="room")
        yield _model(
            f"hips-{number}", "hands on the hips", look, on_hips(), backdrop=("hall", "terrace", "plain")[number]
        )
    yield _model("at-face", "hand at the head", DEEP, holding(left=(-0.09, 0.14, 0.14), right=(0.3, -0.88, 0.1)))
    yield _model("at-chin", "hand at the head", TALL, holding(right=(-0.05, 0.22, 0.12)), backdrop="room")
    yield _model("folded", "hands folded", DEEP, hands_folded())
    yield _model("arms-up", "arms", MAYA, arms_up(), camera=Camera(y_m=1.1, height_m=2.75))
    yield _model("arms-out", "arms", TALL, arms_out(), size=(720, 720))


def _holding() -> Iterator[Model]:
    yield _model("ball-hip", "held", TALL, holding(right=(0.20, -0.66, 0.25)), ball())
    yield _model("ball-low", "held", MAYA, holding(right=(0.45, -0.85, 0.15)), ball(colour=BLUE))
    yield _model("ball-both", "held", THEO, hands_folded(), ball(Mark.LEFT_INDEX, RED, 0.13))
    yield _model("bag-hand", "held", MAYA, None, bag())
    yield _model("bag-shoulder", "held", DANCER, None, shoulder_bag())
    sword = stick(Mark.RIGHT_WRIST, Mark.RIGHT_INDEX, lean=-0.5, ahead_m=0.75, back_m=0.14, colour=STEEL, wide_m=0.045)
    yield _model("sword", "held", DARK, holding(right=(0.6, -0.5, 0.3)), sword, backdrop="room")
    staff = stick(Mark.LEFT_WRIST, Mark.LEFT_INDEX, lean=0.05, ahead_m=0.75, back_m=0.75, colour=WOOD, wide_m=0.035)
    yield _model("staff", "held", DEEP, holding(left=(0.55, -0.35, 0.35), right=(0.3, -0.88, 0.1)), staff)
    yield _model("phone", "held", PALE, holding(left=(0.05, -0.35, 0.5), right=(0.3, -0.88, 0.1)), phone())


def _wearing() -> Iterator[Model]:
    yield _model("skirt", "skirt", DANCER, None, skirt(RED))
    yield _model("long-skirt", "skirt", MAYA, None, skirt(VIOLET, long_share=1.7, flare_m=0.12), backdrop="hall")
    yield _model(
        "dress", "dress", replace(MAYA, top=BLUE), arms_down(), skirt(BLUE, long_share=1.3), long_hair((70, 44, 30))
    )
    yield _model("coat-open", "coat", TALL, None, coat((92, 80, 66)), backdrop="hall")
    yield _model("coat-shut", "coat", DARK, arms_down(), coat((46, 48, 60), is_open=False))
    yield _model("cape", "cape", replace(THEO, top=BLUE), on_hips(), cape(RED))
    yield _model(
        "kimono",
        "wide sleeves",
        replace(MAYA, top=GREEN),
        None,
        sleeves(GREEN),
        skirt(GREEN, long_share=1.5, flare_m=0.02),
    )
    yield _model(
        "wizard", "wide sleeves", replace(DEEP, top=VIOLET), hands_folded(), sleeves(VIOLET), hat(VIOLET, tall_m=0.34)
    )
    yield _model("hat", "hat", THEO, None, hat(BLACK), backdrop="plain")
    yield _model("hair-chest", "long hair", MAYA, None, long_hair((200, 160, 90)), backdrop="room")
    yield _model("hair-hips", "long hair", PALE, arms_down(), long_hair(BLACK, long_m=0.85))
    yield _model(
        "cat", "tail", replace(DANCER, top=BLACK, trousers=BLACK), None, tail(BLACK), ears(BLACK), backdrop="plain"
    )
    yield _model(
        "fox", "tail", replace(MAYA, trousers=(190, 110, 50)), on_hips(), tail((214, 112, 44)), ears((214, 112, 44))
    )

    yield from _passing()


def _passing() -> Iterator[Model]:
    """What is worn passes behind a hand or a forearm."""
    black = replace(DANCER, top=BLACK, trousers=BLACK)
    yield _model("panther", "tail", DARK, None, tail(DARK.trousers), ears(DARK.top), backdrop="room")
    yield _model("devil", "tail", black, None, tail(RED), ears(RED), backdrop="hall")
    yield _model("scarf", "tail", PALE, None, scarf(RED))
    yield _model("cape-violet", "cape", DEEP, on_hips(), cape(VIOLET), backdrop="hall")
    yield _model(
        "monk", "wide sleeves", replace(THEO, top=WOOD), hands_folded(), sleeves(WOOD), skirt(WOOD, long_share=1.7)
    )


def _framed() -> Iterator[Model]:
    yield _model("letters", "around", MAYA, None, letters())
    yield _model("framed", "around", TALL, arms_down(), frame(), backdrop="plain")
    yield _model("back", "view", THEO, None, turn=180.0, backdrop="hall")
    yield _model("side", "view", MAYA, gesture(0.7), turn=80.0, backdrop="plain")
    yield _model("half-turned", "view", DANCER, None, turn=45.0)
    yield _model("seated", "seated", PALE, seated(), chair(), backdrop="hall", camera=Camera(y_m=0.75, height_m=1.9))
    yield _model("squatting", "seated", THEO, squatting(), backdrop="hall")
    yield _model("cut-knees", "cut", MAYA, on_hips(), camera=KNEES, size=PORTRAIT)
    yield _model("cut-hips", "cut", TALL, hands_folded(), camera=HIPS_UP, size=PORTRAIT, backdrop="room")
    yield _model(
        "cut-chest", "cut", DEEP, arms_down(), long_hair(BLACK), camera=CHEST_UP, size=PORTRAIT, backdrop="room"
    )
    yield _model("dark", "light", DARK, None, change=dim(0.4), backdrop="room")
    yield _model("flat", "light", PALE, arms_down(), change=dim(0.9, 0.45), backdrop="plain")
    yield _model("comic-1", "drawn", MAYA, on_hips(), skirt(RED), change=comic, backdrop="plain")
    yield _model("comic-2", "drawn", THEO, touching(), hat(WOOD), change=comic)
