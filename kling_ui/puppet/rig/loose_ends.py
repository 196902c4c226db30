"""Settle what would hang loose when a limb moves: slivers beside arms, spikes on them, pieces apart from their limb."""

import cv2
import numpy as np

from kling_ui.puppet.rig.character import Character, among, box_around
from kling_ui.puppet.rig.distances import split
from kling_ui.puppet.rig.inpainting import distance_to
from kling_ui.puppet.rig.matting import HAND_M, around_palm
from kling_ui.puppet.rig.round_spots import open_round
from kling_ui.puppet.skeleton import ARMS, BONES, Part

AROUND_M = 0.05  # an arm, in which its border is refined
BESIDE_M = 0.03  # an arm, where slivers of the body hang loose once it is gone
SPIKE_M = 0.1  # from a forearm's bone: what sticks out farther may be a thing that the hand holds
SLIVER_M = 0.014  # half the width of what is left of a thing, or of its shadow, beside it
MOSTLY, LOOSE_RIM_PX = 0.5, 2  # alpha that holds pieces together; around a loose one, what is its soft rim


def join_slivers(labels: np.ndarray, under: np.ndarray, own: list[Part], character: Character) -> None:
    """Give thin pieces of the trunk and the legs along an arm to it, and spikes that stick out of it to them, in place.

    Args:
        labels: ``(height, width)`` int8, as :func:`kling_ui.puppet.rig.segmentation.label_parts` gives them.
        under: Likewise what they would be if there were no arms.
        own: The arm's parts.
        character: The person.
    """
    arm = among(labels, own)
    if not (own and arm.any()):
        return
    sliver = SLIVER_M * character.px_per_m
    box = box_around(arm, round(2 * AROUND_M * character.px_per_m))
    here, arm, joints = labels[box], arm[box], character.joints - (box[1].start, box[0].start)
    body = (here >= 0) & ~among(here, (*ARMS, Part.HEAD))
    core = distance_to(~np.pad(body, 1, mode="edge"))[1:-1, 1:-1] > sliver
    thin = body & (distance_to(arm) < BESIDE_M * character.px_per_m) & (distance_to(core) > sliver + 1)
    wide = open_round((thin | arm).astype(np.uint8), 2 * round(sliver) + 1) > 0
    ys, xs = np.nonzero(thin)
    here[ys, xs] = split(own, joints, xs, ys)
    bone = BONES[own[-1]]
    if bone.tip is not None:
        spikes = (here == own[-1]) & ~wide & (under[box] >= 0) & (distance_to(body) < BESIDE_M * character.px_per_m)
        spikes &= around_palm(arm.shape, joints[[bone.end, bone.tip]]) > HAND_M * character.px_per_m
        spikes &= around_palm(arm.shape, joints[[bone.start, bone.end]]) < SPIKE_M * character.px_per_m
        here[spikes] = under[box][spikes]


def hand_over(labels: np.ndarray, own: list[Part], character: Character, *, kept: np.ndarray) -> None:
    """Give pieces apart from the rest of their limb to the part they lie on, in place: they would fly off.

    Args:
        labels: ``(height, width)`` int8, as :func:`kling_ui.puppet.rig.segmentation.label_parts` gives them.
        own: The limb's parts.
        character: The person.
        kept: ``(height, width)`` bool: what goes on behind something else, and so only seems to be apart.
    """
    limb = among(labels, own)
    if not (own and limb.any()):
        return
    box = box_around(limb, LOOSE_RIM_PX + 1)
    here, limb = labels[box], limb[box]
    solid = limb & (character.alpha[box] > MOSTLY)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(solid.astype(np.uint8))
    if count <= 2:
        return
    main = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    others = (here >= 0) & ~limb & (character.alpha[box] > MOSTLY)
    away = distance_to(pieces == main)
    for number in range(1, count):
        x, y, width, height, _ = stats[number]
        more = LOOSE_RIM_PX
        area = slice(max(0, y - more), y + height + more), slice(max(0, x - more), x + width + more)
        loose = pieces[area] == number
        rim = distance_to(loose) <= more
        around = here[area][rim & others[area]]
        if number != main and len(around) and not (kept[box][area] & loose).any():
            rim &= limb[area] & (away[area] > more)
            here[area][loose | rim] = np.bincount(around).argmax()
