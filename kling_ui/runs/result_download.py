"""From "the engine is done" to a video that is safe here: asked for, fetched, measured, named, written down."""

import asyncio
import errno
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin

import httpx

from kling_ui.api.client import ModelAPI
from kling_ui.api.models import RequestResult, RequestState
from kling_ui.api.polling import PollingPolicy
from kling_ui.errors import APIConnectionError, APIError, MediaError, UnexpectedResponseError
from kling_ui.languages import Told
from kling_ui.media.signatures import sniff_video
from kling_ui.runs.engines import Engine
from kling_ui.runs.outcomes import EndedError, Trouble, TroubleCode, from_result, without_video
from kling_ui.runs.record import RunState, tried_until
from kling_ui.runs.recorder import RunContext, RunRecorder

RESULT_MAX_BYTES = 2 * 2**30  # 30 s of video have some ten MB; this only bounds a fault
FETCH_LIMIT_S = 600.0
REDIRECTS_MAX = 5
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
FREE_FETCH_TRIES = 3
SPOILED_TRIES = 3  # what came back was no video; a host may be in trouble for a moment
LATE_TRIES = 3  # of a video that would be gone by now; a connection may break for a moment
RETRY_CEILING_S = 600.0  # while a fetch keeps failing: a paid result is tried for until it has expired


