"""Find all people in a picture: the main one, others of a comparable size; and the pool of detector threads."""

import gc
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Barrier

import cv2
import numpy as np

from kling_ui.vision.detector import Candidate, DetectedFace, FaceDetector, OnePerThread, load_library
from kling_ui.vision.pose import (
    EPSILON,
    KNEES,
    MASK_THRESHOLD,
    POSE_LONG_SIDE_PX,
    SURE_SCORE_MIN,
    Landmark,
    Pose,
    detect_pose,
    distinct,
    find_people,
    pose_detector,
    seen,
    shrink,
    tilt_deg,
)

_MARGIN_SHARE = 0.02  # of the long side: the soft edge and the shadow go, too
_SHRINK = 8  # times smaller is the copy in which what is painted out is filled
_FILL_SIGMAS_PX = (2.0, 6.0, 20.0)  # of that copy: the nearest colours first, farther ones where nothing is near
_NEAR_MIN = 1e-3  # of the weight around a place: with less there is nothing near
_PAINTED_OUT_MIN = 0.2  # of the mask: its soft border is painted out, too
_WARM_UP = np.zeros((64, 64, 3), np.uint8)  # any picture loads the models
_DIGITS = 5  # decimals of a fraction of the picture
_FACE_DETECTORS = OnePerThread(FaceDetector)
Box = tuple[float, float, float, float]
_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)

# Much smaller is background: two fifths of the main character's height.
OTHER_SIZE_MIN = 0.18
_HALF_SIZE_MIN = 0.45  # of the main person's area: half a body that is larger stands behind something
# The detector overlooks smaller bodies beside a large one, so they are searched with the first one painted over. What
# is left of it there scored up to 0.6, a man drawn on a poster 0.7, true bodies 0.75 and more.
_SECOND_SCORE_MIN = 0.7
_SECOND_AGREEMENT_MIN = 0.9  # of the visible landmarks that lie on the mask
_SECOND_VISIBILITY_MIN = 0.85  # of head and arms: posters and bushes measured 0.6-0.8, true bodies 0.9 and more
# People in a street who are small or half hidden score 0.4-0.7, and so does what is left of somebody painted over; but
# that stands on its head, or its legs are guessed: 0.65 of it is seen, of true bodies 0.77 and more.
_SECOND_UNSURE_MIN, _SECOND_WHOLE_MIN, _SECOND_TILT_MAX_DEG = 0.4, 0.75, 45.0
# Long side of the copy that is painted over: the detector sees 224 px of it, or of its squares where bodies are small.
_SECOND_LONG_SIDE_PX, _SECOND_SQUARES_PX = 320, 420
# Nobody is searched where nothing has corners: people beside others left 380 px of them and more in that copy, plain
# backgrounds, soft ones and straight edges none. A corner's levels are those of a picture whose light parts reach 160.
_CORNERS_MIN, _CORNER_LEVELS, _CORNER_BLOCK_PX = 60, 8.0, 5
_LIGHT_PERCENTILE, _LIT_LEVEL, _GREY_MAX = 99, 160.0, 255
# Where the main person is less high than this share of the longer side, somebody half as high is lost in 224 px.
_SQUARES_BELOW = 0.5
_OBLONG = 1.25  # times as long as wide: a picture that is less so is one square
# Where bodies overlap their poses merge, their faces do not. Widths of faces: of the largest one, and between centres.
_FACE_SIZE_MIN, _FACE_DISTANCE_MIN = 0.5, 1.2
FACES_LONG_SIDE_PX = 400  # of the copy in which faces are searched
# A body around its face, in widths of the face: from the middle of the face to the hips, and from there to its ends.
_FACE_TO_HIPS, _FACE_TO_ENDS = 4.2, 5.0
# The detector sees 224 px: in a whole picture it misses people who cover less than about 2-3 % of it. In parts of this
# share of its shorter side, half overlapping, it finds them down to about 0.3 %.
_PART_SHARE = 0.55
_SMALL_SHARE = 0.05  # of the picture: what is found with little confidence and is smaller may well be a phantom
_UPPER = list(range(Landmark.NOSE, Landmark.RIGHT_WRIST + 1))
_THREADS = 2  # the models leave Python's lock alone, so two keep two cores busy beside the decoder


