"""What files say of people, places and devices goes; what they show stays byte for byte."""

import io
import json
import struct
import zlib
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from kling_ui.errors import MediaError
from kling_ui.media.edit import side_by_side
from kling_ui.media.image import probe_image, read_picture
from kling_ui.media.metadata import copy_without_metadata
from kling_ui.media.playable import write_poster, write_shown_picture
from kling_ui.media.probe import probe_video
from kling_ui.media.transform_image import ImageTransform, transform_image
from kling_ui.media.transform_video import VideoTransform, transform_video, write_played_copy
from kling_ui.media.video import DEMUXERS, read_frames

SECRET = "Ann-48.8584N-SN12345"
GPS, MAKE, ORIENTATION = 0x8825, 0x010F, 0x0112


def noise(size=(48, 32), mode="RGB"):
    shape = (size[1], size[0], len(mode))
    made = Image.fromarray(np.random.default_rng(7).integers(0, 256, shape, np.uint8))
    return made.convert(mode)


def exif(orientation):
    tags = Image.Exif()
    tags[MAKE], tags[ORIENTATION] = SECRET, orientation
    tags.get_ifd(GPS).update({1: "N", 2: (48.0, 51.0, 30.0), 29: SECRET})
    return tags


def jpeg(orientation=1, *, progressive=False, mode="RGB"):
    made = io.BytesIO()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    noise(mode=mode).save(
        made, "JPEG", exif=exif(orientation), comment=SECRET, icc_profile=profile, progressive=progressive, quality=90
    )
    coded = made.getvalue()
    more = [(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + SECRET.encode()), (0xED, b"Photoshop 3.0\0" + SECRET.encode())]
    segments = b"".join(b"\xff" + bytes([kind]) + struct.pack(">H", len(text) + 2) + text for kind, text in more)
    at = coded.index(b"\xff\xdb")
    return coded[:at] + segments + coded[at:] + SECRET.encode()


def png(orientation=1, mode="RGB"):
    text, made = PngImagePlugin.PngInfo(), io.BytesIO()
    text.add_text("Author", SECRET)
    text.add_itxt("XML:com.adobe.xmp", SECRET)
    noise(mode=mode).save(made, "PNG", pnginfo=text, exif=exif(orientation), dpi=(300, 300))
    coded = made.getvalue()
    private = struct.pack(">I", len(SECRET)) + b"prVt" + SECRET.encode()
    private += struct.pack(">I", zlib.crc32(private[4:]))
    return coded[:33] + private + coded[33:] + SECRET.encode()


@pytest.fixture
def cleaned(tmp_path):
    """Writes a file, copies it without metadata, and gives both."""

    def clean(coded):
        path, out = tmp_path / "original", tmp_path / "copy"
        path.write_bytes(coded)
        copy_without_metadata(path, out)
        return path, out

    return clean


PICTURES = {
    "jpeg": jpeg,
    "progressive": lambda orientation: jpeg(orientation, progressive=True),
    "cmyk": lambda orientation: jpeg(orientation, mode="CMYK"),
    "png": png,
    "rgba": lambda orientation: png(orientation, "RGBA"),
}


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_keeps_its_pixels_turn_and_profile_and_nothing_else(cleaned, kind, orientation):
    before, after = cleaned(PICTURES[kind](orientation))
    assert SECRET.encode() in before.read_bytes()
    assert SECRET.encode() not in after.read_bytes()
    assert np.array_equal(read_picture(before).rgb, read_picture(after).rgb)
    assert probe_image(after).exif_orientation == orientation
    assert Image.open(after).info.get("icc_profile") == Image.open(before).info.get("icc_profile")
    with Image.open(after) as image:
        assert dict(image.getexif()) == ({ORIENTATION: orientation} if orientation > 1 else {})
        assert not image.getexif().get_ifd(GPS)


def test_the_pixel_shape_of_a_png_and_its_animation_stay(cleaned):
    made = io.BytesIO()
    noise().save(made, "PNG", save_all=True, append_images=[noise((48, 32)).rotate(180)], dpi=(300, 300))
    before, after = cleaned(made.getvalue())
    assert (probe_image(after).frame_count, Image.open(after).info["dpi"]) == (2, Image.open(before).info["dpi"])


def test_a_jpeg_that_breaks_off_stays_as_it_is_shown(cleaned):
    coded = jpeg()
    before, after = cleaned(coded[: coded.rindex(b"\xff\xd9") - 200])
    with pytest.raises(MediaError):
        read_picture(before)
    with pytest.raises(MediaError):
        read_picture(after)


def clip(path, *, suffix="mp4", movflags="", turned=True):
    """Write a clip with sound that says where and by whom it was filmed."""
    options = {"movflags": f"use_metadata_tags{movflags}"}
    with av.open(str(path), "w", format=suffix, options=options) as out:
        out.metadata.update(title=SECRET, location=SECRET, comment=SECRET, creation_time="2024-05-06T07:08:09Z")
        video, sound = out.add_stream("libx264", rate=25), out.add_stream("aac", rate=44_100)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.time_base = Fraction(1, 25)
        video.metadata["handler_name"] = sound.metadata["handler_name"] = SECRET
        video.codec_context.colorspace = video.codec_context.color_primaries = video.codec_context.color_trc = (
            1  # BT.709
        )
        rng = np.random.default_rng(3)
        for index in range(50):
            frame = av.VideoFrame.from_ndarray(rng.integers(0, 256, (48, 64, 3), np.uint8), format="rgb24")
            frame.pts = index
            out.mux(video.encode(frame))
            heard = av.AudioFrame.from_ndarray(rng.normal(0, 0.2, (1, 1764)).astype(np.float32), "fltp", "mono")
            heard.sample_rate, heard.pts = 44_100, index * 1764
            out.mux(sound.encode(heard))
        out.mux(video.encode(None))
        out.mux(sound.encode(None))
    coded = bytearray(path.read_bytes())
    if turned:
        track = coded.index(b"tkhd") + 4  # the display matrix of a clip that was held upright
        coded[track + 40 : track + 76] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(coded)
    return path


