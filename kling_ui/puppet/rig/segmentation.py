"""Segmentation: decide for each pixel of the person which body part it belongs to."""

from dataclasses import dataclass

import cv2
import numpy as np

from kling_ui.puppet.rig.belongings import cloth_at_hand, held_things
from kling_ui.puppet.rig.boundaries import BODY, NOTHING, OWN, arm_axis, arm_boundaries, spurs, tell_fingers, territory
from kling_ui.puppet.rig.character import (
    BYTE_VALUES,
    ENLARGED_SIGMA_PX,
    Character,
    among,
    box_around,
    enlarged,
    legs_are_one,
)
from kling_ui.puppet.rig.crossings import give_back
from kling_ui.puppet.rig.distances import (
    BELOW_NECK,
    HAIR,
    SURE,
    distances,
    head_zone,
    pixel_grid,
    quarter,
    split,
)
from kling_ui.puppet.rig.inpainting import distance_to
from kling_ui.puppet.rig.loose_ends import AROUND_M, SLIVER_M, hand_over, join_slivers
from kling_ui.puppet.rig.sleeves import hanging_sleeve
from kling_ui.puppet.skeleton import ARMS as ARM_PARTS
from kling_ui.puppet.skeleton import BONES, FOREARMS, Joint, Part, both_legs

WIDE = 2.4  # limb radii that the widest sleeves reach
CLOSE, HANDS_REACH = 1.3, 1.8  # limb radii around an arm in which the torso, and everything else, is not sure
# Costs of a pixel for a limb: the square of its distance in limb radii, from LINEAR on growing evenly, for wide sleeves
# are unlikely, not impossible; then what the colour says.
LINEAR, SLOPE = 1.5, 1.8
TORSO_COST, MOST_TORSO_COST = 1.0, 5.0  # at least, so that inside the outline a limb's own width decides; above that
MOST_HEAD_COST = 7.0  # skirts stay with the torso, hair with the head, however far they reach
IMPOSSIBLE_COST = 40.0  # of a limb that is not shown
SURE_GAIN = 3.0  # less where the limb surely is
COLOUR_WEIGHT = 1.3  # of a log ratio of colours against such a cost
COLOUR_DOUBT = 1.4  # log ratio below which a colour speaks against nobody: a jacket's sleeve is like its front
MOST_UNLIKE = 2.5  # log ratio above which it says no more
LIKE = 0.3  # of a colour's share in one core: with less in its own, the pixel is the other's
PALETTE_SIGMA_PX = 0.8  # over which noise is averaged before colours are counted
NEIGHBOUR = 0.35  # how much of a bin counts for either neighbour: a colour near its border may fall into both
LIGHT_BINS, COLOUR_BINS = 5, 20  # shade differs within one cloth, colour hardly
HAIRLINE, HAIR_ENDS = 0.85, 1.3  # head radii from the middle of a head between which hair is to be found, if any
RARE = 1e-3  # share of a core below which a colour says nothing
UNLIKELY, UNLIKELY_COST = 0.4, 1.6  # radii within which it gets so, and how much
TRUST, MOST_TRUST = 0.8, (-1.0, 0.7)  # how far a pixel's evidence counts where an arm's border is searched
EDGE_RADIUS_M = 0.02  # over which costs are averaged within edges
LEAST_WEIGHT = 0.2  # of such a neighbourhood that lies on the person at least
EDGE_EPS = 120.0  # of 8-bit squared: weaker contrast is texture, not an edge

