"""Geometry, fields and tracks: what a clip's file says about how it is to be shown is kept to everywhere."""

import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from kling_ui.media.display import fitted
from kling_ui.media.encode import ClipWriter
from kling_ui.media.probe import VideoFacts, probe_video
from kling_ui.media.transform_video import VideoTransform, transform_video, write_played_copy
from kling_ui.media.video import read_frames, sample_frames
from kling_ui.vision.frame_sampling import SampledFrame, load_sampled_frames, size_changes_s

WHOLE = VideoTransform((320, 180), Fraction(24), 0.0, 1.0)
# The linear part a, b, c, d of a display matrix: x' = a x + c y, y' = b x + d y. The mark at the top left as coded is
# shown at the corner named; and what lies to its right is shown in the direction named.
ORIENTATIONS = {
    (1, 0, 0, 1): ("top left", "right"),
    (-1, 0, 0, 1): ("top right", "left"),
    (1, 0, 0, -1): ("bottom left", "right"),
    (-1, 0, 0, -1): ("bottom right", "left"),
    (0, 1, -1, 0): ("top right", "down"),
    (0, -1, 1, 0): ("bottom left", "up"),
    (0, 1, 1, 0): ("top left", "down"),
    (0, -1, -1, 0): ("bottom right", "up"),
}


