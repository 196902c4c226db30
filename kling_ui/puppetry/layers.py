"""Cutting the character into layers, one a part, soft at the borders and overlapping at the joints."""

from dataclasses import dataclass

import cv2
import numpy as np

from kling_ui.puppetry.character import Character, Face, shown_parts
from kling_ui.puppetry.completion import complete, hidden_behind
from kling_ui.puppetry.fill import mix, push_pull
from kling_ui.puppetry.labels import label_parts
from kling_ui.puppetry.skeleton import ARMS, BONES, DRAWING_ORDER, THIGHS, Joint, Part
from kling_ui.puppetry.window import Window, soften, window_of

BLEED_PX = 3.5  # how far a part goes on under the parts that are drawn over it
CAP = 0.9  # of a limb's radius: the round overlap at a joint
THIGH_CAP = 1.6  # likewise where a thigh goes on far under the torso, so that legs can be spread
CUT_LIMB_M = 0.04  # a limb that the picture cuts off fades this far below it
CRUMB_SHARE = 0.03  # of the largest piece of a layer: smaller ones are what a cut left behind
SOLID = 0.95
# Of the distance between the ears: how far a face goes from its middle, and below that where hair ends at the back.
FACE_WIDE, HAIRLINE = 0.6, 0.5
FACE_LONG = 1.5  # how much longer than wide
THIN_M = 0.015  # half the width of cords and seams that must not smear when colours are continued


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
    colours = push_pull(character.figure, (character.alpha > SOLID).astype(np.float32))
    calm = _without_cords(colours, round(THIN_M * character.px_per_m))
    layers = {}
    for part in parts:
        window = window_of(character, labels, colours, calm, part)
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
    fills = [push_pull(rgb, known.astype(np.float32)) for known in (hair, nape)]
    low = np.clip(y / (HAIRLINE * face.width_px) - 0.5, 0, 1) * np.ones(bare.shape)
    covered = cv2.GaussianBlur(bare.astype(np.float32), (0, 0), 2.0)
    shown = mix(rgb, mix(*fills, low), covered)
    rgba = np.concatenate([shown * alpha, head.rgba[..., 3:]], axis=-1)
    return Layer(np.ascontiguousarray(rgba.round().astype(np.uint8)), head.corner)


def _without_cords(rgb: np.ndarray, width_px: int) -> np.ndarray:
    half = cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    calm = cv2.medianBlur(half, max(3, min(31, width_px | 1)))
    return cv2.resize(calm, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _cut(window: Window, part: Part, parts: list[Part]) -> Layer:
    joint = _overlap(window, part, parts)
    hidden = hidden_behind(window, part)
    share = np.max([_share(window, part), joint, soften(hidden)], axis=0)
    colours = complete(window, part, hidden, kept=None if part in THIGHS else joint)
    alpha = share * window.alpha * _below(window, part)
    return _layer(colours, alpha * _main_pieces(alpha), window.corner)


def _share(window: Window, part: Part) -> np.ndarray:
    """``(height, width)`` 0-1: soft towards parts drawn before it, going on a little under those drawn after it."""
    own = window.labels == part
    place = DRAWING_ORDER.index(part)
    above = np.isin(window.labels, DRAWING_ORDER[place + 1 :])
    below = np.isin(window.labels, DRAWING_ORDER[:place])
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
        lent = _disc(window, part, bone.start, 0.9, THIGH_CAP) * np.isin(window.labels, (Part.TORSO, *THIGHS))
    else:
        lent = _disc(window, part, bone.start, 0.5 if part in ARMS else 1.0) * (window.labels == bone.parent)
    return np.maximum(taken, lent)


def _disc(window: Window, part: Part, joint: Joint, hardness: float = 1.0, size: float = CAP) -> np.ndarray:
    """A round spot on a joint: 1 in the middle, soft at the rim; less ``hardness`` makes a wider rim."""
    radius = size * BONES[part].radius_m * window.px_per_m
    height, width = window.labels.shape
    ys, xs = np.ogrid[:height, :width]
    x, y = window.joints[joint]
    away = np.sqrt((xs - x) ** 2 + (ys - y) ** 2) / radius
    rim = 0.15 + 0.85 * (1 - hardness)
    return np.clip((1 - away) / rim, 0, 1).astype(np.float32)


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
    opaque = alpha[box][..., None]
    rgba = np.concatenate([rgb[box] * opaque, opaque * 255], axis=-1)
    return Layer(np.ascontiguousarray(rgba.round().astype(np.uint8)), (corner[0] + x, corner[1] + y))
