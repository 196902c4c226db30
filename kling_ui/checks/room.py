"""Whether a picture leaves room for the moves of a clip: the moves laid over the character. Pure geometry."""

from dataclasses import dataclass

import numpy as np

from kling_ui.checks.limits import ROOM_MARGIN_SHARE
from kling_ui.choice import Orientation
from kling_ui.vision.body import Framing, in_frame, seen
from kling_ui.vision.look import ImageLook, VideoLook
from kling_ui.vision.person import Landmark
from kling_ui.vision.posture import trunk_length

_SHOULDERS = [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER]
_UPPER = [
    Landmark.NOSE,
    Landmark.LEFT_ELBOW,
    Landmark.RIGHT_ELBOW,
    Landmark.LEFT_WRIST,
    Landmark.RIGHT_WRIST,
    Landmark.LEFT_INDEX,
    Landmark.RIGHT_INDEX,
]
_LOWER = [Landmark.LEFT_ANKLE, Landmark.RIGHT_ANKLE]


@dataclass(frozen=True, slots=True)
class Room:
    """How much room the moves need.

    Attributes:
        left_share: Share of the moments, 0-1, in which a hand, foot or the head would leave the picture.
        box: What the moves need, ``(left, top, right, bottom)`` as fractions of the picture; beyond 0-1 is missing.
        edges: The picture's edges that are too near: any of left, top, right, bottom.
    """

    left_share: float
    box: tuple[float, float, float, float]
    edges: tuple[str, ...]


def room_for(image: ImageLook, video: VideoLook, orientation: Orientation) -> Room | None:
    """Lay the clip's poses over the picture's character, trunk on trunk.

    Joints that are out of the clip's own view, and legs where either shows none, do not count.

    Args:
        image: The picture.
        video: The clip.
        orientation: With ``VIDEO`` the character also walks about as the person does.

    Returns:
        ``None`` when there is nobody in either.
    """
    found = video.track.found
    if image.person is None or not found.any():
        return None
    person = np.asarray(image.person.landmarks)
    aspect = image.facts.width_px / image.facts.height_px
    ruler = float(trunk_length(person, aspect))
    steps = np.median(trunk_length(video.track.landmarks[found], video.track.aspect))
    both_full = image.person.framing == Framing.FULL and video.framing == Framing.FULL
    joints = [*_UPPER, *_LOWER] if both_full else _UPPER
    places = video.track.landmarks[found][:, :, :2] * (video.track.aspect, 1.0)
    roots = places[:, _SHOULDERS].mean(axis=1)
    origin = roots[:1] if orientation == Orientation.VIDEO else roots
    moves = (places[:, joints] - origin[:, None]) * (ruler / max(float(steps), 1e-6))
    root = (person[_SHOULDERS, :2] * (aspect, 1.0)).mean(axis=0)
    laid = (root + moves) / (aspect, 1.0)
    counts = seen(video.track.landmarks[found])[:, joints] & in_frame(person)[joints]
    edges = ("left", "top", "right", "bottom") if image.person.framing == Framing.FULL else ("left", "top", "right")
    return _measured(laid, counts, edges)  # a half body goes on below the picture anyway


def _measured(laid: np.ndarray, counts: np.ndarray, edges: tuple[str, ...]) -> Room | None:
    if not counts.any():
        return None
    beyond = {
        "left": laid[..., 0] < -ROOM_MARGIN_SHARE,
        "top": laid[..., 1] < -ROOM_MARGIN_SHARE,
        "right": laid[..., 0] > 1 + ROOM_MARGIN_SHARE,
        "bottom": laid[..., 1] > 1 + ROOM_MARGIN_SHARE,
    }
    outside = {edge: (beyond[edge] & counts).any(axis=1) for edge in edges}
    low, high = laid[counts].min(axis=0), laid[counts].max(axis=0)
    box = tuple(round(float(side), 4) for side in (*low, *high))
    share = float(np.logical_or.reduce(list(outside.values())).mean())
    return Room(share, (box[0], box[1], box[2], box[3]), tuple(edge for edge, mask in outside.items() if mask.any()))
