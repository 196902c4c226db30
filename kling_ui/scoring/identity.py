"""Judging by eye whether a result still is its character: strips of faces, hands and whole frames over time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import cv2
import numpy as np

from kling_ui.errors import KlingUIError
from kling_ui.media.files import atomic_file
from kling_ui.media.image import read_picture
from kling_ui.media.probe import probe_video, sniff_video
from kling_ui.media.video import read_frames
from kling_ui.options import Orientation
from kling_ui.scoring.limbs import COUNTED, LIMBS, PCK_DEG, Limb
from kling_ui.scoring.match import step_s
from kling_ui.scoring.motion import find_shift, pair_up
from kling_ui.vision.analysis import analyse_image
from kling_ui.vision.evidence import jpeg
from kling_ui.vision.pose import FACE, VISIBLE_MIN, Landmark, PoseTrack

TILES = 8  # of a strip, one from each of so many equal parts of the clip
FACE_PX_MIN = 40  # across, in the clip itself: a smaller face shows no features that one could compare
HAND_PX_MIN = 28
_FACE_ROOM = 2.1  # sides of a face's square in extents of its landmarks, which end at brows, ears and mouth
_HAND_ROOM = 2.4  # of a hand's, in extents from wrist to fingertips
_TILE_PX = 192
_FRAME_HEIGHT_PX = 360
_SAME_MOMENT_S = 2e-3
WORST_MAX = 4
_WORST_APART_S = 0.6  # between two moments that are listed
_WORST_TRUST_MIN = 0.4  # visibility times flatness; below it the error may be the detector's own
_HANDS = {
    "left-hand": [Landmark.LEFT_WRIST, Landmark.LEFT_PINKY, Landmark.LEFT_INDEX, Landmark.LEFT_THUMB],
    "right-hand": [Landmark.RIGHT_WRIST, Landmark.RIGHT_PINKY, Landmark.RIGHT_INDEX, Landmark.RIGHT_THUMB],
}


class StripKind(StrEnum):
    """What a strip shows; also the end of its file's name."""

    FACES = "faces"
    LEFT_HAND = "left-hand"
    RIGHT_HAND = "right-hand"
    FRAMES = "frames"


@dataclass(frozen=True, slots=True)
class Strip:
    """Pieces of a clip side by side in one JPEG.

    Attributes:
        kind: What it shows.
        times_s: When, in the clip's own seconds, rising, one for each piece; none where nothing is large enough.
        tile_px: Width and height of a piece.
        largest_px: How large the largest one found is in the clip, across; 0 where none was seen.
    """

    kind: StripKind
    times_s: tuple[float, ...]
    tile_px: tuple[int, int]
    largest_px: int = 0


@dataclass(frozen=True, slots=True)
class WorstMoment:
    """A moment in which a limb points elsewhere.

    Attributes:
        at_s: When, in the reference's seconds.
        limb: Which one.
        error_deg: How far off its direction is, 0-180.
    """

    at_s: float
    limb: Limb
    error_deg: float


@dataclass(frozen=True, slots=True)
class _Piece:
    """A square of a frame: when, its middle in pixels, and its side."""

    time_s: float
    middle: tuple[float, float]
    side_px: float


def strip_place(folder: Path, kind: str) -> Path:
    """Give where a strip of a result lies, beside it."""
    return folder / f"closer-{kind}.jpg"


def draw_strips(result: Path, track: PoseTrack, folder: Path) -> tuple[Strip, ...]:
    """Cut faces, hands and three whole frames out of a result and write one JPEG of each kind; run it in a worker.

    Args:
        result: The clip.
        track: Its poses.
        folder: Where the JPEGs go, see :func:`strip_place`.

    Raises:
        MediaError: The clip cannot be read, or the folder cannot be written to.
    """
    facts = probe_video(result)
    size, last_s = (facts.width_px, facts.height_px), max(0.0, facts.duration_s - 1 / facts.fps)
    found = {StripKind.FACES: _faces(track, size)}
    found |= {StripKind(kind): _hand(track, size, joints) for kind, joints in _HANDS.items()}
    least = dict.fromkeys(found, HAND_PX_MIN) | {StripKind.FACES: FACE_PX_MIN}
    chosen = {kind: _spread(pieces, least[kind], facts.duration_s) for kind, pieces in found.items()}
    whole = [0.0, last_s / 2, last_s]
    wanted = sorted({*whole, *(piece.time_s for pieces in chosen.values() for piece in pieces)})
    frames = _frames_at(result, wanted)
    strips = []
    for kind, pieces in chosen.items():
        tiles = [(piece.time_s, _cut(frames[piece.time_s], piece)) for piece in pieces if piece.time_s in frames]
        largest = max((piece.side_px for piece in found[kind]), default=0)
        strips.append(_written(folder, kind, tiles, round(largest)))
    rows = [(time_s, _as_high(frames[time_s])) for time_s in whole if time_s in frames]
    return (*strips, _written(folder, StripKind.FRAMES, rows))


def draw_character_face(image: Path, looks: Path, folder: Path) -> bool:
    """Cut the character's face out of its picture, as ``closer-character.jpg``; tells whether one was large enough.

    Raises:
        MediaError: The picture cannot be read, or the folder cannot be written to.
    """
    person = analyse_image(image, looks).person
    if person is None:
        return False
    rgb, landmarks = read_picture(image).rgb, np.asarray(person.landmarks, float)
    track = PoseTrack(np.zeros(1), landmarks[None], np.zeros((1, len(landmarks), 3)), rgb.shape[1] / rgb.shape[0])
    faces = [face for face in _faces(track, (rgb.shape[1], rgb.shape[0])) if face.side_px >= FACE_PX_MIN]
    if not faces:
        return False
    tile = np.ascontiguousarray(np.rot90(_cut(rgb, faces[0]), person.turns))
    with atomic_file(strip_place(folder, "character")) as part:
        part.write_bytes(jpeg(tile))
    return True


