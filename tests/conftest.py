"""Media for all tests: drawn files of a person whose joints are exactly known, and small clips with chosen oddities."""

import gc
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from figure import Actor, Camera, DrawnClip, DrawnStill, Scene, dance, gesture, tune, write_clip, write_still
from figure.cast import DANCER, MAYA, THEO
from PIL import Image, ImageDraw

MakeClip = Callable[..., Path]
HALF_BODY = Camera(y_m=1.28, height_m=1.15)


def pytest_sessionstart() -> None:
    """Collect no garbage while tests are collected.

    Twice Python 3.11 ended that with "AST constructor recursion depth mismatch": a finaliser that runs within
    ``ast.parse``, by which pytest rewrites each module, upsets its count.
    """
    gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage again."""
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try a test once more when it fails: browsers, processes and the clip's encoder share few cores with it.

    The summary names each test that passed only then (``-r R``). Such a race is a defect, and is mended, not kept.
    """
    for item in items:
        item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(autouse=True)
def _usual_priority() -> Iterator[None]:
    """No test leaves this thread with another scheduling policy than it had: whatever starts later would inherit it.

    SVT-AV1, run by root, makes the thread that calls it a real-time one, and a browser started from it stalls the
    machine. So clips are encoded in threads that end with them.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    before = os.sched_getscheduler(0)
    yield
    now = os.sched_getscheduler(0)
    os.sched_setscheduler(0, before, os.sched_param(0))
    assert now == before


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """Let processes that the test starts be interrupted, also where the suite is a script's job in background.

    What is ignored is inherited; what is handled falls back to the default in a new process.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def media_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the drawn files lie; read them, never change them."""
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="session")
def drawn_person(media_dir: Path) -> DrawnStill:
    """A character, whole body, 540 x 960."""
    return write_still(media_dir / "person.png", Scene((Actor(MAYA),)), width_px=540, height_px=960, supersample=1.5)


@pytest.fixture(scope="session")
def garlic(media_dir: Path) -> tuple[Path, dict[str, tuple[int, int]]]:
    """A garlic with arms and legs, 480 x 640, whom no detector finds, and where its joints are, in px."""
    joints = {
        "nose": (240, 250),
        "left shoulder": (312, 318),
        "right shoulder": (168, 318),
        "left elbow": (382, 350),
        "right elbow": (98, 350),
        "left wrist": (430, 290),
        "right wrist": (50, 290),
        "left hip": (275, 430),
        "right hip": (205, 430),
        "left knee": (280, 505),
        "right knee": (200, 505),
        "left ankle": (282, 575),
        "right ankle": (198, 575),
    }
    picture = Image.new("RGB", (480, 640), (140, 190, 160))
    pen = ImageDraw.Draw(picture)
    for side in ("left", "right"):
        for chain in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")):
            pen.line([joints[f"{side} {name}"] for name in chain], fill=(120, 90, 60), width=13, joint="curve")
        (x, y), (foot_x, foot_y) = joints[f"{side} wrist"], joints[f"{side} ankle"]
        pen.ellipse((x - 15, y - 22, x + 15, y + 8), fill=(235, 60, 60))
        pen.ellipse((foot_x - 20, foot_y - 7, foot_x + 20, foot_y + 15), fill=(90, 60, 40))
    pen.ellipse((155, 180, 325, 450), fill=(238, 230, 214))
    pen.polygon([(215, 200), (240, 90), (265, 200)], fill=(228, 218, 190))
    for x in (215, 265):
        pen.ellipse((x - 7, 225, x + 7, 245), fill=(30, 25, 20))
    path = media_dir / "garlic.png"
    picture.save(path)
    return path, joints


@pytest.fixture(scope="session")
def drawn_upper_body(media_dir: Path) -> DrawnStill:
    """Another character, head to waist with both hands, 800 x 600."""
    scene = Scene((Actor(THEO, gesture(0.7)),), HALF_BODY)
    return write_still(media_dir / "upper-body.png", scene, width_px=800, height_px=600, supersample=1.5)


@pytest.fixture(scope="session")
def drawn_dance(media_dir: Path) -> DrawnClip:
    """A whole body that dances for 1.5 s, 360 x 640, 16 frames a second, with sound."""
    return write_clip(
        media_dir / "dance.mp4",
        lambda t: Scene((Actor(DANCER, dance(t)),)),
        duration_s=1.5,
        fps=16,
        width_px=360,
        height_px=640,
        sound=tune(1.5),
    )


@pytest.fixture(scope="session")
def drawn_talk(media_dir: Path) -> DrawnClip:
    """Head to waist, talking with the hands for 1.5 s, 480 x 360, 16 frames a second, no sound."""
    return write_clip(
        media_dir / "talk.mp4",
        lambda t: Scene((Actor(DANCER, gesture(t)),), HALF_BODY),
        duration_s=1.5,
        fps=16,
        width_px=480,
        height_px=360,
    )


@pytest.fixture(scope="session")
def person_png(drawn_person: DrawnStill) -> Path:
    """Path of :func:`drawn_person`."""
    return drawn_person.path


@pytest.fixture(scope="session")
def upper_body_png(drawn_upper_body: DrawnStill) -> Path:
    """Path of :func:`drawn_upper_body`."""
    return drawn_upper_body.path


@pytest.fixture(scope="session")
def dance_mp4(drawn_dance: DrawnClip) -> Path:
    """Path of :func:`drawn_dance`."""
    return drawn_dance.path


@pytest.fixture(scope="session")
def talk_mp4(drawn_talk: DrawnClip) -> Path:
    """Path of :func:`drawn_talk`."""
    return drawn_talk.path


@pytest.fixture(scope="session")
def short_dance_mp4(media_dir: Path) -> Path:
    """A clip that is just long enough for a run, with few frames: 3.25 s, 360 x 640, 8 a second, with sound."""
    return write_clip(
        media_dir / "short-dance.mp4",
        lambda t: Scene((Actor(DANCER, dance(t)),)),
        duration_s=3.25,
        fps=8,
        width_px=360,
        height_px=640,
        sound=tune(3.25),
    ).path


@pytest.fixture
def paid_vendor(short_dance_mp4: Path) -> Iterator["PaidVendor"]:
    """A vendor whose every run costs $0.25 and comes to the short dance."""
    with PaidVendor(short_dance_mp4) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def make_clip(tmp_path: Path) -> MakeClip:
    """A function that writes a clip of 320 x 180, 24 pictures of rising brightness, one second."""

    def make(*args: Any, **how: Any) -> Path:
        with ThreadPoolExecutor(1) as own:
            return own.submit(write, *args, **how).result()

    def write(
        name: str = "clip.mp4",
        *,
        container: str | None = None,
        codec: str = "libx264",
        size: tuple[int, int] = (320, 180),
        frames: int = 24,
        fps: int = 24,
        pixel_format: str = "yuv420p",
        rotation: int | None = None,
        pixel_aspect: Fraction | None = None,
        pts: list[int] | None = None,
        sound: bool = False,
        faststart: bool = False,
        gop: int = 12,
    ) -> Path:
        path = tmp_path / name
        options = {"movflags": "+faststart"} if faststart else {}
        with av.open(str(path), "w", format=container, options=options) as out:
            video = out.add_stream(codec, rate=fps, options={"g": str(gop), "bf": "0", "sc_threshold": "0"})
            video.width, video.height, video.pix_fmt = *size, pixel_format
            if rotation is not None:
                video.set_display_rotation(rotation)
            if pixel_aspect is not None:
                video.codec_context.sample_aspect_ratio = pixel_aspect
            audio = out.add_stream("aac", rate=44100) if sound else None
            for n in range(frames):
                rgb = np.full((size[1], size[0], 3), 10 + 200 * n // max(1, frames - 1), np.uint8)
                rgb[: size[1] // 3, : size[0] // 3] = (220, 30, 30)  # a mark at the top left as coded
                frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
                frame.pts = pts[n] if pts else n
                frame.time_base = Fraction(1, fps)
                out.mux(video.encode(frame))
            out.mux(video.encode(None))
            if audio is not None:
                _silence(out, audio, frames / fps)
        return path

    return make


@pytest.fixture
def numbered_clip(tmp_path: Path) -> MakeClip:
    """A function that writes a clip of 320 x 192 whose pictures carry their numbers: eight fields, the brighter ones 1,
    from the top left in two rows, the lowest bit first."""

    def write(
        name: str,
        codec: str = "libx264",
        pixel_format: str = "yuv420p",
        *,
        times: list[int] | None = None,
        fps: int = 24,
        sound: str = "",
    ) -> Path:
        times, path = times or list(range(36)), tmp_path / name
        options = {"libx265": {"x265-params": "log-level=0"}, "libx264": {"bf": "3", "g": "12"}}
        with av.open(str(path), "w") as out:
            video = out.add_stream(codec, rate=fps, options=options.get(codec, {}))
            video.width, video.height, video.pix_fmt = 320, 192, pixel_format
            video.bit_rate = 8_000_000
            audio = out.add_stream(sound, rate=44100, layout="stereo") if sound else None
            for n, time in enumerate(times):
                bits = np.array([n >> place & 1 for place in range(8)], np.uint8).reshape(2, 4)
                rgb = np.repeat(np.kron(40 + 170 * bits, np.ones((96, 80), np.uint8))[:, :, None], 3, axis=2)
                frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixel_format)
                frame.pts, frame.time_base = time, Fraction(1, fps)
                out.mux(video.encode(frame))
            out.mux(video.encode(None))
            if audio is not None:
                _silence(out, audio, (times[-1] + 1) / fps)
        return path

    return write


def _silence(out: av.container.OutputContainer, audio: av.AudioStream, duration_s: float) -> None:
    context = audio.codec_context
    resampler = av.AudioResampler(context.format, "stereo", 44100, context.frame_size or 1024)
    for n in range(int(duration_s * 44100 / 1024) + 1):
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = 44100, n * 1024
        for part in resampler.resample(frame):
            out.mux(audio.encode(part))
    out.mux(audio.encode(None))


class PaidVendor(ThreadingHTTPServer):
    """Plays the vendor on a port of this machine: accepts every submit, and is done at once."""

    def __init__(self, video: Path) -> None:
        super().__init__(("127.0.0.1", 0), _VendorHandler)
        self.video = video.read_bytes()
        self.submits = 0
        self.rate_usd = 0.07

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _VendorHandler(BaseHTTPRequestHandler):
    server: PaidVendor

    def do_GET(self) -> None:
        if self.path.startswith("/v.mp4"):
            self.answer(self.server.video, "video/mp4")
        elif self.path.startswith("/v1/models"):
            self.tell(base_price_usd=self.server.rate_usd, price_unit="second")
        elif "status" in self.path:
            self.tell(request_id=self.path.split("/")[3], status="completed")
        else:
            video = f"{self.server.url}/v.mp4?Signature=s3cret"
            self.tell(request_id=self.path.split("/")[3], status="succeeded", output={"video": video}, cost=0.25)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.submits += 1
        self.tell(request_id=f"req-{self.server.submits}")

    def tell(self, **body: object) -> None:
        self.answer(json.dumps(body).encode(), "application/json")

    def answer(self, content: bytes, media_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass
