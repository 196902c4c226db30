"""The pose and the mask that follow from what a person corrected by hand, with or without anything found before."""

from collections.abc import Collection, Mapping, Sequence
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from kling_ui.corrections import CORE, Corrections
from kling_ui.errors import KlingUIError
from kling_ui.languages import Told
from kling_ui.vision.pose import (
    EPSILON,
    FACE,
    LANDMARKS,
    MASK_THRESHOLD,
    VISIBLE_MIN,
    Landmark,
    Pose,
    shrink,
    trunk_length,
)

# Lengths of an adult's bones in metres, as the pose model gives them for whoever stands upright.
_BONES_M = (
    ("left shoulder", "right shoulder", 0.34),
    ("left shoulder", "left hip", 0.48),
    ("right shoulder", "right hip", 0.48),
    ("left shoulder", "left elbow", 0.27),
    ("right shoulder", "right elbow", 0.27),
    ("left elbow", "left wrist", 0.24),
    ("right elbow", "right wrist", 0.24),
    ("left hip", "left knee", 0.40),
    ("right hip", "right knee", 0.40),
    ("left knee", "left ankle", 0.40),
    ("right knee", "right ankle", 0.40),
)
# Shares of the shoulders' width at which what was not placed is taken to be.
_HIPS_DOWN, _HIPS_ASIDE, _ARM, _THIGH, _EARS, _EARS_UP, _MOUTH = 1.3, 0.35, 0.75, 1.1, 0.3, 0.06, 0.15
_HAND_SHARE, _FOOT_DOWN, _FOOT_ASIDE = 0.3, 0.12, 0.2  # a hand: of the forearm
_HEAD_PER_SHOULDERS = 0.6  # where the shoulders lie behind each other: of the way from them to the nose
_ELSEWHERE = 0.6  # trunk lengths that joints lie from somebody who was found: so it was not them who was meant
_MOVED_FAR = 0.5  # trunk lengths by which nose, shoulders or hips are moved: so what was found tells nothing of depth
_MASK_PX = 384  # long side of the copy in which the figure is told from the rest
_ROUNDS = 4  # of GrabCut; more changes little
# Half the width of what surely and what probably belongs to a limb, in shoulder widths; how far around all the rest.
_SURE, _LIKELY, _AROUND = 0.025, 0.16, 1.1
_HEAD_SURE, _HEAD_LIKELY = 0.6, 1.6  # radius of the head, in distances between the ears
_COLOURS, _UNLIKE = 8, 30.0  # colours of the surroundings; levels of L, a, b from which on another one is told
_ON_MASK_MIN = 0.5  # of a bone that was placed: with less of it on the mask, the mask is found anew
_BONE_POINTS = 12
_PAINTED_MIN = 128  # of 255: from there on paint counts, and white is white
_SOFT_PX = 0.8  # sigma by which the border of a mask of pixels is softened
_L, _R = "left ", "right "
_LIMBS = tuple((f"{side}{a}", f"{side}{b}") for side in (_L, _R) for a, b in (
    ("shoulder", "elbow"), ("elbow", "wrist"), ("wrist", "hand"), ("hip", "knee"), ("knee", "ankle"), ("ankle", "foot")
))  # fmt: skip
# The landmark that each joint is, and those that go with it unless they are placed themselves.
LANDMARKS_OF: dict[str, tuple[Landmark, ...]] = {
    "nose": (Landmark.NOSE,),
    **{
        f"{side.lower()} {name}": (Landmark[f"{side}_{landmark}"],)
        for side in ("LEFT", "RIGHT")
        for name, landmark in (
            ("ear", "EAR"), ("shoulder", "SHOULDER"), ("elbow", "ELBOW"), ("wrist", "WRIST"), ("hip", "HIP"),
            ("knee", "KNEE"), ("ankle", "ANKLE"), ("foot", "FOOT_INDEX"),
        )
    },
    "left hand": (Landmark.LEFT_INDEX, Landmark.LEFT_PINKY),
    "right hand": (Landmark.RIGHT_INDEX, Landmark.RIGHT_PINKY),
}  # fmt: skip
_GO_WITH = {
    Landmark.LEFT_THUMB: "left hand",
    Landmark.RIGHT_THUMB: "right hand",
    Landmark.LEFT_HEEL: "left ankle",
    Landmark.RIGHT_HEEL: "right ankle",
    Landmark.MOUTH_LEFT: "nose",
    Landmark.MOUTH_RIGHT: "nose",
}
_ENDS = {"left wrist": "left hand", "right wrist": "right hand", "left ankle": "left foot", "right ankle": "right foot"}
_FOLLOWERS = (("nose", "left ear"), ("nose", "right ear"), *_ENDS.items())
_EYES = {
    "left ear": (Landmark.LEFT_EYE_INNER, Landmark.LEFT_EYE, Landmark.LEFT_EYE_OUTER),
    "right ear": (Landmark.RIGHT_EYE_INNER, Landmark.RIGHT_EYE, Landmark.RIGHT_EYE_OUTER),
}
_MOUTHS = {"left ear": Landmark.MOUTH_LEFT, "right ear": Landmark.MOUTH_RIGHT}


