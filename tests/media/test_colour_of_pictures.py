"""A picture and its twins in other colour profiles, layouts and depths give the same pixels to checks and repairs."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from kling_ui.media.image import read_picture
from kling_ui.media.transform_image import ImageTransform, transform_image

SRGB_TO_XYZ = np.array([[0.4360, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7142]])  # D50 (ICC.1)
DISPLAY_P3 = np.array([[0.5151, 0.2920, 0.1571], [0.2412, 0.6922, 0.0666], [-0.0011, 0.0419, 0.7841]])
ADOBE_RGB = np.array([[0.6097, 0.2053, 0.1492], [0.3111, 0.6257, 0.0632], [0.0195, 0.0609, 0.7446]])
PRO_PHOTO = np.array([[0.7977, 0.1352, 0.0313], [0.2880, 0.7119, 0.0001], [0.0, 0.0, 0.8249]])
WHITE_D50 = (0.9642, 1.0, 0.8249)
TO_BT2020 = np.array([[0.627404, 0.329283, 0.043313], [0.069097, 0.91954, 0.011362], [0.016391, 0.088013, 0.895595]])
LUMA = np.array([0.299, 0.587, 0.114])  # by which Pillow makes grey


def profile(kind: bytes, gamma: float, colorants: np.ndarray | None = None) -> bytes:
    """A display profile of ICC.1:2001-04: one gamma, and for RGB the colorants as columns of XYZ."""

    def number(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(values: np.ndarray | tuple[float, ...]) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(map(number, values))

    name = b"drawn"
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    said = b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name + b"\0" + bytes(78)
    tags = {b"desc": said + bytes(-len(said) % 4), b"cprt": b"text\0\0\0\0none\0\0\0\0", b"wtpt": xyz(WHITE_D50)}
    if colorants is None:
        tags[b"kTRC"] = curve
    else:
        tags |= {letter + b"XYZ": xyz(colorants[:, place]) for place, letter in enumerate((b"r", b"g", b"b"))}
        tags |= {letter + b"TRC": curve for letter in (b"r", b"g", b"b")}
    place, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for tag, content in tags.items():
        table += tag + struct.pack(">II", place + len(body), len(content))
        body += content
    head = struct.pack(">I4sI4s4s4s", place + len(body), b"none", 0x02400000, b"mntr", kind, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + b"".join(map(number, WHITE_D50)) + bytes(48)
    return head + struct.pack(">I", len(tags)) + table + body


def light(rgb: np.ndarray) -> np.ndarray:
    signal = rgb / 255
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)


def coded(rgb: np.ndarray, colorants: np.ndarray, gamma: float) -> np.ndarray:
    """The code values, 0-1, that show these sRGB colours under a profile of other colorants and gamma."""
    return (light(rgb) @ (np.linalg.inv(colorants) @ SRGB_TO_XYZ).T).clip(0, 1) ** (1 / gamma)


def eight(values: np.ndarray) -> Image.Image:
    return Image.fromarray((values * 255 + 0.5).astype(np.uint8))


def rgb_with(colorants: np.ndarray, gamma: float, **options: object) -> Callable[[np.ndarray, Path], None]:
    def save(rgb: np.ndarray, path: Path) -> None:
        eight(coded(rgb, colorants, gamma)).save(path, icc_profile=profile(b"RGB ", gamma, colorants), **options)

    return save


def grey_with(gamma: float | None, *, deep: bool = False) -> Callable[[np.ndarray, Path], None]:
    def save(rgb: np.ndarray, path: Path) -> None:
        if deep:
            Image.fromarray(np.round(rgb @ LUMA * 257).astype(np.uint16)).save(path)
        elif gamma is None:
            eight(rgb @ LUMA / 255).save(path)
        else:
            eight(light(rgb @ LUMA) ** (1 / gamma)).save(path, icc_profile=profile(b"GRAY", gamma))

    return save


def deep_rgb(rgb: np.ndarray, path: Path) -> None:
    """16 bits a channel, which Pillow reads but does not write."""
    assert cv2.imwrite(str(path), np.round(rgb[..., ::-1] * 257.0).astype(np.uint16))


def cmyk(rgb: np.ndarray, path: Path) -> None:
    Image.fromarray(rgb).convert("CMYK").save(path, quality=98, subsampling=0)


def lab(rgb: np.ndarray, path: Path) -> None:
    srgb, to = (ImageCms.ImageCmsProfile(ImageCms.createProfile(name)) for name in ("sRGB", "LAB"))
    turned = ImageCms.profileToProfile(Image.fromarray(rgb), srgb, to, outputMode="LAB")
    assert turned is not None
    turned.save(path)


def jp2_with(colorants: np.ndarray, gamma: float) -> Callable[[np.ndarray, Path], None]:
    """JPEG 2000 with a profile, which Pillow does not write: its box takes the place of the one that says sRGB."""

    def save(rgb: np.ndarray, path: Path) -> None:
        held = BytesIO()
        eight(coded(rgb, colorants, gamma)).save(held, "JPEG2000")
        plain = held.getvalue()
        says_srgb = struct.pack(">I4sBBBI", 15, b"colr", 1, 0, 0, 16)
        content = b"\2\0\0" + profile(b"RGB ", gamma, colorants)
        says_profile = struct.pack(">I4s", 8 + len(content), b"colr") + content
        assert plain.count(says_srgb) == 1
        at = plain.index(b"jp2h") - 4
        longer = struct.unpack_from(">I", plain, at)[0] + len(says_profile) - len(says_srgb)
        header = struct.pack(">I", longer) + plain[at + 4 :].replace(says_srgb, says_profile)
        path.write_bytes(plain[:at] + header)

    return save


def jp2(rgb: np.ndarray, path: Path) -> None:
    Image.fromarray(rgb).save(path, "JPEG2000", quality_mode="rates", quality_layers=[5])


def srgb(rgb: np.ndarray, path: Path) -> None:
    named = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(rgb).save(path, icc_profile=named)


def with_chunk(rgb: np.ndarray, path: Path, kind: bytes, content: bytes) -> None:
    """16 bits a channel with a chunk that Pillow does not write, before the pixels."""
    deep_rgb(rgb, path)
    plain, chunk = path.read_bytes(), kind + content
    at = plain.index(b"IDAT") - 4
    chunk = struct.pack(">I", len(content)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    path.write_bytes(plain[:at] + chunk + plain[at:])


def png_of_gamma(gamma: float) -> Callable[[np.ndarray, Path], None]:
    said = struct.pack(">I", round(100_000 / gamma))
    return lambda rgb, path: with_chunk(light(rgb) ** (1 / gamma) * 255, path, b"gAMA", said)


def hdr_signal(rgb: np.ndarray, transfer: int) -> np.ndarray:
    """R'G'B' of BT.2020, 0-1, that shows what ``rgb`` (BT.709) shows: 1 SDR, 16 PQ, 18 HLG, by ITU-R BT.2100."""
    sdr = rgb / 255.0
    displayed = (sdr**2.4 @ TO_BT2020.T).clip(0)
    if transfer == 16:
        power = (displayed * 0.0203) ** (2610 / 16384)
        return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)
    if transfer == 18:
        scene = np.where(sdr < 0.081, sdr / 4.5, ((sdr + 0.099) / 1.099) ** (1 / 0.45)) @ TO_BT2020.T * 0.26496
        bright = 0.17883277 * np.log((12 * scene - 0.28466892).clip(1e-9)) + 0.55991073
        return np.where(scene <= 1 / 12, np.sqrt(3 * scene.clip(0)), bright)
    return displayed ** (1 / 2.4)