def worst_moments(reference: PoseTrack, result: PoseTrack, orientation: Orientation) -> tuple[WorstMoment, ...]:
    """Name the moments in which a limb is farthest off, rising in time; those that are near each other count once."""
    if not (reference.found.any() and result.found.any() and step_s(reference) > 0 and step_s(result) > 0):
        return ()
    shift = find_shift(reference, result)
    if shift is not None and shift.starts_elsewhere:
        result = PoseTrack(result.times_s - shift.late_s, result.landmarks, result.world_m, result.aspect)
    pair = pair_up(reference, result, orientation)
    is_sure = (pair.directions.weight >= _WORST_TRUST_MIN) & COUNTED
    errors = np.where(is_sure, np.abs(np.nan_to_num(pair.directions.error_deg)), 0.0)
    worst: list[WorstMoment] = []
    for row in np.argsort(-errors.max(axis=1), kind="stable"):
        limb, at_s = int(errors[row].argmax()), float(pair.times_s[row])
        if errors[row, limb] < PCK_DEG or len(worst) == WORST_MAX:
            break
        if all(abs(at_s - other.at_s) >= _WORST_APART_S for other in worst):
            worst.append(WorstMoment(at_s, LIMBS[limb], float(errors[row, limb])))
    return tuple(sorted(worst, key=lambda moment: moment.at_s))


def _faces(track: PoseTrack, size: tuple[int, int]) -> list[_Piece]:
    marks = [Landmark.NOSE, Landmark.LEFT_EYE, Landmark.RIGHT_EYE]
    return list(_pieces(track, size, FACE, marks, _FACE_ROOM))


def _hand(track: PoseTrack, size: tuple[int, int], joints: Sequence[int]) -> list[_Piece]:
    return list(_pieces(track, size, joints, joints[:3], _HAND_ROOM))


def _pieces(
    track: PoseTrack, size: tuple[int, int], joints: Sequence[int], seen: Sequence[int], room: float
) -> Iterator[_Piece]:
    """Squares around some joints in every frame that shows those of ``seen``."""
    for time_s, landmarks in zip(track.times_s, track.landmarks, strict=True):
        points = landmarks[list(joints), :2] * size
        needed = landmarks[list(seen)]
        inside = (needed[:, :2] > 0).all() and (needed[:, :2] < 1).all()
        if np.isnan(points).any() or not inside or needed[:, 3].min() < VISIBLE_MIN:
            continue
        low, high = points.min(axis=0), points.max(axis=0)
        middle = (low + high) / 2
        yield _Piece(float(time_s), (float(middle[0]), float(middle[1])), room * float((high - low).max()))


def _spread(pieces: Iterable[_Piece], least_px: float, duration_s: float) -> list[_Piece]:
    """The largest piece of each of :data:`TILES` equal parts of the clip, of those that are large enough."""
    best: dict[int, _Piece] = {}
    for piece in pieces:
        part = min(TILES - 1, int(TILES * piece.time_s / max(duration_s, _SAME_MOMENT_S)))
        if piece.side_px >= least_px and (part not in best or piece.side_px > best[part].side_px):
            best[part] = piece
    return [best[part] for part in sorted(best)]


def _frames_at(path: Path, times_s: Sequence[float]) -> Mapping[float, np.ndarray]:
    """Frames of a clip at some rising times: of each the first that does not come before it."""
    frames: dict[float, np.ndarray] = {}
    waiting = list(times_s)
    last = None
    for frame in read_frames(path, container=sniff_video(path)):
        last = frame
        while waiting and frame.time_s >= waiting[0] - _SAME_MOMENT_S:
            frames[waiting.pop(0)] = frame.rgb
        if not waiting:
            break
    return frames | (dict.fromkeys(waiting, last.rgb) if last is not None else {})


def _cut(rgb: np.ndarray, piece: _Piece) -> np.ndarray:
    """A square of a frame; what lies outside repeats the frame's edge."""
    scale = _TILE_PX / piece.side_px
    x, y = piece.middle
    place = np.array([[scale, 0, _TILE_PX / 2 - scale * x], [0, scale, _TILE_PX / 2 - scale * y]])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    if scale < 0.5:  # a warp looks at few pixels: shrink first
        small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return _cut(small, _Piece(piece.time_s, (x * scale, y * scale), piece.side_px * scale))
    return cv2.warpAffine(rgb, place, (_TILE_PX, _TILE_PX), flags=how, borderMode=cv2.BORDER_REPLICATE)


def _as_high(rgb: np.ndarray) -> np.ndarray:
    height, width = rgb.shape[:2]
    size = max(1, round(width * _FRAME_HEIGHT_PX / height)), _FRAME_HEIGHT_PX
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


def _written(folder: Path, kind: StripKind, tiles: Sequence[tuple[float, np.ndarray]], largest_px: int = 0) -> Strip:
    if not tiles:
        return Strip(kind, (), (0, 0), largest_px)
    with atomic_file(strip_place(folder, kind)) as part:
        part.write_bytes(jpeg(np.concatenate([tile for _, tile in tiles], axis=1)))
    height, width = tiles[0][1].shape[:2]
    return Strip(kind, tuple(time_s for time_s, _ in tiles), (width, height), largest_px)


def face_of_character(image: Path, looks: Path, folder: Path) -> bool:
    """As :func:`draw_character_face`, but ``False`` for a picture that cannot be read any more; run it in a worker."""
    try:
        return draw_character_face(image, looks, folder)
    except KlingUIError:
        return False
