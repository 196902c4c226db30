"""Still pictures through Pillow: their facts, and their pixels upright in plain RGB."""

import struct
import warnings
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from kling_ui.errors import MediaError
from kling_ui.languages import Told
from kling_ui.media.colour import WIDE_INFO, profile_name, tell_colours, to_srgb
from kling_ui.media.image_structure import count_pictures, jp2_profile, named_colours, refuse_too_many
from kling_ui.media.signatures import IMAGE_FORMATS, described, sniff_image

# A picture this large takes 360 MB as RGB; more is a decompression bomb or a scan that no engine takes.
PIXELS_MAX = 120_000_000
# Of these several copies are held while they are decoded, 16 bytes a pixel; phones make pictures of 50 million.
PIXELS_MAX_COSTLY = 60_000_000
_COSTLY_FORMATS = frozenset({"webp", "avif", "heif", "jpeg2000"})
_DEEP = "IF"  # modes of 16 or 32 bits a pixel
_EXIF_ORIENTATION = 0x0112
_PLUGINS = {name: name.upper() for name in IMAGE_FORMATS}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TURNED_BY_PILLOW = frozenset({"tiff"})  # as it loads them; their size is told as displayed
_PAGES_LOOKED_AT = 16  # of a TIFF, for the one that is meant
_TIFF_SUBFILE, _TIFF_COPY_OR_MASK = 254, 0b101  # NewSubfileType of TIFF 6.0, section 8: a reduced copy, a mask
_THUMBNAIL_PX, _THUMBNAIL_TIMES, _SAME_SHAPE = 320, 2, 0.03  # where a thumbnail is not marked as one
_ADVICE = "Export it again as JPEG or PNG, or choose another picture."
# Everything that Pillow's plugins are known to raise on damaged files.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    OverflowError,
    RuntimeError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a picture's file says.

    Attributes:
        path: The file.
        format: By content, lower case: a name from :data:`kling_ui.media.signatures.IMAGE_FORMATS`.
        size_bytes: Size of the file.
        width_px: Displayed width, EXIF orientation applied.
        height_px: Displayed height, EXIF orientation applied.
        exif_orientation: 1-8; 1 is upright.
        mode: Pillow's name of the pixel layout (``RGB``, ``RGBA``, ``CMYK``, ``I;16`` ...).
        has_alpha: It has a transparency channel or a transparent colour.
        frame_count: Pictures in the file; above 1 it is animated or has pages.
        profile: Name of its colour profile; empty without one, and for sRGB.
    """

    path: Path
    format: str
    size_bytes: int
    width_px: int
    height_px: int
    exif_orientation: int
    mode: str
    has_alpha: bool
    frame_count: int
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture.

    Attributes:
        facts: What the file says.
        rgb: ``(height, width, 3)`` uint8, upright; transparency lies on white.
        clear_share: Share of the picture that is more than half transparent, 0-1.
    """

    facts: ImageFacts
    rgb: np.ndarray
    clear_share: float


def probe_image(path: Path) -> ImageFacts:
    """Read a picture's header; the pixels are not decoded.

    Raises:
        MediaError: It is no picture, its header is damaged, or it is too large to be decoded safely.
    """
    name = sniff_image(path)
    with _explained(path, name), _opened(path, name) as (image, count):
        return _facts(path, name, image, count)


def read_picture(path: Path, *, long_side_px: int | None = None) -> Picture:
    """Decode a picture once, upright, whatever its pixel layout.

    Args:
        path: A local picture.
        long_side_px: Scale down so that the longer side is at most this; never up.

    Raises:
        MediaError: As :func:`probe_image`, or the pixels are damaged or break off.
    """
    name = sniff_image(path)
    with _explained(path, name), _opened(path, name) as (image, count):
        facts = _facts(path, name, image, count)
        if long_side_px:
            image.draft(None, (long_side_px, long_side_px))  # JPEG only: decodes at 1/2, 1/4 or 1/8
        image.load()
        plain = _plain(image, facts, long_side_px)
        pixels = np.asarray(_upright(plain, facts.exif_orientation, name))
    if pixels.shape[2] == 3:
        return Picture(facts, np.ascontiguousarray(pixels), 0.0)
    return Picture(facts, _on_white(pixels), float((pixels[:, :, 3] < 128).mean()))


