"""Making a changed copy of a picture: every change in one pass from the original's pixels, so nothing is lost twice."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from kling_ui.corrections import Corrections, PlacedJoint
from kling_ui.media.colour import on_background, to_srgb
from kling_ui.media.files import atomic_file
from kling_ui.media.image import ImageFacts, load_picture, probe_image
from kling_ui.media.levels import brighten, deepen
from kling_ui.media.rectangles import NO_MARGINS, Margins, Rect, Size
from kling_ui.media.signatures import IMAGE_SAFE_BYTES

_COARSE_PX = 64  # long side of the small copy whose colours fill what is far away
_FADE_SHARE = 0.35  # within this share of the widest margin the edge's own pixels fade out
WHITE_RGB = (255, 255, 255)
SUFFIXES = {"png": ".png", "jpeg": ".jpg"}
_JPEG_QUALITIES = (95, 90, 85, 78)  # the first is visually lossless; below the last, fewer pixels look better
_FINE_CHROMA_FROM = 90
_SHRINK_STEP = 0.85
_TURNS = {1: Image.Transpose.ROTATE_90, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_270}


def add_margins(rgb: np.ndarray, margins: Margins) -> np.ndarray:
    """Add a plausible background around a picture; a plain one just goes on, without a seam.

    Args:
        rgb: ``(height, width, 3)`` uint8.
        margins: How much to add at each edge.
    """
    height, width = rgb.shape[:2]
    left, top, right, bottom = margins
    near = cv2.copyMakeBorder(rgb, top, bottom, left, right, cv2.BORDER_REPLICATE)
    far = _far(rgb, margins)
    weight = _nearness((near.shape[0], near.shape[1]), margins)[:, :, None]
    filled = (near * weight + far * (1 - weight) + 0.5).astype(np.uint8)
    filled[top : top + height, left : left + width] = rgb
    return filled


def _far(rgb: np.ndarray, margins: Margins) -> np.ndarray:
    """Smooth colours for the whole canvas, from a small blurred copy."""
    height, width = rgb.shape[:2]
    full = margins.around((width, height))
    scale = _COARSE_PX / max(full)
    small = cv2.resize(rgb, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA)
    around = [round(margin * scale) for margin in margins]
    left, top, right, bottom = around
    padded = cv2.copyMakeBorder(small, top, bottom, left, right, cv2.BORDER_REPLICATE)
    blurred = cv2.GaussianBlur(padded.astype(np.float32), (0, 0), 3.0)
    return cv2.resize(blurred, full, interpolation=cv2.INTER_CUBIC).clip(0, 255)


def _nearness(shape: tuple[int, int], margins: Margins) -> np.ndarray:
    """1 at the picture's edge, falling to 0 far away: ``(height, width)`` float32."""
    left, top, right, bottom = margins
    rows, columns = np.arange(shape[0], dtype=np.float32), np.arange(shape[1], dtype=np.float32)
    down = np.maximum(top - rows, rows - (shape[0] - bottom - 1)).clip(0)
    across = np.maximum(left - columns, columns - (shape[1] - right - 1)).clip(0)
    fade = max(1.0, _FADE_SHARE * max(margins))
    return np.exp(-np.hypot(down[:, None], across[None, :]) / fade)


@dataclass(frozen=True, slots=True)
class ImageTransform:
    """What to make of a picture; whatever it was, the result is upright, opaque, 8-bit sRGB without metadata.

    Attributes:
        format: ``png`` or ``jpeg``; a PNG that grows beyond ``max_bytes`` becomes a JPEG.
        crop: What to keep, in px as displayed; ``None`` keeps all.
        size: Width and height that the kept part is scaled to, in px; ``None`` leaves them.
        margins: What is added around it afterwards, in px of the result.
        turns: Counter-clockwise quarter turns, 0-3, of all this at the end.
        gain: How much brighter it becomes, see :func:`kling_ui.media.levels.brightened`.
        veil: The level, 0-1, that becomes black, see :func:`kling_ui.media.levels.deepen`.
        background_rgb: What shows through where the picture is transparent.
        max_bytes: Size that the file must not exceed.
    """

    format: str
    crop: Rect | None = None
    size: Size | None = None
    margins: Margins = NO_MARGINS
    turns: int = 0
    gain: float = 1.0
    veil: float = 0.0
    background_rgb: tuple[int, int, int] = WHITE_RGB
    max_bytes: int = IMAGE_SAFE_BYTES


