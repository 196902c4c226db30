"""Find the character in a picture: its matte, joints, scale and face, and a window around each body part."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from kling_ui.corrections import Corrections
from kling_ui.errors import KlingUIError, MediaError
from kling_ui.media.image import read_picture
from kling_ui.puppet.rig.belongings import with_belongings
from kling_ui.puppet.rig.distances import march
from kling_ui.puppet.rig.gaps import without_gaps
from kling_ui.puppet.rig.matting import matte
from kling_ui.puppet.skeleton import (
    ANKLES,
    BONES,
    FOREARMS,
    HIPS,
    KNEES,
    LEGS,
    UPPER_ARMS,
    Joint,
    Part,
    joints_of,
    scale_px_per_m,
)
from kling_ui.vision.corrected import corrected_pose
from kling_ui.vision.people import face_of
from kling_ui.vision.pose import ARMS, EARS, Landmark, Pose, find_people, find_person

VISIBLE = 0.5  # a bone whose end is less visible than this is not shown
SURELY_VISIBLE = 0.9  # with an arm less visible than this the pose is detected again
CLEARLY_BETTER = 0.4  # summed visibility of elbows and wrists by which the second pose must win
CUT_ROWS = 3  # the very last rows of a picture are often spoilt by its edge
BELOW_SHARE = 0.12  # of the picture's height
ANKLE_ABOVE_M = 0.05  # the lower edge of the picture; of a shoe hardly more than the sole is missing then
ADDED = 0.9  # of a pixel, that belongings add to what the detector sees of the person
MIRRORED = 0.95  # from what alpha on a pixel above is fit to be shown below
LEAST_SIDE_PX = 720  # of the longer side: smaller pictures are enlarged to this
BONE_POINTS = 11  # at which a bone is tested for lying in the picture
CONTRAST, TILES = 3.0, (8, 8)  # of the histogram equalisation (CLAHE): its clip limit, and parts across and down
BYTE_VALUES = 256  # that a uint8 can have
AROUND_M = 0.18  # what a part may take of its surroundings at most
FEATHER_PX = 1.0  # sigma of a soft border
ENLARGED_SIGMA_PX = 1.2  # over which labels' stairs are smoothed when they are enlarged
# Knees or ankles nearer to each other than this, or crossed, lie over one another; shins that touch are 0.045 apart.
TIED_M = 0.03
# Down the shins, where that is looked for too, and how far apart the legs are there at most, of a leg's own width; it
# is 0.6 and more of legs that stand side by side and touch.
CALVES, OVERLAP = 0.66, 0.55
SOLID_FIGURE = 0.5  # alpha from which on a pixel is the figure's
LEG_M = 0.15  # half of the widest trouser leg
BETWEEN_POINTS = 21  # from leg to leg, at which a gap is searched
# Where cloth between the thighs is searched, of the way from hips to knees; how far it is followed outwards; from what
# width on it is no trousers, or may be none if there is no seam between the legs, which is by so many of 8 bits darker.
SKIRT_ROWS, SKIRT_M, FLARED_M, WIDE_CLOTH_M, SEAM = (0.5, 0.6, 0.7, 0.8), 0.5, 0.52, 0.315, 12.0
SIDEWAYS_M = 0.06  # between the hips: in a view from the side that is nearly nothing, and tells no left from right


@dataclass(frozen=True, slots=True)
class FaceMarks:
    """Where the face is in the picture, how wide, and how it is held.

    Attributes:
        centre: ``(x, y)`` px, between eyes, nose and ears.
        width_px: Distance between the ears as they are seen.
        held: ``(3,)`` roll, turn and nod; see :func:`kling_ui.vision.people.face_of`.
    """

    centre: tuple[float, float]
    width_px: float
    held: np.ndarray


@dataclass(frozen=True, slots=True)
class Character:
    """A person in a picture that has been scaled to the preview's size.

    Attributes:
        rgb: ``(height, width, 3)`` uint8; both sides even.
        figure: ``(taller, width, 3)`` uint8: the same, continued below where the picture cuts the person off.
        alpha: ``(taller, width)`` float32 0-1: how much of a pixel of ``figure`` is the person.
        joints: ``(18, 2)`` float64 px per :class:`kling_ui.puppet.skeleton.Joint`; may lie outside the picture.
        world_m: ``(18, 3)`` float64 metres.
        visibility: ``(18,)`` float64 0-1.
        px_per_m: The person's scale.
        face: Where the face is and how it is held.
    """

    rgb: np.ndarray
    figure: np.ndarray
    alpha: np.ndarray
    joints: np.ndarray
    world_m: np.ndarray
    visibility: np.ndarray
    px_per_m: float
    face: FaceMarks

    @property
    def size(self) -> tuple[int, int]:
        """``(width_px, height_px)``."""
        return self.rgb.shape[1], self.rgb.shape[0]


def find_character(path: Path, *, sides_px: tuple[int, int], corrections: Corrections | None = None) -> Character:
    """Read a picture and find the person in it.

    Args:
        path: The picture.
        sides_px: The longer and the shorter side that it may take up. It is enlarged only to :data:`LEAST_SIDE_PX`.
        corrections: What a person says of the character; with joints that tell where it is, nobody need be found.

    Raises:
        MediaError: It cannot be read, or nobody is found in it.
    """
    rgb = _read(path, sides_px)
    pose = _corrected(rgb, corrections, path) if corrections else _best_pose(rgb)
    if pose is None or pose.mask is None:
        raise MediaError(
            "no person was found in the picture.",
            path=path,
            advice="Choose one that shows the character from the front.",
        )
    height, width = rgb.shape[:2]
    joints = joints_of(pose.landmarks.astype(np.float64))
    points = joints[:, :2] * (width, height)
    world = joints_of(pose.world_m.astype(np.float64))
    visibility = joints[:, 3]
    scale = float(scale_px_per_m(points, world, visibility))
    body = mask = pose.mask
    if not corrections:  # a hand knows better
        legs = bool(visibility[[*KNEES, *ANKLES]].min() >= VISIBLE)
        body = without_gaps(rgb, body, points, arms=_arms_shown(visibility), legs=legs, px_per_m=scale)
        mask = with_belongings(rgb, body, points, scale)
    sharp = matte(rgb, mask, scale, _palms(points, visibility), things=mask - body > ADDED)
    figure, alpha = _continue_below(rgb, sharp, has_feet=_has_feet(points, visibility, height - ANKLE_ABOVE_M * scale))
    return Character(
        rgb, figure, alpha, points, world, visibility, scale, _face(pose.landmarks[:, :2] * (width, height))
    )


def _arms_shown(visibility: np.ndarray) -> tuple[bool, bool]:
    left, right = (
        bool(visibility[[BONES[upper].end, BONES[forearm].end]].min() >= VISIBLE)
        for upper, forearm in zip(UPPER_ARMS, FOREARMS, strict=True)
    )
    return left, right


def _palms(points: np.ndarray, visibility: np.ndarray) -> tuple[np.ndarray, ...]:
    """Wrists and knuckles of the hands that are seen."""
    hands = ((Joint.LEFT_WRIST, Joint.LEFT_HAND), (Joint.RIGHT_WRIST, Joint.RIGHT_HAND))
    return tuple(points[list(hand)] for hand in hands if visibility[list(hand)].min() >= VISIBLE)


def _has_feet(points: np.ndarray, visibility: np.ndarray, lowest: float) -> bool:
    """Whether both ankles are in the picture, above a row from which on their feet are, too, but for the soles."""
    return bool(visibility[[*ANKLES]].min() >= VISIBLE and points[[*ANKLES], 1].max() <= lowest)


def _continue_below(rgb: np.ndarray, alpha: np.ndarray, *, has_feet: bool) -> tuple[np.ndarray, np.ndarray]:
    """Go on below where the picture cuts the person off, so that no edge shows when it moves up.

    The outline goes straight down; the cloth within it is that of the rows above, mirrored. Below feet nothing goes on.
    """
    if alpha[-CUT_ROWS:].max() < 0.5:
        return rgb, alpha
    shown = alpha.shape[0] - CUT_ROWS
    more = CUT_ROWS + (0 if has_feet else round(BELOW_SHARE * alpha.shape[0]))
    outline = np.repeat(alpha[shown - 1 : shown], more, axis=0)
    mirrored = slice(shown - 1, max(0, shown - 1 - more), -1)
    cloth, solid = rgb[mirrored], (alpha[mirrored] > MIRRORED)[..., None]
    below = np.repeat(rgb[shown - 1 : shown], more, axis=0)
    below[: len(cloth)] = np.where(solid, cloth, below[: len(cloth)])
    return np.concatenate([rgb[:shown], below]), np.concatenate([alpha[:shown], outline])


def _face(points: np.ndarray) -> FaceMarks:
    """Read the face off ``(33, 2)`` landmarks in px."""
    ears = points[EARS]
    x, y = (ears.mean(axis=0) + points[Landmark.NOSE]) / 2
    return FaceMarks((float(x), float(y)), max(1.0, float(np.hypot(*(ears[0] - ears[1])))), face_of(points))


def _best_pose(rgb: np.ndarray) -> Pose | None:
    """The pose as the picture is; where limbs stay doubtful (dark or flat pictures), also with its contrast evened."""
    first = find_person(rgb)
    if first is not None and first.landmarks[ARMS, 3].min() > SURELY_VISIBLE:
        return first
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(CONTRAST, TILES).apply(lab[..., 0])
    second = find_person(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))
    if first is None or second is None or first.mask is None or second.mask is None:
        return first or second
    if second.landmarks[ARMS, 3].sum() < first.landmarks[ARMS, 3].sum() + CLEARLY_BETTER:
        return first
    return replace(second, mask=np.maximum(first.mask, second.mask))


def _corrected(rgb: np.ndarray, corrections: Corrections, path: Path) -> Pose:
    """The pose as a person corrected it, with its mask in the picture's own size."""
    best = _best_pose(rgb)
    people = [] if best is None else [best, *find_people(rgb)[1:]]
    try:
        return corrected_pose(rgb, people, corrections)
    except KlingUIError as error:
        raise MediaError(error.message, path=path, advice=error.advice) from error


