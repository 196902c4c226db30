"""Retargeting: the angles of a clip's motion are put on the character's bones, frame by frame."""

import numpy as np

from kling_ui.options import Orientation
from kling_ui.puppet.motion.frame_pose import PuppetMotion, flatness, heading, middle, polar, ramp, wrapped
from kling_ui.puppet.motion.framing import CutEdge, FootLock, FramingLimits, WholeExtent, Zoom
from kling_ui.puppet.motion.pose_stream import SmoothedMotion, latch
from kling_ui.puppet.motion.whole_view import Outlines, WholeView
from kling_ui.puppet.rig.character import Character, legs_are_one
from kling_ui.puppet.skeleton import (
    ANKLES,
    ARMS,
    BONES,
    HIPS,
    LEFT_LEG,
    RIGHT_LEG,
    SHINS,
    SHOULDERS,
    Bone,
    Joint,
    Part,
    both_legs,
)

BEHIND_M, NOT_BEHIND_M = 0.16, 0.08  # behind the shoulders, for an arm to go and to stay behind the body
NEARER_M = 0.05  # for one side to lie over the other
OPENING_S = 1.0  # the time in which the reference's neutral frame is searched
UNSEEN, SEEN = 0.35, 0.65  # visibility from which, and up to which, a limb follows the reference more and more
SHORTEST, LONGEST = 0.3, 1.3  # of a bone's length in the picture
LEAST_FLAT = 0.6  # a bone of the picture that looks shorter than this against its real length is not trusted
OWN_ARMS, OWN_LEGS = np.radians(20), np.radians(8)  # how much of the character's own stance "image" keeps
OWN_FACE = np.array([np.radians(8), 0.15, 0.15])  # roll, turn and nod likewise
LEAST_NECK_M = 1e-3  # instead of a neck without length, by which nothing can be divided
NECK_SHORTEST, NECK_LONGEST = 0.8, 1.1  # of its length in the opening, when the head nods
MOST_LEAN = 0.3  # radians that the trunk leans at most where the hips are not seen, one for each metre aside
SPINE_SHORTEST = 0.7  # of its length in the picture, when the trunk leans to the camera or away from it
MOVING_TRUST = 0.02  # of a standing foot's: where both feet move, the root still follows them
LEVELLED = 1.2  # of its own length, at most, that a limb is given of the other side's
NARROWEST, WIDEST = 0.6, 1.1  # of the shoulders, when the reference turns
STILL_M_PER_S = 0.25  # a foot slower than this stands
TURNED_M = 0.06  # between the shoulders, the wrong way round, for a back
MOST_NECK = np.radians(35)  # beyond this a head tilted against the trunk tears its neck
STANDS_M = 0.04  # by which one foot is lower than the other for that leg alone to lead both, where they are one piece
LIMBS = tuple(part for part in BONES if part is not Part.HEAD)


class DepthOrder:
    """Tells which limbs lie in front; it remembers the order from one call to the next."""

    def __init__(self) -> None:
        self._left_behind = self._right_behind = self._right_arm_over = self._right_leg_over = False

    def follow(self, p: SmoothedMotion) -> tuple[np.ndarray, np.ndarray]:
        """Find what lies in front in the next frames.

        Returns:
            ``(frames, 2)`` bool: the left, the right arm is behind the body. ``(frames, 2)`` bool: the right arm lies
            over the left one, the right leg over the left one.
        """
        z = p.world_m[..., 2]
        chest = middle(z, SHOULDERS)
        left = np.minimum(z[:, Joint.LEFT_ELBOW], z[:, Joint.LEFT_WRIST]) - chest
        right = np.minimum(z[:, Joint.RIGHT_ELBOW], z[:, Joint.RIGHT_WRIST]) - chest
        arms = z[:, Joint.LEFT_WRIST] - z[:, Joint.RIGHT_WRIST]
        legs = z[:, Joint.LEFT_KNEE] - z[:, Joint.RIGHT_KNEE]
        left_behind = latch(left, on=BEHIND_M, off=NOT_BEHIND_M, state=self._left_behind)
        right_behind = latch(right, on=BEHIND_M, off=NOT_BEHIND_M, state=self._right_behind)
        arm_over = latch(arms, on=NEARER_M, off=-NEARER_M, state=self._right_arm_over)
        leg_over = latch(legs, on=NEARER_M, off=-NEARER_M, state=self._right_leg_over)
        self._left_behind, self._right_behind = bool(left_behind[-1]), bool(right_behind[-1])
        self._right_arm_over, self._right_leg_over = bool(arm_over[-1]), bool(leg_over[-1])
        return np.stack([left_behind, right_behind], axis=1), np.stack([arm_over, leg_over], axis=1)


