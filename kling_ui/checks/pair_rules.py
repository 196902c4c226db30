"""What image, clip and prompt must be together. Each rule yields nothing when it is kept."""

from collections.abc import Callable, Iterator

from kling_ui.characters import odd_characters
from kling_ui.checks.finding import Evidence, Finding, Severity
from kling_ui.checks.limits import ASPECT_SQUARE_MAX, PROMPT_MAX_CHARS, ROOM_LEFT_SHARE_MAX, Source
from kling_ui.checks.room import room_for
from kling_ui.choice import Choice
from kling_ui.media.picture import ImageFacts
from kling_ui.media.probe import VideoFacts
from kling_ui.vision.body import Framing
from kling_ui.vision.look import ImageLook, VideoLook

_NAMED_MAX = 5  # a prompt of nothing else must not fill the page
_AN = {Framing.FULL: "a full body", Framing.UPPER: "an upper body"}


def check_prompt_required(choice: Choice) -> Iterator[Finding]:
    """``prompt.required``: this API refuses a run without one."""
    if not choice.prompt.strip():
        message = "The prompt is empty; this model needs one."
        advice = "Describe the scene, the clothes and the light in a few words."
        yield Finding("prompt.required", Severity.BLOCK, 0, message, advice, Source.VENDOR)


def check_prompt_length(choice: Choice) -> Iterator[Finding]:
    """``prompt.length``: at most 2500 characters."""
    length = len(choice.prompt)
    if length > PROMPT_MAX_CHARS.value:
        message = f"The prompt has {length} characters; at most {PROMPT_MAX_CHARS.value} are taken."
        advice = "Shorten it: it only describes scene, clothes and light; the motion comes from the video."
        yield Finding("prompt.length", Severity.BLOCK, length, message, advice, PROMPT_MAX_CHARS.source)


def check_prompt_characters(choice: Choice) -> Iterator[Finding]:
    """``prompt.characters``: nothing that cannot be sent or kept as text."""
    if odd := odd_characters(choice.prompt):
        named = ", ".join(odd[:_NAMED_MAX]) + (", ..." if len(odd) > _NAMED_MAX else "")
        message = f"The prompt holds characters that are no text and cannot be sent ({named})."
        advice = "Write it anew, or paste it without formatting; invisible characters go along with what is copied."
        yield Finding("prompt.characters", Severity.BLOCK, named, message, advice, Source.SENSE)


def check_framing(image: ImageLook, video: VideoLook, _choice: Choice) -> Iterator[Finding]:
    """``pair.framing``: both show a full body, or both an upper body."""
    if image.person is None or {image.person.framing, video.framing} != {Framing.FULL, Framing.UPPER}:
        return
    message = (
        f"The image shows {_AN[image.person.framing]}, the clip {_AN[video.framing]}; what is missing is invented."
    )
    advice = "Choose an image and a clip that show the same part of the body, or crop the one that shows more."
    measured = f"{image.person.framing} / {video.framing}"
    yield Finding(
        "pair.framing",
        Severity.WARN,
        measured,
        message,
        advice,
        Source.KLING,
        evidence=Evidence(image.overlay, boxes=(image.person.box,)),
    )


def check_room(image: ImageLook, video: VideoLook, choice: Choice) -> Iterator[Finding]:
    """``pair.room``: the picture has room for the moves of the clip."""
    room = room_for(image, video, choice.orientation)
    if room is None or room.left_share < ROOM_LEFT_SHARE_MAX:
        return
    message = (
        f"The image is too tight for the moves of the clip: the character would leave it at the {_listed(room.edges)}, "
        f"{room.left_share * 100:.0f} % of the time."
    )
    advice = "Choose a picture with more empty space around the character, or a calmer clip."
    yield Finding(
        "pair.room",
        Severity.WARN,
        round(room.left_share, 3),
        message,
        advice,
        Source.KLING,
        evidence=Evidence(image.overlay, boxes=(room.box,)),
    )


def check_aspect(image: ImageFacts, video: VideoFacts) -> Iterator[Finding]:
    """``pair.aspect``: not one portrait and the other landscape."""
    shapes = _shape(image.width_px, image.height_px), _shape(video.width_px, video.height_px)
    if set(shapes) == {"portrait", "landscape"}:
        message = f"The image is in {shapes[0]} format, the clip in {shapes[1]} format."
        advice = "Choose two of the same format, or crop one of them."
        yield Finding("pair.aspect", Severity.WARN, " / ".join(shapes), message, advice, Source.FIELD)


CHOICE_RULES: tuple[Callable[[Choice], Iterator[Finding]], ...] = (
    check_prompt_required,
    check_prompt_characters,
    check_prompt_length,
)
FACT_RULES: tuple[Callable[[ImageFacts, VideoFacts], Iterator[Finding]], ...] = (check_aspect,)
LOOK_RULES: tuple[Callable[[ImageLook, VideoLook, Choice], Iterator[Finding]], ...] = (check_framing, check_room)


def _shape(width_px: int, height_px: int) -> str:
    if max(width_px, height_px) < ASPECT_SQUARE_MAX * min(width_px, height_px):
        return "square"
    return "portrait" if height_px > width_px else "landscape"


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]
