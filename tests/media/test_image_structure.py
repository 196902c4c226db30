"""Files that are small and claim much: each is told by its blocks, before anything of it is decoded."""

import io
import struct
import zlib
from contextlib import suppress

import pytest
from PIL import Image

from kling_ui.errors import MediaError
from kling_ui.media import image_structure as picture_structure
from kling_ui.media.image import PIXELS_MAX, PIXELS_MAX_COSTLY, load_picture, probe_image, read_picture
from kling_ui.media.image_structure import (
    ALL_PIXELS_MAX,
    METADATA_MAX_BYTES,
    PARTS_MAX,
    TILE_PIXELS_MAX,
    count_pictures,
)
from kling_ui.media.probe import probe_video
from kling_ui.media.video import read_frames

SIDE_PX = 1000
MOST = ALL_PIXELS_MAX // SIDE_PX**2  # pictures of that size


# --- files of own bytes ----------------------------------------------------------------------------------------------


def gif(count, width=SIDE_PX, height=SIDE_PX, *, tail=b";"):
    """Make a GIF of pictures of one pixel on a large canvas."""
    canvas = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    picture = b"!\xf9\x04\x08\5\0\0\0" + b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x44\1\0"
    return canvas + picture * count + tail


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*before, width=8, height=8, bits=8, colours=0, pixels=None):
    header = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    rows = zlib.compress(bytes(9 * 8)) if pixels is None else pixels
    return b"\x89PNG\r\n\x1a\n" + b"".join((chunk(b"IHDR", header), *before, chunk(b"IDAT", rows), chunk(b"IEND", b"")))


def apng(count, width=SIDE_PX, height=SIDE_PX):
    first = struct.pack(">IIIIIHHBB", 0, width, height, 0, 0, 0, 0, 0, 0)
    return png(chunk(b"acTL", struct.pack(">II", count, 0)), chunk(b"fcTL", first), width=width, height=height)


