"""The jobs of the embedded engine, served in turn by owner, from in_queue to succeeded, failed or cancelled."""

import asyncio
import logging
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from kling_ui.corrections import Corrections
from kling_ui.errors import KlingUIError, WorkTimeoutError
from kling_ui.languages import Told
from kling_ui.options import InputKind, Orientation, Resolution
from kling_ui.preview.catalog import MotionInput
from kling_ui.preview.job import Failure, Job, JobState, Scratch
from kling_ui.preview.job_inputs import Fetch, InputFetch, Inputs, field_name
from kling_ui.preview.service_errors import busy, unknown_request

KEEP_S = 24 * 3600.0
KEEP_COUNT = 200
WAITING_MAX = 100
RENDER_LIMIT_S = 900.0
FETCH_LIMIT_S = 240.0  # for both inputs of a job
# Jobs whose inputs are fetched ahead of their turn: bounds connections, and the disk that waiting inputs take.
AHEAD_MAX = 8
AHEAD_MAX_OF_ONE = 4  # slow servers of one caller leave the others their share
BUSY_RETRY_S = 10

logger = logging.getLogger(__name__)


class WaitingLine:
    """Round robin over the owners who have waiting jobs; each owner's own jobs keep their order.

    An owner's turn lasts until the next job starts: whoever comes while a job runs goes before its owner's next one.
    Whoever comes later never passes those who wait already, apart from that, so that nobody waits for ever.
    """

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, deque[Job]] = OrderedDict()
        self._served: str | None = None  # whose turn it was last

    def __len__(self) -> int:
        return sum(map(len, self._jobs.values()))

    def __iter__(self) -> Iterator[Job]:
        """Give all jobs, owner by owner."""
        for jobs in self._jobs.values():
            yield from jobs

    def add(self, job: Job) -> None:
        """Let a job wait."""
        self._jobs.setdefault(job.owner, deque()).append(job)

    def remove(self, job: Job) -> None:
        """Take a job out.

        Raises:
            ValueError: It does not wait.
        """
        jobs = self._jobs.get(job.owner, deque())
        jobs.remove(job)
        if not jobs:
            del self._jobs[job.owner]

    def take(self) -> Job:
        """Take out the job that starts next: the first of those whose inputs are here.

        Raises:
            IndexError: There is none.
        """
        ready = (job for owner in self._owners() for job in self._jobs[owner] if job.is_ready)
        if (job := next(ready, None)) is None:
            raise IndexError("nothing waits that could start")
        self.remove(job)
        self._end_turn()
        self._served = job.owner
        return job

    def position(self, job: Job) -> int:
        """Count the jobs that start before this one, unless more come or inputs are late.

        Raises:
            ValueError: It does not wait.
        """
        own = self._jobs.get(job.owner, deque()).index(job)
        before, is_earlier = own, True
        for owner in self._owners():
            if owner == job.owner:
                is_earlier = False
            else:
                before += min(len(self._jobs[owner]), own + is_earlier)
        return before

    def _owners(self) -> list[str]:
        """Give the owners in the order of their next turns."""
        others = [owner for owner in self._jobs if owner != self._served]
        return [*others, self._served] if self._served in self._jobs else others

    def _end_turn(self) -> None:
        if self._served in self._jobs:
            self._jobs.move_to_end(self._served)


class Pool(Protocol):
    """Runs work in another process, like :class:`kling_ui.workers.Workers`."""

    async def run(
        self, work: Callable[..., object], /, *args: object, timeout_s: float | None = None, **kwargs: object
    ) -> object:
        """Run ``work`` and wait for it; cancelling ends it."""
        ...


def render_lazily(
    image: Path,
    video: Path,
    out: Path,
    *,
    orientation: Orientation,
    keep_sound: bool,
    resolution: Resolution,
    progress: Path,
    corrections: Corrections | None = None,
) -> object:
    """Render a preview; the heavy imports happen where it runs, in the worker."""
    from kling_ui.puppet.render import render_preview  # noqa: PLC0415

    return render_preview(
        image,
        video,
        out,
        orientation=orientation,
        keep_sound=keep_sound,
        sides_px=resolution.sides_px,
        corrections=corrections,
        progress=progress,
    )


