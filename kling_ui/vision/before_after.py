"""What a repair did, in one picture: the original with what was kept of it, and the result."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from kling_ui.media.mend_image import ImageMend
from kling_ui.media.mend_video import VideoMend
from kling_ui.media.part_files import part_file
from kling_ui.media.picture import read_picture
from kling_ui.media.probe import VideoFacts, probe_video
from kling_ui.media.rectangles import Rect, Size
from kling_ui.media.video import sample_frames
from kling_ui.vision.drawing import SHADE_RGB, jpeg

PICTURE_HEIGHT_PX = 420
TILE_HEIGHT_PX = 200
_TILES = 6
_WIDTH_MAX_PX = 3 * PICTURE_HEIGHT_PX
_GAP_PX = 8
_DIM_SHARE = 0.3  # how bright what is left out remains
_EDGE_RGB, _INK_RGB = (255, 167, 38), (250, 250, 250)


def image_before_after(before: Path, after: Path, mend: ImageMend, out: Path) -> Path:
    """Write a JPEG: the original, what was cut off dimmed, beside the repaired picture.

    Raises:
        MediaError: One of the files cannot be read, or ``out`` cannot be written.
    """
    original = read_picture(before, long_side_px=_WIDTH_MAX_PX)
    size = original.facts.width_px, original.facts.height_px
    left = _fitted(_dimmed(original.rgb, mend.crop or Rect.whole(size), size), PICTURE_HEIGHT_PX)
    right = _fitted(read_picture(after, long_side_px=_WIDTH_MAX_PX).rgb, PICTURE_HEIGHT_PX)
    return _written(_row([left, right]), out)


def video_before_after(before: Path, after: Path, mend: VideoMend, out: Path) -> Path:
    """Write a JPEG: above, moments of the original, those that were cut off dimmed; below, moments of the result.

    Raises:
        MediaError: One of the files cannot be read, or ``out`` cannot be written.
    """
    original = probe_video(before)
    size = original.width_px, original.height_px
    above = []
    for time_s, rgb in _moments(original):
        kept = mend.start_s - 1e-6 <= time_s < mend.end_s
        crop = (mend.crop or Rect.whole(size)) if kept else Rect(0, 0, 0, 0)
        above.append(_stamped(_fitted(_dimmed(rgb, crop, size), TILE_HEIGHT_PX), time_s))
    below = [_stamped(_fitted(rgb, TILE_HEIGHT_PX), time_s) for time_s, rgb in _moments(probe_video(after))]
    return _written(_column(_row(above), _row(below)), out)


def _moments(facts: VideoFacts) -> Iterator[tuple[float, np.ndarray]]:
    times_s = np.linspace(0, max(0.0, facts.duration_s - 1.5 / facts.fps), _TILES)
    frames = sample_frames(
        facts.path,
        container=facts.format,
        times_s=list(times_s),
        keyframe_times_s=facts.keyframe_times_s,
        long_side_px=3 * TILE_HEIGHT_PX,
    )
    return ((frame.time_s, frame.rgb) for frame in frames)


def _dimmed(rgb: np.ndarray, kept: Rect, size: Size) -> np.ndarray:
    """Darken what lies outside ``kept``, which is given in px of a picture of ``size``; ``rgb`` may be smaller."""
    if kept == Rect.whole(size):
        return rgb
    scale = rgb.shape[1] / size[0], rgb.shape[0] / size[1]
    left, right = round(kept.left_px * scale[0]), round(kept.right_px * scale[0])
    top, bottom = round(kept.top_px * scale[1]), round(kept.bottom_px * scale[1])
    shown = (rgb * _DIM_SHARE).astype(np.uint8)
    shown[top:bottom, left:right] = rgb[top:bottom, left:right]
    if right > left:
        thick = max(2, round(max(rgb.shape) / 300))
        cv2.rectangle(shown, (left, top), (right - 1, bottom - 1), _EDGE_RGB, thick)
    return shown


def _fitted(rgb: np.ndarray, height_px: int) -> np.ndarray:
    scale = min(height_px / rgb.shape[0], 3 * height_px / rgb.shape[1])
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def _stamped(tile: np.ndarray, time_s: float) -> np.ndarray:
    text, height = f"{time_s:.1f} s", tile.shape[0]
    (text_px, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)
    cv2.rectangle(tile, (0, height - 20), (text_px + 10, height), SHADE_RGB, -1)
    cv2.putText(tile, text, (5, height - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.42, _INK_RGB, 1, cv2.LINE_AA)
    return tile


def _row(tiles: list[np.ndarray]) -> np.ndarray:
    height = max(tile.shape[0] for tile in tiles)
    width = sum(tile.shape[1] for tile in tiles) + _GAP_PX * (len(tiles) - 1)
    row, left = np.full((height, width, 3), SHADE_RGB, np.uint8), 0
    for tile in tiles:
        top = (height - tile.shape[0]) // 2
        row[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
        left += tile.shape[1] + _GAP_PX
    return row


def _column(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    width = max(above.shape[1], below.shape[1])
    column = np.full((above.shape[0] + _GAP_PX + below.shape[0], width, 3), SHADE_RGB, np.uint8)
    column[: above.shape[0], : above.shape[1]] = above
    column[above.shape[0] + _GAP_PX :, : below.shape[1]] = below
    return column


def _written(rgb: np.ndarray, out: Path) -> Path:
    with part_file(out) as part:
        part.write_bytes(jpeg(rgb))
    return out
