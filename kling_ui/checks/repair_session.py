"""Repairs from what the checks found to what they say afterwards, for the page, the command line and Python alike.

A :class:`RepairSession` looks, plans, writes the repaired copies and looks again. The writing is a
:class:`RepairRunner`'s: in workers, with progress, cancellable, leaving nothing half-written.
"""

import asyncio
import re
import shutil
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from kling_ui.checks.preflight import Preflight, judge
from kling_ui.checks.repair_kinds import Repair, RepairKind
from kling_ui.checks.repair_plan import Plan, compose, longest_usable, offers, repair_all, with_person, with_repairs
from kling_ui.checks.report import Report
from kling_ui.checks.video_repairs import Span
from kling_ui.corrections import Corrections
from kling_ui.errors import MediaError
from kling_ui.media.files import NAME_MAX_BYTES, OnShare, cut, watched_progress
from kling_ui.media.transform_image import ImageTransform, transform_image
from kling_ui.media.transform_video import VideoTransform, transform_video
from kling_ui.options import TransferOptions
from kling_ui.vision.analysis import ImageAnalysis, VideoAnalysis
from kling_ui.vision.evidence import image_before_after, video_before_after
from kling_ui.workers import Workers

IMAGE_TIMEOUT_S = 120.0
VIDEO_TIMEOUT_S = 1200.0
_SCRATCH = ".repairing-"
_STALE_AFTER_S = 2 * VIDEO_TIMEOUT_S
_ENDING = re.compile(r"-repaired(-\d+)?$")

_Work = Coroutine[Any, Any, Path | None]
_Results = tuple[Path | None, Path | None]
Analyses = tuple[ImageAnalysis | None, VideoAnalysis | None]


@dataclass(frozen=True, slots=True)
class RepairedCopy:
    """The files to go on with.

    Attributes:
        image: The repaired copy of the image, or the original where nothing was to be done.
        video: The clip, likewise.
    """

    image: Path | None
    video: Path | None


@dataclass(frozen=True, slots=True)
class RepairInput:
    """An input that may be repaired. A copy is always made from the original, with all that was chosen so far.

    Attributes:
        shown: The file that is judged: the original, or the newest copy of it.
        original: What the person handed in.
        kinds: What was done to the original to make ``shown``.
        span: What ``shown`` keeps of an original clip, in the original's seconds, if a person chose that.
        corrections: What a person corrected of ``shown``, a picture.
        original_corrections: What they corrected of ``original``.
    """

    shown: Path
    original: Path
    kinds: frozenset[RepairKind] = frozenset()
    span: Span | None = None
    corrections: Corrections | None = None
    original_corrections: Corrections | None = None


@dataclass(frozen=True, slots=True)
class RepairRequest:
    """What to repair.

    Attributes:
        image: The character image, if there is one.
        video: The reference video, if there is one.
        choice: How to transfer the motion.
        kinds: The repairs, as far as they are on offer; ``None`` takes those of "Repair all".
        span: What to keep of the clip, in seconds of what is shown; by default its longest usable span.
        person: Besides, whom to keep where an input shows several people, counted from the left, beginning with 1.
    """

    image: RepairInput | None
    video: RepairInput | None
    choice: TransferOptions
    kinds: Collection[RepairKind] | None = None
    span: Span | None = None
    person: int | None = None


@dataclass(frozen=True, slots=True)
class PlannedRepairs:
    """What a request comes to; nothing is written yet.

    Attributes:
        kinds: What will be done; empty when there is nothing to do.
        repairs: Those of them that were on offer. A part of a clip that a person picked need not be.
        plan: What to make of each file, and how to transfer the motion afterwards.
        sources: What the copies are made from: the originals, and what is shown of an input that is left alone.
        span: What the copy of the clip keeps, in the original's seconds, if that was chosen.
        before: What was found in the files shown.
        report: What the checks say of them.
    """

    kinds: frozenset[RepairKind]
    repairs: tuple[Repair, ...]
    plan: Plan
    sources: RepairedCopy
    span: Span | None
    before: Analyses
    report: Report


@dataclass(frozen=True, slots=True)
class RepairedInputs:
    """What came of repairs.

    Attributes:
        copies: The files to go on with.
        after: What was found in them.
        report: What the checks say of them.
        pictures: What each repaired file looked like before and after, if that was asked for.
    """

    copies: RepairedCopy
    after: Analyses
    report: Report
    pictures: RepairedCopy


class RepairPhase(StrEnum):
    """What a session is doing."""

    ANALYSING = "analysing"
    WRITING = "writing"
    CHECKING = "checking"  # the copies


OnRepairProgress = Callable[[RepairPhase, float | None], None]  # with the share that is done, 0-1, if it is known


