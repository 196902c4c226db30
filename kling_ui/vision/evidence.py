"""Draw measurements as pictures: skeletons, boxes, strips of frames, and before and after of a repair."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from kling_ui.media.files import atomic_file
from kling_ui.media.image import read_picture
from kling_ui.media.probe import VideoFacts, probe_video
from kling_ui.media.rectangles import Rect, Size
from kling_ui.media.transform_image import ImageTransform
from kling_ui.media.transform_video import VideoTransform
from kling_ui.media.video import Frame, sample_frames
from kling_ui.vision.camera import CameraStep
from kling_ui.vision.clip_measurements import ClipMeasurements
from kling_ui.vision.frame_sampling import SampledFrame
from kling_ui.vision.people import Box
from kling_ui.vision.pose import MASK_THRESHOLD, Landmark, in_frame, seen, shows_upper_body

TINT_RGB = (38, 166, 154)
LEFT_RGB = (255, 167, 38)
RIGHT_RGB = (66, 165, 245)
MIDDLE_RGB = (250, 250, 250)
SHADE_RGB = (24, 24, 28)
ALARM_RGB = (211, 47, 47)
EVIDENCE_NAMES = ("first", "cuts", "others", "covered", "missing", "fastest", "camera")
_TINT_SHARE = 0.35  # how far the person's colours move towards the tint
_DIM_SHARE = 0.45  # how dark the rest of the picture becomes
_STRIP_GAP_PX = 6  # between tiles
_JPEG_QUALITY = 88  # of 100
_TEXT_SCALE = 0.42  # of OpenCV's font: digits are 10 px high
_LABEL_PX, _LABEL_LEFT_PX, _LABEL_UP_PX = 22, 6, 7  # height of a label's ground; its text, from the left and below
_STAMP_PX, _STAMP_LEFT_PX, _STAMP_UP_PX = 20, 5, 6  # likewise for the smaller tiles of a repair
_FAR_SIDES = 8  # long sides of the picture: lines to joints far outside keep their direction, within OpenCV's numbers
# Sides of a picture (of a square as large) for each px of a line's width: bones, boxes, outlines, the edge of a crop.
_BONE_SIDE, _BOX_SIDE, _OUTLINE_SIDE, _CROP_SIDE = 200, 250, 350, 300
_GUESSED_THINNER = 3  # times: a bone that is guessed
_FRAME_PX = 3  # width of the frame around a tile that shows nobody
_LEVELS = np.arange(256)  # of 8 bits
_CALM_STEPS = 5  # over which the speed is averaged before the fastest moment is chosen
_SLACK_S = 1e-6  # that rounding may take from a time
_LAST_FRAMES = 1.5  # frames before the end of a clip: there the last one surely is

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
_HEIGHT_PX = 300  # of a strip of evidence
_CUTS_MAX = 3  # cuts that are shown, with a frame on either side
_CAMERA_S = 2.0  # span in which the camera's movement is added up
_CAMERA_MIN = 0.02  # long sides of the picture within two seconds; less is nothing to show
_FAST_MIN = 2.2  # trunks per second; less is nothing to show
PICTURE_HEIGHT_PX = 420  # of a repaired picture and its original, side by side
TILE_HEIGHT_PX = 200  # of a repaired clip's frames
_TILES = 6  # frames of each clip
_ASPECT_MAX = 3  # times as wide as high: wider pictures are made less high
_WIDTH_MAX_PX = _ASPECT_MAX * PICTURE_HEIGHT_PX
_GAP_PX = 8  # between pictures of a repair
_LEFT_OUT_SHARE = 0.3  # how bright what is left out remains
_EDGE_RGB, _INK_RGB = (255, 167, 38), (250, 250, 250)


@dataclass(frozen=True, slots=True)
class StripSize:
    """The layout of a strip of frames: ``count`` tiles of ``height_px`` in one row."""

    count: int
    height_px: int


# Tiles that are upright, and tiles that are square or wide.
_UPRIGHT_STRIP, _WIDE_STRIP = StripSize(8, 260), StripSize(6, 160)


def strip_size(aspect: float) -> StripSize:
    """Choose a strip's layout, about 1100-1700 px wide, by the frames' width divided by height."""
    return _UPRIGHT_STRIP if aspect < 1 else _WIDE_STRIP


def draw_skeleton(rgb: np.ndarray, landmarks: np.ndarray) -> None:
    """Draw bones onto ``(height, width, 3)`` uint8 in place: left orange, right blue, guessed joints thin.

    Args:
        rgb: The picture, changed in place.
        landmarks: ``(33, 4)``; nothing is drawn where they are NaN.
    """
    if np.isnan(landmarks[0, 0]):
        return
    height, width = rgb.shape[:2]
    far = _FAR_SIDES * max(width, height)
    points = np.rint(landmarks[:, :2] * (width, height)).clip(-far, far).astype(int).tolist()
    view, inside = seen(landmarks), in_frame(landmarks)
    thick = max(2, round(math.sqrt(width * height) / _BONE_SIDE))
    for first, second in _FACE:
        if view[first] and view[second]:
            cv2.line(rgb, points[first], points[second], MIDDLE_RGB, max(1, thick // 2), cv2.LINE_AA)
    for (first, second), line_rgb in _BONES:
        if inside[first] or inside[second]:
            width_px = thick if view[first] and view[second] else max(1, thick // _GUESSED_THINNER)
            cv2.line(rgb, points[first], points[second], SHADE_RGB, width_px + 2, cv2.LINE_AA)
            cv2.line(rgb, points[first], points[second], line_rgb, width_px, cv2.LINE_AA)
    for joint in {joint for bone, _ in _BONES for joint in bone if view[joint]}:
        cv2.circle(rgb, points[joint], thick, SHADE_RGB, -1, cv2.LINE_AA)
        cv2.circle(rgb, points[joint], max(1, thick - 1), MIDDLE_RGB, -1, cv2.LINE_AA)


def draw_boxes(rgb: np.ndarray, boxes: Iterable[Box]) -> None:
    """Draw boxes onto ``(height, width, 3)`` uint8 in place; their sides are fractions of width and height."""
    height, width = rgb.shape[:2]
    thick = max(2, round(math.sqrt(width * height) / _BOX_SIDE))
    for left, top, right, bottom in boxes:
        first, second = ((round(x * width), round(y * height)) for x, y in ((left, top), (right, bottom)))
        cv2.rectangle(rgb, first, second, ALARM_RGB, thick, cv2.LINE_AA)


def draw_person(rgb: np.ndarray, mask: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Draw a picture's person: tinted and outlined, the rest dimmed, the skeleton on top.

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
    cv2.drawContours(shown, outline, -1, TINT_RGB, max(1, round(math.sqrt(on.size) / _OUTLINE_SIDE)), cv2.LINE_AA)
    draw_skeleton(shown, landmarks)
    return shown


def _towards(colour_rgb: tuple[int, int, int], share: float) -> np.ndarray:
    """Table for ``cv2.LUT``, ``(1, 256, 3)``: each level, moved so far towards a colour."""
    levels = _LEVELS[None, :, None] * (1 - share) + np.array(colour_rgb) * share
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
    _, coded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
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
        cv2.rectangle(tile, (1, 1), (size[0] - 2, size[1] - 2), ALARM_RGB, _FRAME_PX)
    (text_px, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, _TEXT_SCALE, 1)
    cv2.rectangle(tile, (0, height_px - _LABEL_PX), (text_px + 2 * _LABEL_LEFT_PX, height_px), SHADE_RGB, -1)
    place = _LABEL_LEFT_PX, height_px - _LABEL_UP_PX
    cv2.putText(tile, text, place, cv2.FONT_HERSHEY_SIMPLEX, _TEXT_SCALE, MIDDLE_RGB, 1, cv2.LINE_AA)
    return tile


def draw_overview(seen: ClipMeasurements) -> np.ndarray:
    """Put some moments of a clip side by side, evenly spread, each with its skeleton and its time."""
    size = strip_size(seen.track.aspect)
    times_s = seen.track.times_s
    wanted = np.linspace(times_s[0], times_s[-1], min(size.count, len(times_s)))
    chosen = sorted({int(np.abs(times_s - time_s).argmin()) for time_s in wanted})
    return _chosen_frames(seen, chosen, size.height_px)


def draw_evidence(seen: ClipMeasurements) -> dict[str, np.ndarray]:
    """Draw all evidence of a clip's measurements that there is, by the names in :data:`EVIDENCE_NAMES`."""
    draw = (lambda seen: _chosen_frames(seen, [0]), _cuts, _others, _covered, _missing, _fastest, _camera)
    drawn = ((name, picture(seen)) for name, picture in zip(EVIDENCE_NAMES, draw, strict=True))
    return {name: rgb for name, rgb in drawn if rgb is not None}


