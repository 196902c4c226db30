"""Whatever a reference does, a whole figure stays whole, a cut one shows no edge, and neither jumps in size."""

from dataclasses import replace

import numpy as np
import pytest

from kling_ui.options import Orientation
from kling_ui.puppet.motion.frame_pose import PuppetMotion
from kling_ui.puppet.motion.framing import ZOOM_PER_S
from kling_ui.puppet.motion.pose_stream import SmoothedMotion
from kling_ui.puppet.motion.retarget import Retargeter
from kling_ui.puppet.rig.character import Character, FaceMarks
from kling_ui.puppet.skeleton import ANKLES, DRAWING_ORDER, KNEES, SHINS, THIGHS, TOES, Joint

FPS, FRAMES = 24, 72
SIZE = WIDTH, HEIGHT = 400, 480
CROWN_PX, SOLE_PX = 26, 8
BODY_M = {
    Joint.NECK: (0, -0.5), Joint.HEAD: (0, -0.72),
    Joint.LEFT_SHOULDER: (0.18, -0.5), Joint.RIGHT_SHOULDER: (-0.18, -0.5),
    Joint.LEFT_ELBOW: (0.24, -0.22), Joint.RIGHT_ELBOW: (-0.24, -0.22),
    Joint.LEFT_WRIST: (0.26, 0.03), Joint.RIGHT_WRIST: (-0.26, 0.03),
    Joint.LEFT_HAND: (0.27, 0.12), Joint.RIGHT_HAND: (-0.27, 0.12),
    Joint.LEFT_HIP: (0.1, 0), Joint.RIGHT_HIP: (-0.1, 0),
    Joint.LEFT_KNEE: (0.11, 0.42), Joint.RIGHT_KNEE: (-0.11, 0.42),
    Joint.LEFT_ANKLE: (0.12, 0.82), Joint.RIGHT_ANKLE: (-0.12, 0.82),
    Joint.LEFT_TOE: (0.16, 0.88), Joint.RIGHT_TOE: (-0.16, 0.88),
}  # fmt: skip
REST_M = np.array([BODY_M[joint] for joint in Joint], float)
TIMES = np.linspace(0, 1, FRAMES)


