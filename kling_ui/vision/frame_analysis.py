"""Analyse one frame of a clip: its people, how sharp it is, and what hides a body."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from kling_ui.vision.camera import FLOW_LONG_SIDE_PX, SOBEL_SUM
from kling_ui.vision.frame_sampling import SampledFrame, content_box
from kling_ui.vision.lighting import exposed, lighting
from kling_ui.vision.people import Box, find_group, mask_box
from kling_ui.vision.pose import EARS, HIPS, MASK_THRESHOLD, SHOULDERS, VISIBLE_MIN, Landmark, Pose, shrink, turn_deg

PLAN_PX = 224  # long side of the copy on which patches are followed
_SMALLEST_PX, _NARROWEST_PX = 50, 4  # area of a body, and width of its shoulders, below which nothing is judged
# In shoulder widths around the body's outline: where it may end all the same, and up to where its surroundings go.
_BORDER, _AROUND = 0.1, 0.6
_SIDE_LIGHT_MIN, _GREY_MAX = 1.3, 255  # times as bright as the other side, on the whole; the brightest level
_SAME_COLOUR = (7, 4, 4)  # levels of L, a, b around the colour of the seed
# On the body and beyond it, in shares of the body's outline. Bars and boxes fill a rectangle: a little of them will do.
# Anything else must show more: a wide skirt has 0.05 beyond, a background in the colour of a sleeve 0.04 on the body.
_SQUARE_MIN, _SQUARE_ON_MIN, _SQUARE_BEYOND_MIN = 0.93, 0.03, 0.015
_OTHER_ON_MIN, _OTHER_BEYOND_MIN = 0.08, 0.055
# Of the surroundings within half a shoulder's width: more is the background itself.
_SURROUNDINGS_MAX = 0.5
# Pale clothes run into a pale wall. What has about the seed's colour, connected or not, makes up 0.33 and more of the
# surroundings then, and at most 0.4 where a thing is in front; which fills a rectangle, as hardly any such wall does.
# Of 1008 drawn pictures of pale and dark clothes before such walls this leaves 8 alarms of 265; of 498 with a thing in
# front it loses 25 of 395 finds, most of them of a wall's colour or of rough wood below a body.
_ALIKE_COLOUR = (14, 6, 6)  # levels of L, a, b, as above
_ALIKE_MAX, _SQUARE_ALIKE_MAX = 0.33, 0.6
# Of their rectangle such things fill at least so much; what fills less than the second is cloth and a window's frame.
_FILLS_MIN, _RAGGED_MAX = 0.8, 0.3
_SURE_MIN = 0.8  # of the detector: a body behind a board measured 0.2-0.79, 99 % of those in pale clothes more
_CUT_EDGE_SHARE = 0.05  # joints this near to the picture's edge are cut by it rather than hidden
_BACK_DEG = 180  # the back is to the camera
_SIDEWAYS_DEG = 40.0  # beyond it the far arm and leg hide behind the body, as they should
_BACKWARDS_DEG = 130.0  # beyond it both arms do
_FINGERS = [*range(Landmark.LEFT_PINKY, Landmark.RIGHT_INDEX + 1)]
# Fingers behind the back or in pockets measure 0.34-0.84, in front of the body, half closed, 0.87 and more.
_HAND_SEEN_MIN = 0.85
_HIDDEN_MIN = 2  # a single joint is often the other hand's doing
_WHOLE = (0.0, 0.0, 1.0, 1.0)

_S, _E, _W = Landmark.LEFT_SHOULDER, Landmark.LEFT_ELBOW, Landmark.LEFT_WRIST
_H, _K, _A = Landmark.LEFT_HIP, Landmark.LEFT_KNEE, Landmark.LEFT_ANKLE
_I, _F = Landmark.LEFT_INDEX, Landmark.LEFT_FOOT_INDEX
# Inner joint, outer joint of the left side, half the width in shoulder widths; the right side is one further.
_LIMBS = ((_S, _E, 0.20), (_E, _W, 0.17), (_W, _I, 0.16), (_H, _K, 0.26), (_K, _A, 0.20), (_A, _F, 0.16))
_TRUNK_ROUND, _HEAD_ROUND, _NECK_ROUND = 0.16, 0.48, 0.2  # likewise: around the trunk, the ears, and the neck
_SHOULDERS_PER_TRUNK = 0.62  # width of the shoulders: the trunk's length stays when somebody turns aside
_NAMED_LIMBS = (("upper arm", _S, _E), ("forearm", _E, _W), ("thigh", _H, _K), ("lower leg", _K, _A))
_JOINT_NAMES = {_S: "shoulder", _E: "elbow", _W: "wrist", _H: "hip", _K: "knee", _A: "ankle"}
_ARM, _LEG = (_S, _E, _W), (_H, _K, _A)
_SEED_GRAIN_PX = 3  # side of the median filter that removes grain, over which a colour would not spread
_FAR_SIDES = 4  # long sides of the picture, within which joints are drawn: OpenCV's numbers end somewhere
_CONNECTIVITY = 4  # a colour spreads to the sides, not across corners
# Shares of the way along a limb and down the trunk from which a patch of one colour is followed.
_SEEDS_ALONG_LIMB = (0.2, 0.35, 0.5, 0.65, 0.8)
_SEED_ASIDE = 0.75  # of the way from the trunk's middle to either side
_SEEDS_DOWN_TRUNK = (0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
_BURNT_OUT_MIN = 252  # in every colour: a body and a wall that are burnt out look like one thing, and are none
_FLOOD_VALUE = 1 << 8  # what OpenCV writes into the mask is given in the flags' second byte
_SHARP_PX = 512  # long side of the copy in which sharpness is measured
_SHARP_SIGMA_PX = 0.8  # over which noise is averaged, which would pass for sharp edges
_SHARP_DIGITS = 3  # decimals kept
_FIGURE_MIN = 0.3  # of a cell that the mask covers
_FIGURE_PX_MIN = 200  # area below which a figure has too few edges to judge
_SHARP_PERCENTILE = 95  # of curvatures and of slopes: the figure's clearest edges
_REACH_S = 1.3  # how far an outline is borrowed: moments are at most 2.5 s apart in what any engine takes
_GROWN_PX = 9  # side of the square by which an outline is widened: 4 px to each side


def hidden_joints(landmarks: np.ndarray, world_m: np.ndarray, within: Box = _WHOLE) -> tuple[str, ...]:
    """Name the joints of one pose that lie well inside the picture and are hidden, when there are several.

    In a view from the side the arm and leg behind the body do not count, in a view from behind the arms do not, and
    legs do not when no foot is in view: somebody behind a desk is shown as an upper body on purpose.

    Args:
        landmarks: ``(33, 4)``.
        world_m: ``(33, 3)``.
        within: What of the picture shows something, ``(left, top, right, bottom)`` as fractions.
    """
    turn = float(turn_deg(world_m))
    far_side = _far_side(turn)
    low, high = np.array(within[:2]) + _CUT_EDGE_SHARE, np.array(within[2:]) - _CUT_EDGE_SHARE
    inside = ((landmarks[:, :2] > low) & (landmarks[:, :2] < high)).all(axis=1)
    visible = landmarks[:, 3] >= VISIBLE_MIN
    joints = [
        *(_ARM if abs(turn) < _BACKWARDS_DEG else ()),
        *(_LEG if (inside & visible)[[_A, _A + 1]].any() else ()),
    ]
    sides = [(offset, side) for offset, side in enumerate(("left", "right")) if offset != far_side]
    hidden = inside & ~visible
    named = [f"{side} {_JOINT_NAMES[joint]}" for joint in joints for offset, side in sides if hidden[joint + offset]]
    return tuple(named) if len(named) >= _HIDDEN_MIN else ()


def hidden_hands(landmarks: np.ndarray, world_m: np.ndarray, within: Box = _WHOLE) -> tuple[str, ...]:
    """Name both hands of a still picture when they are behind the back or in pockets.

    In a clip hands are blurred now and then, which looks the same; and from the side or from behind they may be hidden.

    Args:
        landmarks: ``(33, 4)``.
        world_m: ``(33, 3)``.
        within: What of the picture shows something, as fractions.
    """
    low, high = np.array(within[:2]) + _CUT_EDGE_SHARE, np.array(within[2:]) - _CUT_EDGE_SHARE
    places, visibility = landmarks[_FINGERS, :2], landmarks[_FINGERS, 3]
    is_front = abs(float(turn_deg(world_m))) < _SIDEWAYS_DEG
    is_inside = bool(((places > low) & (places < high)).all())
    return ("left hand", "right hand") if is_front and is_inside and (visibility < _HAND_SEEN_MIN).all() else ()


def covered_parts(
    rgb: np.ndarray, landmarks: np.ndarray, within: Box = _WHOLE, *, confidence: float = 1.0
) -> tuple[str, ...]:
    """Name the parts of one body that something plain in front of it covers: a post, a beam, a table, a caption's bar.

    Things with a pattern, and things that end at the body's outline, are not found.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        landmarks: ``(33, 4)``.
        within: What of the picture shows something, as fractions: dark clothes often merge with black bars.
        confidence: How sure the detector is of the body, 0-1. One of whom it is not sure is read askew where the head
            is hidden, so that the background itself lies on what is taken for the body.
    """
    scale = min(1.0, PLAN_PX / max(rgb.shape[:2]))
    size = max(2, round(rgb.shape[1] * scale)), max(2, round(rgb.shape[0] * scale))
    small = _evenly_lit(cv2.medianBlur(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), _SEED_GRAIN_PX))
    points = landmarks[:, :2] * size
    width_px = _shoulder_width(points)
    outline = _outline(size, points, width_px)
    area = int(outline.sum())
    if area < _SMALLEST_PX or width_px < _NARROWEST_PX:
        return ()
    beyond = ~_grown(outline, _BORDER * width_px) & _shown(outline.shape, within)
    surroundings = beyond & _grown(outline, _AROUND * width_px)
    found, lab, done = [], cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.zeros(outline.shape, bool)
    for name, x, y in _seeds(points):
        if not (0 <= x < size[0] and 0 <= y < size[1]) or done[y, x] or small[y, x].min() >= _BURNT_OUT_MIN:
            continue
        patch, window = _patch(lab, x, y)
        done[window] |= patch
        on, off, near = (np.count_nonzero(patch & part[window]) for part in (outline, beyond, surroundings))
        if near > _SURROUNDINGS_MAX * surroundings.sum() or not _stands_in_front(patch, on / area, off / area):
            continue
        if confidence < _SURE_MIN or not _is_background(patch, _alike(lab, x, y)[surroundings].mean()):
            found.append(name)
    return tuple(dict.fromkeys(found))


def _evenly_lit(rgb: np.ndarray) -> np.ndarray:
    """Take off light that falls from one side, in which no colour would spread across the picture."""
    columns = np.arange(rgb.shape[1])
    slope, level = np.polyfit(columns, cv2.reduce(rgb, 0, cv2.REDUCE_AVG, dtype=cv2.CV_64F)[0].mean(axis=1), 1)
    light = slope * columns + level
    if light.min() <= 0 or light.max() < _SIDE_LIGHT_MIN * light.min():
        return rgb
    return (rgb * (light.mean() / light)[None, :, None]).clip(0, _GREY_MAX).astype(np.uint8)


def _far_side(turn: float) -> int:
    """Tell which side a body seen from the side hides: 0 its left, 1 its right, -1 neither."""
    if not _SIDEWAYS_DEG < abs(turn) < _BACK_DEG - _SIDEWAYS_DEG:
        return -1
    return 0 if turn > 0 else 1


def _shown(shape: tuple[int, ...], within: Box) -> np.ndarray:
    shown = np.zeros(shape, bool)
    left, top, right, bottom = within
    rows = slice(round(top * shape[0]), round(bottom * shape[0]))
    shown[rows, round(left * shape[1]) : round(right * shape[1])] = True
    return shown


def _patch(lab: np.ndarray, x: int, y: int) -> tuple[np.ndarray, tuple[slice, slice]]:
    """Follow one colour from a place; bool, and the window of the picture that it fits into."""
    mask = np.zeros((lab.shape[0] + 2, lab.shape[1] + 2), np.uint8)
    flags = _CONNECTIVITY | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | _FLOOD_VALUE
    *_, (left, top, width, height) = cv2.floodFill(lab, mask, (x, y), (0,), _SAME_COLOUR, _SAME_COLOUR, flags)
    window = slice(top, top + height), slice(left, left + width)
    return mask[1:-1, 1:-1][window] > 0, window


def _stands_in_front(patch: np.ndarray, on_share: float, beyond_share: float) -> bool:
    if on_share >= _OTHER_ON_MIN and beyond_share >= _OTHER_BEYOND_MIN:
        return True
    is_large = on_share >= _SQUARE_ON_MIN and beyond_share >= _SQUARE_BEYOND_MIN
    return is_large and _squareness(patch) >= _SQUARE_MIN


def _alike(lab: np.ndarray, x: int, y: int) -> np.ndarray:
    """Tell where the picture has about the colour of a place; bool."""
    seed, near = lab[y, x].astype(int), np.array(_ALIKE_COLOUR)
    return cv2.inRange(lab, seed - near, seed + near) > 0


def _is_background(patch: np.ndarray, alike_share: float) -> bool:
    """Tell whether a patch that goes on beyond the body is a background into which the clothes run."""
    square = _squareness(patch)
    return square < _RAGGED_MAX or alike_share >= (_ALIKE_MAX if square < _FILLS_MIN else _SQUARE_ALIKE_MAX)


def _squareness(patch: np.ndarray) -> float:
    """Share of the smallest rectangle around a patch, in any direction, that it fills."""
    outline, _ = cv2.findContours(patch.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    (width, height) = cv2.minAreaRect(np.concatenate(outline))[1]
    return float(np.count_nonzero(patch) / ((width + 1) * (height + 1)))


def _seeds(points: np.ndarray) -> list[tuple[str, int, int]]:
    """List places that surely lie on the body, with the part's name; x and y in whole pixels."""
    nose, mouth = points[Landmark.NOSE], points[[Landmark.MOUTH_LEFT, Landmark.MOUTH_RIGHT]].mean(axis=0)
    ears = points[EARS].mean(axis=0)
    places = [("head", place) for place in (nose, mouth, (nose + ears) / 2)]
    shoulders, hips = points[SHOULDERS], points[HIPS]
    for down in _SEEDS_DOWN_TRUNK:
        sides = shoulders * (1 - down) + hips * down
        middle = sides.mean(axis=0)
        places += [("trunk", place) for place in (middle, *(_SEED_ASIDE * sides + (1 - _SEED_ASIDE) * middle))]
    for offset, side in enumerate(("left", "right")):
        for name, inner, outer in _NAMED_LIMBS:
            first, second = points[inner + offset], points[outer + offset]
            places += [(f"{side} {name}", first * (1 - along) + second * along) for along in _SEEDS_ALONG_LIMB]
    whole = np.floor([place for _, place in places]).astype(int).tolist()
    return [(name, x, y) for (name, _), (x, y) in zip(places, whole, strict=True)]


