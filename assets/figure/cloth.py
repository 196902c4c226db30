"""Painted cloth: what is printed, stitched and creased on each garment, unrolled (the front is in the middle)."""

import cv2
import numpy as np

from figure.look import Colour, Look, Top, mix

FINE = 4  # bits of sub-pixel precision in OpenCV's drawing


def plain(colour: Colour) -> np.ndarray:
    """One colour."""
    return np.full((8, 8, 3), colour, np.uint8)


def noise(height: int, width: int, *, across: int, down: int, seed: int) -> np.ndarray:
    """Smooth noise with so many bumps across and down, about -1 to 1, ``(height, width)``; joins at the sides."""
    grid = np.random.default_rng(seed).uniform(-1, 1, (down + 3, across)).astype(np.float32)
    grid = np.concatenate([grid[:, -2:], grid, grid[:, :2]], 1)
    scale = width / across
    big = cv2.resize(grid, (round(scale * (across + 4)), height * (down + 3) // down), interpolation=cv2.INTER_CUBIC)
    left = round(2 * scale)
    return big[:height, left : left + width]


def lit(picture: np.ndarray, light: np.ndarray) -> np.ndarray:
    """A picture with its brightness multiplied by ``light`` ``(height, width)``."""
    return np.clip(picture * light[..., None], 0, 255).astype(np.uint8)


def creased(picture: np.ndarray, *, seed: int, across: int, down: int, depth: float) -> np.ndarray:
    """Cloth with soft creases that run aslant and a faint weave."""
    height, width = picture.shape[:2]
    soft = noise(height, width, across=across, down=down, seed=seed)
    rows = np.arange(height)[:, None]
    slant = (np.arange(width)[None] + (0.5 * rows * width / height).astype(int)) % width
    folds = 1 - np.abs(noise(height, width, across=across, down=down * 2, seed=seed + 1)[rows, slant]) * 2
    weave = noise(height, width, across=width // 3, down=height // 3, seed=seed + 2)
    return lit(picture, 1 + depth * (0.6 * soft + 0.55 * folds) + 0.012 * weave)


def line(picture: np.ndarray, points: np.ndarray, colour: Colour, thickness: int) -> None:
    """A smooth line through places 0-1 ``(n, 2)``."""
    height, width = picture.shape[:2]
    fixed = np.round(points * [width, height] * 2**FINE).astype(np.int32)
    cv2.polylines(picture, [fixed], False, colour, thickness, cv2.LINE_AA, FINE)


def area(picture: np.ndarray, points: np.ndarray, colour: Colour) -> None:
    """A filled outline through places 0-1 ``(n, 2)``."""
    height, width = picture.shape[:2]
    fixed = np.round(points * [width, height] * 2**FINE).astype(np.int32)
    cv2.fillPoly(picture, [fixed], colour, cv2.LINE_AA, FINE)


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """The corners of a rectangle."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def paint_top(look: Look) -> np.ndarray:
    """The garment above: 0 down is the neck, 1 the hem; 0.5 across is the front."""
    picture = np.full((448, 768, 3), look.top, np.uint8)
    {Top.JACKET: _jacket, Top.HOODIE: _hoodie, Top.TEE: _tee}[look.top_style](picture, look)
    return creased(picture, seed=11, across=9, down=5, depth=0.05)


def _jacket(picture: np.ndarray, look: Look) -> None:
    dark, light = mix(look.top, (60, 20, 0), 0.35), mix(look.top, (255, 255, 255), 0.35)
    down = np.linspace(0.0, 1.0, 40)
    gap = 0.045 + 0.03 * np.exp(-(((down - 0.25) / 0.22) ** 2)) - 0.014 * down
    for side in (-1, 1):
        edge = np.stack([0.5 + side * gap, down], -1)
        line(picture, np.add(edge, [side * 0.006, 0]), dark, 5)
        line(picture, np.add(edge, [side * 0.022, 0]), dark, 1)
        pocket = np.array([[0.5 + side * 0.10, 0.70], [0.5 + side * 0.15, 0.86]])
        line(picture, pocket, dark, 5)
        line(picture, np.add(pocket, [side * 0.006, 0]), light, 1)
        line(picture, np.array([[0.5 + side * 0.25, 0.25], [0.5 + side * 0.25, 0.93]]), dark, 1)
    area(
        picture,
        np.concatenate([np.stack([0.5 - gap, down], -1), np.stack([0.5 + gap, down], -1)[::-1]]),
        look.accent,
    )
    for stripe in np.arange(0.16, 0.97, 0.062):
        reach = np.interp(stripe, down, gap) - 0.002
        area(picture, box(0.5 - reach, stripe, 0.5 + reach, stripe + 0.024), (74, 92, 128))
    for side in (-1, 1):
        edge = np.stack([0.5 + side * gap, down], -1)
        line(picture, edge, mix(look.top, (90, 60, 40), 0.55), 2)
    _rib(picture, 0.925, mix(look.top, (80, 30, 0), 0.18))


def _hoodie(picture: np.ndarray, look: Look) -> None:
    dark = mix(look.top, (0, 0, 20), 0.32)
    pocket = np.array(
        [[0.405, 0.66], [0.595, 0.66], [0.635, 0.80], [0.635, 0.90], [0.365, 0.90], [0.365, 0.80], [0.405, 0.66]]
    )
    area(picture, pocket, mix(look.top, (255, 255, 255), 0.05))
    line(picture, pocket, dark, 3)
    for side in (-1, 1):
        line(
            picture, np.array([[0.5 + side * 0.104, 0.665], [0.5 + side * 0.137, 0.80]]), mix(dark, (0, 0, 0), 0.25), 5
        )
        sway = np.linspace(0, 1, 12)
        string = np.stack([0.5 + side * (0.032 + 0.006 * np.sin(sway * 3)), 0.15 + 0.26 * sway], -1)
        line(picture, np.add(string, [0.003, 0.004]), dark, 5)
        line(picture, string, look.accent, 4)
        line(picture, np.array([[0.5 + side * 0.25, 0.25], [0.5 + side * 0.25, 0.93]]), dark, 1)
    _rib(picture, 0.925, mix(look.top, (0, 0, 0), 0.14))


def _tee(picture: np.ndarray, look: Look) -> None:
    area(picture, box(0, 0.47, 1, 0.60), look.accent)
    line(picture, np.array([[0, 0.965], [1, 0.965]]), mix(look.top, (0, 0, 0), 0.18), 1)
    area(picture, box(0, 0, 1, 0.045), mix(look.top, (0, 0, 0), 0.10))


def _rib(picture: np.ndarray, top: float, colour: Colour) -> None:
    height, width = picture.shape[:2]
    area(picture, box(0, top, 1, 1), colour)
    for x in range(0, width, 6):
        cv2.line(picture, (x, round(top * height)), (x, height), mix(colour, (0, 0, 0), 0.16), 2)
    line(picture, np.array([[0, top], [1, top]]), mix(colour, (0, 0, 0), 0.30), 2)


def paint_sleeve(look: Look) -> np.ndarray:
    """From shoulder to cuff."""
    picture = np.full((384, 192, 3), look.top, np.uint8)
    if look.sleeve_share > 0.8:
        _rib(picture, 0.935, mix(look.top, (60, 20, 0) if look.top_style is Top.JACKET else (0, 0, 0), 0.16))
    else:
        line(picture, np.array([[0, 0.93], [1, 0.93]]), mix(look.top, (0, 0, 0), 0.2), 1)
        area(picture, box(0, 0.74, 1, 0.84), look.accent)
    return creased(picture, seed=23, across=4, down=7, depth=0.065)


def paint_trousers(look: Look) -> np.ndarray:
    """From hip to hem; 0 across is the outer seam, 0.25 the front."""
    picture = np.full((448, 256, 3), look.trousers, np.uint8)
    dark, light = mix(look.trousers, (0, 0, 10), 0.35), mix(look.trousers, (255, 255, 255), 0.22)
    for seam in (0.0, 0.5, 1.0):
        line(picture, np.array([[seam, 0], [seam, 1]]), dark, 3)
        line(picture, np.array([[seam + 0.02, 0], [seam + 0.02, 1]]), light, 1)
    worn = (
        np.exp(-(((np.arange(256) - 64) / 26.0) ** 2))[None] * np.exp(-(((np.arange(448) - 130) / 110.0) ** 2))[:, None]
    )
    picture = np.clip(picture + worn[..., None] * 16, 0, 255).astype(np.uint8)
    line(picture, np.array([[0, 0.965], [1, 0.965]]), dark, 2)
    return creased(picture, seed=37, across=5, down=8, depth=0.085)


def paint_shoe(look: Look) -> np.ndarray:
    """From heel to toe; 0 and 1 across are the ridge, 0.5 the sole."""
    picture = np.full((256, 256, 3), look.shoes, np.uint8)
    dark = mix(look.shoes, (60, 64, 80), 0.35)
    area(picture, box(0.36, 0, 0.64, 1), look.soles)
    for edge in (0.355, 0.645):
        line(picture, np.array([[edge, 0], [edge, 1]]), mix(look.soles, (40, 44, 60), 0.45), 3)
    for edge in (0.10, 0.90):
        line(picture, np.array([[edge, 0.36], [edge * 0.5 + (edge > 0.5) * 0.5, 0.66]]), dark, 2)
    for at in np.linspace(0.42, 0.60, 4):
        for left in (0.0, 0.91):
            area(picture, box(left, at, left + 0.09, at + 0.022), mix(look.shoes, (255, 255, 255), 0.6))
            line(picture, np.array([[left, at + 0.03], [left + 0.09, at + 0.03]]), dark, 1)
    for left in (0.15, 0.75):
        area(
            picture,
            np.array([[left, 0.30], [left + 0.05, 0.28], [left + 0.10, 0.60], [left + 0.06, 0.60]]),
            mix(look.top, look.shoes, 0.15),
        )
    area(picture, box(0, 0.90, 1, 1), mix(look.shoes, look.soles, 0.5))
    line(picture, np.array([[0, 0.80], [0.34, 0.74]]), dark, 1)
    line(picture, np.array([[1, 0.80], [0.66, 0.74]]), dark, 1)
    return picture
