"""Repairs of the character image: which ones its findings call for, and what they come to together."""

from collections.abc import Collection, Iterator

from kling_ui.checks.crops import (
    around_person,
    crop_to_aspect,
    legal_scale,
    margins_to_aspect,
    person_rect,
    scaled,
    turns_to_upright,
)
from kling_ui.checks.limits import (
    IMAGE_ASPECT_MAX,
    IMAGE_FORMATS_TAKEN,
    IMAGE_LARGE_PX,
    IMAGE_SIDE_SAFE_PX,
    IMAGE_SIZE_KLING_BYTES,
    MASK_TRUST_MIN_SHARE,
    MB,
    TRANSPARENT_MIN_SHARE,
)
from kling_ui.checks.repair_kinds import Repair, RepairKind
from kling_ui.media.mend_image import WHITE_RGB, ImageMend
from kling_ui.media.picture import ImageFacts
from kling_ui.media.rectangles import NO_MARGINS, Margins, Rect, Size
from kling_ui.vision.look import ImageLook, PersonFacts

_LOSSY_FORMATS = frozenset({"jpeg", "webp", "avif", "heif"})  # a PNG of these would be large and no better
_NAMES = {"png": "PNG", "jpeg": "JPEG"}
Known = ImageFacts | ImageLook


def image_repairs(image: Known, rules: Collection[str]) -> Iterator[Repair]:
    """Offer what settles broken rules; where there are two ways, the better one comes first.

    Args:
        image: What is known about the picture.
        rules: Ids of the rules it breaks.
    """
    yield from _crop_around(image, rules)
    yield from _aspect(image, rules)
    yield from _resize(image, rules)
    if "image.posture" in rules and (turns := _turns(image)):
        angle = {1: "a quarter to the left", 2: "upside down", 3: "a quarter to the right"}[turns]
        effect = f"Turns all of it {angle}, so that the head is above the hips."
        yield Repair(RepairKind.IMAGE_TURN, ("image.posture",), "Turn the picture", effect, in_all=False)
    if "image.size" in rules:
        label = f"Compress to less than {IMAGE_SIZE_KLING_BYTES.value / MB:.0f} MB"
        effect = "Saves it as a JPEG of high quality."
        yield Repair(RepairKind.IMAGE_COMPRESS, ("image.size",), label, effect)
    if "image.format" in rules:
        yield Repair(RepairKind.IMAGE_CONVERT, ("image.format",), *_conversion(image))


def compose_image(
    kinds: Collection[RepairKind],
    image: Known,
    *,
    crop: Rect | None = None,
    background_rgb: tuple[int, int, int] = WHITE_RGB,
) -> ImageMend:
    """Bring several repairs together into one pass; whatever they cut or add, the result keeps within the limits.

    Args:
        kinds: The repairs; those of other inputs do not matter.
        image: What is known about the picture.
        crop: What to keep of it, where the clip decides that; px as displayed.
        background_rgb: What shows through where it is transparent.
    """
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
    return ImageMend(
        format="jpeg" if facts.format in _LOSSY_FORMATS or RepairKind.IMAGE_COMPRESS in kinds else "png",
        crop=None if keep.size == size else keep,
        size=None if inner == keep.size else inner,
        margins=margins,
        turns=_turns(image) if RepairKind.IMAGE_TURN in kinds else 0,
        background_rgb=background_rgb,
        max_bytes=int(IMAGE_SIZE_KLING_BYTES.value),
    )


def _crop_around(image: Known, rules: Collection[str]) -> Iterator[Repair]:
    person, facts = _person(image), _facts(image)
    size = facts.width_px, facts.height_px
    if "image.coverage" not in rules or person is None or (keep := _around(size, person)) is None:
        return
    share = person.subject_share * size[0] * size[1] / (keep.size[0] * keep.size[1])
    effect = f"Keeps {_px(keep.size)} around the character, which then covers about {share * 100:.0f} %."
    trusted = person.mask_agreement >= MASK_TRUST_MIN_SHARE
    label = "Crop around the character"
    yield Repair(RepairKind.IMAGE_CROP_AROUND, ("image.coverage",), label, effect, in_all=trusted)


def _aspect(image: Known, rules: Collection[str]) -> Iterator[Repair]:
    if "image.aspect" not in rules:
        return
    facts, person = _facts(image), _person(image)
    size, limit = (facts.width_px, facts.height_px), IMAGE_ASPECT_MAX.value
    shape = f"{limit:g}:1" if size[0] > size[1] else f"1:{limit:g}"
    tight = person_rect(size, person) if person else None
    cut, rule = crop_to_aspect(Rect.whole(size), tight, limit), ("image.aspect",)
    harmless = tight is not None and cut.holds(tight)
    place = "around the character" if tight else "in the middle"
    crop = Repair(
        RepairKind.IMAGE_CROP_TO_ASPECT, rule, f"Crop to {shape}", f"Keeps {_px(cut.size)} {place}.", in_all=harmless
    )
    grown = margins_to_aspect(size, limit).around(size)
    effect = f"Adds background up to {_px(grown)}, in the colours of its edges."
    pad = Repair(RepairKind.IMAGE_PAD_TO_ASPECT, rule, f"Add background to {shape}", effect, in_all=not harmless)
    yield from (crop, pad) if harmless else (pad, crop)


def _resize(image: Known, rules: Collection[str]) -> Iterator[Repair]:
    broken = tuple(rule for rule in ("image.side", "image.large") if rule in rules)
    if not broken:
        return
    facts, mend = _facts(image), compose_image([RepairKind.IMAGE_RESIZE], image)
    was = facts.width_px, facts.height_px
    size = mend.margins.around(mend.size or was)
    if any(mend.margins):
        label, effect = f"Fit into {_px(size)}", "Adds background in the colours of its edges."
    elif size[0] > was[0]:
        label, effect = f"Enlarge to {_px(size)}", "Adds pixels, but no detail."
    else:
        label, effect = f"Scale down to {_px(size)}", "Loses only detail that the model does not use."
    yield Repair(RepairKind.IMAGE_RESIZE, broken, label, effect)


def _conversion(image: Known) -> tuple[str, str]:
    facts, name = _facts(image), _NAMES[compose_image([], image).format]
    clear = isinstance(image, ImageLook) and image.clear_share >= TRANSPARENT_MIN_SHARE
    if facts.format not in IMAGE_FORMATS_TAKEN or facts.frame_count > 1:
        first = "Its first picture, upright" if facts.frame_count > 1 else "Upright"
        return f"Convert to {name}", f"{first}, in plain sRGB colours{', on white' if clear else ''}, without metadata."
    if clear:
        return "Put on a white background", f"Saves it as {name} with white where it is transparent."
    if facts.exif_orientation != 1:
        return "Save upright", f"Saves it as {name}, turned upright, without metadata."
    return f"Convert to {name}", "In plain 8-bit sRGB colours, without metadata."


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


def _turns(image: Known) -> int:
    facts, person = _facts(image), _person(image)
    return turns_to_upright((facts.width_px, facts.height_px), person) if person else 0


def _around(size: Size, person: PersonFacts | None) -> Rect | None:
    if person is None:
        return None
    return around_person(size, person, aspect_max=IMAGE_ASPECT_MAX.value, side_min_px=int(IMAGE_SIDE_SAFE_PX.value))


def _facts(image: Known) -> ImageFacts:
    return image.facts if isinstance(image, ImageLook) else image


def _person(image: Known) -> PersonFacts | None:
    return image.person if isinstance(image, ImageLook) else None


def _px(size: Size) -> str:
    return f"{size[0]} x {size[1]} px"