def _outline(size: tuple[int, int], points: np.ndarray, width_px: float) -> np.ndarray:
    """Draw where the body should be, from its joints alone: the segmentation would follow whatever hides it."""
    drawn = np.zeros((size[1], size[0]), np.uint8)
    far = _FAR_SIDES * max(size)
    whole = np.rint(points.clip(-far, far)).astype(np.int32)

    def limb(first: np.ndarray, second: np.ndarray, half_width: float) -> None:
        start, end = (np.rint(place.clip(-far, far)).astype(int).tolist() for place in (first, second))
        cv2.line(drawn, start, end, (1,), max(1, round(2 * half_width * width_px)))

    trunk = [_S, _S + 1, _H + 1, _H]
    cv2.fillConvexPoly(drawn, whole[trunk], (1,))
    for first, second in zip(trunk, (*trunk[1:], trunk[0]), strict=True):
        limb(points[first], points[second], _TRUNK_ROUND)
    head = points[EARS].mean(axis=0)
    limb(head, head, _HEAD_ROUND)
    limb(points[SHOULDERS].mean(axis=0), head, _NECK_ROUND)
    for inner, outer, half_width in _LIMBS:
        for offset in (0, 1):
            limb(points[inner + offset], points[outer + offset], half_width)
    return drawn > 0


