import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from kling_ui.errors import MediaError
from kling_ui.media.image import PIXELS_MAX, load_picture, probe_image, read_picture

RED, BLUE = (220, 30, 30), (30, 30, 220)


@pytest.fixture
def marked() -> Image.Image:
    """60 x 40, red, with a blue quarter at the top left."""
    image = Image.new("RGB", (60, 40), RED)
    image.paste(BLUE, (0, 0, 30, 20))
    return image


@pytest.fixture
def tilted(marked, tmp_path, orientation) -> Callable[[str], Path]:
    """Saves it with an EXIF orientation, in a format."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return lambda format_: saved(marked, tmp_path / "phone.jpg", format=format_, exif=exif, quality=95)


def saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


def near(pixel: np.ndarray, colour: tuple[int, int, int], by: int = 12) -> bool:
    return bool((np.abs(pixel.astype(int) - colour) <= by).all())


def failure_of(path: Path) -> MediaError:
    with pytest.raises(MediaError) as caught:
        read_picture(path)
    assert path.name in str(caught.value)
    assert caught.value.advice
    return caught.value


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "gif", "bmp", "tiff", "avif", "jpeg2000"])
def test_content_decides_the_format(marked, tmp_path, name):
    path = saved(marked, tmp_path / "picture.txt", format=name.upper())
    facts = probe_image(path)
    assert (facts.format, facts.width_px, facts.height_px) == (name, 60, 40)
    assert (facts.exif_orientation, facts.has_alpha, facts.frame_count) == (1, False, 1)
    assert facts.size_bytes == path.stat().st_size


@pytest.mark.parametrize(
    ("orientation", "size", "blue_at"),
    [
        (1, (60, 40), (5, 5)),
        (2, (60, 40), (5, 55)),
        (3, (60, 40), (35, 55)),
        (4, (60, 40), (35, 5)),
        (5, (40, 60), (5, 5)),
        (6, (40, 60), (5, 35)),
        (7, (40, 60), (55, 35)),
        (8, (40, 60), (55, 5)),
        (9, (60, 40), (5, 5)),
    ],
)
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_metadata_turns_the_picture_upright(tilted, size, blue_at, format_):
    path = tilted(format_)
    picture = read_picture(path)
    assert load_picture(path).size == size
    assert (picture.facts.width_px, picture.facts.height_px) == size
    assert picture.rgb.shape == (size[1], size[0], 3)
    assert near(picture.rgb[blue_at], BLUE, by=40)


def test_transparency_lies_on_white(tmp_path):
    image = Image.new("RGBA", (40, 40), (*RED, 255))
    image.paste((0, 0, 0, 0), (0, 0, 10, 40))
    picture = read_picture(saved(image, tmp_path / "cut-out.png"))
    assert picture.facts.has_alpha
    assert picture.clear_share == pytest.approx(0.25)
    assert near(picture.rgb[20, 5], (255, 255, 255))
    assert near(picture.rgb[20, 30], RED)


def test_a_transparent_palette_colour_is_alpha(tmp_path):
    image = Image.new("P", (40, 40), 1)
    image.putpalette([255, 255, 255, *RED])
    image.paste(0, (0, 0, 20, 40))
    picture = read_picture(saved(image, tmp_path / "old.gif", transparency=0))
    assert picture.clear_share == pytest.approx(0.5)


def test_print_colours_become_screen_colours(marked, tmp_path):
    picture = read_picture(saved(marked.convert("CMYK"), tmp_path / "print.jpg", quality=95))
    assert picture.facts.mode == "CMYK"
    assert near(picture.rgb[35, 55], RED, by=40)


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (8, 1))
    picture = read_picture(saved(Image.fromarray(ramp), tmp_path / "deep.png"))
    assert picture.rgb.shape == (8, 64, 3)
    assert near(picture.rgb[0, 32], (129, 129, 129), by=3)


def test_an_animated_png_counts_its_pictures_and_shows_the_first(marked, tmp_path):
    path = saved(marked, tmp_path / "anim.png", save_all=True, append_images=[Image.new("RGB", (60, 40), BLUE)] * 2)
    picture = read_picture(path)
    assert picture.facts.frame_count == 3
    assert near(picture.rgb[35, 55], RED)


def test_the_second_picture_in_a_phone_jpeg_is_no_animation(marked, tmp_path):
    path = saved(marked, tmp_path / "phone.jpg", format="MPO", save_all=True, append_images=[marked])
    assert probe_image(path).frame_count == 1


@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
def test_scaling_down_keeps_facts_and_shape(tmp_path, format_):
    image = Image.new("RGB", (3000, 1500), RED)
    picture = read_picture(saved(image, tmp_path / "large", format=format_), long_side_px=600)
    assert picture.rgb.shape == (300, 600, 3)
    assert (picture.facts.width_px, picture.facts.height_px) == (3000, 1500)


def test_small_pictures_are_not_scaled_up(marked, tmp_path):
    assert read_picture(saved(marked, tmp_path / "a.png"), long_side_px=600).rgb.shape == (40, 60, 3)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.9])
def test_a_picture_that_breaks_off(tmp_path, format_, kept):
    noise = np.random.default_rng(3).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    path = saved(Image.fromarray(noise), tmp_path / "half.bin", format=format_)
    path.write_bytes(path.read_bytes()[: max(16, int(path.stat().st_size * kept))])
    failure_of(path)


def test_a_bomb_is_refused_by_its_header(tmp_path):
    side = int(PIXELS_MAX**0.5) + 1
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    path = tmp_path / "bomb.png"
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    with pytest.raises(MediaError, match="120 million pixels"):
        probe_image(path)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"just words", "a text file"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"%PDF-1.7\n", "a PDF document"),
        (bytes(100), "no known kind of file"),
    ],
)
def test_what_is_no_picture(tmp_path, content, word):
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    assert word in failure_of(path).message


def test_a_heic_picture_is_named_even_if_it_cannot_be_read(tmp_path):
    path = tmp_path / "phone.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert "HEIC" in failure_of(path).message


def test_a_clip_is_no_picture(make_clip):
    assert "an MP4 video, not a picture" in failure_of(make_clip()).message


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# A profile in which red and blue have changed places: nobody can take one for the other.
SWAPPED = SRGB.replace(b"rXYZ", b"tmp!").replace(b"bXYZ", b"rXYZ").replace(b"tmp!", b"bXYZ")


@pytest.fixture(params=["RGB a.png", "RGB a.jpg", "RGB a.webp", "RGBA a.png", "P a.png"])
def with_profile(request, marked, tmp_path) -> Callable[[bytes | None], Path]:
    mode, name = request.param.split()
    image = marked.quantize(8) if mode == "P" else marked.convert(mode)
    return lambda profile: saved(image, tmp_path / name, icc_profile=profile, quality=95)


@pytest.mark.parametrize("long_side_px", [None, 30])
@pytest.mark.parametrize(("profile", "is_other"), [(None, False), (SRGB, False), (SWAPPED, True), (b"nonsense", False)])
def test_colours_are_those_of_the_profile(with_profile, long_side_px, profile, is_other):
    path = with_profile(profile)
    picture = read_picture(path, long_side_px=long_side_px)
    height, width = picture.rgb.shape[:2]
    expected = (RED[::-1], BLUE[::-1]) if is_other else (RED, BLUE)
    assert near(picture.rgb[height - 3, width - 3], expected[0], by=16)
    assert near(picture.rgb[3, 3], expected[1], by=16)
    assert bool(picture.facts.profile) == is_other
    assert probe_image(path).profile == picture.facts.profile


def test_lab_pictures_are_brought_to_srgb(marked, tmp_path):
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.applyTransform(marked, ImageCms.buildTransform(srgb, lab, "RGB", "LAB"))
    assert image is not None
    picture = read_picture(saved(image, tmp_path / "a.tiff"))
    assert near(picture.rgb[35, 55], RED)
    assert near(picture.rgb[3, 3], BLUE)


GREEN = (30, 220, 30)
COPY, MASK = 1, 4  # NewSubfileType


def pages(path: Path, *of: tuple[tuple[int, int, int], tuple[int, int], int]) -> Path:
    """Write a TIFF with pages of one colour each, of a size and of a kind."""
    images = [Image.new("RGB", size, colour) for colour, size, _ in of]
    for image, (*_, kind) in zip(images, of, strict=True):
        image.encoderinfo = {"tiffinfo": {254: kind}}
    images[0].save(path, "TIFF", save_all=True, append_images=images[1:], tiffinfo={254: of[0][2]})
    return path


@pytest.mark.parametrize(
    ("of", "colour", "size", "count"),
    [
        ([(RED, (96, 128), COPY), (BLUE, (600, 800), 0)], BLUE, (600, 800), 1),
        ([(RED, (96, 128), 0), (BLUE, (600, 800), 0)], BLUE, (600, 800), 1),  # a thumbnail that is not marked
        ([(RED, (600, 800), 0), (BLUE, (96, 128), COPY)], RED, (600, 800), 1),
        ([(RED, (600, 800), MASK), (BLUE, (600, 800), 0)], BLUE, (600, 800), 1),
        ([(RED, (600, 800), 0), (BLUE, (600, 800), 0), (GREEN, (600, 800), 0)], RED, (600, 800), 3),
        ([(RED, (600, 800), 0), (BLUE, (1200, 1600), 0)], RED, (600, 800), 2),  # too large to be a thumbnail
        ([(RED, (128, 96), 0), (BLUE, (600, 800), 0)], RED, (128, 96), 2),  # another shape: another picture
        ([(RED, (96, 128), COPY)], RED, (96, 128), 1),
    ],
)
def test_of_the_pages_of_a_tiff_the_picture_is_shown(tmp_path, of, colour, size, count):
    path = pages(tmp_path / "a.tiff", *of)
    facts = probe_image(path)
    assert (facts.width_px, facts.height_px, facts.frame_count) == (*size, count)
    for rgb in (read_picture(path).rgb, np.asarray(load_picture(path))):
        assert rgb.shape == (*size[::-1], 3)
        assert (rgb == colour).all()
