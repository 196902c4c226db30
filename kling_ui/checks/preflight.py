"""From files to a report: all rules in one place, and the facade that looks at files in worker processes."""

import asyncio
import copy
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from kling_ui.checks import image_rules, pair_rules, video_rules
from kling_ui.checks.limits import DURATION_SLACK_S, USABLE_MIN_S
from kling_ui.checks.report import Finding, Report, Section, in_order
from kling_ui.checks.usability import Timeline, advise_orientation, forecast
from kling_ui.corrections import Corrections
from kling_ui.media.image import ImageFacts, probe_image
from kling_ui.media.probe import VideoFacts, probe_video
from kling_ui.options import TransferOptions
from kling_ui.vision.analysis import ImageAnalysis, VideoAnalysis, analyse_image, analyse_video
from kling_ui.vision.editing import EditableFigure, find_editable
from kling_ui.vision.pose import Framing
from kling_ui.workers import TakeTurn, Workers

_NOT_SHOWN = frozenset(
    {
        "path",
        "keyframe_times_s",
        "every_picture_fps",
        "hdr",
        "is_interlaced",
        "size_changes_s",
        "is_mirrored",
        "is_transparent",
        "damaged_s",
        "profile",
    }
)
FACTS_TIMEOUT_S = 30.0
ANALYSIS_TIMEOUT_S = 120.0
_REMEMBERED_MAX = 64

T = TypeVar("T")
_Key = tuple[Callable[..., Any], Path, str, int, int]


def judge(
    image: ImageFacts | ImageAnalysis | None,
    video: VideoFacts | VideoAnalysis | None,
    choice: TransferOptions | None = None,
) -> Report:
    """Apply every rule that what is known allows.

    Args:
        image: A full look, the facts alone while the look still runs, or ``None`` without an image.
        video: Likewise for the clip.
        choice: How to transfer the motion; the defaults when not given.
    """
    choice = choice or TransferOptions()
    timeline = forecast(video) if isinstance(video, VideoAnalysis) else None
    return Report(
        image=check_image(image) if image else Section(),
        video=check_video(video, choice, timeline) if video else Section(),
        pair=check_pair(image, video, choice),
        complete=isinstance(image, ImageAnalysis) and isinstance(video, VideoAnalysis),
        forecast=timeline,
        advice=advise_orientation(video.upright, timeline) if isinstance(video, VideoAnalysis) and timeline else None,
    )


def check_image(image: ImageFacts | ImageAnalysis) -> Section:
    """Judge the character image."""
    facts = image.facts if isinstance(image, ImageAnalysis) else image
    findings = [finding for rule in image_rules.FILE_RULES for finding in rule(facts)]
    if isinstance(image, ImageFacts):
        return Section(_shown(facts), in_order(findings))
    findings += [finding for rule in image_rules.ANALYSIS_RULES for finding in rule(image)]
    person = image.person
    seen: dict[str, Any] = {
        "subject_share": person.subject_share if person else None,
        "people": len(image.others) + 1 if person else 0,
        "confidence": person.confidence if person else None,
        "framing": str(person.framing if person else Framing.NOBODY),
        "sha256": image.sha256,
    }
    if image.corrected is not None:
        seen["corrected"] = asdict(image.corrected)
    return Section(_shown(facts) | seen, in_order(findings))


def check_video(
    video: VideoFacts | VideoAnalysis, choice: TransferOptions, timeline: Timeline | None = None
) -> Section:
    """Judge the reference video; ``timeline`` is its forecast if that is known already."""
    facts = video.facts if isinstance(video, VideoAnalysis) else video
    findings = [finding for rule in video_rules.FILE_RULES for finding in rule(facts)]
    findings += [finding for rule in video_rules.CHOICE_RULES for finding in rule(facts, choice)]
    if isinstance(video, VideoFacts):
        return Section(_shown(facts), in_order(findings))
    timeline = timeline or forecast(video)
    findings += [finding for rule in video_rules.ANALYSIS_RULES for finding in rule(video)]
    findings += [finding for rule in video_rules.TIME_RULES for finding in rule(video, timeline)]
    can_trim = timeline.usable_s >= USABLE_MIN_S.value - DURATION_SLACK_S
    findings = [replace(finding, values={"can_trim": can_trim, **finding.values}) for finding in findings]
    seen: dict[str, Any] = {
        "person_share": round(video.person_share, 4),
        "usable_s": round(timeline.usable_s, 3),
        "framing": str(video.framing),
        "sha256": video.sha256,
    }
    return Section(_shown(facts) | seen, in_order(findings))