def _read(path: Path, sides_px: tuple[int, int]) -> np.ndarray:
    rgb = read_picture(path, long_side_px=2 * sides_px[0]).rgb  # the last step down is the fine one
    longer, shorter = max(rgb.shape[:2]), min(rgb.shape[:2])
    scale = min(sides_px[0] / longer, sides_px[1] / shorter, max(1.0, LEAST_SIDE_PX / longer))
    width, height = (max(2, 2 * round(side * scale / 2)) for side in rgb.shape[1::-1])
    return cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def shown_parts(character: Character) -> list[Part]:
    """List the body parts that the picture shows; parts that it does not are not invented."""
    shown = [Part.TORSO, Part.HEAD]
    for part, bone in BONES.items():
        if part is Part.HEAD or bone.parent not in shown:
            continue
        if character.visibility[bone.end] >= VISIBLE and _inside_share(character, bone.start, bone.end) > 0.5:
            shown.append(part)
    return shown


def _inside_share(character: Character, start: Joint, end: Joint) -> float:
    """How much of a bone lies in the picture, 0-1."""
    steps = np.linspace(0, 1, BONE_POINTS)[:, None]
    points = character.joints[start] * (1 - steps) + character.joints[end] * steps
    return float(((points >= 0) & (points < character.size)).all(axis=1).mean())