def opening_frames(fps: float) -> int:
    """Count the frames of the clip's opening, the first :data:`OPENING_S` that the rest is measured against."""
    return max(1, round(OPENING_S * fps))


class Retargeter:
    """Gives a character the motion of a clip, which may come in pieces.

    Args:
        character: Whose bones and place are kept.
        shown: The parts that the puppet has.
        orientation: ``VIDEO`` takes the reference's angles, turning, path and distance as they are; ``IMAGE`` keeps the
            character's own place and facing and something of its stance.
        opening: The first frames of the performance, which the rest is measured against.
        held: Parts of arms that stay with the trunk, for their hands are hidden in or behind it.
        outlines: What there is to draw of the character; without it nothing but its trunk and legs is kept in sight.
    """

    def __init__(
        self,
        character: Character,
        shown: frozenset[Part],
        orientation: Orientation,
        opening: SmoothedMotion,
        *,
        held: frozenset[Part] = frozenset(),
        outlines: Outlines | None = None,
    ) -> None:
        self._held_arms = held
        self._c = character
        self._shown = shown
        self._follow = orientation is Orientation.VIDEO
        self._whole = set(SHINS) <= shown
        self._is_one_leg = legs_are_one(character)
        self._framing_limits = FramingLimits.of(character, whole=self._whole)
        self._extent, self._cut_edge = WholeExtent.of(character), CutEdge.of(character)
        self._nearness, self._zoom = Zoom(opening.fps), Zoom(opening.fps)
        self._view: WholeView | None = None
        if outlines is not None and (self._whole or self._cut_edge is None):
            self._view = WholeView(character, outlines, opening.fps, on_feet=self._whole)
        self._unit = character.px_per_m / float(opening.scale[0])  # px per unit of the reference
        self._hips0, self._neck0 = middle(opening.points, HIPS)[0], opening.points[0, Joint.NECK]
        neck = opening.points[:, Joint.HEAD] - opening.points[:, Joint.NECK]
        self._neck_m = max(LEAST_NECK_M, float(np.median(np.linalg.norm(neck, axis=1) / opening.scale)))
        self._feet0 = opening.points[0, list(ANKLES)]
        self._lengths = _lengths(character)
        neutral = self._neutral(opening)
        self._offsets = {part: self._offset(opening, neutral, part) for part in LIMBS}
        self._face0 = character.face.held + (0 if self._follow else self._held(opening, neutral))
        self._turned = False
        self._depth, self._foot_lock = DepthOrder(), FootLock(opening.fps, character.px_per_m)

    def move(self, p: SmoothedMotion, count: int | None = None) -> PuppetMotion:
        """Retarget the next frames; calls must follow the order of the clip.

        Args:
            p: The reference in these frames; it may go on beyond them, so that what comes is seen before it comes.
            count: How many frames are wanted; ``None`` for all. The next call begins after them.
        """
        count = len(p) if count is None else count
        scale = np.ones(len(p))
        if self._follow:
            wanted = self._framing_limits.size(p.scale * self._unit / self._c.px_per_m)
            scale = self._nearness.follow(wanted, count)
        turned = self._facing(p, count)
        joints = self._posed(p, scale, turned)
        face, given = self._face(p, turned), p[:count]
        if self._whole:
            self._foot_lock.hold(joints[:count], given, _seen(given.visibility[:, list(ANKLES)]))
            joints += self._extent.inside(joints, scale)[:, None]
        if self._view is not None:
            scale = self._see_all(self._view, joints, scale, face[:, 0], count)
        joints, scale = joints[:count], scale[:count]
        if self._whole:
            joints += self._extent.inside(joints, scale)[:, None]
        elif self._cut_edge is not None:
            joints += self._cut_edge.out_of_sight(joints, scale)[:, None]
        behind, over = self._depth.follow(given)
        return PuppetMotion(joints, scale, face[:count], behind, over, turned[:count])

    def _posed(self, p: SmoothedMotion, scale: np.ndarray, turned: np.ndarray) -> np.ndarray:
        """``(frames, 18, 2)``: all joints where the reference's motion has them."""
        joints = np.zeros((len(p), len(Joint), 2))
        self._pose_trunk(joints, p, scale)
        for pair in (HIPS, SHOULDERS):
            self._turn(joints, pair, turned)
        for part in LIMBS:
            bone = BONES[part]
            pose = self._keep_bone if part in self._held_arms else self._pose_bone
            pose(joints, p, part, (bone.start, bone.end), scale)
            if bone.tip is not None:
                pose(joints, p, part, (bone.end, bone.tip), scale)
        leads = self._join_legs(joints, scale) if self._is_one_leg else np.ones((len(p), 2))
        return joints + self._root(joints, p, leads)[:, None]

    def _see_all(
        self, view: WholeView, joints: np.ndarray, scale: np.ndarray, roll: np.ndarray, count: int
    ) -> np.ndarray:
        """Make the figure smaller and move it, in place, for all of it to be seen; returns ``(frames,)`` its size."""
        boxes = view.boxes(joints, scale, roll)
        anchors = view.anchors(joints, boxes)
        smaller = self._zoom.follow(scale * view.shrink(boxes, anchors, count), count)
        share = (smaller / scale)[:, None]
        corners = [anchors + share * (corner - anchors) for corner in (boxes[:, :2], boxes[:, 2:])]
        aside = view.aside(np.concatenate(corners, axis=1), count)
        joints += (share - 1)[..., None] * (joints - anchors[:, None]) + aside[:, None]
        return smaller

    def _facing(self, p: SmoothedMotion, count: int) -> np.ndarray:
        """``(frames,)`` bool: the reference shows its other side than the picture does, and is to be followed."""
        left, right = SHOULDERS
        front = np.sign(self._c.joints[left, 0] - self._c.joints[right, 0]) if self._follow else 0.0
        across = (p.points[:, right, 0] - p.points[:, left, 0]) * front / p.scale
        turned = latch(across, on=TURNED_M, off=-TURNED_M, state=self._turned)
        self._turned = bool(turned[count - 1])
        return turned

    @staticmethod
    def _turn(joints: np.ndarray, pair: tuple[Joint, Joint], turned: np.ndarray) -> None:
        """Let left and right change places."""
        left, right = pair
        joints[:, left], joints[:, right] = (
            np.where(turned[:, None], joints[:, right], joints[:, left]),
            np.where(turned[:, None], joints[:, left], joints[:, right]),
        )

    def _face(self, p: SmoothedMotion, turned: np.ndarray) -> np.ndarray:
        """``(frames, 3)``: changes of roll, turn and nod; from behind only the head's tilt is left."""
        face = p.face - self._face0
        roll = wrapped(face[:, 0])
        upright = np.where(np.abs(roll) > np.pi / 2, wrapped(roll + np.pi), roll)
        return np.column_stack([upright, np.where(turned[:, None], 0.0, face[:, 1:])])

    # --- the opening -------------------------------------------------------------------------------------------------

    def _neutral(self, opening: SmoothedMotion) -> int:
        """The opening frame that is most like the character's own stance."""
        parts = [part for part in LIMBS if part in self._shown]
        away = [
            np.abs(wrapped(_angle(opening.points, BONES[p]) - self._rest_angle(BONES[p].start, BONES[p].end)))
            for p in parts
        ]
        return int(np.sum(away, axis=0).argmin()) if away else 0

    def _offset(self, opening: SmoothedMotion, neutral: int, part: Part) -> float:
        if self._follow:
            return 0.0
        bone = BONES[part]
        away = wrapped(self._rest_angle(bone.start, bone.end) - _angle(opening.points, bone)[neutral])
        most = OWN_ARMS if part in ARMS else OWN_LEGS
        return float(np.clip(away, -most, most))

    def _held(self, opening: SmoothedMotion, neutral: int) -> np.ndarray:
        away = opening.face[neutral] - self._c.face.held
        return np.clip([wrapped(away[0]), *away[1:]], -OWN_FACE, OWN_FACE)

    def _rest_angle(self, start: Joint, end: Joint) -> float:
        x, y = self._c.joints[end] - self._c.joints[start]
        return float(np.arctan2(y, x))

    # --- the body ----------------------------------------------------------------------------------------------------

    def _pose_trunk(self, joints: np.ndarray, p: SmoothedMotion, scale: np.ndarray) -> None:
        """Hips, shoulders, neck and head, with the middle of the hips at 0."""
        rest = self._c.joints
        spine_rest = rest[Joint.NECK] - rest[list(HIPS)].mean(axis=0)
        hips = middle(p.points, HIPS)
        seen = _seen(np.minimum(p.visibility[:, HIPS[0]], p.visibility[:, HIPS[1]]))
        turn = seen * wrapped(heading(p.points[:, Joint.NECK] - hips) - heading(spine_rest))
        lean = (p.points[:, Joint.NECK, 0] - self._neck0[0]) / p.scale  # metres sideways, when the hips are not seen
        turn = turn + (1 - seen) * np.clip(lean, -MOST_LEAN, MOST_LEAN)
        flat = 1 + seen * (flatness(middle(p.world_m, HIPS), p.world_m[:, Joint.NECK]) / self._flat_spine() - 1)
        length = np.linalg.norm(spine_rest) * np.clip(flat, SPINE_SHORTEST, LONGEST) * scale
        joints[:, Joint.NECK] = polar(heading(spine_rest) + turn, length)
        self._pose_across(joints, p, HIPS, np.zeros((len(p), 2)), scale)
        self._pose_across(joints, p, SHOULDERS, joints[:, Joint.NECK], scale)
        neck_rest = rest[Joint.HEAD] - rest[Joint.NECK]
        neck = p.points[:, Joint.HEAD] - p.points[:, Joint.NECK]
        bend = wrapped(heading(neck) - heading(neck_rest))
        stretch = np.clip(np.linalg.norm(neck, axis=1) / p.scale / self._neck_m, NECK_SHORTEST, NECK_LONGEST)
        joints[:, Joint.HEAD] = joints[:, Joint.NECK] + polar(
            heading(neck_rest) + np.clip(bend, -MOST_NECK, MOST_NECK), np.linalg.norm(neck_rest) * stretch * scale
        )

    def _flat_spine(self) -> float:
        world = self._c.world_m[None]
        return float(max(LEAST_FLAT, flatness(middle(world, HIPS), world[:, Joint.NECK])[0]))

    def _pose_across(
        self, joints: np.ndarray, p: SmoothedMotion, pair: tuple[Joint, Joint], middle: np.ndarray, scale: np.ndarray
    ) -> None:
        """Shoulders or hips: tilted as the reference's, and narrower as it turns when its facing is followed."""
        left, right = pair
        rest = self._c.joints[left] - self._c.joints[right]
        flat = flatness(p.world_m[:, right], p.world_m[:, left])
        tilt = wrapped(heading(p.points[:, left] - p.points[:, right]) - heading(rest))
        tilt = np.where(np.abs(tilt) > np.pi / 2, wrapped(tilt + np.pi), tilt)  # seen from behind
        seen = _seen(np.minimum(p.visibility[:, left], p.visibility[:, right]))
        width = np.ones(len(p))
        if self._follow:
            own = flatness(self._c.world_m[None, right], self._c.world_m[None, left])[0]
            width = np.clip(flat / max(LEAST_FLAT, own), NARROWEST, WIDEST)
        width = 1 + seen * (width - 1)
        half = polar(heading(rest) + seen * flat**2 * tilt, np.linalg.norm(rest) * width * scale / 2)
        joints[:, left], joints[:, right] = middle + half, middle - half

    def _pose_bone(
        self, joints: np.ndarray, p: SmoothedMotion, part: Part, ends: tuple[Joint, Joint], scale: np.ndarray
    ) -> None:
        start, end = ends
        rest, own = self._rest_angle(start, end), float(np.hypot(*(self._c.joints[end] - self._c.joints[start])))
        seen = _seen(np.minimum(p.visibility[:, start], p.visibility[:, end]))
        turn = wrapped(heading(p.points[:, end] - p.points[:, start]) + self._offsets[part] - rest)
        flat = np.clip(flatness(p.world_m[:, start], p.world_m[:, end]), SHORTEST, 1)
        length = own + seen * (np.minimum(self._lengths[end] * flat, LONGEST * own) - own)
        joints[:, end] = joints[:, start] + polar(rest + seen * turn, length * scale)

    def _keep_bone(
        self, joints: np.ndarray, _p: SmoothedMotion, _part: Part, ends: tuple[Joint, Joint], scale: np.ndarray
    ) -> None:
        """Turn a bone as the trunk does."""
        start, end = ends
        rest = self._c.joints
        spine = joints[:, Joint.NECK] - joints[:, list(HIPS)].mean(axis=1)
        turn = heading(spine) - heading(rest[Joint.NECK] - rest[list(HIPS)].mean(axis=0))
        length = float(np.hypot(*(rest[end] - rest[start]))) * scale
        joints[:, end] = joints[:, start] + polar(self._rest_angle(start, end) + turn, length)

    def _join_legs(self, joints: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Move both legs as one piece, in place: as the leg does that stands, or between both where both do.

        Returns:
            ``(frames, 2)`` 0-1: how far the left and the right leg lead.
        """
        rest = both_legs(self._c.joints)
        lower = joints[:, ANKLES[0], 1] - joints[:, ANKLES[1], 1]
        left = 1 / (1 + np.exp(-np.clip(lower / (STANDS_M * self._c.px_per_m * scale), -30, 30)))[:, None]
        places = both_legs(joints)
        for before, after in zip(range(3), range(1, 4), strict=True):
            ways = [joints[:, leg[after]] - joints[:, leg[before]] for leg in (LEFT_LEG, RIGHT_LEG)]
            lengths = [np.linalg.norm(way, axis=1) for way in ways]
            length = left[:, 0] * lengths[0] + (1 - left[:, 0]) * lengths[1]
            place = places[:, LEFT_LEG[before]] + polar(heading(left * ways[0] + (1 - left) * ways[1]), length)
            places[:, LEFT_LEG[after]] = places[:, RIGHT_LEG[after]] = place
        for leg in (LEFT_LEG, RIGHT_LEG):
            for joint in leg[1:]:
                joints[:, joint] = places[:, joint] + (self._c.joints[joint] - rest[joint]) * scale[:, None]
        return np.column_stack([left, 1 - left])

    # --- the place ---------------------------------------------------------------------------------------------------

    def _root(self, joints: np.ndarray, p: SmoothedMotion, leads: np.ndarray) -> np.ndarray:
        """``(frames, 2)``: where the middle of the hips is."""
        rest = self._c.joints[list(HIPS)].mean(axis=0)
        legs = _seen(p.visibility[:, list(ANKLES)].min(axis=1))[:, None]
        if self._whole:
            path = legs * (self._on_feet(joints, p, leads) - rest)
        else:
            hips = _seen(p.visibility[:, list(HIPS)].min(axis=1))[:, None]
            path = hips * (middle(p.points, HIPS) - self._hips0) * self._unit
        if not self._follow:
            path[:, 0] = 0
        lean = joints[:, Joint.HEAD] - (self._c.joints[Joint.HEAD] - rest)
        return rest + self._framing_limits.place(path, lean)

    def _on_feet(self, joints: np.ndarray, p: SmoothedMotion, leads: np.ndarray) -> np.ndarray:
        """The root that puts the feet where the reference's are; a standing foot counts more than a moving one.

        Of legs that are one piece a foot counts as far as its leg leads.
        """
        feet = p.points[:, list(ANKLES)]
        trust = np.exp(-((p.speed_m_s / STILL_M_PER_S) ** 2)) + MOVING_TRUST
        trust *= leads
        trust /= trust.sum(axis=1, keepdims=True)
        began, shown = self._feet0.mean(axis=0), joints[:, list(ANKLES)]
        if self._is_one_leg:  # whose foot is between both
            began, shown = self._feet0, shown.mean(axis=1, keepdims=True)
        wanted = self._c.joints[list(ANKLES)].mean(axis=0) + (feet - began) * self._unit
        return (trust[..., None] * (wanted - shown)).sum(axis=1)


def _seen(visibility: np.ndarray) -> np.ndarray:
    """How far a limb follows the reference, 0-1, by how well it is seen there."""
    return ramp(visibility, UNSEEN, SEEN)


def _lengths(c: Character) -> dict[Joint, float]:
    """How long in px the bone that ends at a joint would be, seen flat; left and right alike."""
    lengths = {}
    for part in LIMBS:
        bone = BONES[part]
        for start, end in ((bone.start, bone.end), (bone.end, bone.tip)):
            if end is not None:
                flat = flatness(c.world_m[None, start], c.world_m[None, end])[0]
                lengths[end] = float(np.hypot(*(c.joints[end] - c.joints[start]))) / max(LEAST_FLAT, flat)
    both = [(end, Joint(end ^ 1)) for end in lengths]
    return {end: max(lengths[end], min(lengths[other], LEVELLED * lengths[end])) for end, other in both}


def _angle(points: np.ndarray, bone: Bone) -> np.ndarray:
    return heading(points[:, bone.end] - points[:, bone.start])
