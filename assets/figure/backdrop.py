"""Backdrops: daylight behind the figures, painted once at a fixed scale and cut out as the camera sees it.

Places are metres on the upright plane through the scene's middle, x to the right and y down from the floor there. The
eye is 1.15 m high and 6 m away, as :class:`figure.scene.Camera` has it by default.
"""

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np

from figure.cloth import noise
from figure.look import Colour

PX_PER_M = 200
LEFT_M, TOP_M, WIDTH_M, HEIGHT_M = -4.0, -3.6, 8.0, 4.8
EYE_M, DISTANCE_M = 1.15, 6.0
WINDOWS_M = (-3.0, -1.5, 0.0, 1.5, 3.0)  # of the hall
FLOOR_TOP_M = -0.55  # where the floor ends at the back


class Plate:
    """A picture in metres."""

    def __init__(self) -> None:
        self.picture = np.zeros((round(HEIGHT_M * PX_PER_M), round(WIDTH_M * PX_PER_M), 3), np.float32)

    def at(self, points: np.ndarray) -> np.ndarray:
        """Pixels of places ``(n, 2)``."""
        return (points - [LEFT_M, TOP_M]) * PX_PER_M

    def rows(self, top_m: float, bottom_m: float) -> slice:
        """Rows of the picture between two heights."""
        return slice(round((top_m - TOP_M) * PX_PER_M), round((bottom_m - TOP_M) * PX_PER_M))

    def fade(self, top_m: float, bottom_m: float, first: Colour, last: Colour) -> None:
        """Fill a band with a gradient from top to bottom."""
        band = self.picture[self.rows(top_m, bottom_m)]
        share = np.linspace(0, 1, len(band), dtype=np.float32)[:, None, None]
        band[:] = np.array(first, np.float32) * (1 - share) + np.array(last, np.float32) * share

    def lay(self, points: np.ndarray, colour: Colour, *, strength: float = 1.0, blur_m: float = 0.01) -> None:
        """A soft-edged area ``(n, 2)``."""
        pixels, sigma = self.at(points), max(0.5, blur_m * PX_PER_M)
        height, width = self.picture.shape[:2]
        low = np.clip(pixels.min(0) - 3 * sigma, 0, [width, height]).astype(int)
        high = np.clip(pixels.max(0) + 3 * sigma + 1, 0, [width, height]).astype(int)
        mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.float32)
        cv2.fillPoly(mask, [np.round(pixels - low).astype(np.int32)], (strength,))
        mask = cv2.GaussianBlur(mask, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)[..., None]
        box = self.picture[low[1] : high[1], low[0] : high[0]]
        box += (np.array(colour, np.float32) - box) * mask

    def ridge(self, base_m: float, height_m: float, colour: Colour, *, bumps: int, seed: int, blur_m: float) -> None:
        """Hills or tree tops across the whole width, down to the floor."""
        x = np.linspace(LEFT_M, LEFT_M + WIDTH_M, 400)
        line = sum(noise(4, 400, across=bumps * n, down=1, seed=seed + n)[0] / n for n in (1, 2, 4))
        top = np.stack([x, base_m - height_m * (0.5 + 0.35 * np.asarray(line))], -1)
        self.lay(np.concatenate([top, [[x[-1], 0], [x[0], 0]]]), colour, blur_m=blur_m)

    def light(self, strength: np.ndarray) -> None:
        """Multiply the whole picture's brightness."""
        self.picture *= strength[..., None].astype(np.float32)

    def floor_places(self) -> tuple[np.ndarray, np.ndarray, slice]:
        """For each pixel of the floor its place on it, x and depth in metres, and the rows concerned."""
        rows = self.rows(FLOOR_TOP_M, TOP_M + HEIGHT_M)
        y = np.arange(rows.start, rows.stop)[:, None] / PX_PER_M + TOP_M
        reach = EYE_M * DISTANCE_M / (y + EYE_M)
        x = np.arange(self.picture.shape[1])[None] / PX_PER_M + LEFT_M
        return x * reach / DISTANCE_M, reach - DISTANCE_M + 0 * x, rows

    def boards(self, width_m: float, length_m: float, *, depth: float, seed: int) -> None:
        """Lay the floor in boards or slabs with dark joints, each a little different."""
        x, z, rows = self.floor_places()
        column = np.floor(x / width_m)
        row = np.floor(z / length_m + column * 0.37)
        tone = np.sin(column * 127.1 + row * 311.7 + seed) * 43758.5
        tone = (tone - np.floor(tone) - 0.5) * depth
        for place, size in ((x / width_m, width_m), (z / length_m + column * 0.37, length_m)):
            away = np.abs(place - np.round(place)) * size
            tone -= 1.2 * depth * np.exp(-((away / 0.012) ** 2)) * np.clip(1 - z / 6, 0.2, 1)
        self.picture[rows] *= cv2.GaussianBlur((1 + tone).astype(np.float32), (0, 0), 1.2)[..., None]

    def done(self) -> np.ndarray:
        """The finished picture, a little darker towards its corners."""
        height, width = self.picture.shape[:2]
        across, down = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
        self.light(1 - 0.10 * np.clip(across**2 + 0.6 * down**2, 0, 1.5))
        return self.picture.clip(0, 255).astype(np.uint8)


