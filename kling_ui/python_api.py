"""What Python code can call: check, repair, run, batch, score and sheet. The command line is built on the same.

Each comes twice. ``check`` waits for its result; ``acheck`` is awaited, takes the same and returns the same, and so on,
as ``anext`` does in Python. The twins need asyncio; cancelling one ends its work, as Ctrl+C does for the others.

Work on pixels is done in worker processes, which import the calling script again: there, calls stand below
``if __name__ == "__main__":``.

Inability is an error of :mod:`kling_ui.errors`. What the checks find, and a run without a video, is a result.
"""

import asyncio
import functools
import math
import os
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from pydantic import SecretStr

from kling_ui.batches.order import abatch
from kling_ui.checks.repair_session import RepairInput, RepairPhase, RepairRequest
from kling_ui.composition import open_parts, owner_id
from kling_ui.errors import KlingUIError, RunError, SettingsError
from kling_ui.media.files import NAME_MAX_BYTES, copy_into, cut
from kling_ui.options import DEFAULT_PROMPT, Orientation, Resolution, TransferOptions, member_of
from kling_ui.presentation.findings import repair_effect, repair_label, report_json
from kling_ui.presentation.money import dollars
from kling_ui.presentation.runs import cancel_words, in_words, run_words, start_words
from kling_ui.results import CheckResult, Progress, RepairResult, RunResult
from kling_ui.runs.pricing import PriceRisenError
from kling_ui.runs.record import EngineName, RunInputs
from kling_ui.runs.view import RunView
from kling_ui.scoring.match import MotionMatch
from kling_ui.settings import Settings, valid_token
from kling_ui.sheets import asheet

if TYPE_CHECKING:
    from kling_ui.runs.runner import Runner

P = ParamSpec("P")
T = TypeVar("T")
AnyPath = str | os.PathLike[str]
OnProgress = Callable[[Progress], None]


async def acheck(
    image: AnyPath | None = None,
    video: AnyPath | None = None,
    *,
    prompt: str = DEFAULT_PROMPT,
    orientation: str = "video",
    keep_sound: bool = True,
    accept: Collection[str] = (),
    joints: AnyPath | None = None,
    mask: AnyPath | None = None,
    settings: Settings | None = None,
) -> CheckResult:
    """Look at the inputs and say whether a run will work; nothing is sent.

    Args:
        image: The character image.
        video: The reference video.
        prompt: Scene, clothes and light in words, 1-2500 characters.
        orientation: Whose facing the result follows: ``video`` (at most 30 s) or ``image`` (at most 10 s).
        keep_sound: Keep the reference's sound.
        accept: Ids of rules that a person overrules; only where :attr:`Problem.may_accept` allows it.
        joints: A JSON file of joints of the character that are placed by hand, see ``docs/corrections.md``.
        mask: A PNG that says what of the image is the character: white is, black is not, clear is as it was found.
        settings: Other settings than those of the environment.

    Raises:
        MediaError: A file cannot be read.
        SettingsError: An argument or a variable of the environment has a value that cannot be used.
        WorkError: A worker died or took too long.
    """
    choice = _options(prompt, orientation, keep_sound)
    _require_input(image, video)
    # One process looks at both files: an image takes it a moment, and each loads the models, which takes a second.
    async with open_parts(settings or Settings.from_env(), worker_count=1) as parts:
        corrections = await parts.corrections(_path(image), _path(joints), _path(mask))
        report = await parts.preflight.report(_path(image), _path(video), choice, corrections)
    return CheckResult.of(report.accepting(accept))


