"""Drawing single pictures: one figure or several, and changes to the finished pixels."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from figure import Actor, Camera, Look, Pose, Scene, draw, offering
from figure.cast import MAYA, THEO

PORTRAIT, LANDSCAPE, SQUARE = (540, 960), (960, 540), (720, 720)


def shot(scene: Scene, size: tuple[int, int] = PORTRAIT) -> np.ndarray:
    """Draw a scene, ``(height, width, 3)`` uint8."""
    return draw(scene, width_px=size[0], height_px=size[1], supersample=1.5).rgb


def full(
    look: Look = MAYA,
    pose: Pose | None = None,
    backdrop: str = "terrace",
    *,
    size: tuple[int, int] = PORTRAIT,
    y_m: float = 0.92,
    height_m: float = 2.3,
    **place: float,
) -> Callable[[], np.ndarray]:
    """One figure from head to toe."""
    actor = Actor(look, pose or Pose(), **place)
    return lambda: shot(Scene((actor,), Camera(y_m=y_m, height_m=height_m), backdrop), size)


def upper(
    look: Look = THEO,
    pose: Pose | None = None,
    backdrop: str = "room",
    *,
    size: tuple[int, int] = (800, 600),
    y_m: float = 1.28,
    height_m: float = 1.2,
) -> Callable[[], np.ndarray]:
    """One figure to the waist, with both hands."""
    return full(look, pose or offering(), backdrop, size=size, y_m=y_m, height_m=height_m)


def group(*actors: Actor, size: tuple[int, int] = LANDSCAPE, height_m: float = 2.1) -> Callable[[], np.ndarray]:
    """Several figures in the hall."""
    return lambda: shot(Scene(actors, Camera(y_m=0.95, height_m=height_m), "hall"), size)


def changed(draw_it: Callable[[], np.ndarray], change: Callable[[np.ndarray], np.ndarray]) -> Callable[[], np.ndarray]:
    """Draw it and change the pixels."""
    return lambda: change(draw_it())


def lit(level: float) -> Callable[[np.ndarray], np.ndarray]:
    """Brighter or darker."""
    return lambda rgb: (rgb * level).clip(0, 255).astype(np.uint8)


def night(level: float, noise: float = 3.0) -> Callable[[np.ndarray], np.ndarray]:
    """Much darker, with the noise that sensors then have, and bluish."""

    def darken(rgb: np.ndarray) -> np.ndarray:
        grain = np.random.default_rng(5).normal(0, noise, rgb.shape)
        return (rgb * (level * np.array([0.9, 1.0, 1.15])) + grain).clip(0, 255).astype(np.uint8)

    return darken


def veiled(share: float) -> Callable[[np.ndarray], np.ndarray]:
    """So much of white over everything, as in fog, backlight or a faded print."""
    return lambda rgb: (rgb * (1 - share) + 255 * share).astype(np.uint8)


def in_white(look: Look, **more: tuple[int, int, int]) -> Look:
    """The same character in white clothes and shoes, perhaps with another skin or hair."""
    white = {"top": (250, 250, 250), "accent": (244, 244, 246), "trousers": (248, 248, 246), "shoes": (252, 252, 252)}
    return replace(look, **more, **white)


def in_cream(look: Look) -> Look:
    """The same character in clothes of the colour of plaster."""
    cream = {"top": (240, 232, 214), "accent": (236, 228, 212), "trousers": (234, 226, 208), "shoes": (238, 230, 214)}
    return replace(look, **cream)


def cut_out(
    look: Look,
    pose: Pose | None = None,
    *,
    ground: Callable[[np.ndarray], np.ndarray] | None = None,
    size: tuple[int, int] = PORTRAIT,
    y_m: float = 0.92,
    height_m: float = 2.3,
) -> Callable[[], np.ndarray]:
    """A character without its shadow on plain white, as in a studio, or on a changed terrace.

    Of the character is what two backdrops leave the same.
    """

    def draw_it() -> np.ndarray:
        actors, camera = (Actor(look, pose or Pose()),), Camera(y_m=y_m, height_m=height_m)
        one, other = (shot(Scene(actors, camera, backdrop), size) for backdrop in ("room", "terrace"))
        same = (np.abs(one.astype(np.int16) - other).max(axis=2) <= 2).astype(np.uint8)
        _, labels, found, _ = cv2.connectedComponentsWithStats(cv2.morphologyEx(same, cv2.MORPH_OPEN, np.ones((3, 3))))
        figure = (labels == 1 + int(np.argmax(found[1:, cv2.CC_STAT_AREA]))).astype(np.float32)
        alpha = cv2.GaussianBlur(figure, (0, 0), 0.7)[:, :, None]
        under = ground(shot(Scene((), camera, "terrace"), size)) if ground else np.full_like(one, 255)
        return (one * alpha + under * (1 - alpha)).astype(np.uint8)

    return draw_it


def spotlit(rgb: np.ndarray, rest: float = 0.06) -> np.ndarray:
    """A lamp on the figure in the middle of a dark place, as in a low-key photograph."""
    height, width = rgb.shape[:2]
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    light = rest + (1 - rest) * np.exp(-(((across / 0.45) ** 2 + (down / 1.0) ** 2) ** 2))
    return (rgb * light[:, :, None]).clip(0, 255).astype(np.uint8)


def in_black(look: Look, **more: tuple[int, int, int]) -> Look:
    """The same character in black clothes and shoes, perhaps with another skin or hair."""
    return replace(look, **more, top=(14, 14, 16), accent=(20, 20, 22), trousers=(12, 12, 14), shoes=(16, 16, 16))


def upside_down(rgb: np.ndarray) -> np.ndarray:
    """The whole picture turned over."""
    return np.ascontiguousarray(rgb[::-1, ::-1])


def scaled(width: int, height: int) -> Callable[[np.ndarray], np.ndarray]:
    """Another size."""
    return lambda rgb: cv2.resize(rgb, (width, height), interpolation=cv2.INTER_LINEAR)


def turned(rgb: np.ndarray) -> np.ndarray:
    """The whole picture on its side."""
    return np.ascontiguousarray(np.rot90(rgb))


def grainy(rgb: np.ndarray) -> np.ndarray:
    """A sensor's noise, which no format packs well."""
    noise = np.random.default_rng(3).integers(-9, 10, rgb.shape, np.int16)
    return (rgb + noise).clip(0, 255).astype(np.uint8)