def load_picture(path: Path) -> Image.Image:
    """Decode a picture at full size, upright, in the pixel layout and with the colour profile of its file.

    Raises:
        MediaError: As :func:`read_picture`.
    """
    name = sniff_image(path)
    with _explained(path, name), _opened(path, name) as (image, _):
        orientation = _orientation(image)
        image.load()
        return _upright(image, orientation, name)


def _upright(image: Image.Image, orientation: int, name: str) -> Image.Image:
    return image if name in _TURNED_BY_PILLOW else image.transpose(_TURNS[orientation]) if orientation > 1 else image


def _facts(path: Path, name: str, image: Image.Image, count: int) -> ImageFacts:
    orientation = _orientation(image)
    width, height = image.size if orientation < 5 or name in _TURNED_BY_PILLOW else image.size[::-1]
    return ImageFacts(
        path=path,
        format=name,
        size_bytes=path.stat().st_size,
        width_px=width,
        height_px=height,
        exif_orientation=orientation,
        mode=image.mode,
        has_alpha=image.has_transparency_data,
        # Phones hide a second, smaller picture in their JPEGs (MPO); that is no animation.
        frame_count=1 if name == "jpeg" else count,
        profile=profile_name(image),
    )


def _orientation(image: Image.Image) -> int:
    # Pillow would decode a whole PNG in search of EXIF that comes behind the pixels; browsers do not look there.
    if image.format == "PNG" and not {"exif", "Raw profile type exif"} & image.info.keys():
        return 1
    orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    return orientation if orientation in _TURNS else 1


def _plain(image: Image.Image, facts: ImageFacts, long_side_px: int | None) -> Image.Image:
    """Bring a loaded picture to sRGB and to its size; where the pixels allow it first to its size, which is quicker."""
    told = {key: image.info[key] for key in ("icc_profile", WIDE_INFO) if key in image.info}
    is_plain = image.mode == ("RGBA" if facts.has_alpha else "RGB")
    if not is_plain:
        image = to_srgb(image)
    if long_side_px:
        image = _shrunk(image, long_side_px)
    if is_plain and facts.profile:
        image.info.update(told)
        image = to_srgb(image)
    return image


def _shrunk(image: Image.Image, long_side_px: int) -> Image.Image:
    """Scale down: whole times by averaging, which is quick, and what is left, less than twice, by interpolation."""
    scale = long_side_px / max(image.size)
    if scale >= 1:
        return image
    if image.mode == "RGBA":  # Pillow keeps the colour of what is clear out of its neighbours
        image.thumbnail((long_side_px, long_side_px), Image.Resampling.BOX, reducing_gap=2.0)
        return image
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    reduced = image.reduce(int(1 / scale)) if scale <= 0.5 else image
    return Image.fromarray(cv2.resize(np.asarray(reduced), size, interpolation=cv2.INTER_LINEAR))


