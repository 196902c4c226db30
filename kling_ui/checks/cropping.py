"""Which part of a picture to keep, how large and how bright to make it: pure geometry in px as displayed."""

import math
from collections.abc import Iterable

import numpy as np

from kling_ui.checks.limits import (
    BRIGHT_AIM,
    BRIGHTEN_FROM,
    COVERAGE_MIN_SHARE,
    GAIN_MAX,
    IMAGE_ASPECT_MAX,
    IMAGE_SIDE_SAFE_PX,
    VIDEO_SIDE_MIN_PX,
)
from kling_ui.checks.repair_kinds import PEOPLE_MAX
from kling_ui.checks.usability import bystanders, most_people
from kling_ui.media.rectangles import Margins, Rect, Size, window
from kling_ui.vision.analysis import ImageAnalysis, PersonFacts, VideoAnalysis
from kling_ui.vision.clip_measurements import SeenPerson
from kling_ui.vision.people import Box
from kling_ui.vision.pose import HIPS, SHOULDERS, seen

# Ours: three times the documented limit, so that another segmentation would not disagree, with most of the room kept.
COVERAGE_AIM_SHARE = 3 * COVERAGE_MIN_SHARE.value
# Ours: the least that a crop must promise; the mask is measured anew in the result and may come out a little smaller.
COVERAGE_SAFE_SHARE = 1.3 * COVERAGE_MIN_SHARE.value
# Room left around the character, as shares of its longer side: arms need more to the sides than the head above.
_ROOM_ACROSS, _ROOM_DOWN = 0.16, 0.08
_TIGHT = 0.02
# Of somebody else's head and trunk within a crop: an arm that reaches into it hardly matters. More of it in at most so
# many moments.
_INTRUDES, _INTRUSIONS_MAX = 0.35, 0.1
_ENLARGED_MAX = 2.0  # times: more would be seen
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


def people_of(known: ImageAnalysis | VideoAnalysis) -> tuple[tuple[Rect, ...], ...]:
    """Where each of several people is, from left to right: one place in a picture, one for each moment in a clip.

    Of more than :data:`PEOPLE_MAX` those are left out who are seen least. Nobody is listed where only one is.
    """
    size = known.facts.width_px, known.facts.height_px
    if isinstance(known, VideoAnalysis):
        return tuple(tuple(_rect(box, size) for box in person.boxes) for person in _seen_people(known))
    if known.person is None or not known.others:
        return ()
    main = person_rect(size, known.person, room=(0.0, 0.0))
    found = [(main,), *((_rect(box, size),) for box in known.others)]
    largest = sorted(found, key=lambda rects: -_area(rects[0]))[:PEOPLE_MAX]
    return tuple(sorted(largest, key=lambda rects: rects[0].left_px + rects[0].right_px))


def _seen_people(clip: VideoAnalysis) -> list[SeenPerson]:
    """Who is seen most in a clip, from left to right; nobody where only one is."""
    others = sorted(bystanders(clip), key=lambda person: -person.share)[: PEOPLE_MAX - 1]
    people = [clip.notes.people[0], *others] if others else []
    return sorted(people, key=lambda person: float(np.median([left + right for left, _, right, _ in person.boxes])))


def seen_at(known: ImageAnalysis | VideoAnalysis, number: int) -> Box:
    """Where one of several people is in what shows them: in the picture, or when most are in view at once.

    Args:
        known: The picture or the clip.
        number: Who, as for :func:`keep_person`.

    Returns:
        Left, top, right and bottom as fractions of the picture.
    """
    if isinstance(known, VideoAnalysis):
        person = _seen_people(known)[number - 1]
        return person.boxes[int(np.abs(np.array(person.times_s) - most_people(known)[0]).argmin())]
    rect, width, height = people_of(known)[number - 1][0], known.facts.width_px, known.facts.height_px
    return rect.left_px / width, rect.top_px / height, rect.right_px / width, rect.bottom_px / height


def keep_person(known: ImageAnalysis | VideoAnalysis, number: int) -> Rect | None:
    """What to keep so that one of several people is alone in it, or ``None`` where no lawful crop does that.

    The crop holds the person all the time, has a lawful shape, covers others by a third at most, and need not be
    enlarged more than twice. A figure fills enough of so close a crop to be above the least coverage by far.

    Args:
        known: The picture or the clip.
        number: Who, counted from the left, beginning with 1.
    """
    people = people_of(known)
    if not 1 <= number <= len(people):
        return None
    size, own = (known.facts.width_px, known.facts.height_px), people[number - 1]
    others = [rect for place, rects in enumerate(people) if place != number - 1 for rect in rects]
    is_image = isinstance(known, ImageAnalysis)
    side_min_px = IMAGE_SIDE_SAFE_PX.value if is_image else VIDEO_SIDE_MIN_PX.value
    corners = np.array(own).reshape(-1, 2, 2)
    low, high = corners[:, 0].min(axis=0), corners[:, 1].max(axis=0)
    bounds = _between(size, Rect(int(low[0]), int(low[1]), int(high[0]), int(high[1])), others)
    for room in ((_ROOM_ACROSS, _ROOM_DOWN), (_ROOM_DOWN, _ROOM_DOWN), (_TIGHT, _TIGHT)):
        extra = np.asarray(room) * (high - low).max()
        wanted = _no_slimmer(tuple(np.ceil(high - low + 2 * extra).astype(int).tolist()), IMAGE_ASPECT_MAX.value, size)
        middle = (low + high) / 2
        keep = window(wanted, (float(middle[0]), float(middle[1])), bounds)
        if not keep.holds(Rect(int(low[0]), int(low[1]), int(high[0]), int(high[1]))) or min(keep.size) <= 0:
            continue
        intruding = sum(_area(_shared(keep, core)) > _INTRUDES * _area(core) for core in map(_core, others))
        is_large = min(keep.size) * _ENLARGED_MAX >= side_min_px
        is_lawful = max(keep.size) <= IMAGE_ASPECT_MAX.value * min(keep.size)
        if intruding <= _INTRUSIONS_MAX * len(others) and is_large and is_lawful:
            return keep
    return None


def _between(size: Size, own: Rect, others: Iterable[Rect]) -> Rect:
    """The picture up to the people on both sides."""
    left, right = 0, size[0]
    for other in others:
        if other.right_px <= own.left_px:
            left = max(left, other.right_px)
        elif other.left_px >= own.right_px:
            right = min(right, other.left_px)
    return Rect(left, 0, right, size[1])


def _core(rect: Rect) -> Rect:
    """Where head and trunk of somebody are: the middle half of the box, without the arms."""
    quarter = rect.size[0] // 4
    return rect._replace(left_px=rect.left_px + quarter, right_px=rect.right_px - quarter)


def _shared(one: Rect, other: Rect) -> Rect:
    left, top = max(one.left_px, other.left_px), max(one.top_px, other.top_px)
    right, bottom = min(one.right_px, other.right_px), min(one.bottom_px, other.bottom_px)
    return Rect(left, top, max(left, right), max(top, bottom))


def _area(rect: Rect) -> int:
    return rect.size[0] * rect.size[1]


def _rect(box: Box, size: Size) -> Rect:
    places = (np.array(box).clip(0, 1) * np.tile(size, 2)).tolist()
    left, top, right, bottom = places
    return Rect(math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom))


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