LIMBS: tuple[tuple[Part, ...], ...] = (
    (Part.TORSO,),
    (Part.HEAD,),
    (Part.LEFT_THIGH, Part.LEFT_SHIN),
    (Part.RIGHT_THIGH, Part.RIGHT_SHIN),
    (Part.LEFT_UPPER_ARM, Part.LEFT_FOREARM),
    (Part.RIGHT_UPPER_ARM, Part.RIGHT_FOREARM),
)
HEAD, LEGS, ARMS = 1, (2, 3), (4, 5)  # their places among the limbs
# Radii off the torso's outline, and off the others' middles, from which on they are unlikely there.
EXPECTED = np.array([0.3, 0.9, 0.9, 0.9, 0.9, 0.9], np.float32)[:, None, None]
WORK_LONG_SIDE_PX = 480  # of the copy on which limbs are separated
MASKED, SHOWN = 0.3, 0.02  # alpha of the person in that copy, and in the picture
SOLID = 0.95  # alpha of what is the person alone
SLEEVE_M = 0.4  # around an arm, in which sleeves hang from it


@dataclass(frozen=True, slots=True)
class LimbEvidence:
    """What speaks for each limb at each pixel of a small copy: distance and colour.

    Attributes:
        rgb: ``(height, width, 3)`` uint8.
        mask: ``(height, width)`` bool: the person.
        far: ``(limb_labels, height, width)``: how far each pixel is from a limb, in its radii.
        sure: ``(limb_labels, height, width)`` bool: where it surely is.
        colour: ``(limb_labels, height, width)``: how little its colour fits, 0-2.5.
        px_per_m: The person's scale.
    """

    rgb: np.ndarray
    mask: np.ndarray
    far: np.ndarray
    sure: np.ndarray
    colour: np.ndarray
    px_per_m: float

    def against(self, number: int) -> np.ndarray:
        """Weigh one limb against the others: negative speaks for it, as :func:`arm_boundaries` expects.

        Returns:
            ``(height, width)`` float32.
        """
        others = self.colour + UNLIKELY_COST * np.clip((self.far - EXPECTED) / UNLIKELY, 0, 1)
        apart = self.colour[number] - np.delete(others, number, axis=0).min(axis=0)
        return np.where(self.mask, np.clip(TRUST * apart, *MOST_TRUST), NOTHING).astype(np.float32)

    def beside(self, number: int) -> np.ndarray:
        """Find where another limb than this one can be; ``(height, width)`` bool."""
        return np.delete(self.far - EXPECTED, number, axis=0).min(axis=0) < UNLIKELY


def gather(
    rgb: np.ndarray, mask: np.ndarray, joints: np.ndarray, away: dict[Part, np.ndarray], px_per_m: float
) -> LimbEvidence:
    """Measure distances and colours of all limbs on a small copy of the picture.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        mask: ``(height, width)`` bool: the person.
        joints: ``(18, 2)`` px.
        away: From :func:`kling_ui.puppet.rig.distances.distances`.
        px_per_m: The person's scale.
    """
    zones = _zones(pixel_grid(mask.shape), joints, away)
    far = np.stack([_nearest(away, limb, mask.shape) for limb in LIMBS])
    palette = _palette(rgb)
    sure = _sure(far, mask)
    sure[0] &= ~_sleeves(palette, sure, zones, far)
    for number in LEGS:
        sure[number] &= ~_hem(palette, sure, zones, number)
    hair = mask & (zones[HEAD] == HAIR) & (far[HEAD] > HAIRLINE) & (far[HEAD] < HAIR_ENDS)
    hair &= far[list(ARMS)].min(axis=0) > HANDS_REACH
    colour_share = _colour_shares(palette, sure, zones, hair)
    return LimbEvidence(rgb, mask, far, sure, _unlike(colour_share), px_per_m)