def _on_white(rgba: np.ndarray) -> np.ndarray:
    alpha = rgba[:, :, 3:].astype(np.uint16)
    return ((rgba[:, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


@contextmanager
def _opened(path: Path, name: str) -> Generator[tuple[Image.Image, int]]:
    """Open a picture that is safe to decode, and tell how many there are in the file."""
    counted = count_pictures(path, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own bomb warning and its remarks about odd metadata
        if name == "heif":
            _learn_heif(path)
        Image.init()
        if _PLUGINS[name] not in Image.OPEN:
            advice = "Convert it to JPEG or PNG, as phones do when they send a picture by mail."
            raise MediaError(
                Told("it is {described}, which cannot be read here.", described=described(name)),
                path=path,
                advice=advice,
            )
        with Image.open(path, formats=[_PLUGINS[name]]) as image:
            if image.width * image.height > (most := _pixels_max(name, image.mode)):
                raise _too_large(path, most)
            # Pillow would walk through all pictures of a GIF or TIFF to count them; of others the header tells
            count = max(1, getattr(image, "n_frames", 1)) if counted is None or name == "png" else counted
            noun = "passes over" if name == "jpeg" else "pictures of"
            if name == "jpeg2000" and (profile := jp2_profile(path)):
                image.info["icc_profile"] = profile
            tell_colours(image, named_colours(path, name))
            refuse_too_many(path, max(count, counted or 1), *image.size, noun=noun)
            if name == "tiff" and count > 1:
                count = _go_to_picture(image, count)
                if image.width * image.height > (most := _pixels_max(name, image.mode)):
                    raise _too_large(path, most)
            yield image, count


def _go_to_picture(image: Image.Image, count: int) -> int:
    """Go to the page of a TIFF that is meant: the first that is no small copy of another one, and no mask.

    Scanners and cameras put a thumbnail first, and not all of them mark it; then a later page shows the same shape much
    larger.

    Returns:
        Pictures in the file, without small copies and masks.
    """
    sizes: dict[int, tuple[int, int]] = {}
    for page in range(min(count, _PAGES_LOOKED_AT)):
        image.seek(page)
        kind = getattr(image, "tag_v2", {}).get(_TIFF_SUBFILE, 0)
        if not (isinstance(kind, int) and kind & _TIFF_COPY_OR_MASK):
            sizes[page] = image.size
    shown = min(sizes, default=0)
    width, height = sizes.get(shown, image.size)
    copies = {
        page: size
        for page, size in sizes.items()
        if size[0] >= _THUMBNAIL_TIMES * width
        and abs(size[0] * height - size[1] * width) <= _SAME_SHAPE * size[0] * height
    }
    is_thumbnail = max(width, height) <= _THUMBNAIL_PX and bool(copies)
    image.seek(max(copies, key=lambda page: copies[page][0]) if is_thumbnail else shown)
    return max(1, len(sizes) - is_thumbnail) + max(0, count - _PAGES_LOOKED_AT)


def _pixels_max(name: str, mode: str) -> int:
    is_costly = name in _COSTLY_FORMATS or mode[0] in _DEEP or mode.endswith("A")
    return PIXELS_MAX_COSTLY if is_costly else PIXELS_MAX


def _too_large(path: Path, most: int) -> MediaError:
    reason = Told("it has more than {most:.0f} million pixels, too many to be decoded safely.", most=most / 1e6)
    return MediaError(reason, path=path, advice="Scale it down to at most 4096 px on the longer side.")


def _learn_heif(path: Path) -> None:
    """Teach Pillow to read HEIC; teaching it twice does nothing."""
    try:
        from pillow_heif import register_heif_opener  # noqa: PLC0415  a large library for a rare format
    except ImportError as error:
        reason = "HEIC pictures cannot be read by this app."
        raise MediaError(reason, path=path, advice="Export it as JPEG, or install pillow-heif.") from error
    register_heif_opener()


@contextmanager
def _explained(path: Path, name: str) -> Generator[None]:
    """Turn what Pillow raises into words; the body must hold nothing but Pillow's work."""
    try:
        yield
    except Image.DecompressionBombError as error:
        raise _too_large(path, PIXELS_MAX) from error
    except UnidentifiedImageError as error:
        reason = Told(
            "it starts like {described}, but the rest of it is damaged or of a kind that cannot be read here.",
            described=described(name),
        )
        raise MediaError(reason, path=path, advice=_ADVICE) from error
    except _DAMAGE as error:
        raise MediaError(
            Told("{described}, but damaged or broken off.", described=described(name)), path=path, advice=_ADVICE
        ) from error
