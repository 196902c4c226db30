from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from kling_ui.errors import MediaError
from kling_ui.media.rectangles import Margins, Rect
from kling_ui.media.transform_image import ImageTransform, transform_image

RED, GREEN, BLUE, GREY = (220, 30, 30), (30, 200, 40), (30, 40, 220), (128, 128, 128)
PNG = ImageTransform("png")


def quarters(size: tuple[int, int] = (60, 40)) -> Image.Image:
    """Red and green above, blue and grey below."""
    width, height = size[0] // 2, size[1] // 2
    image = Image.new("RGB", size, GREY)
    image.paste(RED, (0, 0, width, height))
    image.paste(GREEN, (width, 0, 2 * width, height))
    image.paste(BLUE, (0, height, width, 2 * height))
    return image


def corners(path: Path) -> np.ndarray:
    """The colours of the four quarters of a picture, row by row."""
    with Image.open(path) as image:
        assert image.mode == "RGB"
        rgb = np.asarray(image, int)
    height, width = rgb.shape[:2]
    places = ((1, 1), (1, 3), (3, 1), (3, 3))
    return np.array([rgb[height * row // 4, width * column // 4] for row, column in places])


@pytest.mark.parametrize("name", ["a.webp", "a.avif", "a.bmp", "a.tiff", "a.gif", "a.jpg", "a.heic"])
def test_every_format_becomes_a_plain_picture(tmp_path, name):
    import pillow_heif  # noqa: PLC0415  teaches Pillow to write HEIC, for this test only

    pillow_heif.register_heif_opener()
    quarters().save(tmp_path / name)
    facts = transform_image(tmp_path / name, PNG, tmp_path)
    assert (facts.format, facts.mode, facts.frame_count, facts.has_alpha) == ("png", "RGB", 1, False)
    assert (facts.width_px, facts.height_px) == (60, 40)
    assert np.abs(corners(facts.path) - [RED, GREEN, BLUE, GREY]).max() < 16


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_result_is_upright_without_metadata(tmp_path, orientation):
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's numbers of the turns that orientations undo
    image = quarters() if orientation == 1 else quarters().transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "Some camera"
    image.save(tmp_path / "turned.png", exif=exif, pnginfo=None)
    facts = transform_image(tmp_path / "turned.png", PNG, tmp_path)
    assert (facts.exif_orientation, facts.width_px, facts.height_px) == (1, 60, 40)
    assert np.abs(corners(facts.path) - [RED, GREEN, BLUE, GREY]).max() == 0
    assert b"Some camera" not in facts.path.read_bytes()


def test_colours_go_through_the_profile_of_the_file(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"tmp!").replace(b"bXYZ", b"rXYZ").replace(b"tmp!", b"bXYZ")
    quarters().save(tmp_path / "swapped.png", icc_profile=swapped)
    facts = transform_image(tmp_path / "swapped.png", PNG, tmp_path)
    assert np.abs(corners(facts.path) - [RED[::-1], GREEN, BLUE[::-1], GREY]).max() < 12
    with Image.open(facts.path) as image:
        assert "icc_profile" not in image.info


def test_a_damaged_profile_is_left_out_of_account(tmp_path):
    quarters().save(tmp_path / "odd.png", icc_profile=b"no profile at all")
    assert (
        np.abs(corners(transform_image(tmp_path / "odd.png", PNG, tmp_path).path) - [RED, GREEN, BLUE, GREY]).max() == 0
    )


@pytest.mark.parametrize(("mode", "name"), [("CMYK", "a.jpg"), ("LAB", "a.tiff"), ("P", "a.png")])
def test_other_colour_models(tmp_path, mode, name):
    image = quarters().quantize(8) if mode == "P" else _in_mode(quarters(), mode)
    image.save(tmp_path / name)
    assert np.abs(corners(transform_image(tmp_path / name, PNG, tmp_path).path) - [RED, GREEN, BLUE, GREY]).max() < 12


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    if mode != "LAB":
        return image.convert(mode)
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.applyTransform(image, ImageCms.buildTransform(*profiles, "RGB", "LAB"))  # ty: ignore[invalid-explicit-return]


def test_sixteen_bits_are_scaled_not_cut(tmp_path):
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16)[None].repeat(48, axis=0)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    facts = transform_image(tmp_path / "deep.png", PNG, tmp_path)
    with Image.open(facts.path) as image:
        assert (facts.mode, image.getpixel((0, 0)), image.getpixel((63, 0))) == ("RGB", (0, 0, 0), (255, 255, 255))
        assert image.getpixel((32, 0))[0] == pytest.approx(130, abs=2)


def test_transparency_shows_the_background(tmp_path):
    image = quarters().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 30, 20))
    image.save(tmp_path / "clear.png")
    facts = transform_image(tmp_path / "clear.png", ImageTransform("png", background_rgb=(10, 20, 30)), tmp_path)
    assert np.abs(corners(facts.path) - [(10, 20, 30), GREEN, BLUE, GREY]).max() == 0


