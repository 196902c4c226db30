"""What the page does with inputs: analyse them step by step, repair them with a way back."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kling_ui.checks.adjustments import Adjustment, rect_of
from kling_ui.checks.limits import DURATION_MAX_S, IMAGE_FORMATS_TAKEN, VIDEO_FORMATS_TAKEN
from kling_ui.checks.repair_kinds import RepairKind
from kling_ui.checks.repair_runner import RepairedCopy
from kling_ui.checks.repair_session import (
    PlannedRepairs,
    RepairedInputs,
    RepairInput,
    RepairPhase,
    RepairRequest,
    RepairSession,
)
from kling_ui.corrections import Corrections, read_corrections, write_corrections
from kling_ui.errors import KlingUIError
from kling_ui.languages import Told, in_english, say, told
from kling_ui.media.image import ImageFacts
from kling_ui.media.probe import VideoFacts
from kling_ui.media.transform_image import carried_over
from kling_ui.options import InputKind, Orientation, TransferOptions
from kling_ui.presentation.findings import file_differences, repair_label
from kling_ui.presentation.repair_sentences import adjustment_words
from kling_ui.presentation.wording import place_words
from kling_ui.ui.browser_values import InputVersion, InputVersions, Span
from kling_ui.ui.fair_share import place_updates
from kling_ui.ui.services import Services
from kling_ui.ui.views import input_slot as slot_view
from kling_ui.ui.views.input_slot import SlotValue, span_words
from kling_ui.vision.analysis import ImageAnalysis, VideoAnalysis
from kling_ui.vision.people import Box

Facts = ImageFacts | VideoFacts
log = logging.getLogger(__name__)
WORDS = told(
    {
        RepairPhase.ANALYSING: "Looking once more",
        RepairPhase.WRITING: "Repairing",
        RepairPhase.CHECKING: "Checking the result",
    }
)


class InputAnalysis:
    """Looks at inputs for the page.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    async def steps(self, kind: InputKind, versions: InputVersions) -> AsyncIterator[SlotValue]:
        """Show an input, what is quick to know first.

        Raises:
            KlingUIError: It cannot be read.
        """
        signed_files, path = self._services().signed_files, versions.current.path
        carried = versions.to_value(signed_files)
        yield (shown := slot_view.received(signed_files, path) | carried)
        reading = asyncio.ensure_future(self.facts(kind, path))
        async for words in self.waiting(reading):
            yield shown | words
        facts = await reading
        carried |= await self._repaired(kind, versions, facts)
        yield (shown := slot_view.facts_of(signed_files, path, facts) | carried)
        looking = asyncio.ensure_future(self.analyse(kind, path, await corrections_of(versions)))
        async for words in self.waiting(looking):
            yield shown | words
        analysis = await looking
        yield slot_view.analysis_value(signed_files, path, analysis) | carried
        if kind is InputKind.VIDEO:
            self._services().runner.watch_ahead(path)

    async def waiting(self, work: asyncio.Future[Any]) -> AsyncIterator[SlotValue]:
        """Say how long the line is, until the work is done, and nothing more once its turn has come."""
        work.add_done_callback(_note_end)
        async for place in place_updates(lambda: self._services().place, work):
            yield {} if place is None else slot_view.busy(place_words(place))

    async def whole(self, kind: InputKind, versions: InputVersions) -> SlotValue:
        """Show all that is known of an input at once.

        Raises:
            KlingUIError: It cannot be read.
        """
        *_, value = [value async for value in self.steps(kind, versions)]
        return value

    async def known(self, kind: InputKind, value: SlotValue) -> Any:
        """Give what an input's value says is known already: its look, its facts, or ``None``.

        Raises:
            KlingUIError: It cannot be read.
        """
        versions = InputVersions.from_value(value, self._services().signed_files)
        if versions is None or not value.get("facts"):
            return None
        path = versions.current.path
        if value.get("busy"):
            return await self.facts(kind, path)
        return await self.analyse(kind, path, await corrections_of(versions))

    async def facts(self, kind: InputKind, path: Path) -> Facts:
        """Read what a file says of itself.

        Raises:
            KlingUIError: It cannot be read.
        """
        preflight = self._services().preflight
        return await (preflight.image_facts(path) if kind is InputKind.IMAGE else preflight.video_facts(path))

    async def analyse(
        self, kind: InputKind, path: Path, corrections: Corrections | None = None
    ) -> ImageAnalysis | VideoAnalysis:
        """Find all that there is to find in a file, in a picture as a person corrected it.

        Raises:
            KlingUIError: It cannot be read, or too little is said of a character that is not found.
        """
        preflight = self._services().preflight
        if kind is InputKind.IMAGE and corrections:
            return await preflight.image(path, corrections)
        return await (preflight.image(path) if kind is InputKind.IMAGE else preflight.video(path))

    async def _repaired(self, kind: InputKind, versions: InputVersions, facts: Facts) -> dict[str, Any]:
        if not versions.is_repaired:
            return {}
        before = await self.facts(kind, versions.original.path)
        return slot_view.repaired(self._services().signed_files, versions, file_differences(before, facts))


