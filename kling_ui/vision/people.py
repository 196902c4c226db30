"""Find all people in a picture: the main one, others of a comparable size; and the pool of detector threads."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Barrier

import cv2
import numpy as np

from kling_ui.vision.detector import Candidate, DetectedFace, FaceDetector, load_library
from kling_ui.vision.pose import (
    EPSILON,
    FACE,
    HIPS,
    MASK_THRESHOLD,
    POSE_LONG_SIDE_PX,
    SHOULDERS,
    SURE_SCORE_MIN,
    VISIBLE_MIN,
    WRISTS,
    Framing,
    Landmark,
    Pose,
    detect_pose,
    distinct,
    find_people,
    framing,
    lean_deg,
    pose_detector,
    shrink,
    turn_deg,
)

_MARGIN_SHARE = 0.02  # of the long side: the soft edge and the shadow go, too
_SHRINK = 8  # times smaller is the copy in which what is painted out is filled
_FILL_SIGMAS_PX = (2.0, 6.0, 20.0)  # of that copy: the nearest colours first, farther ones where nothing is near
_NEAR_MIN = 1e-3  # of the weight around a place: with less there is nothing near
_PAINTED_OUT_MIN = 0.2  # of the mask: its soft border is painted out, too
_WARM_UP = np.zeros((64, 64, 3), np.uint8)  # any picture loads the models
_DIGITS = 5  # decimals of a fraction of the picture
_THREADS_MAX = 8  # that keep a model of their own
Box = tuple[float, float, float, float]

# Much smaller is background: two fifths of the main character's height.
OTHER_SIZE_MIN = 0.18
# The detector overlooks smaller bodies beside a large one, so they are searched with the first one painted over. What
# is left of it there scored up to 0.6, a man drawn on a poster 0.7, true bodies 0.75 and more.
_SECOND_SCORE_MIN = 0.7
_SECOND_AGREEMENT_MIN = 0.9  # of the visible landmarks that lie on the mask
_SECOND_VISIBILITY_MIN = 0.85  # of head and arms: posters and bushes measured 0.6-0.8, true bodies 0.9 and more
_SECOND_LONG_SIDE_PX = 320  # of the copy that is painted over: the detector sees 224 px
# Where bodies overlap their poses merge, their faces do not. Widths of faces: of the largest one, and between centres.
_FACE_SIZE_MIN, _FACE_DISTANCE_MIN = 0.5, 1.2
_FACES_LONG_SIDE_PX = 400  # of the copy in which faces are searched
# The detector sees 224 px: in a whole picture it misses people who cover less than about 2-3 % of it. In parts of this
# share of its shorter side, half overlapping, it finds them down to about 0.3 %.
_PART_SHARE = 0.55
_SMALL_SHARE = 0.05  # of the picture: what is found with little confidence and is smaller may well be a phantom
_UPPER = list(range(Landmark.NOSE, Landmark.RIGHT_WRIST + 1))
# A picture that was stored turned has its figure near a quarter turn, and once turned back near upright.
_QUARTER_SLACK_DEG = 25.0
_FACE_SLACK_DEG = 45.0  # by which a face may lean and still be upright
_FACE_ELSEWHERE_MIN = 0.75  # score of a face that is not where the pose has its head: shoes and hair score less
_PROFILE_DEG = 50.0, 130.0  # between them a body shows its side, as most who lie do to a level camera
_GROUND_PX = 96  # long side of the copy in which the ground is searched
# What is compared there, in heights of the body from its top, and beside it.
_FEET, _HIPS, _HEAD, _BESIDE = (0.95, 1.12), (0.3, 0.6), (-0.12, 0.03), 0.5
_GROUND_GRAIN_PX = 3  # side of the median filter against grain
# Levels of L, a, b. Ground behind somebody's feet against the wall behind the hips: 9-110 measured of who stands, 1-7
# of who lies; then one side of the body against the other: 12-67.
_GROUND_LEVELS, _SIDES_LEVELS, _SIDES_TIMES = 8.0, 10.0, 3.0
_STANDS_TIMES = 2.0  # by which the ground must differ more than the sides do, to be sure of a body seen from its side
_PLACES_MIN = 4  # columns or rows in which both places show
_THREADS = 2  # the models leave Python's lock alone, so two keep two cores busy beside the decoder


def mask_out(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Paint out a part of a picture with the smoothed colours around it.

    Args:
        rgb: ``(height, width, 3)`` uint8; left as it is.
        mask: ``(height, width)`` bool, what to paint out.
    """
    height, width = mask.shape
    margin = 2 * max(1, round(_MARGIN_SHARE * max(height, width))) + 1
    gone = cv2.dilate(mask.astype(np.uint8), np.ones((margin, margin), np.uint8))
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
    return group if group.others else Group(group.main, tuple(faces_of_others(rgb)))


