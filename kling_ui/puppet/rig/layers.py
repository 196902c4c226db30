"""Cut the character into layers, one for each body part, and shoe shadows; make the background without the person."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from kling_ui.puppet.rig.character import (
    VISIBLE,
    Character,
    FaceMarks,
    Window,
    among,
    cloth_spans_legs,
    legs_are_one,
    shown_parts,
    soften,
    window_of,
    without_spurs,
)
from kling_ui.puppet.rig.crossings import Crossings, behind_arms
from kling_ui.puppet.rig.hidden_parts import armpits, complete, hanging_cloth, hidden_behind, thigh_top
from kling_ui.puppet.rig.inpainting import LEAST, LEAST_SHARE, SURELY, distance_to, fill_in, mix, push_pull, surround
from kling_ui.puppet.rig.palette import greatest
from kling_ui.puppet.rig.segmentation import label_parts
from kling_ui.puppet.skeleton import ARMS, BONES, DRAWING_ORDER, LEGS, SHINS, THIGHS, UPPER_ARMS, Joint, Part, both_legs

BLEED_PX, BLEED_FADE_PX = 3.5, 1.5  # how far a part goes on under the parts that are drawn over it; its end fades
CAP = 0.95  # of a limb's radius: the round overlap at a joint
HARD_RIM, SOFT_RIM = 0.15, 0.85  # of that radius: over which it fades at least, and how much more where it is soft
MOST_WIDE = 1.8  # of an adult's limb, that a sleeve or a trouser leg is at most
SEARCHED = 4  # radii around a joint in which the limb's own width is measured
CUT_LIMB_M = 0.04  # a limb that the picture cuts off fades this far below it
CRUMB_SHARE = 0.03  # of the largest piece of a layer: smaller ones are what a cut left behind
SOLID, SOLID_ENOUGH = 0.95, 0.5  # alpha of what is the person alone, and of what is mostly the person
FAINT, BARE = 0.1, 0.02  # alpha up to which a pixel counts as background, and up to which nothing tints it
UNLIKE, PLAIN_M = 60, 0.03  # of 8 bits, by which what is mirrored is not what goes on there; of the smallest such area
SPUR_M = 0.018  # half the width of what hangs on a thigh but is no cloth: the soft end of the gap between the legs
# Of the distance between the ears: how far a face goes from its middle, and below that where hair ends at the back.
FACE_WIDE, HAIRLINE = 0.6, 0.5
FACE_LONG = 1.5  # how much longer than wide
REACH_M = 0.1  # how far around ankle and toes the floor is theirs at any rate
WIDE_M, HIGH_M = 0.32, 0.13  # how far it may be if it is dark there: shadows on a floor are seen from the side
RIM_SHARE, RIM_TOUCHED = 0.9, 0.1  # of that reach: its rim; of a shadow that reaches it without going on there
DARK = 0.08  # of the light that the same row has beside it
COARSE, CALM_CELLS = 4, 1.5  # px a cell in which that is decided, and over how many it is averaged
RIM_M = 0.04  # over which it fades there
GONE_M = 0.12  # how high a shoe is lifted until it has no shadow
REACH_SHARE = 1 / 140  # of the long side: how far around the person the background is not trusted
TRACE_SHARE = 1 / 45  # likewise where it is searched for traces: stray hair, glow, a contour
TRACE_PX = 9.0  # at most the width of a trace
CLEAR_TRACE, MOST_ROUGH = 5.0, 1.0  # of 8 bits by which it differs; by which the background itself differs at most
ROUGH_PX = (61, 61)  # of the half-size copy, over which that difference is averaged
ROUGH_SHARE = 0.02  # of those px that are background at least, or a few would speak for all
REST_CELL_PX = 4  # of that copy: what is beyond the band is continued in so coarse a copy
MOSTLY = 0.6  # of a trace lies beside the person
BETWEEN_SHOES_M = 0.05  # half the width of a gap between two shoes' shadows that is not the floor itself


@dataclass(frozen=True, slots=True)
class Layer:
    """One body part or shadow, cut out with premultiplied alpha.

    Attributes:
        rgba: ``(height, width, 4)`` uint8, colours premultiplied by alpha.
        corner: ``(x, y)`` px of its upper left corner in the picture.
    """

    rgba: np.ndarray
    corner: tuple[int, int]


def cut_layers(character: Character) -> dict[Part, Layer]:
    """Cut one layer for each body part that the picture shows; where both legs are one piece, the left one holds it."""
    parts = shown_parts(character)
    labels = label_parts(character, parts)
    colours = surround(character.figure, character.alpha > SOLID)
    layers = {}
    legs = replace(character, joints=both_legs(character.joints)) if legs_are_one(character) else character
    if cloth_spans_legs(character):  # one layer for both legs and it
        labels = np.where(among(labels, LEGS), np.int8(THIGHS[0]), labels)
    crossed = behind_arms(colours, labels, character.joints, character.px_per_m)
    for part in parts:
        window = window_of(legs if part in LEGS else character, labels, colours, part)
        if window is not None:
            layers[part] = _cut(window, part, parts, crossed)
    return layers


def back_of_head(head: Layer, face: FaceMarks) -> Layer:
    """Make the back of a head: the face is covered with the colours around and above it, hair as a rule."""
    height, width = head.rgba.shape[:2]
    ys, xs = np.ogrid[:height, :width]
    x, y = xs + head.corner[0] - face.centre[0], ys + head.corner[1] - face.centre[1]
    alpha = head.rgba[..., 3:].astype(np.float32) / 255
    bare = np.hypot(x, y / FACE_LONG) < FACE_WIDE * face.width_px
    solid = (alpha[..., 0] > SOLID) & ~bare
    hair, nape = solid & (y < 0), solid & (y > 0)
    if not (hair.any() and nape.any()):
        return head
    rgb = np.clip(head.rgba[..., :3] / np.maximum(alpha, 1 / 255), 0, 255).astype(np.uint8)
    fills = [surround(rgb, known) for known in (hair, nape)]
    low = np.clip(y / (HAIRLINE * face.width_px) - 0.5, 0, 1) * np.ones(bare.shape)
    covered = cv2.GaussianBlur(bare.astype(np.float32), (0, 0), 2.0)
    shown = mix(rgb, mix(*fills, low), covered)
    rgba = np.concatenate([shown * alpha, head.rgba[..., 3:]], axis=-1)
    return Layer(np.ascontiguousarray(rgba.round().astype(np.uint8)), head.corner)


def _cut(window: Window, part: Part, parts: list[Part], crossed: Crossings) -> Layer:
    joint = _overlap(window, part, parts)
    hidden = hidden_behind(window, part)
    (x, y), (height, width) = window.corner, window.labels.shape
    box = slice(y, y + height), slice(x, x + width)
    goes_on = crossed.parts[part][box] if part in crossed.parts else np.zeros_like(hidden)
    told, hidden = goes_on & ~hidden, hidden | goes_on
    if part is Part.TORSO:
        hidden |= armpits(window, hidden | (window.labels == part) | (joint > SOLID_ENOUGH))
    share = np.max([_share(window, part), joint, soften(hidden)], axis=0)
    alpha = share * window.alpha * _below(window, part)
    if part in THIGHS:
        cloth = without_spurs(alpha > SOLID_ENOUGH, max(2.0, SPUR_M * window.px_per_m))
        alpha *= soften(cv2.dilate(cloth.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    if part is Part.TORSO:
        joint = np.maximum(joint, soften(hanging_cloth(window, part)))
    colours = complete(window, part, alpha > 0, kept=None if part in THIGHS else joint)
    if goes_on.any():
        seen = np.ascontiguousarray(crossed.colours[box])
        other = (crossed.plain[box] & (greatest(cv2.absdiff(colours, seen)) > UNLIKE)).astype(np.uint8)
        calm = np.ones((2 * round(PLAIN_M * window.px_per_m / 2) + 1,) * 2, np.uint8)
        told |= goes_on & (cv2.morphologyEx(other, cv2.MORPH_OPEN, calm) > 0)
        colours = mix(colours, seen, soften(told))
    return _layer(colours, alpha * _main_pieces(alpha), window.corner)


def _share(window: Window, part: Part) -> np.ndarray:
    """``(height, width)`` 0-1: soft towards parts drawn before it, going on a little under those drawn after it."""
    own = window.labels == part
    place = DRAWING_ORDER.index(part)
    above = among(window.labels, DRAWING_ORDER[place + 1 :])
    below = among(window.labels, DRAWING_ORDER[:place])
    away = distance_to(own)
    wide = soften(own | (~below & (away <= BLEED_PX)))
    towards_below = wide / np.maximum(wide + soften(below), LEAST_SHARE)
    return towards_below * np.where(above, np.clip((BLEED_PX - away) / BLEED_FADE_PX, 0, 1), 1.0)


def _overlap(window: Window, part: Part, parts: list[Part]) -> np.ndarray:
    """``(height, width)`` 0-1: what a part takes of its neighbours around their joint, so that a bend shows no gap."""
    taken = np.zeros(window.labels.shape, np.float32)
    if part is Part.HEAD:
        return taken
    for child in parts:
        bone = BONES.get(child)
        if bone is None or bone.parent is not part or child is Part.HEAD or child in THIGHS:
            continue
        taken = np.maximum(taken, _disc(window, child, bone.start) * (window.labels == child))
    if part is Part.TORSO:
        return taken
    bone = BONES[part]
    if part in THIGHS:
        spanned = not among(window.labels, (THIGHS[1], *SHINS)).any() and THIGHS[1] in parts
        lent = np.maximum.reduce([thigh_top(window, thigh) for thigh in (THIGHS if spanned else (part,))])
    else:
        lent = _disc(window, part, bone.start, 0.5 if part in UPPER_ARMS else 1.0) * (window.labels == bone.parent)
    return np.maximum(taken, lent)


def _disc(window: Window, part: Part, joint: Joint, hardness: float = 1.0) -> np.ndarray:
    """A round spot on a joint, as wide as the limb is there: 1 in the middle, with a rim that ``hardness`` narrows."""
    height, width = window.labels.shape
    radius = CAP * _half_width(window, part, joint)
    ys, xs = np.ogrid[:height, :width]
    x, y = window.joints[joint]
    away = np.sqrt((xs - x) ** 2 + (ys - y) ** 2) / radius
    rim = HARD_RIM + SOFT_RIM * (1 - hardness)
    return np.clip((1 - away) / rim, 0, 1).astype(np.float32)


def _half_width(window: Window, part: Part, joint: Joint) -> float:
    """Half the width of a limb around an elbow or a knee, px; an adult's where that cannot be seen."""
    usual = BONES[part].radius_m * window.px_per_m
    parent = BONES[part].parent
    if parent not in BONES:
        return usual
    x, y = (round(float(value)) for value in window.joints[joint])
    near = round(usual)
    far = SEARCHED * near
    box = slice(max(0, y - far), max(0, y + far + 1)), slice(max(0, x - far), max(0, x + far + 1))
    limb = among(window.labels[box], (part, parent))
    if not limb.any():
        return usual
    inside = distance_to(~np.pad(limb, 1))[1:-1, 1:-1]
    row, column = y - box[0].start, x - box[1].start
    around = inside[max(0, row - near) : row + near + 1, max(0, column - near) : column + near + 1]
    return float(np.clip(around.max(initial=0.0), usual, MOST_WIDE * usual))