def legs_are_one(character: Character) -> bool:
    """Tell whether the legs are crossed or hide one another, so that they can only be moved as one piece."""
    if not set(LEGS[:2]) <= set(shown := shown_parts(character)):
        return False
    pairs = (KNEES, ANKLES) if set(LEGS) <= set(shown) else (KNEES,)
    across = character.joints[HIPS[0]] - character.joints[HIPS[1]]
    wide = float(np.hypot(*across))
    for left, right in pairs:
        apart = character.joints[left] - character.joints[right]
        sideways = wide < SIDEWAYS_M * character.px_per_m
        if (float(np.hypot(*apart)) if sideways else float(apart @ across) / wide) < TIED_M * character.px_per_m:
            return True
    return set(LEGS) <= set(shown) and _calves_overlap(character, across / max(wide, 1.0))


def _calves_overlap(character: Character, across: np.ndarray) -> bool:
    """Whether what is seen of both calves together is much narrower than two legs side by side."""
    knees, ankles = character.joints[list(KNEES)], character.joints[list(ANKLES)]
    left, right = knees + CALVES * (ankles - knees)
    figure = character.alpha > SOLID_FIGURE
    height, width = figure.shape
    steps = np.linspace(0, 1, BETWEEN_POINTS)[:, None]
    x, y = (left + steps * (right - left)).round().astype(int).T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    if not (inside.all() and figure[y, x].all()):
        return False
    apart = float((left - right) @ across)
    rest = march(figure, left, across, 2 * LEG_M * character.px_per_m)
    rest += march(figure, right, -across, 2 * LEG_M * character.px_per_m)
    return apart < OVERLAP * rest


def cloth_spans_legs(character: Character) -> bool:
    """Tell whether a skirt, a dress or a coat covers both thighs, so that they are one piece of cloth.

    Legs in trousers that touch are narrower, or show a seam between them.
    """
    if not set(LEGS[:2]) <= set(shown_parts(character)) or legs_are_one(character):
        return False
    hips, knees = character.joints[list(HIPS)], character.joints[list(KNEES)]
    across = hips[0] - hips[1]
    wide = float(np.hypot(*across))
    across = across / max(wide, 1.0)
    figure, px_per_m = character.alpha > SOLID_FIGURE, character.px_per_m
    height, width = figure.shape
    light = cv2.GaussianBlur(cv2.cvtColor(character.figure, cv2.COLOR_RGB2GRAY), (0, 0), FEATHER_PX).astype(float)
    steps = np.linspace(0, 1, BETWEEN_POINTS)[:, None]
    widths, seams = [], []
    for share in SKIRT_ROWS:
        left, right = hips + share * (knees - hips)
        x, y = (left + steps * (right - left)).round().astype(int).T
        if not ((x >= 0) & (x < width) & (y >= 0) & (y < height)).all() or not figure[y, x].all():
            return False
        apart = float(np.hypot(*(left - right)))
        aside = march(figure, left, across, SKIRT_M * px_per_m) + march(figure, right, -across, SKIRT_M * px_per_m)
        widths.append((apart + aside) / px_per_m)
        shade = light[y, x]
        inner = shade[BETWEEN_POINTS // 4 : -(BETWEEN_POINTS // 4)]
        seams.append(
            min(np.median(shade[: BETWEEN_POINTS // 3]), np.median(shade[-(BETWEEN_POINTS // 3) :])) - inner.min()
        )
    return widths[-1] > FLARED_M or (widths[-1] > WIDE_CLOTH_M and float(np.median(seams)) < SEAM)


@dataclass(frozen=True, slots=True)
class Window:
    """A cut-out of the picture around one body part, with labels and joints.

    Attributes:
        corner: ``(x, y)`` px of its upper left corner in the picture.
        labels: ``(height, width)`` int8, as :func:`kling_ui.puppet.rig.segmentation.label_parts` gives them.
        alpha: ``(height, width)`` float32 0-1.
        colours: ``(height, width, 3)`` uint8, free of background.
        joints: ``(18, 2)`` px in the window.
        px_per_m: Scale of the person.
        bottom: Row at which the picture ends; below it the figure is only continued.
    """

    corner: tuple[int, int]
    labels: np.ndarray
    alpha: np.ndarray
    colours: np.ndarray
    joints: np.ndarray
    px_per_m: float
    bottom: int


def window_of(character: Character, labels: np.ndarray, colours: np.ndarray, part: Part) -> Window | None:
    """Cut out the window around a body part; ``None`` when the part has no pixel."""
    own = labels == part
    if not own.any():
        return None
    box = box_around(own, round(AROUND_M * character.px_per_m))
    x0, y0 = box[1].start, box[0].start
    return Window(
        (x0, y0),
        labels[box],
        character.alpha[box],
        colours[box],
        character.joints - (x0, y0),
        character.px_per_m,
        character.size[1] - y0,
    )


def among(labels: np.ndarray, parts: Collection[Part]) -> np.ndarray:
    """Find where the label is one of some parts; ``(height, width)`` bool."""
    table = np.zeros(BYTE_VALUES, np.uint8)
    table[list(parts)] = 1
    return cv2.LUT(np.ascontiguousarray(labels).view(np.uint8), table).view(bool)


def box_around(region: np.ndarray, more: int) -> tuple[slice, slice]:
    """Bound a bool region and so many px around it by rows and columns."""
    x, y, width, height = cv2.boundingRect(region.astype(np.uint8))
    return slice(max(0, y - more), y + height + more), slice(max(0, x - more), x + width + more)


def soften(region: np.ndarray) -> np.ndarray:
    """Blur the border of a bool region; float32 0-1."""
    return cv2.GaussianBlur(region.astype(np.float32), (0, 0), FEATHER_PX)


def enlarged(region: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Scale a region of a small copy up with a smooth border; ``(height, width)`` bool of that shape."""
    soft = cv2.GaussianBlur(region.astype(np.float32), (0, 0), ENLARGED_SIGMA_PX)
    return cv2.resize(soft, shape[::-1], interpolation=cv2.INTER_LINEAR) > 0.5


def without_spurs(region: np.ndarray, half_px: float) -> np.ndarray:
    """Remove what is thinner than twice ``half_px`` from a bool region; keep all of it if it all is."""
    deep = cv2.distanceTransform(np.pad(region, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)[1:-1, 1:-1] > half_px
    if not deep.any():
        return region
    return region & (cv2.distanceTransform((~deep).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3) <= half_px + 1)
