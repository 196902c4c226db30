"""What the figures do over time: key poses on the beat, joined smoothly; times in seconds."""

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np

from figure.mesh import smooth_rows
from figure.skeleton import Pose, pair

BEATS_PER_MINUTE = 100
DANCE_S = 6.0
GESTURE_S = 4.0
STEP_HEIGHT = 0.03  # how far a foot that moves over the floor is lifted, in statures
Keys = list[tuple[float, Pose]]


def mirror(pose: Pose) -> Pose:
    """The same pose with left and right exchanged."""
    flip, spin = np.array([-1, 1, 1]), np.array([1, -1, -1])
    return Pose(
        pose.hips * flip,
        pose.hips_turn * spin,
        pose.chest * spin,
        pose.head * spin,
        pose.hands[::-1],
        pose.elbows[::-1],
        pose.twists[::-1],
        pose.feet[::-1],
        pose.toes[::-1],
    )


def between(keys: Keys, length: float, at: float) -> Pose:
    """The pose at a place of a loop of key poses; what neighbours share stays still, so planted feet do not slide."""
    rows = [(place, *_flat(pose)) for place, pose in keys]
    loop = [(row[0] + turn * length, *row[1:]) for turn in (-1, 0, 1) for row in rows]
    values = smooth_rows(loop, np.array([at % length]))[0]
    shapes = {name: np.shape(getattr(keys[0][1], name)) for name in _names()}
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])[:-1]
    parts = np.split(values, ends)
    return Pose(**{name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)})


def _names() -> list[str]:
    return [field.name for field in fields(Pose)]


def _flat(pose: Pose) -> np.ndarray:
    return np.concatenate([np.ravel(getattr(pose, name)) for name in _names()])


def stepping(motion: Callable[[float], Pose], t_s: float) -> Pose:
    """A motion with its feet lifted while they move over the floor."""
    before, now, after = (motion(t_s + shift) for shift in (-0.02, 0.0, 0.02))
    speed = np.linalg.norm((after.feet - before.feet)[:, [0, 2]], axis=1) / 0.04
    feet = now.feet.copy()
    feet[:, 1] += STEP_HEIGHT * (1 - np.exp(-((speed / 0.12) ** 2)))
    return replace(now, feet=feet)


def _stance(*, left: float = 0.09, right: float = 0.09, **changes: np.ndarray) -> Pose:
    feet = np.array([[left, 0.045, 0.0], [right, 0.045, 0.0]])
    return replace(Pose(hips=np.array([0, 0.012, 0]), feet=feet), **changes)


def _dance_keys() -> Keys:
    low = _stance(
        hands=pair(0.50, -0.62, 0.30), elbows=pair(0.8, -0.4, -0.8), twists=pair(0.3, 0.1), hips=np.array([0, 0.03, 0])
    )
    step = _stance(
        left=0.17,
        hips=np.array([0.055, 0.035, 0]),
        hips_turn=np.array([0, 0, 0.06]),
        chest=np.array([0.04, -0.1, -0.10]),
        head=np.array([0, 0.06, 0.06]),
        hands=np.array([[0.56, 0.36, 0.36], [0.22, -0.60, 0.42]]),
        elbows=np.array([[0.7, -1.0, -0.1], [1.0, -0.3, -0.4]]),
        twists=np.array([[0.4, 0.0], [0.3, 0.2]]),
    )
    out = _stance(hands=pair(0.66, -0.06, 0.30), elbows=pair(0.5, -0.9, -0.4), twists=pair(0.6, 0.0))
    sway = _stance(
        hips=np.array([0.05, 0.02, 0]),
        hips_turn=np.array([0, 0.05, 0.09]),
        chest=np.array([0, 0, -0.24]),
        head=np.array([-0.06, 0, 0.10]),
        hands=np.array([[0.12, 0.88, 0.15], [0.60, 0.62, 0.15]]),
        elbows=pair(1.0, 0.1, -0.2),
        twists=pair(0.2, -0.1),
    )
    turn = replace(low, hips_turn=np.array([0, 0.5, 0]), chest=np.array([0, 0.2, 0]), head=np.array([0, -0.35, 0]))
    knee = _stance(
        hips=np.array([-0.055, 0.0, 0]),
        feet=np.array([[0.06, 0.27, 0.10], [0.045, 0.045, 0.0]]),
        toes=np.array([[0.15, 0.45], [0.2, 0.0]]),
        chest=np.array([0.06, 0.18, 0.06]),
        hands=np.array([[0.50, -0.58, 0.30], [0.52, 0.36, 0.40]]),
        elbows=np.array([[0.9, -0.4, -0.7], [0.7, -0.9, -0.1]]),
        twists=np.array([[0.2, 0.2], [0.3, 0.1]]),
    )
    poses = [low, step, mirror(step), out, sway, mirror(sway), turn, knee, mirror(turn), mirror(knee)]
    return list(enumerate(poses))


def dance(t_s: float) -> Pose:
    """A loop of :data:`DANCE_S`: side steps, waves above the head with swaying hips, half turns and knee lifts."""
    beats_a_second = BEATS_PER_MINUTE / 60
    keys = _dance_keys()
    return stepping(lambda t: between(keys, DANCE_S * beats_a_second, t * beats_a_second), t_s)


def gesture(t_s: float) -> Pose:
    """A loop of :data:`GESTURE_S`: somebody explains with both hands, nods and shifts a little."""
    rest = Pose(hands=pair(0.20, -0.64, 0.38), elbows=pair(1.0, -0.5, -0.6), twists=pair(0.35, 0.1))
    wide = replace(
        rest,
        hands=pair(0.56, -0.38, 0.38),
        elbows=pair(0.8, -0.8, -0.5),
        twists=pair(1.0, -0.1),
        head=np.array([-0.04, 0.0, 0.05]),
        chest=np.array([-0.02, 0.0, 0.02]),
    )
    raised = replace(
        rest,
        hands=np.array([[0.46, 0.22, 0.42], [0.20, -0.64, 0.38]]),
        elbows=np.array([[0.8, -1.0, -0.2], [1.0, -0.5, -0.6]]),
        twists=np.array([[0.4, 0.0], [0.35, 0.1]]),
        head=np.array([0.05, -0.12, 0.03]),
        chest=np.array([0.02, -0.06, 0.03]),
    )
    keys = [(0.0, rest), (0.7, wide), (1.4, rest), (2.1, raised), (2.8, rest), (3.4, mirror(raised))]
    return between(keys, GESTURE_S, t_s)


def offering() -> Pose:
    """A still pose for a portrait to the waist: both hands open, away from the body."""
    return Pose(
        hands=pair(0.60, -0.42, 0.26),
        elbows=pair(0.25, -1.0, -0.5),
        twists=pair(1.1, -0.1),
        head=np.array([0.0, 0.03, 0.04]),
    )