def check_pair(
    image: ImageFacts | ImageAnalysis | None, video: VideoFacts | VideoAnalysis | None, choice: TransferOptions
) -> Section:
    """Judge prompt, image and clip together; those that were stored turned as they will be once they are turned."""
    image = image.upright if isinstance(image, ImageAnalysis) else image
    video = video.upright if isinstance(video, VideoAnalysis) else video
    findings: list[Finding] = [finding for rule in pair_rules.CHOICE_RULES for finding in rule(choice)]
    if image is not None and video is not None:
        pictured = image.facts if isinstance(image, ImageAnalysis) else image
        filmed = video.facts if isinstance(video, VideoAnalysis) else video
        findings += [finding for rule in pair_rules.FACT_RULES for finding in rule(pictured, filmed)]
    if isinstance(image, ImageAnalysis) and isinstance(video, VideoAnalysis):
        findings += [finding for rule in pair_rules.ANALYSIS_RULES for finding in rule(image, video, choice)]
    facts = {
        "orientation": str(choice.orientation),
        "keep_sound": choice.keep_sound,
        "prompt_chars": len(choice.prompt),
    }
    return Section(facts, in_order(findings))


def _shown(facts: ImageFacts | VideoFacts) -> dict[str, Any]:
    kept = {field.name: getattr(facts, field.name) for field in fields(facts) if field.name not in _NOT_SHOWN}
    return {"file": facts.path.name} | kept


@dataclass(slots=True)
class _Shared:
    """Work under way and how many wait for it."""

    task: asyncio.Task[Any]
    waiting: int = 0


