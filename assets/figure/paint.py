"""A posed mesh into a picture: projection, soft shadow on the floor, colours, light, and shade in the creases."""

from dataclasses import dataclass

import cv2
import numpy as np

from figure.mesh import Mesh
from figure.raster import BALL_PX, LIGHT_ONE, Surface, lit_balls, look_up, rasterise

SHADOW_SHRINK = 4  # shadows are soft: they are drawn smaller by this
SHADE_SHRINK = 4
FAR = 1e6
SUN_SLOPE = np.array([0.28, 0.0, 0.42])  # how far a shadow moves on the floor for each metre of height
# Parts of the figure by height above the floor, how soft their shadow is, and how dark.
SHADOWS = ((0, 0.10, 0.018, 0.55), (0, 0.8, 0.035, 0.30), (0.5, 9, 0.07, 0.28))
CREASES_M, OVERHANGS_M = (0.012, 0.03), (0.01, 0.02, 0.035, 0.055)  # how far away something may take the light
TEXTURE_PX_PER_M = 2600  # about what the finest textures hold


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


def cast_shadow(canvas: np.ndarray, points: np.ndarray, camera: Camera) -> None:
    """Darken the floor where the figure keeps the sun away: the higher the part, the softer."""
    height_px, width_px = canvas.shape[:2]
    small = -(-height_px // SHADOW_SHRINK), -(-width_px // SHADOW_SHRINK)
    px_per_m = height_px / camera.height_m / SHADOW_SHRINK
    up = np.maximum(-points[:, 1], 0)
    floor = points * [1, 0, 1] + up[:, None] * SUN_SLOPE
    pixels = (camera.project(floor, height_px, width_px)[:, :2] / SHADOW_SHRINK).astype(int)
    inside = ((pixels >= 0) & (pixels < small[::-1])).all(1)
    light = np.ones(small, np.float32)
    for low_m, high_m, blur_m, strength in SHADOWS:
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


@dataclass(frozen=True, slots=True)
class Posed:
    """A figure's mesh, bent and placed in the world.

    Attributes:
        mesh: Triangles and textures.
        points: ``(n, 3)`` metres.
        normals: ``(n, 3)``.
    """

    mesh: Mesh
    points: np.ndarray
    normals: np.ndarray


def draw_mesh(canvas: np.ndarray, figure: Posed, camera: Camera, *, supersample: float) -> None:
    """Draw a figure over the picture, smoothed down from ``supersample`` samples a pixel along each side."""
    height_px, width_px = canvas.shape[:2]
    pixels = camera.project(figure.points, height_px, width_px)
    low = np.clip(np.floor(pixels[:, :2].min(0)) - 2, 0, [width_px, height_px]).astype(int)
    high = np.clip(np.ceil(pixels[:, :2].max(0)) + 2, 0, [width_px, height_px]).astype(int)
    if (high <= low).any():
        return
    width, height = (int(side) for side in np.ceil((high - low) * supersample))
    pixels[:, :2] = (pixels[:, :2] - low) * [width, height] / (high - low)
    pixels[:, 2] *= supersample
    balls = (figure.normals[:, :2] * 0.5 + 0.5) * BALL_PX - 0.5
    balls[:, 0] += figure.mesh.ball
    values = np.concatenate([figure.mesh.places, balls], 1).astype(np.float32)
    seen = rasterise(pixels.astype(np.float32), values, figure.mesh.triangles, width_px=width, height_px=height)
    if not len(seen.pixel):
        return
    px_per_m = height_px / camera.height_m * supersample
    samples = np.zeros((height, width, 4), np.uint8)
    samples.view(np.uint32).reshape(-1)[seen.pixel] = _colours(seen, figure.mesh, px_per_m).view(np.uint32)[:, 0]
    box = canvas[low[1] : high[1], low[0] : high[0]]
    smoothing = cv2.INTER_AREA if supersample >= 2 else cv2.INTER_LINEAR  # as good below 2, and faster
    small = cv2.resize(samples, box.shape[1::-1], interpolation=smoothing)
    shade = cv2.resize(_shade(seen.depth, px_per_m), box.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    box[:] = _over(box, small, shade)


def _colours(seen: Surface, mesh: Mesh, px_per_m: float) -> np.ndarray:
    level = int(np.clip(np.floor(np.log2(TEXTURE_PX_PER_M / max(px_per_m, 1))), 0, len(mesh.atlas) - 1))
    across, down, ball_across, ball_down = seen.values
    shrink, half = np.float32(0.5**level), np.float32(0.5)
    own = look_up(mesh.atlas[level], across * shrink - half, down * shrink - half)
    return cv2.multiply(own, look_up(lit_balls(), ball_across, ball_down), scale=1 / LIGHT_ONE)


def _over(box: np.ndarray, figure: np.ndarray, shade: np.ndarray) -> np.ndarray:
    """Blend a figure, RGBA with its colours already weighed by its alpha, over the picture."""
    colour, alpha = cv2.cvtColor(figure, cv2.COLOR_RGBA2RGB), 255 - figure[..., 3]
    front = cv2.multiply(colour, cv2.merge([shade] * 3), scale=1 / 255)
    return cv2.add(front, cv2.multiply(box, cv2.merge([alpha] * 3), scale=1 / 255))


def _shade(depth: np.ndarray, px_per_m: float) -> np.ndarray:
    """Light that creases and overhangs keep away, from the depth around each pixel: small, uint8, 255 is full light."""
    rows, columns = (slice(min(SHADE_SHRINK // 2, side - 1), None, SHADE_SHRINK) for side in depth.shape)
    depth = np.minimum(depth[rows, columns] / SHADE_SHRINK, FAR)
    light, px_per_m = np.ones_like(depth), px_per_m / SHADE_SHRINK
    for reach_m in CREASES_M:
        reach = max(1, round(reach_m * px_per_m))
        for x, y in ((reach, 0), (0, reach), (reach, reach), (reach, -reach)):
            valley = np.minimum(depth - _moved(depth, x, y), depth - _moved(depth, -x, -y)) / reach
            light -= 0.15 * np.clip(valley - 0.15, 0, 1) * np.clip(2 - valley / 2, 0, 1)
    for reach_m in OVERHANGS_M:
        reach = max(1, round(reach_m * px_per_m))
        x, y = round(0.62 * reach), round(0.78 * reach)  # away from the sun
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
