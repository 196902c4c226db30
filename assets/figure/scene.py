"""Scenes: a backdrop, posed figures in it, a camera, bars in front; and the drawing of them with their true joints."""

from dataclasses import dataclass, field
from functools import cache

import cv2
import numpy as np

from figure.backdrop import view
from figure.body import body_sheets
from figure.hand import hand_sheets
from figure.head import head_sheets
from figure.landmarks import landmarks
from figure.look import Look
from figure.mesh import Mesh, join
from figure.raster import BALL_PX, LIGHT_ONE, Fragments, lit_balls, look_up, rasterise
from figure.skeleton import Pose, rotation, solve

SHADOW_SHRINK = 4  # shadows are soft: they are drawn smaller by this
SHADE_SHRINK = 4
FAR = 1e6
SUN_SLOPE = np.array([0.28, 0.0, 0.42])  # how far a shadow moves on the floor for each metre of height


@dataclass(frozen=True, slots=True)
class Actor:
    """A posed figure somewhere in a scene.

    Attributes:
        look: Who it is.
        pose: What it does.
        x_m: Place to the right of the scene's middle.
        z_m: Place behind the scene's middle.
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
class Camera:
    """Where the picture is cut out of the world.

    Attributes:
        x_m: World place in the picture's middle, to the right.
        y_m: World place in the picture's middle, above the floor.
        height_m: What the picture's height spans at the scene's middle.
        distance_m: From the scene's middle; sets the perspective only.
        eye_m: Height of the horizon.
    """

    x_m: float = 0.0
    y_m: float = 0.92
    height_m: float = 2.2
    distance_m: float = 6.0
    eye_m: float = 1.15

    def project(self, points: np.ndarray, height_px: int, width_px: int) -> np.ndarray:
        """Pixels and depth ``(n, 3)`` of world points; depth is on the pixels' scale at the scene's middle."""
        scale = height_px / self.height_m
        shrink = self.distance_m / np.maximum(points[:, 2] + self.distance_m, 0.1)
        x = width_px / 2 + scale * (points[:, 0] * shrink - self.x_m)
        y = height_px / 2 + scale * ((points[:, 1] + self.eye_m) * shrink - self.eye_m + self.y_m)
        return np.stack([x, y, points[:, 2] * scale], -1)


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
    camera: Camera = Camera()
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
    meshes = [_posed(actor) for actor in sorted(scene.actors, key=lambda actor: -actor.z_m)]
    for points, _, _ in meshes:
        _cast_shadow(canvas, points, camera)
    for points, normals, mesh in meshes:
        _draw_mesh(canvas, points, normals, mesh, camera, supersample)
    for bar in scene.bars:
        _draw_bar(canvas, bar)
    joints = [_joints(actor, camera, height_px, width_px) for actor in scene.actors]
    return Picture(canvas, np.array(joints).reshape(-1, 33, 3))


@cache
def figure_mesh(look: Look) -> Mesh:
    """The mesh of a look, made once."""
    return join(body_sheets(look) + hand_sheets(look) + head_sheets(look))


def _posed(actor: Actor) -> tuple[np.ndarray, np.ndarray, Mesh]:
    mesh = figure_mesh(actor.look)
    points, normals = mesh.bend(solve(actor.pose, actor.look.build), actor.look.build.joints())
    return actor.to_world(points), normals @ actor.turn.T, mesh


def _joints(actor: Actor, camera: Camera, height_px: int, width_px: int) -> np.ndarray:
    own = landmarks(actor.look, solve(actor.pose, actor.look.build))
    pixels = camera.project(actor.to_world(own), height_px, width_px)
    pixels[:, 2] -= pixels[23:25, 2].mean()
    return pixels


@cache
def _view(backdrop: str, camera: Camera, width_px: int, height_px: int) -> np.ndarray:
    return view(
        backdrop,
        x_m=camera.x_m,
        y_m=camera.y_m,
        height_m=camera.height_m,
        width_px=width_px,
        height_px=height_px,
    )


def _cast_shadow(canvas: np.ndarray, points: np.ndarray, camera: Camera) -> None:
    """Darken the floor where the figure keeps the sun away: the higher the part, the softer."""
    height_px, width_px = canvas.shape[:2]
    small = -(-height_px // SHADOW_SHRINK), -(-width_px // SHADOW_SHRINK)
    px_per_m = height_px / camera.height_m / SHADOW_SHRINK
    up = np.maximum(-points[:, 1], 0)
    floor = points * [1, 0, 1] + up[:, None] * SUN_SLOPE
    pixels = (camera.project(floor, height_px, width_px)[:, :2] / SHADOW_SHRINK).astype(int)
    inside = ((pixels >= 0) & (pixels < small[::-1])).all(1)
    light = np.ones(small, np.float32)
    for low_m, high_m, blur_m, strength in ((0, 0.10, 0.018, 0.55), (0, 0.8, 0.035, 0.30), (0.5, 9, 0.07, 0.28)):
        x, y = pixels[inside & (up >= low_m) & (up < high_m)].T
        hit = np.zeros(small, np.float32)
        hit[y, x] = 1
        hit = cv2.dilate(hit, np.ones((3, 3)))
        light *= 1 - strength * cv2.GaussianBlur(hit, (0, 0), blur_m * px_per_m * 1.4, sigmaY=blur_m * px_per_m * 0.7)
    rows = np.flatnonzero(light.min(1) < 0.996)
    if len(rows):
        band = slice(rows[0] * SHADOW_SHRINK, min(height_px, (rows[-1] + 1) * SHADOW_SHRINK))
        dark = (light[rows[0] : rows[-1] + 1] * 255).astype(np.uint8)
        dark = cv2.resize(dark, (width_px, band.stop - band.start), interpolation=cv2.INTER_LINEAR)
        cv2.multiply(canvas[band], cv2.merge([dark] * 3), canvas[band], scale=1 / 255)


def _draw_mesh(
    canvas: np.ndarray, points: np.ndarray, normals: np.ndarray, mesh: Mesh, camera: Camera, supersample: float
) -> None:
    height_px, width_px = canvas.shape[:2]
    pixels = camera.project(points, height_px, width_px)
    low = np.clip(np.floor(pixels[:, :2].min(0)) - 2, 0, [width_px, height_px]).astype(int)
    high = np.clip(np.ceil(pixels[:, :2].max(0)) + 2, 0, [width_px, height_px]).astype(int)
    if (high <= low).any():
        return
    width, height = np.ceil((high - low) * supersample).astype(int)
    pixels[:, :2] = (pixels[:, :2] - low) * [width, height] / (high - low)
    pixels[:, 2] *= supersample
    balls = (normals[:, :2] * 0.5 + 0.5) * BALL_PX - 0.5
    balls[:, 0] += mesh.ball
    seen = rasterise(
        pixels.astype(np.float32),
        np.concatenate([mesh.places, balls], 1).astype(np.float32),
        mesh.triangles,
        width_px=int(width),
        height_px=int(height),
    )
    px_per_m = height_px / camera.height_m * supersample
    samples = np.zeros((height, width, 4), np.uint8)
    samples.view(np.uint32).reshape(-1)[seen.pixel] = _colours(seen, mesh, px_per_m).view(np.uint32)[:, 0]
    box = canvas[low[1] : high[1], low[0] : high[0]]
    small = cv2.resize(samples, box.shape[1::-1], interpolation=cv2.INTER_AREA)
    shade = cv2.resize(_shade(seen, (height, width), px_per_m), box.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    box[:] = _over(box, small, shade)


def _colours(seen: Fragments, mesh: Mesh, px_per_m: float) -> np.ndarray:
    level = int(np.clip(np.floor(np.log2(2600 / max(px_per_m, 1))), 0, len(mesh.atlas) - 1))
    across, down, ball_across, ball_down = seen.values
    shrink = np.float32(0.5**level)
    own = look_up(mesh.atlas[level], across * shrink - np.float32(0.5), down * shrink - np.float32(0.5))
    return cv2.multiply(own, look_up(lit_balls(), ball_across, ball_down), scale=1 / LIGHT_ONE)


def _over(box: np.ndarray, figure: np.ndarray, shade: np.ndarray) -> np.ndarray:
    """Blend a figure, RGBA with its colours already weighed by its alpha, over the picture."""
    colour, alpha = cv2.cvtColor(figure, cv2.COLOR_RGBA2RGB), 255 - figure[..., 3]
    front = cv2.multiply(colour, cv2.merge([shade] * 3), scale=1 / 255)
    return cv2.add(front, cv2.multiply(box, cv2.merge([alpha] * 3), scale=1 / 255))


def _shade(seen: Fragments, size: tuple[int, int], px_per_m: float) -> np.ndarray:
    """Light that creases and overhangs keep away, from the depth around each pixel: small, uint8, 255 is full light."""
    step = SHADE_SHRINK
    rows, columns = (-(-int(side) // step) for side in size)
    row, column = np.divmod(seen.pixel, np.int32(size[1]))
    depth = np.full(rows * columns, FAR, np.float32)
    depth[row // step * columns + column // step] = seen.depth / step
    depth = depth.reshape(rows, columns)
    light, px_per_m = np.ones_like(depth), px_per_m / step
    for reach_m, strength in ((0.012, 0.30), (0.03, 0.30)):
        reach = max(1, round(reach_m * px_per_m))
        for x, y in ((reach, 0), (0, reach), (reach, reach), (reach, -reach)):
            valley = np.minimum(depth - _moved(depth, x, y), depth - _moved(depth, -x, -y))
            light -= strength / 2 * np.clip(valley / reach - 0.15, 0, 1)
    for reach_m in (0.01, 0.02, 0.035, 0.055):
        reach = max(1, round(reach_m * px_per_m))
        x, y = round(0.62 * reach), round(0.78 * reach)
        above, slope = depth - _moved(depth, -x, -y), np.maximum(_moved(depth, x, y) - depth, 0)
        light -= 0.13 * np.clip((above - slope) / reach - 1.0, 0, 1) * (above < 0.35 * px_per_m)
    light[depth == FAR] = 1
    soft = cv2.GaussianBlur(np.clip(light, 0.3, 1), (0, 0), max(0.6, 0.004 * px_per_m))
    return (soft * 255).astype(np.uint8)


def _moved(values: np.ndarray, x: int, y: int) -> np.ndarray:
    """What lies x columns and y rows from each place; far away beyond the edge."""
    moved = np.full_like(values, FAR)
    height, width = values.shape
    if abs(x) < width and abs(y) < height:
        moved[max(0, -y) : height - max(0, y), max(0, -x) : width - max(0, x)] = values[
            max(0, y) : height + min(0, y), max(0, x) : width + min(0, x)
        ]
    return moved


def _draw_bar(canvas: np.ndarray, bar: Bar) -> None:
    height, width = canvas.shape[:2]
    rows = slice(round(bar.top * height), round(bar.bottom * height))
    columns = slice(round(bar.left * width), round(bar.right * width))
    canvas[rows, columns] = bar.colour