def _shoulder_width(points: np.ndarray) -> float:
    across = float(np.linalg.norm(points[_S] - points[_S + 1]))
    trunk = float(np.linalg.norm(points[SHOULDERS].mean(axis=0) - points[HIPS].mean(axis=0)))
    return max(across, _SHOULDERS_PER_TRUNK * trunk)


def _grown(mask: np.ndarray, by_px: float) -> np.ndarray:
    side = 2 * max(1, round(by_px)) + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0


@dataclass(frozen=True, slots=True)
class FrameAnalysis:
    """What one frame shows; its pose is in the row of the same index in the clip's track.

    Attributes:
        time_s: Its time from the start of the clip.
        confidence: How sure the detector is of the person, 0-1; 0 when nobody was found.
        box: Of the person, as fractions; ``None`` when nobody was found.
        others: Boxes of other people of a comparable size, likewise.
        is_thorough: Other people were searched twice more.
        covered: Parts of the body that something in front of it covers.
        hidden: Joints that are inside the picture and hidden.
        sharpness: Of the figure's edges: 0.6-0.8 is sharp, below 0.45 blurred; 0 when nobody was found.
        brightness: Of the figure's light parts, see :mod:`kling_ui.vision.lighting`; of the frame's without anybody.
        shade: Of the figure's dark parts, likewise.
        glare: Share of the face that is burnt out, 0-1; of the frame without anybody.
        is_veiled: Nobody was found, but somebody is there once the levels are spread.
    """

    time_s: float
    confidence: float = 0.0
    box: Box | None = None
    others: tuple[Box, ...] = ()
    is_thorough: bool = False
    covered: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    sharpness: float = 0.0
    brightness: float = 1.0
    shade: float = 0.0
    glare: float = 0.0
    is_veiled: bool = False


