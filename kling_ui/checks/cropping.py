"""Which part of a picture to keep, how large and how bright to make it: pure geometry in px as displayed."""

import math

import numpy as np

from kling_ui.checks.limits import BRIGHT_AIM, BRIGHTEN_FROM, COVERAGE_MIN_SHARE, GAIN_MAX
from kling_ui.media.rectangles import Margins, Rect, Size, window
from kling_ui.vision.analysis import PersonFacts
from kling_ui.vision.pose import HIPS, SHOULDERS, seen

# Ours: three times the documented limit, so that another segmentation would not disagree, with most of the room kept.
COVERAGE_AIM_SHARE = 3 * COVERAGE_MIN_SHARE.value
# Ours: the least that a crop must promise; the mask is measured anew in the result and may come out a little smaller.
COVERAGE_SAFE_SHARE = 1.3 * COVERAGE_MIN_SHARE.value
# Room left around the character, as shares of its longer side: arms need more to the sides than the head above.
_ROOM_ACROSS, _ROOM_DOWN = 0.16, 0.08
_TIGHT = 0.02
_ROUNDING = 1e-6


def person_rect(size: Size, person: PersonFacts, *, room: tuple[float, float] = (_TIGHT, _TIGHT)) -> Rect:
    """Enclose a character: its mask and every joint in view, with some room, within the picture.

    Args:
        size: Of the picture.
        person: Who was found in it.
        room: What to add across and down, as shares of the character's longer side.
    """
    landmarks = np.asarray(person.landmarks, np.float64)
    joints = landmarks[seen(landmarks), :2] if len(landmarks) else np.empty((0, 2))
    corners = np.concatenate([np.reshape(person.box, (2, 2)), joints]) * size
    low, high = corners.min(axis=0), corners.max(axis=0)
    extra = np.asarray(room) * (high - low).max()
    low, high = np.floor(low - extra).clip(0, size), np.ceil(high + extra).clip(0, size)
    return Rect(int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def around_person(size: Size, person: PersonFacts, *, aspect_max: float, side_min_px: int) -> Rect | None:
    """Crop around a small character: as much of the surroundings as its coverage allows, no limb lost.

    The picture's own aspect stays when it can. The result is never above ``aspect_max`` and has sides of
    ``side_min_px`` when the picture has that many pixels to give.

    Returns:
        What to keep, or ``None`` when no crop would raise the coverage enough.
    """
    keep = person_rect(size, person, room=(_ROOM_ACROSS, _ROOM_DOWN))
    area_px = person.subject_share * size[0] * size[1]
    if area_px <= 0 or min(keep.size) <= 0:
        return None
    wanted = _grown(keep.size, size, budget_px=area_px / COVERAGE_AIM_SHARE)
    wanted = _no_slimmer(wanted, aspect_max, size)
    wider = max(wanted[0], min(side_min_px, size[0])), max(wanted[1], min(side_min_px, size[1]))
    if area_px / (wider[0] * wider[1]) > COVERAGE_SAFE_SHARE:
        wanted = wider
    if wanted == size or area_px / (wanted[0] * wanted[1]) <= COVERAGE_SAFE_SHARE:
        return None
    return window(wanted, _centre(keep), Rect.whole(size))


def turns_to_upright(size: Size, person: PersonFacts) -> int:
    """Counter-clockwise quarter turns of a picture, 0-3, after which its character has the head above the hips."""
    landmarks = np.asarray(person.landmarks, np.float64)[:, :2] * size
    across, down = landmarks[SHOULDERS].mean(axis=0) - landmarks[HIPS].mean(axis=0)
    if abs(across) > abs(down):
        return 1 if across > 0 else 3
    return 2 if down > 0 else 0


def gain_to_light(brightness: float) -> float:
    """How much brighter a dark picture is to become, by its light parts, 0-1; 1 where there is nothing to be gained."""
    return min(GAIN_MAX, max(1.0, BRIGHT_AIM / brightness)) if brightness >= BRIGHTEN_FROM else 1.0


def crop_to_aspect(within: Rect, keep: Rect | None, aspect_max: float) -> Rect:
    """Cut the longer side so that it is at most ``aspect_max`` times the shorter one, around ``keep`` or the middle."""
    width, height = within.size
    size = min(width, math.floor(height * aspect_max)), min(height, math.floor(width * aspect_max))
    return window(size, _centre(keep or within), within)


def margins_to_aspect(size: Size, aspect_max: float) -> Margins:
    """Add to the shorter side, evenly on both ends, so that the longer one is at most ``aspect_max`` times as long."""
    across = max(0, math.ceil(size[1] / aspect_max) - size[0])
    down = max(0, math.ceil(size[0] / aspect_max) - size[1])
    return Margins(across // 2, down // 2, across - across // 2, down - down // 2)


def legal_scale(size: Size, *, side_min_px: float, side_max_px: float) -> float:
    """Factor that brings both sides into the range; where both cannot be, the shorter side decides."""
    short, long = min(size), max(size)
    return max(side_min_px / short, min(1.0, side_max_px / long))


def scaled(size: Size, factor: float, *, step_px: int = 1) -> Size:
    """Scale a size to whole multiples of ``step_px``: never slimmer than before, so that a legal shape stays legal."""
    steps = [side * factor / step_px for side in size]
    long = 0 if size[0] >= size[1] else 1
    sides = [math.ceil(count - _ROUNDING) for count in steps]
    sides[long] = max(sides[1 - long], math.floor(steps[long] + _ROUNDING))
    return max(1, sides[0]) * step_px, max(1, sides[1]) * step_px


def _grown(size: Size, bounds: Size, *, budget_px: float) -> Size:
    """Enlarge towards the shape of ``bounds`` while the area stays within the budget."""
    factor = max(size[0] / bounds[0], size[1] / bounds[1])
    shaped = bounds[0] * factor, bounds[1] * factor
    if shaped[0] * shaped[1] <= budget_px:
        larger = min(1.0, math.sqrt(budget_px / (bounds[0] * bounds[1])))
        return round(bounds[0] * larger), round(bounds[1] * larger)
    if shaped[0] > size[0]:  # only across is there room to grow
        return max(size[0], min(bounds[0], math.floor(budget_px / size[1]))), size[1]
    return size[0], max(size[1], min(bounds[1], math.floor(budget_px / size[0])))


def _no_slimmer(size: Size, aspect_max: float, bounds: Size) -> Size:
    width = max(size[0], min(bounds[0], math.ceil(size[1] / aspect_max)))
    height = max(size[1], min(bounds[1], math.ceil(size[0] / aspect_max)))
    return min(width, math.floor(height * aspect_max)), min(height, math.floor(width * aspect_max))


def _centre(rect: Rect) -> tuple[float, float]:
    return (rect.left_px + rect.right_px) / 2, (rect.top_px + rect.bottom_px) / 2