def test_an_animation_gives_its_first_picture(tmp_path):
    others = [Image.new("RGB", (60, 40), "black")] * 2
    quarters().save(tmp_path / "moving.png", save_all=True, append_images=others)
    facts = transform_image(tmp_path / "moving.png", PNG, tmp_path)
    assert facts.frame_count == 1
    assert np.abs(corners(facts.path) - [RED, GREEN, BLUE, GREY]).max() == 0


def test_crop_scale_and_margins_in_one_pass(tmp_path):
    quarters((400, 200)).save(tmp_path / "wide.png")
    transform = ImageTransform("png", crop=Rect(0, 0, 200, 100), size=(100, 50), margins=Margins(0, 25, 0, 25))
    facts = transform_image(tmp_path / "wide.png", transform, tmp_path, stem="wide-repaired")
    assert facts.path.name == "wide-repaired.png"
    with Image.open(facts.path) as image:
        assert image.size == (100, 100)
        assert np.abs(np.asarray(image, int) - RED).max() <= 1  # a plain background goes on without a seam


def test_a_file_never_exceeds_its_limit(tmp_path):
    noise = np.random.default_rng(3).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    assert (
        transform_image(tmp_path / "noise.png", ImageTransform("png", max_bytes=150_000), tmp_path, stem="a").format
        == "jpeg"
    )
    small = transform_image(tmp_path / "noise.png", ImageTransform("jpeg", max_bytes=20_000), tmp_path, stem="b")
    assert small.size_bytes <= 20_000
    assert small.width_px < 400


def test_the_original_stays_and_nothing_half_written_is_left(tmp_path):
    source = tmp_path / "in.bmp"
    quarters().save(source)
    before = source.read_bytes()
    transform_image(source, PNG, tmp_path, stem="out")
    assert source.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.bmp", "out.png"]


def test_a_damaged_picture_leaves_nothing(tmp_path):
    source = tmp_path / "in.png"
    quarters((400, 300)).save(source)
    source.write_bytes(source.read_bytes()[:-200])
    with pytest.raises(MediaError, match=r"in\.png"):
        transform_image(source, PNG, tmp_path)
    assert list(tmp_path.iterdir()) == [source]


def test_a_folder_that_is_not_there(tmp_path):
    quarters().save(tmp_path / "in.png")
    with pytest.raises(MediaError, match="cannot be written"):
        transform_image(tmp_path / "in.png", PNG, tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("turns", "colours"),
    [
        (1, [GREEN, GREY, RED, BLUE]),
        (2, [GREY, BLUE, GREEN, RED]),
        (3, [BLUE, RED, GREY, GREEN]),
    ],
)
def test_turning(tmp_path, turns, colours):
    quarters().save(tmp_path / "a.png")
    facts = transform_image(tmp_path / "a.png", ImageTransform("png", turns=turns), tmp_path)
    assert (facts.width_px, facts.height_px) == ((60, 40) if turns == 2 else (40, 60))
    assert np.abs(corners(facts.path) - colours).max() == 0


def test_brightening_keeps_white_white_and_cuts_nothing(tmp_path):
    levels = np.repeat(np.arange(0, 256, 5, dtype=np.uint8)[None], 8, axis=0)
    Image.fromarray(np.repeat(levels[..., None], 3, axis=2)).save(tmp_path / "a.png")
    facts = transform_image(tmp_path / "a.png", ImageTransform("png", gain=4.0), tmp_path)
    with Image.open(facts.path) as opened:
        bright = np.asarray(opened)[0, :, 0].astype(int)
    assert bright[:11].tolist() == [20 * place for place in range(11)]  # up to 200 just four times as bright
    assert (np.diff(bright) >= 0).all()
    assert bright[-1] == 255


def test_deepening_takes_a_veil_off(tmp_path):
    levels = np.repeat(np.arange(0, 256, 5, dtype=np.uint8)[None], 8, axis=0)
    veiled = np.rint(levels * 0.2 + 204).astype(np.uint8)
    Image.fromarray(np.repeat(veiled[..., None], 3, axis=2)).save(tmp_path / "a.png")
    facts = transform_image(tmp_path / "a.png", ImageTransform("png", veil=0.8), tmp_path)
    with Image.open(facts.path) as opened:
        deep = np.asarray(opened)[0, :, 0].astype(int)
    assert np.abs(deep - levels[0]).max() <= 3  # five levels have become one
    assert (deep[0], deep[-1]) == (0, 255)