@dataclass(frozen=True, slots=True)
class AnalysedFrame:
    """An analysed frame with the pose and the outlines that go with it.

    Attributes:
        moment: What goes into the report.
        pose: The main person, without a mask.
        figure: ``(height, width)`` bool, at the size of the flow's frames: the main person; ``None`` for nobody.
        people: Likewise, everybody.
    """

    moment: FrameAnalysis
    pose: Pose | None
    figure: np.ndarray | None
    people: np.ndarray | None = None


def analyse_frame(sampled_frame: SampledFrame, *, thorough: bool) -> AnalysedFrame:
    """Find the people of a frame and what hides the main one.

    Args:
        sampled_frame: The frame.
        thorough: Search other people in two more ways, which takes half as long again.
    """
    rgb = sampled_frame.rgb
    group = find_group(rgb, thorough=thorough)
    main = group.main
    small = shrink(rgb, PLAN_PX)
    if main is None or main.mask is None:
        nobody = FrameAnalysis(sampled_frame.time_s, is_thorough=thorough, **lighting(small)._asdict())
        return AnalysedFrame(nobody, None, None)
    plan = exposed(small)
    within = content_box(plan)
    moment = FrameAnalysis(
        time_s=sampled_frame.time_s,
        confidence=main.confidence,
        box=mask_box(main),
        others=group.others,
        is_thorough=thorough,
        covered=covered_parts(plan, main.landmarks, within, confidence=main.confidence),
        hidden=hidden_joints(main.landmarks, main.world_m, within),
        sharpness=round(sharpness(sampled_frame.grey(_SHARP_PX), main.mask), _SHARP_DIGITS),
        **lighting(small, main)._asdict(),
    )
    pose = Pose(main.landmarks, main.world_m, None, main.confidence)
    figure = _figure(main.mask)
    return AnalysedFrame(moment, pose, figure, _with_boxes(figure, group.others))