def corrected_pose(rgb: np.ndarray, people: Sequence[Pose], corrections: Corrections) -> Pose:
    """Apply corrections to who was found where they lie, or make a pose of the joints alone.

    Args:
        rgb: ``(height, width, 3)`` uint8, upright.
        people: Everybody who was found, with masks, the main character first.
        corrections: What a person says.

    Returns:
        The pose, with a mask of the picture's size. Its confidence is 1 where joints were placed.

    Raises:
        KlingUIError: Nobody was found there, and too few joints are placed to tell where the character is.
    """
    height, width = rgb.shape[:2]
    sides = np.array([width, height], float)
    placed = {name: np.array(joint.place) * sides for name, joint in corrections.joints.items() if joint.place}
    hidden = {name for name, joint in corrections.joints.items() if joint.hidden}
    base = _meant(people, placed, sides)
    if base is not None and _is_elsewhere_placed(base, placed, sides):
        base = Pose(*_built(placed, hidden, sides), base.mask, base.confidence)
    elif base is not None:
        base = _moved(base, placed, hidden, sides)
    elif all(name in placed for name in CORE):
        base = Pose(*_built(placed, hidden, sides), None, 1.0)
    else:
        missing = [name for name in CORE if name not in placed]
        raise KlingUIError(
            Told(
                "no character was found, so its joints must say where it is: {listed} must be placed.",
                listed=_listed(missing),
            ),
            advice="Elbows, wrists, hips, knees and ankles make the preview better.",
        )
    painted, figure = _paint(corrections.mask, rgb.shape)
    mask = base.mask
    if mask is None or not _holds(mask, base.landmarks, placed):
        mask = _figure_around(rgb, base.landmarks, placed.keys(), mask, (painted, figure))
    if painted is not None and figure is not None:
        mask = cv2.resize(mask, painted.shape[::-1], interpolation=cv2.INTER_LINEAR)
        mask = np.where(painted, figure, mask).astype(np.float32)
    mask = cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR)
    return Pose(base.landmarks, base.world_m, mask, 1.0 if placed else base.confidence)


def _meant(people: Sequence[Pose], placed: Mapping[str, np.ndarray], sides: np.ndarray) -> Pose | None:
    """Who was found where the joints were placed: the main character, unless another one is nearer."""
    if not placed:
        return people[0] if people else None
    aspect = float(sides[0] / sides[1])

    def apart(pose: Pose) -> float:
        own = _places(pose.landmarks, sides)
        ways = [np.hypot(*(own[name] - place)) for name, place in placed.items()]
        return float(np.median(ways)) / max(1.0, float(trunk_length(pose.landmarks, aspect)) * sides[1])

    nearest = min(people, key=apart, default=None)
    if nearest is None or len(placed) < len(CORE) or apart(nearest) <= _ELSEWHERE:
        return nearest
    return None if all(name in placed for name in CORE) else nearest


