"""Keep the figure within the picture, in place and size, and its resting feet on the spot."""

from dataclasses import dataclass

import numpy as np

from kling_ui.puppet.motion.frame_pose import within
from kling_ui.puppet.motion.pose_stream import SmoothedMotion, latch
from kling_ui.puppet.rig.character import Character
from kling_ui.puppet.skeleton import ANKLES, HIPS, KNEES, LEFT_LEG, RIGHT_LEG, SHOULDERS, TOES, Joint
from kling_ui.vision.pose import EPSILON

CROWN_M = 0.13  # from the ears to the top of the head, where no outline tells; adults' median is 0.131 (ANSUR II, 2012)
SOLID = 0.5  # alpha from which on a pixel is the figure's
EARS = 0.25  # of the distance between the ears: half the strip that is searched around their middle
LEAST_SIDE_SHARE = 0.1  # of the width, that stays between the middle of the head and a side
RISE_SHARE, FALL_SHARE, CUT_OFF_SHARE = 0.1, 0.25, 0.04  # of the height; the last where the picture shows no feet
HEADROOM = 0.8  # of the room above the head that it may use up
TIGHT_SHARE = 0.015  # of the height: a head may rise so far even where there is no room above it
SMALLEST, LARGEST = 0.75, 1.35  # of the figure, when the reference comes or goes
# Of its size a second, that a figure grows or shrinks at most: somebody who walks at 1.4 m/s towards a camera 3 m away.
ZOOM_PER_S = 0.5
ROOM_SHARE = 0.01  # of the height: at top and bottom, kept free by a figure that the picture shows whole
CUT_ROWS = 3  # of the picture, at its lower edge, of which one shows whether the figure is cut off there
BODY = (*HIPS, *SHOULDERS, *KNEES, *ANKLES, *TOES)  # what of a whole figure stays in the picture, with its head
RESTS_M_PER_S, MOVES_M_PER_S = 0.22, 0.4  # below and above which a foot begins to rest and to move
MOST_PULL_M = 0.1  # how far a foot is held back at most
SLIP_S = 1.5  # in which a held foot gives way to where it should be, so that nothing is pulled for ever
LET_GO_S = 0.12  # in which a foot that moves again catches up


@dataclass(frozen=True, slots=True)
class FramingLimits:
    """How far the figure may move and grow without leaving the picture, measured at its head.

    Attributes:
        left: Px that it may go to that side; likewise the next three.
        right: See above.
        up: See above.
        down: See above.
        largest: How large it may become, against the picture.
    """

    left: float
    right: float
    up: float
    down: float
    largest: float

    @classmethod
    def of(cls, character: Character, *, whole: bool) -> "FramingLimits":
        """Find the limits for a character; ``whole`` says whether its picture shows its feet."""
        width, height = character.size
        hips = character.joints[list(HIPS)].mean(axis=0)
        floor = character.joints[list(ANKLES), 1].max() if whole else hips[1]
        side = max(LEAST_SIDE_SHARE * width, head_half_px(character))
        head_x, crown = float(character.joints[Joint.HEAD, 0]), crown_y(character)
        headroom = max(HEADROOM * crown, TIGHT_SHARE * height)
        rise, fall = (RISE_SHARE, FALL_SHARE) if whole else (CUT_OFF_SHARE, CUT_OFF_SHARE)
        largest = min(LARGEST, 1 + headroom / max(float(floor) - crown, 1.0))
        if whole:
            extent = WholeExtent.of(character)
            largest = max(1.0, min(largest, (extent.bottom - extent.top) / max(extent.sole_y - crown, 1.0)))
        return cls(
            left=max(head_x - side, 1.0),
            right=max(width - side - head_x, 1.0),
            up=min(rise * height, headroom),
            down=fall * height,
            largest=largest,
        )

    def place(self, path: np.ndarray, lean: np.ndarray) -> np.ndarray:
        """Limit the displacement of the hips so that the head stays in the picture.

        Args:
            path: ``(frames, 2)`` of the hips, px.
            lean: ``(frames, 2)``: how the head moves against the hips, px.
        """
        head = path + lean
        return (
            np.column_stack([within(head[:, 0], self.left, self.right), within(head[:, 1], self.up, self.down)]) - lean
        )

    def size(self, scale: np.ndarray) -> np.ndarray:
        """Limit ``(frames,)`` sizes, against the picture's, likewise."""
        return 1 + within(scale - 1, 1 - SMALLEST, self.largest - 1)


