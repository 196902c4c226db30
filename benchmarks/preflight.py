"""What a verdict costs: against one bare decode of the clip, and one decode and one pose of the picture.

The aims are ratios of processor time of at most 0.6 for a clip of 30 s (1080p, 30 frames a second, H.264), of which
decoding its reference frames takes 0.38, scaling them 0.07 and reading the poses of 14 moments 0.17, and 1.2 for a
picture. What is compared runs in turn in the same minutes; the wall time of a busy machine is not all our own.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image

from benchmarks._memory import forget_peak, peak_mb, resident_mb
from kling_ui.checks.preflight import judge
from kling_ui.media.probe import probe_image, probe_video
from kling_ui.vision.analysis import analyse_image, analyse_video, load_all_models
from kling_ui.vision.pose import pose_detector

EXAMPLES = Path(__file__).resolve().parents[1] / "assets" / "examples"
ROUNDS = 5
SECONDS = 30
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Cost:
    """Time of one run, in seconds."""

    wall_s: float
    cpu_s: float


def main() -> None:
    """Print medians side by side and their ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        load_all_models()
        _compare_clip(_clip(folder, "clip.mp4", ["-crf", "23", "-preset", "fast"], grain=4), folder)
        _compare_picture(folder)
        large = _clip(folder, "large.mp4", ["-b:v", "23.5M", "-preset", "ultrafast"], grain=30)
        _memory(large)
        _facts([_picture(folder), folder / "clip.mp4", large])


def measure_memory(path: Path) -> None:
    """Print the memory of this process with its models, and its peak during a look, in MB; for a process of its own."""
    load_all_models()
    forget_peak()
    before = resident_mb()
    with tempfile.TemporaryDirectory() as folder:
        analyse_video(path, Path(folder))
    print(before, peak_mb())


def _compare_clip(clip: Path, folder: Path) -> None:
    bare, ours = [], []
    for turn in range(ROUNDS + 1):
        bare.append(_cost(_ffmpeg, "-i", str(clip), "-f", "null", "-"))
        ours.append(_cost(_judge_clip, clip, folder / f"clip{turn}"))
    print(f"{clip.stat().st_size / MB:.0f} MB clip, {SECONDS} s, 1080 x 1920 px")
    _tell("bare ffmpeg decode", "full verdict", bare[1:], ours[1:], aim=0.6)


def _compare_picture(folder: Path) -> None:
    for path in (EXAMPLES / "character-full-body.png", _picture(folder)):
        bare, ours = [], []
        for turn in range(ROUNDS + 1):
            bare.append(_cost(_decode_and_pose, path))
            ours.append(_cost(_judge_picture, path, folder / f"{path.stem}{turn}"))
        facts = probe_image(path)
        print(f"{facts.format.upper()} picture, {facts.width_px} x {facts.height_px} px")
        _tell("one decode, one pose", "full verdict", bare[1:], ours[1:], aim=1.2)


def _memory(clip: Path) -> None:
    code = f"from benchmarks.preflight import *; measure_memory(Path({str(clip)!r}))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    idle_mb, peak_mb = (float(word) for word in said[-2:])
    print(f"{clip.stat().st_size / MB:.0f} MB clip: peak memory {peak_mb:.0f} MB, of which {idle_mb:.0f} MB are models")


def _facts(paths: list[Path]) -> None:
    for path in paths:
        probe = probe_image if path.suffix in {".png", ".jpg"} else probe_video
        costs = [_cost(probe, path).wall_s for _ in range(ROUNDS)]
        print(f"facts of {path.name}, {path.stat().st_size / MB:.1f} MB: {statistics.median(costs) * 1000:.0f} ms")


def _tell(bare_name: str, name: str, bare: list[Cost], ours: list[Cost], *, aim: float) -> None:
    wall = [statistics.median(cost.wall_s for cost in costs) for costs in (bare, ours)]
    cpu = [statistics.median(cost.cpu_s for cost in costs) for costs in (bare, ours)]
    print(f"  {bare_name:22} median {wall[0]:.2f} s of {len(bare)}, CPU {cpu[0]:.2f} s")
    print(f"  {name:22} median {wall[1]:.2f} s of {len(ours)}, CPU {cpu[1]:.2f} s")
    print(f"  {'ratio':22} {wall[1] / wall[0]:.2f}, CPU {cpu[1] / cpu[0]:.2f} (aim: at most {aim:.1f})")


def _judge_clip(path: Path, folder: Path) -> None:
    judge(None, analyse_video(path, folder))


def _judge_picture(path: Path, folder: Path) -> None:
    judge(analyse_image(path, folder), None)


def _cost(run: Callable[..., object], *args: object) -> Cost:
    wall_s, cpu_s = time.perf_counter(), _cpu_s()
    run(*args)
    return Cost(time.perf_counter() - wall_s, _cpu_s() - cpu_s)


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _decode_and_pose(path: Path) -> None:
    with Image.open(path) as image:
        rgb = np.asarray(image.convert("RGB"))
    reader = pose_detector()
    reader.read(rgb, reader.candidates(rgb)[0])


def _picture(folder: Path) -> Path:
    """The example as large as a phone takes pictures."""
    path = folder / "large.jpg"
    if not path.exists():
        with Image.open(EXAMPLES / "character-full-body.png") as image:
            image.convert("RGB").resize((3000, 4000)).save(path, quality=90)
    return path


def _clip(folder: Path, name: str, options: list[str], *, grain: int) -> Path:
    """The example dance with film grain, which real clips have; it repeats itself without a jump."""
    once, path = folder / f"once-{name}", folder / name
    source, look = str(EXAMPLES / "dance-full-body.mp4"), f"fps=30,scale=1080:1920,noise=alls={grain}:allf=t"
    _ffmpeg("-i", source, "-vf", look, "-c:v", "libx264", *options, "-pix_fmt", "yuv420p", "-an", str(once))
    _ffmpeg("-stream_loop", "-1", "-i", str(once), "-c", "copy", "-t", str(SECONDS), str(path))
    return path


def _ffmpeg(*words: str) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", *words], check=True)


if __name__ == "__main__":
    main()
