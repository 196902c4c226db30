"""The painted face, as seen from the front; lengths are in head heights around the eyes' middle."""

import cv2
import numpy as np

from figure.look import Colour, Look, mix

TILE_WIDTH, TILE_HEIGHT = 0.74, 1.04
MIDDLE = (TILE_WIDTH / 2, TILE_HEIGHT / 2)
PX_PER_HEAD = 640
FINER = 2  # painted larger by this and smoothed down
EYE_X = 0.142


def paint_face(look: Look) -> np.ndarray:
    """The face, ``(height, width, 3)`` uint8."""
    canvas = _Canvas(look.skin)
    _complexion(canvas, look)
    for side in (-1, 1):
        _eye(canvas, look, side)
        _brow(canvas, look, side)
    _nose(canvas, look)
    _mouth(canvas, look)
    return canvas.small()


class _Canvas:
    """A picture in head units on which soft areas are laid."""

    def __init__(self, colour: Colour) -> None:
        self.scale = PX_PER_HEAD * FINER
        self.size = round(TILE_WIDTH * self.scale), round(TILE_HEIGHT * self.scale)
        self.picture = np.full((self.size[1], self.size[0], 3), colour, np.float32)

    def lay(
        self,
        outline: np.ndarray,
        colour: Colour,
        *,
        strength: float = 1.0,
        soft: float = 0.0,
        within: np.ndarray | None = None,
    ) -> None:
        """Fill an outline ``(n, 2)``; ``soft`` is the blur in head units, ``within`` another outline that cuts it."""
        pixels = np.add(outline, MIDDLE) * self.scale
        margin = int(soft * self.scale * 3) + 3
        low = np.maximum(pixels.min(0).astype(int) - margin, 0)
        high = np.minimum(pixels.max(0).astype(int) + margin, self.size)
        mask = self._mask(outline, low, high)
        if soft:
            mask = cv2.GaussianBlur(mask, (0, 0), soft * self.scale)
        if within is not None:
            mask = mask * self._mask(within, low, high)
        box = self.picture[low[1] : high[1], low[0] : high[0]]
        box += (np.array(colour, np.float32) - box) * (mask * strength)[..., None]

    def _mask(self, outline: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        pixels = np.add(outline, MIDDLE) * self.scale - low
        mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.float32)
        cv2.fillPoly(mask, [np.round(pixels * 16).astype(np.int32)], (1.0,), cv2.LINE_8, 4)
        return mask

    def small(self) -> np.ndarray:
        """The finished picture."""
        size = self.size[0] // FINER, self.size[1] // FINER
        return cv2.resize(self.picture, size, interpolation=cv2.INTER_AREA).clip(0, 255).astype(np.uint8)


def _oval(x: float, y: float, wide: float, high: float, *, turn: float = 0.0) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 48)
    points = np.stack([wide * np.cos(angle), high * np.sin(angle)], -1)
    cosine, sine = np.cos(turn), np.sin(turn)
    return points @ np.array([[cosine, sine], [-sine, cosine]]) + [x, y]


def _curve(points: list[tuple[float, float]], side: float = 1.0) -> np.ndarray:
    """A smooth open curve through points, mirrored for the other side."""
    fixed = np.array(points)
    t = np.linspace(0, len(points) - 1, 40)
    fine = np.stack([np.interp(t, np.arange(len(points)), fixed[:, axis]) for axis in (0, 1)], -1)
    kernel = np.hanning(13)[1:-1] / np.hanning(13)[1:-1].sum()
    padded = np.concatenate([np.repeat(fine[:1], 5, 0), fine, np.repeat(fine[-1:], 5, 0)])
    smooth = np.stack([np.convolve(padded[:, axis], kernel, "valid") for axis in (0, 1)], -1)
    return smooth * [side, 1]