def sharpness(grey: np.ndarray, mask: np.ndarray) -> float:
    """Measure how sharp the edges of a figure are: their curvature against their slope, which leaves contrast out.

    Args:
        grey: ``(height, width)`` uint8.
        mask: ``(..., ...)`` 0-1, of any size: the figure.

    Returns:
        About 0.6-0.8 for sharp pictures, 0.3 for soft ones; 0 when the figure is too small to tell.
    """
    on = cv2.resize(mask, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_AREA) > MASK_THRESHOLD
    if on.sum() < _FIGURE_PX_MIN:
        return 0.0
    left, top, width, height = cv2.boundingRect(on.astype(np.uint8))
    on, grey = on[top : top + height, left : left + width], grey[top : top + height, left : left + width]
    smooth = cv2.GaussianBlur(grey, (0, 0), _SHARP_SIGMA_PX)
    bend = np.abs(cv2.Laplacian(smooth, cv2.CV_16S))[on]
    across, down = (cv2.Sobel(grey, cv2.CV_16S, *axis)[on].astype(np.float32) / SOBEL_SUM for axis in ((1, 0), (0, 1)))
    slope = np.hypot(across, down)
    return float(np.percentile(bend, _SHARP_PERCENTILE) / max(1.0, np.percentile(slope, _SHARP_PERCENTILE)))


