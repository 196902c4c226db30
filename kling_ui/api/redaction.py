"""Taking secrets out of text that others wrote, before it is kept or shown."""

import re

_QUERY = re.compile(r"(?i)\b(https?://)(?:[^\s/?#\"'<>@]*@)?([^\s?#\"'<>]*)[?#][^\s\"'<>]*")
_DATA_URI = re.compile(r"(?i)\bdata:[a-z0-9.+-]+/[a-z0-9.+-]+[;,][^\s\"'<>]*")
_BEARER = re.compile(r"(?i)\b(bearer)\s+[!-~]+")


def redacted(text: str) -> str:
    """Shorten addresses to what cannot open anything, and drop bearer tokens and inline media."""
    text = _QUERY.sub(r"\1\2?...", text)
    text = _DATA_URI.sub("data:...", text)
    return _BEARER.sub(r"\1 ***", text)
