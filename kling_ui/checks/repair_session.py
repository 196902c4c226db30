"""Repairs from what the checks found to what they say afterwards, for the page, the command line and Python alike.

A :class:`RepairSession` looks, plans, has the copies written (:mod:`kling_ui.checks.repair_runner`) and looks again.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from kling_ui.checks.adjustments import Adjustment, adjusted_image, adjusted_video
from kling_ui.checks.preflight import Preflight, judge
from kling_ui.checks.repair_kinds import Repair, RepairKind
from kling_ui.checks.repair_plan import Plan, compose, longest_usable, offers, repair_all, with_person, with_repairs
from kling_ui.checks.repair_runner import RepairedCopy, RepairRunner
from kling_ui.checks.report import Report
from kling_ui.checks.video_repairs import Span
from kling_ui.corrections import Corrections
from kling_ui.options import TransferOptions
from kling_ui.vision.analysis import ImageAnalysis, VideoAnalysis
from kling_ui.workers import Workers

Analyses = tuple[ImageAnalysis | None, VideoAnalysis | None]


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
        adjustment: What a person wanted though no finding calls for it, in place of repairs.
    """

    kinds: frozenset[RepairKind]
    repairs: tuple[Repair, ...]
    plan: Plan
    sources: RepairedCopy
    span: Span | None
    before: Analyses
    report: Report
    adjustment: Adjustment | None = None


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

    async def plan_adjustment(
        self, image: Path | None, video: Path | None, adjustment: Adjustment, choice: TransferOptions
    ) -> PlannedRepairs:
        """Bring together what a person wants of one input that no finding calls for: a part, a crop, a turn.

        Args:
            image: The picture to adjust; ``None`` where it is the clip.
            video: The clip to adjust; ``None`` where it is the picture.
            adjustment: What to make of it.
            choice: How to transfer the motion, which stays.

        Raises:
            MediaError: The file cannot be read, or this would not be lawful: too short, too small, too slim.
            WorkError: A worker died or took too long.
        """
        before = await self._analyses(image, video)
        plan = Plan(
            adjusted_image(before[0].facts, adjustment) if before[0] else None,
            adjusted_video(before[1].facts, adjustment, choice) if before[1] else None,
            choice,
        )
        report, sources = judge(*before, choice), RepairedCopy(image, video)
        return PlannedRepairs(frozenset(), (), plan, sources, None, before, report, adjustment)

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