def _box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def terrace() -> np.ndarray:
    """A paved terrace under a summer sky, with hills and trees out of focus."""
    plate = Plate()
    plate.fade(TOP_M, -1.1, (112, 172, 226), (222, 238, 248))
    size = plate.picture.shape[:2]
    clouds = noise(*size, across=7, down=9, seed=3) + 0.6 * noise(*size, across=17, down=22, seed=4)
    height = np.linspace(TOP_M, TOP_M + HEIGHT_M, size[0])[:, None]
    cover = np.clip(clouds - 0.15, 0, 0.8) * np.clip((-1.0 - height) / 0.8, 0, 1)
    plate.picture += (255 - plate.picture) * cv2.GaussianBlur(cover.astype(np.float32), (0, 0), 9)[..., None]
    plate.ridge(-1.12, 0.42, (168, 196, 214), bumps=5, seed=11, blur_m=0.02)
    plate.ridge(-0.98, 0.34, (140, 182, 160), bumps=9, seed=21, blur_m=0.02)
    plate.ridge(-0.74, 0.46, (112, 160, 104), bumps=26, seed=31, blur_m=0.03)
    plate.ridge(-0.66, 0.26, (134, 178, 108), bumps=40, seed=41, blur_m=0.03)
    plate.fade(FLOOR_TOP_M, TOP_M + HEIGHT_M, (226, 216, 200), (206, 190, 168))
    plate.lay(_box(-4, -0.72, 4, FLOOR_TOP_M), (214, 206, 194), blur_m=0.008)
    plate.lay(_box(-4, -0.75, 4, -0.70), (240, 234, 224), blur_m=0.008)
    plate.boards(0.6, 0.6, depth=0.05, seed=5)
    return plate.done()


def _window(plate: Plate, middle_m: float, *, top_m: float, bottom_m: float, half_width_m: float) -> None:
    """White frame, sky, a hint of trees and two bars."""
    white, left, right = (251, 249, 245), middle_m - half_width_m, middle_m + half_width_m
    plate.lay(_box(left - 0.05, top_m - 0.05, right + 0.05, bottom_m + 0.05), white, blur_m=0.012)
    plate.lay(_box(left, top_m, right, bottom_m), (208, 230, 244), blur_m=0.02)
    trees = bottom_m - 0.3 * (bottom_m - top_m)
    plate.lay(_box(left + 0.03, trees, right - 0.03, bottom_m - 0.03), (190, 214, 184), strength=0.7, blur_m=0.1)
    plate.lay(_box(middle_m - 0.015, top_m, middle_m + 0.015, bottom_m), white, blur_m=0.01)
    across = top_m + 0.55 * (bottom_m - top_m)
    plate.lay(_box(left, across - 0.015, right, across + 0.015), white, blur_m=0.01)


