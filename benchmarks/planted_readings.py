"""How many wrong readings of poses are found, and how many right ones are lost: ``make bench ARGS=planted_readings``.

The poses are those of drawn figures, whose joints are known, in motions that are easily taken for errors: pirouettes,
cartwheels, handstands, views of the back, lying down. A seeded generator plants what pose models get wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from figure import Actor, Camera, Scene, dance, gesture
from figure.cast import DANCER, MAYA
from figure.scene import true_joints

from kling_ui.vision.plausibility import Readings, ReadingSearch, exchanged
from kling_ui.vision.pose import HIPS, SHOULDERS

SECONDS = 6.0
RATES = (12.0, 24.0, 30.0)  # frames a second: what the motion match watches, and what the preview does
NOISE = 0.02  # trunk lengths, of every joint in every frame
DEPTH_NOISE = 1.5  # times that: depth is guessed
SIDE_PX = 1000
SEEDS = 3
BOTH = 3  # upper and lower half exchanged
UPPER = 1
_WIDE = Camera(height_m=4.5)


@dataclass(frozen=True, slots=True)
class Planted:
    """A track with faults.

    Attributes:
        times_s: ``(frames,)``.
        points: ``(frames, 33, 3)`` pixels; NaN where nobody is found.
        fault: ``(frames,)`` name of what was planted; empty where the reading is right.
        way: ``(frames,)`` what would put the reading right, if an exchange does; else 0.
    """

    times_s: np.ndarray
    points: np.ndarray
    fault: np.ndarray
    way: np.ndarray


def _ramp(t_s: float, start_s: float, lasts_s: float) -> float:
    """Go smoothly from 0 to 1."""
    share = min(1.0, max(0.0, (t_s - start_s) / lasts_s))
    return share * share * (3 - 2 * share)


MOTIONS: dict[str, Callable[[float], Actor]] = {
    "dance": lambda t: Actor(DANCER, dance(t)),
    "gesture": lambda t: Actor(MAYA, gesture(t)),
    "pirouette": lambda t: Actor(DANCER, gesture(0.0), turn_deg=360 * 2.5 * _ramp(t, 1.5, 2.5)),
    "turns round": lambda t: Actor(DANCER, dance(t), turn_deg=180 * _ramp(t, 1.5, 0.8)),
    "back view": lambda t: Actor(DANCER, dance(t), turn_deg=180),
    "side view": lambda t: Actor(DANCER, dance(t), turn_deg=90 + 8 * np.sin(4 * t)),
    "cartwheel": lambda t: Actor(DANCER, gesture(0.0), tilt_deg=360 * _ramp(t, 2.0, 1.4), x_m=_ramp(t, 2.0, 1.4)),
    "handstand": lambda t: Actor(DANCER, gesture(t), tilt_deg=180 * (_ramp(t, 1.0, 0.8) - _ramp(t, 3.8, 0.8))),
    "lies down": lambda t: Actor(MAYA, gesture(t), tilt_deg=90 * (_ramp(t, 1.0, 0.9) - _ramp(t, 4.2, 0.9))),
    "lying": lambda t: Actor(MAYA, gesture(t), tilt_deg=90),
    "jumps": lambda t: Actor(DANCER, dance(t), lift_m=max(0.0, 0.5 * np.sin(5 * t))),
    "runs past": lambda t: Actor(DANCER, dance(2 * t), x_m=3.5 * np.sin(1.2 * t)),
    "comes near": lambda t: Actor(MAYA, gesture(t), scale=0.5 + 0.12 * t),
}


def motion(name: str, fps: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The true joints of a motion with a detector's noise: times, and ``(frames, 33, 3)`` pixels: x, y, depth."""
    times_s = np.arange(round(SECONDS * fps)) / fps
    actors = (MOTIONS[name](float(t_s)) for t_s in times_s)
    joints = [true_joints(Scene((actor,), camera=_WIDE), width_px=SIDE_PX, height_px=SIDE_PX)[0] for actor in actors]
    points = np.array(joints)
    noise = np.random.default_rng(seed).normal(0, NOISE * _trunk_px(points), points.shape) * (1, 1, DEPTH_NOISE)
    return times_s, points + noise


def _trunk_px(points: np.ndarray) -> float:
    return float(np.median(np.linalg.norm(points[:, SHOULDERS].mean(axis=1) - points[:, HIPS].mean(axis=1), axis=-1)))


