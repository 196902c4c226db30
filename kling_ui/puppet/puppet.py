"""The puppet: warps a character's layers to a pose and draws the frame; the last rig is cached."""

import cmath
import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from kling_ui.corrections import Corrections
from kling_ui.media.colour import to_ycbcr
from kling_ui.options import RigNote
from kling_ui.puppet.motion.frame_pose import FramePose
from kling_ui.puppet.motion.whole_view import MOST_WRIST, Outlines
from kling_ui.puppet.paint import Sprite
from kling_ui.puppet.rig.character import Character, cloth_spans_legs, find_character, legs_are_one, shown_parts
from kling_ui.puppet.rig.layers import Layer, back_of_head, backdrop, cut_layers, shadow_strength, shoe_shadows
from kling_ui.puppet.rig.rods import FINGERS, HANDS, ROD_WIDE_M
from kling_ui.puppet.rig.round_spots import open_round
from kling_ui.puppet.skeleton import (
    ANKLES,
    BONES,
    FOREARMS,
    LEGS,
    SHINS,
    THIGHS,
    UPPER_ARMS,
    Joint,
    Part,
    both_legs,
)
from kling_ui.puppet.warp import Bend, Bulge, Lift, LimbWarp, Segment, SkirtWarp, Stretch, TrunkWarp

MOST_BEND = math.radians(80)  # beyond this a joint's two pieces turn around it like a rivet's: more would tear them
MOST_SHOULDER = math.radians(45)  # likewise for arms and thighs against the trunk
# A bend takes up at most this share of either bone's length, so that the bends at both ends of a bone do not meet.
BEND_SHARE = 0.45
TIP_REACH, TIP_SHARE = 0.6, 0.4  # how far a wrist or an ankle bends to either side: of the radius; of the bone at most
NECK_BEND = 0.75, 0.2  # of the way from the ears down to the shoulders: where the head begins to turn, and has turned
COLLAR_BEND = 0.4  # of the way from the shoulders up to the ears, over which the neck leaves the trunk's direction
CHIN = 0.5  # of that way: from here up the head keeps its shape
# Widths of hips and shoulders against the picture's; the slope of their lines against the turned torso.
NARROWEST, WIDEST, STEEPEST = 0.6, 1.25, 0.5
# How far raised arms turn the flanks below their shoulders, radians, and how far down.
MOST_LIFT, LIFT_M, LEAST_RAISED = 0.4, 0.3, 0.02
ACROSS = math.radians(100)  # by which an arm may be turned inwards without lifting anything
FACE_SLIDE, MOST_SLIDE = 0.45, 0.3  # of the distance between the ears
FACE_RADIUS = 0.9  # of the distance between the ears: where the sliding has faded to nothing
SEEN = 0.5  # alpha from which on something is seen
CHILDREN = {bone.parent: part for part, bone in BONES.items() if bone.parent is not Part.TORSO}
# Something slim in a hand: how far from arm and fingers it begins; its width at most, as where it is found; its area at
# least; its share of all that reaches so far; and in radii of the forearm, from where to where it gets stiff.
ROD_AWAY_M, LEAST_ROD_M2, MOSTLY_ROD, STIFFENS = 0.12, 2.5e-3, 0.6, (1.2, 2.2)
FOOT_M = 0.2, 0.26  # around an ankle, over which less and less turns with the foot: what is farther is a cape's hem
AT_NECK_M = 0.05  # below the shoulders, down to which a hand is at the neck
KEPT = 1  # figures; one takes some tens of megabytes