def _below(window: Window, part: Part) -> np.ndarray:
    """``(height, 1)`` 0-1: an arm that the picture cuts off ends softly just below it, trunk and legs go on."""
    rows = np.arange(window.labels.shape[0])[:, None] - window.bottom
    if part not in ARMS:
        return np.ones(rows.shape, np.float32)
    return np.clip(1 - rows / (CUT_LIMB_M * window.px_per_m), 0, 1).astype(np.float32)


def _main_pieces(alpha: np.ndarray) -> np.ndarray:
    _, pieces, stats, _ = cv2.connectedComponentsWithStats((alpha > FAINT).astype(np.uint8))
    areas = stats[:, cv2.CC_STAT_AREA].astype(float)
    areas[0] = 0
    kept = areas >= CRUMB_SHARE * areas.max()
    kept[0] = True  # the soft rim
    return kept[pieces]


def _layer(rgb: np.ndarray, alpha: np.ndarray, corner: tuple[int, int]) -> Layer:
    x, y, width, height = cv2.boundingRect((alpha > LEAST).astype(np.uint8))
    if not width:
        return Layer(np.zeros((1, 1, 4), np.uint8), corner)
    box = slice(y, y + height), slice(x, x + width)
    opaque = np.ascontiguousarray(alpha[box], np.float32)
    colours = cv2.multiply(np.ascontiguousarray(rgb[box]), cv2.merge([opaque] * 3), dtype=cv2.CV_8U)
    rgba = cv2.merge([*cv2.split(colours), cv2.convertScaleAbs(opaque, alpha=255)])
    return Layer(rgba, (corner[0] + x, corner[1] + y))


