"""One repair from the page's side: which file is made from what, and what is known of the result."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from kling_ui.checks.preflight import judge
from kling_ui.checks.repair_kinds import Repair, RepairKind
from kling_ui.checks.repair_plan import (
    Plan,
    compose,
    longest_usable,
    offers,
)
from kling_ui.checks.repair_runner import RepairedCopy, RepairRunner
from kling_ui.errors import KlingUIError
from kling_ui.options import InputKind, TransferOptions
from kling_ui.presentation.findings import repair_label
from kling_ui.ui.browser_values import InputVersion, InputVersions, Span
from kling_ui.ui.input_analysis import InputAnalysis
from kling_ui.ui.services import Services
from kling_ui.ui.views.input_slot import SlotValue, span_words
from kling_ui.vision.analysis import ImageAnalysis, VideoAnalysis

ANALYSING, WRITING, CHECKING = "Looking once more", "Repairing", "Checking the result"


@dataclass(slots=True)
class RepairProgress:
    """How far a repair is.

    Attributes:
        words: What is being done.
        share: How much of it, 0-1, if that is known.
    """

    words: str = ANALYSING
    share: float | None = None

    def enter(self, words: str) -> None:
        """Begin the next part."""
        self.words, self.share = words, None

    def show(self, share: float) -> None:
        """Note how much is done."""
        self.share = share


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
    def inputs(self) -> dict[InputKind, InputVersions]:
        """The inputs there are."""
        given = {InputKind.IMAGE: self.image, InputKind.VIDEO: self.video}
        return {kind: versions for kind, versions in given.items() if versions is not None}


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


class RepairSession:
    """Carries orders out.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services
        self._input_analysis = InputAnalysis(services)

    async def carry_out(self, order: RepairOrder, progress: RepairProgress) -> RepairOutcome:
        """Write the repaired copies and look at them; until all of that is done, nothing has changed.

        Each copy is made from the original with all that was chosen for it so far.

        Raises:
            KlingUIError: There is nothing to do, or a file cannot be read or written.
        """
        current = await self._analyses({kind: versions.current for kind, versions in order.inputs.items()})
        labels = _labels(order, offers(*current, judge(*current, order.choice), order.choice))
        if not labels:
            raise _nothing_to_repair()
        span = order.span or longest_usable(current[1])
        touched = [kind for kind in order.inputs if any(chosen.target == kind for chosen in labels)]
        made = {kind: _next(order.inputs[kind], kind, labels, span) for kind in touched}
        plan = await self._plan(order, made, {kind for kind in labels if kind.target == "choice"})
        values = await self._make(order, plan, made, progress) if made else {}
        return RepairOutcome(tuple(labels.values()), values, plan.choice)

    async def _plan(self, order: RepairOrder, made: dict[InputKind, InputVersion], chosen: set[RepairKind]) -> Plan:
        """Compose for the originals of what is made; what is left alone counts as it is."""
        sources = {kind: v.original if kind in made else v.current for kind, v in order.inputs.items()}
        image, video = await self._analyses(sources)
        kinds = chosen.union(*(version.kinds for version in made.values()))
        span = made[InputKind.VIDEO].span if InputKind.VIDEO in made else None
        plan = compose(kinds, image, video, order.choice, usable=span)
        return replace(
            plan,
            image=plan.image if InputKind.IMAGE in made else None,
            video=plan.video if InputKind.VIDEO in made else None,
        )

    async def _make(
        self, order: RepairOrder, plan: Plan, made: dict[InputKind, InputVersion], progress: RepairProgress
    ) -> dict[InputKind, SlotValue]:
        originals = RepairedCopy(*(made[kind].path if kind in made else None for kind in InputKind))
        services = self._services()
        async with services.room(await asyncio.to_thread(_size_bytes, originals)) as room:
            done = await self._write(plan, made, originals, room.folder, progress)
        return {
            kind: await self._input_analysis.whole(kind, order.inputs[kind].adding(version))
            for kind, version in done.items()
        }

    async def _write(
        self,
        plan: Plan,
        made: dict[InputKind, InputVersion],
        originals: RepairedCopy,
        folder: Path,
        progress: RepairProgress,
    ) -> dict[InputKind, InputVersion]:
        repair_runner = RepairRunner(self._services().workers)
        progress.enter(WRITING)
        on_progress = progress.show if plan.video else None
        repaired = await repair_runner.apply(plan, originals.image, originals.video, folder, on_progress=on_progress)
        progress.enter(CHECKING)
        paths = {
            kind: path for kind, path in ((InputKind.IMAGE, repaired.image), (InputKind.VIDEO, repaired.video)) if path
        }
        _, _, pictures = await asyncio.gather(
            self._analyse_one(InputKind.IMAGE, paths),
            self._analyse_one(InputKind.VIDEO, paths),
            repair_runner.before_after(plan, originals, repaired, folder),
        )
        shown = {InputKind.IMAGE: pictures.image, InputKind.VIDEO: pictures.video}
        return {
            kind: replace(_placed(made[kind], plan), path=path, picture=shown[kind]) for kind, path in paths.items()
        }

    async def _analyses(
        self, sources: dict[InputKind, InputVersion]
    ) -> tuple[ImageAnalysis | None, VideoAnalysis | None]:
        preflight = self._services().preflight
        image, video = sources.get(InputKind.IMAGE), sources.get(InputKind.VIDEO)
        return await asyncio.gather(
            preflight.image(image.path) if image else _nothing(),
            preflight.video(video.path) if video else _nothing(),
        )

    async def _analyse_one(self, kind: InputKind, paths: dict[InputKind, Path]) -> None:
        if kind in paths:
            await self._input_analysis.analyse(kind, paths[kind])


def _labels(order: RepairOrder, offered: Iterable[Repair]) -> dict[RepairKind, str]:
    """What of an order is on offer, with what its buttons say; a person may keep any part of a clip."""
    labels = {repair.kind: repair_label(repair) for repair in offered if repair.kind in order.kinds}
    if order.span and order.video and RepairKind.VIDEO_TRIM in order.kinds:
        labels[RepairKind.VIDEO_TRIM] = f"Keep {span_words(*order.span)}"
    return labels


def _next(versions: InputVersions, kind: InputKind, labels: dict[RepairKind, str], span: Span | None) -> InputVersion:
    """Say what the next version of an input is made of; its file is that of the original until it is written."""
    own = {repair: label for repair, label in labels.items() if repair.target == kind}
    repairs, before = dict(versions.current.repairs) | own, versions.current.span
    if RepairKind.VIDEO_TRIM in own and span:
        from_s = before[0] if before else 0.0
        before = span[0] + from_s, span[1] + from_s
    return InputVersion(versions.original.path, tuple(repairs.items()), before)


def _placed(version: InputVersion, plan: Plan) -> InputVersion:
    """Note where in the original a trimmed clip begins and ends."""
    if plan.video is None or RepairKind.VIDEO_TRIM not in version.kinds:
        return version
    return replace(version, span=(plan.video.start_s, plan.video.end_s))


def _size_bytes(files: RepairedCopy) -> int:
    """Say about how much room copies of these files take; blocking."""
    return sum(path.stat().st_size for path in (files.image, files.video) if path is not None and path.is_file())


async def _nothing() -> None:
    return None


def _nothing_to_repair() -> KlingUIError:
    return KlingUIError("There is nothing to repair here any more.", advice="The findings are up to date now.")
