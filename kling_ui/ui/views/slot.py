"""What the two inputs show: from measured facts to the plain values that ``slot.js`` displays."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any

from kling_ui.checks.changes import Change
from kling_ui.checks.faults import forecast
from kling_ui.errors import KlingUIError, MediaError
from kling_ui.media.picture import ImageFacts
from kling_ui.media.probe import VideoFacts
from kling_ui.media.signatures import SHOWN_NAMES
from kling_ui.ui.versions import Versions
from kling_ui.ui.views import wording
from kling_ui.ui.views.timeline import timeline_value
from kling_ui.ui.web.files import Locker
from kling_ui.vision.body import Framing
from kling_ui.vision.look import ImageLook, PersonFacts, VideoLook

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


def facts_of(locker: Locker, path: Path, facts: ImageFacts | VideoFacts) -> SlotValue:
    """Show what a file says of itself while it is still being looked at."""
    if isinstance(facts, ImageFacts):
        return image_facts(locker, path, facts)
    return video_facts(locker, path, facts)


def look_of(locker: Locker, path: Path, look: ImageLook | VideoLook) -> SlotValue:
    """Show a file with all that was found in it."""
    return image_look(locker, path, look) if isinstance(look, ImageLook) else video_look(locker, path, look)


def repaired(locker: Locker, versions: Versions, changed: Iterable[Change]) -> SlotValue:
    """Show what repairs made of an input, and how to go back."""
    return {
        "repaired": {
            "labels": versions.current.labels,
            "changes": [(change.what[:1].upper() + change.what[1:], change.before, change.after) for change in changed],
            "picture": locker.url(versions.current.picture),
            "steps": len(versions.past),
        }
    }


def image_facts(locker: Locker, path: Path, facts: ImageFacts) -> SlotValue:
    """Show a picture whose character is still being looked for."""
    return received(locker, path) | {
        "alt": "The character image",
        "busy": "Looking for the character",
        "facts": [
            ("Size", wording.size(facts.width_px, facts.height_px)),
            ("File", f"{_named(facts)}, {wording.weight(facts.size_bytes)}"),
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
            ("File", f"{_named(facts)} ({facts.codec}), {wording.weight(facts.size_bytes)}"),
            ("Sound", "yes" if facts.has_audio else "none"),
        ],
    }


def video_look(locker: Locker, path: Path, look: VideoLook) -> SlotValue:
    """Show a clip with all that was found in it."""
    return video_facts(locker, path, look.facts) | {
        "busy": "",
        "strip": locker.url(look.strip),
        "strip_alt": "Moments of the clip with the skeleton that was found",
        "timeline": timeline_value(forecast(look)),
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


def _named(facts: ImageFacts | VideoFacts) -> str:
    return SHOWN_NAMES.get(facts.format, facts.format.upper())
