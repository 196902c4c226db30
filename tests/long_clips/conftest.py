"""Long clips of a dancing figure whose frames carry their numbers, and a vendor that gives back what it was sent."""

import base64
import io
import json
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from figure import tune
from figure.clip import SAMPLE_RATE

from kling_ui.media.video import read_frames

EXAMPLE = Path(__file__).parents[2] / "assets" / "examples" / "dance-full-body.mp4"
FPS = 12
SIZE = 360, 640
BITS, BIT_PX = 10, 24  # of a frame's number, along the bottom: light is 1, the lowest bit first


def stamped(rgb: np.ndarray, number: int) -> np.ndarray:
    """Write a number into the lower edge of a picture."""
    marked = rgb.copy()
    for bit in range(BITS):
        level = 200 if number >> bit & 1 else 40
        marked[-BIT_PX:, bit * BIT_PX : (bit + 1) * BIT_PX] = level
    return marked


def number_of(rgb: np.ndarray) -> int:
    """Read what :func:`stamped` wrote, in a picture of any size."""
    unit = rgb.shape[1] * BIT_PX / SIZE[0]
    row = rgb[-max(1, round(unit / 2))].mean(axis=-1)
    return sum(int(row[int((bit + 0.5) * unit)] > 120) << bit for bit in range(BITS))


def numbers(path: Path) -> list[int]:
    """Read the number of each frame of a clip."""
    return [number_of(frame.rgb) for frame in read_frames(path, container="mp4")]


def number_at(video: bytes, place: int) -> int:
    """Read the number of one frame of a clip that is in memory."""
    with av.open(io.BytesIO(video)) as opened:
        return number_of([frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0)][place])


def sound_packets(path: Path) -> list[tuple[float, bytes]]:
    """The sound of a clip as it is stored, with its times."""
    with av.open(str(path)) as opened:
        packets = [packet for packet in opened.demux(opened.streams.audio[0]) if packet.pts is not None]
        return [(round(float(packet.pts * packet.time_base), 3), bytes(packet)) for packet in packets]


def write_long(
    path: Path, duration_s: float, *, fps: int = FPS, shot_at: float | None = None, nobody: tuple[float, float] = (0, 0)
) -> Path:
    """Write the example's dance, forwards and backwards, for so long, with a tune and with numbered frames."""
    frames = [
        cv2.resize(frame.rgb, SIZE, interpolation=cv2.INTER_AREA)
        for frame in read_frames(EXAMPLE, container="mp4", every=24 // fps)
    ]
    dance = frames + frames[-2:0:-1]
    rng = np.random.default_rng(5)
    elsewhere = cv2.resize(rng.integers(0, 255, (8, 5, 3), np.uint8), SIZE, interpolation=cv2.INTER_NEAREST)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as out:
        video = out.add_stream("libx264", rate=fps, options={"crf": "18", "preset": "veryfast"})
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        video.thread_count = 1
        audio = out.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        for number in range(round(duration_s * fps)):
            time_s = number / fps
            rgb = dance[number % len(dance)]
            if shot_at is not None and time_s >= shot_at:
                rgb = np.ascontiguousarray(cv2.addWeighted(rgb, 0.6, elsewhere, 0.4, 0)[:, ::-1])
            if nobody[0] <= time_s < nobody[1]:
                rgb = elsewhere
            frame = av.VideoFrame.from_ndarray(stamped(rgb, number), format="rgb24")
            out.mux(video.encode(frame))
        out.mux(video.encode())
        samples = np.clip(tune(duration_s), -1, 1).astype(np.float32)
        for at in range(0, len(samples), 1024):
            part = av.AudioFrame.from_ndarray(samples[None, at : at + 1024], "fltp", "mono")
            part.sample_rate, part.pts, part.time_base = SAMPLE_RATE, at, Fraction(1, SAMPLE_RATE)
            out.mux(audio.encode(part))
        out.mux(audio.encode())
    return path


@pytest.fixture(scope="session")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dance of 12.5 s, which is too long for orientation image, 360 x 640, 12 frames a second, with sound."""
    return write_long(tmp_path_factory.mktemp("long") / "long.mp4", 12.5)


class EchoVendor(ThreadingHTTPServer):
    """Plays the vendor: every run comes to its own reference, changed by :attr:`change`.

    Attributes:
        change: Makes the result of a run, by its number from 1 and its reference.
        on_request: Told of each request as ``submit``, ``status``, ``result`` or ``video``, before it is answered.
        videos: What was submitted, in order.
        images: The images of the same.
        failing: Numbers of the runs that fail.
        rates_usd: Prices of a second of models that have their own.
        models: Where the runs went, in order.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _EchoHandler)
        self.lock = threading.Lock()
        self.videos: list[bytes] = []
        self.images: list[bytes] = []
        self.failing: set[int] = set()
        self.change: Callable[[int, bytes], bytes] = lambda _number, video: video
        self.on_request: Callable[[str], None] = lambda _what: None
        self.rate_usd: float | None = 0.07
        self.rates_usd: dict[str, float] = {}
        self.models: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _EchoHandler(BaseHTTPRequestHandler):
    server: EchoVendor

    def do_GET(self) -> None:
        *_, request, what = ["", *self.path.partition("?")[0].split("/")]
        if self.path.startswith("/v1/models"):
            model = self.path.removeprefix("/v1/models/")
            self.tell(base_price_usd=self.server.rates_usd.get(model, self.server.rate_usd), price_unit="second")
            return
        if what.endswith(".mp4"):
            number = int(what.removesuffix(".mp4"))
            self.server.on_request("video")
            self.answer(self.server.change(number, self.server.videos[number - 1]), "video/mp4")
            return
        self.server.on_request(what)
        number = int(request.removeprefix("req-"))
        if what == "status":
            self.tell(request_id=request, status="completed")
        elif number in self.server.failing:
            self.tell(request_id=request, status="failed", error={"type": "InputError", "message": "No."})
        else:
            self.tell(
                request_id=request, status="succeeded", output={"video": f"{self.server.url}/v/{number}.mp4"}, cost=0.5
            )

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.on_request("submit")
        self.server.models.append(self.path.removeprefix("/v1/models/"))
        with self.server.lock:
            self.server.videos.append(_content(asked["video_url"]))
            self.server.images.append(_content(asked["image_url"]))
            number = len(self.server.videos)
        self.server.on_request("submitted")
        self.tell(request_id=f"req-{number}")

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


def _content(address: str) -> bytes:
    assert address.startswith("data:")
    return base64.b64decode(address.partition(",")[2])


@pytest.fixture
def echo_vendor() -> Iterator[EchoVendor]:
    """A vendor whose runs come to their own references."""
    with EchoVendor() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def numbered() -> SimpleNamespace:
    """What writes and reads clips with numbered frames."""
    return SimpleNamespace(
        write_long=write_long,
        numbers=numbers,
        number_at=number_at,
        sound_packets=sound_packets,
        stamped=stamped,
        FPS=FPS,
    )