def _chosen_frames(seen: ClipMeasurements, chosen: Sequence[int], height_px: int = _HEIGHT_PX) -> np.ndarray:
    return _strip(
        [seen.moment_frames[place] for place in chosen], [seen.track.landmarks[place] for place in chosen], height_px
    )


def _strip(
    moment_frames: Sequence[SampledFrame], landmarks: Sequence[np.ndarray] | None = None, height_px: int = _HEIGHT_PX
) -> np.ndarray:
    frames = [
        Frame(place, sampled_frame.time_s, sampled_frame.rgb) for place, sampled_frame in enumerate(moment_frames)
    ]
    return draw_strip(frames, landmarks, height_px)


def _cuts(seen: ClipMeasurements) -> np.ndarray | None:
    moment_frames = [_near(seen, time_s) for cut in seen.notes.cuts[:_CUTS_MAX] for time_s in (cut.last_s, cut.first_s)]
    return _strip(moment_frames) if moment_frames else None


def _others(seen: ClipMeasurements) -> np.ndarray | None:
    at: dict[float, list[Box]] = {}
    for person in seen.notes.people[1:]:
        for time_s, box in zip(person.times_s, person.boxes, strict=True):
            at.setdefault(time_s, []).append(box)
    if not at:
        return None
    time_s = max(at, key=lambda time_s: len(at[time_s]))
    return _boxed(seen, int(np.abs(seen.track.times_s - time_s).argmin()), at[time_s])