class Puppet:
    """A character cut into layers that can be drawn in any pose."""

    def __init__(self, character: Character) -> None:
        self._c = character
        empty = backdrop(character)
        self._backdrop = to_ycbcr(empty)
        self._shadows = {part: Sprite.of(layer) for part, layer in shoe_shadows(character, empty).items()}
        layers = cut_layers(character)
        self._pieces = {part: Sprite.of(layer) for part, layer in layers.items()}
        head = layers.get(Part.HEAD)  # there is none where the picture cuts it off
        self._backs = {} if head is None else {Part.HEAD: Sprite.of(back_of_head(head, character.face))}
        self.held = _held_arms(character, layers)  #: The parts of arms whose hands are hidden in or behind the body.
        self._at_head = _at_head(character, self.held)
        self._stiff = _arms_with_rods(character, layers)
        self._is_one_leg = legs_are_one(character)
        self._is_skirt = cloth_spans_legs(character) and THIGHS[0] in layers
        self._parts = frozenset(layers) | self._legs_in_one(character)
        self._joints = both_legs(character.joints) if self._is_one_leg else character.joints
        self._rest = {part: _segment(self._joints, part) for part in Part}

    @property
    def notes(self) -> tuple[RigNote, ...]:
        """What is moved as one piece though it is more."""
        said = (
            (RigNote.HANDS_HIDDEN, bool(self.held - self._at_head)),
            (RigNote.HAND_AT_HEAD, bool(self._at_head)),
            (RigNote.LEGS_ONE, self._is_one_leg),
            (RigNote.SKIRT_ONE, self._is_skirt),
        )
        return tuple(note for note, holds in said if holds)

    @property
    def parts(self) -> frozenset[Part]:
        """The body parts that it has layers for; both legs where one layer shows both."""
        return self._parts

    @property
    def outlines(self) -> Outlines:
        """What there is to draw, by the bone with which it moves."""
        points: dict[Part, list[np.ndarray]] = {}
        for part, sprite in self._pieces.items():
            around = np.column_stack([sprite.hull.real, sprite.hull.imag]).astype(np.float64)
            if part is Part.TORSO or part in self.held:
                points.setdefault(Part.TORSO, []).append(around)
            elif self._is_skirt and part in LEGS:
                for leg, mine in _by_bone(around, self._joints, [leg for leg in LEGS if leg in self._parts]):
                    points.setdefault(leg, []).append(mine)
            else:
                points.setdefault(part, []).append(around)
        return Outlines({part: np.concatenate(pieces) for part, pieces in points.items()}, self._stiff)

    def _legs_in_one(self, character: Character) -> frozenset[Part]:
        if self._is_one_leg:
            return frozenset(LEGS)
        return frozenset(LEGS) & frozenset(shown_parts(character)) if self._is_skirt else frozenset()

    def draw(
        self, frame_pose: FramePose, into: np.ndarray | None = None, *, ground: np.ndarray | None = None
    ) -> np.ndarray:
        """Draw the character in one pose over its background.

        Args:
            frame_pose: How the figure stands.
            into: Where to draw it, to save the making of an array.
            ground: What lies behind it, in Y'CbCr, instead of the picture's own background.

        Returns:
            ``(height, width, 3)`` uint8 in Y'CbCr, see :mod:`kling_ui.media.colour`.
        """
        frame = np.empty_like(self._backdrop) if into is None else into
        np.copyto(frame, self._backdrop if ground is None else ground)
        limbs, posed = self._posed(frame_pose)
        for part, shadow in self._shadows.items():
            if part in frame_pose.order:
                shadow.paint(
                    frame,
                    self._limb(limbs, posed, part, is_shadow=True),
                    opacity=self._shadow_strength(frame_pose, part),
                )
        self._paint(frame, frame_pose)
        return frame

    def coverage(self, frame_pose: FramePose) -> np.ndarray:
        """Tell how much of each pixel the figure covers in one pose; ``(height, width)`` uint8, 255 is all of it."""
        dark, light = np.zeros_like(self._backdrop), np.full_like(self._backdrop, 255)
        for ground in (dark, light):
            self._paint(ground, frame_pose)
        return 255 - (light - dark)[..., 0]

    def _posed(self, frame_pose: FramePose) -> tuple[FramePose, dict[Part, Segment]]:
        """The pose of the limbs, where both legs may be one, and every part's bone in it."""
        limbs = replace(frame_pose, joints=both_legs(frame_pose.joints)) if self._is_one_leg else frame_pose
        return limbs, {part: _segment(limbs.joints, part) for part in Part}

    def _paint(self, frame: np.ndarray, frame_pose: FramePose) -> None:
        """Paint the figure without its shadows over a frame, in place."""
        limbs, posed = self._posed(frame_pose)
        for part in frame_pose.order:
            if part not in self._pieces:
                continue
            if part is Part.TORSO or part in self.held:
                self._pieces[part].paint(frame, self._trunk(frame_pose, posed[Part.TORSO]))
            elif part is Part.HEAD:
                head = (self._backs if frame_pose.turned else self._pieces)[part]
                head.paint(frame, self._head(frame_pose, posed), self._face(frame_pose).undo)
            elif self._is_skirt and part in LEGS:
                self._pieces[part].paint(frame, self._skirt(limbs, posed))
            else:
                self._pieces[part].paint(frame, self._limb(limbs, posed, part))

    def _skirt(self, frame_pose: FramePose, posed: dict[Part, Segment]) -> SkirtWarp:
        """Both legs and the cloth around them."""
        left, right = (
            (
                self._limb(frame_pose, posed, thigh),
                self._limb(frame_pose, posed, shin) if shin in self._parts else None,
            )
            for thigh, shin in zip(THIGHS, SHINS, strict=True)
        )
        return SkirtWarp((left, right))

    def _limb(
        self, frame_pose: FramePose, posed: dict[Part, Segment], part: Part, *, is_shadow: bool = False
    ) -> LimbWarp:
        """The warp of a limb, or of the shadow of its shoe, which is wider and turns with the foot as a whole."""
        bone, rest, now = BONES[part], self._rest[part], posed[part]
        turn = _wrap(now.angle - rest.angle)
        reach = bone.radius_m * self._c.px_per_m * frame_pose.scale
        child = CHILDREN.get(part)
        bends = [self._near_bend(posed, part, turn, reach)]
        before = after = frame_pose.scale
        if bone.parent in BONES:
            before = posed[bone.parent].length / self._rest[bone.parent].length
        if bone.tip is not None and part not in self._stiff:
            tip = self._tip_bend(frame_pose, part, now, turn, reach)
            bends.append(replace(tip, within=None) if is_shadow else tip)
        elif child in self._parts:
            after = posed[child].length / self._rest[child].length
            angle = _clip(_wrap(posed[child].angle - self._rest[child].angle - turn), MOST_BEND)
            room = min(reach, BEND_SHARE * now.length, BEND_SHARE * posed[child].length)
            bends.append(Bend(now.end, now.angle + angle / 2, -room, 0.0, angle, 0.5))
        is_mirrored = (
            frame_pose.turned and part in (LEGS if self._is_skirt else THIGHS) and not self._is_one_leg
        )  # the outside stays outside
        across = -frame_pose.scale if is_mirrored else frame_pose.scale
        stretch = Stretch(now.length, rest.length, before, after, across)
        held = (STIFFENS[0] * reach, STIFFENS[1] * reach) if part in self._stiff else None
        return LimbWarp(rest, now, stretch, tuple(bends), held)

    def _shadow_strength(self, frame_pose: FramePose, part: Part) -> float:
        ankle = BONES[part].end
        now, rest = (joints[list(ANKLES), 1].max() - joints[ankle, 1] for joints in (frame_pose.joints, self._c.joints))
        return shadow_strength(float(now - rest) / (self._c.px_per_m * frame_pose.scale))

    def _near_bend(self, posed: dict[Part, Segment], part: Part, turn: float, reach: float) -> Bend:
        bone, now = BONES[part], posed[part]
        parent = posed[bone.parent]
        angle = _wrap(parent.angle - self._rest[bone.parent].angle - turn)
        room = min(reach, BEND_SHARE * now.length)
        if bone.parent is Part.TORSO:
            angle = _clip(angle, MOST_SHOULDER)
        else:
            angle, room = _clip(angle, MOST_BEND), min(room, BEND_SHARE * parent.length)
        return Bend(now.start, now.angle + angle / 2 + math.pi, -room, 0.0, angle, 0.5)

    def _tip_bend(self, frame_pose: FramePose, part: Part, now: Segment, turn: float, reach: float) -> Bend:
        bone = BONES[part]
        rest = self._joints[bone.tip] - self._joints[bone.end]
        tip = frame_pose.joints[bone.tip] - frame_pose.joints[bone.end]
        angle = _clip(_wrap(math.atan2(tip[1], tip[0]) - math.atan2(rest[1], rest[0]) - turn), MOST_WRIST)
        room = min(TIP_REACH * reach, TIP_SHARE * now.length)
        aside = _wrap(math.atan2(rest[1], rest[0]) - self._rest[part].angle)  # feet seen from the side
        px_per_m = self._c.px_per_m * frame_pose.scale
        within = (FOOT_M[0] * px_per_m, FOOT_M[1] * px_per_m) if part in LEGS else None
        return Bend(now.end, now.angle + (angle + aside) / 2, -room, room, angle, 1.0, within)

    def _head(self, frame_pose: FramePose, posed: dict[Part, Segment]) -> LimbWarp:
        """The neck bends and gives way; from the chin up the head keeps its shape."""
        rest, now, scale = self._rest[Part.HEAD], posed[Part.HEAD], frame_pose.scale
        turn = _wrap(now.angle - rest.angle)
        near, far = (-share * now.length for share in NECK_BEND)
        upright = Bend(now.end, now.angle, near, far, _wrap(frame_pose.face[0] - turn), 1.0)
        trunk = _wrap(posed[Part.TORSO].angle - self._rest[Part.TORSO].angle - turn)
        onto = Bend(now.start, now.angle + math.pi, -COLLAR_BEND * now.length, 0.0, trunk, 1.0)
        chin = CHIN * rest.length
        stretch = Stretch(max(now.length - chin * scale, 1.0), chin, scale, scale, scale)
        return LimbWarp(rest, now, stretch, (upright, onto))

    def _face(self, frame_pose: FramePose) -> Bulge:
        face = self._c.face
        slide = [_clip(FACE_SLIDE * held, MOST_SLIDE) * face.width_px for held in frame_pose.face[1:]]
        shift = complex(*slide) * cmath.rect(1, face.held[0])
        return Bulge(complex(*face.centre), FACE_RADIUS * face.width_px, shift)

    def _trunk(self, frame_pose: FramePose, posed: Segment) -> TrunkWarp:
        rest = self._rest[Part.TORSO]
        lines = [
            self._line(frame_pose, rest, posed, *pair)
            for pair in ((Joint.LEFT_HIP, Joint.RIGHT_HIP), (Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER))
        ]
        lifts = tuple(
            lift
            for part in UPPER_ARMS
            if part in self._pieces and part not in self.held
            for lift in self._lift(frame_pose, posed, part)
        )
        return TrunkWarp(rest, posed, (lines[0][0], lines[1][0]), (lines[0][1], lines[1][1]), lifts)

    def _lift(self, frame_pose: FramePose, trunk: Segment, part: Part) -> Iterator[Lift]:
        """What a raised arm does to the flank below its shoulder: nothing while it hangs as in the picture."""
        was, now = self._rest[part], _segment(frame_pose.joints, part)
        turn = _wrap(now.angle - was.angle - trunk.angle + self._rest[Part.TORSO].angle)
        outwards = -math.copysign(1, trunk.local(np.array(now.start)).imag)  # the way an arm is raised
        raised = math.sin(turn / 2) ** 2
        if turn * outwards < 0:  # across the chest; beyond the head it is as far up as from the other side
            raised *= min(max((abs(turn) - ACROSS) / (math.pi - ACROSS), 0.0), 1.0)
        if raised > LEAST_RAISED:
            radius = min(LIFT_M * self._c.px_per_m * frame_pose.scale, trunk.length)
            yield Lift(now.start, trunk.angle + math.pi, outwards * MOST_LIFT * raised, radius)

    def _line(
        self, frame_pose: FramePose, rest: Segment, posed: Segment, left: Joint, right: Joint
    ) -> tuple[float, float]:
        """Slope and width of hips or shoulders against the turned torso."""
        was = complex(*(self._c.joints[left] - self._c.joints[right])) * cmath.rect(1, -rest.angle)
        now = complex(*(frame_pose.joints[left] - frame_pose.joints[right])) * cmath.rect(1, -posed.angle)
        across = was.imag if abs(was.imag) > 1 else math.copysign(1, was.imag)
        width = min(max(abs(now.imag / across), NARROWEST * frame_pose.scale), WIDEST * frame_pose.scale)
        width = math.copysign(width, now.imag / across)
        return _clip((now.real * rest.length / posed.length - was.real) / across, STEEPEST), width


