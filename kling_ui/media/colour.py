"""Colours of pictures: from whatever a file stores to 8-bit sRGB, which every service reads alike."""

from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

_MANAGED = frozenset({"RGB", "L", "CMYK", "LAB"})  # the pixel layouts that littlecms takes as they are
_PROFILE_DAMAGE = (ImageCms.PyCMSError, OSError, ValueError, TypeError, KeyError)


def to_srgb(image: Image.Image) -> Image.Image:
    """Bring a decoded picture to ``RGB``, or ``RGBA`` when it has transparency, through its own colour profile.

    A profile that is damaged, or meant for another kind of pixels, is left out of account.
    """
    alpha = image.convert("RGBA").getchannel("A") if _has_alpha(image) else None
    colours = _managed(_eight_bit(image), _profile(image))
    if alpha is not None:
        colours.putalpha(alpha)
    return colours


def on_background(image: Image.Image, rgb: tuple[int, int, int]) -> Image.Image:
    """Lay a picture that may be transparent on one colour."""
    if image.mode != "RGBA":
        return image
    canvas = Image.new("RGBA", image.size, (*rgb, 255))
    canvas.alpha_composite(image)
    return canvas.convert("RGB")


def _has_alpha(image: Image.Image) -> bool:
    return image.has_transparency_data and image.mode[0] not in "IF"


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode in _MANAGED:
        return image
    if image.mode[0] not in "IF":
        return image.convert("L" if image.mode in {"1", "LA", "La"} else "RGB")
    values = np.asarray(image, np.float32)
    top = float(values.max(initial=0))
    full = 65535.0 if image.mode[0] == "I" and top > 255 else max(1.0, top)  # Pillow would clip instead of scale
    return Image.fromarray((values.clip(0, full) * (255.0 / full)).astype(np.uint8))


def _profile(image: Image.Image) -> ImageCms.ImageCmsProfile | None:
    if image.mode == "LAB":
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    raw = image.info.get("icc_profile")
    if not raw:
        return None
    try:
        return ImageCms.ImageCmsProfile(BytesIO(raw))
    except _PROFILE_DAMAGE:
        return None


def _managed(image: Image.Image, profile: ImageCms.ImageCmsProfile | None) -> Image.Image:
    if profile is not None:
        try:
            srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
            turned = ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB")
            if turned is not None:
                return turned
        except _PROFILE_DAMAGE:
            pass  # the profile does not fit the pixels
    return image.convert("RGB")
