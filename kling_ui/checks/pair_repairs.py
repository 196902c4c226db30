"""Repairs that make image and clip fit each other: one of them is cropped to what the other shows."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from kling_ui.checks.crops import person_rect
from kling_ui.checks.limits import IMAGE_ASPECT_MAX
from kling_ui.checks.repair_kinds import Repair, RepairKind
from kling_ui.media.rectangles import Rect, Size, window
from kling_ui.vision.body import Framing, seen
from kling_ui.vision.look import ImageLook, VideoLook
from kling_ui.vision.person import Landmark

Span = tuple[float, float]
_UPPER = [*range(Landmark.NOSE, Landmark.RIGHT_THUMB + 1)]  # head, shoulders, arms and hands
_HIPS = [Landmark.LEFT_HIP, Landmark.RIGHT_HIP]
_KNEES = [Landmark.LEFT_KNEE, Landmark.RIGHT_KNEE]
_SHOULDERS = [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER]
# As shares of the way from shoulders to hips: hair above the face, room beside the hands, thigh below the hips, fingers
# below the joints that are known of a hand.
_HAIR, _ROOM, _THIGH, _FINGERS = 0.75, 0.25, 0.25, 0.2
_SHARE_SEEN_MIN = 0.9  # of the moments of a clip, in which the crop must hold what it promises


def pair_repairs(
    image: ImageLook, video: VideoLook, rules: Collection[str], *, span: Span | None = None
) -> Iterator[Repair]:
    """Offer what settles broken rules of the pair.

    Args:
        image: The look at the character image.
        video: The look at the clip.
        rules: Ids of the rules the pair breaks.
        span: What is kept of the clip, in seconds; ``None`` keeps all.
    """
    framing = list(_framing(image, video, span)) if "pair.framing" in rules else []
    yield from framing
    if "pair.aspect" in rules and not framing and (keep := shape_of_clip(image, video, span)) is not None:
        effect = f"Keeps {keep.size[0]} x {keep.size[1]} px around the person, who stays in view."
        yield Repair(RepairKind.VIDEO_CROP_TO_SHAPE, ("pair.aspect",), "Crop the clip to the image's shape", effect)


def upper_body_of_image(image: ImageLook) -> Rect | None:
    """What to keep of a picture of a whole body, so that it shows the upper body only, from head to above the knees.

    Returns:
        The part, or ``None`` when there is no such cut, because nobody stands upright in it.
    """
    if image.person is None or image.person.framing != Framing.FULL:
        return None
    size = image.facts.width_px, image.facts.height_px
    found = _upper_body(np.asarray(image.person.landmarks)[None], size)
    if found is None:
        return None
    whole = person_rect(size, image.person)
    keep = found._replace(top_px=min(found.top_px, whole.top_px))  # the mask knows hats
    return keep if max(keep.size) <= IMAGE_ASPECT_MAX.value * min(keep.size) else None


def upper_body_of_clip(video: VideoLook, span: Span | None = None) -> Rect | None:
    """What to keep of a clip of a whole body, so that it shows the upper body only, all the time.

    Returns:
        The part, or ``None`` when no still frame holds it, because the person moves about too much.
    """
    size = video.facts.width_px, video.facts.height_px
    return _upper_body(_landmarks(video, span), size) if video.framing == Framing.FULL else None


def shape_of_clip(image: ImageLook, video: VideoLook, span: Span | None = None) -> Rect | None:
    """What to keep of a clip to give it the picture's shape with the person in view all the time, or ``None``."""
    size = video.facts.width_px, video.facts.height_px
    wanted = image.facts.width_px / image.facts.height_px
    landmarks = _landmarks(video, span)
    if not len(landmarks):
        return None
    low, high = _extent(landmarks, list(range(33)), size)
    room = _ROOM * _torso_px(landmarks, size)
    need = Rect(*(int(edge) for edge in (*(low - room).clip(0, size), *np.ceil(high + room).clip(0, size))))
    kept = min(size[0], round(size[1] * wanted)), min(size[1], round(size[0] / wanted))
    centre = (need.left_px + need.right_px) / 2, (need.top_px + need.bottom_px) / 2
    place = window(kept, centre, Rect.whole(size))
    return place if place.holds(need) and place.size != size else None


def _framing(image: ImageLook, video: VideoLook, span: Span | None) -> Iterator[Repair]:
    rule = ("pair.framing",)
    if video.framing == Framing.UPPER and upper_body_of_image(image):
        label, effect = "Crop the image to the upper body", "Keeps head, arms and trunk, as much as the clip shows."
        yield Repair(RepairKind.IMAGE_CROP_TO_UPPER, rule, label, effect)
    elif image.person and image.person.framing == Framing.UPPER and upper_body_of_clip(video, span):
        label, effect = "Crop the clip to the upper body", "Keeps head, arms and trunk, as much as the image shows."
        yield Repair(RepairKind.VIDEO_CROP_TO_UPPER, rule, label, effect)


def _landmarks(video: VideoLook, span: Span | None) -> np.ndarray:
    track = video.track
    kept = track.found
    if span is not None:
        kept = kept & (track.times_s >= span[0]) & (track.times_s < span[1])
    return track.landmarks[kept]


def _upper_body(landmarks: np.ndarray, size: Size) -> Rect | None:
    """Enclose heads, arms and trunks of ``(poses, 33, 4)``, ending above all knees."""
    if not len(landmarks):
        return None
    torso_px = _torso_px(landmarks, size)
    low, high = _extent(landmarks, _UPPER, size)
    hips_px = _extent(landmarks, _HIPS, size)[1][1]
    knees_px = float(np.quantile(landmarks[:, _KNEES, 1].min(axis=1), 1 - _SHARE_SEEN_MIN)) * size[1]
    bottom_px = max(hips_px + _THIGH * torso_px, high[1] + _FINGERS * torso_px)
    if torso_px <= 0 or bottom_px >= min(knees_px - 0.1 * torso_px, size[1]):
        return None
    left_px, right_px = low[0] - _ROOM * torso_px, high[0] + _ROOM * torso_px
    top_px = low[1] - _HAIR * torso_px
    return Rect(
        int(max(0, left_px)), int(max(0, top_px)), int(min(size[0], np.ceil(right_px))), int(min(size[1], bottom_px))
    )


def _extent(landmarks: np.ndarray, joints: Sequence[int], size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest x and y, in px within the picture, of the joints that are seen in nearly all moments."""
    points = np.where(seen(landmarks)[..., None], landmarks[..., :2], np.nan)[:, joints].reshape(-1, 2)
    points = points[~np.isnan(points[:, 0])]
    if not len(points):
        return np.zeros(2), np.asarray(size, float)
    return points.min(axis=0) * size, points.max(axis=0) * size


def _torso_px(landmarks: np.ndarray, size: Size) -> float:
    """Height from hips to shoulders, the median of all moments; negative when people stand on their heads."""
    rise = landmarks[:, _HIPS, 1].mean(axis=1) - landmarks[:, _SHOULDERS, 1].mean(axis=1)
    return float(np.median(rise)) * size[1]