def _segment(joints: np.ndarray, part: Part) -> Segment:
    if part is Part.TORSO:
        return Segment.between((joints[Joint.LEFT_HIP] + joints[Joint.RIGHT_HIP]) / 2, joints[Joint.NECK])
    return Segment.between(joints[BONES[part].start], joints[BONES[part].end])


def _by_bone(points: np.ndarray, joints: np.ndarray, parts: list[Part]) -> Iterator[tuple[Part, np.ndarray]]:
    """Divide points ``(n, 2)`` px among the parts whose bones are the nearest."""
    away = []
    for part in parts:
        start, way = joints[BONES[part].start], joints[BONES[part].end] - joints[BONES[part].start]
        along = np.clip((points - start) @ way / max(float(way @ way), 1.0), 0, 1)
        away.append(np.linalg.norm(points - start - along[:, None] * way, axis=1))
    nearest = np.argmin(away, axis=0)
    for index, part in enumerate(parts):
        if (nearest == index).any():
            yield part, points[nearest == index]


def _held_arms(character: Character, layers: Mapping[Part, Layer]) -> frozenset[Part]:
    """The arms of which the hand is hidden in or behind the body: their own layer ends before it, or at the elbow."""
    held: set[Part] = set()
    for upper, forearm in zip(UPPER_ARMS, FOREARMS, strict=True):
        hand = BONES[forearm].tip
        if hand is None or upper not in layers:
            continue
        places = [character.joints[joint].round().astype(int) for joint in (hand, BONES[forearm].end)]
        places[1] = (places[0] + places[1]) // 2
        shown = [forearm in layers and _layer_at(layers[forearm], place) >= SEEN for place in places]
        if not any(shown) and all(_alpha_at(character.alpha, place) > SEEN for place in places):
            held |= {upper, forearm}
    return frozenset(held)


