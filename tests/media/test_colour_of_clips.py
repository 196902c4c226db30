"""A clip and its twins in other ranges, matrices, primaries, transfers and codecs give the same picture."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from kling_ui.media.image import read_picture
from kling_ui.media.playable import is_shown_everywhere
from kling_ui.media.probe import probe_video
from kling_ui.media.transform_video import VideoTransform, transform_video, write_played_copy
from kling_ui.media.video import read_frames
from kling_ui.vision.frame_sampling import load_sampled_frames

TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])  # ITU-R BT.2087
MPEG, JPEG = 1, 2  # libavutil's numbers of ranges; below, those of primaries, transfers and matrices


@dataclass(frozen=True)
class Twin:
    """How a clip is stored."""

    name: str = "plain.mp4"
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    matrix: int = 1
    range: int = MPEG
    transfer: int = 1
    primaries: int = 1
    is_named: bool = True


PLAIN = Twin()
TWINS = [
    Twin("full.mp4", pixel_format="yuvj420p", range=JPEG),
    Twin("full-444.mp4", pixel_format="yuv444p", range=JPEG),
    Twin("ten-bits.mp4", pixel_format="yuv420p10le"),
    Twin("bt601.mp4", matrix=5, primaries=6, transfer=6),
    Twin("bt601-unnamed.mp4", matrix=5, is_named=False),
    Twin("bt2020.mp4", "libx265", "yuv420p10le", matrix=9, transfer=14, primaries=9),
    Twin("hevc.mov", "libx265"),
    Twin("vp9.webm", "libvpx-vp9"),
    Twin("av1.mp4", "libsvtav1", "yuv420p10le"),
    Twin("mjpeg.avi", "mjpeg", "yuvj420p", matrix=5, range=JPEG),
    Twin("prores.mov", "prores_ks", "yuv422p10le"),
    Twin("hlg.mov", "libx265", "yuv420p10le", matrix=9, transfer=18, primaries=9),
    Twin("pq.mp4", "libx265", "yuv420p10le", matrix=9, transfer=16, primaries=9),
    Twin("pq-av1.mp4", "libsvtav1", "yuv420p10le", matrix=9, transfer=16, primaries=9),
    Twin("smpte240m.mp4", matrix=7, transfer=7, primaries=7),
    Twin("linear.mkv", "ffv1", "yuv444p16le", transfer=8),
    Twin("rgb-bt2020.mkv", "ffv1", "gbrp16le", matrix=0, transfer=14, primaries=9),
    Twin("ycgco.mp4", pixel_format="yuv444p", matrix=8),
    Twin("ycgco-full.mp4", pixel_format="yuv444p", matrix=8, range=JPEG),
    Twin("constant-luminance.mp4", "libx265", "yuv444p", matrix=10, transfer=14, primaries=9),
]
HDR = {18: "HLG", 16: "PQ"}


def signal(rgb: np.ndarray, twin: Twin) -> np.ndarray:
    """R'G'B', 0-1, that shows what ``rgb`` (uint8, BT.709) shows."""
    sdr = rgb / 255.0
    if twin.transfer == 8:
        return sdr**2.4
    if twin.primaries != 9:
        return sdr
    displayed = (sdr**2.4 @ TO_BT2020.T).clip(0)  # ITU-R BT.1886
    if twin.transfer == 18:
        light = np.where(sdr < 0.081, sdr / 4.5, ((sdr + 0.099) / 1.099) ** (1 / 0.45)) @ TO_BT2020.T * 0.26496
        return np.where(
            light <= 1 / 12, np.sqrt(3 * light), 0.17883277 * np.log((12 * light - 0.28466892).clip(1e-9)) + 0.55991073
        )
    if twin.transfer == 16:
        power = (displayed * 0.0203) ** (2610 / 16384)
        return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)
    return displayed ** (1 / 2.4)


def in_odd_matrix(signals: np.ndarray, twin: Twin) -> np.ndarray:
    """``(3, height, width)`` uint8: luma and two differences, for the matrices that libswscale does not know."""
    red, green, blue = np.moveaxis(signals, -1, 0)
    if twin.matrix == 8:  # ITU-T H.273, 8.3
        luma, one, two = (red + 2 * green + blue) / 4, green / 2 - (red + blue) / 4, (red - blue) / 2
    else:  # ITU-R BT.2020-2, table 4
        light = np.where(signals < 0.08145, signals / 4.5, ((signals + 0.0993) / 1.0993) ** (1 / 0.45))
        bright = light @ [0.2627, 0.6780, 0.0593]
        luma = np.where(bright < 0.0181, 4.5 * bright, 1.0993 * bright**0.45 - 0.0993)
        one = (blue - luma) / np.where(blue <= luma, 1.9404, 1.5816)
        two = (red - luma) / np.where(red <= luma, 1.7184, 0.9936)
    low, span, wide = (0, 255, 255) if twin.range == JPEG else (16, 219, 224)
    planes = np.stack([low + span * luma, 128 + wide * one, 128 + wide * two])
    return np.rint(planes).clip(0, 255).astype(np.uint8)


def write(path: Path, rgb: np.ndarray, twin: Twin) -> Path:
    with ThreadPoolExecutor(1) as own:  # SVT-AV1 changes the priority of the thread that it is called from
        return own.submit(write_frames, path, rgb, twin).result()