def hall() -> np.ndarray:
    """A bright dance hall: pale wall with tall windows, wooden floor."""
    plate = Plate()
    plate.fade(TOP_M, FLOOR_TOP_M, (232, 230, 226), (242, 238, 232))
    for middle in WINDOWS_M:
        _window(plate, middle, top_m=-3.4, bottom_m=-1.27, half_width_m=0.41)
    plate.lay(_box(-4, -0.66, 4, FLOOR_TOP_M), (250, 248, 244), blur_m=0.006)
    plate.fade(FLOOR_TOP_M, TOP_M + HEIGHT_M, (222, 188, 150), (196, 152, 110))
    plate.boards(0.16, 1.6, depth=0.07, seed=9)
    for middle in WINDOWS_M:
        near = middle * 1.5
        sheen = np.array([[middle - 0.4, -0.55], [middle + 0.4, -0.55], [near + 0.7, 1.2], [near - 0.7, 1.2]])
        plate.lay(sheen, (255, 246, 232), strength=0.22, blur_m=0.08)
    return plate.done()


def room() -> np.ndarray:
    """A living room in the morning: warm wall, window, plant and shelf out of focus."""
    plate = Plate()
    plate.fade(TOP_M, FLOOR_TOP_M, (236, 224, 206), (228, 212, 192))
    _window(plate, -1.25, top_m=-2.6, bottom_m=-1.05, half_width_m=0.55)
    plate.lay(_box(-0.72, -2.7, -0.52, -0.62), (246, 238, 228), blur_m=0.025)
    plate.lay(_box(0.55, -1.52, 1.75, -1.47), (176, 128, 88), blur_m=0.012)
    books = ((0.60, 0.25, (92, 128, 140)), (0.68, 0.22, (206, 122, 84)), (0.755, 0.27, (228, 196, 120)))
    for left, tall, colour in books:
        plate.lay(_box(left, -1.52 - tall, left + 0.065, -1.52), colour, blur_m=0.014)
    for lean in np.linspace(-0.5, 0.5, 9):
        root, tip = np.array([0.94, -1.62]), np.array([lean * 0.4, -0.30 + abs(lean) * 0.35])
        leaf = root + np.array([[0, 0], [0.05, 0], [0, 0], [-0.05, 0]]) + np.outer([0, 0.5, 1, 0.5], tip)
        plate.lay(leaf, (round(112 + 40 * lean), 152, 98), blur_m=0.014)
    plate.lay(np.array([[0.86, -1.65], [1.02, -1.65], [0.995, -1.52], [0.885, -1.52]]), (226, 150, 116), blur_m=0.012)
    plate.fade(FLOOR_TOP_M, TOP_M + HEIGHT_M, (204, 164, 124), (176, 134, 96))
    plate.lay(_box(-4, -0.65, 4, FLOOR_TOP_M), (246, 240, 230), blur_m=0.008)
    plate.boards(0.14, 1.2, depth=0.07, seed=2)
    return plate.done()


def plain_wall() -> np.ndarray:
    """A photographer's paper roll."""
    plate = Plate()
    plate.fade(TOP_M, -0.4, (222, 224, 228), (238, 238, 238))
    plate.fade(-0.4, TOP_M + HEIGHT_M, (238, 238, 238), (214, 212, 210))
    return plate.done()


BACKDROPS: dict[str, Callable[[], np.ndarray]] = {"terrace": terrace, "hall": hall, "room": room, "plain": plain_wall}


@cache
def _painted(name: str) -> np.ndarray:
    return BACKDROPS[name]()


def view(name: str, *, x_m: float, y_m: float, height_m: float, width_px: int, height_px: int) -> np.ndarray:
    """What a camera sees of a backdrop, ``(height, width, 3)`` uint8.

    Args:
        name: One of :data:`BACKDROPS`.
        x_m: Place in the picture's middle.
        y_m: Its height above the floor.
        height_m: What the picture's height spans.
        width_px: Width of the picture.
        height_px: Height of the picture.
    """
    scale = height_px / height_m / PX_PER_M
    left = (x_m - LEFT_M) * PX_PER_M * scale - width_px / 2
    top = (-y_m - TOP_M) * PX_PER_M * scale - height_px / 2
    matrix = np.array([[scale, 0, -left], [0, scale, -top]])
    flags = cv2.INTER_LINEAR if scale > 0.6 else cv2.INTER_AREA
    return cv2.warpAffine(_painted(name), matrix, (width_px, height_px), flags=flags, borderMode=cv2.BORDER_REPLICATE)