class JobQueue:
    """Takes jobs, runs a few at a time and in turn by owner, keeps their results for a while.

    Everything happens on the event loop that submits; only rendering runs in ``workers``. Inputs given by address are
    fetched while their job waits, so that a slow server keeps nobody from being drawn.

    Args:
        folder: Where jobs keep their files; several processes may share it.
        workers: Runs the rendering.
        render: Renders one job, see :func:`kling_ui.puppet.render.render_preview`.
        fetch: Downloads inputs given by address; by default from public addresses only.
        slots: Jobs that run at the same time.
        keep_s: Seconds for which a finished job is remembered.
        keep_count: Finished jobs that are remembered at most.
        waiting_max: Jobs that may wait; more are refused as busy.
        render_limit_s: Seconds that one rendering may take.
        fetch_limit_s: Seconds that fetching both inputs of a job may take.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        folder: Path,
        workers: Pool,
        *,
        render: Callable[..., object] = render_lazily,
        fetch: Fetch | None = None,
        slots: int = 1,
        keep_s: float = KEEP_S,
        keep_count: int = KEEP_COUNT,
        waiting_max: int = WAITING_MAX,
        render_limit_s: float = RENDER_LIMIT_S,
        fetch_limit_s: float = FETCH_LIMIT_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._scratch = Scratch(folder)
        self._workers = workers
        self._render = render
        self._inputs = Inputs(fetch or InputFetch())
        self._slots = slots
        self._keep_s = keep_s
        self._keep_count = keep_count
        self._waiting_max = waiting_max
        self._render_limit_s = render_limit_s
        self._fetch_limit_s = fetch_limit_s
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._waiting = WaitingLine()
        self._storing = 0  # jobs whose inline inputs are being written; they count as waiting
        self._ahead: dict[str, Job] = {}  # waiting jobs whose inputs are being fetched, or are here by now
        self._fetching: dict[str, asyncio.Task[None]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._closed = False

    def offer(self, path: Path) -> str:
        """Let jobs read a local file of any size; see :meth:`Inputs.offer`."""
        return self._inputs.offer(path)

    def withdraw(self, address: str) -> None:
        """Take an offer back."""
        self._inputs.withdraw(address)

    async def submit(self, asked: MotionInput, owner: str = "") -> Job:
        """Take a job.

        Raises:
            ServiceError: Too many wait already, or inline media cannot be read.
        """
        self._forget()
        if self._closed or len(self._waiting) + self._storing >= self._waiting_max:
            raise busy(BUSY_RETRY_S, len(self._waiting) + self._storing)
        job = Job(asked, owner, self._scratch.path, self._clock())
        job.folder /= job.request_id
        self._storing += 1
        try:
            await asyncio.to_thread(self._store_inline, job)
        except BaseException:
            job.remove()
            raise
        finally:
            self._storing -= 1
        if self._closed:
            job.remove()
            raise busy(BUSY_RETRY_S, len(self._waiting) + self._storing)
        self._jobs[job.request_id] = job
        self._waiting.add(job)
        self._start_some()
        return job

    def find(self, request_id: str) -> Job:
        """Return a job.

        Raises:
            ServiceError: It is unknown, or no longer remembered.
        """
        self._forget()
        if (job := self._jobs.get(request_id)) is None:
            raise unknown_request()
        return job

    def find_file(self, file_key: str) -> Job:
        """Return the job whose finished result has this unguessable name.

        Raises:
            ServiceError: There is none, or no longer.
        """
        self._forget()
        for job in self._jobs.values():
            if job.file_key == file_key and job.state is JobState.SUCCEEDED:
                return job
        raise unknown_request()

    def position(self, job: Job) -> int | None:
        """Return how many jobs start before this one, unless more come; ``None`` when it does not wait."""
        return self._waiting.position(job) if job.state is JobState.IN_QUEUE else None

    def cancel(self, job: Job) -> bool:
        """Cancel a job that waits; one that runs goes on.

        Returns:
            Whether this call cancelled it.
        """
        if job.state is not JobState.IN_QUEUE:
            return False
        self._leave_line(job, JobState.CANCELLED)
        return True

    async def stop(self, request_id: str) -> bool:
        """End a job at once, even while it runs; only for this process's own use, the contract has no such call.

        Returns:
            Whether this call ended it.
        """
        job = self._jobs.get(request_id)
        if job is None or job.finished_at is not None:
            return False
        if (task := self._running.get(request_id)) is None:
            return self.cancel(job)
        task.cancel()
        await asyncio.wait({task})
        return job.state is JobState.CANCELLED

    async def forget(self, request_id: str) -> None:
        """End a job if need be, and forget it with all its files at once."""
        await self.stop(request_id)
        if (job := self._jobs.pop(request_id, None)) is not None:
            await asyncio.to_thread(job.remove)

    async def aclose(self) -> None:
        """End all jobs at once, also the running one, and remove every file. May be called twice."""
        self._closed = True
        tasks = [*self._fetching.values(), *self._running.values()]
        for job in list(self._waiting):
            self.cancel(job)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._jobs.clear()
        await asyncio.to_thread(self._scratch.remove)

    def _store_inline(self, job: Job) -> None:
        job.make_folders()
        asked = job.asked
        image_url = self._inputs.store_inline(asked.image_url, InputKind.IMAGE, job.inputs)
        video_url = self._inputs.store_inline(asked.video_url, InputKind.VIDEO, job.inputs)
        job.asked = asked.model_copy(update={"image_url": image_url, "video_url": video_url})
        job.is_ready = not (self._inputs.is_elsewhere(image_url) or self._inputs.is_elsewhere(video_url))

    def _start_some(self) -> None:
        if self._closed:
            return
        while len(self._running) < self._slots and any(job.is_ready for job in self._waiting):
            job = self._waiting.take()
            self._ahead.pop(job.request_id, None)
            job.state = JobState.IN_PROGRESS
            self._running[job.request_id] = asyncio.create_task(self._run(job))
        while (job := self._next_to_fetch()) is not None:
            self._ahead[job.request_id] = job
            self._fetching[job.request_id] = asyncio.create_task(self._fetch(job))

    def _next_to_fetch(self) -> Job | None:
        """Choose a job of the owner for whom the fewest are fetched, if more may be fetched now."""
        counts = Counter(job.owner for job in self._ahead.values())
        wanting = (
            job
            for job in self._waiting
            if not job.is_ready and job.request_id not in self._ahead and counts[job.owner] < AHEAD_MAX_OF_ONE
        )
        return min(wanting, key=lambda job: counts[job.owner], default=None) if len(self._ahead) < AHEAD_MAX else None

    async def _fetch(self, job: Job) -> None:
        try:
            async with asyncio.timeout(self._fetch_limit_s):
                for kind in InputKind:
                    url = getattr(job.asked, field_name(kind))
                    stored = {field_name(kind): await self._inputs.fetch(url, kind, job.inputs)}
                    job.asked = job.asked.model_copy(update=stored)
            job.is_ready = True
        except TimeoutError:
            late = WorkTimeoutError(
                Told("Fetching the inputs took longer than {limit_s:.0f} s.", limit_s=self._fetch_limit_s)
            )
            self._leave_line(job, JobState.FAILED, Failure.of(late))
        except Exception as error:
            if not isinstance(error, KlingUIError):
                logger.exception("The inputs of preview %s were not fetched", job.request_id)
            self._leave_line(job, JobState.FAILED, Failure.of(error))
        finally:
            del self._fetching[job.request_id]
            self._start_some()

    def _leave_line(self, job: Job, state: JobState, failure: Failure | None = None) -> None:
        """End a job that waits, and what is being fetched for it."""
        self._waiting.remove(job)
        self._ahead.pop(job.request_id, None)
        if (task := self._fetching.get(job.request_id)) is not None and task is not asyncio.current_task():
            task.cancel()
        job.finish(state, self._clock(), failure)

    async def _run(self, job: Job) -> None:
        try:
            await self._work(job)
        except asyncio.CancelledError:
            job.finish(JobState.CANCELLED, self._clock())
            raise
        except Exception as error:
            if not isinstance(error, KlingUIError):
                logger.exception("Preview %s failed", job.request_id)
            job.finish(JobState.FAILED, self._clock(), Failure.of(error, job.inputs))
        else:
            job.finish(JobState.SUCCEEDED, self._clock())
        finally:
            del self._running[job.request_id]
            self._start_some()

    async def _work(self, job: Job) -> None:
        asked = job.asked
        image = self._inputs.open(asked.image_url, InputKind.IMAGE, job.inputs)
        video = self._inputs.open(asked.video_url, InputKind.VIDEO, job.inputs)
        facts = await self._workers.run(
            self._render,
            image,
            video,
            job.output,
            orientation=Orientation(asked.character_orientation),
            keep_sound=asked.keep_original_sound,
            resolution=Resolution(asked.resolution),
            progress=job.progress_file,
            timeout_s=self._render_limit_s,
            **({"corrections": Corrections.from_json(asked.corrections)} if asked.corrections else {}),
        )
        if not job.output.is_file():
            raise KlingUIError("The preview made no file.")
        job.notes = tuple(map(str, getattr(facts, "notes", ())))

    def _forget(self) -> None:
        """Forget finished jobs that are too old or too many, the oldest first."""
        finished = [job for job in self._jobs.values() if job.finished_at is not None]
        oldest = self._clock() - self._keep_s
        surplus = len(finished) - self._keep_count
        for rank, job in enumerate(sorted(finished, key=lambda job: job.finished_at or 0.0)):
            if rank < surplus or (job.finished_at or 0.0) < oldest:
                del self._jobs[job.request_id]
                job.remove()
