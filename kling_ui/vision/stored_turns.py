"""Tell whether a picture was stored sideways or upside down, by what it shows: the body, the face, the ground."""

from dataclasses import dataclass
from statistics import mode

import cv2
import numpy as np

from kling_ui.vision.detector import DetectedFace
from kling_ui.vision.people import FACES_LONG_SIDE_PX, face_detector
from kling_ui.vision.pose import (
    FACE,
    HIPS,
    MASK_THRESHOLD,
    SHOULDERS,
    VISIBLE_MIN,
    WRISTS,
    Framing,
    Pose,
    find_people,
    framing,
    lean_deg,
    shrink,
    turn_deg,
)

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
_GROUND_LEVELS, _SIDES_LEVELS, _HANDS_TIMES = 8.0, 8.0, 3.0
_STANDS_TIMES = 2.0  # by which the ground must differ more than the sides do, to be sure of a body seen from its side
# How many times as much the sides differ as what lies along the body: 2.4-25 measured of who lies, alone or among
# others, 0-1.7 of who stands, alone or in a crowd, but for one (2.5).
_LIES_TIMES = 2.0
_GROUP_MIN = 3  # people who are upright in the same turn, of whom nothing shows that they lie
_PLACES_MIN = 4  # columns or rows in which both places show


def stored_turns(rgb: np.ndarray, pose: Pose) -> int:
    """Tell how a picture must be turned whose file was stored sideways or upside down without saying so.

    Args:
        rgb: ``(height, width, 3)`` uint8, as it is shown now.
        pose: The main person in it.

    Returns:
        Counter-clockwise quarter turns, 1-3; 0 for a picture that is right, or when that is not clear.
    """
    return shown_turns(rgb, pose) or 0


def shown_turns(rgb: np.ndarray, pose: Pose) -> int | None:
    """Tell how a picture must be turned as :func:`stored_turns` does, but ``None`` when it does not show that.

    The poses tell which way the heads point, but not whether the camera or the people were turned. These stay as they
    are: who has both hands beyond the shoulders, as in a handstand or a cartwheel; who has the ground along one side
    instead of at the feet, as those who lie; whose trunk leans by anything but quarters; and pictures in which somebody
    or a face is upright as they are. In a group each of these is asked of everybody, and most of them decide.
    """
    aspect = rgb.shape[1] / rgb.shape[0]
    lean = float(lean_deg(pose.landmarks, aspect))
    if abs(lean) <= _QUARTER_SLACK_DEG:
        return 0
    leans = [float(lean_deg(person.landmarks, aspect)) for person in find_people(rgb)]
    if any(abs(each) <= _QUARTER_SLACK_DEG for each in leans):
        return 0
    turns = quarters(lean) or mode(map(quarters, leans or [lean]))
    if not turns:
        return 0
    upright = np.ascontiguousarray(np.rot90(rgb, turns))
    aspect, people = aspect if turns == 2 else 1 / aspect, find_people(upright)
    standing = [person for person in people if abs(float(lean_deg(person.landmarks, aspect))) <= _QUARTER_SLACK_DEG]
    if not people or 2 * len(standing) < len(people) + 1:
        return 0 if people else None
    votes = [_vote(upright, person, turns) for person in standing]
    if not sum(votes):
        return turns if votes.count(0) >= _GROUP_MIN else None
    return turns if sum(votes) > 0 and _upright_face(rgb, pose) <= _upright_face(upright) else 0


def _vote(upright: np.ndarray, person: Pose, turns: int) -> int:
    """What one person says of a picture in which they are upright: 1 it should be so, -1 it should not, 0 unclear."""
    around = _surroundings(upright, person)
    if hands_beyond(person.landmarks, upright.shape[1] / upright.shape[0]) and not around.shows_standing:
        return -1
    if around.shows_lying and turns != 2:
        return -1
    low, high = _PROFILE_DEG
    is_profile = turns != 2 and low < abs(float(turn_deg(person.world_m))) < high
    return 0 if is_profile and not (around.shows_ground or around.goes_along) else 1


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
    faces = face_detector().faces(shrink(rgb, FACES_LONG_SIDE_PX))
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
        return self.shows_ground and self.at_feet >= max(2 * _GROUND_LEVELS, _HANDS_TIMES * self.at_head)

    @property
    def goes_along(self) -> bool:
        """It changes from the feet to the head and beyond: the body is upright, one way or the other."""
        along = max(self.at_feet, self.at_head)
        return along >= max(2 * _GROUND_LEVELS, _STANDS_TIMES * self.at_sides)

    @property
    def shows_lying(self) -> bool:
        along = max(self.at_feet, self.at_head)
        return self.at_sides >= max(_SIDES_LEVELS, _LIES_TIMES * along)


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
