"""Colours: from whatever a picture stores to 8-bit sRGB, and from there to the BT.709 Y'CbCr of clips."""

from collections.abc import Sequence
from io import BytesIO

import cv2
import numpy as np
from PIL import Image, ImageCms

_MANAGED = frozenset({"RGB", "L", "CMYK", "LAB"})  # the pixel layouts that littlecms takes as they are
_PROFILE_DAMAGE = (ImageCms.PyCMSError, OSError, ValueError, TypeError, KeyError)
_LUMA = np.array([0.2126, 0.7152, 0.0722])  # ITU-R BT.709-6, 3.2
_SPANS = np.array([219.0, 224.0, 224.0]) / 255  # 8-bit ranges of ITU-R BT.709-6, 4.6
_ZEROS = np.array([16.0, 128.0, 128.0])


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


def to_ycbcr(rgb: np.ndarray) -> np.ndarray:
    """Convert pictures.

    Args:
        rgb: ``(height, width, 3)`` uint8, or ``(height, width, 4)`` with the colours premultiplied by alpha.

    Returns:
        The same shape and dtype; alpha is kept, and the colours stay premultiplied by it.
    """
    matrix = _matrix()
    if rgb.shape[2] == 3:
        return cv2.transform(rgb, np.column_stack([matrix, _ZEROS]))
    with_alpha = np.zeros((4, 4))
    with_alpha[:3, :3], with_alpha[:3, 3], with_alpha[3, 3] = matrix, _ZEROS / 255, 1
    return cv2.transform(rgb, with_alpha)


def to_rgb(ycbcr: np.ndarray) -> np.ndarray:
    """Convert ``(height, width, 3)`` uint8 back; equal to within 2 of 255."""
    back = np.linalg.inv(_matrix())
    return cv2.transform(ycbcr, np.column_stack([back, -back @ _ZEROS]))


def subsample(ycbcr: np.ndarray, planes: Sequence[np.ndarray]) -> None:
    """Take a picture apart into the three planes of yuv420p, with half the chroma.

    Args:
        ycbcr: ``(height, width, 3)`` uint8 with even sides.
        planes: Written over: ``(height, width)`` uint8 and two of half the size; rows may lie apart.
    """
    height, width = ycbcr.shape[:2]
    small = cv2.resize(ycbcr, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    for place, (source, plane) in enumerate(zip((ycbcr, small, small), planes, strict=True)):
        cv2.extractChannel(source, place, dst=plane)


def _matrix() -> np.ndarray:
    """``(3, 3)``: from RGB of 0-255 to Y'CbCr without the zeros' offsets."""
    red, _, blue = _LUMA
    cb = (np.array([0, 0, 1]) - _LUMA) / (2 * (1 - blue))
    cr = (np.array([1, 0, 0]) - _LUMA) / (2 * (1 - red))
    return np.stack([_LUMA, cb, cr]) * _SPANS[:, None]
