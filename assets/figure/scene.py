"""Scenes: a backdrop, posed figures in it, a camera, bars in front; and the drawing of them with their true joints."""

from dataclasses import dataclass, field
from functools import cache, lru_cache

import numpy as np

from figure.backdrop import view
from figure.hair import hair_sheets
from figure.hand import hand_sheets
from figure.head import head_sheets
from figure.landmarks import landmarks
from figure.limbs import limb_sheets
from figure.look import Look
from figure.mesh import Mesh, join
from figure.paint import Camera, Posed, cast_shadow, draw_mesh
from figure.skeleton import Pose, rotation, solve
from figure.trunk import trunk_sheets


@dataclass(frozen=True, slots=True)
class Actor:
    """A posed figure somewhere in a scene.

    Attributes:
        look: Who it is.
        pose: What it does.
        x_m: Place to the right of the scene's middle.
        z_m: Place behind the scene's middle, on the floor up to about 5.
        lift_m: Height above the floor.
        scale: Size against the look's own.
        turn_deg: Turn about the vertical; 180 shows the back.
        tilt_deg: Turn in the picture plane about the hips: 90 lies, 180 stands on its head.
    """

    look: Look
    pose: Pose = field(default_factory=Pose)
    x_m: float = 0.0
    z_m: float = 0.0
    lift_m: float = 0.0
    scale: float = 1.0
    turn_deg: float = 0.0
    tilt_deg: float = 0.0

    def to_world(self, points: np.ndarray) -> np.ndarray:
        """Points of the figure's own frame in the scene."""
        hub = np.array([0, -0.53 * self.look.build.stature_m, 0])
        return ((points - hub) @ self.turn.T + hub) * self.scale + [self.x_m, -self.lift_m, self.z_m]

    @property
    def turn(self) -> np.ndarray:
        """Rotation matrix of the whole figure."""
        return rotation(np.array([0, 0, np.radians(self.tilt_deg)])) @ rotation(
            np.array([0, np.radians(self.turn_deg), 0])
        )


@dataclass(frozen=True, slots=True)
class Bar:
    """A plain post or beam before everything; sides in shares of the picture."""

    left: float
    top: float
    right: float
    bottom: float
    colour: tuple[int, int, int] = (96, 84, 78)


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything in one picture."""

    actors: tuple[Actor, ...]
    camera: Camera = field(default_factory=Camera)
    backdrop: str = "terrace"
    bars: tuple[Bar, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn scene.

    Attributes:
        rgb: ``(height, width, 3)`` uint8.
        joints_px: ``(actors, 33, 3)``: x, y in pixels and depth on the same scale (0 at the hips, smaller is nearer)
            of the BlazePose landmarks, whether they are visible or not.
    """

    rgb: np.ndarray
    joints_px: np.ndarray


def draw(scene: Scene, *, width_px: int, height_px: int, supersample: float = 2) -> Picture:
    """Draw a scene; deterministic.

    Args:
        scene: What to draw.
        width_px: Width of the picture.
        height_px: Height of the picture.
        supersample: Samples a pixel along each side.
    """
    camera = scene.camera
    canvas = _view(scene.backdrop, camera, width_px, height_px).copy()
    figures = [_posed(actor) for actor in sorted(scene.actors, key=lambda actor: -actor.z_m)]
    for figure in figures:
        cast_shadow(canvas, figure.points, camera)
    for figure in figures:
        draw_mesh(canvas, figure, camera, supersample=supersample)
    for bar in scene.bars:
        _draw_bar(canvas, bar)
    return Picture(canvas, true_joints(scene, width_px=width_px, height_px=height_px))


def true_joints(scene: Scene, *, width_px: int, height_px: int) -> np.ndarray:
    """The joints of :class:`Picture` without drawing it."""
    joints = np.zeros((len(scene.actors), 33, 3))
    for own, actor in zip(joints, scene.actors, strict=True):
        world = actor.to_world(landmarks(actor.look, solve(actor.pose, actor.look.build)))
        own[:] = scene.camera.project(world, height_px, width_px)
        own[:, 2] -= own[23:25, 2].mean()
    return joints


@cache
def figure_mesh(look: Look) -> Mesh:
    """The mesh of a look, made once."""
    makers = (trunk_sheets, limb_sheets, hand_sheets, head_sheets, hair_sheets)
    return join([sheet for maker in makers for sheet in maker(look)])


def _posed(actor: Actor) -> Posed:
    mesh = figure_mesh(actor.look)
    points, normals = mesh.bend(solve(actor.pose, actor.look.build), actor.look.build.joints())
    return Posed(mesh, actor.to_world(points), normals @ actor.turn.T)


@lru_cache(maxsize=4)
def _view(backdrop: str, camera: Camera, width_px: int, height_px: int) -> np.ndarray:
    return view(
        backdrop,
        x_m=camera.x_m,
        y_m=camera.y_m,
        height_m=camera.height_m,
        width_px=width_px,
        height_px=height_px,
    )


def _draw_bar(canvas: np.ndarray, bar: Bar) -> None:
    height, width = canvas.shape[:2]
    rows = slice(round(bar.top * height), round(bar.bottom * height))
    columns = slice(round(bar.left * width), round(bar.right * width))
    canvas[rows, columns] = bar.colour
