"""Long clips joined from previews of their pieces: ``make bench ARGS=long_clips``.

The example's dance, forwards and backwards for half a minute to two minutes, is cut, run and joined. Printed are the
frames that went in and came out, how late the joined figure is in the seconds around each seam, how many seams are
plain cuts, and how well the whole follows beside its worst piece, with either orientation.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path

import av
import cv2
import numpy as np
from figure import tune
from figure.clip import SAMPLE_RATE

from kling_ui import LongRunResult, Settings, run_long
from kling_ui.media.probe import probe_video
from kling_ui.media.video import read_frames
from kling_ui.options import Orientation
from kling_ui.scoring.compare import TrackedClip, load_tracked_clip
from kling_ui.scoring.motion import find_shift
from kling_ui.vision.pose import PoseTrack

EXAMPLES = Path(__file__).parents[1] / "assets" / "examples"
LENGTHS_S = (33.0, 60.0, 120.0)
FPS, SIZE = 12, (360, 640)
AROUND_S = 4.0  # of a seam
IS_LONG = True


def write_dance(path: Path, duration_s: float) -> Path:
    """Write the example's dance, forwards and backwards, for so long, with a tune."""
    read = read_frames(EXAMPLES / "dance-full-body.mp4", container="mp4", every=24 // FPS)
    frames = [cv2.resize(frame.rgb, SIZE, interpolation=cv2.INTER_AREA) for frame in read]
    dance = np.stack(frames + frames[-2:0:-1]).astype(np.uint8)
    with av.open(str(path), "w", format="mp4") as out:
        video = out.add_stream("libx264", rate=FPS, options={"crf": "18", "preset": "veryfast"})
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        audio = out.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        for number in range(round(duration_s * FPS)):
            out.mux(video.encode(av.VideoFrame.from_ndarray(dance[number % len(dance)], format="rgb24")))
        out.mux(video.encode())
        samples = np.clip(tune(duration_s), -1, 1).astype(np.float32)
        for at in range(0, len(samples), 1024):
            part = av.AudioFrame.from_ndarray(samples[None, at : at + 1024], "fltp", "mono")
            part.sample_rate, part.pts, part.time_base = SAMPLE_RATE, at, Fraction(1, SAMPLE_RATE)
            out.mux(audio.encode(part))
        out.mux(audio.encode())
    return path


def lags_at_seams(result: LongRunResult, reference: TrackedClip, made: TrackedClip) -> list[float | None]:
    """How late the joined figure is around each seam, in frames; ``None`` where that cannot be told."""
    plan, lags = result.plan.plan, []
    for seam in result.joined.seams if result.joined else ():
        middle_s = plan.seconds(seam.from_frame + seam.to_frame) / 2
        shift = find_shift(_around(reference.track, middle_s), _around(made.track, middle_s))
        lags.append(None if shift is None else shift.late_s * float(plan.fps))
    return lags


def _around(track: PoseTrack, middle_s: float) -> PoseTrack:
    near = np.abs(track.times_s - middle_s) <= AROUND_S
    return replace(track, times_s=track.times_s[near], landmarks=track.landmarks[near], world_m=track.world_m[near])


def main(*options: str) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, nargs="*", default=LENGTHS_S)
    parser.add_argument("--orientations", nargs="*", default=list(Orientation), help="video, image or both")
    asked = parser.parse_args(options)
    print("| clip | pieces | frames in, out | lag at seams, frames | cuts | score, worst piece | held | took |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as scratch:
        for length_s, orientation in product(asked.seconds, asked.orientations):
            print(_row(length_s, orientation, Path(scratch)), flush=True)


def _row(length_s: float, orientation: str, folder: Path) -> str:
    clip, began = write_dance(folder / f"dance-{length_s:.0f}.mp4", length_s), time.monotonic()
    settings = Settings.from_env({"KLING_UI_DATA_DIR": str(folder / "data")})
    image, out = EXAMPLES / "character-full-body.png", folder / "out"
    result = run_long(image, clip, orientation=orientation, out=out, settings=settings)
    took_s = time.monotonic() - began
    if result.video is None:
        return f"| {length_s:.0f} s, {orientation} | {result.message} |"
    seams = result.joined.seams if result.joined else ()
    cuts = f"{sum(seam.is_cut for seam in seams)} of {len(seams)}"
    lags = lags_at_seams(result, load_tracked_clip(clip), load_tracked_clip(result.video))
    said = ", ".join("-" if lag is None else f"{lag:+.2f}" for lag in lags)
    scores = [piece.run.motion_match or 0.0 for piece in result.pieces if piece.run]
    held_s = sum(part.end_s - part.start_s for part in result.held)
    frames = f"{probe_video(clip).frame_count}, {probe_video(result.video).frame_count}"
    score = f"{result.motion_match:.1f}, {min(scores):.1f}" if result.motion_match is not None else "-"
    clip_and_pieces = f"{length_s:.0f} s, {orientation} | {len(result.pieces)}"
    return f"| {clip_and_pieces} | {frames} | {said} | {cuts} | {score} | {held_s:.1f} s | {took_s:.0f} s |"