async def arepair(
    image: AnyPath | None = None,
    video: AnyPath | None = None,
    *,
    out: AnyPath,
    orientation: str = "video",
    keep_sound: bool = True,
    person: int | None = None,
    on_progress: OnProgress | None = None,
    settings: Settings | None = None,
) -> RepairResult:
    """Repair what the checks find, into new files; the originals stay as they are.

    Args:
        image: The character image.
        video: The reference video.
        out: Folder for the copies, as ``<name>-repaired.<suffix>``; nothing in it is overwritten.
        orientation: Whose facing the result is to follow, ``video`` or ``image``.
        keep_sound: Keep the reference's sound, if it has any.
        person: Whom to keep where an input shows several people, counted from the left: the others are cropped out.
        on_progress: Told what is being done, on the thread of the event loop.
        settings: Other settings than those of the environment.

    Raises:
        MediaError: A file cannot be read, a copy cannot be written, or nobody can be kept alone under that number.
        SettingsError: An argument or a variable of the environment has a value that cannot be used.
        WorkError: A worker died or took too long.
    """
    choice = _options(DEFAULT_PROMPT, orientation, keep_sound)
    _require_input(image, video)
    tell = on_progress or (lambda _news: None)
    async with open_parts(settings or Settings.from_env()) as parts:
        tell(Progress("Looking at the inputs."))
        request = RepairRequest(_to_repair(image), _to_repair(video), choice, person=person)
        planned = await parts.repairs.plan(request)
        if not planned.kinds:
            return RepairResult.of(planned, planned.sources, planned.before, planned.report)
        for repair in planned.repairs:
            tell(Progress(f"{repair_label(repair)}. {repair_effect(repair)}"))
        repaired = await parts.repairs.write(planned, Path(out), on_progress=functools.partial(_tell_phase, tell))
    return RepairResult.of(planned, repaired.copies, repaired.after, repaired.report)


async def arun(
    image: AnyPath,
    video: AnyPath,
    *,
    engine: str = "preview",
    prompt: str = DEFAULT_PROMPT,
    orientation: str = "video",
    keep_sound: bool = True,
    resolution: str = "720p",
    out: AnyPath = ".",
    max_price_usd: float | None = None,
    token: str | None = None,
    accept: Collection[str] = (),
    again: bool = False,
    joints: AnyPath | None = None,
    mask: AnyPath | None = None,
    transparent: bool = False,
    on_progress: OnProgress | None = None,
    settings: Settings | None = None,
) -> RunResult:
    """Check the inputs, make the video, measure how well it follows, and put it into a folder.

    A paid run is made only within ``max_price_usd``: the price is read right before it is sent, and it is not sent when
    it would cost more or when its price is not known. The budgets of the settings hold besides. The same run is not
    made twice: one that is under way is followed, one that was completed is given again; neither is charged again.

    Cancelling ends a preview; a paid run is cancelled if it has not started yet, else RunComfy goes on with it, and
    ``kling-ui recover`` fetches its video.

    Args:
        image: The character image.
        video: The reference video.
        engine: Who renders: ``preview`` is free and drawn on this machine, ``kling`` is paid and needs a token.
        prompt: Scene, clothes and light in words, 1-2500 characters, sent to Kling as they are; without any,
            :data:`kling_ui.options.DEFAULT_PROMPT` is sent: "A person dancing in daylight". The motion comes from the
            video.
        orientation: Whose facing the result follows: ``video`` (at most 30 s) or ``image`` (at most 10 s).
        keep_sound: Keep the reference's sound.
        resolution: How large a preview may be, ``720p`` or ``1080p``; Kling decides for itself.
        out: Folder for the video; nothing in it is overwritten.
        max_price_usd: The most that a run on Kling may cost, in US dollars; ``math.inf`` sets no limit of its own, and
            takes prices that are not known, too. Without it nothing is sent to Kling.
        token: RunComfy token that pays; by default that of the settings.
        accept: Ids of rules that a person overrules, see :func:`acheck`.
        again: Make another one although the same was made, or may have been; it is charged again.
        joints: A JSON file of joints placed by hand, see :func:`acheck`; a preview follows them, Kling is sent none.
        mask: A PNG of the character, see :func:`acheck`.
        transparent: Of a preview, also draw the character without its background, as a silent WebM (VP9 with alpha).
        on_progress: Told what is being done, on the thread of the event loop.
        settings: Other settings than those of the environment.

    Raises:
        MediaError: A file cannot be read.
        SettingsError: An argument or a variable of the environment has a value that cannot be used.
        RunError: A price or a budget does not allow the run. Nothing was sent.
        APIError: The model API does not take the token, or does not answer.
        WorkError: A worker died or took too long.
    """
    settings = settings or Settings.from_env()
    order = _RunOrder(
        inputs=RunInputs(
            image=Path(image), video=Path(video), choice=_options(prompt, orientation, keep_sound, resolution)
        ),
        engine=member_of(EngineName, engine, "engine"),
        max_price_usd=max_price_usd,
        token=token,
        again=again,
        tell=on_progress or (lambda _news: None),
        joints=joints,
        mask=mask,
        transparent=transparent,
    )
    order.require_leave_to_pay(settings)
    folder = _folder(Path(out))
    try:
        return await _carry_out(order, folder, accept, order.bounded(settings))
    except KlingUIError as error:
        told = in_words(error)
        if told is error:
            raise
        raise told from error


