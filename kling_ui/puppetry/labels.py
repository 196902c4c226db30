"""Which pixel belongs to which part.

Limbs are told apart as whole chains (an arm, a leg) by three kinds of evidence: how far a pixel is from the bones
against a clothed adult's limb width, how much its colour is like that of the limb's own core, and the picture's edges,
along which the evidence is averaged (cost-volume filtering with a guided filter). What is not connected with a chain's
core inside the mask goes to the neighbour, so nothing is torn out of the clothes. A chain is then cut at its joint by
geometry alone.
"""

import cv2
import numpy as np

from kling_ui.puppetry.character import Character
from kling_ui.puppetry.distances import SURE, beyond_joint, distances, pixel_grid, quarter
from kling_ui.puppetry.skeleton import BONES, UPPER_ARMS, Joint, Part

WORK_LONG_SIDE_PX = 480
WIDE = 2.4  # limb radii that the widest sleeves reach
CLOSE, HANDS_REACH = 1.3, 1.8  # limb radii around an arm in which the torso, and everything else, is not sure
COLOUR_WEIGHT = 1.3
COLOUR_DOUBT = 1.4  # log ratio below which a colour speaks against nobody: a jacket's sleeve is like its front
LIGHT_BINS, COLOUR_BINS = 5, 20  # shade differs within one cloth, colour hardly
RARE = 1e-3  # share of a core below which a colour says nothing
SHOULDER, SLEEVE = 0.85, 1.7  # limb radii that a shoulder has on the chest, and a sleeve beside the body
SPUR_M = 0.025  # half the width of what hangs from the torso under an arm but belongs to the arm
ON_BODY = 0.3  # limb widths outside the torso's outline that are still the torso's
EDGE_RADIUS_M = 0.02
EDGE_EPS = 120.0  # of 8-bit squared: weaker contrast is texture, not an edge

CHAINS: tuple[tuple[Part, ...], ...] = (
    (Part.TORSO,),
    (Part.HEAD,),
    (Part.LEFT_THIGH, Part.LEFT_SHIN),
    (Part.RIGHT_THIGH, Part.RIGHT_SHIN),
    (Part.LEFT_UPPER_ARM, Part.LEFT_FOREARM),
    (Part.RIGHT_UPPER_ARM, Part.RIGHT_FOREARM),
)
LEGS, ARMS = (2, 3), (4, 5)  # their places among the chains