def webp(count, width=SIDE_PX, height=SIDE_PX):
    """Make a WebP of pictures of 16 x 16 pixels, then claim a larger canvas."""
    pictures = [Image.new("RGB", (16, 16), (number % 256, number // 256, 0)) for number in range(count)]
    made = io.BytesIO()
    pictures[0].save(made, "WEBP", save_all=True, append_images=pictures[1:], lossless=True, method=0)
    coded = bytearray(made.getvalue())
    canvas = coded.index(b"VP8X") + 12
    coded[canvas : canvas + 6] = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return bytes(coded)


def tiff(pages, width=SIDE_PX, height=SIDE_PX, *, order="<", big=False, more=(), ends=0):
    """Make pages that all use the same byte; ``ends`` is where the last one says that the next lies."""
    tags = sorted([(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8), *more])
    number, start = ("Q", 16) if big else ("I", 8)
    head = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}H", 43 if big else 42)
    head += struct.pack(f"{order}HHQ", 8, 0, start) if big else struct.pack(f"{order}I", start)
    size = struct.calcsize(f"{order}{'Q' if big else 'H'}{number}") + len(tags) * (20 if big else 12)
    body = bytearray()
    for page in range(pages):
        body += struct.pack(f"{order}{'Q' if big else 'H'}", len(tags))
        for tag, kind, count, value in tags:
            stored = value << ((48 if big else 16) if order == ">" and kind == 3 else 0)
            body += struct.pack(f"{order}HH{number}{number}", tag, kind, count, stored)
        body += struct.pack(f"{order}{number}", start + (page + 1) * size if page + 1 < pages else ends)
    return head + bytes(body)


def jpeg(*segments, scans=0, size=(64, 64)):
    """Make a progressive JPEG with more segments in front and its last pass repeated."""
    made = io.BytesIO()
    Image.new("RGB", size).save(made, "JPEG", progressive=True)
    coded = made.getvalue()
    last = coded[coded.rindex(b"\xff\xda") : -2]
    front = b"".join(mark + struct.pack(">H", len(data) + 2) + data for mark, data in segments)
    return coded[:2] + front + coded[2:-2] + last * scans + coded[-2:]


def avif(count, width=64, height=64):
    pictures = [Image.new("RGB", (width, height), (number * 50, 0, 0)) for number in range(count)]
    made = io.BytesIO()
    pictures[0].save(made, "AVIF", save_all=True, append_images=pictures[1:], speed=10)
    return made.getvalue()


@pytest.fixture
def written(tmp_path):
    """Writes a file; its name says nothing of what it is."""

    def write(content):
        path = tmp_path / "some file"
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def no_decoding(monkeypatch):
    """Nothing may be decoded, nor counted by going through all pictures."""

    def refuse(*_, **__):
        pytest.fail("a picture was decoded")

    for plugin in ("GifImagePlugin.GifImageFile", "TiffImagePlugin.TiffImageFile"):
        module, _, name = plugin.partition(".")
        monkeypatch.setattr(getattr(getattr(__import__(f"PIL.{module}"), module), name), "n_frames", property(refuse))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", refuse)


# --- pictures times pixels -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_decoding")
@pytest.mark.parametrize(
    ("make", "inside", "outside"),
    [
        pytest.param(gif, MOST, MOST + 1, id="GIF"),
        pytest.param(lambda count: gif(count, tail=b""), MOST, MOST + 1, id="GIF that breaks off"),
        pytest.param(lambda count: gif(count) + bytes(1000), MOST, MOST + 1, id="GIF with a tail"),
        pytest.param(apng, MOST, MOST + 1, id="APNG"),
        pytest.param(lambda count: webp(count, 7000, 7000), 40, 41, id="WebP"),
        pytest.param(tiff, MOST, MOST + 1, id="TIFF"),
        pytest.param(lambda count: tiff(count, order=">"), MOST, MOST + 1, id="TIFF, big-endian"),
        pytest.param(lambda count: tiff(count, big=True), MOST, MOST + 1, id="BigTIFF"),
        pytest.param(lambda count: tiff(count, ends=8), MOST, MOST + 1, id="TIFF in a circle"),
        pytest.param(lambda count: jpeg(scans=count, size=(4000, 4000)), 115, 116, id="passes of a JPEG"),
    ],
)
def test_pictures_times_pixels_are_limited(written, make, inside, outside):
    assert probe_image(written(make(inside))).width_px >= SIDE_PX
    path = written(make(outside))
    for read in (probe_image, read_picture, load_picture):
        with pytest.raises(MediaError, match=r"^some file: it holds .* at most 2000 million pixels in all") as refused:
            read(path)
        assert refused.value.advice


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("make", [gif, apng, webp, tiff, avif], ids=lambda make: make.__name__)
def test_pictures_are_counted(written, make, count):
    assert probe_image(written(make(count))).frame_count == count


def test_an_avif_of_many_pictures_is_told_by_its_header(written, monkeypatch):
    path = written(avif(3))
    monkeypatch.setattr(picture_structure, "ALL_PIXELS_MAX", 2 * 64 * 64)
    with pytest.raises(MediaError, match="holds 3 pictures"):
        probe_image(path)


def test_a_gif_is_no_clip_either_when_its_pictures_are_too_many(written):
    path = written(gif(MOST + 1))
    with pytest.raises(MediaError, match="it holds 2001 pictures"):
        probe_video(path)
    with pytest.raises(MediaError, match="it holds 2001 pictures"):
        next(read_frames(path, container="gif"))
    assert probe_video(written(gif(12, 64, 64))).frame_count == 12


# --- claims ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_decoding")
@pytest.mark.parametrize(
    ("content", "most"),
    [
        (png(width=65_535, height=65_535), PIXELS_MAX),
        (png(width=12_000, height=10_001), PIXELS_MAX),
        (png(width=7_000, height=9_000, bits=16), PIXELS_MAX_COSTLY),
        (png(width=7_000, height=9_000, colours=6), PIXELS_MAX_COSTLY),
        (gif(1, 65_535, 65_535), PIXELS_MAX),
        (tiff(1, 65_535, 65_535), PIXELS_MAX),
        (webp(2, 7_000, 9_000), PIXELS_MAX_COSTLY),
        (
            b"BM" + struct.pack("<IIIIiiHHIIIIII", 58, 0, 54, 40, 65_535, 65_535, 1, 24, 0, 4, 0, 0, 0, 0) + b"abcd",
            PIXELS_MAX,
        ),
    ],
    ids=["PNG", "PNG just too large", "deep PNG", "clear PNG", "GIF", "TIFF", "WebP", "BMP"],
)
def test_more_pixels_than_can_be_decoded_are_refused_by_the_header(written, content, most):
    with pytest.raises(MediaError, match=f"more than {most // 1_000_000} million pixels"):
        read_picture(written(content))


def test_a_picture_just_small_enough_is_not_refused(written):
    facts = probe_image(written(png(width=12_000, height=10_000)))
    assert facts.width_px * facts.height_px == PIXELS_MAX


# --- parts and descriptions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "inside", "outside"),
    [
        pytest.param(lambda count: png(*[chunk(b"tEXt", b"k\0v")] * count), PARTS_MAX - 3, PARTS_MAX - 2, id="PNG"),
        pytest.param(lambda count: tiff(count, 1, 1), PARTS_MAX, PARTS_MAX + 1, id="TIFF"),
        pytest.param(lambda count: jpeg(*[(b"\xff\xfe", b"")] * count), PARTS_MAX - 100, PARTS_MAX, id="JPEG"),
    ],
)
def test_a_file_of_a_million_parts_keeps_nobody_busy(written, make, inside, outside):
    name = {"PNG": "png", "TIFF": "tiff", "JPEG": "jpeg"}
    kind = next(kind for kind in name.values() if _is(kind, make(1)))
    assert count_pictures(written(make(inside)), kind)
    with pytest.raises(MediaError, match=f"more than {PARTS_MAX} parts"):
        probe_image(written(make(outside)))


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_what_follows_a_pictures_end_is_no_part_of_it(written, kind):
    """Cameras put whole clips there, and some programs zeros."""
    content = png() if kind == "png" else jpeg()
    alone = count_pictures(written(content), kind)
    assert count_pictures(written(content + bytes(20 * PARTS_MAX) + b"\xff\xfe" * PARTS_MAX), kind) == alone


def _is(kind, content):
    return content.startswith({"png": b"\x89PNG", "tiff": b"II", "jpeg": b"\xff\xd8"}[kind])


def test_a_gif_of_tiny_parts_keeps_nobody_busy(written, monkeypatch):
    monkeypatch.setattr(picture_structure, "GIF_PARTS_MAX", 1000)
    comment = b"!\xfe" + b"\1x" * 990 + b"\0"
    head, _, rest = gif(1).partition(b"!")
    assert probe_image(written(head + comment + b"!" + rest)).frame_count == 1
    with pytest.raises(MediaError, match="more than 1000 parts"):
        probe_image(written(head + comment * 2 + b"!" + rest))
    with pytest.raises(MediaError, match="more than 1000 parts"):
        probe_image(written(head + b"?" * 1001))


@pytest.mark.parametrize("read", [probe_image, read_picture, load_picture])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lambda: png(chunk(b"eXIf", bytes(METADATA_MAX_BYTES))), id="PNG"),
        pytest.param(lambda: jpeg(*[(b"\xff\xe1", b"Exif\0\0" + bytes(65_000))] * 247), id="EXIF in parts"),
        pytest.param(lambda: jpeg(*[(b"\xff\xe2", b"ICC_PROFILE\0\1\1" + bytes(65_000))] * 247), id="colour profile"),
        pytest.param(lambda: tiff(1, more=[(279, 4, METADATA_MAX_BYTES // 4, 8)]), id="TIFF"),
        pytest.param(lambda: tiff(1, more=[(700, 7, 2**32 - 1, 8)]), id="TIFF that claims much"),
    ],
)
def test_descriptions_are_limited(written, content, read):
    with pytest.raises(MediaError, match="more than 16 MB of descriptions"):
        read(written(content()))


@pytest.mark.parametrize("kind", ["zTXt", "iTXt", "iCCP"])
def test_descriptions_that_swell_are_not_unpacked(written, kind):
    swelling = zlib.compress(bytes(100_000_000), 9)
    before = {"zTXt": b"k\0\0", "iTXt": b"k\0\1\0\0\0", "iCCP": b"k\0\0"}[kind]
    with pytest.raises(MediaError, match="damaged"):
        read_picture(written(png(chunk(kind.encode(), before + swelling))))


def test_exif_that_claims_much_or_points_to_itself_is_passed_over(written):
    entries = struct.pack("<HHII", 0x0112, 3, 1, 6) + struct.pack("<HHII", 0x9286, 7, 2**31 - 1, 26)
    exif = b"Exif\0\0II*\0" + struct.pack("<I", 8) + struct.pack("<H", 2) + entries + struct.pack("<I", 8)
    assert probe_image(written(jpeg((b"\xff\xe1", exif)))).exif_orientation == 6


@pytest.mark.parametrize(
    ("width", "height", "refused"), [(8000, 8000, False), (8000, 8016, True), (60_000, 40_000, True)]
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_small_picture_of_one_huge_tile_is_refused(written, width, height, refused, order):
    assert TILE_PIXELS_MAX == 8000 * 8000
    path = written(tiff(1, 100, 100, order=order, more=[(322, 3, 1, width), (323, 4, 1, height)]))
    with pytest.raises(MediaError, match="tiles of" if refused else "damaged"):
        read_picture(path)


@pytest.mark.parametrize("make", [gif, apng, webp, tiff, jpeg, avif], ids=lambda make: make.__name__)
def test_a_file_that_breaks_off_anywhere_is_read_or_refused_in_words(written, make):
    whole = make() if make is jpeg else make(2)
    for end in sorted({*range(4, min(len(whole), 200)), *range(200, len(whole), 97)}):
        with suppress(MediaError):
            read_picture(written(whole[:end]), long_side_px=8)
