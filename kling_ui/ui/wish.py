"""What a person wants to run, on its way between two events of the page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from kling_ui.characters import odd_characters
from kling_ui.choice import Choice, Orientation
from kling_ui.runs.runner import RunInputs
from kling_ui.ui.events import entries_of, text_of
from kling_ui.ui.web.files import Locker


@dataclass(frozen=True, slots=True)
class Wish:
    """Both inputs and the choice.

    Attributes:
        image: The character image.
        video: The reference video.
        choice: Prompt, orientation, sound.
        accepted: The person has checked what a detector may get wrong.
        image_url: The public address from which the image came, if it did.
        video_url: The public address from which the clip came, if it did.
    """

    image: Path
    video: Path
    choice: Choice
    accepted: bool = False
    image_url: str | None = field(default=None, repr=False)
    video_url: str | None = field(default=None, repr=False)

    def inputs(self, *, findings: Mapping[str, Any] | None) -> RunInputs:
        """Give what a run is made of; ``findings`` is what the checks said."""
        return RunInputs(
            image=self.image,
            video=self.video,
            choice=self.choice,
            image_url=self.image_url,
            video_url=self.video_url,
            findings=findings,
        )

    def to_value(self, locker: Locker) -> dict[str, Any]:
        """Put it into plain values that the browser carries; files become signed references."""
        return {
            "image": locker.sign(self.image),
            "video": locker.sign(self.video),
            "image_url": self.image_url,
            "video_url": self.video_url,
            "prompt": self.choice.prompt,
            "orientation": self.choice.orientation.value,
            "keep_sound": self.choice.keep_sound,
            "accepted": self.accepted,
        }

    @classmethod
    def from_value(cls, value: object, locker: Locker) -> Self | None:
        """Read what the browser carried; ``None`` unless both files are there and everything has its type."""
        given = entries_of(value)
        image, video = locker.open(given.get("image")), locker.open(given.get("video"))
        if image is None or video is None or given.get("orientation") not in list(Orientation):
            return None
        choice = Choice(
            text_of(given.get("prompt")), Orientation(given["orientation"]), given.get("keep_sound") is True
        )
        urls = _url(given.get("image_url")), _url(given.get("video_url"))
        return cls(image, video, choice, given.get("accepted") is True, *urls)


def _url(given: object) -> str | None:
    text = text_of(given)
    return None if odd_characters(text) else text or None
