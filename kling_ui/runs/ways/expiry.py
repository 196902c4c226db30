"""When a signed address stops working, as far as it says so itself."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

_SIGNERS = ("x-amz-", "x-goog-", "x-oss-")  # signature version 4 of S3, and its likenesses at Google and Alibaba
_SECONDS = ("expires", "exp", "expiry")  # S3 version 2, CloudFront, this app, and many a home-made scheme
_PLAUSIBLE_S = range(10**9, 10**11)  # seconds since 1970 from 2001 on; anything else means something else


def expires_at(url: str) -> float | None:
    """Read when an address stops working.

    Args:
        url: Any address; only its query is looked at.

    Returns:
        Seconds since 1970, the earliest of all hints; ``None`` when there is none.
    """
    query = {name.lower(): value for name, value in parse_qsl(urlsplit(url).query)}
    readings = [
        *(_from_date_and_length(query, signer) for signer in _SIGNERS),
        *(_from_seconds(query.get(name, "")) for name in _SECONDS),
        _from_azure(query),
        _from_discord(query),
    ]
    return min((reading for reading in readings if reading is not None), default=None)


def _from_date_and_length(query: Mapping[str, str], signer: str) -> float | None:
    with suppress(ValueError, OverflowError):
        start = datetime.strptime(query.get(f"{signer}date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return (start + timedelta(seconds=int(query.get(f"{signer}expires", "")))).timestamp()
    return None


def _from_seconds(text: str) -> float | None:
    is_time = text.isascii() and text.isdigit() and len(text) <= 11 and int(text) in _PLAUSIBLE_S
    return float(text) if is_time else None


def _from_azure(query: Mapping[str, str]) -> float | None:
    if "sig" not in query:
        return None
    with suppress(ValueError):
        moment = datetime.fromisoformat(query.get("se", ""))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return None


def _from_discord(query: Mapping[str, str]) -> float | None:
    if not {"is", "hm"} <= query.keys():
        return None
    with suppress(ValueError):
        return float(int(query.get("ex", ""), 16))
    return None