def under_shoes(character: Character) -> np.ndarray:
    """Find the floor under and around visible shoes; ``(height, width)`` int8: the shin whose shoe it is, else -1."""
    width, height = character.size
    feet = np.full((height, width), -1, np.int8)
    points = [(part, character.joints[joint]) for part in SHINS for joint in _foot(character, part)]
    if not points:
        return feet
    box = _box(np.array([point for _, point in points]), WIDE_M * character.px_per_m, (height, width))
    size = box[1].stop - box[1].start, box[0].stop - box[0].start
    if min(size) < 1:
        return feet
    small = max(1, size[0] // COARSE), max(1, size[1] // COARSE)
    ys, xs = np.mgrid[: small[1], : small[0]].astype(np.float32)
    ys, xs = (ys + 0.5) * size[1] / small[1] + box[0].start, (xs + 0.5) * size[0] / small[0] + box[1].start
    away = np.stack([np.hypot(xs - x, ys - y) for _, (x, y) in points])
    flat = np.min([np.hypot((xs - x) / WIDE_M, (ys - y) / HIGH_M) for _, (x, y) in points], axis=0)
    close, maybe = away.min(axis=0) < REACH_M * character.px_per_m, flat < character.px_per_m
    grey = cv2.resize(cv2.cvtColor(character.rgb[box], cv2.COLOR_RGB2GRAY), small, interpolation=cv2.INTER_AREA)
    person = cv2.resize(character.alpha[:height][box], small, interpolation=cv2.INTER_AREA)
    beyond = maybe & ~close & (person <= FAINT) & _darker(grey, ~maybe & (person <= BARE))
    beyond = _without(beyond, flat > RIM_SHARE * character.px_per_m)
    parts = np.array([part for part, _ in points], np.int8)[away.argmin(axis=0)]
    seen = cv2.resize(_touching(close | beyond, close).astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.5
    feet[box] = np.where(seen, cv2.resize(parts, size, interpolation=cv2.INTER_NEAREST), -1)
    return feet


def shoe_shadows(character: Character, empty: np.ndarray) -> dict[Part, Layer]:
    """Extract the shadow that each shoe casts on the floor as a layer.

    Args:
        character: The person.
        empty: ``(height, width, 3)`` uint8: the picture without the person and these shadows.
    """
    feet = under_shoes(character)
    x, y, width, height = cv2.boundingRect((feet >= 0).astype(np.uint8))
    if not width:
        return {}
    box, below = (slice(y, y + height), slice(x, x + width)), round(2 * RIM_M * character.px_per_m)
    feet, person = feet[box], character.alpha[: character.size[1]][box]
    light, shown = (cv2.cvtColor(rgb[box], cv2.COLOR_RGB2GRAY).astype(np.float32) for rgb in (empty, character.rgb))
    dark = np.clip(255 - 255 * shown / np.maximum(light, 1), 0, 255).astype(np.uint8)
    around = (person <= BARE).astype(np.float32)  # under the shoe it goes on as it is beside it
    dark = push_pull(np.repeat(dark[..., None], 3, axis=2), around)[..., 0]
    if y + height == character.size[1]:  # what the picture cuts off goes on a little, for feet are lifted
        dark, feet = (cv2.copyMakeBorder(a, 0, below, 0, 0, cv2.BORDER_REPLICATE) for a in (dark, feet))
    rim = RIM_M * character.px_per_m
    inside = distance_to(~np.pad(feet >= 0, 1))[1:-1, 1:-1]
    soft = dark * np.clip(inside / rim, 0, 1)
    owned = {part: cv2.GaussianBlur((feet == part).astype(np.float32), (0, 0), rim / 2) for part in SHINS}
    total = np.maximum(sum(owned.values()), LEAST_SHARE)
    spots = {part: (soft * own / total).astype(np.uint8) for part, own in owned.items() if (feet == part).any()}
    return {part: _shadow_layer(spot, (x, y)) for part, spot in spots.items() if spot.any()}


def shadow_strength(lift_m: float) -> float:
    """How much of its shadow, 0-1, a shoe keeps that is lifted so far above the other one."""
    return min(max(1 - lift_m / GONE_M, 0.0), 1.0)


def _foot(character: Character, part: Part) -> list[Joint]:
    bone = BONES[part]
    return [joint for joint in (bone.end, bone.tip) if joint is not None and character.visibility[joint] >= VISIBLE]


def _box(points: np.ndarray, around: float, shape: tuple[int, int]) -> tuple[slice, slice]:
    first, last = points.min(axis=0) - around, points.max(axis=0) + around
    (x0, y0), (x1, y1) = (np.clip(corner.round().astype(int), 0, shape[::-1]) for corner in (first, last))
    return slice(y0, y1), slice(x0, x1)


def _darker(grey: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """``(height, width)`` bool: where the floor is darker than in the same row on either side of the feet."""
    shown = cv2.GaussianBlur(grey, (0, 0), CALM_CELLS).astype(np.float32)
    columns, light = np.arange(grey.shape[1]), np.zeros(grey.shape, np.float32)
    for row, (colours, known) in enumerate(zip(shown, beside, strict=True)):
        if known.any():
            after = np.searchsorted(columns[known], columns)
            first, last = (np.clip(place, 0, known.sum() - 1) for place in (after - 1, after))
            light[row] = np.minimum(colours[known][first], colours[known][last])
    return shown < (1 - DARK) * light


def _without(region: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """``(height, width)`` bool: the pieces that end before the rim; others are shadows of something else."""
    count, pieces = cv2.connectedComponents(region.astype(np.uint8))
    sizes = np.bincount(pieces.ravel(), minlength=count)
    kept = np.bincount(pieces[rim], minlength=count) <= RIM_TOUCHED * sizes
    return kept[pieces] & region


def _touching(region: np.ndarray, core: np.ndarray) -> np.ndarray:
    """``(height, width)`` bool: what of a region is connected with its core."""
    count, pieces = cv2.connectedComponents(region.astype(np.uint8))
    wanted = np.zeros(count, bool)
    wanted[np.unique(pieces[core])] = True
    return wanted[pieces] & region


def _shadow_layer(dark: np.ndarray, corner: tuple[int, int]) -> Layer:
    x, y, width, height = cv2.boundingRect((dark > 0).astype(np.uint8))
    box = dark[y : y + height, x : x + width]
    return Layer(np.dstack([np.zeros((*box.shape, 3), np.uint8), box]), (corner[0] + x, corner[1] + y))


def backdrop(character: Character) -> np.ndarray:
    """Inpaint the person: the background, ``(height, width, 3)`` uint8, unchanged away from the person."""
    return fill_in(character.rgb, known_background(character))


def known_background(character: Character) -> np.ndarray:
    """Find the background: ``(height, width)`` float32, 1 where there is no person, shadow or halo, else 0."""
    free = _background(character)
    away = distance_to(~free)
    long_side = max(character.size)
    known = away > max(2, round(long_side * REACH_SHARE))
    band = known & (away < long_side * TRACE_SHARE)
    if band.any() and not known.all():
        known &= ~(_traces(character.rgb, known, band) & band)
    return known.astype(np.float32)


def _background(character: Character) -> np.ndarray:
    """``(height, width)`` bool: neither the person nor the ground under the shoes."""
    between = round(BETWEEN_SHOES_M * character.px_per_m)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * between + 1, 2 * between + 1))
    shoes = (under_shoes(character) >= 0).astype(np.uint8)
    x, y, width, height = cv2.boundingRect(shoes)
    around = 2 * between + 1
    box = slice(max(0, y - around), y + height + around), slice(max(0, x - around), x + width + around)
    if width:
        shoes[box] = cv2.morphologyEx(shoes[box], cv2.MORPH_CLOSE, kernel)
    return (character.alpha[: character.size[1]] <= FAINT) & (shoes == 0)


def _traces(rgb: np.ndarray, known: np.ndarray, band: np.ndarray) -> np.ndarray:
    """``(height, width)`` bool: thin lines beside the person that are unlike the background around them."""
    left, top, width, height = cv2.boundingRect(band.astype(np.uint8))
    box = slice(top, top + height), slice(left, left + width)
    half = (max(1, width // 2), max(1, height // 2))
    grey = cv2.cvtColor(cv2.resize(rgb[box], half, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    beyond = cv2.resize((known & ~band)[box].astype(np.float32), half, interpolation=cv2.INTER_AREA)
    searched = cv2.resize(band[box].astype(np.uint8), half, interpolation=cv2.INTER_NEAREST) > 0
    seen = np.where(searched | (beyond > 0.5), grey, _rest(grey, beyond))
    apart = cv2.absdiff(seen, cv2.medianBlur(seen, 2 * round(TRACE_PX / 2) + 1))
    rough = cv2.blur(apart * beyond, ROUGH_PX) / np.maximum(cv2.blur(beyond, ROUGH_PX), ROUGH_SHARE)
    lines = (searched | (beyond > 0.5)) & (apart > CLEAR_TRACE) & (rough < MOST_ROUGH)
    grown = cv2.dilate((searched & _ending(lines, searched)).astype(np.uint8), np.ones((3, 3), np.uint8))
    out = np.zeros(known.shape, bool)
    out[box] = cv2.resize(grown, (width, height), interpolation=cv2.INTER_NEAREST) > 0
    return out


def _rest(grey: np.ndarray, known: np.ndarray) -> np.ndarray:
    """What is known, continued roughly."""
    size = max(1, grey.shape[1] // REST_CELL_PX), max(1, grey.shape[0] // REST_CELL_PX)
    small = cv2.resize(cv2.merge([grey] * 3), size, interpolation=cv2.INTER_AREA)
    sure = (cv2.resize(known, size, interpolation=cv2.INTER_AREA) > SURELY).astype(np.float32)
    return cv2.resize(push_pull(small, sure)[..., 0], grey.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _ending(lines: np.ndarray, searched: np.ndarray) -> np.ndarray:
    """``(height, width)`` bool: the lines that lie where they are searched for; the background's own go on beyond."""
    count, pieces = cv2.connectedComponents(lines.astype(np.uint8))
    sizes = np.bincount(pieces.ravel(), minlength=count)
    inside = np.bincount(pieces[searched], minlength=count)
    kept = inside >= MOSTLY * sizes
    kept[0] = False
    return kept[pieces]
