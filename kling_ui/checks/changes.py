"""What a repair changed, in words: the facts before and after that differ."""

from dataclasses import dataclass

from kling_ui.media.picture import ImageFacts
from kling_ui.media.probe import VideoFacts
from kling_ui.media.signatures import SHOWN_NAMES


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that a repair changed.

    Attributes:
        what: Its name, such as ``duration``.
        before: Its value in words and units.
        after: Likewise.
    """

    what: str
    before: str
    after: str


def changes(before: ImageFacts | VideoFacts, after: ImageFacts | VideoFacts) -> tuple[Change, ...]:
    """List the facts that differ, what a person looks at first coming first."""
    old, new = _told(before), _told(after)
    return tuple(Change(what, old[what], new[what]) for what in old if what in new and old[what] != new[what])


def _told(facts: ImageFacts | VideoFacts) -> dict[str, str]:
    told = {
        "format": SHOWN_NAMES.get(facts.format, facts.format.upper()),
        "size": f"{facts.width_px} x {facts.height_px} px",
        "file": f"{facts.size_bytes / 1e6:.1f} MB"
        if facts.size_bytes >= 50_000
        else f"{facts.size_bytes / 1e3:.0f} kB",
    }
    if isinstance(facts, ImageFacts):
        upright = "upright" if facts.exif_orientation == 1 else "turned by its metadata"
        alpha = "may be transparent" if facts.has_alpha else "opaque"
        return told | {"colours": facts.mode, "orientation": upright, "transparency": alpha}
    rate = "uneven" if facts.has_variable_rate else "even"
    return told | {
        "duration": f"{facts.duration_s:.2f} s",
        "codec": facts.codec,
        "colours": facts.pixel_format,
        "frame rate": f"{facts.fps:.4g} frames per second, {rate}",
        "rotation": f"{facts.rotation_deg}°",
        "sound": facts.audio_codec or "none",
    }