def _is_elsewhere_placed(pose: Pose, placed: Mapping[str, np.ndarray], sides: np.ndarray) -> bool:
    """Tell whether nose and shoulders were moved so far that what was found tells nothing of the rest."""
    if not all(name in placed for name in CORE):
        return False
    own, ruler = _places(pose.landmarks, sides), float(trunk_length(pose.landmarks, float(sides[0] / sides[1])))
    return any(np.hypot(*(own[name] - placed[name])) > _MOVED_FAR * ruler * sides[1] for name in CORE)


def _places(landmarks: np.ndarray, sides: np.ndarray) -> dict[str, np.ndarray]:
    return {name: landmarks[list(own), :2].mean(axis=0) * sides for name, own in LANDMARKS_OF.items()}


def _moved(pose: Pose, placed: Mapping[str, np.ndarray], hidden: set[str], sides: np.ndarray) -> Pose:
    """Move what was placed, and what hangs on it: fingers on a wrist, toes and heel on an ankle, the face on a nose."""
    landmarks, world = pose.landmarks.astype(np.float64), pose.world_m.astype(np.float64)
    before = _places(landmarks, sides)
    px_per_m = _scale(landmarks[:, :2] * sides, world, landmarks[:, 3])
    shifts = {name: place - before[name] for name, place in placed.items()}
    for inner, outer in _FOLLOWERS:
        if inner in shifts:
            shifts.setdefault(outer, shifts[inner])
    ways = np.zeros((LANDMARKS, 2))
    for name, shift in shifts.items():
        ways[[*LANDMARKS_OF[name], *_EYES.get(name, ())]] = shift
    for landmark, name in _GO_WITH.items():
        ways[landmark] = shifts.get(name, 0.0)
    landmarks[:, :2] += ways / sides
    world[:, :2] += ways / px_per_m
    for name in shifts:
        landmarks[[*LANDMARKS_OF[name]], 3] = np.maximum(landmarks[[*LANDMARKS_OF[name]], 3], 1.0)
    _hide(landmarks, hidden)
    return Pose(landmarks.astype(np.float32), world.astype(np.float32), pose.mask, pose.confidence)


def _hide(landmarks: np.ndarray, hidden: set[str]) -> None:
    for name in hidden | {outer for inner, outer in _ENDS.items() if inner in hidden}:
        landmarks[[*LANDMARKS_OF[name]], 3] = 0.0


def _scale(points: np.ndarray, world: np.ndarray, visibility: np.ndarray) -> float:
    weights = np.maximum(visibility, EPSILON)[:, None] / np.maximum(visibility, EPSILON).sum()
    spreads = [((values - (weights * values).sum(axis=0)) ** 2 * weights).sum() for values in (points, world[:, :2])]
    return float(np.sqrt(spreads[0] / max(spreads[1], EPSILON)))


