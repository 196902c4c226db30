"""Repairs of the character image, and repairs that make image and clip fit each other: what findings call for."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np

from kling_ui.checks.cropping import (
    around_person,
    crop_to_aspect,
    gain_to_light,
    legal_scale,
    margins_to_aspect,
    person_rect,
    scaled,
    turns_to_upright,
)
from kling_ui.checks.light import veil_over
from kling_ui.checks.limits import (
    IMAGE_ASPECT_MAX,
    IMAGE_FORMATS_TAKEN,
    IMAGE_LARGE_PX,
    IMAGE_SIDE_SAFE_PX,
    IMAGE_SIZE_KLING_BYTES,
    MASK_TRUST_MIN_SHARE,
    TRANSPARENT_MIN_SHARE,
)
from kling_ui.checks.repair_kinds import Repair, RepairCode, RepairKind
from kling_ui.media.image import ImageFacts
from kling_ui.media.rectangles import NO_MARGINS, Margins, Rect, Size, window
from kling_ui.media.signatures import MB
from kling_ui.media.transform_image import WHITE_RGB, ImageTransform
from kling_ui.vision.analysis import ImageAnalysis, PersonFacts, VideoAnalysis
from kling_ui.vision.pose import HIPS, KNEES, SHOULDERS, Framing, Landmark, seen

_LOSSY_FORMATS = frozenset({"jpeg", "webp", "avif", "heif", "jpeg2000"})  # a PNG of these would be large and no better
Known = ImageFacts | ImageAnalysis
Span = tuple[float, float]
_UPPER = [*range(Landmark.NOSE, Landmark.RIGHT_THUMB + 1)]  # head, shoulders, arms and hands
# As shares of the way from shoulders to hips: hair above the face, room beside the hands, thigh below the hips, fingers
# below the joints that are known of a hand.
_HAIR, _ROOM, _THIGH, _FINGERS = 0.75, 0.25, 0.25, 0.2
_SHARE_SEEN_MIN = 0.9  # of the moments of a clip, in which the crop must hold what it promises


def image_repairs(image: Known, rules: Collection[str]) -> Iterator[Repair]:
    """Offer what settles broken rules; where there are two ways, the better one comes first.

    Args:
        image: What is known about the picture.
        rules: Ids of the rules it breaks.
    """
    yield from _crop_around(image, rules)
    yield from _aspect(image, rules)
    yield from _resize(image, rules)
    if "image.posture" in rules and (turns := turns_of_image(image)):
        code = (RepairCode.IMAGE_TURN_LEFT, RepairCode.IMAGE_TURN_OVER, RepairCode.IMAGE_TURN_RIGHT)[turns - 1]
        person = _person(image)
        yield Repair(code, ("image.posture",), in_all=person is not None and person.turns > 0)
    if "image.dark" in rules and _gain(image) > 1:
        yield Repair(RepairCode.IMAGE_BRIGHTEN, ("image.dark",), {"gain": _gain(image)})
    if "image.bright" in rules and (veil := _veil(image)):
        yield Repair(RepairCode.IMAGE_DEEPEN, ("image.bright",), {"veil": veil})
    if "image.size" in rules:
        yield Repair(RepairCode.IMAGE_COMPRESS, ("image.size",), {"limit_mb": IMAGE_SIZE_KLING_BYTES.value / MB})
    if broken := tuple(rule for rule in ("image.format", "image.profile") if rule in rules):
        yield _conversion(image, broken)


def compose_image(
    kinds: Collection[RepairKind],
    image: Known,
    *,
    crop: Rect | None = None,
    background_rgb: tuple[int, int, int] = WHITE_RGB,
) -> ImageTransform:
    """Bring several repairs together into one pass; whatever they cut or add, the result keeps within the limits.

    Args:
        kinds: The repairs; those of other inputs do not matter.
        image: What is known about the picture.
        crop: What to keep of it, where the clip decides that; px as displayed once it is turned.
        background_rgb: What shows through where it is transparent.
    """
    turns = turns_of_image(image) if RepairKind.IMAGE_TURN in kinds else 0
    upright = image.turned(turns) if isinstance(image, ImageAnalysis) else image
    made, facts = _upright_transform(kinds, upright, crop), _facts(upright)
    return replace(
        made,
        format="png" if {kind for kind in kinds if kind.target == "image"} == {RepairKind.IMAGE_TURN} else made.format,
        crop=made.crop and made.crop.turned(-turns, (facts.width_px, facts.height_px)),
        size=made.size[::-1] if made.size and turns % 2 else made.size,
        margins=made.margins.turned(-turns),
        turns=turns,
        gain=_gain(image) if RepairKind.IMAGE_BRIGHTEN in kinds else 1.0,
        veil=_veil(image) if RepairKind.IMAGE_DEEPEN in kinds else 0.0,
        background_rgb=background_rgb,
    )


def turns_of_image(image: Known) -> int:
    """Counter-clockwise quarter turns, 0-3, that bring the character of a picture upright."""
    facts, person = _facts(image), _person(image)
    if person is None:
        return 0
    return person.turns or turns_to_upright((facts.width_px, facts.height_px), person)


def _gain(image: Known) -> float:
    return gain_to_light(image.brightness) if isinstance(image, ImageAnalysis) else 1.0


def _veil(image: Known) -> float:
    return veil_over(image.shade, image.glare) if isinstance(image, ImageAnalysis) else 0.0


def _upright_transform(kinds: Collection[RepairKind], image: Known, crop: Rect | None) -> ImageTransform:
    facts, person = _facts(image), _person(image)
    size, aspect_max = (facts.width_px, facts.height_px), IMAGE_ASPECT_MAX.value
    keep = crop or Rect.whole(size)
    if RepairKind.IMAGE_CROP_AROUND in kinds and crop is None:
        keep = _around(size, person) or keep
    if RepairKind.IMAGE_CROP_TO_ASPECT in kinds:
        keep = crop_to_aspect(keep, person_rect(size, person) if person else None, aspect_max)
    padded = RepairKind.IMAGE_PAD_TO_ASPECT in kinds or (RepairKind.IMAGE_RESIZE in kinds and _is_strip(keep.size))
    added = margins_to_aspect(keep.size, aspect_max) if padded else NO_MARGINS
    canvas, factor = added.around(keep.size), 1.0
    if RepairKind.IMAGE_RESIZE in kinds or canvas != size:
        factor = legal_scale(canvas, side_min_px=IMAGE_SIDE_SAFE_PX.value, side_max_px=IMAGE_LARGE_PX.value)
    inner, margins = _scaled(keep.size, added, factor)
    return ImageTransform(
        format="jpeg" if facts.format in _LOSSY_FORMATS or RepairKind.IMAGE_COMPRESS in kinds else "png",
        crop=None if keep.size == size else keep,
        size=None if inner == keep.size else inner,
        margins=margins,
        max_bytes=int(IMAGE_SIZE_KLING_BYTES.value),
    )


def _crop_around(image: Known, rules: Collection[str]) -> Iterator[Repair]:
    person, facts = _person(image), _facts(image)
    size = facts.width_px, facts.height_px
    if "image.coverage" not in rules or person is None or (keep := _around(size, person)) is None:
        return
    share = person.subject_share * size[0] * size[1] / (keep.size[0] * keep.size[1])
    trusted = person.mask_agreement >= MASK_TRUST_MIN_SHARE
    yield Repair(RepairCode.IMAGE_CROP_AROUND, ("image.coverage",), _size(keep.size) | {"share": share}, in_all=trusted)


def _aspect(image: Known, rules: Collection[str]) -> Iterator[Repair]:
    if "image.aspect" not in rules:
        return
    facts, person = _facts(image), _person(image)
    size, limit = (facts.width_px, facts.height_px), IMAGE_ASPECT_MAX.value
    shape = f"{limit:g}:1" if size[0] > size[1] else f"1:{limit:g}"
    tight = person_rect(size, person) if person else None
    cut, rule = crop_to_aspect(Rect.whole(size), tight, limit), ("image.aspect",)
    harmless = tight is not None and cut.holds(tight)
    code = RepairCode.IMAGE_CROP_TO_ASPECT_AROUND if tight else RepairCode.IMAGE_CROP_TO_ASPECT_MIDDLE
    crop = Repair(code, rule, _size(cut.size) | {"shape": shape}, in_all=harmless)
    grown = margins_to_aspect(size, limit).around(size)
    pad = Repair(RepairCode.IMAGE_PAD_TO_ASPECT, rule, _size(grown) | {"shape": shape}, in_all=not harmless)
    yield from (crop, pad) if harmless else (pad, crop)


def _resize(image: Known, rules: Collection[str]) -> Iterator[Repair]:
    broken = tuple(rule for rule in ("image.side", "image.large") if rule in rules)
    if not broken:
        return
    facts, transform = _facts(image), compose_image([RepairKind.IMAGE_RESIZE], image)
    was = facts.width_px, facts.height_px
    size = transform.margins.around(transform.size or was)
    if any(transform.margins):
        code = RepairCode.IMAGE_FIT
    elif size[0] > was[0]:
        code = RepairCode.IMAGE_ENLARGE
    else:
        code = RepairCode.IMAGE_SCALE_DOWN
    yield Repair(code, broken, _size(size))


def _conversion(image: Known, broken: tuple[str, ...]) -> Repair:
    facts, values = _facts(image), {"format": compose_image([], image).format}
    clear = isinstance(image, ImageAnalysis) and image.clear_share >= TRANSPARENT_MIN_SHARE
    if facts.format not in IMAGE_FORMATS_TAKEN or facts.frame_count > 1:
        more = {"is_first": facts.frame_count > 1, "on_white": clear}
        return Repair(RepairCode.IMAGE_CONVERT, broken, values | more)
    if clear:
        return Repair(RepairCode.IMAGE_FLATTEN, broken, values)
    if facts.exif_orientation != 1:
        return Repair(RepairCode.IMAGE_SAVE_UPRIGHT, broken, values)
    if facts.profile:
        return Repair(RepairCode.IMAGE_TO_SRGB, broken, values)
    return Repair(RepairCode.IMAGE_PLAIN_COLOURS, broken, values)


def _scaled(inner: Size, added: Margins, factor: float) -> tuple[Size, Margins]:
    outer = scaled(added.around(inner), factor)
    inner = scaled(inner, factor)
    inner = min(inner[0], outer[0]), min(inner[1], outer[1])
    across, down = outer[0] - inner[0], outer[1] - inner[1]
    if not any(added):
        return outer, NO_MARGINS
    return inner, Margins(across // 2, down // 2, across - across // 2, down - down // 2)


def _is_strip(size: Size) -> bool:
    """So slim that no scale brings both sides into the limits: background must be added to get there."""
    return max(size) * IMAGE_SIDE_SAFE_PX.value > min(size) * IMAGE_LARGE_PX.value


def _around(size: Size, person: PersonFacts | None) -> Rect | None:
    if person is None:
        return None
    return around_person(size, person, aspect_max=IMAGE_ASPECT_MAX.value, side_min_px=int(IMAGE_SIDE_SAFE_PX.value))


def _facts(image: Known) -> ImageFacts:
    return image.facts if isinstance(image, ImageAnalysis) else image


def _person(image: Known) -> PersonFacts | None:
    return image.person if isinstance(image, ImageAnalysis) else None


def _size(size: Size) -> dict[str, object]:
    return {"width_px": size[0], "height_px": size[1]}


def pair_repairs(
    image: ImageAnalysis, video: VideoAnalysis, rules: Collection[str], *, span: Span | None = None
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
        yield Repair(RepairCode.VIDEO_CROP_TO_SHAPE, ("pair.aspect",), _size(keep.size))


def upper_body_of_image(image: ImageAnalysis) -> Rect | None:
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


def upper_body_of_clip(video: VideoAnalysis, span: Span | None = None) -> Rect | None:
    """What to keep of a clip of a whole body, so that it shows the upper body only, all the time.

    Returns:
        The part, or ``None`` when no still frame holds it, because the person moves about too much.
    """
    size = video.facts.width_px, video.facts.height_px
    return _upper_body(_landmarks(video, span), size) if video.framing == Framing.FULL else None


def shape_of_clip(image: ImageAnalysis, video: VideoAnalysis, span: Span | None = None) -> Rect | None:
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


def _framing(image: ImageAnalysis, video: VideoAnalysis, span: Span | None) -> Iterator[Repair]:
    rule = ("pair.framing",)
    if video.framing == Framing.UPPER and upper_body_of_image(image):
        yield Repair(RepairCode.IMAGE_CROP_TO_UPPER, rule)
    elif image.person and image.person.framing == Framing.UPPER and upper_body_of_clip(video, span):
        yield Repair(RepairCode.VIDEO_CROP_TO_UPPER, rule)


def _landmarks(video: VideoAnalysis, span: Span | None) -> np.ndarray:
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
    hips_px = _extent(landmarks, HIPS, size)[1][1]
    knees_px = float(np.quantile(landmarks[:, KNEES, 1].min(axis=1), 1 - _SHARE_SEEN_MIN)) * size[1]
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
    rise = landmarks[:, HIPS, 1].mean(axis=1) - landmarks[:, SHOULDERS, 1].mean(axis=1)
    return float(np.median(rise)) * size[1]
