"""What the two inputs show: from measured facts to the plain values that ``slot.js`` displays."""

from enum import StrEnum
from pathlib import Path
from typing import Any

from kling_ui.errors import KlingUIError, MediaError
from kling_ui.media.body import Framing
from kling_ui.media.look import ImageLook, PersonFacts, VideoLook
from kling_ui.media.picture import ImageFacts
from kling_ui.media.probe import VideoFacts
from kling_ui.ui import wording
from kling_ui.ui.files import Locker

SlotValue = dict[str, Any]


class Kind(StrEnum):
    """Which input."""

    IMAGE = "image"
    VIDEO = "video"


def busy(words: str) -> SlotValue:
    """Show that something is on its way."""
    return {"busy": words}


def failed(error: KlingUIError) -> SlotValue:
    """Show why an input could not be taken."""
    message = error.reason if isinstance(error, MediaError) else error.message
    return {"error": message[:1].upper() + message[1:], "advice": error.advice}


def received(locker: Locker, path: Path) -> SlotValue:
    """Show a file of which nothing is known yet."""
    return {"ref": locker.sign(path), "url": locker.url(path), "busy": "Reading the file"}


def image_facts(locker: Locker, path: Path, facts: ImageFacts) -> SlotValue:
    """Show a picture whose character is still being looked for."""
    return received(locker, path) | {
        "alt": "The character image",
        "busy": "Looking for the character",
        "facts": [
            ("Size", wording.size(facts.width_px, facts.height_px)),
            ("File", f"{facts.format.upper()}, {wording.weight(facts.size_bytes)}"),
        ],
    }


def image_look(locker: Locker, path: Path, look: ImageLook) -> SlotValue:
    """Show a picture with all that was found in it."""
    return image_facts(locker, path, look.facts) | {
        "busy": "",
        "overlay": locker.url(look.overlay),
        "found": found_in_image(look.person),
    }


def found_in_image(person: PersonFacts | None) -> str:
    """Say how much of a picture the character covers."""
    if person is None:
        return "No character was found."
    body = {Framing.FULL: "full body", Framing.UPPER: "upper body"}.get(person.framing, "part of the body")
    return f"The character covers {wording.share(person.subject_share)} of the picture, {body}."


def video_facts(locker: Locker, path: Path, facts: VideoFacts) -> SlotValue:
    """Show a clip whose person is still being looked for."""
    return received(locker, path) | {
        "busy": "Looking for the person",
        "facts": [
            ("Length", f"{wording.seconds(facts.duration_s)}, {wording.rate(facts.fps)}"),
            ("Size", wording.size(facts.width_px, facts.height_px)),
            ("File", f"{facts.format.upper()} ({facts.codec}), {wording.weight(facts.size_bytes)}"),
            ("Sound", "yes" if facts.has_audio else "none"),
        ],
    }


def video_look(locker: Locker, path: Path, look: VideoLook) -> SlotValue:
    """Show a clip with all that was found in it."""
    return video_facts(locker, path, look.facts) | {
        "busy": "",
        "strip": locker.url(look.strip),
        "strip_alt": "Moments of the clip with the skeleton that was found",
        "strip_words": f"{len(look.track.times_s)} moments were looked at; these are some of them.",
        "found": found_in_video(look),
    }


def found_in_video(look: VideoLook) -> str:
    """Say in how much of a clip a person is in view."""
    if look.person_share == 0:
        return "No person was found."
    body = {Framing.FULL: ", full body", Framing.UPPER: ", upper body"}.get(look.framing, "")
    if look.person_share == 1:
        return f"A person is in view all the time{body}."
    return f"A person is in view {wording.share(look.person_share)} of the time{body}."