def with_matrix(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write another display matrix into the track header of an MP4."""
    content = bytearray(path.read_bytes())
    track = content.index(b"tkhd")
    place = content.index(struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30), track)
    a, b, c, d = (part << 16 for part in matrix)
    content[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def quadrants(rgb: np.ndarray) -> dict[str, np.ndarray]:
    height, width = (side // 4 for side in rgb.shape[:2])
    rows, columns = (
        {"top": slice(0, height), "bottom": slice(-height, None)},
        {
            "left": slice(0, width),
            "right": slice(-width, None),
        },
    )
    return {
        f"{down} {across}": rgb[rows[down], columns[across]].reshape(-1, 3).mean(0)
        for down in rows
        for across in columns
    }


def place_of(rgb: np.ndarray, colour: tuple[int, int, int]) -> str:
    return min(quadrants(rgb).items(), key=lambda item: np.abs(item[1] - colour).sum())[0]


@pytest.fixture
def four_colours(tmp_path: Path) -> Path:
    """Red at the top left, green at the top right, blue at the bottom left, grey at the bottom right."""
    rgb = np.full((180, 320, 3), 128, np.uint8)
    rgb[:90, :160], rgb[:90, 160:], rgb[90:, :160] = (220, 30, 30), (30, 200, 40), (30, 40, 220)
    with ClipWriter(tmp_path / "four.mp4", fps=Fraction(24), size=(320, 180)) as writer:
        for _ in range(24):
            writer.write(rgb)
    return tmp_path / "four.mp4"


@pytest.fixture
def four_colours_in_ycgco(tmp_path: Path, four_colours: Path) -> Path:
    """The same in YCgCo (ITU-T H.273, 8.3), as screen recorders write it; libswscale does not know it."""
    rgb = next(read_frames(four_colours, container="mp4")).rgb
    red, green, blue = np.moveaxis(rgb.astype(float), -1, 0)
    planes = np.stack([(red + 2 * green + blue) / 4, 128 + green / 2 - (red + blue) / 4, 128 + (red - blue) / 2])
    with av.open(str(tmp_path / "ycgco.mp4"), "w") as out:
        video = out.add_stream("libx264", rate=24)
        video.width, video.height, video.pix_fmt = 320, 180, "yuv444p"
        video.codec_context.colorspace, video.codec_context.color_range = 8, 2
        for number in range(24):
            frame = av.VideoFrame.from_ndarray(np.rint(planes).clip(0, 255).astype(np.uint8), format="yuv444p")
            frame.colorspace, frame.color_range = 8, 2
            frame.pts, frame.time_base = number, Fraction(1, 24)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return tmp_path / "ycgco.mp4"


@pytest.mark.parametrize("matrix", ORIENTATIONS, ids=str)
def test_an_odd_colour_matrix_keeps_the_orientation(four_colours, four_colours_in_ycgco, tmp_path, matrix):
    plain, odd = with_matrix(four_colours, matrix), with_matrix(four_colours_in_ycgco, matrix)
    facts, expected = probe_video(odd), probe_video(plain)
    assert (facts.width_px, facts.height_px, facts.is_mirrored) == (
        expected.width_px,
        expected.height_px,
        expected.is_mirrored,
    )
    repaired = transform_video(odd, replace(WHOLE, size=(facts.width_px, facts.height_px)), tmp_path)
    shown = next(read_frames(plain, container="mp4")).rgb.astype(int)
    for rgb in (
        next(read_frames(odd, container="mp4")).rgb,
        next(load_sampled_frames(odd, container="mp4", fps=24)).rgb,
        next(read_frames(repaired.path, container="mp4")).rgb,
    ):
        assert np.abs(rgb.astype(int) - shown).mean() < 6


@pytest.mark.parametrize(("matrix", "shown"), ORIENTATIONS.items(), ids=str)
def test_all_eight_orientations_are_shown_as_players_show_them(four_colours, tmp_path, matrix, shown):
    path = with_matrix(four_colours, matrix)
    facts, (corner, onward) = probe_video(path), shown
    size = (320, 180) if onward in {"left", "right"} else (180, 320)
    assert (facts.width_px, facts.height_px) == size
    assert facts.is_mirrored == (matrix[0] * matrix[3] - matrix[1] * matrix[2] < 0)
    repaired = transform_video(path, replace(WHOLE, size=size), tmp_path)
    played = write_played_copy(facts, tmp_path / "played.mp4")
    down, across = corner.split()
    neighbour = {
        "right": f"{down} right",
        "left": f"{down} left",
        "down": f"bottom {across}",
        "up": f"top {across}",
    }[onward]
    for rgb in (
        next(read_frames(path, container="mp4")).rgb,
        next(load_sampled_frames(path, container="mp4", fps=24)).rgb,
        next(read_frames(repaired.path, container="mp4")).rgb,
        next(read_frames(played, container="mp4")).rgb,
    ):
        assert rgb.shape[1::-1] == size
        assert (place_of(rgb, (220, 30, 30)), place_of(rgb, (30, 200, 40))) == (corner, neighbour)


@pytest.fixture
def turned_in_the_middle(make_clip, tmp_path: Path) -> Path:
    parts = []
    for n, size in enumerate([(180, 320), (320, 180)]):
        pts = list(range(24 * n, 24 * n + 24))
        parts.append(make_clip(f"{n}.ts", container="mpegts", size=size, frames=24, pts=pts).read_bytes())
    path = tmp_path / "turned.ts"
    path.write_bytes(b"".join(parts))
    return path


def test_a_clip_that_changes_its_size_is_seen_in_one(turned_in_the_middle):
    frames = list(read_frames(turned_in_the_middle, container="mpegts"))
    assert {frame.rgb.shape for frame in frames} == {(320, 180, 3)}
    assert frames[-1].rgb[:100].max() < 20  # bars above and below
    assert np.abs(frames[-1].rgb[120, 10].astype(int) - (220, 30, 30)).max() < 25
    sampled = list(load_sampled_frames(turned_in_the_middle, container="mpegts", fps=24))
    assert {frame.rgb.shape for frame in sampled} == {(320, 180, 3)}
    assert size_changes_s(sampled) == pytest.approx((1.0,), abs=0.1)
    jumps = sample_frames(turned_in_the_middle, container="mpegts", times_s=[0.0, 1.5], keyframe_times_s=[0.0, 1.0])
    assert {frame.rgb.shape for frame in jumps} == {(320, 180, 3)}


def test_a_clip_that_changes_its_size_is_repaired_to_one(turned_in_the_middle, tmp_path):
    facts = transform_video(turned_in_the_middle, replace(WHOLE, size=(180, 320), end_s=2.0), tmp_path)
    assert (facts.width_px, facts.height_px, facts.frame_count) == (180, 320, 48)
    sampled = list(load_sampled_frames(facts.path, container="mp4", fps=24))
    assert size_changes_s(sampled) == ()


@pytest.mark.parametrize(
    ("coded", "aspect", "shown"),
    [((160, 180), Fraction(2), (320, 180)), ((320, 90), Fraction(1, 2), (320, 180)), ((320, 180), None, (320, 180))],
)
def test_pixels_that_are_not_square_make_one_side_grow(make_clip, tmp_path, coded, aspect, shown):
    path = make_clip(size=coded, pixel_aspect=aspect)
    facts = probe_video(path)
    assert (facts.width_px, facts.height_px) == shown
    repaired = transform_video(path, replace(WHOLE, size=shown), tmp_path)
    sampled = next(load_sampled_frames(path, container="mp4", fps=24)).rgb
    for rgb in (
        next(read_frames(path, container="mp4")).rgb,
        sampled,
        next(read_frames(repaired.path, container="mp4")).rgb,
    ):
        assert rgb.shape[1::-1] == shown
        assert place_of(rgb[:90, :160], (220, 30, 30)) == "top left"


def test_pixels_that_change_their_shape_in_the_middle_are_followed(make_clip, tmp_path):
    parts = []
    for n, (size, aspect) in enumerate([((320, 180), Fraction(1)), ((160, 180), Fraction(2))]):
        pts = list(range(24 * n, 24 * n + 24))
        clip = make_clip(f"{n}.ts", container="mpegts", size=size, pixel_aspect=aspect, pts=pts)
        parts.append(clip.read_bytes())
    path = tmp_path / "aspects.ts"
    path.write_bytes(b"".join(parts))
    sampled = list(load_sampled_frames(path, container="mpegts", fps=24))
    assert size_changes_s(sampled) == pytest.approx((1.0,), abs=0.1)
    repaired = transform_video(path, replace(WHOLE, size=(320, 180), end_s=2.0), tmp_path)
    shown = [
        *(frame.rgb for frame in read_frames(path, container="mpegts")),
        *(frame.rgb for frame in sampled),
        *(frame.rgb for frame in read_frames(repaired.path, container="mp4")),
    ]
    for rgb in shown:  # the mark fills a third of each side in every frame, and there are no bars
        assert rgb.shape == (180, 320, 3)
        assert np.abs(rgb[30, 95].astype(int) - (220, 30, 30)).max() < 40
        assert np.ptp(rgb[30, 120].astype(int)) < 20
        assert np.ptp(rgb[5:175, 300].astype(int).mean(1)) < 20


@pytest.mark.parametrize(("default", "name"), [(0, "a.mp4"), (1, "a.mp4"), (1, "a.mkv"), (None, "a.mkv")])
def test_the_pictures_that_players_show_are_taken(tmp_path, default, name):
    path = tmp_path / name
    with av.open(str(path), "w") as out:
        tracks = [out.add_stream("libx264", rate=24) for _ in range(2)]
        for n, track in enumerate(tracks):
            track.width, track.height, track.pix_fmt = 320, 180 - 20 * n, "yuv420p"
            track.disposition = Disposition.default if n == default else Disposition(0)
        for n, track in enumerate(tracks):
            frame = av.VideoFrame.from_ndarray(np.full((180 - 20 * n, 320, 3), 90, np.uint8), format="rgb24")
            frame.pts, frame.time_base = 0, Fraction(1, 24)
            out.mux(track.encode(frame))
            out.mux(track.encode(None))
    assert probe_video(path).height_px == (160 if default else 180)


def test_no_size_no_change():
    assert size_changes_s([]) == ()
    assert size_changes_s([SampledFrame(0.0, True, np.zeros((3, 2), np.uint8))] * 2) == ()


@pytest.mark.parametrize(
    ("shown", "size", "inner"),
    [
        ((320, 180), (180, 320), (180, 102)),
        ((180, 320), (320, 180), (102, 180)),
        ((426.7, 180), (320, 180), (320, 134)),
    ],
)
def test_a_shape_is_fitted_without_stretching(shown, size, inner):
    assert fitted(shown, size) == inner


@pytest.fixture
def interlaced(tmp_path: Path) -> Path:
    """A white bar that moves 8 px from field to field, over grey."""
    path = tmp_path / "fields.mp4"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25, options={"flags": "+ildct+ilme", "x264-params": "tff=1", "crf": "5"})
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        for n in range(25):
            rgb = np.full((180, 320, 3), 60, np.uint8)
            for field in (0, 1):
                left = 20 + 8 * (2 * n + field) % 240
                rgb[field::2, left : left + 40] = 230
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = n, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path


def combs(rgb: np.ndarray) -> float:
    """How much each row differs from the mean of its neighbours."""
    rows = rgb[:, :, 0].astype(float)
    return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean())


def test_interlaced_clips_are_named_and_seen_without_combs(interlaced, tmp_path):
    facts = probe_video(interlaced)
    assert facts.is_interlaced
    frames = list(read_frames(interlaced, container="mp4"))
    assert [round(frame.time_s * 25) for frame in frames] == list(range(25))
    assert max(combs(frame.rgb) for frame in frames) < 2  # 8.5 as coded
    assert max(combs(frame.rgb) for frame in load_sampled_frames(interlaced, container="mp4", fps=25)) < 2
    repaired = transform_video(interlaced, replace(WHOLE, fps=Fraction(25)), tmp_path)
    played = probe_video(write_played_copy(facts, tmp_path / "played.mp4"))
    for copy in (repaired, played):
        assert (copy.is_interlaced, copy.frame_count) == (False, 25)
        assert max(combs(frame.rgb) for frame in read_frames(copy.path, container="mp4")) < 2


def test_a_plain_clip_is_not_interlaced(make_clip):
    assert not probe_video(make_clip()).is_interlaced


def tone_hz(path: Path) -> float:
    """The loudest frequency of a clip's sound."""
    with av.open(str(path)) as opened:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in opened.decode(audio=0)])
        rate = opened.streams.audio[0].rate
    return float(np.abs(np.fft.rfft(heard)).argmax() * rate / len(heard))


