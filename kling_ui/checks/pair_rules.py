"""What image, clip and prompt must be together. Each rule yields nothing when it is kept."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from kling_ui.checks.limits import (
    ASPECT_SQUARE_MAX,
    PROMPT_MAX_CHARS,
    ROOM_LEFT_SHARE_MAX,
    ROOM_MARGIN_SHARE,
    LimitSource,
)
from kling_ui.checks.report import Evidence, Finding, FindingCode, Severity
from kling_ui.media.image import ImageFacts
from kling_ui.media.probe import VideoFacts
from kling_ui.options import Orientation, TransferOptions, odd_characters
from kling_ui.vision.analysis import ImageAnalysis, VideoAnalysis
from kling_ui.vision.pose import ANKLES, ARMS, SHOULDERS, Framing, Landmark, in_frame, seen, trunk_length

_UPPER = [Landmark.NOSE, *ARMS, Landmark.LEFT_INDEX, Landmark.RIGHT_INDEX]
_NAMED_MAX = 5  # a prompt of nothing else must not fill the page


@dataclass(frozen=True, slots=True)
class FramingMargin:
    """How much room the moves need.

    Attributes:
        left_share: Share of the moments, 0-1, in which a hand, foot or the head would leave the picture.
        box: What the moves need, ``(left, top, right, bottom)`` as fractions of the picture; beyond 0-1 is missing.
        edges: The picture's edges that are too near: any of left, top, right, bottom.
    """

    left_share: float
    box: tuple[float, float, float, float]
    edges: tuple[str, ...]


def framing_margin(image: ImageAnalysis, video: VideoAnalysis, orientation: Orientation) -> FramingMargin | None:
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
    joints = [*_UPPER, *ANKLES] if both_full else _UPPER
    places = video.track.landmarks[found][:, :, :2] * (video.track.aspect, 1.0)
    roots = places[:, SHOULDERS].mean(axis=1)
    origin = roots[:1] if orientation == Orientation.VIDEO else roots
    moves = (places[:, joints] - origin[:, None]) * (ruler / max(float(steps), 1e-6))
    root = (person[SHOULDERS, :2] * (aspect, 1.0)).mean(axis=0)
    laid = (root + moves) / (aspect, 1.0)
    counts = seen(video.track.landmarks[found])[:, joints] & in_frame(person)[joints]
    edges = ("left", "top", "right", "bottom") if image.person.framing == Framing.FULL else ("left", "top", "right")
    return _measured(laid, counts, edges)  # a half body goes on below the picture anyway


def _measured(laid: np.ndarray, counts: np.ndarray, edges: tuple[str, ...]) -> FramingMargin | None:
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
    return FramingMargin(
        share, (box[0], box[1], box[2], box[3]), tuple(edge for edge, mask in outside.items() if mask.any())
    )


def check_prompt_required(choice: TransferOptions) -> Iterator[Finding]:
    """``prompt.required``: this API refuses a run without one."""
    if not choice.prompt.strip():
        yield Finding(FindingCode.PROMPT_REQUIRED, Severity.BLOCK, 0, LimitSource.VENDOR)


def check_prompt_length(choice: TransferOptions) -> Iterator[Finding]:
    """``prompt.length``: at most as many characters as the service takes."""
    length = len(choice.prompt)
    if length > PROMPT_MAX_CHARS.value:
        values = {"length": length, "limit": PROMPT_MAX_CHARS.value}
        yield Finding(FindingCode.PROMPT_LENGTH, Severity.BLOCK, length, PROMPT_MAX_CHARS.source, values)


def check_prompt_characters(choice: TransferOptions) -> Iterator[Finding]:
    """``prompt.characters``: nothing that cannot be sent or kept as text."""
    if odd := odd_characters(choice.prompt):
        named = ", ".join(odd[:_NAMED_MAX]) + (", ..." if len(odd) > _NAMED_MAX else "")
        values = {"characters": named}
        yield Finding(FindingCode.PROMPT_CHARACTERS, Severity.BLOCK, named, LimitSource.SENSE, values)


def check_framing(image: ImageAnalysis, video: VideoAnalysis, _choice: TransferOptions) -> Iterator[Finding]:
    """``pair.framing``: both show a full body, or both an upper body."""
    if image.person is None or {image.person.framing, video.framing} != {Framing.FULL, Framing.UPPER}:
        return
    measured, evidence = f"{image.person.framing} / {video.framing}", Evidence(image.overlay, boxes=(image.person.box,))
    values = {"image": image.person.framing, "video": video.framing}
    yield Finding(FindingCode.PAIR_FRAMING, Severity.WARN, measured, LimitSource.KLING, values, evidence=evidence)


def check_room(image: ImageAnalysis, video: VideoAnalysis, choice: TransferOptions) -> Iterator[Finding]:
    """``pair.room``: the picture has room for the moves of the clip."""
    room = framing_margin(image, video, choice.orientation)
    if room is None or room.left_share < ROOM_LEFT_SHARE_MAX:
        return
    share, evidence = round(room.left_share, 3), Evidence(image.overlay, boxes=(room.box,))
    values = {"edges": room.edges, "share": room.left_share}
    yield Finding(FindingCode.PAIR_ROOM, Severity.WARN, share, LimitSource.KLING, values, evidence=evidence)


def check_aspect(image: ImageFacts, video: VideoFacts) -> Iterator[Finding]:
    """``pair.aspect``: not one portrait and the other landscape."""
    shapes = _shape(image.width_px, image.height_px), _shape(video.width_px, video.height_px)
    if set(shapes) == {"portrait", "landscape"}:
        values = {"image": shapes[0], "video": shapes[1]}
        yield Finding(FindingCode.PAIR_ASPECT, Severity.WARN, " / ".join(shapes), LimitSource.FIELD, values)


CHOICE_RULES: tuple[Callable[[TransferOptions], Iterator[Finding]], ...] = (
    check_prompt_required,
    check_prompt_characters,
    check_prompt_length,
)
FACT_RULES: tuple[Callable[[ImageFacts, VideoFacts], Iterator[Finding]], ...] = (check_aspect,)
ANALYSIS_RULES: tuple[Callable[[ImageAnalysis, VideoAnalysis, TransferOptions], Iterator[Finding]], ...] = (
    check_framing,
    check_room,
)


def _shape(width_px: int, height_px: int) -> str:
    if max(width_px, height_px) < ASPECT_SQUARE_MAX * min(width_px, height_px):
        return "square"
    return "portrait" if height_px > width_px else "landscape"