def mask_out(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Paint out a part of a picture with the smoothed colours around it.

    Args:
        rgb: ``(height, width, 3)`` uint8; left as it is.
        mask: ``(height, width)`` bool, what to paint out.
    """
    height, width = mask.shape
    gone = _with_margin(mask).astype(np.uint8)
    size = max(1, width // _SHRINK), max(1, height // _SHRINK)
    weight = cv2.resize(1 - gone.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    colour = cv2.resize(rgb * (1 - gone[:, :, None]).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    filled = colour / np.maximum(weight, EPSILON)[:, :, None]
    for reach in _FILL_SIGMAS_PX:
        near = cv2.GaussianBlur(weight, (0, 0), reach)
        smooth = cv2.GaussianBlur(colour, (0, 0), reach) / np.maximum(near, EPSILON)[:, :, None]
        unset = weight < 0.5
        filled = np.where(unset[:, :, None] & (near > _NEAR_MIN)[:, :, None], smooth, filled)
        colour, weight = (
            np.where(unset[:, :, None], filled * 0.5, colour),
            np.where(unset & (near > _NEAR_MIN), 0.5, weight),
        )
    back = cv2.resize(filled.clip(0, 255), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(gone[:, :, None] > 0, back, rgb).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Group:
    """The people of a picture: the main one and the boxes of the others.

    Attributes:
        main: The largest one, with a mask at the size of the analysed copy; ``None`` when nobody was found.
        others: Boxes of everybody else of a comparable size, ``(left, top, right, bottom)`` as fractions.
    """

    main: Pose | None
    others: tuple[Box, ...]

    @property
    def count(self) -> int:
        """How many people there are."""
        return len(self.others) + (self.main is not None)


def find_group(rgb: np.ndarray, *, thorough: bool = True) -> Group:
    """Find the main person of a picture and all others of a comparable size.

    Args:
        rgb: ``(height, width, 3)`` uint8, upright.
        thorough: Search in two more ways for people whom the detector misses, which takes half as long again.
    """
    people = find_people(rgb)
    if not thorough or not people:
        return group_of(people)
    group = group_of(distinct([*people, *outshone(rgb, people)]))
    return group if group.others else Group(group.main, bodies_of(rgb, faces_of_others(rgb, people), people))


def search(rgb: np.ndarray) -> list[Pose]:
    """Find people in the whole picture, and if there are none, in parts of it, for people who are tiny in it."""
    people = find_people(rgb)
    if any(pose.confidence >= SURE_SCORE_MIN or _size(pose) > _SMALL_SHARE for pose in people):
        return people
    return distinct(_searched_in_parts(rgb)) or people


def group_of(people: list[Pose]) -> Group:
    """Choose the main person, and of the others those of a comparable size, or who are smaller but whole."""
    if not people:
        return Group(None, ())
    main = max(people, key=_size)
    others = [mask_box(pose) for pose in people if pose is not main and _counts(pose, main)]
    return Group(main, tuple(others))


def _counts(pose: Pose, main: Pose) -> bool:
    """Tell whether somebody matters: half a small body beside a whole one is on a poster or a screen."""
    if _size(pose) < OTHER_SIZE_MIN * _size(main):
        return False
    is_large = _size(pose) >= _HALF_SIZE_MIN * _size(main)
    return is_large or _has_legs(pose) or not _has_legs(main)


def _has_legs(pose: Pose) -> bool:
    return bool(seen(pose.landmarks)[KNEES].any())


def load_finders() -> None:
    """Load all models that the calling thread needs to find people."""
    find_people(_WARM_UP)
    face_detector()


def mask_box(pose: Pose) -> Box:
    """Enclose a person's mask: ``(left, top, right, bottom)`` as fractions; all 0 without one."""
    on = np.zeros((1, 1), bool) if pose.mask is None else pose.mask > MASK_THRESHOLD
    rows, columns = np.flatnonzero(on.any(axis=1)), np.flatnonzero(on.any(axis=0))
    if not len(rows):
        return (0.0, 0.0, 0.0, 0.0)
    height, width = on.shape
    left, right = float(columns[0] / width), float((columns[-1] + 1) / width)
    top, bottom = float(rows[0] / height), float((rows[-1] + 1) / height)
    return round(left, _DIGITS), round(top, _DIGITS), round(right, _DIGITS), round(bottom, _DIGITS)


def outshone(rgb: np.ndarray, people: list[Pose]) -> list[Pose]:
    """Find people beside larger ones, in a copy of the picture from which those are painted out."""
    if not people or people[0].confidence < SURE_SCORE_MIN:
        return []
    squares = _squares(rgb.shape, people)
    long_side_px = _SECOND_LONG_SIDE_PX if len(squares) == 1 else _SECOND_SQUARES_PX
    whole, copy = shrink(rgb, POSE_LONG_SIDE_PX), shrink(rgb, long_side_px)
    scale, (height, width) = copy.shape[0] / whole.shape[0], copy.shape[:2]
    known = np.maximum.reduce([pose.mask for pose in people if pose.mask is not None])
    known_there = cv2.resize(known, (width, height), interpolation=cv2.INTER_AREA) > _PAINTED_OUT_MIN
    if not shows_detail(copy, known_there):
        return []
    detector = pose_detector()
    painted, around = mask_out(copy, known_there), cv2.boundingRect(known_there.astype(np.uint8))
    aspect, found = width / height, []
    for left, top, right, bottom in squares:
        x_px, y_px = round(left * width), round(top * height)
        for body in detector.candidates(painted[y_px : round(bottom * height), x_px : round(right * width)]):
            x, y = body.x_px + x_px, body.y_px + y_px
            is_left_over = around[0] <= x < around[0] + around[2] and around[1] <= y < around[1] + around[3]
            if body.score >= (_SECOND_SCORE_MIN if is_left_over else _SECOND_UNSURE_MIN):
                there = Candidate(body.score, x / scale, y / scale, body.radius_px / scale, body.turn_rad)
                found.append(detect_pose(detector, whole, there))
    return [pose for pose in found if pose is not None and _is_clear(pose, aspect)]


def shows_detail(rgb: np.ndarray, known: np.ndarray) -> bool:
    """Tell whether there are corners beside those who are known: of somebody else, or of anything but a plain wall.

    Args:
        rgb: ``(height, width, 3)`` uint8, best 320 px long.
        known: ``(height, width)`` bool, where they are.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    light = max(1.0, float(np.percentile(grey, _LIGHT_PERCENTILE)))
    least = _CORNER_LEVELS * min(1.0, light / _LIT_LEVEL) / _GREY_MAX
    corners = cv2.cornerMinEigenVal(grey, _CORNER_BLOCK_PX) > least**2
    return int((corners & ~_with_margin(known)).sum()) >= _CORNERS_MIN


def _with_margin(mask: np.ndarray) -> np.ndarray:
    margin = 2 * max(1, round(_MARGIN_SHARE * max(mask.shape))) + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((margin, margin), np.uint8)) > 0


def faces_of_others(rgb: np.ndarray, people: Sequence[Pose] = ()) -> list[Box]:
    """Find faces and list the boxes of those of a size comparable to the largest, which is left out.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        people: Who is known: how small they are decides how closely is searched.
    """
    finder, copy, faces = face_detector(), shrink(rgb, FACES_LONG_SIDE_PX), []
    size = np.array([copy.shape[1], copy.shape[0]] * 2)
    for square in _squares(rgb.shape, people):
        left, top, right, bottom = np.rint(square * size).astype(int).tolist()
        for face in finder.faces(copy[top:bottom, left:right]):
            place = np.array(face.box) * np.tile([right - left, bottom - top], 2) + np.tile([left, top], 2)
            x1, y1, x2, y2 = (place / size).tolist()
            faces.append(replace(face, box=(x1, y1, x2, y2)))
    return other_faces(faces, rgb.shape)


def bodies_of(rgb: np.ndarray, faces: Sequence[Box], people: Sequence[Pose]) -> tuple[Box, ...]:
    """Enclose the body below each face where there is one, and else the face.

    The joints tell how far a body goes: where it is half hidden behind another, the mask takes both for one. A face
    far from a whole body, without a body of its own, is that of a screen or a poster.
    """
    main = max(people, key=_size, default=None)
    found = []
    for face in faces:
        pose = body_below(rgb, face)
        if pose is not None and (main is None or _has_legs(pose) or not _has_legs(main)):
            found.append(_enclosed(pose, face))
        elif main is None or not _has_legs(main) or _is_beside(face, mask_box(main)):
            found.append(face)
    return tuple(found)


def _is_beside(face: Box, body: Box) -> bool:
    width = face[2] - face[0]
    return face[2] > body[0] - width and face[0] < body[2] + width


def are_small(shape: tuple[int, ...], people: Sequence[Pose]) -> bool:
    """Tell whether somebody beside these people may be too small to be found in the whole picture."""
    return len(_squares(shape, people)) > 1


def _squares(shape: tuple[int, ...], people: Sequence[Pose]) -> list[np.ndarray]:
    """Parts of the picture that are searched one by one, as boxes: one, all of it, where the main person is large."""
    height, width = shape[:2]
    short, long = sorted((height, width))
    main = max(people, key=_size, default=None)
    if long < _OBLONG * short or main is None:
        return [np.array(_WHOLE)]
    _, top, _, bottom = mask_box(main)
    if (bottom - top) * height >= _SQUARES_BELOW * long:
        return [np.array(_WHOLE)]
    side = short / long
    starts = np.linspace(0, 1 - side, max(2, -(-long // short)))
    boxes = [(start, 0.0, start + side, 1.0) if width > height else (0.0, start, 1.0, start + side) for start in starts]
    return [np.array(box) for box in boxes]


def body_below(rgb: np.ndarray, face: Box) -> Pose | None:
    """Read the pose of an upright body below a face; ``None`` where there is none, or it is somebody else's.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        face: Its box, as fractions.
    """
    whole = shrink(rgb, POSE_LONG_SIDE_PX)
    height, width = whole.shape[:2]
    x_px, y_px = centre_of(DetectedFace(1.0, face), width, height)
    face_px = (face[2] - face[0]) * width
    body = Candidate(1.0, x_px, y_px + _FACE_TO_HIPS * face_px, _FACE_TO_ENDS * face_px, 0.0)
    pose = detect_pose(pose_detector(), whole, body)
    if pose is None or float(pose.landmarks[_UPPER, 3].mean()) < _SECOND_VISIBILITY_MIN:
        return None
    nose_px = pose.landmarks[Landmark.NOSE, :2] * (width, height)
    return pose if np.hypot(*(nose_px - (x_px, y_px))) <= face_px else None  # else it is somebody else's


def _enclosed(pose: Pose, face: Box) -> Box:
    joints, across = pose.landmarks[seen(pose.landmarks), :2], (face[2] - face[0]) / 2
    low = np.minimum(joints.min(axis=0) - across, face[:2]).clip(0, 1)
    high = (joints.max(axis=0) + across).clip(0, 1)
    left, top, right, bottom = np.concatenate([low, high]).tolist()
    return round(left, _DIGITS), round(top, _DIGITS), round(right, _DIGITS), round(bottom, _DIGITS)


def other_faces(faces: list[DetectedFace], shape: tuple[int, ...]) -> list[Box]:
    """List the boxes of faces of a size comparable to the largest, which is left out.

    Args:
        faces: Any faces.
        shape: Height and width of the picture.
    """
    if not faces:
        return []
    height, width = shape[:2]
    ranked = sorted(faces, key=_width, reverse=True)
    kept = ranked[:1]
    for face in ranked[1:]:
        apart_px = min(np.hypot(*(centre_of(face, width, height) - centre_of(other, width, height))) for other in kept)
        if _width(face) >= _FACE_SIZE_MIN * _width(ranked[0]) and apart_px >= _FACE_DISTANCE_MIN * _width(face) * width:
            kept.append(face)
    return [face.box for face in kept[1:]]


def _width(face: DetectedFace) -> float:
    return face.box[2] - face.box[0]


def centre_of(face: DetectedFace, width: int, height: int) -> np.ndarray:
    """Give the middle of a face, x and y in pixels."""
    left, top, right, bottom = face.box
    return np.array([(left + right) / 2 * width, (top + bottom) / 2 * height])


def _searched_in_parts(rgb: np.ndarray) -> Iterator[Pose]:
    detector = pose_detector()
    height, width = rgb.shape[:2]
    side = round(_PART_SHARE * min(height, width))
    for top in _starts(height, side):
        for left in _starts(width, side):
            for body in detector.candidates(rgb[top : top + side, left : left + side]):
                if body.score < SURE_SCORE_MIN:
                    break  # surest first
                pose = detect_pose(detector, rgb, replace(body, x_px=body.x_px + left, y_px=body.y_px + top))
                if pose is not None and (pose.mask_agreement or 0.0) >= _SECOND_AGREEMENT_MIN:
                    yield pose


def _starts(length: int, side: int) -> list[int]:
    count = 1 + max(0, -(-2 * (length - side) // max(1, side)))
    return np.linspace(0, length - side, count).round().astype(int).tolist()


def _is_clear(pose: Pose, aspect: float) -> bool:
    if (pose.mask_agreement or 0.0) < _SECOND_AGREEMENT_MIN:
        return False
    if float(pose.landmarks[_UPPER, 3].mean()) < _SECOND_VISIBILITY_MIN:
        return False
    if pose.confidence >= _SECOND_SCORE_MIN:
        return True
    whole, tilt = float(pose.landmarks[:, 3].mean()), float(tilt_deg(pose.landmarks, aspect))
    return whole >= _SECOND_WHOLE_MIN and tilt < _SECOND_TILT_MAX_DEG


def _size(pose: Pose) -> float:
    return pose.subject_share or 0.0


def face_detector() -> FaceDetector:
    """Return the calling thread's face detector, loaded where no thread that ended has left one."""
    return _FACE_DETECTORS.get()


@lru_cache(maxsize=1)
def detector_pool() -> ThreadPoolExecutor:
    """Return the pool of threads in which the models run."""
    load_library()
    gc.freeze()  # what a large library keeps is no garbage; each collection would pass all of it
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="pose")


