"""Find the background that is seen between limbs and trunk, though the mask takes it for the person."""

import cv2
import numpy as np

from kling_ui.puppet.rig.belongings import WORK_LONG_SIDE_PX
from kling_ui.puppet.rig.inpainting import distance_to
from kling_ui.puppet.rig.palette import bin_shares, colour_bins
from kling_ui.puppet.rig.rods import FINGERS
from kling_ui.puppet.skeleton import ANKLES, ARMS, BONES, HIPS, KNEES, LEGS, SHOULDERS, Joint, Part

BELOW_HIP, SLEEVE_M = 0.2, 0.25  # how far below the hip, of the way from the shoulder; and below the hand
CORE, AROUND = 0.6, 1.1  # limb radii: there it shows its own colour; within that of arms no background is searched
SOME = 0.1  # from what on a mask sees anybody
NOBODY = 0.02  # up to which it surely sees nobody
NEAR_M = 0.4  # from where it is searched: there background and person show the colours that are compared
RARE_SHARE = 1e-4  # of them: a rarer colour says nothing
CLEARLY = 5.0  # times as common in the background as on the person; with less, pale cloth was taken for a wall
CALM_PX = 1.0  # of the copy, over which that is averaged
LEAST_SIDE_M = 0.04  # of the smallest gap
Side = tuple[Joint, Joint, Joint, Joint, Joint]
SIDES: tuple[Side, Side] = (
    (Joint.LEFT_SHOULDER, Joint.LEFT_ELBOW, Joint.LEFT_WRIST, Joint.LEFT_HAND, Joint.LEFT_HIP),
    (Joint.RIGHT_SHOULDER, Joint.RIGHT_ELBOW, Joint.RIGHT_WRIST, Joint.RIGHT_HAND, Joint.RIGHT_HIP),
)


def without_gaps(
    rgb: np.ndarray, mask: np.ndarray, joints: np.ndarray, *, arms: tuple[bool, bool], legs: bool, px_per_m: float
) -> np.ndarray:
    """Take from a mask of a person the background in wide sleeves and in open coats, which it swallows.

    It is searched between arms and trunk and between the legs, and is what has colours that are common in the
    background nearby and that neither trunk nor limbs show.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        mask: ``(height, width)`` float32 0-1.
        joints: ``(18, 2)`` px.
        arms: Whether the left and the right arm is shown, from shoulder to wrist.
        legs: Whether both legs are shown, from hip to ankle.
        px_per_m: The person's scale.

    Returns:
        ``(height, width)`` float32 0-1; ``mask`` itself where there is none.
    """
    scale = min(1.0, WORK_LONG_SIDE_PX / max(mask.shape))
    size = max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale))
    seen = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    shown = [side for side, is_shown in zip(SIDES, arms, strict=True) if is_shown]
    between = _between(seen.shape, joints * scale, shown, legs=legs, px_per_m=px_per_m * scale)
    searched = (seen > SOME) & between
    searched &= ~_limbs(seen.shape, joints * scale, px_per_m * scale, arms=AROUND)
    if searched.sum() < (LEAST_SIDE_M * px_per_m * scale) ** 2:
        return mask
    near = distance_to(searched) < NEAR_M * px_per_m * scale
    cores = _limbs(seen.shape, joints * scale, px_per_m * scale)
    own = near & (seen > 1 - SOME) & cores
    ground = near & (seen < NOBODY)
    bins = colour_bins(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
    shares = [np.log(bin_shares(bins, where) + RARE_SHARE)[bins] for where in (ground, own)]
    clear = cv2.GaussianBlur((shares[0] - shares[1]).astype(np.float32), (0, 0), CALM_PX) > np.log(CLEARLY)
    gaps = _large(searched & clear, (LEAST_SIDE_M * px_per_m * scale) ** 2)
    if not gaps.any():
        return mask
    gaps = _grown(gaps, clear & between & (seen > SOME) & ~cores)
    return mask * (1 - cv2.resize(gaps.astype(np.float32), mask.shape[::-1], interpolation=cv2.INTER_LINEAR))


def _between(
    shape: tuple[int, ...], joints: np.ndarray, arms: list[Side], *, legs: bool, px_per_m: float
) -> np.ndarray:
    """``(height, width)`` bool: where sleeves hang, from arms to the trunk, and between the legs."""
    drawn = np.zeros(shape, np.uint8)
    for side in arms:
        *chain, hip = joints[list(side)]
        ends = hip + BELOW_HIP * (hip - chain[0]), chain[-1] + (0, SLEEVE_M * px_per_m)
        cv2.fillConvexPoly(drawn, cv2.convexHull(np.array([*chain, *ends]).round().astype(np.int32)), (1,))
    if legs:
        outline = joints[[*HIPS, *KNEES, *ANKLES]].round().astype(np.int32)
        cv2.fillConvexPoly(drawn, cv2.convexHull(outline), (1,))
    return drawn > 0


def _limbs(shape: tuple[int, ...], joints: np.ndarray, px_per_m: float, *, arms: float = CORE) -> np.ndarray:
    """``(height, width)`` bool: the cores of limbs and head, or so many times the width of arms, and the trunk."""
    drawn = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(drawn, cv2.convexHull(joints[[*SHOULDERS, *HIPS]].round().astype(np.int32)), (1,))
    for part in (Part.HEAD, *ARMS, *LEGS):
        bone = BONES[part]
        ends = [joints[bone.start], joints[bone.end]]
        if bone.tip is not None:
            ends.append(joints[bone.tip] + FINGERS * (joints[bone.tip] - joints[bone.end]))
        wide = 2 * (arms if part in ARMS else CORE) * bone.radius_m * px_per_m
        line = np.array(ends).round().astype(np.int32)
        cv2.polylines(drawn, [line], False, (1,), max(1, round(wide)))
    return drawn > 0


def _large(region: np.ndarray, least_area: float) -> np.ndarray:
    opened = cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    wanted = stats[:, cv2.CC_STAT_AREA] >= least_area
    wanted[0] = False
    return wanted[pieces]


def _grown(seeds: np.ndarray, region: np.ndarray) -> np.ndarray:
    """``(height, width)`` bool: seeds, and the pieces of a region that one of them is in."""
    count, pieces = cv2.connectedComponents((region | seeds).astype(np.uint8), connectivity=4)
    wanted = np.zeros(count, bool)
    wanted[np.unique(pieces[seeds])] = True
    return wanted[pieces]
