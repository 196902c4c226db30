"""Find wide sleeves that hang from forearms before a body in clothes of the same colour, as a wizard's or a monk's."""

import cv2
import numpy as np

from kling_ui.puppet.rig.distances import SURE
from kling_ui.puppet.rig.palette import alike

LEVEL = 0.5  # of a forearm's length, that it reaches sideways at least: nothing hangs along one that hangs itself
BESIDE_M = 0.06  # the elbow, how far a sleeve goes on outwards
LEAST_M, MOST_M = 0.1, 0.34  # how long it hangs below the middle of the arm; what goes on farther is a cape or a skirt
OUTSIDE, LEAST_WIDE_M = 0.4, 0.04  # torso's units off the body, where only a sleeve can be; how wide it is there
FREE = 0.2  # of what hangs in a column, that is so far off
STEEPEST = 0.5  # px down a px aside by which its hem may slope


def hanging_sleeve(
    rgb: np.ndarray,
    person: np.ndarray,
    forearm: np.ndarray,
    ends: np.ndarray,
    away: np.ndarray,
    *,
    arm: np.ndarray,
    px_per_m: float,
) -> np.ndarray:
    """Find the cloth that hangs from a forearm: seen beside the body, followed before it at the same length.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        person: ``(height, width)`` bool.
        forearm: ``(height, width)``: how far it is to the forearm's limb, in its radii.
        ends: ``(2, 2)`` px: elbow and wrist.
        away: ``(height, width)``: how far it is from trunk and legs, in their units.
        arm: ``(height, width)`` bool: what is known to be the arm.
        px_per_m: The person's scale.

    Returns:
        ``(height, width)`` bool; nothing where no sleeve hangs.
    """
    found = np.zeros_like(person)
    elbow, wrist = ends
    way = wrist - elbow
    core = arm & (forearm < SURE)
    if abs(way[0]) <= LEVEL * float(np.hypot(*way)) or not core.any():
        return found
    outer = elbow[0] - np.sign(way[0]) * BESIDE_M * px_per_m
    first, last = (int(np.clip(x, 0, person.shape[1] - 1)) for x in sorted((outer, wrist[0])))
    columns, like = np.arange(first, last + 1), alike(rgb, core)
    middle = elbow[1] + np.clip((columns - elbow[0]) / way[0], 0, 1) * way[1]
    rows = np.arange(person.shape[0])[:, None]
    below = rows - middle[None, :]
    cloth = person[:, columns] & (like[:, columns] | arm[:, columns])
    ends_there = (below > 0) & ~cloth
    end = np.where(ends_there.any(axis=0), ends_there.argmax(axis=0), person.shape[0])
    hangs = (below > 0) & (rows < end)
    long = end - middle
    outside = away > OUTSIDE
    free = (hangs & outside[:, columns]).sum(axis=0) > FREE * np.maximum(long, 1)
    free &= outside[end - 1, columns] & (long > LEAST_M * px_per_m)
    free &= ~person[np.minimum(end + 1, person.shape[0] - 1), columns]
    if free.sum() < LEAST_WIDE_M * px_per_m or np.median(long[free]) > MOST_M * px_per_m:
        return found
    slope = float(np.polyfit(columns[free], end[free], 1)[0]) if free.sum() > 2 else 0.0
    middle_column, middle_end = float(np.median(columns[free])), float(np.median(end[free]))
    hem = middle_end + np.clip(slope, -STEEPEST, STEEPEST) * (columns - middle_column)
    found[:, columns] = hangs & (rows < np.where(free, end, hem))
    beside = person & outside & like & (rows > elbow[1]) & (rows < hem.max() + BESIDE_M * px_per_m)
    count, pieces = cv2.connectedComponents((beside | found).astype(np.uint8), connectivity=4)
    return pieces == np.bincount(pieces[found], minlength=count).argmax()
