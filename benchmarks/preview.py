"""Speed and memory of previews: end to end, against a bare pose pass and a bare decode + encode of the same frames.

    python -m benchmarks preview                         the example at 1280 x 720, five rounds
    python -m benchmarks.preview --image I --video V     another pair
    python -m benchmarks.preview --sheet OUT.png [DIR]   only a contact sheet of all pairs, of DIR or of the examples

All are timed in turn in one process whose models are loaded, as in a worker that has looked at the inputs, so that a
busy machine slows all of them; the ratios are those of a picture that is seen for the first time. The pose pass
decodes and reads poses in one thread, frame after frame. Memory is the peak of a process of its own that renders the
clip repeated to 5 s and to 30 s.
"""

import argparse
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path

from benchmarks._memory import peak_mb
from benchmarks.motion_match import write_sheet
from kling_ui.media.encode import ClipWriter
from kling_ui.media.probe import VideoFacts, probe_video
from kling_ui.media.video import open_clip, read_frames
from kling_ui.options import Resolution
from kling_ui.puppet.puppet import forget_rigs
from kling_ui.puppet.render import X264_OPTIONS, render_preview
from kling_ui.vision.pose import TRACK_LONG_SIDE_PX, find_poses, pose_detector

EXAMPLES = Path(__file__).resolve().parents[1] / "assets" / "examples"
IMAGE, VIDEO = EXAMPLES / "character-upper-body.png", EXAMPLES / "dance-full-body.mp4"
ROUNDS = 5
LENGTHS_S = (5, 30)


def main(argv: list[str] | None = None) -> None:
    """Print frames a second and processor time, both ratios (medians) and the peak memory at two lengths."""
    asked = _parse(argv or [])
    if asked.sheet is not None:
        write_sheet(asked.folder, asked.sheet)
        return
    pose_detector()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _time(asked.image, asked.video, folder)
        for length_s in LENGTHS_S:
            clip = _repeated(asked.video, folder / f"{length_s}.mp4", length_s)
            print(f"peak memory at {length_s:2} s  {_apart(_peak_mb, asked.image, clip, folder / 'out.mp4'):.0f} MB")


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.preview", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=EXAMPLES, help="pictures and clips for the sheet")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet instead")
    parser.add_argument("--image", type=Path, default=IMAGE)
    parser.add_argument("--video", type=Path, default=VIDEO)
    return parser.parse_args(argv)


def _time(image: Path, video: Path, folder: Path) -> None:
    facts = probe_video(video)
    out, copy = folder / "preview.mp4", folder / "copy.mp4"
    made = render_preview(image, video, out)  # the first one fills caches, and is the source of the bare encode
    size = made.width_px, made.height_px
    whole, again, poses, recoded = [], [], [], []
    for _ in range(ROUNDS):
        forget_rigs()
        whole.append(_spent(lambda: render_preview(image, video, out)))
        again.append(_spent(lambda: render_preview(image, video, out)))
        poses.append(_spent(lambda: _bare_poses(facts)))
        recoded.append(_spent(lambda: _bare_recode(facts, size, copy)))
    print(f"{image.stem} + {video.stem}: {made.frames} frames at {size[0]} x {size[1]}, medians of {ROUNDS}")
    for name, rounds in (
        ("preview", whole),
        ("same picture again", again),
        ("bare pose pass", poses),
        ("bare decode + encode", recoded),
    ):
        wall_s, processor_s = (statistics.median(values) for values in zip(*rounds, strict=True))
        print(
            f"{name:20}  {made.frames / wall_s:6.1f} frames/s, {processor_s / made.frames * 1000:5.1f} ms of processor"
            " a frame"
        )
    print(f"time against the pose pass        {_ratio(whole, poses):.2f} (aim: at most 0.55)")
    print(f"time against decode + encode      {_ratio(whole, recoded):.2f}")


def _ratio(ours: list[tuple[float, float]], theirs: list[tuple[float, float]]) -> float:
    """The median of the ratios round by round, which the machine's other work moves least."""
    return statistics.median(mine[0] / other[0] for mine, other in zip(ours, theirs, strict=True))


def _spent(work: Callable[[], object]) -> tuple[float, float]:
    """Wall time and the processor time of all threads, in seconds."""
    started, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - used


def _bare_poses(facts: VideoFacts) -> None:
    for _ in find_poses(read_frames(facts.path, container=facts.format, long_side_px=TRACK_LONG_SIDE_PX)):
        pass


def _bare_recode(facts: VideoFacts, size: tuple[int, int], out: Path) -> None:
    with (
        ClipWriter(out, fps=_rate(facts), size=size, x264_options=X264_OPTIONS) as writer,
        open_clip(facts.path, container=facts.format) as (opened, stream),
    ):
        for decoded in opened.decode(stream):
            writer.write_frame(decoded.reformat(*size, format="yuv420p"))


def _rate(facts: VideoFacts) -> Fraction:
    return Fraction(facts.fps).limit_denominator(1001)


def _repeated(video: Path, out: Path, length_s: float) -> Path:
    """The clip again and again, to this length."""
    facts = probe_video(video)
    frames = list(read_frames(video, container=facts.format, long_side_px=max(Resolution.P720.sides_px)))
    height, width = frames[0].rgb.shape[:2]
    with ClipWriter(out, fps=_rate(facts), size=(width // 2 * 2, height // 2 * 2)) as writer:
        for frame in islice(cycle(frames), round(length_s * facts.fps)):
            writer.write(frame.rgb[: height // 2 * 2, : width // 2 * 2].copy())
    return out


def _apart(work: Callable[..., float], *args: object) -> float:
    """Do work in a new process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, args)


def _peak_mb(image: Path, video: Path, out: Path) -> float:
    render_preview(image, video, out)
    return peak_mb()


if __name__ == "__main__":
    main(sys.argv[1:])
