"""Conditions of photographs, and likenesses of people that are none: changes to a finished picture or frame."""

import zlib
from collections.abc import Callable, Mapping
from functools import cache

import cv2
import numpy as np
from figure import Actor, Look, Scene, gesture
from figure.cast import MAYA, THEO

from benchmarks.labelled.props import Change
from benchmarks.labelled.reel import Reel
from benchmarks.labelled.stills import full, shot, upper

_LEVELS = 255


def noise(strength: float) -> Change:
    """A sensor in poor light: every pixel by itself; the frames of a clip differ."""

    def change(rgb: np.ndarray) -> np.ndarray:
        return _levels(rgb + _chance(rgb).normal(0, strength, rgb.shape))

    return change


def grain(strength: float) -> Change:
    """The coarse grain of film: the same in all colours, two pixels wide."""

    def change(rgb: np.ndarray) -> np.ndarray:
        rough = _chance(rgb).normal(0, 2.5 * strength, rgb.shape[:2]).astype(np.float32)
        return _levels(rgb + cv2.GaussianBlur(rough, (0, 0), 1.0)[..., None])

    return change


def compressed(quality: int) -> Change:
    """Sent around as a JPEG of low quality: blocks and ringing."""

    def change(rgb: np.ndarray) -> np.ndarray:
        _, coded = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return cv2.imdecode(coded, cv2.IMREAD_COLOR)

    return change


def soft(sigma_px: float) -> Change:
    """A little out of focus."""
    return lambda rgb: cv2.GaussianBlur(rgb, (0, 0), sigma_px)


def side_light(left: float, right: float) -> Change:
    """Light that falls off from one side to the other."""
    return lambda rgb: _levels(rgb * np.linspace(left, right, rgb.shape[1])[None, :, None])


def shade(share: float) -> Change:
    """The soft shadow of a roof over the upper part of the picture."""

    def change(rgb: np.ndarray) -> np.ndarray:
        rows = np.arange(rgb.shape[0]) / rgb.shape[0]
        return _levels(rgb * (1 - 0.4 / (1 + np.exp((rows - share) * 40)))[:, None, None])

    return change


def warm(rgb: np.ndarray) -> np.ndarray:
    """The light of a lamp."""
    return _levels(rgb * (1.1, 0.96, 0.72))


CONDITIONS: Mapping[str, Change] = {
    "noise": noise(9),
    "grain": grain(12),
    "compressed": compressed(28),
    "soft": soft(1.1),
    "side-light": side_light(0.55, 1.1),
    "shade": shade(0.45),
    "warm": warm,
}


def under(*names: str) -> Change:
    """Several conditions, one after the other."""

    def change(rgb: np.ndarray) -> np.ndarray:
        for name in names:
            rgb = CONDITIONS[name](rgb)
        return rgb

    return change


def filmed_under(*names: str) -> Callable[[Reel], Reel]:
    """Likewise, for a clip."""
    change = under(*names)
    return lambda reel: reel.each(lambda frame, _: change(frame))


def hung(draw: Callable[[], np.ndarray], *, left: float, top: float, height: float, dim: float, edge: int) -> Change:
    """A picture that hangs on the wall: a poster, or a screen with a dark edge.

    Args:
        draw: What it shows.
        left: Its left side, as a share of the width.
        top: Its top, as a share of the height.
        height: Its height, likewise.
        dim: How much of its contrast is left.
        edge: Grey level of its edge.
    """

    @cache
    def shown() -> np.ndarray:
        return draw()

    def change(rgb: np.ndarray) -> np.ndarray:
        tall = round(height * rgb.shape[0])
        wide = min(round(tall * shown().shape[1] / shown().shape[0]), rgb.shape[1] // 3)
        small = cv2.resize(shown(), (wide, tall), interpolation=cv2.INTER_AREA)
        small = cv2.copyMakeBorder(
            _levels(150 + (small - 150.0) * dim), 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=[edge] * 3
        )
        row, column = round(top * rgb.shape[0]), round(left * rgb.shape[1])
        changed = rgb.copy()
        room = changed[row : row + small.shape[0], column : column + small.shape[1]]
        room[:] = small[: room.shape[0], : room.shape[1]]
        return changed

    return change


def poster(left: float = 0.03, height: float = 0.26, top: float = 0.1) -> Change:
    """A poster of somebody."""
    return hung(
        full(THEO, gesture(0.7), "plain", size=(300, 480)), left=left, top=top, height=height, dim=0.75, edge=60
    )


def screen(left: float = 0.03, height: float = 0.2, top: float = 0.16) -> Change:
    """A screen with somebody who speaks."""
    return hung(upper(MAYA, size=(400, 300)), left=left, top=top, height=height, dim=1.0, edge=12)


def mirror(left: float = 0.03, height: float = 0.3, top: float = 0.12) -> Change:
    """A small mirror in the back that shows the figure's back."""
    return hung(
        full(MAYA, gesture(0.2), "room", size=(240, 480), turn_deg=180),
        left=left,
        top=top,
        height=height,
        dim=0.8,
        edge=190,
    )


def shadow(left: float, look: Look = MAYA, *, strength: float = 0.3) -> Change:
    """Somebody's soft shadow on the wall beside the figure."""

    @cache
    def outline() -> np.ndarray:
        scenes = Scene((Actor(look),), backdrop="plain"), Scene((), backdrop="plain")
        one, other = (shot(scene, (540, 960)).astype(np.int16) for scene in scenes)
        return (np.abs(one - other).max(axis=2) > 12).astype(np.float32)

    def change(rgb: np.ndarray) -> np.ndarray:
        height, width = rgb.shape[:2]
        tall = round(0.7 * height)
        dark = cv2.resize(outline(), (round(tall * 0.5625), tall), interpolation=cv2.INTER_AREA)
        whole = np.zeros((height, width), np.float32)
        column = round(left * width)
        room = whole[round(0.1 * height) : round(0.1 * height) + tall, max(0, column) : column + dark.shape[1]]
        room[:] = dark[: room.shape[0], dark.shape[1] - room.shape[1] if column < 0 else 0 :][:, : room.shape[1]]
        return _levels(rgb * (1 - strength * cv2.GaussianBlur(whole, (0, 0), 0.012 * height))[..., None])

    return change


def _chance(rgb: np.ndarray) -> np.random.Generator:
    """Chance that is the same for the same picture, and another one for each frame of a clip."""
    return np.random.default_rng(zlib.crc32(np.ascontiguousarray(rgb[::8, ::8]).tobytes()))


def _levels(values: np.ndarray) -> np.ndarray:
    return np.clip(values, 0, _LEVELS).astype(np.uint8)