def _note_end(work: asyncio.Future[Any]) -> None:
    """Look at how work ended: whoever waited may have left, and a failure that nobody looks at is logged whole."""
    if not work.cancelled():
        work.exception()


async def corrections_of(versions: InputVersions) -> Corrections | None:
    """Read what a person corrected of what is shown; ``None`` for nothing.

    Raises:
        MediaError: It is no longer here.
    """
    place = versions.current.corrections
    return None if place is None else await asyncio.to_thread(read_corrections, place)


@dataclass(slots=True)
class RepairProgress:
    """How far a repair is.

    Attributes:
        words: What is being done.
        share: How much of it, 0-1, if that is known.
    """

    words: str = WORDS[RepairPhase.ANALYSING]
    share: float | None = None

    def show(self, phase: RepairPhase, share: float | None = None) -> None:
        """Note what is being done, and how much of it is."""
        self.words, self.share = WORDS[phase], share


@dataclass(frozen=True, slots=True)
class RepairOrder:
    """What a person wants repaired.

    Attributes:
        kinds: The repairs.
        span: What to keep of the clip, in seconds of what is shown; by default its longest usable span.
        image: The character image, if there is one.
        video: The reference video, if there is one.
        choice: How to transfer the motion.
    """

    kinds: frozenset[RepairKind]
    span: Span | None
    image: InputVersions | None
    video: InputVersions | None
    choice: TransferOptions

    @property
    def request(self) -> RepairRequest:
        """The same without the page's values."""
        image, video = (_input(self.inputs.get(kind)) for kind in InputKind)
        return RepairRequest(image, video, self.choice, self.kinds, self.span)

    @property
    def inputs(self) -> dict[InputKind, InputVersions]:
        """The inputs there are."""
        given = {InputKind.IMAGE: self.image, InputKind.VIDEO: self.video}
        return {kind: versions for kind, versions in given.items() if versions is not None}


@dataclass(frozen=True, slots=True)
class AdjustmentOrder:
    """What a person wants of one input that no finding calls for, see :mod:`kling_ui.checks.adjustments`.

    Attributes:
        kind: Which input.
        versions: What there is of it; the newest is adjusted.
        span: What to keep of a clip, in seconds of what is shown.
        box: What to keep of each picture: left, top, right and bottom as fractions of it.
        turns: Counter-clockwise quarter turns, 0-3.
        choice: How to transfer the motion.
    """

    kind: InputKind
    versions: InputVersions
    span: Span | None
    box: Box | None
    turns: int
    choice: TransferOptions