def label_limbs(evidence: LimbEvidence) -> tuple[np.ndarray, np.ndarray]:
    """Label each pixel with the limb that costs least there.

    Returns:
        Twice ``(height, width)`` int8: the place among :data:`LIMBS`, and which it would be if there were no arms;
        -1 outside the mask.
    """
    far, mask, sure = evidence.far, evidence.mask, evidence.sure
    cost = np.where(far < LINEAR, far**2, LINEAR**2 + SLOPE * (far - LINEAR))
    cost[0] = TORSO_COST + np.minimum(cost[0], MOST_TORSO_COST)
    cost[HEAD] = np.minimum(cost[HEAD], MOST_HEAD_COST)
    cost += COLOUR_WEIGHT * evidence.colour
    cost[~np.isfinite(cost)] = IMPOSSIBLE_COST
    for number in range(len(LIMBS)):
        cost[number][sure[number]] -= SURE_GAIN
    radius = max(2, round(EDGE_RADIUS_M * evidence.px_per_m))
    cost = _along_edges(evidence.rgb, cost, mask, radius)
    labels = np.where(mask, cost.argmin(axis=0), -1).astype(np.int8)
    labels = _connected(labels, sure, mask)
    behind = cost[: min(ARMS)].argmin(axis=0)
    return labels, np.where(np.isin(labels, ARMS), behind, labels).astype(np.int8)


def _zones(grid: np.ndarray, joints: np.ndarray, away: dict[Part, np.ndarray]) -> np.ndarray:
    """``(limbs, height, width)`` int8: the part of a limb, and the piece of its bone, that a pixel is nearest to."""
    zones = np.zeros((len(LIMBS), *grid.shape[:2]), np.int8)
    hips = (joints[Joint.LEFT_HIP] + joints[Joint.RIGHT_HIP]) / 2
    zones[0] = quarter(grid, joints[Joint.NECK], hips)
    zones[HEAD] = head_zone(grid, joints)
    for number, limb in enumerate(LIMBS):
        own = [part for part in limb if part in away and part in BONES]
        if not own or own == [Part.HEAD]:
            continue
        pieces = [quarter(grid, joints[BONES[part].start], joints[BONES[part].end]) for part in own]
        nearest = np.stack([away[part] for part in own]).argmin(axis=0)
        zones[number] = np.choose(nearest, [4 * place + piece for place, piece in enumerate(pieces)])
    return zones


def _nearest(away: dict[Part, np.ndarray], limb: tuple[Part, ...], shape: tuple[int, ...]) -> np.ndarray:
    own = [away[part] for part in limb if part in away]
    return np.min(own, axis=0) if own else np.full(shape, np.inf, np.float32)


