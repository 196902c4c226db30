"""Repair all: what is broken comes out whole, whatever is wrong with it at once; the rest is left alone."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from kling_ui.checks.preflight import judge
from kling_ui.checks.repair_plan import Plan, Repair, RepairKind, compose, offers, repair_all, with_repairs
from kling_ui.checks.report import Report, Verdict
from kling_ui.media.image import ImageFacts, probe_image
from kling_ui.media.probe import VideoFacts, probe_video
from kling_ui.media.transform_image import transform_image
from kling_ui.media.transform_video import transform_video
from kling_ui.options import Orientation, TransferOptions
from kling_ui.presentation.findings import repair_json


def repaired(
    image: ImageFacts | None, video: VideoFacts | None, choice: TransferOptions, folder: Path
) -> tuple[Report, Report]:
    """Apply Repair all to files and return what the checks say before and after."""
    before = judge(image, video, choice)
    offered = offers(image, video, before, choice)
    plan = compose(repair_all(offered), image, video, choice)
    if image and plan.image:
        image = transform_image(image.path, plan.image, folder)
    if video and plan.video:
        video = transform_video(video.path, plan.video, folder)
    after = judge(image, video, plan.choice)
    assert_settled(offered, before, after)
    assert not repair_all(offers(image, video, after, plan.choice))  # a second time there is nothing to do
    return before, after


def assert_settled(offered: tuple[Repair, ...], before: Report, after: Report) -> None:
    settled = {rule for repair in offered if repair.in_all for rule in repair.rules}
    assert settled, "the case breaks nothing that can be repaired"
    assert settled <= {finding.rule for finding in before.findings}
    assert settled.isdisjoint({finding.rule for finding in after.findings})


def stripes(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    return Image.linear_gradient("L").resize(size).convert(mode)


def noise(size: tuple[int, int]) -> Image.Image:
    return Image.fromarray(np.random.default_rng(2).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def turned() -> Any:
    exif = Image.Exif()
    exif[0x0112] = 8
    return exif


@pytest.mark.parametrize(
    ("name", "draw", "saved"),
    [
        ("a.webp", lambda: stripes((500, 700)), {}),
        ("a.avif", lambda: stripes((500, 700)), {"speed": 10}),
        ("a.bmp", lambda: stripes((500, 700)), {}),
        ("a.tiff", lambda: stripes((500, 700), "CMYK"), {}),
        ("a.gif", lambda: stripes((500, 700)), {"save_all": True, "append_images": [stripes((500, 700))]}),
        ("a.jpg", lambda: stripes((500, 700), "CMYK"), {}),
        ("a.jpg", lambda: stripes((500, 700)), {"exif": turned()}),
        ("a.png", lambda: stripes((500, 700)), {"save_all": True, "append_images": [noise((500, 700))]}),
        ("a.png", lambda: stripes((500, 700), "I;16"), {}),
        ("a.png", lambda: stripes((80, 120)), {}),
        ("a.png", lambda: stripes((310, 500)), {}),
        ("a.png", lambda: stripes((6000, 2400)), {"compress_level": 1}),
        ("a.png", lambda: stripes((2000, 600)), {}),
        ("a.png", lambda: stripes((250, 6000)), {"compress_level": 1}),
        ("a.png", lambda: noise((2000, 1800)), {"compress_level": 0}),
        ("a.bmp", lambda: stripes((5000, 90)), {}),
        ("a.webp", lambda: stripes((200, 700), "RGBA"), {"exif": turned()}),
        ("a.jpg", lambda: stripes((290, 800), "CMYK"), {"exif": turned()}),
    ],
)
def test_repair_all_settles_everything_about_an_image(
    tmp_path: Path, name: str, draw: Callable[[], Image.Image], saved: dict[str, Any]
) -> None:
    draw().save(tmp_path / name, **saved)
    _, after = repaired(probe_image(tmp_path / name), None, TransferOptions(), tmp_path)
    assert after.image.findings == ()


@dataclass
class Clip:
    """A clip with oddities."""

    container: str = "mp4"
    codec: str = "libx264"
    size: tuple[int, int] = (352, 360)
    fps: int = 5
    seconds: float = 3.2
    pixel_format: str = "yuv420p"
    rotation: int | None = None
    uneven: bool = False
    sound: bool = True
    options: dict[str, str] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        with ThreadPoolExecutor(1) as own:  # SVT-AV1 changes the priority of the thread that calls it
            return own.submit(self._write, path).result()

    def _write(self, path: Path) -> Path:
        with av.open(str(path), "w", format=self.container) as out:
            video: Any = out.add_stream(self.codec, rate=self.fps, options=self.options)
            video.width, video.height, video.pix_fmt = *self.size, self.pixel_format
            if self.rotation:
                video.set_display_rotation(self.rotation)
            audio: Any = None
            if self.sound:
                audio = out.add_stream("libopus" if self.container == "webm" else "aac", rate=48_000)
                audio.layout = "mono"
            frames = int(self.seconds * self.fps)
            for n in range(frames):
                rgb = np.full((self.size[1], self.size[0], 3), 20 + 200 * n // frames, np.uint8)
                frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
                frame.pts, frame.time_base = n + (n // 3 * 2 if self.uneven else 0), Fraction(1, self.fps)
                out.mux(video.encode(frame))
                if audio:
                    out.mux(audio.encode(self._hum(n)))
            out.mux(video.encode(None))
            if audio:
                out.mux(audio.encode(None))
        return path

    @staticmethod
    def _hum(n: int) -> av.AudioFrame:
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, n * 1024, Fraction(1, 48_000)
        return frame


FAST = {"preset": "ultrafast"}
QUIET_X265 = {"preset": "ultrafast", "x265-params": "log-level=none"}


@pytest.mark.parametrize(
    ("clip", "choice"),
    [
        (Clip(codec="libx265", options=QUIET_X265), TransferOptions()),
        (Clip(codec="libx265", pixel_format="yuv420p10le", options=QUIET_X265), TransferOptions()),
        (Clip(container="webm", codec="libvpx-vp9", options={"cpu-used": "8"}), TransferOptions()),
        (Clip(container="matroska"), TransferOptions()),
        (Clip(container="matroska", codec="libsvtav1", options={"preset": "12"}), TransferOptions()),
        (Clip(container="avi", codec="mpeg4", sound=False), TransferOptions(keep_sound=False)),
        (Clip(container="gif", codec="gif", pixel_format="rgb8", sound=False), TransferOptions()),
        (Clip(uneven=True, fps=20), TransferOptions()),
        (Clip(pixel_format="yuv444p"), TransferOptions()),
        (Clip(size=(120, 160)), TransferOptions()),
        (Clip(size=(3900, 360), options=FAST), TransferOptions()),
        (Clip(size=(3900, 120), options=FAST), TransferOptions()),
        (Clip(size=(361, 345), codec="mpeg4"), TransferOptions()),
        (Clip(seconds=12), TransferOptions(orientation=Orientation.IMAGE)),
        (Clip(seconds=33), TransferOptions()),
        (Clip(sound=False), TransferOptions()),
        (
            Clip(
                container="webm",
                codec="libvpx-vp9",
                size=(4000, 352),
                fps=2,
                seconds=25,
                rotation=90,
                uneven=True,
                options={"cpu-used": "8", "deadline": "realtime"},
            ),
            TransferOptions(orientation=Orientation.IMAGE),
        ),
    ],
    ids=lambda value: value.container + "-" + value.codec if isinstance(value, Clip) else "",
)
def test_repair_all_settles_everything_about_a_clip(tmp_path, clip, choice):
    _, after = repaired(None, probe_video(clip.write(tmp_path / "clip")), choice, tmp_path)
    assert after.video.findings == ()
    assert after.verdict == Verdict.PASS


IMAGE = ImageFacts(Path("me.png"), "png", 1_000_000, 1000, 1500, 1, "RGB", False, 1)
VIDEO = VideoFacts(Path("a.mp4"), "mp4", 5_000_000, 720, 1280, 12.0, 24.0, 288, "h264", "yuv420p", 0, True, "aac")


def test_what_is_fine_is_left_alone():
    report = judge(IMAGE, VIDEO, TransferOptions())
    assert offers(IMAGE, VIDEO, report, TransferOptions()) == ()
    assert compose((), IMAGE, VIDEO, TransferOptions()) == Plan(None, None, TransferOptions())
    assert with_repairs(report, ()) == report


def test_each_finding_names_the_repair_that_settles_it():
    video, choice = replace(VIDEO, format="webm", codec="vp9"), TransferOptions(orientation=Orientation.IMAGE)
    report = judge(replace(IMAGE, height_px=3000), video, choice)
    report = with_repairs(report, offers(replace(IMAGE, height_px=3000), video, report, choice))
    assert {finding.rule: finding.repair for finding in report.findings} == {
        "image.aspect": "image.pad-to-aspect",
        "video.format": "video.convert",
        "video.codec": "video.convert",
        "video.duration": "video.trim",
    }


def test_a_finding_that_no_repair_settles_names_none():
    report = judge(None, replace(VIDEO, duration_s=2.0), TransferOptions())
    offered = offers(None, replace(VIDEO, duration_s=2.0), report, TransferOptions())
    assert [finding.repair for finding in with_repairs(report, offered).findings] == [None]


def test_choices_are_repaired_without_touching_a_file():
    kinds = {RepairKind.CHOICE_ORIENTATION, RepairKind.CHOICE_NO_SOUND}
    plan = compose(kinds, IMAGE, VIDEO, TransferOptions("hello", Orientation.IMAGE, keep_sound=True))
    assert plan == Plan(None, None, TransferOptions("hello", Orientation.VIDEO, keep_sound=False))


def test_the_person_may_pick_the_span_and_the_background():
    kinds = {RepairKind.VIDEO_TRIM, RepairKind.IMAGE_CONVERT}
    plan = compose(kinds, IMAGE, VIDEO, TransferOptions(), usable=(4.0, 9.0), background_rgb=(0, 0, 0))
    assert plan.video is not None
    assert plan.image is not None
    assert (plan.video.start_s, plan.video.end_s) == (4, 9)
    assert plan.image.background_rgb == (0, 0, 0)


def test_a_repair_in_json():
    [repair] = offers(
        None, replace(VIDEO, has_audio=False), judge(None, replace(VIDEO, has_audio=False)), TransferOptions()
    )
    assert repair_json(repair) == {
        "repair": "choice.no-sound",
        "target": "choice",
        "rules": ["video.sound"],
        "label": "Go on without sound",
        "effect": "The result will be silent.",
        "in_all": True,
    }