def hdr_png(transfer: int) -> Callable[[np.ndarray, Path], None]:
    said = bytes([9, transfer, 0, 1])
    return lambda rgb, path: with_chunk(hdr_signal(rgb, transfer) * 255, path, b"cICP", said)


def hdr_avif(transfer: int) -> Callable[[np.ndarray, Path], None]:
    """Pillow writes what it is given as sRGB; what the file says of it is changed."""

    def save(rgb: np.ndarray, path: Path) -> None:
        eight(hdr_signal(rgb, transfer)).save(path, quality=97, subsampling="4:4:4")
        plain, said = path.read_bytes(), b"nclx" + struct.pack(">HH", 1, 13)
        assert plain.count(said) == 1
        path.write_bytes(plain.replace(said, b"nclx" + struct.pack(">HH", 9, transfer)))

    return save


FINE = {"quality": 98, "subsampling": 0}
TWINS: dict[str, tuple[Callable[[np.ndarray, Path], None], bool]] = {  # with whether it is grey
    "srgb.png": (srgb, False),
    "display-p3.jpg": (rgb_with(DISPLAY_P3, 2.2, **FINE), False),
    "display-p3.png": (rgb_with(DISPLAY_P3, 2.2), False),
    "adobe-rgb.jpg": (rgb_with(ADOBE_RGB, 2.2, **FINE), False),
    "adobe-rgb.tiff": (rgb_with(ADOBE_RGB, 2.2), False),
    "pro-photo.png": (rgb_with(PRO_PHOTO, 1.8), False),
    "gamma-1.8.png": (rgb_with(SRGB_TO_XYZ, 1.8), False),
    "cmyk.jpg": (cmyk, False),
    "lab.tiff": (lab, False),
    "display-p3.jp2": (jp2_with(DISPLAY_P3, 2.2), False),
    "lossy.jp2": (jp2, False),
    "sixteen-bits.jp2": (deep_rgb, False),
    "grey-sixteen-bits.jp2": (grey_with(None, deep=True), True),
    "sixteen-bits.png": (deep_rgb, False),
    "sixteen-bits.tiff": (deep_rgb, False),
    "chunk-of-gamma-1.png": (png_of_gamma(1.0), False),
    "chunk-of-gamma-1.8.png": (png_of_gamma(1.8), False),
    "chunk-of-gamma-2.2.png": (png_of_gamma(2.2), False),
    "chunk-of-pq.png": (hdr_png(16), False),
    "chunk-of-hlg.png": (hdr_png(18), False),
    "bt2020.avif": (hdr_avif(1), False),
    "pq.avif": (hdr_avif(16), False),
    "hlg.avif": (hdr_avif(18), False),
    "grey.png": (grey_with(None), True),
    "grey-gamma-1.8.png": (grey_with(1.8), True),
    "grey-gamma-2.2.jpg": (grey_with(2.2), True),
    "grey-sixteen-bits.png": (grey_with(None, deep=True), True),
    "grey-sixteen-bits.tiff": (grey_with(None, deep=True), True),
}