async def ascore(
    reference: AnyPath,
    result: AnyPath,
    *,
    orientation: str = "video",
    settings: Settings | None = None,
) -> MotionMatch:
    """Measure how well the motion of a result follows its reference.

    Args:
        reference: The clip that gives the motion.
        result: The clip that should follow it.
        orientation: Whose facing the result follows: ``video`` compares directions, ``image`` their changes.
        settings: Other settings than those of the environment.

    Returns:
        The motion match; its ``score`` is 0-100, or ``None`` for a ``reason``.

    Raises:
        MediaError: A file cannot be read.
        SettingsError: An argument or a variable of the environment has a value that cannot be used.
        WorkError: A worker died or took too long.
    """
    from kling_ui.scoring.compare import match_clips  # noqa: PLC0415  the others need none of it

    facing = member_of(Orientation, orientation, "orientation")
    async with open_parts(settings or Settings.from_env()) as parts:
        return await match_clips(parts.workers, Path(reference), Path(result), orientation=facing)


def _waiting(work: Callable[P, Coroutine[Any, Any, T]], name: str) -> Callable[P, T]:
    """Make the twin that waits."""

    @functools.wraps(work)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        if _has_running_loop():
            raise RuntimeError(
                f"{name}() would hold up the event loop that runs in this thread: use `await a{name}(...)`."
            )
        return asyncio.run(work(*args, **kwargs))

    call.__name__ = call.__qualname__ = name
    return call


def _has_running_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


check = _waiting(acheck, "check")
repair = _waiting(arepair, "repair")
run = _waiting(arun, "run")
score = _waiting(ascore, "score")
sheet = _waiting(asheet, "sheet")
batch = _waiting(abatch, "batch")


async def follow(views: AsyncGenerator[RunView], show: Callable[[RunView], None]) -> RunView:
    """Show what a run does until it ends, and return its last view.

    Raises:
        RunError: There is nothing to follow.
    """
    view: RunView | None = None
    async with aclosing(views) as following:
        async for view in following:
            show(view)
    if view is None:
        raise RunError("The run cannot be followed.")
    return view


@dataclass(frozen=True, kw_only=True)
class _RunOrder:
    inputs: RunInputs
    engine: EngineName
    max_price_usd: float | None
    token: str | None = field(repr=False)
    again: bool
    tell: OnProgress
    joints: AnyPath | None = None
    mask: AnyPath | None = None
    transparent: bool = False

    def require_leave_to_pay(self, settings: Settings) -> None:
        if self.engine is EngineName.PREVIEW:
            return
        if self.transparent:
            raise SettingsError("Only a preview can be transparent.", advice="Use the preview, or leave it out.")
        if self.token is None and settings.token is None:
            raise SettingsError(
                "A run on Kling needs a token in RUNCOMFY_API_TOKEN.", advice="Set it, or use the preview."
            )
        if self.token is not None and not valid_token(self.token):
            raise SettingsError("token takes printable ASCII without spaces.")
        if self.max_price_usd is None or not self.max_price_usd > 0:
            raise SettingsError(
                "A run on Kling costs money: max_price_usd takes the most that it may cost, in US dollars.",
                advice="Give it, or use the preview, which is free.",
            )

    @property
    def has_limit(self) -> bool:
        return self.engine is EngineName.KLING and self.max_price_usd != math.inf

    def bounded(self, settings: Settings) -> Settings:
        """Set a budget where there is none: under one, a run whose price is not known is refused in the same breath."""
        if not self.has_limit or settings.budget_session_usd is not None:
            return settings
        return replace(settings, budget_session_usd=math.inf)

    def max_rate_usd(self, duration_s: float) -> float | None:
        """The most that a second may cost."""
        return self.max_price_usd / duration_s if self.has_limit and self.max_price_usd and duration_s else None

    def too_dear(self, error: PriceRisenError) -> RunError:
        estimate_usd, limit_usd = error.quote.estimate_usd, dollars(self.max_price_usd or 0.0)
        if estimate_usd is None:
            return RunError(f"It cannot be told whether this run costs more than {limit_usd}. Nothing was sent.")
        words = f"This run would cost about {dollars(estimate_usd)}, but it may cost {limit_usd}. Nothing was sent."
        return RunError(words, advice="Raise max_price_usd, shorten the clip, or use the preview, which is free.")