def _at_head(character: Character, held: frozenset[Part]) -> frozenset[Part]:
    """The held arms whose hand is seen at the head or the neck, not in a pocket or behind the back."""
    lowest = character.joints[Joint.NECK, 1] + AT_NECK_M * character.px_per_m
    arms = zip(UPPER_ARMS, FOREARMS, HANDS, strict=True)
    raised = ({upper, forearm} for upper, forearm, hand in arms if character.joints[list(hand), 1].max() < lowest)
    return held & frozenset().union(*raised)


def _arms_with_rods(character: Character, layers: Mapping[Part, Layer]) -> frozenset[Part]:
    """The forearms whose hands hold something slim, a sword or a phone, which would break if they bent.

    It is what reaches far from arm and hand and is no wide sleeve, no ball and no bag.
    """
    stiff: set[Part] = set()
    for part, hand in zip(FOREARMS, HANDS, strict=True):
        if part not in layers:
            continue
        shown = layers[part].rgba[..., 3] > SEEN * 255
        elbow, wrist, knuckles = character.joints[[BONES[part].start, *hand]] - layers[part].corner
        axis = np.array([elbow, wrist, knuckles + FINGERS * (knuckles - wrist)]).round().astype(np.int32)
        free = np.ones(shown.shape, np.uint8)
        cv2.polylines(free, [axis], False, (0,), max(1, round(2 * ROD_AWAY_M * character.px_per_m)))
        far = shown & (free > 0)
        slim = far & ~_thick(shown, ROD_WIDE_M * character.px_per_m)
        if slim.sum() >= max(LEAST_ROD_M2 * character.px_per_m**2, MOSTLY_ROD * far.sum()):
            stiff.add(part)
    return frozenset(stiff)