def search(rgb: np.ndarray) -> list[Pose]:
    """Find people in the whole picture, and if there are none, in parts of it, for people who are tiny in it."""
    people = find_people(rgb)
    if any(pose.confidence >= SURE_SCORE_MIN or _size(pose) > _SMALL_SHARE for pose in people):
        return people
    return distinct(_searched_in_parts(rgb)) or people


def group_of(people: list[Pose]) -> Group:
    """Choose the main person, and of the others those of a comparable size."""
    if not people:
        return Group(None, ())
    main = max(people, key=_size)
    others = [mask_box(pose) for pose in people if pose is not main and _size(pose) >= OTHER_SIZE_MIN * _size(main)]
    return Group(main, tuple(others))


def load_finders() -> None:
    """Load all models that the calling thread needs to find people."""
    find_people(_WARM_UP)
    _face_detector_of(threading.get_ident())


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
    detector, whole, copy = pose_detector(), shrink(rgb, POSE_LONG_SIDE_PX), shrink(rgb, _SECOND_LONG_SIDE_PX)
    scale = copy.shape[0] / whole.shape[0]
    known = np.maximum.reduce([pose.mask for pose in people if pose.mask is not None])
    known = cv2.resize(known, (copy.shape[1], copy.shape[0]), interpolation=cv2.INTER_AREA)
    found = []
    for body in detector.candidates(mask_out(copy, known > _PAINTED_OUT_MIN)):
        if body.score >= _SECOND_SCORE_MIN:
            there = Candidate(body.score, body.x_px / scale, body.y_px / scale, body.radius_px / scale, body.turn_rad)
            found.append(detect_pose(detector, whole, there))
    return [pose for pose in found if pose is not None and _is_clear(pose)]


def faces_of_others(rgb: np.ndarray) -> list[Box]:
    """Find faces and list the boxes of those of a size comparable to the largest, which is left out."""
    return other_faces(_face_detector_of(threading.get_ident()).faces(shrink(rgb, _FACES_LONG_SIDE_PX)), rgb.shape)


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
        apart_px = min(np.hypot(*(_centre(face, width, height) - _centre(other, width, height))) for other in kept)
        if _width(face) >= _FACE_SIZE_MIN * _width(ranked[0]) and apart_px >= _FACE_DISTANCE_MIN * _width(face) * width:
            kept.append(face)
    return [face.box for face in kept[1:]]


def stored_turns(rgb: np.ndarray, pose: Pose) -> int:
    """Tell how a picture must be turned whose file was stored sideways or upside down without saying so.

    The pose tells which way the head points, but not whether the camera or the person was turned. These stay as they
    are: who has both hands beyond the shoulders, as in a handstand or a cartwheel; who has the ground along one side
    instead of at the feet, as those who lie; whose trunk leans by anything but quarters; and pictures in which a face
    is upright as they are.

    Args:
        rgb: ``(height, width, 3)`` uint8, as it is shown now.
        pose: The main person in it.

    Returns:
        Counter-clockwise quarter turns, 1-3; 0 for a picture that is right, or when that is not clear.
    """
    aspect = rgb.shape[1] / rgb.shape[0]
    turns = quarters(float(lean_deg(pose.landmarks, aspect)))
    if not turns:
        return 0
    upright = np.ascontiguousarray(np.rot90(rgb, turns))
    aspect, people = aspect if turns == 2 else 1 / aspect, find_people(upright)
    if not people or abs(float(lean_deg(people[0].landmarks, aspect))) > _QUARTER_SLACK_DEG:
        return 0
    around = _surroundings(upright, people[0])
    if hands_beyond(people[0].landmarks, aspect) and not around.shows_standing:
        return 0
    low, high = _PROFILE_DEG
    is_profile = turns != 2 and low < abs(float(turn_deg(people[0].world_m))) < high
    if around.shows_lying or (is_profile and not around.shows_ground):
        return 0
    return 0 if _upright_face(rgb, pose) > _upright_face(upright) else turns


def quarters(lean: float) -> int:
    """Counter-clockwise quarter turns, 1-3, that bring a body upright which leans so far; 0 if none nearly does."""
    nearest = round(lean / 90)
    return nearest % 4 if abs(lean - 90 * nearest) <= _QUARTER_SLACK_DEG else 0


def hands_beyond(landmarks: np.ndarray, aspect: float) -> bool:
    """Both hands are seen beyond the shoulders, away from the hips: they may carry the body."""
    places = landmarks[:, :2] * (aspect, 1.0)
    shoulders, hips = places[SHOULDERS].mean(axis=0), places[HIPS].mean(axis=0)
    beyond = (places[WRISTS] - shoulders) @ (shoulders - hips) > 0
    return bool((beyond & (landmarks[WRISTS, 3] >= VISIBLE_MIN)).all())


