"""An S3-compatible store where files wait for the engine, behind presigned addresses."""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from kling_ui.languages import Told
from kling_ui.media.signatures import HEAD_BYTES
from kling_ui.options import InputKind
from kling_ui.runs.publishing.given_url import media_type_of
from kling_ui.runs.publishing.protocol import Channel, Delivery, InputFile, NoPublisherError, PublishedFile
from kling_ui.runs.publishing.url_probe import UrlProbe, confirm
from kling_ui.signing import signature

FOLDER = "lent"
CALL_LIMIT_S = 20.0
UPLOAD_LIMIT_S = 300.0
SWEEP_EVERY_S = 6 * 3600.0
SWEEP_AFTER_S = 7 * 86_400.0  # no presigned address works longer, whoever made it
_OURS = re.compile(rf"{FOLDER}/[A-Za-z0-9_-]{{43}}\.[a-z0-9]{{1,8}}")
_TROUBLE = (OSError, BaseError)

log = logging.getLogger(__name__)


class S3Publisher:
    """Copies a file into the store under a name that nobody can guess, and lends a presigned address of it.

    The name follows from the run and the key, so that a later process can delete the object without any list. What a
    killed process left behind is deleted a week later.

    Args:
        store: The bucket, and a folder in it.
        key: Behind the names.
        probe: Tries the address before it is used.
        publish_hours: For how long an address works, 1-168.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        store: S3Store,
        key: bytes,
        probe: UrlProbe,
        *,
        publish_hours: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._key = key
        self._probe = probe
        self._publish_hours = publish_hours
        self._clock = clock
        self._swept_at = 0.0

    async def publish(self, source: InputFile, role: InputKind) -> PublishedFile:
        """Upload the file and sign its address.

        Raises:
            NoPublisherError: The store does not take it, or a stranger cannot fetch it from there.
        """
        url = await self._upload(source, role, await asyncio.to_thread(_media_type, source.path, role))
        try:
            await confirm(url, source, role, probe=self._probe, now=self._clock())
        except NoPublisherError as error:
            await self.take_back(source)
            raise NoPublisherError(
                Told(
                    "The store (KLING_UI_STORE_URL) has the {role}, but nobody can fetch it there: {message}",
                    role=role,
                    message=error.message,
                )
            ) from None
        return PublishedFile(url, Delivery(Channel.STORE, urlsplit(url).hostname or "", self._publish_hours))

    async def foresee(self, source: InputFile, role: InputKind) -> Delivery:
        """Tell that the file would be uploaded to the store; nothing is asked of it.

        Raises:
            NoPublisherError: The file is of no kind that RunComfy takes, or the store cannot be used.
        """
        await asyncio.to_thread(_media_type, source.path, role)
        try:
            url = await obstore.sign_async(self._store, "GET", FOLDER, timedelta(hours=1))
        except _TROUBLE as error:
            raise NoPublisherError(
                Told("The store (KLING_UI_STORE_URL) cannot be used: {reason}.", reason=_reason(error))
            ) from None
        return Delivery(Channel.STORE, urlsplit(url).hostname or "", self._publish_hours)

    async def take_back(self, source: InputFile) -> None:
        """Delete the file from the store, whichever process has put it there."""
        await _quietly(obstore.delete_async(self._store, self._name(source.path)), "A run's file could not be deleted")
        if self._clock() - self._swept_at >= SWEEP_EVERY_S:
            self._swept_at = self._clock()
            await _quietly(self._sweep(), "Files that were left behind could not be looked for")

    async def _upload(self, source: InputFile, role: InputKind, media_type: str) -> str:
        name = self._name(source.path)
        try:
            async with asyncio.timeout(UPLOAD_LIMIT_S):
                await obstore.put_async(self._store, name, source.path, attributes={"Content-Type": media_type})
                return await obstore.sign_async(self._store, "GET", name, timedelta(hours=self._publish_hours))
        except _TROUBLE as error:
            # the error may quote the store's whole answer, so it is not kept as the cause
            raise NoPublisherError(
                Told(
                    "The store (KLING_UI_STORE_URL) cannot take the {role}: {reason}.", role=role, reason=_reason(error)
                )
            ) from None

    def _name(self, path: Path) -> str:
        return f"{FOLDER}/{signature(self._key, FOLDER, path.parent.name, path.name)}{path.suffix}"

    async def _sweep(self) -> None:
        oldest = self._clock() - SWEEP_AFTER_S
        async for batch in obstore.list(self._store, FOLDER):
            objects = [meta for meta in batch if _OURS.fullmatch(meta["path"])]
            old = [meta["path"] for meta in objects if meta["last_modified"].timestamp() < oldest]
            if old:
                await obstore.delete_async(self._store, old)


async def _quietly(work: Awaitable[object], trouble: str) -> None:
    try:
        async with asyncio.timeout(CALL_LIMIT_S):
            await work
    except _TROUBLE as error:
        log.warning("%s in the store: %s.", trouble, _reason(error))


def _media_type(path: Path, role: InputKind) -> str:
    with path.open("rb") as file:
        return media_type_of(file.read(HEAD_BYTES), role)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, FileNotFoundError):
        return "there is no such bucket"
    if isinstance(error, PermissionError | PermissionDeniedError | UnauthenticatedError):
        return "it refuses the keys of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    return "it cannot be used with the AWS_ variables that are set"