class RepairSession:
    """Plans repairs, carries them out and judges what came of them.

    Args:
        preflight: Looks at the files.
        workers: Write the copies.
    """

    def __init__(self, preflight: Preflight, workers: Workers) -> None:
        self._preflight = preflight
        self._runner = RepairRunner(workers)

    async def plan(self, request: RepairRequest) -> PlannedRepairs:
        """Look at the files and bring together what is on offer and asked for.

        Raises:
            MediaError: A file cannot be read.
            WorkError: A worker died or took too long.
        """
        image, video, choice = request.image, request.video, request.choice
        shown = image.shown if image else None, video.shown if video else None
        before = await self._analyses(*shown, image.corrections if image else None)
        report = judge(*before, choice)
        offered = offers(*before, report, choice)
        asked = repair_all(offered) if request.kinds is None else request.kinds
        if request.person is not None:
            asked = with_person(asked, offered, request.person, path=shown[1] or shown[0] or Path())
        repairs = tuple(repair for repair in offered if repair.kind in asked)
        kinds = {repair.kind for repair in repairs}
        if request.span and video and RepairKind.VIDEO_TRIM in asked:
            kinds.add(RepairKind.VIDEO_TRIM)  # a person may keep any part
        touched_image, touched_video = _touched(image, "image", kinds), _touched(video, "video", kinds)
        sources = RepairedCopy(_source(image, touched_image), _source(video, touched_video))
        span = _kept_of_original(touched_video, kinds, request.span or longest_usable(before[1]))
        earlier = frozenset[RepairKind]().union(*(one.kinds for one in (touched_image, touched_video) if one))
        said = touched_image.original_corrections if touched_image else image.corrections if image else None
        analyses = await self._analyses(sources.image, sources.video, said)
        plan = compose(kinds | earlier, *analyses, choice, usable=span)
        plan = replace(plan, image=plan.image if touched_image else None, video=plan.video if touched_video else None)
        return PlannedRepairs(frozenset(kinds), repairs, plan, sources, span, before, with_repairs(report, offered))

    async def write(
        self,
        planned: PlannedRepairs,
        folder: Path,
        *,
        with_pictures: bool = False,
        on_progress: OnRepairProgress = lambda _phase, _share: None,
    ) -> RepairedInputs:
        """Write the repaired copies into a folder and look at them; cancelling ends the work.

        Args:
            planned: What to do.
            folder: Where the copies go; nothing there is overwritten.
            with_pictures: Also draw what each repaired file looked like before and after, into the same folder.
            on_progress: Told of each phase, and how far the writing is.

        Raises:
            MediaError: A file cannot be read, or a copy cannot be written.
            WorkError: A worker died or took too long.
        """
        plan, sources = planned.plan, planned.sources
        on_progress(RepairPhase.WRITING, None)
        copies = await self._runner.apply(
            plan,
            sources.image,
            sources.video,
            folder,
            on_progress=lambda share: on_progress(RepairPhase.WRITING, share),
        )
        on_progress(RepairPhase.CHECKING, None)
        drawing = self._runner.before_after(plan, sources, copies, folder) if with_pictures else _no_pictures()
        after, pictures = await asyncio.gather(self._analyses(copies.image, copies.video), drawing)
        report = judge(*after, plan.choice)
        return RepairedInputs(copies, after, with_repairs(report, offers(*after, report, plan.choice)), pictures)

    async def _analyses(self, image: Path | None, video: Path | None, *corrections: Corrections | None) -> Analyses:
        return await asyncio.gather(
            self._preflight.image(image, *filter(None, corrections)) if image else _nothing(),
            self._preflight.video(video) if video else _nothing(),
        )


def _touched(given: RepairInput | None, target: str, kinds: Collection[RepairKind]) -> RepairInput | None:
    return given if any(kind.target == target for kind in kinds) else None


def _source(given: RepairInput | None, touched: RepairInput | None) -> Path | None:
    return touched.original if touched else given.shown if given else None


def _kept_of_original(touched: RepairInput | None, kinds: Collection[RepairKind], span: Span | None) -> Span | None:
    """What the next copy keeps of the original clip: ``span`` is in seconds of what is shown."""
    if touched is None or span is None or RepairKind.VIDEO_TRIM not in kinds:
        return touched.span if touched else None
    begins_s = touched.span[0] if touched.span else 0.0
    return span[0] + begins_s, span[1] + begins_s


async def _nothing() -> None:
    return None


async def _no_pictures() -> RepairedCopy:
    return RepairedCopy(None, None)


