"""How a clip opens, kept in the files of its pieces, so that each is measured against what the whole begins with."""

import json
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from kling_ui.puppet.motion.pose_stream import SmoothedMotion
from kling_ui.puppet.skeleton import Joint

MOMENTS_MAX = 12  # of the opening that are kept: some 5 kB
DIGITS = 5  # decimals: a hundredth of a pixel
NOTE = "kling_ui opening 1 "  # what such a note begins with
NOTE_MAX_CHARS = 20_000
POINT_MAX, SCALE_MIN, SCALE_MAX = 10.0, 1e-3, 10.0  # in picture heights, and heights per metre
_FACE = 3


@dataclass(frozen=True, slots=True)
class ClipOpening:
    """The first moments of a clip, against which its motion is measured.

    Attributes:
        points: ``(moments, 18, 2)`` as of :class:`kling_ui.puppet.motion.pose_stream.SmoothedMotion`.
        scale: ``(moments,)`` likewise.
        face: ``(moments, 3)`` likewise.
    """

    points: np.ndarray
    scale: np.ndarray
    face: np.ndarray

    @classmethod
    def of(cls, motion: SmoothedMotion) -> Self:
        """Keep evenly spaced moments of a motion, the first among them."""
        kept = slice(None, None, -(-len(motion) // MOMENTS_MAX))
        return cls(motion.points[kept], motion.scale[kept], motion.face[kept])

    @property
    def note(self) -> str:
        """The same as text."""
        values = {name: getattr(self, name).round(DIGITS).tolist() for name in ("points", "scale", "face")}
        return NOTE + json.dumps(values, separators=(",", ":"))

    @classmethod
    def from_note(cls, text: str) -> Self | None:
        """Read such a text, whoever wrote it; ``None`` for any other, and for one that no clip can open with."""
        if not text.startswith(NOTE) or len(text) > NOTE_MAX_CHARS:
            return None
        try:
            given: Any = json.loads(text.removeprefix(NOTE))
            points, scale, face = (np.array(given[name], np.float64) for name in ("points", "scale", "face"))
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
        count = len(scale) if scale.ndim == 1 else 0
        has_shape = points.shape == (count, len(Joint), 2) and face.shape == (count, _FACE)
        if not (1 <= count <= MOMENTS_MAX and has_shape and np.isfinite([points.sum(), scale.sum(), face.sum()]).all()):
            return None
        is_usual = max(np.abs(points).max(), np.abs(face).max()) <= POINT_MAX
        return cls(points, scale, face) if is_usual and SCALE_MIN <= scale.min() <= scale.max() <= SCALE_MAX else None

    def as_motion(self, fps: float) -> SmoothedMotion:
        """Give it as the opening of a motion, all of it seen and at rest.

        Args:
            fps: Frames per second of the motion.
        """
        count, joints = self.points.shape[:2]
        world_m, seen, still = np.zeros((count, joints, 3)), np.ones((count, joints)), np.zeros((count, 2))
        return SmoothedMotion(self.points, world_m, seen, self.scale, self.face, still, fps)