async def _carry_out(order: _RunOrder, folder: Path, accept: Collection[str], settings: Settings) -> RunResult:
    inputs, tell = order.inputs, order.tell
    async with open_parts(settings) as parts:
        tell(Progress("Looking at the inputs."))
        corrections = await parts.corrections(inputs.image, _path(order.joints), _path(order.mask))
        given = inputs.image, inputs.video, inputs.choice, corrections
        report = (await parts.preflight.report(*given)).accepting(accept)
        checked = CheckResult.of(report)
        tell(Progress(checked.headline))
        if checked.is_blocked:
            return RunResult.blocked(order.engine, checked)
        order = replace(order, inputs=replace(inputs, findings=report_json(report), corrections=corrections))
        async with parts.open_runner(take_over=False) as runner:
            view = await _followed(order, runner, owner_id(settings.data_dir))
        video = clear = None
        if view.result is not None:
            stems = (cut(path.stem, NAME_MAX_BYTES // 2) for path in (inputs.image, inputs.video))
            name = f"{'-'.join(stems)}-{order.engine.value}"
            video = await asyncio.to_thread(copy_into, view.result, folder, f"{name}{view.result.suffix}")
            if order.transparent:
                tell(Progress("Drawing it without the background."))
                clear = await parts.without_background(order.inputs, folder, f"{video.stem}-transparent.webm")
    return RunResult.of(view, video, checked, clear)


async def _followed(order: _RunOrder, runner: "Runner", visitor: str) -> RunView:
    """Start a run and follow it to its end; when that is cancelled, so is the run."""
    starting = asyncio.ensure_future(_begun(order, runner, visitor))
    try:
        run_id = await asyncio.shield(starting)
        return await follow(runner.watch(run_id, visitor), functools.partial(_tell_view, order.tell))
    except asyncio.CancelledError:
        with suppress(KlingUIError):  # then there is nothing to call off
            await _call_off(await starting, runner, order.tell, visitor)
        raise


async def _begun(order: _RunOrder, runner: "Runner", visitor: str) -> str:
    try:
        start = await runner.begin(
            order.inputs,
            engine=order.engine,
            visitor=visitor,
            token=None if order.token is None else SecretStr(order.token),
            again=order.again,
            shown_rate_usd=order.max_rate_usd(order.inputs.known_duration_s or 0.0),
        )
    except PriceRisenError as error:
        raise order.too_dear(error) from error
    if words := start_words(start.code):
        order.tell(Progress(words, start=start.code))
    return start.run_id


async def _call_off(run_id: str, runner: "Runner", tell: OnProgress, visitor: str) -> None:
    tell(Progress(cancel_words(await runner.cancel(run_id, visitor))))
    view = await runner.view(run_id, visitor)
    if not view.is_final and view.request_id and view.engine is EngineName.KLING:
        tell(
            Progress(
                f"The run is request {view.request_id}; the page (kling-ui app) follows it on, "
                f"and so does kling-ui recover {view.request_id}."
            )
        )


def _tell_phase(tell: OnProgress, phase: RepairPhase, share: float | None) -> None:
    if phase is RepairPhase.CHECKING:
        tell(Progress("Looking at the result."))
    elif share is not None:
        tell(Progress("Repairing.", share))


def _tell_view(tell: OnProgress, view: RunView) -> None:
    tell(Progress(run_words(view).sentence, view.progress, view))


def _options(prompt: str, orientation: str, keep_sound: bool, resolution: str = "720p") -> TransferOptions:
    facing, size = member_of(Orientation, orientation, "orientation"), member_of(Resolution, resolution, "resolution")
    return TransferOptions(prompt, facing, keep_sound, size)


def _require_input(image: AnyPath | None, video: AnyPath | None) -> None:
    if image is None and video is None:
        raise SettingsError("Give an image, a video or both.")


def _path(given: AnyPath | None) -> Path | None:
    return None if given is None else Path(given)


def _to_repair(given: AnyPath | None) -> RepairInput | None:
    return None if given is None else RepairInput(Path(given), Path(given))


def _folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError("out takes a folder that can be written to.") from error
    return folder