def label_parts(character: Character, parts: list[Part]) -> np.ndarray:
    """Say for each of the person's pixels which part it belongs to.

    Returns:
        ``(height, width)`` int8: the :class:`Part`, or -1 where the person is not.
    """
    height, width = character.alpha.shape
    scale = min(1.0, WORK_LONG_SIDE_PX / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    rgb = cv2.resize(character.figure, size, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(character.alpha, size, interpolation=cv2.INTER_AREA) > 0.3
    joints, px_per_m = character.joints * scale, character.px_per_m * scale
    grid, away = pixel_grid(mask.shape), distances(mask, joints, parts, px_per_m)
    chains = _label_chains(rgb, mask, away, _zones(grid, joints, away), px_per_m)
    labels = np.full(mask.shape, -1, np.int8)
    for number, chain in enumerate(CHAINS):
        own = [part for part in chain if part in parts]
        if own:
            beyond = beyond_joint(grid, joints, own[-1]) if len(own) == 2 else np.zeros(mask.shape, np.int8)
            labels = np.where(chains == number, np.asarray(own, np.int8)[beyond], labels)
    for part in UPPER_ARMS:
        if part in parts:
            labels = _neat_shoulder(labels, grid, joints, away, part)
            labels = _neat_armpit(labels, grid, joints, part, px_per_m)
    return _enlarge(labels, character.alpha)


def _neat_shoulder(
    labels: np.ndarray, grid: np.ndarray, joints: np.ndarray, away: dict[Part, np.ndarray], part: Part
) -> np.ndarray:
    """Give back what arm and torso hold of each other around a shoulder; a lifted arm would show it as flaps."""
    bone = BONES[part]
    along = joints[bone.end] - joints[bone.start]
    share = ((grid - joints[bone.start]) @ along) / max(float(along @ along), 1e-6)
    on_body = away[Part.TORSO] < ON_BODY
    chest = (labels == part) & (away[part] > SHOULDER) & (share < 0.6) & (on_body | (share < 0))
    sleeve = (labels == Part.TORSO) & (away[part] < SLEEVE) & (share > 0.25) & (away[Part.TORSO] > 0.05)
    return np.where(chest, Part.TORSO, np.where(sleeve, part, labels)).astype(np.int8)


def _neat_armpit(labels: np.ndarray, grid: np.ndarray, joints: np.ndarray, part: Part, px_per_m: float) -> np.ndarray:
    """Give thin spurs of the torso beside an arm to the arm."""
    radius = max(1, round(SPUR_M * px_per_m))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    torso = (labels == Part.TORSO).astype(np.uint8)
    thin = (torso > 0) & (cv2.morphologyEx(torso, cv2.MORPH_OPEN, kernel) == 0)
    bone = BONES[part]
    middle = (joints[bone.start] + joints[bone.end]) / 2
    near = np.hypot(*np.moveaxis(grid - middle, -1, 0)) < np.hypot(*(joints[bone.end] - joints[bone.start])) / 2
    beside = cv2.dilate((labels == part).astype(np.uint8), np.ones((3, 3), np.uint8), iterations=radius) > 0
    return np.where(thin & near & beside, part, labels).astype(np.int8)


def _zones(grid: np.ndarray, joints: np.ndarray, away: dict[Part, np.ndarray]) -> np.ndarray:
    """``(chains, height, width)`` int8: the part of a chain, and the piece of its bone, that a pixel is nearest to."""
    zones = np.zeros((len(CHAINS), *grid.shape[:2]), np.int8)
    hips = (joints[Joint.LEFT_HIP] + joints[Joint.RIGHT_HIP]) / 2
    zones[0] = quarter(grid, joints[Joint.NECK], hips)
    for number, chain in enumerate(CHAINS):
        own = [part for part in chain if part in away and part in BONES]
        if not own or own == [Part.HEAD]:
            continue
        pieces = [quarter(grid, joints[BONES[part].start], joints[BONES[part].end]) for part in own]
        nearest = np.stack([away[part] for part in own]).argmin(axis=0)
        zones[number] = np.choose(nearest, [4 * place + piece for place, piece in enumerate(pieces)])
    return zones


def _label_chains(
    rgb: np.ndarray, mask: np.ndarray, away: dict[Part, np.ndarray], zones: np.ndarray, px_per_m: float
) -> np.ndarray:
    """``(height, width)`` int8: the chain's number, -1 outside the mask."""
    far = np.stack([_nearest(away, chain, mask.shape) for chain in CHAINS])
    palette = _palette(rgb)
    sure = _sure(far, mask)
    sure[0] &= ~_sleeves(palette, sure, zones, far)
    for number in LEGS:
        sure[number] &= ~_hem(palette, sure, zones, number)
    cost = np.where(far < 1.5, far**2, 2.25 + 1.8 * (far - 1.5))  # wide sleeves are unlikely, not impossible
    cost[0] = 1.0 + np.minimum(cost[0], 5.0)  # inside the torso's outline a limb's own width decides
    cost[1] = np.minimum(cost[1], 7.0)  # skirts stay with the torso, hair with the head, however far they reach
    cost += COLOUR_WEIGHT * _colour_cost(palette, sure, zones)
    cost[~np.isfinite(cost)] = 40.0
    for number in range(len(CHAINS)):
        cost[number][sure[number]] -= 3.0
    radius = max(2, round(EDGE_RADIUS_M * px_per_m))
    cost = _along_edges(rgb, cost, mask, radius)
    labels = np.where(mask, cost.argmin(axis=0), -1).astype(np.int8)
    return _connected(labels, sure, mask)


def _nearest(away: dict[Part, np.ndarray], chain: tuple[Part, ...], shape: tuple[int, ...]) -> np.ndarray:
    own = [away[part] for part in chain if part in away]
    return np.min(own, axis=0) if own else np.full(shape, np.inf, np.float32)


def _sure(far: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """``(chains, height, width)`` bool: pixels that surely belong to a chain; arms lie before everything else."""
    sure = (far < SURE) & mask
    arms = np.min(far[list(ARMS)], axis=0)
    for number in range(len(CHAINS)):
        if number not in ARMS:
            sure[number] &= arms > (CLOSE if number == 0 else HANDS_REACH)
    limbs = sure[2:].any(axis=0)
    sure[0] &= ~limbs & ~(far[1] < 1)
    return sure


def _palette(rgb: np.ndarray) -> np.ndarray:
    """``(height, width)`` int: which of the coarse colours a pixel has."""
    lab = cv2.cvtColor(cv2.GaussianBlur(rgb, (0, 0), 0.8), cv2.COLOR_RGB2LAB)
    bins = (lab.astype(np.int32) * (LIGHT_BINS, COLOUR_BINS, COLOUR_BINS)) // 256
    return (bins[..., 0] * COLOUR_BINS + bins[..., 1]) * COLOUR_BINS + bins[..., 2]


def _sleeves(palette: np.ndarray, sure: np.ndarray, zones: np.ndarray, far: np.ndarray) -> np.ndarray:
    """``(height, width)`` bool: what seems to be torso beside an arm, but has the arm's colour and not the torso's."""
    beside = sure[0] & (far[list(ARMS)].min(axis=0) < WIDE)
    torso = _likeness(palette, sure[0] & ~beside, zones[0])
    arms = np.max([_likeness(palette, sure[number], zones[number]) for number in ARMS], axis=0)
    return beside & (torso < 0.3 * arms)


def _hem(palette: np.ndarray, sure: np.ndarray, zones: np.ndarray, leg: int) -> np.ndarray:
    """``(height, width)`` bool: what seems to be the top of a thigh, but has the torso's colour and not the thigh's."""
    top = sure[leg] & (zones[leg] == 0)
    below = sure[leg] & (zones[leg] == 1)
    if not below.any():
        return np.zeros_like(top)
    nowhere = np.zeros_like(zones[0])
    torso, thigh = _likeness(palette, sure[0], nowhere), _likeness(palette, below, nowhere)
    return top & (thigh < 0.3 * torso)


def _colour_cost(palette: np.ndarray, sure: np.ndarray, zones: np.ndarray) -> np.ndarray:
    """``(chains, height, width)``: how unlike the nearby core of a chain each pixel's colour is, 0-2.5."""
    likeness = np.stack([_likeness(palette, own, zone) for own, zone in zip(sure, zones, strict=True)]) + RARE
    likeness /= likeness.max(axis=0)
    return np.clip(-np.log(likeness) - COLOUR_DOUBT, 0, 2.5)


def _likeness(palette: np.ndarray, own: np.ndarray, zone: np.ndarray) -> np.ndarray:
    """How common each pixel's colour is in the chain's core of the same zone."""
    likeness = np.zeros(palette.shape, np.float32)
    for number in np.unique(zone):
        here = zone == number
        counts = np.bincount(palette[own & here], minlength=LIGHT_BINS * COLOUR_BINS**2).astype(np.float32)
        cube = counts.reshape(LIGHT_BINS, COLOUR_BINS, COLOUR_BINS)
        for axis in range(3):
            cube = cube + 0.35 * (np.roll(cube, 1, axis) + np.roll(cube, -1, axis))
        likeness[here] = (cube.ravel() / max(cube.sum(), 1.0))[palette[here]]
    return likeness


def _along_edges(rgb: np.ndarray, costs: np.ndarray, mask: np.ndarray, radius: int) -> np.ndarray:
    """Average each chain's costs over a neighbourhood that stops at the picture's edges and at the mask."""
    edges = cv2.ximgproc.createGuidedFilter(rgb, radius, EDGE_EPS)
    weight = np.maximum(edges.filter(mask.astype(np.float32)), 0.2)
    return np.stack([edges.filter((cost * mask).astype(np.float32)) / weight for cost in costs])


def _connected(labels: np.ndarray, sure: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Take from each chain what is not connected with its core, and give it to the nearest neighbour in the mask."""
    kept = np.full_like(labels, -1)
    for number in range(len(CHAINS)):
        own = (labels == number).astype(np.uint8)
        _, pieces = cv2.connectedComponents(own, connectivity=4)
        wanted = np.unique(pieces[sure[number] & (own > 0)])
        kept[np.isin(pieces, wanted[wanted > 0])] = number
    return _spread(kept, mask)


def _spread(labels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Give every unlabelled pixel of the mask the label that is nearest inside the mask."""
    grown = np.where(mask, labels + 1, 0).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    for _ in range(sum(mask.shape)):
        empty = mask & (grown == 0)
        wider = np.where(empty, cv2.dilate(grown, kernel), grown)
        if (wider == grown).all():
            break
        grown = wider
    return grown.astype(np.int8) - 1


def _enlarge(labels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Scale labels up with smooth borders, to every pixel that shows any of the person."""
    best = np.zeros(alpha.shape, np.float32)
    out = np.full(alpha.shape, -1, np.int8)
    for part in np.unique(labels[labels >= 0]):
        soft = cv2.GaussianBlur((labels == part).astype(np.float32), (0, 0), 1.2)
        soft = cv2.resize(soft, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
        out[soft > best] = part
        best = np.maximum(best, soft)
    out[alpha <= 0.02] = -1
    return out