def write_frames(path: Path, rgb: np.ndarray, twin: Twin) -> Path:
    deep = (signal(rgb, twin) * 65535 + 0.5).astype(np.uint16)
    with av.open(str(path), "w") as out:
        options = {
            "libx264": {"crf": "8"},
            "libx265": {"x265-params": "crf=8:log-level=0"},
            "mjpeg": {"qmin": "1", "qmax": "2"},
        }
        video = out.add_stream(twin.codec, rate=24, options=options.get(twin.codec, {"crf": "12"}))
        video.width, video.height, video.pix_fmt = rgb.shape[1], rgb.shape[0], twin.pixel_format
        context = video.codec_context
        if twin.codec in {"mjpeg", "prores_ks"}:
            context.bit_rate = 20_000_000
        context.color_range = twin.range
        if twin.is_named:
            context.colorspace, context.color_trc, context.color_primaries = twin.matrix, twin.transfer, twin.primaries
        for n in range(6):
            if twin.matrix in {8, 10}:
                frame = av.VideoFrame.from_ndarray(in_odd_matrix(signal(rgb, twin), twin), format=twin.pixel_format)
                frame.colorspace, frame.color_range = twin.matrix, twin.range
            else:
                frame = av.VideoFrame.from_ndarray(deep, format="rgb48le").reformat(
                    format=twin.pixel_format, dst_colorspace=twin.matrix or None, dst_color_range=twin.range
                )
            if twin.is_named:
                frame.color_trc, frame.color_primaries = twin.transfer, twin.primaries
            if not twin.is_named:
                frame.colorspace = 2
            frame.pts, frame.time_base = n, Fraction(1, 24)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path


@pytest.fixture(scope="module")
def picture(person_png: Path) -> np.ndarray:
    rgb = read_picture(person_png, long_side_px=480).rgb
    rgb = rgb[: rgb.shape[0] // 4 * 4, : rgb.shape[1] // 4 * 4].copy()
    for n, colour in enumerate([(200, 30, 40), (30, 170, 60), (40, 60, 190), (250, 220, 40), (128, 128, 128)]):
        rgb[8 + 40 * n : 40 + 40 * n, 8:72] = colour
    return rgb


def difference(shown: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(shown.astype(int) - expected.astype(int)).mean())


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.name)
def test_a_twin_gives_the_same_picture_everywhere(tmp_path, picture, twin):
    plain, other = (write(tmp_path / each.name, picture, each) for each in (PLAIN, twin))
    allowed, facts = 6 if twin.transfer in HDR else 2, probe_video(other)
    assert facts.hdr == HDR.get(twin.transfer, "")
    shown = [next(read_frames(path, container=probe_video(path).format)).rgb for path in (plain, other)]
    assert difference(shown[0], picture) <= 2
    assert difference(shown[1], shown[0]) <= allowed
    checked = [next(load_sampled_frames(path, container=probe_video(path).format, fps=24)) for path in (plain, other)]
    assert difference(checked[1].rgb, checked[0].rgb) <= allowed
    assert difference(checked[1].grey(200), checked[0].grey(200)) <= allowed
    size = picture.shape[1], picture.shape[0]
    repaired = transform_video(other, VideoTransform(size, Fraction(24), 0.0, 0.25), tmp_path)
    assert (repaired.codec, repaired.pixel_format, repaired.hdr) == ("h264", "yuv420p", "")
    for path in (repaired.path, write_played_copy(facts, tmp_path / "played.mp4")):
        assert difference(next(read_frames(path, container="mp4")).rgb, shown[0]) <= allowed
        with av.open(str(path)) as opened:
            frame = next(opened.decode(video=0))
        assert (frame.colorspace, frame.color_trc, frame.color_primaries, frame.color_range) == (1, 1, 1, MPEG)


def test_what_is_brighter_than_white_is_white_and_not_another_colour(tmp_path):
    bright = np.full((64, 64, 3), 255, np.uint8)
    twin = Twin("pq.mp4", "libx265", "yuv420p10le", matrix=9, transfer=1, primaries=1)  # written as it is: 10 000 cd/m2
    path = write(tmp_path / "bright.mp4", bright, twin)
    with av.open(str(path)) as opened:
        assert next(opened.decode(video=0)).color_trc == 1
    shown = next(read_frames(path, container="mp4")).rgb
    assert shown.min() >= 250


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [("clear.webm", "libvpx-vp9", "yuva420p"), ("clear.mov", "prores_ks", "yuva444p10le"), ("plain.mp4", "", "")],
)
def test_what_is_transparent_is_shown_as_it_is_stored_everywhere(tmp_path, picture, name, codec, pixel_format):
    path, height, width = tmp_path / name, *picture.shape[:2]
    alpha = np.full((height, width, 1), 255, np.uint8)
    alpha[:, : width // 2] = 0
    if not codec:
        write(path, picture, PLAIN)
    else:
        with av.open(str(path), "w") as out:
            video = out.add_stream(codec, rate=24, options={"crf": "12", "b": "0"} if codec == "libvpx-vp9" else {})
            video.width, video.height, video.pix_fmt = width, height, pixel_format
            for n in range(6):
                frame = av.VideoFrame.from_ndarray(np.concatenate([picture, alpha], axis=2), format="rgba")
                frame = frame.reformat(format=pixel_format, dst_colorspace=5, dst_color_range=MPEG)
                frame.pts, frame.time_base = n, Fraction(1, 24)
                out.mux(video.encode(frame))
            out.mux(video.encode(None))
    facts = probe_video(path)
    assert facts.is_transparent == bool(codec)
    assert is_shown_everywhere(facts) == (not codec)  # else browsers would show the page behind it
    repaired = transform_video(path, VideoTransform((width, height), Fraction(24), 0.0, 0.25), tmp_path).path
    played = write_played_copy(facts, tmp_path / "played.mp4")
    shown = [next(read_frames(one, container=probe_video(one).format)).rgb for one in (path, repaired, played)]
    assert max(difference(rgb, picture) for rgb in shown) <= 4
