"""Which pixel belongs to which part.

A small copy of the picture tells limb from limb (see ``chains``). Arms are then cut along smooth lines (``seams``) and
hands finger by finger (``hands``). A limb is parted at its joint by geometry alone.
"""

import cv2
import numpy as np

from kling_ui.puppetry.cutting.chains import ARMS, CHAINS, gather, label_chains
from kling_ui.puppetry.cutting.character import Character
from kling_ui.puppetry.cutting.distances import beyond_joint, distances
from kling_ui.puppetry.cutting.hands import tell_fingers
from kling_ui.puppetry.cutting.seams import BODY, OWN, arm_way, seams, territory
from kling_ui.puppetry.cutting.window import among, box_around
from kling_ui.puppetry.skeleton import ARMS as ARM_PARTS
from kling_ui.puppetry.skeleton import BONES, Part

WORK_LONG_SIDE_PX = 480
SPUR_M = 0.03  # half the width of what hangs from the torso under an arm but belongs to the arm
SOLID = 0.95
AROUND_M = 0.05  # of an arm that is looked at closely


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
    evidence = gather(rgb, mask, joints, distances(mask, joints, parts, px_per_m), px_per_m)
    chains, behind = (_parts(chains, joints, parts) for chains in label_chains(evidence))
    labels = _enlarge(chains, character.alpha)
    under = _as_large(behind, labels)
    picture = cv2.cvtColor(character.figure, cv2.COLOR_RGB2YCrCb)
    for number in ARMS:
        own = [part for part in CHAINS[number] if part in parts]
        if own:
            arm = arm_way(character.joints, own, character.px_per_m)
            sides = seams(arm, picture, evidence.against(number), scale, character.px_per_m)
            zone = territory(arm, sides, labels.shape)
            zone[(zone == BODY) & ~_as_large(evidence.beside(number), zone)] = 0
            _recut(labels, zone, own, under, character)
    return labels


def _parts(chains: np.ndarray, joints: np.ndarray, parts: list[Part]) -> np.ndarray:
    """Part chains at their joints: ``(height, width)`` int8, -1 outside the mask."""
    labels = np.full(chains.shape, -1, np.int8)
    for number, chain in enumerate(CHAINS):
        ys, xs = np.nonzero(chains == number)
        labels[ys, xs] = _split([part for part in chain if part in parts], joints, xs, ys)
    return labels


def _split(own: list[Part], joints: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """``(n,)`` int8: to which of one limb's parts points belong."""
    if len(own) < 2:
        return np.full(len(xs), own[0] if own else -1, np.int8)
    points = np.stack([xs, ys], axis=-1).astype(np.float32)
    return np.asarray(own, np.int8)[beyond_joint(points, joints, own[-1])]


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
    arm |= _spurs((before | body) & ~arm, joints[BONES[own[0]].start], joints[BONES[own[0]].end], px_per_m)
    bone = BONES[own[-1]]
    if bone.tip is not None:
        solid = (before | body) & ~arm & (character.alpha[box] > SOLID)
        arm = tell_fingers(arm, solid, rgb, joints[[bone.end, bone.tip]], px_per_m)
    ys, xs = np.nonzero(arm & ~before)
    lost = before & ~arm & (below >= 0)
    here[lost] = below[lost]
    here[ys, xs] = _split(own, joints, xs, ys)


def _spurs(body: np.ndarray, start: np.ndarray, end: np.ndarray, px_per_m: float) -> np.ndarray:
    """``(height, width)`` bool: thin pieces of the body beside an upper arm; when it is lifted they hang loose."""
    ys, xs = np.ogrid[: body.shape[0], : body.shape[1]]
    (x, y), reach = (start + end) / 2, float(np.hypot(*(end - start))) / 2
    beside = body & ((xs - x) ** 2 + (ys - y) ** 2 < reach**2)
    core = cv2.distanceTransform(body.astype(np.uint8), cv2.DIST_L2, 5) > SPUR_M * px_per_m
    return beside & (cv2.distanceTransform((~core).astype(np.uint8), cv2.DIST_L2, 5) > SPUR_M * px_per_m)


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