def transform_image(path: Path, transform: ImageTransform, folder: Path, *, stem: str = "mended") -> ImageFacts:
    """Write a mended copy of a picture; the original is only read.

    Args:
        path: The original, of any supported format.
        transform: What to change.
        folder: Where the copy goes, which exists.
        stem: Its name without suffix.

    Returns:
        The facts of the copy, its path among them.

    Raises:
        MediaError: The original cannot be decoded or the copy cannot be written.
    """
    plain = _plain(load_picture(path), transform)
    name, coded = _coded(_framed(plain, transform), transform)
    out = folder / f"{stem}{SUFFIXES[name]}"
    with atomic_file(out) as part:
        part.write_bytes(coded)
    return probe_image(out)


def _plain(upright: Image.Image, transform: ImageTransform) -> Image.Image:
    kept = upright.crop(transform.crop) if transform.crop else upright
    plain = on_background(to_srgb(kept), transform.background_rgb)
    if transform.veil > 0:
        plain = Image.fromarray(deepen(np.asarray(plain), transform.veil))
    return Image.fromarray(brighten(np.asarray(plain), transform.gain)) if transform.gain > 1 else plain


def _framed(image: Image.Image, transform: ImageTransform) -> Image.Image:
    if transform.size and transform.size != image.size:
        image = image.resize(transform.size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if any(transform.margins):
        image = Image.fromarray(add_margins(np.asarray(image), transform.margins))
    return image.transpose(_TURNS[transform.turns]) if transform.turns else image


def _coded(image: Image.Image, transform: ImageTransform) -> tuple[str, bytes]:
    image.info = {}  # no profile, no comments
    if transform.format == "png":
        coded = _saved(image, "PNG")
        if len(coded) <= transform.max_bytes:
            return "png", coded
    while True:
        for quality in _JPEG_QUALITIES:
            coded = _saved(image, "JPEG", quality=quality, subsampling=0 if quality >= _FINE_CHROMA_FROM else 2)
            if len(coded) <= transform.max_bytes:
                return "jpeg", coded
        image = image.resize([max(1, round(side * _SHRINK_STEP)) for side in image.size], Image.Resampling.LANCZOS)


def _saved(image: Image.Image, name: str, **options: int) -> bytes:
    coded = BytesIO()
    image.save(coded, name, **options)
    return coded.getvalue()


def carried_over(corrections: Corrections, transform: ImageTransform, size_px: tuple[int, int]) -> Corrections:
    """Take corrections of a picture over to a copy that was cropped, scaled, given margins or turned.

    Args:
        corrections: Of the original.
        transform: What was made of it.
        size_px: Width and height of the original as displayed.
    """
    left, top, right, bottom = transform.crop or (0, 0, *size_px)
    kept = right - left, bottom - top
    size = transform.size or kept
    m_left, m_top, m_right, m_bottom = transform.margins
    full = size[0] + m_left + m_right, size[1] + m_top + m_bottom

    def moved(joint: PlacedJoint) -> PlacedJoint:
        if joint.place is None:
            return joint
        x = ((joint.place[0] * size_px[0] - left) * size[0] / kept[0] + m_left) / full[0]
        y = ((joint.place[1] * size_px[1] - top) * size[1] / kept[1] + m_top) / full[1]
        for _ in range(transform.turns % 4):
            x, y = y, 1 - x
        return PlacedJoint(round(x, 5), round(y, 5), joint.hidden)

    joints = {name: moved(joint) for name, joint in corrections.joints.items()}
    inside = {name: joint for name, joint in joints.items() if joint.place is None or _is_near(joint.place)}
    return Corrections(inside, _moved_mask(corrections.mask, transform, size_px, full))


def _moved_mask(mask: bytes, transform: ImageTransform, size_px: tuple[int, int], full: tuple[int, int]) -> bytes:
    if not mask:
        return b""
    with Image.open(BytesIO(mask)) as opened:
        paint = opened.convert("RGBA").convert("LA")
    scale = paint.width / size_px[0]
    crop = transform.crop or (0, 0, *size_px)
    cut = paint.crop(tuple(round(side * scale) for side in crop))
    share = cut.width / max(1, full[0] - transform.margins[0] - transform.margins[2])
    canvas = Image.new("LA", (max(1, round(full[0] * share)), max(1, round(full[1] * share))))
    canvas.paste(cut, (round(transform.margins[0] * share), round(transform.margins[1] * share)))
    turned = canvas.transpose(_TURNS[transform.turns]) if transform.turns else canvas
    out = BytesIO()
    turned.save(out, "PNG")
    return out.getvalue()


def _is_near(place: tuple[float, float]) -> bool:
    return all(-1 <= share <= 2 for share in place)