class Zoom:
    """Lets the figure's size change no faster than :data:`ZOOM_PER_S`; it remembers the last size.

    Args:
        fps: Frames per second.
    """

    def __init__(self, fps: float) -> None:
        self._most = 1 + ZOOM_PER_S / fps
        self._size: float | None = None

    def follow(self, sizes: np.ndarray, count: int) -> np.ndarray:
        """Limit ``(frames,)`` wanted sizes, which go on from the last call's; the next call's after ``count``."""
        out, before = np.empty(len(sizes)), self._size
        for index, wanted in enumerate(sizes.tolist()):
            before = wanted if before is None else before
            out[index] = before = min(max(wanted, before / self._most), before * self._most)
        self._size = float(out[count - 1])
        return out


@dataclass(frozen=True, slots=True)
class WholeExtent:
    """How far a figure goes beyond its joints that the picture shows from head to feet, and where it may go.

    Attributes:
        head_px: From the ears to the top of the head.
        half_px: Half the head's width.
        sole_px: From the lowest joint of the feet to the soles.
        sole_y: The row of the soles in the picture.
        top: The row above which it does not go; likewise the next.
        bottom: See above.
        width: Of the picture, px.
    """

    head_px: float
    half_px: float
    sole_px: float
    sole_y: float
    top: float
    bottom: float
    width: int

    @classmethod
    def of(cls, character: Character) -> "WholeExtent":
        """Measure a character."""
        width, height = character.size
        crown, lowest = crown_y(character), float(character.joints[[*ANKLES, *TOES], 1].max())
        rows = np.flatnonzero((character.alpha[:height] > SOLID).any(axis=1))
        sole = max(lowest, float(rows[-1] + 1)) if len(rows) else lowest
        room = ROOM_SHARE * height
        return cls(
            head_px=float(character.joints[Joint.HEAD, 1]) - crown,
            half_px=head_half_px(character),
            sole_px=sole - lowest,
            sole_y=sole,
            top=min(crown, room),
            bottom=max(sole, height - room),
            width=width,
        )

    def inside(self, joints: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Find how far the figure is to be moved to be in the picture from head to feet.

        Args:
            joints: ``(frames, 18, 2)`` px.
            scale: ``(frames,)`` its size.

        Returns:
            ``(frames, 2)`` px; where it does not fit the head comes first, and to the sides the middle.
        """
        soles = joints[:, [*ANKLES, *TOES], 1].max(axis=1) + self.sole_px * scale
        up = np.maximum(soles - self.bottom, 0)
        crown = joints[:, Joint.HEAD, 1] - self.head_px * scale
        down = np.maximum(self.top - (crown - up), 0)
        body, head = joints[:, list(BODY), 0], joints[:, Joint.HEAD, 0]
        left = np.minimum(body.min(axis=1), head - self.half_px * scale)
        right = np.maximum(body.max(axis=1), head + self.half_px * scale)
        over = np.maximum(-left, 0), np.maximum(right - self.width, 0)
        middle = (self.width - left - right) / 2
        aside = np.where(right - left > self.width, middle, over[0] - over[1])
        return np.column_stack([aside, down - up])


@dataclass(frozen=True, slots=True)
class CutEdge:
    """The lower edge of a figure that the picture cuts off, and that is continued below; it stays out of sight.

    Attributes:
        corners: ``(2, 2)``: its ends, px along the spine (from the hips up) and across it.
        length: Of the spine in the picture, px.
        bottom: The picture's height, px.
    """

    corners: np.ndarray
    length: float
    bottom: float

    @classmethod
    def of(cls, character: Character) -> "CutEdge | None":
        """Find the edge; ``None`` where the figure ends above the picture's."""
        height = character.size[1]
        columns = np.flatnonzero((character.alpha[height - CUT_ROWS : height] > SOLID).any(axis=0))
        if not len(columns) or len(character.alpha) <= height:
            return None
        corners = np.array([[columns[0], len(character.alpha)], [columns[-1], len(character.alpha)]], float)
        hips, spine = _spine(character.joints[None])
        length = max(float(np.hypot(*spine[0])), 1.0)
        up = spine[0] / length
        away = corners - hips[0]
        return cls(np.stack([away @ up, away @ [-up[1], up[0]]], axis=-1), length, float(height))

    def out_of_sight(self, joints: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Find how far down the figure is to be moved, ``(frames, 2)`` px, so that its lower edge is not seen.

        Args:
            joints: ``(frames, 18, 2)`` px.
            scale: ``(frames,)`` its size.
        """
        hips, spine = _spine(joints)
        length = np.maximum(np.linalg.norm(spine, axis=1), 1.0)
        up = spine[:, 1] / length
        along, across = self.corners[:, 0, None] * (length / self.length), self.corners[:, 1, None] * scale
        rows = hips[:, 1] + along * up + across * (spine[:, 0] / length)
        return np.column_stack([np.zeros(len(joints)), np.maximum(self.bottom - rows.min(axis=0), 0)])


def _spine(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``(frames, 2)`` the middle of the hips, and the way from there to the neck."""
    hips = joints[:, list(HIPS)].mean(axis=1)
    return hips, joints[:, Joint.NECK] - hips


def crown_y(character: Character) -> float:
    """Find the top of the head: the row, px, in which the figure begins above its ears; at least 0."""
    x, ears = character.joints[Joint.HEAD]
    half = EARS * character.face.width_px
    above = _solid(character, (0, float(ears)), (float(x) - half, float(x) + half)).any(axis=1)[::-1]
    if not above[:1].any():
        return max(0.0, float(ears) - CROWN_M * character.px_per_m)
    return float(len(above) - _run(above))


def head_half_px(character: Character) -> int:
    """Measure half the width, px, of the head with its hair at the height of the ears."""
    x, ears = (float(value) for value in character.joints[Joint.HEAD])
    rows = ears - EARS * character.face.width_px, ears + EARS * character.face.width_px
    left = _solid(character, rows, (0, x)).any(axis=0)[::-1]
    right = _solid(character, rows, (x, character.size[0])).any(axis=0)
    return max(_run(left), _run(right), 1)


def _solid(character: Character, rows: tuple[float, float], columns: tuple[float, float]) -> np.ndarray:
    """Where in a box of the picture the figure is, ``(height, width)`` bool of at least one row and one column."""
    (top, bottom), (left, right) = ((max(0, round(low)), max(0, round(high))) for low, high in (rows, columns))
    box = character.alpha[: character.size[1]][top : max(top + 1, bottom), left : max(left + 1, right)]
    return box > SOLID if box.size else np.zeros((1, 1), bool)


def _run(line: np.ndarray) -> int:
    """How many of a line's first values are true."""
    return len(line) if line.all() else int(line.argmin())


class FootLock:
    """Keeps resting feet from sliding; it remembers from one call to the next where they stand.

    Args:
        fps: Frames per second.
        px_per_m: Scale of the figure.
    """

    def __init__(self, fps: float, px_per_m: float) -> None:
        self._most_px = MOST_PULL_M * px_per_m
        self._slip, self._let_go = np.exp(-1 / (SLIP_S * fps)), np.exp(-1 / (LET_GO_S * fps))
        self._rests = [False, False]
        self._before: list[np.ndarray | None] = [None, None]  # where each foot was shown last
        self._pulls = np.zeros((2, 2))

    def hold(self, joints: np.ndarray, p: SmoothedMotion, seen: np.ndarray) -> None:
        """Correct the legs in the next frames, in place.

        Args:
            joints: ``(frames, 18, 2)`` px.
            p: The reference in these frames.
            seen: ``(frames, 2)`` 0-1: how well the left and the right foot are seen there.
        """
        for side, leg in enumerate((LEFT_LEG, RIGHT_LEG)):
            moves = latch(p.speed_m_s[:, side], on=MOVES_M_PER_S, off=RESTS_M_PER_S, state=not self._rests[side])
            self._rests[side] = not bool(moves[-1])
            pulls = self._follow(side, joints[:, ANKLES[side]], ~moves) * seen[:, side, None]
            _pull(joints, leg, pulls)

    def _follow(self, side: int, ankle: np.ndarray, rests: np.ndarray) -> np.ndarray:
        """``(frames, 2)``: how far a foot is to be pulled away from where it would be, px."""
        pulls = np.zeros(ankle.shape)
        pull, before = self._pulls[side], self._before[side]
        for index, (place, stays) in enumerate(zip(ankle, rests, strict=True)):
            if stays and before is not None:
                pull = (before - place) * self._slip
                pull *= min(1.0, self._most_px / max(float(np.hypot(*pull)), EPSILON))
            else:
                pull = pull * self._let_go
            before = place + pull
            pulls[index] = pull
        self._pulls[side], self._before[side] = pull, before
        return pulls


def _pull(joints: np.ndarray, leg: tuple[Joint, ...], pulls: np.ndarray) -> None:
    """Move a foot, and its knee by the knee's share of the leg."""
    hip, knee, ankle, toe = leg
    thigh = np.linalg.norm(joints[:, knee] - joints[:, hip], axis=1)
    shin = np.linalg.norm(joints[:, ankle] - joints[:, knee], axis=1)
    share = thigh / np.maximum(thigh + shin, EPSILON)
    joints[:, knee] += share[:, None] * pulls
    joints[:, ankle] += pulls
    joints[:, toe] += pulls