@pytest.fixture(scope="module")
def picture(person_png: Path) -> np.ndarray:
    rgb = read_picture(person_png, long_side_px=480).rgb.copy()
    for n, colour in enumerate(
        [(200, 60, 70), (60, 150, 80), (70, 80, 180), (230, 210, 90), (20, 20, 22), (9, 60, 90)]
    ):
        rgb[8 + 40 * n : 40 + 40 * n, 8:72] = colour
    return rgb


@pytest.mark.parametrize("name", TWINS)
@pytest.mark.parametrize("long_side_px", [None, 240])
def test_a_twin_gives_the_same_pixels_to_checks_and_repairs(tmp_path, picture, name, long_side_px):
    save, is_grey = TWINS[name]
    meant = np.repeat(np.round(picture @ LUMA)[..., None], 3, axis=2).astype(np.uint8) if is_grey else picture
    plain, twin = tmp_path / "plain.png", tmp_path / name
    Image.fromarray(meant).save(plain)
    save(picture, twin)
    expected, shown = (read_picture(path, long_side_px=long_side_px).rgb.astype(int) for path in (plain, twin))
    allowed = 6 if "pq" in name or "hlg" in name else 2
    assert np.abs(shown - expected).mean() <= allowed
    for format_ in ("png", "jpeg"):
        repaired = transform_image(twin, ImageTransform(format_), tmp_path)
        assert (repaired.mode, repaired.profile) == ("RGB", "")
        with Image.open(BytesIO(repaired.path.read_bytes())) as opened:
            assert "icc_profile" not in opened.info
        written = read_picture(repaired.path, long_side_px=long_side_px).rgb.astype(int)
        assert np.abs(written - expected).mean() <= allowed
