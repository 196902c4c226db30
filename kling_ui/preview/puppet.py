"""The puppet: bends its layers to a stance and draws them."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from kling_ui.preview.character import Character
from kling_ui.preview.layers import Layer, backdrop, cut_layers
from kling_ui.preview.motion import Stance
from kling_ui.preview.skeleton import BONES, Bone, Joint, Part
from kling_ui.preview.warp import Bend, Bulge, LimbWarp, Segment, Stretch, TrunkWarp

CELL_PX = 8  # maps are computed on a grid this coarse and interpolated
MARGIN_PX = 3
OUTLINE_STEP = 0.25  # of an edge of a layer's hull
MOST_MITRE = math.radians(40)  # beyond this a joint folds over instead of bending
MOST_WRIST = math.radians(50)
MOST_SHOULDER = math.radians(45)
NARROWEST, WIDEST, STEEPEST = 0.6, 1.25, 0.5
FACE_SLIDE, MOST_SLIDE = 0.45, 0.3  # of the distance between the ears
CHILDREN = {bone.parent: part for part, bone in BONES.items() if bone.parent is not Part.TORSO}


@dataclass(frozen=True, slots=True)
class Piece:
    """A layer with its outline: ``(2, n)`` float points of its convex hull in the picture."""

    layer: Layer
    hull: np.ndarray


class Puppet:
    """A character that can be drawn in any stance."""

    def __init__(self, character: Character) -> None:
        self._c = character
        self._backdrop = backdrop(character)
        self._pieces = {part: Piece(layer, _hull(layer)) for part, layer in cut_layers(character).items()}
        self._rest = {part: _segment(character.joints, part) for part in Part}

    @property
    def parts(self) -> frozenset[Part]:
        """What it consists of."""
        return frozenset(self._pieces)

    def draw(self, stance: Stance) -> np.ndarray:
        """Draw one frame, ``(height, width, 3)`` uint8."""
        frame = self._backdrop.copy()
        posed = {part: _segment(stance.joints, part) for part in Part}
        for part in stance.order:
            if part not in self._pieces:
                continue
            if part is Part.TORSO:
                self._draw(frame, part, self._trunk(stance, posed[part]))
            elif part is Part.HEAD:
                self._draw(frame, part, self._head(stance, posed), self._face(stance))
            else:
                self._draw(frame, part, self._limb(stance, posed, part))
        return frame

    def _draw(self, frame: np.ndarray, part: Part, warp: LimbWarp | TrunkWarp, bulge: Bulge | None = None) -> None:
        piece = self._pieces[part]
        spots = warp.reach(*piece.hull)
        height, width = frame.shape[:2]
        x0, y0 = np.maximum(np.floor(spots.min(axis=0)).astype(int) - MARGIN_PX, 0)
        x1, y1 = np.minimum(np.ceil(spots.max(axis=0)).astype(int) + MARGIN_PX, (width, height))
        if x1 <= x0 or y1 <= y0:
            return
        x, y = warp.source(*np.meshgrid(_cells(x0, x1), _cells(y0, y1)))
        if bulge is not None:
            x, y = bulge.undo(x, y)
        left, top = piece.layer.corner
        size = x1 - x0, y1 - y0
        paste(frame[y0:y1, x0:x1], piece.layer.rgba, _refine(x - left, size), _refine(y - top, size))

    def _limb(self, stance: Stance, posed: dict[Part, Segment], part: Part) -> LimbWarp:
        bone, rest, now = BONES[part], self._rest[part], posed[part]
        turn = _wrap(now.angle - rest.angle)
        reach = bone.radius_m * self._c.px_per_m * stance.scale
        child = CHILDREN.get(part)
        bends = [self._near_bend(posed, part, turn, reach)]
        before = after = stance.scale
        if bone.parent in BONES:
            before = posed[bone.parent].length / self._rest[bone.parent].length
        if bone.tip is not None:
            bends.append(self._tip_bend(stance, bone, now, turn, reach))
        elif child in self._pieces:
            after = posed[child].length / self._rest[child].length
            angle = _wrap(posed[child].angle - self._rest[child].angle - turn)
            room = min(reach, 0.45 * now.length, 0.45 * posed[child].length)
            bends.append(Bend(now.end, now.angle + _mitre(angle), -room, 0.0, angle, 0.5))
        stretch = Stretch((0.0, now.length), (0.0, rest.length), before, after, stance.scale)
        return LimbWarp(rest, now, stretch, tuple(bends))

    def _near_bend(self, posed: dict[Part, Segment], part: Part, turn: float, reach: float) -> Bend:
        bone, now = BONES[part], posed[part]
        parent = posed[bone.parent]
        angle = _wrap(parent.angle - self._rest[bone.parent].angle - turn)
        room = min(reach, 0.45 * now.length)
        if bone.parent is Part.TORSO:
            angle = _clip(angle, MOST_SHOULDER)
        else:
            room = min(room, 0.45 * parent.length)
        return Bend((now.x, now.y), now.angle + _mitre(angle) + math.pi, -room, 0.0, angle, 0.5)

    def _tip_bend(self, stance: Stance, bone: Bone, now: Segment, turn: float, reach: float) -> Bend:
        rest = self._c.joints[bone.tip] - self._c.joints[bone.end]
        tip = stance.joints[bone.tip] - stance.joints[bone.end]
        angle = _clip(_wrap(math.atan2(tip[1], tip[0]) - math.atan2(rest[1], rest[0]) - turn), MOST_WRIST)
        room = min(0.6 * reach, 0.4 * now.length)
        return Bend(now.end, now.angle + _mitre(angle), -room, room, angle, 1.0)

    def _head(self, stance: Stance, posed: dict[Part, Segment]) -> LimbWarp:
        """The neck bends and gives way; from the chin up the head keeps its shape."""
        rest, now, scale = self._rest[Part.HEAD], posed[Part.HEAD], stance.scale
        turn = _wrap(now.angle - rest.angle)
        upright = Bend(now.end, now.angle, -0.75 * now.length, -0.2 * now.length, _wrap(stance.face[0] - turn), 1.0)
        trunk = _wrap(posed[Part.TORSO].angle - self._rest[Part.TORSO].angle - turn)
        onto = Bend((now.x, now.y), now.angle + math.pi, -0.4 * now.length, 0.0, trunk, 1.0)
        chin = 0.5 * rest.length
        stretch = Stretch((0.0, max(now.length - chin * scale, 1.0)), (0.0, chin), scale, scale, scale)
        return LimbWarp(rest, now, stretch, (upright, onto))

    def _face(self, stance: Stance) -> Bulge:
        face = self._c.face
        slide = [_clip(FACE_SLIDE * held, MOST_SLIDE) * face.width_px for held in stance.face[1:]]
        cos, sin = math.cos(face.held[0]), math.sin(face.held[0])
        shift = cos * slide[0] - sin * slide[1], sin * slide[0] + cos * slide[1]
        return Bulge(*face.centre, 0.9 * face.width_px, *shift)

    def _trunk(self, stance: Stance, posed: Segment) -> TrunkWarp:
        rest = self._rest[Part.TORSO]
        lines = [
            self._line(stance, rest, posed, *pair)
            for pair in ((Joint.LEFT_HIP, Joint.RIGHT_HIP), (Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER))
        ]
        return TrunkWarp(rest, posed, (lines[0][0], lines[1][0]), (lines[0][1], lines[1][1]))

    def _line(self, stance: Stance, rest: Segment, posed: Segment, left: Joint, right: Joint) -> tuple[float, float]:
        """Slope and width of hips or shoulders against the turned torso."""
        own, now = self._c.joints[left] - self._c.joints[right], stance.joints[left] - stance.joints[right]
        along0, across0 = Segment(0, 0, rest.angle, 1).local(*own)
        along1, across1 = Segment(0, 0, posed.angle, 1).local(*now)
        across0 = across0 if abs(across0) > 1 else math.copysign(1, across0)
        width = min(max(across1 / across0, NARROWEST * stance.scale), WIDEST * stance.scale)
        return _clip((along1 * rest.length / posed.length - along0) / across0, STEEPEST), width


def paste(target: np.ndarray, rgba: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Draw over ``target`` what is seen there of a layer.

    Args:
        target: ``(height, width, 3)`` uint8, changed in place.
        rgba: ``(h, w, 4)`` uint8, premultiplied.
        x: ``(height, width)`` float32: for each pixel of ``target`` the column in ``rgba``.
        y: Likewise the row.
    """
    bent = cv2.remap(rgba, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    behind = cv2.cvtColor(255 - bent[..., 3], cv2.COLOR_GRAY2RGB)
    cv2.add(cv2.multiply(target, behind, scale=1 / 255), cv2.cvtColor(bent, cv2.COLOR_RGBA2RGB), dst=target)


def _cells(start: int, end: int) -> np.ndarray:
    """Middles of the cells from one before ``start`` to one after ``end``, px."""
    count = -(-(end - start) // CELL_PX) + 2
    return (np.arange(count) - 1) * float(CELL_PX) + (start + (CELL_PX - 1) / 2)


def _refine(coarse: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Interpolate a map given at :func:`_cells` to every pixel of ``size`` (width, height)."""
    rows, columns = coarse.shape
    fine = cv2.resize(coarse.astype(np.float32), (columns * CELL_PX, rows * CELL_PX), interpolation=cv2.INTER_LINEAR)
    return fine[CELL_PX : CELL_PX + size[1], CELL_PX : CELL_PX + size[0]]


def _segment(joints: np.ndarray, part: Part) -> Segment:
    if part is Part.TORSO:
        return Segment.between((joints[Joint.LEFT_HIP] + joints[Joint.RIGHT_HIP]) / 2, joints[Joint.NECK])
    return Segment.between(joints[BONES[part].start], joints[BONES[part].end])


def _hull(layer: Layer) -> np.ndarray:
    solid = (layer.rgba[..., 3] > 2).astype(np.uint8)
    contours, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return np.zeros((2, 1))
    hull = cv2.convexHull(np.concatenate(contours))[:, 0].astype(float) + layer.corner
    ends = np.roll(hull, -1, axis=0)
    steps = np.arange(0, 1, OUTLINE_STEP)[:, None, None]
    return (hull * (1 - steps) + ends * steps).reshape(-1, 2).T


def _mitre(angle: float) -> float:
    return _clip(angle / 2, MOST_MITRE)


def _clip(value: float, most: float) -> float:
    return min(max(value, -most), most)


def _wrap(angle: float) -> float:
    return (angle + math.pi) % (2 * math.pi) - math.pi