def _upright_face(rgb: np.ndarray, beside: Pose | None = None) -> float:
    """Score of the surest face that is upright; those at the head of a pose that is not are a detector's error."""
    faces = _face_detector_of(threading.get_ident()).faces(shrink(rgb, _FACES_LONG_SIDE_PX))
    head = None if beside is None else beside.landmarks[FACE, :2].mean(axis=0)

    def counts(face: DetectedFace) -> bool:
        left, top, right, bottom = face.box
        at_head = head is not None and left <= head[0] <= right and top <= head[1] <= bottom
        is_sure = head is None or (face.score >= _FACE_ELSEWHERE_MIN and not at_head)
        return is_sure and abs(face.lean_deg) <= _FACE_SLACK_DEG

    return max((face.score for face in faces if counts(face)), default=0.0)


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """How the background differs around a body that is upright in its picture, in levels of L, a, b.

    Whoever stands has the ground at the feet only, whoever lies has it all along one side, and who stands on the hands
    has it beyond them.

    Attributes:
        at_feet: At the feet, from beside the hips; 0 for all of these where a body is not in view as a whole.
        at_head: Beyond head and raised hands, from beside the hips.
        at_sides: On one side of the body, from the other.
    """

    at_feet: float = 0.0
    at_head: float = 0.0
    at_sides: float = 0.0

    @property
    def shows_ground(self) -> bool:
        return self.at_feet >= max(_GROUND_LEVELS, _STANDS_TIMES * self.at_sides)

    @property
    def shows_standing(self) -> bool:
        return self.shows_ground and self.at_feet >= max(2 * _GROUND_LEVELS, _SIDES_TIMES * self.at_head)

    @property
    def shows_lying(self) -> bool:
        return self.at_feet < _GROUND_LEVELS and self.at_sides >= max(_SIDES_LEVELS, _SIDES_TIMES * self.at_feet)


def _surroundings(rgb: np.ndarray, pose: Pose) -> _Surroundings:
    small = cv2.medianBlur(shrink(rgb, _GROUND_PX), _GROUND_GRAIN_PX)
    if framing(pose.landmarks) != Framing.FULL or pose.mask is None:
        return _Surroundings()
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
    on = cv2.resize(pose.mask, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_AREA) > MASK_THRESHOLD
    if not on.any():
        return _Surroundings()
    left, top, across, tall = cv2.boundingRect(on.astype(np.uint8))
    free = ~(cv2.dilate(on.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    middle, reach = left + across // 2, across // 2 + max(1, round(_BESIDE * tall))
    columns = slice(max(0, middle - reach), middle + reach)

    def rows(begin: float, end: float) -> slice:
        first = max(0, round(top + begin * tall))
        return slice(first, max(first + 1, round(top + end * tall)))

    feet, hips, head = (
        _means(lab[part, columns], free[part, columns], 0) for part in (rows(*_FEET), rows(*_HIPS), rows(*_HEAD))
    )
    body, sides = slice(top, top + tall), (slice(columns.start, middle), slice(middle, columns.stop))
    one, other = (_means(lab[body, part], free[body, part], 1) for part in sides)
    return _Surroundings(_difference(feet, hips), _difference(head, hips), _difference(one, other))


def _means(lab: np.ndarray, free: np.ndarray, axis: int) -> np.ndarray:
    """Mean colours of the background along one axis; NaN where there is none."""
    weight = free.sum(axis=axis)[:, None].astype(np.float32)
    summed = (lab * free[..., None]).sum(axis=axis)
    return np.divide(summed, weight, out=np.full_like(summed, np.nan), where=weight > 0)


def _difference(first: np.ndarray, second: np.ndarray) -> float:
    apart = np.linalg.norm(first - second, axis=-1)
    apart = apart[~np.isnan(apart)]
    return float(np.median(apart)) if len(apart) >= _PLACES_MIN else 0.0


def _width(face: DetectedFace) -> float:
    return face.box[2] - face.box[0]


def _centre(face: DetectedFace, width: int, height: int) -> np.ndarray:
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


def _is_clear(pose: Pose) -> bool:
    seen = float(pose.landmarks[_UPPER, 3].mean())
    return (pose.mask_agreement or 0.0) >= _SECOND_AGREEMENT_MIN and seen >= _SECOND_VISIBILITY_MIN


def _size(pose: Pose) -> float:
    return pose.subject_share or 0.0


@lru_cache(maxsize=_THREADS_MAX)
def _face_detector_of(_thread: int) -> FaceDetector:
    return FaceDetector()


@lru_cache(maxsize=1)
def detector_pool() -> ThreadPoolExecutor:
    """Return the pool of threads in which the models run."""
    load_library()
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="pose")


def load_detector_pool() -> None:
    """Load the models in all threads of the pool; about a second each."""
    barrier = Barrier(_THREADS)

    def load() -> None:
        barrier.wait()  # so that every thread gets one
        load_finders()

    for done in [detector_pool().submit(load) for _ in range(_THREADS)]:
        done.result()