def _sure(far: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """``(limb_labels, height, width)`` bool: pixels that surely belong to a limb; arms lie before everything else."""
    sure = (far < SURE) & mask
    arms = np.min(far[list(ARMS)], axis=0)
    for number in range(len(LIMBS)):
        if number not in ARMS:
            sure[number] &= arms > (CLOSE if number == 0 else HANDS_REACH)
    limbs = sure[2:].any(axis=0)
    sure[0] &= ~limbs & ~(far[1] < 1)
    return sure


def _palette(rgb: np.ndarray) -> np.ndarray:
    """``(height, width)`` int: which of the coarse colours a pixel has."""
    colours = cv2.cvtColor(cv2.GaussianBlur(rgb, (0, 0), PALETTE_SIGMA_PX), cv2.COLOR_RGB2YCrCb)
    bins = (colours.astype(np.int32) * (LIGHT_BINS, COLOUR_BINS, COLOUR_BINS)) // BYTE_VALUES
    return (bins[..., 0] * COLOUR_BINS + bins[..., 1]) * COLOUR_BINS + bins[..., 2]


def _sleeves(palette: np.ndarray, sure: np.ndarray, zones: np.ndarray, far: np.ndarray) -> np.ndarray:
    """``(height, width)`` bool: what seems to be torso beside an arm, but has the arm's colour and not the torso's."""
    beside = sure[0] & (far[list(ARMS)].min(axis=0) < WIDE)
    torso = _colour_share(palette, sure[0] & ~beside, zones[0])
    arms = np.max([_colour_share(palette, sure[number], zones[number]) for number in ARMS], axis=0)
    return beside & (torso < LIKE * arms)


def _hem(palette: np.ndarray, sure: np.ndarray, zones: np.ndarray, leg: int) -> np.ndarray:
    """``(height, width)`` bool: what seems to be the top of a thigh, but has the torso's colour and not the thigh's."""
    top = sure[leg] & (zones[leg] == 0)
    below = sure[leg] & (zones[leg] == 1)
    if not below.any():
        return np.zeros_like(top)
    nowhere = np.zeros_like(zones[0])
    torso, thigh = _colour_share(palette, sure[0], nowhere), _colour_share(palette, below, nowhere)
    return top & (thigh < LIKE * torso)


def _colour_shares(palette: np.ndarray, sure: np.ndarray, zones: np.ndarray, hair: np.ndarray) -> np.ndarray:
    """``(limb_labels, height, width)``: how common each pixel's colour is in the nearby core of a limb."""
    nowhere, low = np.zeros_like(zones[0]), zones[HEAD] == BELOW_NECK
    cores = [nowhere if number == HEAD else zone for number, zone in enumerate(zones)]
    colour_share = np.stack([_colour_share(palette, own, zone) for own, zone in zip(sure, cores, strict=True)])
    colour_share[HEAD][low] = _colour_share(palette, hair, nowhere)[low]  # what of a head hangs that low is hair
    return colour_share + RARE


def _unlike(colour_share: np.ndarray) -> np.ndarray:
    """How much less common a colour is than in the limb that has most of it, 0-2.5."""
    return np.clip(np.log(colour_share.max(axis=0) / colour_share) - COLOUR_DOUBT, 0, MOST_UNLIKE)


def _colour_share(palette: np.ndarray, own: np.ndarray, zone: np.ndarray) -> np.ndarray:
    """How common each pixel's colour is in the limb's core of the same zone."""
    colour_share = np.zeros(palette.shape, np.float32)
    for number in range(int(zone.max()) + 1):
        here = zone == number
        counts = np.bincount(palette[own & here], minlength=LIGHT_BINS * COLOUR_BINS**2).astype(np.float32)
        cube = counts.reshape(LIGHT_BINS, COLOUR_BINS, COLOUR_BINS)
        for axis in range(3):
            cube = _blurred(cube, axis)
        colour_share[here] = (cube.ravel() / max(cube.sum(), 1.0))[palette[here]]
    return colour_share


def _blurred(cube: np.ndarray, axis: int) -> np.ndarray:
    """Let each bin count a little for its neighbours; the darkest is none of the lightest."""
    cube = np.moveaxis(cube, axis, 0)
    blurred = cube.copy()
    blurred[1:] += NEIGHBOUR * cube[:-1]
    blurred[:-1] += NEIGHBOUR * cube[1:]
    return np.moveaxis(blurred, 0, axis)


def _along_edges(rgb: np.ndarray, costs: np.ndarray, mask: np.ndarray, radius: int) -> np.ndarray:
    """Average each limb's costs over a neighbourhood that stops at the picture's edges and at the mask."""
    edges = cv2.ximgproc.createGuidedFilter(rgb, radius, EDGE_EPS)
    weight = np.maximum(edges.filter(mask.astype(np.float32)), LEAST_WEIGHT)
    return np.stack([edges.filter((cost * mask).astype(np.float32)) / weight for cost in costs])


def _connected(labels: np.ndarray, sure: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Take from each limb what is not connected with its core, and give it to the nearest neighbour in the mask."""
    kept = np.full_like(labels, -1)
    for number in range(len(LIMBS)):
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


def label_parts(character: Character, parts: list[Part]) -> np.ndarray:
    """Label each of the person's pixels with its body part.

    Returns:
        ``(height, width)`` int8: the :class:`Part`, or -1 where the person is not.
    """
    height, width = character.alpha.shape
    scale = min(1.0, WORK_LONG_SIDE_PX / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    rgb = cv2.resize(character.figure, size, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(character.alpha, size, interpolation=cv2.INTER_AREA) > MASKED
    joints, px_per_m = character.joints * scale, character.px_per_m * scale
    evidence = gather(rgb, mask, joints, distances(mask, joints, parts, px_per_m), px_per_m)
    is_one = legs_are_one(character)
    limb_labels, behind = (_parts(limbs, joints, parts, is_one=is_one) for limbs in label_limbs(evidence))
    labels = _enlarge(limb_labels, character.alpha)
    under = _as_large(behind, labels)
    _refine_arms(labels, under, evidence, parts, character)
    _settle_hands(labels, under, evidence, joints, parts)
    for number in ARMS:
        own = [part for part in LIMBS[number] if part in parts]
        _give_sleeve(labels, own, number, evidence, joints)
        join_slivers(labels, under, own, character)
    beyond, hands = evidence.far.min(axis=0), (FOREARMS[0] in parts, FOREARMS[1] in parts)
    things = held_things(rgb, mask, evidence.sure.any(axis=0), joints, beyond=beyond, hands=hands, px_per_m=px_per_m)
    for number, part in enumerate(FOREARMS):
        _give(labels, things == number, part, character.px_per_m)
    given = give_back(labels, rgb, joints, parts, beyond=beyond, kept=things >= 0, px_per_m=px_per_m)
    for number in (*ARMS, *LEGS):
        hand_over(labels, [part for part in LIMBS[number] if part in parts], character, kept=given)
    return labels


def _refine_arms(
    labels: np.ndarray, under: np.ndarray, evidence: LimbEvidence, parts: list[Part], character: Character
) -> None:
    """Cut the arms along the borders that the picture shows, in place."""
    picture, scale = cv2.cvtColor(character.figure, cv2.COLOR_RGB2YCrCb), evidence.px_per_m / character.px_per_m
    for number in ARMS:
        own = [part for part in LIMBS[number] if part in parts]
        if own:
            arm = arm_axis(character.joints, own, character.px_per_m)
            sides = arm_boundaries(arm, picture, evidence.against(number), scale, character.px_per_m)
            zone = territory(arm, sides, labels.shape)
            zone[(zone == BODY) & ~_as_large(evidence.beside(number), zone)] = 0
            _recut(labels, zone, own, under, character)


def _settle_hands(
    labels: np.ndarray, under: np.ndarray, evidence: LimbEvidence, joints: np.ndarray, parts: list[Part]
) -> None:
    """Give back what is taken for hands but is the cloth that they lie on or are hidden in, in place."""
    sure = evidence.sure.any(axis=0)
    for number, part in enumerate(FOREARMS):
        if part not in parts:
            continue
        small = _as_large(labels, evidence.mask)
        body = evidence.mask & ~among(small, ARM_PARTS)
        px_per_m = evidence.px_per_m
        cloth = cloth_at_hand(evidence.rgb, small == part, body, sure, joints, hand=number, px_per_m=px_per_m)
        if cloth.any():
            back = _as_large(cloth, labels) & (labels == part) & (under >= 0)
            labels[back] = under[back]


def _give_sleeve(labels: np.ndarray, own: list[Part], number: int, evidence: LimbEvidence, joints: np.ndarray) -> None:
    """Give an arm the wide sleeve that hangs from it, in place."""
    if not set(own) & set(FOREARMS):
        return
    small, bone, px_per_m = _as_large(labels, evidence.mask), BONES[own[-1]], evidence.px_per_m
    arm, found = among(small, own), np.zeros_like(evidence.mask)
    if not arm.any():
        return
    box = box_around(arm, round(SLEEVE_M * px_per_m))
    ends = joints[[bone.start, bone.end]] - (box[1].start, box[0].start)
    far = evidence.far[:, *box]
    found[box] = hanging_sleeve(
        np.ascontiguousarray(evidence.rgb[box]),
        evidence.mask[box],
        far[number],
        ends,
        np.delete(far, ARMS, axis=0).min(axis=0),
        arm=arm[box],
        px_per_m=px_per_m,
    )
    found &= ~among(small, (*ARM_PARTS, Part.HEAD))
    if found.any():
        labels[enlarged(found, labels.shape) & (labels >= 0) & ~among(labels, (*ARM_PARTS, Part.HEAD))] = own[-1]


def _give(labels: np.ndarray, thing: np.ndarray, part: Part, px_per_m: float) -> None:
    """Give a thing, found on a small copy, to a part, in place, with its soft rim and slivers of it beside that."""
    if not thing.any():
        return
    large = enlarged(cv2.dilate(thing.astype(np.uint8), np.ones((3, 3), np.uint8)), labels.shape)
    labels[large & (labels >= 0)] = part
    box = box_around(large, round(2 * AROUND_M * px_per_m))
    here, near = labels[box], distance_to(large[box]) < AROUND_M * px_per_m
    body = (here >= 0) & ~among(here, ARM_PARTS)
    core = distance_to(~body) > SLIVER_M * px_per_m
    here[body & near & (distance_to(core) > SLIVER_M * px_per_m + 1)] = part


def _parts(limb_labels: np.ndarray, joints: np.ndarray, parts: list[Part], *, is_one: bool) -> np.ndarray:
    """Divide limbs into body parts at their joints: ``(height, width)`` int8, -1 outside the mask.

    Where both legs are one piece, that is the left one, bent between the knees.
    """
    labels = np.full(limb_labels.shape, -1, np.int8)
    if is_one:
        joints = both_legs(joints)
        limb_labels = np.where(limb_labels == LEGS[1], np.int8(LEGS[0]), limb_labels)
    for number, limb in enumerate(LIMBS):
        ys, xs = np.nonzero(limb_labels == number)
        labels[ys, xs] = split([part for part in limb if part in parts], joints, xs, ys)
    return labels


def _as_large(small: np.ndarray, large: np.ndarray) -> np.ndarray:
    resized = cv2.resize(small.astype(np.int8), large.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return resized.astype(small.dtype)


def _recut(labels: np.ndarray, zone: np.ndarray, own: list[Part], under: np.ndarray, character: Character) -> None:
    """Give an arm what is its own, and to the body what is not, in place."""
    box = box_around((zone > 0) | among(labels, own), round(AROUND_M * character.px_per_m))
    here, zone, below, rgb = labels[box], zone[box], under[box], character.figure[box]
    joints, px_per_m = character.joints - (box[1].start, box[0].start), character.px_per_m
    before, body = among(here, own), (here >= 0) & ~among(here, ARM_PARTS)
    arm = (before & (zone != BODY)) | ((zone == OWN) & body & (here != Part.HEAD))
    arm |= spurs((before | body) & ~arm, joints[BONES[own[0]].start], joints[BONES[own[0]].end], px_per_m)
    bone = BONES[own[-1]]
    if bone.tip is not None:
        solid = (before | body) & ~arm & (character.alpha[box] > SOLID)
        arm = tell_fingers(arm, solid, rgb, joints[[bone.end, bone.tip]], px_per_m)
    ys, xs = np.nonzero(arm & ~before)
    lost = before & ~arm & (below >= 0)
    here[lost] = below[lost]
    here[ys, xs] = split(own, joints, xs, ys)


def _enlarge(labels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Scale labels up with smooth borders, to every pixel that shows any of the person."""
    best = np.zeros(alpha.shape, np.float32)
    out = np.full(alpha.shape, -1, np.int8)
    for part in np.unique(labels[labels >= 0]):
        soft = cv2.GaussianBlur((labels == part).astype(np.float32), (0, 0), ENLARGED_SIGMA_PX)
        soft = cv2.resize(soft, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
        out[soft > best] = part
        best = np.maximum(best, soft)
    out[alpha <= SHOWN] = -1
    return out
