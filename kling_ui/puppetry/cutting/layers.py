"""Cutting the character into layers, one a part, soft at the borders and overlapping at the joints."""

from dataclasses import dataclass

import cv2
import numpy as np

from kling_ui.puppetry.cutting.character import Character, Face, shown_parts
from kling_ui.puppetry.cutting.completion import complete
from kling_ui.puppetry.cutting.fill import mix, surround
from kling_ui.puppetry.cutting.hips import thigh_top
from kling_ui.puppetry.cutting.labels import label_parts
from kling_ui.puppetry.cutting.outline import hidden_behind
from kling_ui.puppetry.cutting.window import Window, among, soften, window_of, without_spurs
from kling_ui.puppetry.skeleton import BONES, DRAWING_ORDER, THIGHS, UPPER_ARMS, Joint, Part

BLEED_PX = 3.5  # how far a part goes on under the parts that are drawn over it
CAP = 0.95  # of a limb's radius: the round overlap at a joint
MOST_WIDE = 1.8  # of an adult's limb, that a sleeve or a trouser leg is at most
CUT_LIMB_M = 0.04  # a limb that the picture cuts off fades this far below it
CRUMB_SHARE = 0.03  # of the largest piece of a layer: smaller ones are what a cut left behind
SOLID, SOLID_ENOUGH = 0.95, 0.5
SPUR_M = 0.018  # half the width of what hangs on a thigh but is no cloth: the soft end of the gap between the legs
# Of the distance between the ears: how far a face goes from its middle, and below that where hair ends at the back.
FACE_WIDE, HAIRLINE = 0.6, 0.5
FACE_LONG = 1.5  # how much longer than wide


@dataclass(frozen=True, slots=True)
class Layer:
    """One part, cut out.

    Attributes:
        rgba: ``(height, width, 4)`` uint8, colours premultiplied by alpha.
        corner: ``(x, y)`` px of its upper left corner in the picture.
    """

    rgba: np.ndarray
    corner: tuple[int, int]


def cut_layers(character: Character) -> dict[Part, Layer]:
    """Cut one layer a shown part."""
    parts = shown_parts(character)
    labels = label_parts(character, parts)
    colours = surround(character.figure, character.alpha > SOLID)
    layers = {}
    for part in parts:
        window = window_of(character, labels, colours, part)
        if window is not None:
            layers[part] = _cut(window, part, parts)
    return layers


def back_of_head(head: Layer, face: Face) -> Layer:
    """The head without its face: the colours around and above it, hair as a rule, go on over it."""
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


def _cut(window: Window, part: Part, parts: list[Part]) -> Layer:
    joint = _overlap(window, part, parts)
    hidden = hidden_behind(window, part)
    share = np.max([_share(window, part), joint, soften(hidden)], axis=0)
    alpha = share * window.alpha * _below(window, part)
    if part in THIGHS:
        cloth = without_spurs(alpha > SOLID_ENOUGH, max(2.0, SPUR_M * window.px_per_m))
        alpha *= soften(cv2.dilate(cloth.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    colours = complete(window, part, alpha > 0, kept=None if part in THIGHS else joint)
    return _layer(colours, alpha * _main_pieces(alpha), window.corner)


def _share(window: Window, part: Part) -> np.ndarray:
    """``(height, width)`` 0-1: soft towards parts drawn before it, going on a little under those drawn after it."""
    own = window.labels == part
    place = DRAWING_ORDER.index(part)
    above = among(window.labels, DRAWING_ORDER[place + 1 :])
    below = among(window.labels, DRAWING_ORDER[:place])
    away = cv2.distanceTransform((~own).astype(np.uint8), cv2.DIST_L2, 5)
    wide = soften(own | (~below & (away <= BLEED_PX)))
    towards_below = wide / np.maximum(wide + soften(below), 1e-3)
    return towards_below * np.where(above, np.clip((BLEED_PX - away) / 1.5, 0, 1), 1.0)


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
        lent = thigh_top(window, part)
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
    rim = 0.15 + 0.85 * (1 - hardness)
    return np.clip((1 - away) / rim, 0, 1).astype(np.float32)


def _half_width(window: Window, part: Part, joint: Joint) -> float:
    """Half the width of a limb around an elbow or a knee, px; an adult's where that cannot be seen."""
    usual = BONES[part].radius_m * window.px_per_m
    parent = BONES[part].parent
    if parent not in BONES:
        return usual
    x, y = (round(float(value)) for value in window.joints[joint])
    near = round(usual)
    box = slice(max(0, y - 4 * near), max(0, y + 4 * near + 1)), slice(max(0, x - 4 * near), max(0, x + 4 * near + 1))
    limb = among(window.labels[box], (part, parent))
    if not limb.any():
        return usual
    inside = cv2.distanceTransform(np.pad(limb, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = y - box[0].start, x - box[1].start
    around = inside[max(0, row - near) : row + near + 1, max(0, column - near) : column + near + 1]
    return float(np.clip(around.max(initial=0.0), usual, MOST_WIDE * usual))


def _below(window: Window, part: Part) -> np.ndarray:
    """``(height, 1)`` 0-1: a limb that the picture cuts off ends softly just below it, the trunk goes on."""
    rows = np.arange(window.labels.shape[0])[:, None] - window.bottom
    if part in (Part.TORSO, Part.HEAD):
        return np.ones(rows.shape, np.float32)
    return np.clip(1 - rows / (CUT_LIMB_M * window.px_per_m), 0, 1).astype(np.float32)


def _main_pieces(alpha: np.ndarray) -> np.ndarray:
    _, pieces, stats, _ = cv2.connectedComponentsWithStats((alpha > 0.1).astype(np.uint8))
    areas = stats[:, cv2.CC_STAT_AREA].astype(float)
    areas[0] = 0
    kept = areas >= CRUMB_SHARE * areas.max()
    kept[0] = True  # the soft rim
    return kept[pieces]


def _layer(rgb: np.ndarray, alpha: np.ndarray, corner: tuple[int, int]) -> Layer:
    x, y, width, height = cv2.boundingRect((alpha > 0.004).astype(np.uint8))
    if not width:
        return Layer(np.zeros((1, 1, 4), np.uint8), corner)
    box = slice(y, y + height), slice(x, x + width)
    opaque = np.ascontiguousarray(alpha[box], np.float32)
    colours = cv2.multiply(np.ascontiguousarray(rgb[box]), cv2.merge([opaque] * 3), dtype=cv2.CV_8U)
    rgba = cv2.merge([*cv2.split(colours), cv2.convertScaleAbs(opaque, alpha=255)])
    return Layer(rgba, (corner[0] + x, corner[1] + y))
