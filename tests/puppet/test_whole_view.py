"""All that is drawn of a whole figure stays in the picture, also raised and stretched arms, and it is never hurried."""

from dataclasses import replace

import numpy as np
import pytest

from kling_ui.options import Orientation
from kling_ui.puppet.motion.frame_pose import FramePose, PuppetMotion
from kling_ui.puppet.motion.framing import ZOOM_PER_S
from kling_ui.puppet.motion.pose_stream import SmoothedMotion
from kling_ui.puppet.motion.retarget import Retargeter
from kling_ui.puppet.motion.whole_view import LOOK_S, Foresight
from kling_ui.puppet.puppet import Puppet
from kling_ui.puppet.rig.character import Character
from kling_ui.puppet.skeleton import Joint

FPS, FRAMES, STRETCH, AHEAD = 24, 84, 12, 15
AROUND_PX = 200
RAISED, SPREAD = np.radians(165), np.radians(85)
HANGING = 0.2  # radians away from the body
LEAST_PX = 8  # of the figure's soft rim; a hand has some 200
ARMS = (
    (1, Joint.LEFT_SHOULDER, (Joint.LEFT_ELBOW, Joint.LEFT_WRIST, Joint.LEFT_HAND)),
    (-1, Joint.RIGHT_SHOULDER, (Joint.RIGHT_ELBOW, Joint.RIGHT_WRIST, Joint.RIGHT_HAND)),
)


@pytest.fixture(scope="module")
def puppet(character: Character) -> Puppet:
    return Puppet(character)


def lifting(character: Character, turn: float, *, jump_m: float = 0.0, grows: float = 0.0) -> SmoothedMotion:
    """The character with hanging arms; after a second they go outwards and up, and half a second later down again."""
    times = np.arange(FRAMES) / FPS
    share = np.interp(times, [1.0, 1.5, 2.0, 2.5], [0, 1, 1, 0])
    metres = np.repeat((character.joints / character.px_per_m)[None], FRAMES, axis=0)
    for side, shoulder, joints in ARMS:
        for joint in joints:
            way = metres[:, joint] - metres[:, shoulder]
            angle = np.pi / 2 - side * (HANGING + share * turn)
            metres[:, joint] = metres[:, shoulder] + np.linalg.norm(way, axis=1)[:, None] * np.stack(
                [np.cos(angle), np.sin(angle)], axis=-1
            )
    metres[..., 1] -= (jump_m * share)[:, None]
    heights = character.px_per_m / character.size[1] * (1 + grows * times)
    world = np.concatenate([metres, np.zeros((FRAMES, len(Joint), 1))], axis=-1)
    return SmoothedMotion(
        metres * heights[:, None, None], world, np.ones((FRAMES, len(Joint))), heights, np.zeros((FRAMES, 3)),
        np.zeros((FRAMES, 2)), float(FPS),
    )  # fmt: skip


def played(
    character: Character, puppet: Puppet, motion: SmoothedMotion, orientation: Orientation, *, sees_all: bool = True
) -> PuppetMotion:
    """In stretches, each with what comes after it, as a preview is drawn."""
    outlines = puppet.outlines if sees_all else None
    retargeter = Retargeter(character, puppet.parts, orientation, motion[:FPS], held=puppet.held, outlines=outlines)
    pieces = [
        retargeter.move(motion[start : start + STRETCH + AHEAD], min(STRETCH, FRAMES - start))
        for start in range(0, FRAMES, STRETCH)
    ]
    fields = ("joints", "scale", "face", "arms_behind", "right_over", "turned")
    return PuppetMotion(*(np.concatenate([getattr(piece, name) for piece in pieces]) for name in fields))


def outside(puppet: Puppet, character: Character, motion: PuppetMotion) -> list[int]:
    """For every third frame, how many px of the figure lie outside the picture."""
    width, height = character.size
    ground = np.full((height + 2 * AROUND_PX, width + 2 * AROUND_PX, 3), 128, np.uint8)
    ground[..., 0] = 90
    counts = []
    for index in range(0, FRAMES, 3):
        pose = FramePose.of(motion, index)
        drawn = puppet.draw(replace(pose, joints=pose.joints + AROUND_PX), np.empty_like(ground), ground=ground)
        differs = np.abs(drawn.astype(int) - ground).max(axis=-1) > 24
        differs[AROUND_PX:-AROUND_PX, AROUND_PX:-AROUND_PX] = False
        counts.append(int(differs.sum()))
    return counts


@pytest.mark.parametrize("orientation", list(Orientation))
@pytest.mark.parametrize(
    "moves",
    [{"turn": RAISED}, {"turn": SPREAD}, {"turn": RAISED, "jump_m": 0.3}, {"turn": RAISED, "grows": 0.05}],
    ids=["raised", "spread", "raised in a jump", "raised while coming"],
)
def test_raised_hands_stay_in_the_picture(
    character: Character, puppet: Puppet, orientation: Orientation, moves: dict[str, float]
):
    motion = lifting(character, **moves)
    before = played(character, puppet, motion, orientation, sees_all=False)
    assert max(outside(puppet, character, before)) > 50, "the arms of this motion leave the picture"
    shown = played(character, puppet, motion, orientation)
    assert max(outside(puppet, character, shown)) <= LEAST_PX
    rate = np.abs(np.diff(np.log(shown.scale))) * FPS
    assert rate.max() <= ZOOM_PER_S * 1.001
    assert shown.scale[0] == pytest.approx(1, abs=0.01), "it begins as the picture shows it"
    assert shown.joints[0] == pytest.approx(before.joints[0], abs=1)


def test_what_fits_is_left_alone(character: Character, puppet: Puppet):
    motion = lifting(character, np.radians(10))
    shown, before = (
        played(character, puppet, motion, Orientation.VIDEO, sees_all=sees_all) for sees_all in (True, False)
    )
    assert np.array_equal(shown.scale, before.scale)
    assert np.allclose(shown.joints, before.joints)


def test_needs_are_met_when_they_come_and_forgotten_slowly():
    needs = np.zeros((120, 1))
    needs[40:50] = 0.3
    ahead = Foresight(FPS)
    whole = ahead.ease(ahead.most(needs), 120, fading=0.1 / FPS)
    pieces, eased = Foresight(FPS), []
    for start in range(0, 120, STRETCH):
        seen = needs[start : start + STRETCH + AHEAD]
        eased.append(pieces.ease(pieces.most(seen), STRETCH, fading=0.1 / FPS)[:STRETCH])
    assert np.concatenate(eased) == pytest.approx(whole)
    assert (whole >= needs - 1e-9).all()
    assert whole[:20].max() == 0, "nothing is known so early"
    assert np.diff(whole, axis=0).max() <= 0.3 / round(LOOK_S * FPS) + 1e-9, "over the time that is looked ahead"
    assert np.diff(whole, axis=0).min() >= -0.1 / FPS - 1e-9
