"""From "the engine is done" to a video that is safe here: asked for, fetched, measured, named, written down."""

import asyncio
import random
from dataclasses import replace
from pathlib import Path

from kling_ui.api.client import ModelAPI
from kling_ui.api.models import RequestResult, RequestState
from kling_ui.api.pace import Pace
from kling_ui.errors import APIConnectionError, APIError, UnexpectedResponseError
from kling_ui.runs.chronicle import Chronicle, Desk
from kling_ui.runs.collect import VideoFetch, not_written
from kling_ui.runs.endings import EndedError, from_result, without_video
from kling_ui.runs.engines import Engine
from kling_ui.runs.expiry import expires_at
from kling_ui.runs.record import RunState

FREE_FETCH_TRIES = 3
SPOILED_TRIES = 3  # what came back was no video; a host may be in trouble for a moment
PATIENT_S = 600.0  # while a fetch keeps failing: a paid result is tried for until it has expired


class Collector:
    """Keeps the result of one run.

    Args:
        desk: What all runs share.
        engine: Where the result lies.
        api: The engine's API, opened with the run's token.
        chronicle: Where it is written down.
    """

    def __init__(self, desk: Desk, engine: Engine, api: ModelAPI, chronicle: Chronicle) -> None:
        self._desk = desk
        self._engine = engine
        self._api = api
        self._chronicle = chronicle

    async def collect(self) -> None:
        """Keep the video; what fails for now is tried again.

        Raises:
            EndedError: There is none to keep.
            APIError: The engine refuses to tell about the request.
            RunTimeoutError: It does not tell what became of it.
        """
        folder = self._desk.folders.of(self._chronicle.record.run_id)
        part = folder / f"result-{self._desk.holder}.part"  # another process may be fetching it, too
        try:
            await self._collect(folder, part)
        finally:
            part.unlink(missing_ok=True)

    async def _collect(self, folder: Path, part: Path) -> None:
        fetch = VideoFetch(self._engine.http, part, trusted=self._engine.trusts)
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
                    raise EndedError(without_video(error.message, self._chronicle.record)) from error
                trouble: APIError = error
            except APIConnectionError as error:
                trouble = error
            failures += 1
            await self._wait(trouble, failures)

    async def _video_url(self) -> str:
        record = self._chronicle.record
        result = await self._api.collect(
            record.request_id or "", pace=self._engine.pace, sleep=self._desk.sleep, on_trouble=self._on_trouble
        )
        ending = from_result(result, record)
        news: dict[str, object] = {}
        if result.cost_usd is not None and result.cost_usd != record.cost_usd:
            news["cost_usd"] = result.cost_usd
        if record.ready_at is None and result.state is RequestState.COMPLETED:
            news["ready_at"] = self._ready_at(result)
        state = None if ending or record.state is RunState.COLLECTING else RunState.COLLECTING
        if news or state:
            await self._chronicle.note(state, **news)
        if ending is not None:
            raise EndedError(ending)
        if result.video_url is None:
            raise UnexpectedResponseError("The engine gave none.")
        return result.video_url

    async def _make_room(self) -> None:
        try:
            await asyncio.to_thread(self._desk.folders.make, self._chronicle.record.run_id)
        except OSError as error:
            raise not_written(error) from error

    def _ready_at(self, result: RequestResult) -> float:
        now = self._desk.clock()
        return min(now, result.finished_at.timestamp()) if result.finished_at else now

    async def _keep(self, part: Path, target: Path) -> None:
        """Give a video that can be played its name, then write it down: nothing shows it before."""
        try:
            measured = await self._desk.measurer.facts(part)
            if measured.damage:
                raise UnexpectedResponseError(f"What came back cannot be played: {measured.damage}")
            await self._chronicle.confirm()
            await asyncio.to_thread(part.replace, target)
            await asyncio.to_thread(_sweep, target.parent)
        except OSError as error:
            raise not_written(error) from error
        await self._chronicle.note(result_name=target.name, result_sha256=measured.sha256, result_facts=measured.facts)

    async def _wait(self, trouble: APIError, failures: int) -> None:
        record, engine = self._chronicle.record, self._engine
        if engine.is_free and failures >= FREE_FETCH_TRIES:
            raise EndedError(without_video(trouble.message, record))
        until = expires_at(record)
        if until is not None and self._desk.clock() > until:
            raise EndedError(without_video(f"{trouble.message} It has expired by now.", record))
        self._on_trouble(trouble)
        jitter = random.random()  # noqa: S311  spreads retries, protects nothing
        await self._desk.sleep(_patient(engine.pace).after_failure(failures, asked_s=None, jitter=jitter))

    def _on_trouble(self, error: APIError) -> None:
        self._chronicle.show(trouble=f"{error.message} It is tried again.")


def _sweep(folder: Path) -> None:
    """Remove what processes that were killed had fetched; blocking."""
    for part in folder.glob("result-*.part"):
        part.unlink(missing_ok=True)


def _patient(pace: Pace) -> Pace:
    return replace(pace, backoff_ceiling_s=max(pace.backoff_ceiling_s, PATIENT_S))
