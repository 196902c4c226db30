"""Pictures of what was seen: mask and skeleton over a picture, a strip of frames of a clip."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from kling_ui.media.video import Frame
from kling_ui.vision.body import in_frame, seen
from kling_ui.vision.people import Box
from kling_ui.vision.person import MASK_THRESHOLD, Landmark

TINT_RGB = (38, 166, 154)
LEFT_RGB = (255, 167, 38)
RIGHT_RGB = (66, 165, 245)
MIDDLE_RGB = (250, 250, 250)
SHADE_RGB = (24, 24, 28)
ALARM_RGB = (211, 47, 47)
_TINT_SHARE = 0.35
_DIM_SHARE = 0.45  # how dark the rest of the picture becomes
_STRIP_GAP_PX = 6

_LEFT = (
    (Landmark.LEFT_SHOULDER, Landmark.LEFT_ELBOW),
    (Landmark.LEFT_ELBOW, Landmark.LEFT_WRIST),
    (Landmark.LEFT_WRIST, Landmark.LEFT_INDEX),
    (Landmark.LEFT_HIP, Landmark.LEFT_KNEE),
    (Landmark.LEFT_KNEE, Landmark.LEFT_ANKLE),
    (Landmark.LEFT_ANKLE, Landmark.LEFT_FOOT_INDEX),
)
_RIGHT = tuple((Landmark(first + 1), Landmark(second + 1)) for first, second in _LEFT)
_TRUNK = (
    (Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER),
    (Landmark.LEFT_HIP, Landmark.RIGHT_HIP),
    (Landmark.LEFT_SHOULDER, Landmark.LEFT_HIP),
    (Landmark.RIGHT_SHOULDER, Landmark.RIGHT_HIP),
)
_FACE = (
    (Landmark.LEFT_EAR, Landmark.LEFT_EYE),
    (Landmark.LEFT_EYE, Landmark.NOSE),
    (Landmark.NOSE, Landmark.RIGHT_EYE),
    (Landmark.RIGHT_EYE, Landmark.RIGHT_EAR),
)
_COLOURS = ((_TRUNK, MIDDLE_RGB), (_LEFT, LEFT_RGB), (_RIGHT, RIGHT_RGB))
_BONES = [(bone, rgb) for bones, rgb in _COLOURS for bone in bones]


@dataclass(frozen=True, slots=True)
class StripSize:
    """How a strip of frames is laid out: ``count`` tiles of ``height_px`` in one row."""

    count: int
    height_px: int


def strip_size(aspect: float) -> StripSize:
    """Choose a layout about 1100-1700 px wide for frames of this width divided by height."""
    return StripSize(8, 260) if aspect < 1 else StripSize(6, 160)


def draw_skeleton(rgb: np.ndarray, landmarks: np.ndarray) -> None:
    """Draw bones onto ``(height, width, 3)`` uint8 in place: left orange, right blue, guessed joints thin.

    Args:
        rgb: The picture, changed in place.
        landmarks: ``(33, 4)``; nothing is drawn where they are NaN.
    """
    if np.isnan(landmarks[0, 0]):
        return
    height, width = rgb.shape[:2]
    far = 8 * max(width, height)  # lines to joints far outside keep their direction, within OpenCV's numbers
    points = np.rint(landmarks[:, :2] * (width, height)).clip(-far, far).astype(int).tolist()
    view, inside = seen(landmarks), in_frame(landmarks)
    thick = max(2, round(math.sqrt(width * height) / 200))
    for first, second in _FACE:
        if view[first] and view[second]:
            cv2.line(rgb, points[first], points[second], MIDDLE_RGB, max(1, thick // 2), cv2.LINE_AA)
    for (first, second), line_rgb in _BONES:
        if inside[first] or inside[second]:
            width_px = thick if view[first] and view[second] else max(1, thick // 3)
            cv2.line(rgb, points[first], points[second], SHADE_RGB, width_px + 2, cv2.LINE_AA)
            cv2.line(rgb, points[first], points[second], line_rgb, width_px, cv2.LINE_AA)
    for joint in {joint for bone, _ in _BONES for joint in bone if view[joint]}:
        cv2.circle(rgb, points[joint], thick, SHADE_RGB, -1, cv2.LINE_AA)
        cv2.circle(rgb, points[joint], max(1, thick - 1), MIDDLE_RGB, -1, cv2.LINE_AA)


def draw_boxes(rgb: np.ndarray, boxes: Iterable[Box]) -> None:
    """Draw boxes onto ``(height, width, 3)`` uint8 in place; their sides are fractions of width and height."""
    height, width = rgb.shape[:2]
    thick = max(2, round(math.sqrt(width * height) / 250))
    for left, top, right, bottom in boxes:
        first, second = ((round(x * width), round(y * height)) for x, y in ((left, top), (right, bottom)))
        cv2.rectangle(rgb, first, second, ALARM_RGB, thick, cv2.LINE_AA)


def draw_person(rgb: np.ndarray, mask: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Show a picture's person: tinted and outlined, the rest dimmed, the skeleton on top.

    Args:
        rgb: ``(height, width, 3)`` uint8; left as it is.
        mask: 0-1, of any size.
        landmarks: ``(33, 4)``.
    """
    size = rgb.shape[1], rgb.shape[0]
    on = (cv2.resize(mask, size, interpolation=cv2.INTER_LINEAR) > MASK_THRESHOLD).astype(np.uint8)
    shown = cv2.LUT(rgb, _towards(SHADE_RGB, _DIM_SHARE))
    cv2.copyTo(cv2.LUT(rgb, _towards(TINT_RGB, _TINT_SHARE)), on, shown)
    outline, _ = cv2.findContours(on, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(shown, outline, -1, TINT_RGB, max(1, round(math.sqrt(on.size) / 350)), cv2.LINE_AA)
    draw_skeleton(shown, landmarks)
    return shown


def _towards(colour_rgb: tuple[int, int, int], share: float) -> np.ndarray:
    """Table for ``cv2.LUT``, ``(1, 256, 3)``: each level, moved so far towards a colour."""
    levels = np.arange(256)[None, :, None] * (1 - share) + np.array(colour_rgb) * share
    return levels.round().astype(np.uint8)


def draw_strip(frames: Sequence[Frame], landmarks: Sequence[np.ndarray] | None, height_px: int) -> np.ndarray:
    """Put frames side by side, each with its skeleton and its time.

    Args:
        frames: At least one, all of the same size.
        landmarks: ``(33, 4)`` each, NaN where nobody was found; ``None`` shows the frames as they are.
        height_px: Height of the strip.
    """
    poses = landmarks if landmarks is not None else [None] * len(frames)
    tiles = [_tile(frame, pose, height_px) for frame, pose in zip(frames, poses, strict=True)]
    gap = np.full((height_px, _STRIP_GAP_PX, 3), SHADE_RGB, np.uint8)
    row = [part for tile in tiles for part in (tile, gap)][:-1]
    return np.concatenate(row, axis=1)


def jpeg(rgb: np.ndarray) -> bytes:
    """Encode a picture as JPEG."""
    _, coded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    return coded.tobytes()


def _tile(frame: Frame, landmarks: np.ndarray | None, height_px: int) -> np.ndarray:
    height, width = frame.rgb.shape[:2]
    size = max(1, round(width * height_px / height)), height_px
    tile = cv2.resize(frame.rgb, size, interpolation=cv2.INTER_AREA)
    text = f"{frame.time_s:.1f} s"
    if landmarks is not None:
        draw_skeleton(tile, landmarks)
    if landmarks is not None and np.isnan(landmarks[0, 0]):
        text = f"{text}: nobody"
        cv2.rectangle(tile, (1, 1), (size[0] - 2, size[1] - 2), ALARM_RGB, 3)
    (text_px, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)
    cv2.rectangle(tile, (0, height_px - 22), (text_px + 12, height_px), SHADE_RGB, -1)
    cv2.putText(tile, text, (6, height_px - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.42, MIDDLE_RGB, 1, cv2.LINE_AA)
    return tile
