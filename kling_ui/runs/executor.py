"""One run, carried from its two files to a kept and measured result."""

import asyncio
import logging

from pydantic import SecretStr

from kling_ui.api.models import MotionRequest, RequestState
from kling_ui.corrections import read_corrections
from kling_ui.errors import APIError, KlingUIError
from kling_ui.runs.engines import Engine
from kling_ui.runs.outcomes import (
    CancelAnswer,
    CancelCode,
    EndedError,
    Outcome,
    OutcomeCode,
    RetryLater,
    Trouble,
    TroubleCode,
    after_error,
)
from kling_ui.runs.publishing.protocol import FETCHING, InputFile
from kling_ui.runs.record import CORRECTIONS_NAME, EngineName, RunRecord, RunState
from kling_ui.runs.recorder import RunContext, RunRecorder, TakenOverError
from kling_ui.runs.result_download import ResultDownload

log = logging.getLogger(__name__)
_NO_PROMPT = "(none)"  # the embedded service demands words, as the vendor does, and draws without them
_STATES = {RequestState.IN_QUEUE: RunState.IN_QUEUE, RequestState.IN_PROGRESS: RunState.IN_PROGRESS}


class RunExecutor:
    """Carries one run; exactly one process does so at a time.

    Args:
        context: What all runs share.
        engine: Where the run goes.
        record: What is remembered of it; one with a request id is followed on, never sent again.
        token: Opens the engine; kept in memory for as long as the run is carried.
        image: The character image.
        reference: The reference video.

    Raises:
        SettingsError: The token cannot be one.
    """

    def __init__(
        self,
        context: RunContext,
        engine: Engine,
        record: RunRecord,
        *,
        token: SecretStr | None,
        image: InputFile,
        reference: InputFile,
    ) -> None:
        self._context = context
        self._engine = engine
        self._api = engine.api(token, record.choice.model)
        self._image = image
        self._reference = reference
        self._recorder = RunRecorder(context, record)
        self._is_published = record.has_inputs  # perhaps by the process before this one
        self._refusals = 0
        self._wants_cancel = False
        self._cancelled: OutcomeCode | None = None
        self._task: asyncio.Task[None] | None = None
        self._at_end = asyncio.Event()

    @property
    def record(self) -> RunRecord:
        """What is known of the run."""
        return self._recorder.record

    @property
    def is_sending(self) -> bool:
        """Whether a submit is on its way, which must not be cut off lightly."""
        return self.record.state is RunState.SUBMITTING

    @property
    def may_be_dropped(self) -> bool:
        """Whether this process knows nothing of the run that whoever took it over does not."""
        return not self.is_sending and not self.record.state.is_final and self._recorder.is_written

    async def run(self) -> None:
        """Carry the run to its end, then let go of it; only a cancelled task makes this raise."""
        self._task = asyncio.current_task()
        wait_s: float | None = 0.0
        try:
            while wait_s is not None:
                wait_s = await self._go(wait_s)
            self._at_end.set()
            await self._recorder.flush()
        except TakenOverError:
            log.warning("Run %s is looked after by another process now.", self.record.run_id)
        finally:
            self._at_end.set()
            await self._take_back()
            if not self.record.state.is_final:
                await self._recorder.let_go()

    async def cancel(self) -> CancelAnswer:
        """Try to cancel, and tell what that achieved."""
        match self.record.state:
            case RunState.PREPARING:
                return await self._stop(OutcomeCode.CANCELLED_BEFORE_SENDING)
            case RunState.SUBMITTING:
                self._wants_cancel = True
                return self._answer(CancelCode.BEING_SENT)
            case RunState.IN_QUEUE | RunState.IN_PROGRESS:
                return await self._cancel_request()
            case RunState.COLLECTING | RunState.SCORING:
                return self._answer(CancelCode.VIDEO_MADE)
            case _:
                return self._answer(CancelCode.ENDED_ALREADY)

    async def _go(self, wait_s: float) -> float | None:
        """Take the steps that are left; return the seconds after which to go on, ``None`` at the end."""
        try:
            if wait_s:
                await self._context.sleep(wait_s)
            await self._steps()
        except asyncio.CancelledError:
            if not self._cancelled:
                raise
            return await self._settle(Outcome(RunState.CANCELLED, self._cancelled))
        except (KlingUIError, EndedError) as error:
            return await self._settle(self._after(error))
        except TakenOverError:
            raise
        except Exception as error:
            log.exception("Run %s met a fault of this program.", self.record.run_id)
            return await self._settle(self._after(error))
        return None

    def _after(self, error: Exception) -> Outcome | RetryLater:
        age_s = self._context.clock() - self.record.changed_at
        outcome = after_error(error, self.record, is_free=self._engine.is_free, refusals=self._refusals, age_s=age_s)
        self._refusals += isinstance(error, APIError)
        return outcome

    async def _settle(self, outcome: Outcome | RetryLater) -> float | None:
        if isinstance(outcome, Outcome):
            await self._recorder.note(outcome.state, **outcome.to_columns())
            return None
        if outcome.needs_token:
            await self._recorder.note(own_token=True)
            return None
        self._recorder.show(trouble=outcome.trouble)
        return outcome.ask_again_s

    async def _steps(self) -> None:
        if self._cancelled:
            raise EndedError(Outcome(RunState.CANCELLED, self._cancelled))
        if self.record.request_id is None:
            await self._submit()
        if self.record.result_name is None:
            if self.record.state is not RunState.COLLECTING:
                await self._follow()
                await self._breathe()
            await ResultDownload(self._context, self._engine, self._api, self._recorder).collect()
        await self._recorder.note(RunState.SCORING)
        motion, _ = await asyncio.gather(self._motion(), self._take_back())
        await self._recorder.note(RunState.COMPLETED, motion=motion)

    async def _submit(self) -> None:
        published = await self._engine.publisher.publish(self._image, self._reference)
        self._recorder.show(deliveries=published.deliveries)
        choice, is_preview = self.record.choice, self._engine.name is EngineName.PREVIEW
        corrections = await asyncio.to_thread(self._corrections) if is_preview and self.record.corrected else None
        request = MotionRequest(
            prompt=choice.prompt or (_NO_PROMPT if is_preview else ""),
            image_url=published.image_url,
            video_url=published.video_url,
            keep_original_sound=choice.keep_sound,
            character_orientation=choice.orientation,
            resolution=choice.resolution if is_preview else None,
            corrections=corrections,
        )
        # From here to the request id the run may be charged without our knowing; the ledger says so first.
        await self._recorder.note(RunState.SUBMITTING, attempts=self.record.attempts + 1)
        submission = await self._api.submit(request)
        log.info("Run %s is request %s.", self.record.run_id, submission.request_id)
        await self._recorder.note(RunState.IN_QUEUE, request_id=submission.request_id)
        if self._wants_cancel:
            self._recorder.show(cancel_answer=await self._cancel_request())
        await self._breathe()

    def _corrections(self) -> dict[str, object]:
        return read_corrections(self._context.folders.of(self.record.run_id) / CORRECTIONS_NAME).to_json()

    async def _follow(self) -> None:
        following = self._api.follow(
            self._request_id, polling=self._engine.polling, sleep=self._context.sleep, on_retry=self._on_retry
        )
        async for status in following:
            if (
                not status.state.is_final
            ):  # a result that is refused is looked at anew, and its status is told each time
                self._refusals = 0
            state = _STATES.get(status.state)
            self._recorder.show(
                queue_position=status.queue_position, progress=status.progress, frame=status.frame, trouble=None
            )
            news = None if state is self.record.state else state
            if news or not self._recorder.is_written:
                await self._recorder.note(news)

    async def _breathe(self) -> None:
        """Leave the polling's shortest interval between two requests to a remote engine."""
        if not self._engine.is_free:
            await self._context.sleep(self._engine.polling.floor_s)

    async def _motion(self) -> object:
        if not self.record.has_inputs:
            return None
        folder = self._context.folders.of(self.record.run_id)
        result = folder / (self.record.result_name or "")
        return await self._context.measurer.motion(self._reference.path, result, self.record.choice.orientation)

    async def _cancel_request(self) -> CancelAnswer:
        try:
            answer = await self._api.cancel(self._request_id)
        except APIError as error:
            return self._answer(CancelCode.NOT_KNOWN, error.message)
        if answer.cancelled or answer.state is RequestState.CANCELLED:
            return await self._stop(OutcomeCode.CANCELLED_WHILE_WAITING)
        if answer.state.is_final:
            return self._answer(CancelCode.ENDED_AT_ENGINE)
        if self._engine.stop is not None and await self._engine.stop(self._request_id):
            return await self._stop(OutcomeCode.PREVIEW_STOPPED)
        return self._answer(CancelCode.GOES_ON)

    async def _stop(self, code: OutcomeCode) -> CancelAnswer:
        self._cancelled = code
        if self._task is None:
            return self._answer(code)  # it has not set out, and will not
        if self._task is asyncio.current_task():
            raise EndedError(Outcome(RunState.CANCELLED, code))
        self._task.cancel()
        await self._at_end.wait()
        return self._answer(code if self.record.state is RunState.CANCELLED else CancelCode.JUST_ENDED)

    def _answer(self, code: OutcomeCode | CancelCode, message: str = "") -> CancelAnswer:
        return CancelAnswer(code, self._engine.name, message)

    async def _take_back(self) -> None:
        """Close the way to the two files, unless the engine may still fetch them when this process has gone."""
        if self._is_published and (self._engine.is_free or self.record.state not in FETCHING):
            self._is_published = False
            await self._engine.publisher.withdraw(self._image, self._reference)

    def _on_retry(self, error: APIError) -> None:
        self._recorder.show(trouble=Trouble(TroubleCode.RETRIED, error.message))

    @property
    def _request_id(self) -> str:
        return self.record.request_id or ""