@pytest.mark.parametrize(("default", "hz"), [(None, 300), (0, 300), (1, 900)])
def test_the_sound_that_players_play_is_kept(tmp_path, default, hz):
    source = tmp_path / "two.mkv"
    with av.open(str(source), "w", format="matroska") as out:
        video = out.add_stream("libx264", rate=24)
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        tracks = [out.add_stream("aac" if n else "libopus", rate=48_000, layout="mono") for n in range(2)]
        for n, track in enumerate(tracks):
            track.disposition = Disposition.default if n == default else Disposition(0)
        frame = av.VideoFrame.from_ndarray(np.full((180, 320, 3), 90, np.uint8), format="rgb24")
        for n in range(24):
            frame.pts, frame.time_base = n, Fraction(1, 24)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        for track, pitch in zip(tracks, (300, 900), strict=True):
            wave = 0.5 * np.sin(2 * np.pi * pitch * np.arange(48_000) / 48_000).astype(np.float32)
            heard = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
            heard.sample_rate, heard.pts = 48_000, 0
            for part in av.AudioResampler(track.codec_context.format, "mono", 48_000, 960).resample(heard):
                out.mux(track.encode(part))
            out.mux(track.encode(None))
    facts = probe_video(source)
    assert facts.audio_codec == ("aac" if default else "opus")
    assert tone_hz(transform_video(source, WHOLE, tmp_path).path) == pytest.approx(hz, abs=10)


@pytest.mark.parametrize(
    ("codec", "name", "known"),
    [
        ("libsvtav1", "a.mp4", "av1"),
        ("libvpx-vp9", "a.webm", "vp9"),
        ("libx265", "a.mp4", "hevc"),
        ("mpeg4", "a.avi", "mpeg4"),
    ],
)
def test_codecs_are_named_and_not_their_decoders(make_clip, codec, name, known):
    assert probe_video(make_clip(name, codec=codec)).codec == known


def test_an_uneven_clip_tells_the_rate_that_keeps_every_picture(make_clip):
    shown_at = [0, 1, 2, 4, 6, 7, 10, 12, 13, 14, 18, 20, 22, 23]
    facts: VideoFacts = probe_video(make_clip(frames=len(shown_at), pts=shown_at))
    assert facts.has_variable_rate
    assert facts.every_picture_fps == 24