@contextmanager
def one_thread() -> Generator[None]:
    """Let OpenCV work in the calling thread only: pictures are small here, and its threads would wait by spinning."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def load_detector_pool() -> None:
    """Load the models in all threads of the pool; about a second each."""
    barrier = Barrier(_THREADS)

    def load() -> None:
        barrier.wait()  # so that every thread gets one
        load_finders()

    for done in [detector_pool().submit(load) for _ in range(_THREADS)]:
        done.result()


LEFT_EYE_AND_EAR, RIGHT_EYE_AND_EAR = [Landmark.LEFT_EYE, Landmark.LEFT_EAR], [Landmark.RIGHT_EYE, Landmark.RIGHT_EAR]


def face_of(points: np.ndarray) -> np.ndarray:
    """Measure how a face is held in the picture plane and turned.

    Args:
        points: ``(..., 33, 2)`` landmarks in a picture with square units.

    Returns:
        ``(..., 3)``: roll, the angle of the line from right to left eye and ear in radians; turn and nod, the way from
        the middle of the ears to the nose across and along the face, in units of the distance between the ears.
    """
    left, right = points[..., LEFT_EYE_AND_EAR, :].mean(axis=-2), points[..., RIGHT_EYE_AND_EAR, :].mean(axis=-2)
    across = left - right
    width = np.maximum(np.linalg.norm(across, axis=-1), EPSILON)
    unit = across / width[..., None]
    ears = (points[..., Landmark.LEFT_EAR, :] + points[..., Landmark.RIGHT_EAR, :]) / 2
    nose = points[..., Landmark.NOSE, :] - ears
    turn = (nose * unit).sum(axis=-1) / width
    nod = (nose[..., 1] * unit[..., 0] - nose[..., 0] * unit[..., 1]) / width
    return np.stack([np.arctan2(across[..., 1], across[..., 0]), turn, nod], axis=-1)
