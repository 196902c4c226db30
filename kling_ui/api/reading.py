"""Reading single values out of JSON that may hold anything: the value, or ``None``."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from kling_ui.characters import without_odd


def text_of(value: object) -> str | None:
    """Return text without outer space and without what is no text, ``None`` when there is none."""
    return without_odd(value).strip() or None if isinstance(value, str) else None


def number_of(value: object) -> float | None:
    """Return a finite number of at least 0, else ``None``; booleans are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= sys.float_info.max else None


def time_of(value: object) -> datetime | None:
    """Return an RFC 3339 time as UTC, else ``None``."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def video_url_of(output: object) -> str | None:
    """Return the address of a result: ``video``, else the single entry of ``videos``, else ``None``."""
    if not isinstance(output, Mapping):
        return None
    if (url := text_of(output.get("video"))) is not None:
        return url
    videos = output.get("videos")
    return text_of(videos[0]) if isinstance(videos, list) and len(videos) == 1 else None