def with_boxes(coded):
    """Add boxes that cameras add: XMP, and one of their own."""
    secret = SECRET.encode()
    boxes = [(b"uuid", bytes(16) + secret), (b"CAME", secret), (b"free", secret)]
    return coded + b"".join(struct.pack(">I", len(content) + 8) + kind + content for kind, content in boxes)


def packets(path, container):
    with path.open("rb") as file, av.open(file, "r", format=DEMUXERS[container]) as opened:
        return [
            (packet.stream_index, packet.pts, packet.dts, bytes(packet))
            for packet in opened.demux()
            if packet.size and packet.stream.type in {"video", "audio"}
        ]


@pytest.mark.parametrize(("suffix", "container"), [("mp4", "mp4"), ("mov", "mov")])
@pytest.mark.parametrize("movflags", ["", "+faststart", "+frag_keyframe+empty_moov+default_base_moof"])
def test_a_clip_keeps_its_packets_turn_and_colours_and_nothing_else(tmp_path, cleaned, suffix, container, movflags):
    coded = with_boxes(clip(tmp_path / "clip", suffix=suffix, movflags=movflags).read_bytes())
    before, after = cleaned(coded)
    assert coded.count(SECRET.encode()) >= 5
    assert SECRET.encode() not in after.read_bytes()
    assert packets(after, container) == packets(before, container)
    facts = [probe_video(path) for path in (before, after)]
    assert facts[0].rotation_deg == 90
    assert all(getattr(facts[0], name) == getattr(facts[1], name) for name in facts[0].__slots__ if name != "path")
    pixels = [[frame.rgb for frame in read_frames(path, container=container)] for path in (before, after)]
    assert np.array_equal(*pixels)
    with after.open("rb") as file, av.open(file) as opened:
        assert not set(opened.metadata) - {"major_brand", "minor_version", "compatible_brands"}
        assert not set(opened.streams.video[0].metadata) - {"language", "vendor_id", "handler_name"}
        assert opened.streams.video[0].codec_context.colorspace == 1


@pytest.mark.parametrize("movflags", ["", "+frag_keyframe+empty_moov+default_base_moof", "+frag_keyframe+empty_moov"])
def test_a_track_of_places_goes_with_what_it_holds(tmp_path, cleaned, movflags):
    path = clip(tmp_path / "clip", movflags=movflags)
    sounds = [coded for stream, _, _, coded in packets(path, "mp4") if stream == 1 and len(coded) > 16]
    before, after = cleaned(path.read_bytes().replace(b"soun", b"meta"))  # a track like those of action cameras
    assert len(sounds) > 40
    assert all(sound in before.read_bytes() for sound in sounds)
    assert not any(sound in after.read_bytes() for sound in sounds)
    kept = [packet for packet in packets(path, "mp4") if packet[0] == 0]
    assert packets(after, "mp4") == kept
    with after.open("rb") as file, av.open(file, "r", format="mov") as opened:
        assert [stream.type for stream in opened.streams] == ["video"]


def test_a_file_that_lies_about_a_track_of_places_loses_nothing_else(tmp_path, cleaned):
    coded = bytearray(clip(tmp_path / "clip").read_bytes().replace(b"soun", b"meta"))
    offsets = coded.index(b"stco", coded.index(b"meta")) + 12
    for chunk in range(struct.unpack(">I", coded[offsets - 4 : offsets])[0]):
        coded[offsets + 4 * chunk : offsets + 4 * chunk + 4] = struct.pack(">I", coded.index(b"moov"))
    _, after = cleaned(bytes(coded))
    assert probe_video(after).frame_count == 50


def test_other_kinds_are_copied_as_they_are(cleaned):
    before, after = cleaned(json.dumps({"a": 1}).encode())
    assert after.read_bytes() == before.read_bytes()


# --- what is made of files -------------------------------------------------------------------------------------------


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(jpeg(6))
    return path


def transformed(photo, filmed, folder):
    yield transform_image(photo, ImageTransform("jpeg"), folder, stem="a").path
    yield transform_image(photo, ImageTransform("png"), folder, stem="b").path
    whole = VideoTransform((48, 64), Fraction(25), 0.0, 2.0)
    yield transform_video(filmed, whole, folder).path


def shown(photo, filmed, folder):
    yield write_shown_picture(probe_image(photo), folder / "shown.jpg")
    yield write_poster(probe_video(filmed), folder / "poster.jpg")
    yield write_played_copy(probe_video(filmed), folder / "played.mp4")


def compared(photo, filmed, folder):
    yield side_by_side(photo, filmed, filmed, folder / "comparison.mp4", height_px=64)


@pytest.mark.parametrize("make", [transformed, shown, compared])
def test_nothing_that_is_made_of_files_says_what_they_say(tmp_path, photo, make):
    filmed = clip(tmp_path / "clip.mp4")
    assert all(SECRET.encode() in path.read_bytes() for path in (photo, filmed))
    made = list(make(photo, filmed, tmp_path))
    assert made
    for path in made:
        assert SECRET.encode() not in path.read_bytes()
        assert b"Exif" not in path.read_bytes()