def _built(placed: Mapping[str, np.ndarray], hidden: set[str], sides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make landmarks of joints: what was not placed goes where it usually is, and counts as hidden."""
    points, seen = _completed(placed)
    landmarks = np.zeros((LANDMARKS, 4))
    for name, own in LANDMARKS_OF.items():
        landmarks[list(own), :2], landmarks[list(own), 3] = points[name], float(name in seen)
    down = _unit(points["left hip"] + points["right hip"] - points["left shoulder"] - points["right shoulder"])
    width = _shoulders(points)
    for ear, eyes in _EYES.items():
        for share, eye in zip((0.25, 0.45, 0.65), eyes, strict=True):
            landmarks[eye, :2] = points["nose"] * (1 - share) + points[ear] * share - down * width * _EARS_UP
        landmarks[_MOUTHS[ear], :2] = points["nose"] * 0.75 + points[ear] * 0.25 + down * width * _MOUTH
    for side in (_L, _R):
        _spread_fingers(landmarks, points, side)
    landmarks[FACE, 3] = 1.0
    px_per_m = _size_of(points, seen)
    middle = (points["left hip"] + points["right hip"]) / 2
    world = np.zeros((LANDMARKS, 3))
    world[:, :2] = (landmarks[:, :2] - middle) / px_per_m
    landmarks[:, :2] /= sides
    _hide(landmarks, hidden)
    return landmarks.astype(np.float32), world.astype(np.float32)


def _spread_fingers(landmarks: np.ndarray, points: Mapping[str, np.ndarray], side: str) -> None:
    """Put index and little finger to both sides of the knuckles, the thumb nearer the wrist, and the heel."""
    name = side.strip().upper()
    hand, wrist = points[f"{side}hand"], points[f"{side}wrist"]
    along = hand - wrist
    aside = np.array([-along[1], along[0]]) * 0.2
    for landmark, place in (("INDEX", hand + aside), ("PINKY", hand - aside), ("THUMB", wrist + along * 0.6 + aside)):
        landmarks[Landmark[f"{name}_{landmark}"], :2] = place
    landmarks[Landmark[f"{name}_THUMB"], 3] = landmarks[Landmark[f"{name}_INDEX"], 3]
    foot, ankle = points[f"{side}foot"], points[f"{side}ankle"]
    landmarks[Landmark[f"{name}_HEEL"], :2] = ankle - (foot - ankle) * 0.25
    landmarks[Landmark[f"{name}_HEEL"], 3] = landmarks[Landmark[f"{name}_ANKLE"], 3]


def _completed(placed: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], set[str]]:
    """All joints in px, and the names of those that are seen: placed, or between or beside placed ones."""
    points, seen = {name: np.asarray(place, float) for name, place in placed.items()}, set(placed)
    chest, width = (points["left shoulder"] + points["right shoulder"]) / 2, _shoulders(points)
    hips = [points[name] for name in ("left hip", "right hip") if name in points]
    down = _unit((hips[0] + hips[-1]) / 2 - chest if hips else chest - points["nose"])
    across = _unit(points["left shoulder"] - points["right shoulder"])
    for side, way in ((_L, across), (_R, -across)):
        if f"{side}hip" not in points:
            other = points.get(f"{_R if side == _L else _L}hip")
            base = chest + down * _HIPS_DOWN * width if other is None else other + way * _HIPS_ASIDE * width
            points[f"{side}hip"] = base + way * _HIPS_ASIDE * width
            seen |= {f"{side}hip"} if {f"{side}knee", f"{side}ankle"} & placed.keys() else set()
        if f"{side}ear" not in points:
            points[f"{side}ear"] = points["nose"] + (way * _EARS - down * _EARS_UP) * width
            seen.add(f"{side}ear")
        _limb(points, seen, (f"{side}shoulder", f"{side}elbow", f"{side}wrist"), down * _ARM * width)
        _limb(points, seen, (f"{side}hip", f"{side}knee", f"{side}ankle"), down * _THIGH * width)
        wrist, ankle = points[f"{side}wrist"], points[f"{side}ankle"]
        ends = {
            f"{side}hand": (f"{side}wrist", wrist + (wrist - points[f"{side}elbow"]) * _HAND_SHARE),
            f"{side}foot": (f"{side}ankle", ankle + (down * _FOOT_DOWN + way * _FOOT_ASIDE) * width),
        }
        for name, (inner, place) in ends.items():
            if name not in points:
                points[name] = place
                seen |= {name} if inner in seen else set()
    return points, seen


def _limb(points: dict[str, np.ndarray], seen: set[str], names: tuple[str, str, str], hanging: np.ndarray) -> None:
    inner, middle, outer = names
    if middle not in points:
        points[middle] = (points[inner] + points[outer]) / 2 if outer in points else points[inner] + hanging
        seen |= {middle} if outer in points else set()
    if outer not in points:
        points[outer] = points[middle] + (points[middle] - points[inner])


def _shoulders(points: Mapping[str, np.ndarray]) -> float:
    """Width of the shoulders in px; where they lie behind each other, what the head's height tells of it."""
    left, right = points["left shoulder"], points["right shoulder"]
    head = float(np.hypot(*((left + right) / 2 - points["nose"])))
    return max(1.0, float(np.hypot(*(left - right))), _HEAD_PER_SHOULDERS * head)


def _size_of(points: Mapping[str, np.ndarray], seen: set[str]) -> float:
    ratios = [np.hypot(*(points[a] - points[b])) / metres for a, b, metres in _BONES_M if {a, b} <= seen]
    return max(1.0, float(np.median(ratios)))


def _unit(way: np.ndarray) -> np.ndarray:
    length = float(np.hypot(*way))
    return way / length if length > EPSILON else np.array([0.0, 1.0])


def _paint(mask: bytes, shape: tuple[int, ...]) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Read a painted mask: where it is painted, and whether that is the character; both ``(height, width)`` bool."""
    if not mask:
        return None, None
    try:
        with Image.open(BytesIO(mask), formats=("PNG",)) as opened:
            grey, alpha = np.moveaxis(np.asarray(opened.convert("RGBA").convert("LA")), -1, 0)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise KlingUIError("the mask cannot be decoded.", advice="Save it as PNG once more.") from error
    height, width = shape[:2]
    long_px = min(max(grey.shape), max(height, width))
    size = max(1, round(width * long_px / max(height, width))), max(1, round(height * long_px / max(height, width)))
    grey, alpha = (cv2.resize(np.ascontiguousarray(one), size, interpolation=cv2.INTER_AREA) for one in (grey, alpha))
    return alpha >= _PAINTED_MIN, grey >= _PAINTED_MIN


def _holds(mask: np.ndarray, landmarks: np.ndarray, placed: Mapping[str, np.ndarray]) -> bool:
    """Tell whether the bones between joints that were placed, and are seen, lie on the mask."""
    height, width = mask.shape
    own = _places(landmarks, np.array([width, height], float))
    for a, b in _LIMBS:
        ends = [landmarks[list(LANDMARKS_OF[name]), 3].mean() >= VISIBLE_MIN for name in (a, b)]
        if not (a in placed or b in placed) or not all(ends):
            continue
        line = np.linspace(own[a], own[b], _BONE_POINTS).astype(int)
        inside = ((line >= 0) & (line < (width, height))).all(axis=1)
        rows, columns = line[inside, 1], line[inside, 0]
        if len(rows) and (mask[rows, columns] > MASK_THRESHOLD).mean() < _ON_MASK_MIN:
            return False
    return True


def _figure_around(
    rgb: np.ndarray,
    landmarks: np.ndarray,
    placed: Collection[str],
    known: np.ndarray | None,
    paint: tuple[np.ndarray | None, np.ndarray | None],
) -> np.ndarray:
    """Tell the figure around a skeleton from its surroundings by colour (GrabCut); ``(height, width)`` float32 0-1."""
    small = shrink(rgb, _MASK_PX)
    size = small.shape[1], small.shape[0]
    hints, (painted, figure) = _hints(landmarks, placed, size), paint
    hints[(hints == cv2.GC_PR_BGD) & _unlike_surroundings(small, hints)] = cv2.GC_PR_FGD
    if known is not None:
        there = cv2.resize(known, size, interpolation=cv2.INTER_LINEAR) > MASK_THRESHOLD
        hints[there & (hints != cv2.GC_FGD)] = cv2.GC_PR_FGD
    if painted is not None and figure is not None:
        on, white = (
            cv2.resize(one.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0 for one in (painted, figure)
        )
        hints[on] = np.where(white[on], cv2.GC_FGD, cv2.GC_BGD)
    if not (hints == cv2.GC_FGD).any() or not np.isin(hints, (cv2.GC_BGD, cv2.GC_PR_BGD)).any():
        return np.isin(hints, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    bgr = np.ascontiguousarray(small[..., ::-1])
    sure = hints == cv2.GC_FGD
    cv2.setRNGSeed(0)
    cv2.grabCut(bgr, hints, (0, 0, 1, 1), *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = np.isin(hints, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    _, pieces = cv2.connectedComponents(found)
    held = np.isin(pieces, np.unique(pieces[sure & (found > 0)])) & (found > 0)
    return cv2.GaussianBlur(held.astype(np.float32), (0, 0), _SOFT_PX)


def _unlike_surroundings(rgb: np.ndarray, hints: np.ndarray) -> np.ndarray:
    """Find what has no colour of what surely is not the figure; ``(height, width)`` bool."""
    lab = cv2.cvtColor(cv2.GaussianBlur(rgb, (0, 0), _SOFT_PX), cv2.COLOR_RGB2LAB).astype(np.float32)
    around = lab[hints == cv2.GC_BGD]
    if len(around) < _COLOURS:
        return np.zeros(hints.shape, bool)
    ends = cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 10, 1.0
    cv2.setRNGSeed(0)  # the same picture gives the same figure
    _, _, colours = cv2.kmeans(around, _COLOURS, np.zeros(0, np.int32), ends, 1, cv2.KMEANS_PP_CENTERS)
    nearest = np.min([((lab - colour) ** 2).sum(axis=-1) for colour in colours], axis=0)
    return nearest > _UNLIKE**2


def _hints(landmarks: np.ndarray, placed: Collection[str], size: tuple[int, int]) -> np.ndarray:
    """What is surely, probably, or surely not the figure, in GrabCut's words; ``(height, width)`` uint8.

    Where hands and feet end is only surely known where somebody placed them.
    """
    points = _places(landmarks, np.array(size, float))
    seen = {name for name, own in LANDMARKS_OF.items() if landmarks[list(own), 3].mean() >= VISIBLE_MIN}
    width = _shoulders(points)
    shape = size[::-1]
    sure, likely = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    one = (1.0,)
    for a, b in _LIMBS:
        if {a, b} <= seen:
            start, end = (np.rint(points[name]).astype(int).tolist() for name in (a, b))
            is_guess = b in _ENDS.values() and b not in placed
            for layer, share in ((likely, _LIKELY),) if is_guess else ((sure, _SURE), (likely, _LIKELY)):
                cv2.line(layer, start, end, one, max(1, round(2 * share * width)))
    trunk = np.array([points[name] for name in ("left shoulder", "right shoulder", "right hip", "left hip")])
    shrunk = trunk.mean(axis=0) + (trunk - trunk.mean(axis=0)) * 0.7
    cv2.fillPoly(sure, [np.rint(shrunk).astype(np.int32)], one)
    cv2.fillPoly(likely, [np.rint(trunk).astype(np.int32)], one)
    ears = points["left ear"], points["right ear"]
    head = np.rint((ears[0] + ears[1] + points["nose"]) / 3).astype(int).tolist()
    across = max(0.3 * width, float(np.hypot(*(ears[0] - ears[1]))))
    cv2.circle(sure, head, max(1, round(_HEAD_SURE * across / 2)), one, -1)
    cv2.circle(likely, head, max(1, round(_HEAD_LIKELY * across / 2)), one, -1)
    known = np.array([points[name] for name in seen])
    low, high = known.min(axis=0) - _AROUND * width, known.max(axis=0) + _AROUND * width
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    outside = (columns < low[0]) | (columns > high[0]) | (rows < low[1]) | (rows > high[1])
    hints = np.where(likely > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    hints[outside] = cv2.GC_BGD
    hints[_rim(shape)] = np.where(likely[_rim(shape)] > 0, hints[_rim(shape)], cv2.GC_BGD)
    hints[sure > 0] = cv2.GC_FGD
    return hints


def _rim(shape: tuple[int, ...]) -> np.ndarray:
    rim = np.ones(shape, bool)
    rim[2:-2, 2:-2] = False
    return rim


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