class VideoDownload:
    """One video on its way here; a try that breaks off is gone on with by the next.

    Args:
        http: A client that carries no token.
        part: Where to write; whatever lies there is replaced.
        trusted: Tells whether an address may be fetched; asked again for every redirect.
        max_bytes: The largest video to take.
        limit_s: The longest time that one try may take, in seconds.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        part: Path,
        *,
        trusted: Callable[[str], bool],
        max_bytes: int = RESULT_MAX_BYTES,
        limit_s: float = FETCH_LIMIT_S,
    ) -> None:
        self._http = http
        self._part = part
        self._trusted = trusted
        self._max_bytes = max_bytes
        self._limit_s = limit_s
        self._size_bytes = 0
        self._version = ""  # the strong ETag of what is here already

    def start_over(self) -> None:
        """Take the video from its beginning with the next try; what is here already is no good."""
        self._size_bytes = 0

    async def attempt(self, url: str) -> str:
        """Fetch the video, or the rest of it.

        Args:
            url: Where the video lies; it may be a secret, so no message repeats it.

        Returns:
            The video's container by its content, such as ``"mp4"``.

        Raises:
            APIConnectionError: It did not come for a reason that may pass.
            UnexpectedResponseError: The address is not one to fetch from, or what lies there is no video.
        """
        try:
            async with asyncio.timeout(self._limit_s):
                await self._follow(url)
            return await asyncio.to_thread(sniff_video, self._part)
        except (httpx.RequestError, TimeoutError) as error:
            raise APIConnectionError("The connection broke while the video was fetched.") from error
        except MediaError as error:
            self.start_over()
            raise UnexpectedResponseError(
                Told("What came back is not a video: {reason}", reason=error.reason)
            ) from error
        except OSError as error:
            self.start_over()
            raise not_written(error) from error

    async def _follow(self, url: str) -> None:
        for _ in range(REDIRECTS_MAX + 1):
            if not self._trusted(url):
                raise UnexpectedResponseError("The video lies on a host that is not known as the engine's.")
            stream = self._http.stream("GET", url, headers=self._headers(), follow_redirects=False, timeout=_TIMEOUT)
            async with stream as response:
                if not response.is_redirect:
                    await self._take(response)
                    return
                url = urljoin(url, response.headers.get("Location", ""))
        raise UnexpectedResponseError("The video's address leads from place to place without end.")

    def _headers(self) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity"}
        if self._size_bytes and self._version:
            headers |= {"Range": f"bytes={self._size_bytes}-", "If-Range": self._version}
        return headers

    async def _take(self, response: httpx.Response) -> None:
        if response.status_code == 206 and _range_start(response) == self._size_bytes > 0:
            pass  # the rest of what is here already
        elif response.status_code == 200:
            self._size_bytes = 0
        else:
            self._size_bytes = 0
            raise APIConnectionError(
                Told("The video could not be fetched ({status_code}).", status_code=response.status_code)
            )
        etag = response.headers.get("ETag", "")
        self._version = etag if etag.startswith('"') else ""
        with await asyncio.to_thread(_open_at, self._part, self._size_bytes) as file:
            async for chunk in response.aiter_bytes():  # as they come, so that every byte before a break counts
                if self._size_bytes + len(chunk) > self._max_bytes:
                    raise UnexpectedResponseError(
                        Told("The video has more than {most:.0f} MiB.", most=self._max_bytes / 2**20)
                    )
                await asyncio.to_thread(file.write, chunk)
                self._size_bytes += len(chunk)
            await asyncio.to_thread(_sync, file)


def not_written(error: OSError) -> APIConnectionError:
    """Say that a video could not be written here, which may pass."""
    reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or "the disk refused"
    return APIConnectionError(Told("The video could not be written here ({reason}).", reason=reason))


def _open_at(path: Path, size_bytes: int) -> BinaryIO:
    if not size_bytes:
        return path.open("wb")
    file = path.open("r+b")
    file.truncate(size_bytes)
    file.seek(size_bytes)
    return file


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _range_start(response: httpx.Response) -> int | None:
    start = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    return int(start) if start.isascii() and start.isdigit() else None


class ResultDownload:
    """Keeps the result of one run.

    Args:
        context: What all runs share.
        engine: Where the result lies.
        api: The engine's API, opened with the run's token.
        recorder: Where it is written down.
    """

    def __init__(self, context: RunContext, engine: Engine, api: ModelAPI, recorder: RunRecorder) -> None:
        self._context = context
        self._engine = engine
        self._api = api
        self._recorder = recorder

    async def collect(self) -> None:
        """Keep the video; what fails for now is tried again.

        Raises:
            EndedError: There is none to keep.
            APIError: The engine refuses to tell about the request.
            RunTimeoutError: It does not tell what became of it.
        """
        folder = self._context.folders.of(self._recorder.record.run_id)
        part = folder / f"result-{self._context.holder}.part"  # another process may be fetching it, too
        try:
            await self._collect(folder, part)
        finally:
            part.unlink(missing_ok=True)

    async def _collect(self, folder: Path, part: Path) -> None:
        fetch = VideoDownload(self._engine.http, part, trusted=self._engine.trusts)
        failures = spoiled = 0
        while True:
            try:
                url = await self._video_url()
                await self._make_room()
                container = await fetch.attempt(url)
                return await self._keep(part, folder / f"result.{container}")
            except UnexpectedResponseError as error:
                fetch.start_over()
                spoiled += 1
                if spoiled >= SPOILED_TRIES:
                    raise EndedError(without_video(error.message)) from error
                trouble: APIError = error
            except APIConnectionError as error:
                trouble = error
            failures += 1
            await self._wait(trouble, failures)

    async def _video_url(self) -> str:
        record = self._recorder.record
        result = await self._api.collect(
            record.request_id or "", polling=self._engine.polling, sleep=self._context.sleep, on_retry=self._on_retry
        )
        outcome = from_result(result)
        news: dict[str, object] = {}
        if result.cost_usd is not None and result.cost_usd != record.cost_usd:
            news["cost_usd"] = result.cost_usd
        if record.ready_at is None and result.state is RequestState.COMPLETED:
            news["ready_at"] = self._ready_at(result)
        if result.notes and result.notes != record.notes:
            news["notes"] = result.notes
        state = None if outcome or record.state is RunState.COLLECTING else RunState.COLLECTING
        if news or state:
            await self._recorder.note(state, **news)
        if outcome is not None:
            raise EndedError(outcome)
        if result.video_url is None:
            raise UnexpectedResponseError("The engine gave none.")
        return result.video_url

    async def _make_room(self) -> None:
        try:
            await asyncio.to_thread(self._context.folders.make, self._recorder.record.run_id)
        except OSError as error:
            raise not_written(error) from error

    def _ready_at(self, result: RequestResult) -> float:
        now, created_at = self._context.clock(), self._recorder.record.created_at
        if result.finished_at is None:
            return now
        return min(now, max(created_at, result.finished_at.timestamp()))  # the vendor's clock may be wrong

    async def _keep(self, part: Path, target: Path) -> None:
        """Give a video that can be played its name, then write it down: nothing shows it before."""
        try:
            measured = await self._context.measurer.facts(part)
            if measured.damage:
                raise UnexpectedResponseError(Told("What came back cannot be played: {damage}", damage=measured.damage))
            await self._recorder.confirm()
            await asyncio.to_thread(part.replace, target)
            await asyncio.to_thread(_sweep, target.parent)
        except OSError as error:
            raise not_written(error) from error
        await self._recorder.note(result_name=target.name, result_sha256=measured.sha256, result_facts=measured.facts)

    async def _wait(self, trouble: APIError, failures: int) -> None:
        record, engine = self._recorder.record, self._engine
        if engine.is_free and failures >= FREE_FETCH_TRIES:
            raise EndedError(without_video(trouble.message))
        until = tried_until(record)
        if until is not None and self._context.clock() > until and failures >= LATE_TRIES:
            raise EndedError(without_video(trouble.message, is_expired=True))
        self._on_retry(trouble)
        jitter = random.random()  # noqa: S311  spreads retries, protects nothing
        await self._context.sleep(_unhurried(engine.polling).after_failure(failures, asked_s=None, jitter=jitter))

    def _on_retry(self, error: APIError) -> None:
        self._recorder.show(trouble=Trouble(TroubleCode.RETRIED, error.message))


def _sweep(folder: Path) -> None:
    """Remove what processes that were killed had fetched; blocking."""
    for part in folder.glob("result-*.part"):
        part.unlink(missing_ok=True)


def _unhurried(polling: PollingPolicy) -> PollingPolicy:
    return replace(polling, backoff_ceiling_s=max(polling.backoff_ceiling_s, RETRY_CEILING_S))
