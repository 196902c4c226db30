"""How well frames are read again whose first reading is not believed: ``make bench ARGS=second_looks``.

Figures whose joints are known are drawn to clips and read as the motion match reads them. Then a seeded generator
plants faults among the readings (those of ``planted_readings`` that no exchange puts right, somebody lost, and a whole
second upside down: the first one, one in between, the last one), and the frames are looked at again. Printed are, for
each motion: how many of the faulty frames
have a believed reading afterwards, how far its joints are from the true ones, in trunk lengths, beside the same of
readings without a fault; and the processor time that the gate costs where nothing is planted, against reading poses.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from figure import Actor, Camera, Scene, write_clip

from benchmarks.planted_readings import MOTIONS, plant
from kling_ui.media.probe import sniff_video
from kling_ui.media.video import read_frames
from kling_ui.vision.plausibility import plausible_track
from kling_ui.vision.pose import HIPS, KEYPOINTS, SHOULDERS, TRACK_LONG_SIDE_PX, PoseTrack, find_poses, track_of
from kling_ui.vision.second_looks import mended_track

SECONDS, FPS, SIDE_PX = 5.0, 12, 480
TURNED_S = 1.0  # upside down
PLACES = (0.0, 0.4, 0.8)  # where in the clip, as a share
EXCHANGED = ("exchanged", "exchanged above")  # put right without a look
CAMERA = Camera(height_m=3.2)
LEFT_OUT = ("comes near", "runs past")  # of MOTIONS: they leave this camera's view


@dataclass(slots=True)
class Tally:
    """Frames and errors of one motion or of all.

    Attributes:
        faulty: Frames with a planted fault.
        kept_without: Of these, with a believed reading when nothing is looked at again.
        recovered: With one after new looks.
        errors: Mean error of the joints of these, in trunk lengths.
        usual: The same of frames without a fault.
        poses_s: Processor time of reading the poses.
        gate_s: Of looking for doubtful readings among them, and again at these.
    """

    faulty: int = 0
    kept_without: int = 0
    recovered: int = 0
    errors: list[float] = field(default_factory=list)
    usual: list[float] = field(default_factory=list)
    poses_s: float = 0.0
    gate_s: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.recovered:4} of {self.faulty:4} recovered ({self.kept_without} without looks), "
            f"error {np.mean(self.errors) if self.errors else np.nan:.3f} (p95 {_high(self.errors):.3f}), "
            f"usual {np.mean(self.usual):.3f} (p95 {_high(self.usual):.3f}); gate {self.gate_s / self.poses_s:.1%}"
        )


def main() -> None:
    """Print one row for each motion, and all together."""
    total = Tally()
    with tempfile.TemporaryDirectory() as folder:
        for seed, (name, actor_at) in enumerate(MOTIONS.items()):
            if name in LEFT_OUT:
                continue
            tally = _of_motion(actor_at, Path(folder) / f"{seed}.mp4", seed)
            print(f"{name:12} {tally}", flush=True)
            for key in Tally.__slots__:
                setattr(total, key, getattr(total, key) + getattr(tally, key))
    print(f"{'all':12} {total}")


def _of_motion(actor_at: Callable[[float], Actor], path: Path, seed: int) -> Tally:
    drawn = write_clip(
        path,
        lambda t: Scene((actor_at(t),), camera=CAMERA, backdrop="hall"),
        duration_s=SECONDS,
        fps=FPS,
        width_px=SIDE_PX,
        height_px=SIDE_PX,
        supersample=1,
    )
    truth, tally = np.asarray(drawn.joints_px)[:, 0, :, :2], Tally()
    started = time.process_time()
    track = track_of(find_poses(read_frames(path, container=sniff_video(path), long_side_px=TRACK_LONG_SIDE_PX)))
    tally.poses_s = time.process_time() - started
    started = time.process_time()
    mended_track(track, path)
    tally.gate_s = time.process_time() - started
    for place in PLACES:
        faulty_track, faulty = _with_faults(track, seed, place)
        without, found = plausible_track(faulty_track), plausible_track(mended_track(faulty_track, path))
        error = _errors(found, truth)
        tally.faulty += int(faulty.sum())
        tally.recovered += int((faulty & found.found).sum())
        tally.kept_without += int((faulty & without.found).sum())
        tally.errors += error[faulty & found.found].tolist()
        tally.usual += error[~faulty & found.found].tolist()
    return tally


def _with_faults(track: PoseTrack, seed: int, place: float) -> tuple[PoseTrack, np.ndarray]:
    """Plant faults in a track; also ``(frames,)`` bool, where a new look is needed."""
    landmarks, world_m, first = track.landmarks.copy(), track.world_m.copy(), round(place * SECONDS * FPS)
    for values in (landmarks[..., :3], world_m):  # the same faults in both
        points = np.nan_to_num(values) * SIDE_PX
        planted = plant(track.times_s, points, seed)
        turned = slice(first, first + round(TURNED_S * FPS))
        planted.points[turned], planted.fault[turned] = _upside_down(points[turned]), "upside down"
        changed = planted.fault != ""
        values[changed] = planted.points[changed] / SIDE_PX
    landmarks[~track.found], world_m[~track.found] = np.nan, np.nan
    faulty = changed & ~np.isin(planted.fault, EXCHANGED) & track.found
    return replace(track, landmarks=landmarks, world_m=world_m), faulty


def _upside_down(points: np.ndarray) -> np.ndarray:
    middle = points[:, [*SHOULDERS, *HIPS]].mean(axis=1, keepdims=True)
    return np.concatenate([(2 * middle - points)[..., :2], points[..., 2:]], axis=-1)


def _errors(track: PoseTrack, truth: np.ndarray) -> np.ndarray:
    """``(frames,)`` mean distance of the keypoints from the true ones, in trunk lengths."""
    count = min(len(truth), len(track.times_s))
    trunk = np.linalg.norm(truth[:, SHOULDERS].mean(axis=1) - truth[:, HIPS].mean(axis=1), axis=-1)
    away = np.linalg.norm(track.landmarks[:count, KEYPOINTS, :2] * SIDE_PX - truth[:count, KEYPOINTS], axis=-1)
    return away.mean(axis=1) / np.median(trunk)


def _high(values: list[float]) -> float:
    return float(np.percentile(values, 95)) if values else float("nan")


if __name__ == "__main__":
    main()
