"""Frames of a drawn clip and what an editor, a camera or a lamp does to them: one drawing serves many cases."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

Window = tuple[float, float, float, float]  # middle x and y in shares of the picture, zoom, roll in degrees


@dataclass(frozen=True, slots=True)
class Reel:
    """Frames at an even rate; every change gives a new reel.

    Attributes:
        frames: ``(frames, height, width, 3)`` uint8.
        fps: Frames a second.
    """

    frames: np.ndarray
    fps: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.frames) / self.fps

    def __add__(self, other: "Reel") -> "Reel":
        return self._with(np.concatenate([self.frames, other.frames]))

    def part(self, start_s: float, end_s: float) -> "Reel":
        """What lies between two times."""
        return self._with(self.frames[round(start_s * self.fps) : round(end_s * self.fps)])

    def looped(self, duration_s: float) -> "Reel":
        """Begin again at the end until it is long enough."""
        return self._with(self.frames[np.arange(round(duration_s * self.fps)) % len(self.frames)])

    def faster(self, times: float, duration_s: float) -> "Reel":
        """Play it, in a loop, at so many times its speed; below 1 frames are shown more than once."""
        places = np.arange(round(duration_s * self.fps)) * times
        return self._with(self.frames[places.astype(int) % len(self.frames)])

    def backwards(self) -> "Reel":
        """Play it from its end to its start."""
        return self._with(self.frames[::-1])

    def held(self, duration_s: float) -> "Reel":
        """Show the first frame only, with a sensor's faint noise."""
        noise = np.random.default_rng(5).normal(0, 1.5, (8, *self.frames.shape[1:3], 1))
        frames = (self.frames[0] + noise).clip(0, 255).astype(np.uint8)
        return self._with(frames).looped(duration_s)

    def at(self, fps: int) -> "Reel":
        """Say that it has another rate, which changes its speed."""
        return replace(self, fps=fps)

    def crop(self, left: int, top: int, width: int, height: int) -> "Reel":
        """Cut a rectangle out of each frame, in pixels."""
        return self._with(self.frames[:, top : top + height, left : left + width])

    def portrait(self, middle: float = 0.5, aspect: float = 9 / 16) -> "Reel":
        """Cut out the full height around a place across, a share of the width."""
        height, across = self.frames.shape[1:3]
        width = 2 * round(height * aspect / 2)
        left = round(min(max(middle * across - width / 2, 0), across - width))
        return self.crop(left, 0, width, height)

    def scaled(self, width: int, height: int) -> "Reel":
        """Scale every frame to a size."""
        growing = width > self.frames.shape[2]
        how = cv2.INTER_CUBIC if growing else cv2.INTER_AREA
        return self.each(lambda frame, _: cv2.resize(frame, (width, height), interpolation=how))

    def turned(self, quarter_turns: int) -> "Reel":
        """Turn the picture counter-clockwise."""
        return self._with(np.rot90(self.frames, quarter_turns, axes=(1, 2)))

    def seen(self, window: Callable[[float], Window], width: int, height: int) -> "Reel":
        """Film it through a camera that pans, zooms or shakes; beyond the edge it is mirrored.

        Args:
            window: Where the camera looks at a time in seconds.
            width: Of the new picture, in pixels.
            height: Of the new picture.
        """

        def look(frame: np.ndarray, time_s: float) -> np.ndarray:
            x, y, zoom, roll_deg = window(time_s)
            middle = x * frame.shape[1], y * frame.shape[0]
            matrix = cv2.getRotationMatrix2D(middle, roll_deg, zoom)
            moved = np.array([[0, 0, width / 2 - middle[0]], [0, 0, height / 2 - middle[1]]])
            return cv2.warpAffine(frame, matrix + moved, (width, height), borderMode=cv2.BORDER_REFLECT_101)

        return self.each(look)

    def lit(self, light: Callable[[float], float]) -> "Reel":
        """Multiply the brightness by what a time in seconds asks for."""
        return self.each(lambda frame, time_s: (frame * light(time_s)).clip(0, 255).astype(np.uint8))

    def blurred(self, sigma_px: float) -> "Reel":
        """Put the whole picture out of focus."""
        return self.each(lambda frame, _: cv2.GaussianBlur(frame, (0, 0), sigma_px))

    def smeared(self, frames: int) -> "Reel":
        """Leave the shutter open for so many frames: motion blur."""
        last = len(self.frames) - 1
        kept = [self.frames[place : min(place + frames, last + 1)].mean(0) for place in range(last + 1)]
        return self._with(np.array(kept).astype(np.uint8))

    def dissolved(self, other: "Reel", blend_s: float) -> "Reel":
        """Let it give way to another reel, both mixed for a while."""
        count = round(blend_s * self.fps)
        share = ((np.arange(count) + 1) / (count + 1))[:, None, None, None]
        mixed = self.frames[-count:] * (1 - share) + other.frames[:count] * share
        return self._with(np.concatenate([self.frames[:-count], mixed.astype(np.uint8), other.frames[count:]]))

    def boxed(self, above: float, beside: float = 0.0) -> "Reel":
        """Add black bars, in shares of the old height and width, on both sides each."""
        height, width = self.frames.shape[1:3]
        rows, columns = 2 * round(above * height / 2), 2 * round(beside * width / 2)
        return self._with(np.pad(self.frames, ((0, 0), (rows, rows), (columns, columns), (0, 0))))

    def widened(self, aspect: float, share: float = 0.5) -> "Reel":
        """Make it so many times as wide as high: its sides go on as they are, from a share of what is added on."""
        height, width = self.frames.shape[1:3]
        added = 2 * round(height * aspect / 2) - width
        before = round(share * added)
        return self._with(np.pad(self.frames, ((0, 0), (0, 0), (before, added - before), (0, 0)), mode="edge"))

    def each(self, change: Callable[[np.ndarray, float], np.ndarray]) -> "Reel":
        """Change every frame, given with its time in seconds."""
        frames = [change(frame, place / self.fps) for place, frame in enumerate(self.frames)]
        return self._with(np.array(frames))

    def _with(self, frames: np.ndarray) -> "Reel":
        return replace(self, frames=frames)