class RepairRunner:
    """Applies plans in worker processes.

    Args:
        workers: The pool that does the work.
    """

    def __init__(self, workers: Workers) -> None:
        self.workers = workers

    async def apply(
        self,
        plan: Plan,
        image: Path | None,
        video: Path | None,
        folder: Path,
        *,
        on_progress: OnShare | None = None,
    ) -> RepairedCopy:
        """Write the repaired copies, both files at once; cancelling ends the work and leaves nothing behind.

        Args:
            plan: What to do.
            image: The original image; only read.
            video: The original clip; only read.
            folder: Where the copies go, as ``<name>-repaired.<suffix>``; nothing there is overwritten.
            on_progress: Called with 0-1 whenever the larger part of the work is further.

        Raises:
            MediaError: A file cannot be read, or a copy cannot be written.
            WorkError: A worker died or took too long.
        """
        async with _scratch(folder) as scratch:
            repaired = await _both(
                self._image(plan.image, image, scratch), self._video(plan.video, video, scratch, on_progress)
            )
            return await asyncio.to_thread(_place_both, repaired, (image, video), folder)

    async def before_after(
        self, plan: Plan, originals: RepairedCopy, repaired: RepairedCopy, folder: Path
    ) -> RepairedCopy:
        """Draw what :meth:`apply` did: a JPEG for each file that was repaired, ``None`` for the others.

        Args:
            plan: What was done.
            originals: What it was done to.
            repaired: What came of it.
            folder: Where the pictures go, which exists.

        Raises:
            MediaError: A file cannot be read or written.
            WorkError: A worker died or took too long.
        """
        jobs = (
            (image_before_after, plan.image, originals.image, repaired.image),
            (video_before_after, plan.video, originals.video, repaired.video),
        )
        drawn = [self._draw(work, before, after, transform, folder) for work, transform, before, after in jobs]
        return RepairedCopy(*await _both(drawn[0], drawn[1]))

    async def _draw(
        self,
        work: Callable[..., Path],
        before: Path | None,
        after: Path | None,
        transform: ImageTransform | VideoTransform | None,
        folder: Path,
    ) -> Path | None:
        if transform is None or before is None or after is None:
            return None
        out = folder / f"{after.stem}-before-after.jpg"
        return await self.workers.run(work, before, after, transform, out, timeout_s=IMAGE_TIMEOUT_S)

    async def _image(self, transform: ImageTransform | None, path: Path | None, scratch: Path) -> Path | None:
        if transform is None or path is None:
            return None
        return (
            await self.workers.run(transform_image, path, transform, scratch, stem="image", timeout_s=IMAGE_TIMEOUT_S)
        ).path

    async def _video(
        self, transform: VideoTransform | None, path: Path | None, scratch: Path, on_progress: OnShare | None
    ) -> Path | None:
        if transform is None or path is None:
            return None
        progress_file = scratch / "progress.json"
        async with watched_progress(progress_file, on_progress):
            facts = await self.workers.run(
                transform_video,
                path,
                transform,
                scratch,
                stem="video",
                progress=progress_file,
                timeout_s=VIDEO_TIMEOUT_S,
            )
        return facts.path


async def _both(image: _Work, video: _Work) -> _Results:
    tasks = asyncio.ensure_future(image), asyncio.ensure_future(video)
    try:
        first, second = await asyncio.gather(*tasks)
        return first, second
    finally:
        for task in tasks:  # when one fails, the other is of no use
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _scratch(folder: Path) -> AsyncGenerator[Path]:
    """A hidden folder for work under way; a worker that is killed while it writes leaves its part in here."""
    scratch = folder / f"{_SCRATCH}{uuid.uuid4().hex[:8]}"
    await asyncio.to_thread(_prepare, scratch)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)  # few files; also when the task is being cancelled


def _prepare(scratch: Path) -> None:
    try:
        scratch.mkdir(parents=True)
        for old in scratch.parent.glob(f"{_SCRATCH}*"):
            if old.stat().st_mtime < time.time() - _STALE_AFTER_S:  # of a process that was killed
                shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        advice = "Choose a folder that can be written to."
        raise MediaError(f"this folder cannot be written to ({reason}).", path=scratch.parent, advice=advice) from error


def _place_both(repaired: _Results, originals: _Results, folder: Path) -> RepairedCopy:
    places = [
        original if result is None or original is None else place(result, folder, original.stem)
        for result, original in zip(repaired, originals, strict=True)
    ]
    return RepairedCopy(*places)


def place(result: Path, folder: Path, stem: str) -> Path:
    """Move a finished file to where it belongs, under a name that is free there.

    Args:
        result: The file.
        folder: Where to, on the same file system.
        stem: Name of the original without suffix; ``-repaired`` and, if need be, a number are added.

    Raises:
        MediaError: It cannot be written there.
    """
    stem, number = f"{cut(_ENDING.sub('', stem), NAME_MAX_BYTES)}-repaired", 1
    while True:
        target = folder / f"{stem}{f'-{number}' if number > 1 else ''}{result.suffix}"
        try:
            target.touch(exist_ok=False)  # claims the name
            return result.replace(target)
        except FileExistsError:
            number += 1
        except OSError as error:
            reason = (error.strerror or "unknown reason").lower()
            raise MediaError(
                f"it cannot be written ({reason}).", path=target, advice="Choose another folder."
            ) from error