def figure(px_per_m: float, hips_y: float, *, more: int = 0) -> Character:
    """A figure with an outline from crown to soles, or to the picture's lower edge and ``more`` px beyond."""
    joints = REST_M * px_per_m + (WIDTH / 2, hips_y)
    alpha = np.zeros((HEIGHT + more, WIDTH), np.float32)
    crown = round(joints[Joint.HEAD, 1]) - CROWN_PX
    soles = round(joints[list(TOES), 1].max()) + SOLE_PX
    alpha[crown : HEIGHT + more if more else soles, WIDTH // 2 - 40 : WIDTH // 2 + 40] = 1
    alpha[crown : round(joints[Joint.NECK, 1]) - 4, : WIDTH // 2 - 22] = 0
    alpha[crown : round(joints[Joint.NECK, 1]) - 4, WIDTH // 2 + 22 :] = 0
    blank = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    below = np.zeros((HEIGHT + more, WIDTH, 3), np.uint8)
    world = np.concatenate([REST_M, np.zeros((18, 1))], axis=1)
    head = tuple(joints[Joint.HEAD].tolist())
    return Character(blank, below, alpha, joints, world, np.ones(18), px_per_m, FaceMarks(head, 30.0, np.zeros(3)))


def moving(
    *,
    size: np.ndarray | float = 1.0,
    up_m: np.ndarray | float = 0.0,
    aside_m: np.ndarray | float = 0.0,
    lean: np.ndarray | float = 0.0,
    has_legs: bool = True,
) -> SmoothedMotion:
    """Somebody who comes nearer, jumps, goes aside and leans."""  # fmt: skip
    size, up_m, aside_m, lean = (
        np.broadcast_to(np.asarray(value, float), (FRAMES,)) for value in (size, up_m, aside_m, lean)
    )
    metres = np.repeat(REST_M[None], FRAMES, axis=0)
    cosine, sine = np.cos(lean)[:, None], np.sin(lean)[:, None]
    upper = metres[..., 1] < 0.2
    turned = np.stack(
        [cosine * metres[..., 0] - sine * metres[..., 1], sine * metres[..., 0] + cosine * metres[..., 1]], -1
    )
    metres = np.where(upper[..., None], turned, metres)
    heights = 0.4 * size
    points = (metres + np.stack([aside_m, -up_m], -1)[:, None]) * heights[:, None, None] + (0.4, 0.5)
    visibility = np.ones((FRAMES, 18))
    if not has_legs:
        visibility[:, [*KNEES, *ANKLES, *TOES]] = 0.05
    world = np.concatenate([metres, np.zeros((*metres.shape[:2], 1))], axis=-1)
    pace = np.linalg.norm(np.gradient(points[:, list(ANKLES)] / heights[:, None, None], axis=0), axis=-1) * FPS
    return SmoothedMotion(points, world, visibility, heights, np.zeros((FRAMES, 3)), pace, float(FPS))


WAVE = np.sin(2 * np.pi * 2 * TIMES)
MOTIONS = {
    "still": moving(),
    "comes": moving(size=1 + 2 * TIMES),
    "comes at once": moving(size=np.where(TIMES < 0.5, 1.0, 2.5)),
    "goes": moving(size=1 - 0.7 * TIMES),
    "jumps": moving(up_m=0.7 * np.maximum(WAVE, 0)),
    "sinks": moving(up_m=-0.8 * TIMES),
    "walks off": moving(aside_m=3 * TIMES),
    "upper body comes": moving(size=1 + 2 * TIMES, has_legs=False),
    "upper body sways": moving(lean=0.5 * WAVE, size=1 + 0.5 * WAVE, has_legs=False),
    "leans and goes": moving(lean=0.4 * WAVE, size=1 - 0.6 * TIMES, aside_m=WAVE),
}


def played(character: Character, motion: SmoothedMotion, parts=DRAWING_ORDER) -> PuppetMotion:
    """In stretches, as a preview is drawn."""
    retargeter = Retargeter(character, frozenset(parts), Orientation.VIDEO, motion[:FPS])
    pieces = [retargeter.move(motion[start : start + 12]) for start in range(0, FRAMES, 12)]
    return replace(
        pieces[0],
        joints=np.concatenate([piece.joints for piece in pieces]),
        scale=np.concatenate([piece.scale for piece in pieces]),
    )


@pytest.mark.parametrize("hips_y", [230, 270], ids=["room below", "tight below"])
@pytest.mark.parametrize("name", MOTIONS)
def test_a_whole_figure_stays_whole(name: str, hips_y: float):
    motion = played(figure(200.0, hips_y), MOTIONS[name])
    crown = motion.joints[:, Joint.HEAD, 1] - CROWN_PX * motion.scale
    soles = motion.joints[:, [*ANKLES, *TOES], 1].max(axis=1) + SOLE_PX * motion.scale
    assert crown.min() >= -1
    assert soles.max() <= HEIGHT + 1
    assert motion.joints[:, [*KNEES, *ANKLES], 0].min() >= 0
    assert motion.joints[:, [*KNEES, *ANKLES], 0].max() <= WIDTH


@pytest.mark.parametrize("hips_y", [330, 520], ids=["cut at the thighs", "cut at the chest"])
@pytest.mark.parametrize("name", MOTIONS)
def test_a_figure_that_is_cut_off_shows_no_edge(name: str, hips_y: float):
    more = 58
    character = figure(300.0, hips_y, more=more)
    rest = character.joints
    parts = [part for part in DRAWING_ORDER if part not in (*THIGHS, *SHINS)]
    motion = played(character, MOTIONS[name], parts)
    hips = (rest[Joint.LEFT_HIP] + rest[Joint.RIGHT_HIP]) / 2
    length = np.hypot(*(rest[Joint.NECK] - hips))
    for joints, scale in zip(motion.joints, motion.scale, strict=True):
        now = (joints[Joint.LEFT_HIP] + joints[Joint.RIGHT_HIP]) / 2
        spine = joints[Joint.NECK] - now
        up = spine / np.hypot(*spine)
        for x in (WIDTH // 2 - 40, WIDTH // 2 + 39):
            along = (hips[1] - (HEIGHT + more)) * np.hypot(*spine) / length
            place = now + along * up + (x - hips[0]) * scale * np.array([-up[1], up[0]])
            assert place[1] >= HEIGHT - 1


@pytest.mark.parametrize("name", MOTIONS)
def test_the_size_changes_no_faster_than_a_camera_could(name: str):
    scale = played(figure(120.0, 250), MOTIONS[name]).scale
    rate = np.abs(np.diff(np.log(scale))) * FPS
    assert rate.max() <= ZOOM_PER_S * 1.001
    if name in {"comes", "comes at once"}:
        assert scale[-1] > 1.15, "it still grows"


def test_a_still_reference_leaves_the_figure_where_it_is():
    character = figure(200.0, 250)
    assert np.abs(played(character, MOTIONS["still"]).joints - character.joints).max() < 0.5