def _band(line: np.ndarray, thickness: np.ndarray) -> np.ndarray:
    """The outline of a line with a thickness that changes along it."""
    step = np.gradient(line, axis=0)
    normal = np.stack([-step[:, 1], step[:, 0]], -1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    half = normal * thickness[:, None] / 2
    return np.concatenate([line + half, (line - half)[::-1]])


def _taper(n: int, start: float, middle: float, end: float) -> np.ndarray:
    return np.interp(np.linspace(0, 1, n), [0, 0.45, 1], [start, middle, end])


def _complexion(canvas: _Canvas, look: Look) -> None:
    blood, shade = mix(look.skin, (224, 84, 76), 0.55), mix(look.skin, (120, 56, 40), 0.5)
    bright = mix(look.skin, (255, 246, 232), 0.6)
    canvas.lay(_oval(0, -0.22, 0.17, 0.07), bright, strength=0.35, soft=0.05)
    for side in (-1, 1):
        canvas.lay(_oval(side * 0.195, 0.155, 0.062, 0.042), blood, strength=0.34 + 0.22 * look.soft, soft=0.032)
        canvas.lay(_oval(side * 0.135, 0.055, 0.06, 0.012), shade, strength=0.16, soft=0.012)
        canvas.lay(_oval(side * 0.16, 0.095, 0.05, 0.02), bright, strength=0.25, soft=0.02)
    if look.soft < 0.4:
        jaw = np.concatenate([_oval(0, 0.36, 0.25, 0.17)])
        canvas.lay(jaw, mix(look.skin, look.hair, 0.55), strength=0.20, soft=0.035)
        canvas.lay(_oval(0, 0.225, 0.075, 0.014), mix(look.skin, look.hair, 0.6), strength=0.22, soft=0.012)


def _eye(canvas: _Canvas, look: Look, side: float) -> None:
    x = side * EYE_X
    wide, high = 0.071, 0.034 + 0.007 * look.soft
    t = np.linspace(-1, 1, 40)
    upper = np.stack([t * wide, -high * (1 - np.abs(t + 0.1) ** 2.2 * 0.9) + 0.008 * (t < -2) - 0.010 * t + 0.004], -1)
    lower = np.stack([t * wide, high * 0.62 * (1 - t**2) + 0.003 - 0.010 * t], -1)
    upper[0], upper[-1] = lower[0], lower[-1]
    shape = np.concatenate([upper, lower[::-1]]) * [side, 1] + [x, 0]
    canvas.lay(_oval(x, -0.01, 0.085, 0.045), mix(look.skin, (110, 60, 50), 0.4), strength=0.30, soft=0.022)
    canvas.lay(shape, (252, 250, 247))
    iris = 0.037
    lid = np.concatenate([upper, np.add(upper, [0, 0.018])[::-1]]) * [side, 1] + [x, 0]
    bright = mix(look.eyes, (255, 255, 240), 0.4)
    canvas.lay(_oval(x, -0.002, iris, iris), mix(look.eyes, (10, 14, 18), 0.55), within=shape)
    canvas.lay(_oval(x, -0.002, iris * 0.86, iris * 0.86), look.eyes, within=shape)
    canvas.lay(_oval(x, 0.010, iris * 0.55, iris * 0.42), bright, strength=0.7, soft=0.006, within=shape)
    canvas.lay(_oval(x, -0.002, iris * 0.48, iris * 0.48), (18, 16, 18), within=shape)
    canvas.lay(lid, (70, 60, 66), strength=0.45, soft=0.004, within=shape)
    canvas.lay(_oval(x - 0.011, -0.014, 0.0085, 0.0085), (255, 255, 255), soft=0.001, within=shape)
    canvas.lay(_oval(x + 0.012, 0.010, 0.004, 0.004), (255, 255, 255), strength=0.7, within=shape)
    lash = mix((24, 18, 18), look.hair, 0.15)
    wing = 0.012 * look.soft
    rim = np.concatenate([upper, [[wide + wing, upper[-1, 1] - wing]]]) * [side, 1] + [x, -0.002]
    canvas.lay(
        _band(rim, _taper(len(rim), 0.004, 0.009 + 0.004 * look.soft, 0.006 + 0.002 * look.soft)), lash, soft=0.0012
    )
    canvas.lay(
        _band(lower * [side, 1] + [x, 0.001], _taper(40, 0.001, 0.003, 0.004)),
        mix(look.skin, (90, 40, 36), 0.7),
        strength=0.8,
        soft=0.0015,
    )
    crease = (upper * [1.06, 1] + [0, -0.017]) * [side, 1] + [x, 0]
    canvas.lay(
        _band(crease[4:-2], _taper(34, 0.001, 0.004, 0.003)),
        mix(look.skin, (96, 48, 40), 0.7),
        strength=0.7,
        soft=0.002,
    )


def _brow(canvas: _Canvas, look: Look, side: float) -> None:
    arch = 0.012 * look.soft
    line = _curve([(0.062, -0.094), (0.11, -0.114 - arch), (0.17, -0.120 - arch), (0.232, -0.088)], side)
    heavy = 0.034 - 0.013 * look.soft
    colour = mix(look.hair, (20, 14, 12), 0.25)
    canvas.lay(_band(line, _taper(len(line), heavy * 0.75, heavy, 0.004)), colour, strength=0.88, soft=0.0045)


def _nose(canvas: _Canvas, look: Look) -> None:
    shade, bright = mix(look.skin, (130, 58, 44), 0.6), mix(look.skin, (255, 248, 236), 0.7)
    canvas.lay(_oval(0, 0.05, 0.012, 0.09), bright, strength=0.40, soft=0.010)
    canvas.lay(_oval(0, 0.155, 0.018, 0.014), bright, strength=0.55, soft=0.010)
    canvas.lay(_oval(0, 0.172, 0.045, 0.025), mix(look.skin, (224, 96, 84), 0.5), strength=0.22, soft=0.016)
    for side in (-1, 1):
        canvas.lay(_oval(side * 0.044, 0.085, 0.010, 0.07, turn=-side * 0.22), shade, strength=0.20, soft=0.013)
        canvas.lay(
            _oval(side * 0.024, 0.199, 0.0135, 0.0065, turn=-side * 0.35),
            mix(look.skin, (60, 20, 18), 0.8),
            strength=0.75,
            soft=0.003,
        )
        canvas.lay(
            _band(_curve([(0.050, 0.160), (0.061, 0.180), (0.052, 0.200)], side), _taper(40, 0.002, 0.006, 0.002)),
            shade,
            strength=0.45,
            soft=0.004,
        )
    canvas.lay(_oval(0, 0.214, 0.04, 0.008), shade, strength=0.28, soft=0.008)


def _mouth(canvas: _Canvas, look: Look) -> None:
    wide, corner = 0.108, 0.268
    full = 0.7 + 0.5 * look.soft
    smile = _curve([(-wide, corner), (-0.05, 0.289), (0, 0.292), (0.05, 0.289), (wide, corner)])
    bow = _curve(
        [
            (wide, corner),
            (0.045, 0.288 - 0.024 * full),
            (0.018, 0.288 - 0.031 * full),
            (0, 0.288 - 0.026 * full),
            (-0.018, 0.288 - 0.031 * full),
            (-0.045, 0.288 - 0.024 * full),
            (-wide, corner),
        ]
    )
    under = _curve(
        [
            (wide, corner),
            (0.055, 0.292 + 0.026 * full),
            (0, 0.292 + 0.036 * full),
            (-0.055, 0.292 + 0.026 * full),
            (-wide, corner),
        ]
    )
    upper_lip = np.concatenate([smile, bow])
    lower_lip = np.concatenate([smile, under])
    canvas.lay(_oval(0, 0.352, 0.06, 0.012), mix(look.skin, (130, 60, 46), 0.5), strength=0.30, soft=0.012)
    canvas.lay(lower_lip, look.lips, strength=0.92, soft=0.003)
    canvas.lay(upper_lip, mix(look.lips, (120, 40, 44), 0.30), strength=0.92, soft=0.003)
    canvas.lay(
        _oval(0, 0.292 + 0.018 * full, 0.036, 0.007), mix(look.lips, (255, 236, 228), 0.6), strength=0.55, soft=0.005
    )
    canvas.lay(_band(smile, _taper(len(smile), 0.004, 0.006, 0.004)), mix(look.lips, (60, 14, 18), 0.75), soft=0.0015)
    for side in (-1, 1):
        canvas.lay(
            _oval(side * (wide + 0.008), corner - 0.002, 0.008, 0.008),
            mix(look.skin, (120, 50, 44), 0.6),
            strength=0.45,
            soft=0.006,
        )