def _figure(mask: np.ndarray) -> np.ndarray:
    scale = min(1.0, FLOW_LONG_SIDE_PX / max(mask.shape))
    size = max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale))
    return cv2.resize(mask, size, interpolation=cv2.INTER_AREA) > _FIGURE_MIN


def _with_boxes(figure: np.ndarray, boxes: tuple[Box, ...]) -> np.ndarray:
    people, (height, width) = figure.copy(), figure.shape
    for left, top, right, bottom in boxes:
        rows = slice(max(0, round(top * height)), max(0, round(bottom * height)))
        people[rows, max(0, round(left * width)) : max(0, round(right * width))] = True
    return people


class Figures:
    """The outlines of people over time, taken from the analysed frames nearby.

    Args:
        times_s: ``(frames,)`` of all sampled frames, rising.
        at_s: Times of the analysed frames, rising.
        outlines: ``(height, width)`` bool at each of these times; ``None`` for nobody.
    """

    def __init__(self, times_s: np.ndarray, at_s: Sequence[float], outlines: Sequence[np.ndarray | None]) -> None:
        self._times_s, self._at_s, self._outlines = times_s, np.asarray(at_s), outlines
        self._joined: dict[tuple[int, ...], np.ndarray] = {}

    def at(self, index: int) -> np.ndarray | None:
        """Give the outline in a sampled frame, by its index."""
        return self.during(float(self._times_s[index]), float(self._times_s[index]))

    def during(self, start_s: float, end_s: float) -> np.ndarray | None:
        """Give all places where somebody is during a span of time."""
        first = max(0, int(np.searchsorted(self._at_s, start_s, side="right")) - 1)
        last = min(len(self._at_s) - 1, int(np.searchsorted(self._at_s, end_s)))
        near = tuple(
            place
            for place in range(first, last + 1)
            if self._outlines[place] is not None and start_s - _REACH_S <= self._at_s[place] <= end_s + _REACH_S
        )
        if near and near not in self._joined:
            self._joined[near] = grown(np.logical_or.reduce([self._outlines[place] for place in near]))
        return self._joined.get(near)


def grown(figure: np.ndarray) -> np.ndarray:
    """Widen an outline a little: it is coarse, and what is on its edge moves."""
    return cv2.dilate(figure.astype(np.uint8), np.ones((_GROWN_PX, _GROWN_PX), np.uint8)) > 0