@dataclass(frozen=True, slots=True)
class RepairOutcome:
    """What came of a repair.

    Attributes:
        labels: What was done, in words.
        values: What the mended inputs show now.
        choice: How to transfer the motion now.
    """

    labels: tuple[str, ...]
    values: dict[InputKind, SlotValue] = field(default_factory=dict)
    choice: TransferOptions = field(default_factory=TransferOptions)


class InputRepairs:
    """Carries orders out.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services
        self._input_analysis = InputAnalysis(services)

    async def arrive(self, kind: InputKind, versions: InputVersions) -> AsyncIterator[SlotValue]:
        """Show an input that has just arrived; of a kind that no engine takes, a copy takes its place, with a way back.

        Raises:
            KlingUIError: It cannot be read.
        """
        steps = self._input_analysis.steps(kind, versions)
        yield (received := await anext(steps))
        reading = asyncio.ensure_future(self._input_analysis.facts(kind, versions.current.path))
        async for words in self._input_analysis.waiting(reading):
            yield received | words
        conversion = _conversion(await reading)
        if conversion is not None:
            yield received | {"busy": say("Converting the file")}
            given = versions if kind is InputKind.IMAGE else None, versions if kind is InputKind.VIDEO else None
            order = RepairOrder(frozenset({conversion}), None, *given, TransferOptions(""))
            try:
                yield (await self.carry_out(order, RepairProgress())).values[kind]
            except KlingUIError:  # the checks say what is the matter with the file, and offer the same
                log.info("A file could not be converted on arrival.")
            else:
                return
        async for value in steps:
            yield value

    async def carry_out(self, order: RepairOrder, progress: RepairProgress) -> RepairOutcome:
        """Write the repaired copies and look at them; until all of that is done, nothing has changed.

        Raises:
            KlingUIError: There is nothing to do, or a file cannot be read or written.
        """
        services = self._services()
        session = RepairSession(services.preflight, services.workers)
        planned = await session.plan(order.request)
        labels = _labels(order, planned)
        if not labels:
            raise _nothing_to_repair()
        touched = [kind for kind in order.inputs if any(repair.target == kind for repair in labels)]
        if not touched:
            return RepairOutcome(tuple(labels.values()), {}, planned.plan.choice)
        async with services.room(await asyncio.to_thread(_size_bytes, order, touched)) as room:
            repaired = await session.write(planned, room.folder, with_pictures=True, on_progress=progress.show)
        values = {}
        for kind in touched:
            versions = order.inputs[kind]
            version = _next_version(versions, kind, labels, planned, repaired)
            if kind is InputKind.IMAGE:
                version = await _carried(services, version, versions.base, planned, room.folder)
            values[kind] = await self._input_analysis.whole(kind, versions.adding(version))
            if kind is InputKind.IMAGE and _is_dropped(versions, services):
                values[kind] |= {"corrected": slot_view.DROPPED}
        return RepairOutcome(tuple(labels.values()), values, planned.plan.choice)

    async def adjust(self, order: AdjustmentOrder, progress: RepairProgress) -> RepairOutcome:
        """Write an adjusted copy of one input and look at it; until all of that is done, nothing has changed.

        Raises:
            KlingUIError: It would not be lawful, or the file cannot be read or written.
        """
        services, kind, current = self._services(), order.kind, order.versions.current
        session = RepairSession(services.preflight, services.workers)
        facts = await self._input_analysis.facts(kind, current.path)
        crop = rect_of(order.box, (facts.width_px, facts.height_px)) if order.box else None
        adjustment = Adjustment(order.span, crop, order.turns)
        files = (current.path, None) if kind is InputKind.IMAGE else (None, current.path)
        planned = await session.plan_adjustment(*files, adjustment, order.choice)
        async with services.room(await asyncio.to_thread(_weight_bytes, [current.path])) as room:
            repaired = await session.write(planned, room.folder, with_pictures=True, on_progress=progress.show)
        words, path = adjustment_words(adjustment), _of(kind, repaired.copies) or current.path
        version = InputVersion(path, picture=_of(kind, repaired.pictures), adjustment=words)
        if kind is InputKind.IMAGE:
            version = await _carried(services, version, current, planned, room.folder)
        value = await self._input_analysis.whole(kind, order.versions.adding(version))
        return RepairOutcome((words,), {kind: value}, order.choice)


async def _carried(
    services: Services, version: InputVersion, source: InputVersion, planned: PlannedRepairs, folder: Path
) -> InputVersion:
    """Take what was corrected of the version that a copy is made of over to the copy."""
    corrections, transform = await corrections_of(InputVersions(source)), planned.plan.image
    if not corrections or transform is None:
        return version
    facts = await services.preflight.image_facts(source.path)
    size_px, place = (facts.width_px, facts.height_px), folder / "corrections.json"
    carried = await asyncio.to_thread(carried_over, corrections, transform, size_px)
    await asyncio.to_thread(write_corrections, carried, place)
    return replace(version, corrections=place)


def _is_dropped(versions: InputVersions, services: Services) -> bool:
    """Tell whether a person corrected a repaired copy, whose successor is made of the original once more."""
    place = versions.current.corrections
    is_copy = versions.current is not versions.base
    return is_copy and place is not None and place.is_relative_to(services.corrections.folder)


def _conversion(facts: Facts) -> RepairKind | None:
    """Name the repair that brings a file of a kind that no engine takes into one that all do, if it does only that."""
    if isinstance(facts, ImageFacts):
        return None if facts.format in IMAGE_FORMATS_TAKEN else RepairKind.IMAGE_CONVERT
    is_whole = facts.duration_s <= DURATION_MAX_S[Orientation.VIDEO].value  # a longer one would be cut as well
    return RepairKind.VIDEO_CONVERT if is_whole and facts.format not in VIDEO_FORMATS_TAKEN else None


def _input(versions: InputVersions | None) -> RepairInput | None:
    if versions is None:
        return None
    current, base = versions.current, versions.base
    corrected = (
        read_corrections(place) if place is not None else None for place in (current.corrections, base.corrections)
    )
    return RepairInput(current.path, base.path, current.kinds, current.span, *corrected)


@in_english
def _labels(order: RepairOrder, planned: PlannedRepairs) -> dict[RepairKind, str]:
    """What will be done, with what its buttons say."""
    labels = {repair.kind: repair_label(repair) for repair in planned.repairs}
    if order.span and RepairKind.VIDEO_TRIM in planned.kinds:
        labels[RepairKind.VIDEO_TRIM] = Told("Keep {span}", span=span_words(*order.span))
    return labels


def _next_version(
    versions: InputVersions,
    kind: InputKind,
    labels: dict[RepairKind, str],
    planned: PlannedRepairs,
    repaired: RepairedInputs,
) -> InputVersion:
    """Note of a copy what it is made of, and where in the original a trimmed clip begins and ends."""
    own = {repair: label for repair, label in labels.items() if repair.target == kind}
    repairs = dict(versions.current.repairs) | own
    span = planned.span if kind is InputKind.VIDEO else None
    if planned.plan.video is not None and kind is InputKind.VIDEO and RepairKind.VIDEO_TRIM in repairs:
        span = planned.plan.video.start_s, planned.plan.video.end_s
    path, picture = _of(kind, repaired.copies), _of(kind, repaired.pictures)
    return InputVersion(path or versions.current.path, tuple(repairs.items()), span, picture)


def _of(kind: InputKind, files: RepairedCopy) -> Path | None:
    return files.image if kind is InputKind.IMAGE else files.video


def _size_bytes(order: RepairOrder, touched: list[InputKind]) -> int:
    """Say about how much room copies of the originals take; blocking."""
    return _weight_bytes([order.inputs[kind].base.path for kind in touched])


def _weight_bytes(paths: list[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())


def _nothing_to_repair() -> KlingUIError:
    return KlingUIError("There is nothing to repair here any more.", advice="The findings are up to date now.")