def _thick(region: np.ndarray, wide_px: float) -> np.ndarray:
    """``(height, width)`` bool: what of a region is so wide in all directions."""
    return open_round(region.astype(np.uint8), 2 * round(wide_px / 2) + 1) > 0


def _alpha_at(alpha: np.ndarray, place: np.ndarray) -> float:
    x, y = place
    return float(alpha[y, x]) if 0 <= y < alpha.shape[0] and 0 <= x < alpha.shape[1] else 0.0


def _layer_at(layer: Layer, place: np.ndarray) -> float:
    return _alpha_at(layer.rgba[..., 3], place - layer.corner) / 255


def _clip(value: float, most: float) -> float:
    return min(max(value, -most), most)


def _wrap(angle: float) -> float:
    return (angle + math.pi) % (2 * math.pi) - math.pi


@dataclass(frozen=True, slots=True)
class Rig:
    """A character with its puppet: all that is needed to animate one picture.

    Attributes:
        character: The person in the picture.
        puppet: The same, cut out; drawing does not change it.
    """

    character: Character
    puppet: Puppet


@dataclass(frozen=True, slots=True)
class _Content:
    """A picture's content, wherever it lies."""

    digest: bytes
    corrections_key: str
    path: Path = field(compare=False)
    corrections: Corrections | None = field(compare=False)


def rig_of(path: Path, *, sides_px: tuple[int, int], corrections: Corrections | None = None) -> Rig:
    """Find and cut out the person in a picture, or return the cached rig of the same content.

    Args:
        path: The picture.
        sides_px: As for :func:`kling_ui.puppet.rig.character.find_character`.
        corrections: What a person says of the character.

    Raises:
        MediaError: It cannot be read, or nobody is found in it.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return _find(path, sides_px, corrections)  # which says what is the matter
    return _cut(_Content(digest, corrections.key if corrections else "", path, corrections), sides_px)


def forget_rigs() -> None:
    """Empty the cache of rigs."""
    _cut.cache_clear()


@lru_cache(maxsize=KEPT)
def _cut(content: _Content, sides_px: tuple[int, int]) -> Rig:
    return _find(content.path, sides_px, content.corrections)


def _find(path: Path, sides_px: tuple[int, int], corrections: Corrections | None) -> Rig:
    character = find_character(path, sides_px=sides_px, corrections=corrections)
    return Rig(character, Puppet(character))