def _boxed(seen: ClipMeasurements, place: int, boxes: Sequence[Box]) -> np.ndarray:
    sampled_frame = seen.moment_frames[place]
    rgb = sampled_frame.rgb
    draw_boxes(rgb, boxes)
    return draw_strip([Frame(0, sampled_frame.time_s, rgb)], [seen.track.landmarks[place]], _HEIGHT_PX)


def _covered(seen: ClipMeasurements) -> np.ndarray | None:
    counts = [2 * len(moment.covered) + len(moment.hidden) for moment in seen.notes.moments]
    return _chosen_frames(seen, [int(np.argmax(counts))]) if any(counts) else None


def _missing(seen: ClipMeasurements) -> np.ndarray | None:
    gone = np.flatnonzero(~shows_upper_body(seen.track.landmarks))
    return _chosen_frames(seen, [int(gone[len(gone) // 2])]) if len(gone) else None


def _fastest(seen: ClipMeasurements) -> np.ndarray | None:
    motion_speed = seen.notes.motion_speed
    if not motion_speed.times_s or max(motion_speed.trunks_per_s) < _FAST_MIN:
        return None
    smooth = cv2.blur(np.asarray(motion_speed.trunks_per_s, np.float32)[None], (_CALM_STEPS, 1))[0]
    times_s = [sampled_frame.time_s for sampled_frame in seen.sampled_frames]
    after = min(len(times_s) - 1, int(np.searchsorted(times_s, motion_speed.times_s[int(smooth.argmax())])))
    return _strip(seen.sampled_frames[max(0, after - 1) : after + 1])


def _camera(seen: ClipMeasurements) -> np.ndarray | None:
    spans = list(_moves(seen.notes.camera))
    start_s, end_s, moved = max(spans, key=lambda span: span[2], default=(0.0, 0.0, 0.0))
    return _strip([_near(seen, start_s), _near(seen, end_s)]) if moved >= _CAMERA_MIN else None


def _moves(steps: Sequence[CameraStep]) -> Iterator[tuple[float, float, float]]:
    for first, step in enumerate(steps):
        window = [other for other in steps[first:] if other.end_s <= step.start_s + _CAMERA_S]
        if window:
            moved = sum(np.hypot(other.shift_x, other.shift_y) + 0.5 * abs(other.zoom) for other in window)
            yield step.start_s, window[-1].end_s, float(moved)


def _near(seen: ClipMeasurements, time_s: float) -> SampledFrame:
    return min(seen.sampled_frames, key=lambda sampled_frame: abs(sampled_frame.time_s - time_s))


def image_before_after(before: Path, after: Path, transform: ImageTransform, out: Path) -> Path:
    """Write a JPEG: the original, what was cut off dimmed, beside the repaired picture.

    Raises:
        MediaError: One of the files cannot be read, or ``out`` cannot be written.
    """
    original = read_picture(before, long_side_px=_WIDTH_MAX_PX)
    size = original.facts.width_px, original.facts.height_px
    left = _fitted(_dimmed(original.rgb, transform.crop or Rect.whole(size), size), PICTURE_HEIGHT_PX)
    right = _fitted(read_picture(after, long_side_px=_WIDTH_MAX_PX).rgb, PICTURE_HEIGHT_PX)
    return _written(_row([left, right]), out)


def video_before_after(before: Path, after: Path, transform: VideoTransform, out: Path) -> Path:
    """Write a JPEG: above, moments of the original, those that were cut off dimmed; below, moments of the result.

    Raises:
        MediaError: One of the files cannot be read, or ``out`` cannot be written.
    """
    original = probe_video(before)
    size = original.width_px, original.height_px
    above = []
    for time_s, rgb in _clip_moments(original):
        kept = transform.start_s - _SLACK_S <= time_s < transform.end_s
        crop = (transform.crop or Rect.whole(size)) if kept else Rect(0, 0, 0, 0)
        above.append(_stamped(_fitted(_dimmed(rgb, crop, size), TILE_HEIGHT_PX), time_s))
    below = [_stamped(_fitted(rgb, TILE_HEIGHT_PX), time_s) for time_s, rgb in _clip_moments(probe_video(after))]
    return _written(_column(_row(above), _row(below)), out)


def _clip_moments(facts: VideoFacts) -> Iterator[tuple[float, np.ndarray]]:
    times_s = np.linspace(0, max(0.0, facts.duration_s - _LAST_FRAMES / facts.fps), _TILES)
    frames = sample_frames(
        facts.path,
        container=facts.format,
        times_s=list(times_s),
        keyframe_times_s=facts.keyframe_times_s,
        long_side_px=_ASPECT_MAX * TILE_HEIGHT_PX,
    )
    return ((frame.time_s, frame.rgb) for frame in frames)


def _dimmed(rgb: np.ndarray, kept: Rect, size: Size) -> np.ndarray:
    """Darken what lies outside ``kept``, which is given in px of a picture of ``size``; ``rgb`` may be smaller."""
    if kept == Rect.whole(size):
        return rgb
    scale = rgb.shape[1] / size[0], rgb.shape[0] / size[1]
    left, right = round(kept.left_px * scale[0]), round(kept.right_px * scale[0])
    top, bottom = round(kept.top_px * scale[1]), round(kept.bottom_px * scale[1])
    shown = (rgb * _LEFT_OUT_SHARE).astype(np.uint8)
    shown[top:bottom, left:right] = rgb[top:bottom, left:right]
    if right > left:
        thick = max(2, round(max(rgb.shape) / _CROP_SIDE))
        cv2.rectangle(shown, (left, top), (right - 1, bottom - 1), _EDGE_RGB, thick)
    return shown


def _fitted(rgb: np.ndarray, height_px: int) -> np.ndarray:
    scale = min(height_px / rgb.shape[0], _ASPECT_MAX * height_px / rgb.shape[1])
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def _stamped(tile: np.ndarray, time_s: float) -> np.ndarray:
    text, height = f"{time_s:.1f} s", tile.shape[0]
    (text_px, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, _TEXT_SCALE, 1)
    cv2.rectangle(tile, (0, height - _STAMP_PX), (text_px + 2 * _STAMP_LEFT_PX, height), SHADE_RGB, -1)
    place = _STAMP_LEFT_PX, height - _STAMP_UP_PX
    cv2.putText(tile, text, place, cv2.FONT_HERSHEY_SIMPLEX, _TEXT_SCALE, _INK_RGB, 1, cv2.LINE_AA)
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
    with atomic_file(out) as part:
        part.write_bytes(jpeg(rgb))
    return out
