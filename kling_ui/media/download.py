"""Downloading a file from an address that a user gave; see :mod:`kling_ui.media.safe_http` for what keeps us safe."""

import asyncio
import uuid
from collections.abc import Collection
from pathlib import Path

import anyio
import httpx

from kling_ui.errors import MediaError
from kling_ui.media.safe_http import Resolve, refusal, resolve_host, safe_request
from kling_ui.media.signatures import described, sniff

DEADLINE_S = 120.0
_EXTENSIONS = {"jpeg": "jpg", "matroska": "mkv", "mpegts": "ts", "mpeg": "mpg", "heif": "heic"}


async def download(
    url: str,
    folder: Path,
    *,
    http: httpx.AsyncClient,
    max_bytes: int,
    kinds: Collection[str],
    allow_private: bool = False,
    deadline_s: float = DEADLINE_S,
    resolve: Resolve = resolve_host,
) -> Path:
    """Download a picture or clip and keep it under a name that says what it is.

    Args:
        url: ``http`` or ``https``, without a user name or password.
        folder: Where the file goes; nothing is left there when the download fails.
        http: A client without base URL, cookies or credentials; tests hand in one with a fake transport.
        max_bytes: Size at which the download is given up.
        kinds: Formats that are wanted, as :func:`kling_ui.media.probe.sniff` names them.
        allow_private: Also reach addresses that are not public; for a server that its user runs alone.
        deadline_s: Seconds for all of it.
        resolve: How to look up a host's addresses.

    Raises:
        MediaError: The address cannot be used, or what is there is not what was wanted.
    """
    part = folder / f".{uuid.uuid4().hex}.part"
    try:
        async with (
            asyncio.timeout(deadline_s),
            safe_request(url, http=http, resolve=resolve, allow_private=allow_private) as found,
        ):
            _refuse_bad(found.answer, url)
            await _save(found.answer, part, url, max_bytes)
        kind = _wanted(part, url, kinds)
        return part.replace(folder / f"{uuid.uuid4().hex}.{_EXTENSIONS.get(kind, kind)}")
    except TimeoutError as error:
        raise refusal(f"the download took longer than {deadline_s:.0f} s.", url, "Download it yourself.") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        advice = "Check the address, or download the file yourself and upload it here."
        raise refusal("it could not be reached.", url, advice) from error
    finally:
        part.unlink(missing_ok=True)


def _refuse_bad(answer: httpx.Response, url: str) -> None:
    advice = "Check that the address opens in a private browser window, without signing in."
    if not answer.is_success:
        raise refusal(f"the server answers with an error ({answer.status_code}).", url, advice)
    if answer.headers.get("content-encoding", "identity").lower() not in {"", "identity"}:
        raise refusal("the server only sends it compressed.", url, "Download it yourself and upload it here.")


async def _save(answer: httpx.Response, part: Path, url: str, max_bytes: int) -> None:
    too_large = refusal(f"the file is larger than {max_bytes / 1e6:.0f} MB.", url, "Choose a smaller file.")
    announced = answer.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise too_large
    received = 0
    try:
        await anyio.Path(part.parent).mkdir(parents=True, exist_ok=True)
        async with await anyio.open_file(part, "wb") as file:
            async for chunk in answer.aiter_bytes(2**18):
                received += len(chunk)
                if received > max_bytes:
                    raise too_large
                await file.write(chunk)
    except OSError as error:
        raise refusal("the file cannot be stored.", url, "Free some space on this machine.") from error
    if announced.isdecimal() and received < int(announced):
        raise refusal("the download broke off.", url, "Try again.")


def _wanted(part: Path, url: str, kinds: Collection[str]) -> str:
    try:
        kind = sniff(part)
    except MediaError as error:
        raise refusal("there is nothing at this address.", url, "Check the address.") from error
    if kind not in kinds:
        advice = "Give the address of the file itself; opened in a browser it shows nothing else."
        raise refusal(f"what is there is {described(kind)}, not what is needed here.", url, advice)
    return kind