def plant(times_s: np.ndarray, points: np.ndarray, seed: int) -> Planted:
    """Plant each fault at least once, in about a third of the frames."""
    chance = np.random.default_rng(seed + 1000)
    points, fault = points.copy(), np.full(len(times_s), "", object)
    way, fps = np.zeros(len(times_s), int), 1 / (times_s[1] - times_s[0])
    spans = [
        ("exchanged", 1.0, partial(_exchange, way=BOTH), BOTH),
        ("exchanged above", 0.6, partial(_exchange, way=UPPER), UPPER),
        ("upside down", 0.3, _upside_down, 0),
        ("collapsed", 0.15, _collapse, 0),
        ("ghost", 0.25, _ghost, 0),
        ("nobody", 0.3, _nobody, 0),
    ]
    places = chance.permutation(len(spans)) * len(times_s) // len(spans)
    for (name, lasts_s, change, right), place in zip(spans, places, strict=True):
        count = max(1, round(chance.uniform(0.3, 1.0) * min(lasts_s, 0.6 * SECONDS / len(spans)) * fps))
        first = place + int(chance.integers(1, max(2, len(times_s) // len(spans) - count)))
        chosen = slice(first, min(first + count, len(times_s)))
        points[chosen] = change(points[chosen])
        fault[chosen], way[chosen] = name, right
    return Planted(times_s, points, fault, way)


def _exchange(points: np.ndarray, *, way: int) -> np.ndarray:
    return np.array([exchanged(row, way) for row in points])


def _upside_down(points: np.ndarray) -> np.ndarray:
    middle = points[:, [*SHOULDERS, *HIPS]].mean(axis=1, keepdims=True)
    return np.concatenate([(2 * middle - points)[..., :2], points[..., 2:]], axis=-1)


def _collapse(points: np.ndarray) -> np.ndarray:
    return (points + _exchange(points, way=BOTH)) / 2


def _ghost(points: np.ndarray) -> np.ndarray:
    return 0.45 * (points - points[:, :1]) + (0.12 * SIDE_PX, 0.3 * SIDE_PX, 0)


def _nobody(points: np.ndarray) -> np.ndarray:
    return np.full_like(points, np.nan)


@dataclass(slots=True)
class Counts:
    """Frames counted.

    Attributes:
        faulty: With a planted fault.
        found: Of these, put right or not believed.
        right: Without.
        lost: Of these, not believed or changed.
    """

    faulty: int = 0
    found: int = 0
    right: int = 0
    lost: int = 0

    def add(self, planted: Planted, readings: Readings, name: str = "") -> None:
        """Count one track; ``name`` counts the faults of one kind only."""
        seen = ~np.isnan(planted.points[:, 0, 0])
        faulty = seen & (planted.fault != "") & ((planted.fault == name) | (not name))
        mended = ~readings.believed | ((planted.way > 0) & (readings.way == planted.way))
        right = seen & (planted.fault == "")
        self.faulty += int(faulty.sum())
        self.found += int((faulty & mended).sum())
        self.right += int(right.sum())
        self.lost += int((right & (~readings.believed | (readings.way != 0))).sum())


def readings_of(times_s: np.ndarray, points: np.ndarray) -> Readings:
    """What is believed of ``(frames, 33, 3)`` points."""
    search = ReadingSearch()
    for time_s, row in zip(times_s, points, strict=True):
        search.add(float(time_s), row[:, :2], row - row[HIPS].mean(axis=0))
    return search.readings()


FAULTS = ("exchanged", "exchanged above", "upside down", "collapsed", "ghost")


def main() -> None:
    """Print one row for each motion and rate: faults found, right frames lost, and right frames lost without faults."""
    total, clean = Counts(), Counts()
    kinds = {name: Counts() for name in FAULTS}
    for name in MOTIONS:
        for fps in RATES:
            own, own_clean = Counts(), Counts()
            for seed in range(SEEDS):
                times_s, points = motion(name, fps, seed)
                planted = plant(times_s, points, seed)
                readings = readings_of(times_s, planted.points)
                for counts in (own, total):
                    counts.add(planted, readings)
                for kind, counts in kinds.items():
                    counts.add(planted, readings, kind)
                whole = Planted(times_s, points, np.full(len(times_s), "", object), np.zeros(len(times_s), int))
                for counts in (own_clean, clean):
                    counts.add(whole, readings_of(times_s, points))
            print(f"{name:12} {fps:2.0f} a second: {_words(own)}; without faults {own_clean.lost} of {own_clean.right}")
    for kind, counts in kinds.items():
        print(f"{kind}: {counts.found} of {counts.faulty} found")
    print(f"all: {_words(total)}; without faults {clean.lost} of {clean.right} lost")


def _words(counts: Counts) -> str:
    found, lost = counts.found / max(1, counts.faulty), counts.lost / max(1, counts.right)
    faults = f"{counts.found} of {counts.faulty} faults found ({found:.1%})"
    return f"{faults}, {counts.lost} of {counts.right} lost ({lost:.1%})"


if __name__ == "__main__":
    main()