class Preflight:
    """Looks at files in worker processes, each file once however many ask.

    Args:
        workers: The pool that does the work.
        folder: Where looks are kept.
    """

    def __init__(self, workers: Workers, folder: Path) -> None:
        self.workers = workers
        self.folder = folder
        self._take_turn: TakeTurn = _at_once
        self._under_way: dict[_Key, _Shared] = {}
        self._remembered: OrderedDict[_Key, Any] = OrderedDict()
        self._judged: OrderedDict[tuple[object, ...], Report] = OrderedDict()

    def taking_turns(self, take_turn: TakeTurn) -> Self:
        """Give a preflight for somebody who may not have everything looked at at once; what is known is shared.

        Args:
            take_turn: Waits until a worker may be asked for them, and gives what is to be called when it is done; what
                is remembered or under way already is not waited for.
        """
        theirs = copy.copy(self)
        theirs._take_turn = take_turn
        return theirs

    @property
    def remembered_contents(self) -> Collection[str]:
        """SHA-256 of the files whose looks are remembered here: what was drawn of them may be shown again."""
        analyses = (found for found in self._remembered.values() if isinstance(found, ImageAnalysis | VideoAnalysis))
        return {analysis.sha256 for analysis in analyses}

    def forget(self, sha256: Collection[str]) -> None:
        """Forget what was found in some contents, and all of files that are gone; blocking."""
        for key, found in list(self._remembered.items()):
            if getattr(found, "sha256", None) in sha256 or not key[1].exists():
                self._remembered.pop(key, None)
        for judged in [judged for judged in self._judged if {judged[0], judged[3]} & set(sha256)]:
            self._judged.pop(judged, None)

    async def image_facts(self, path: Path) -> ImageFacts:
        """Read a picture's header.

        Raises:
            MediaError: It is no readable picture.
            WorkError: The worker died or took too long.
        """
        return await self._once(probe_image, path, timeout_s=FACTS_TIMEOUT_S)

    async def video_facts(self, path: Path) -> VideoFacts:
        """Read a clip's headers and packets.

        Raises:
            MediaError: It is no readable clip.
            WorkError: The worker died or took too long.
        """
        return await self._once(probe_video, path, timeout_s=FACTS_TIMEOUT_S)

    async def image(self, path: Path, corrections: Corrections | None = None) -> ImageAnalysis:
        """Find the character of a picture, as a person corrected it; the second look at the same content is quick.

        Raises:
            MediaError: It is no readable picture, or too little is said of a character that is not found.
            WorkError: The worker died or took too long.
        """
        if not corrections:
            return await self._once(analyse_image, path, self.folder, timeout_s=ANALYSIS_TIMEOUT_S)
        return await self._once(
            analyse_image, path, self.folder, corrections, timeout_s=ANALYSIS_TIMEOUT_S, variant=corrections.key
        )

    async def editable(self, path: Path, corrections: Corrections | None = None) -> EditableFigure:
        """Find what a person can correct of a picture.

        Raises:
            MediaError: It is no readable picture.
            WorkError: The worker died or took too long.
        """
        given = corrections or Corrections()
        return await self._once(
            find_editable, path, self.folder, given, timeout_s=ANALYSIS_TIMEOUT_S, variant=given.key
        )

    async def video(self, path: Path) -> VideoAnalysis:
        """Follow the person of a clip; the second look at the same content is quick.

        Raises:
            MediaError: It is no readable clip.
            WorkError: The worker died or took too long.
        """
        return await self._once(analyse_video, path, self.folder, timeout_s=ANALYSIS_TIMEOUT_S)

    def judge(
        self,
        image: ImageFacts | ImageAnalysis | None,
        video: VideoFacts | VideoAnalysis | None,
        choice: TransferOptions,
    ) -> Report:
        """Judge what is known so far; the same inputs are judged once, for the page and for the run that it begins."""
        if not isinstance(image, ImageAnalysis) or not isinstance(video, VideoAnalysis):
            return judge(image, video, choice)
        corrected = image.corrected.key if image.corrected else ""
        key = image.sha256, image.facts.path, corrected, video.sha256, video.facts.path, choice
        if key not in self._judged:
            self._judged[key] = judge(image, video, choice)
            while len(self._judged) > _REMEMBERED_MAX:
                self._judged.popitem(last=False)
        return self._judged[key]

    async def report(
        self, image: Path | None, video: Path | None, choice: TransferOptions, corrections: Corrections | None = None
    ) -> Report:
        """Look at both files at once, the picture as a person corrected it, and judge them.

        Raises:
            MediaError: One of them cannot be read.
            WorkError: A worker died or took too long.
        """
        analyses = await asyncio.gather(
            self.image(image, *([corrections] if corrections else [])) if image else _nothing(),
            self.video(video) if video else _nothing(),
        )
        return self.judge(*analyses, choice)

    async def _once(self, work: Callable[..., T], path: Path, *more: object, timeout_s: float, variant: str = "") -> T:
        key = _key(work, path, variant)
        if not self._is_known(key):
            end_turn = await self._take_turn()
            if self._is_known(key):  # somebody was quicker
                end_turn()
            else:
                self._begin(key, partial(self.workers.run, work, path, *more, timeout_s=timeout_s), end_turn)
        if key in self._remembered:
            self._remembered.move_to_end(key)
            return self._remembered[key]
        shared = self._under_way[key]
        shared.waiting += 1
        try:
            return await asyncio.shield(shared.task)
        finally:
            shared.waiting -= 1
            if not shared.waiting and not shared.task.done():  # nobody wants it any more
                self._under_way.pop(key, None)
                shared.task.cancel()

    def _begin(self, key: _Key, work: Callable[[], Awaitable[Any]], end_turn: Callable[[], None]) -> None:
        task = asyncio.ensure_future(work())
        self._under_way[key] = _Shared(task)
        task.add_done_callback(lambda done: self._settle(key, done))
        task.add_done_callback(lambda _: end_turn())  # not sooner: whoever began may go, and others still wait for it

    def _is_known(self, key: _Key) -> bool:
        return key in self._remembered or key in self._under_way

    def _settle(self, key: _Key, done: asyncio.Task[Any]) -> None:
        shared = self._under_way.get(key)
        if shared is not None and shared.task is done:
            del self._under_way[key]
        if not done.cancelled() and done.exception() is None:
            self._remembered[key] = done.result()
            while len(self._remembered) > _REMEMBERED_MAX:
                self._remembered.popitem(last=False)


def _key(work: Callable[..., object], path: Path, variant: str) -> _Key:
    try:
        status = path.stat()
    except OSError:
        return (work, path, variant, -1, -1)  # the work itself says what is wrong
    return (work, path, variant, status.st_size, status.st_mtime_ns)


async def _at_once() -> Callable[[], None]:
    return lambda: None


async def _nothing() -> None:
    return None
