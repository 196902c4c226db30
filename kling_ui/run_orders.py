"""A run that Python code or the command line asks for: what it may cost, how it is followed and called off."""

import asyncio
import functools
import math
import os
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from kling_ui.composition import open_parts, owner_id
from kling_ui.errors import KlingUIError, RunError, SettingsError
from kling_ui.media.files import NAME_MAX_BYTES, copy_into, cut
from kling_ui.options import Orientation, Provider, Resolution, TransferOptions, member_of
from kling_ui.presentation.findings import report_json
from kling_ui.presentation.runs import cancel_words, run_words, start_words
from kling_ui.presentation.wording import dollars
from kling_ui.results import CheckResult, Progress, RunResult
from kling_ui.runs.pricing import PriceRisenError
from kling_ui.runs.record import EngineName, RunInputs
from kling_ui.runs.run_view import RunView
from kling_ui.settings import Settings, valid_token

if TYPE_CHECKING:
    from kling_ui.runs.runner import Runner

AnyPath = str | os.PathLike[str]
OnProgress = Callable[[Progress], None]

_ENGINE_BYTES = max(map(len, EngineName)) + len("--")  # that a result's name takes besides those of its inputs


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
class RunOrder:
    """What is asked for, and on which terms.

    Attributes:
        inputs: What the run is made of.
        engine: Who renders it.
        max_price_usd: The most that it may cost on Kling, in US dollars; ``None`` for a preview.
        token: The token that pays, if it is not that of the settings.
        again: Make another one although the same was made.
        tell: Told what is being done.
        joints: Joints of the character placed by hand.
        mask: What of the picture is the character.
        transparent: Also draw a preview without background.
    """

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
        """Refuse a paid run without a token or a price limit.

        Raises:
            SettingsError: One of them is missing or cannot be used.
        """
        if self.engine is EngineName.PREVIEW:
            return
        if self.transparent:
            raise SettingsError("Only a preview can be transparent.", advice="Use the preview, or leave it out.")
        is_fal = self.inputs.choice.provider is Provider.FAL
        if is_fal and settings.fal_key is None:
            raise SettingsError("A run through fal needs KLING_UI_FAL_KEY.", advice="Set it, or use the preview.")
        if not is_fal and self.token is None and settings.token is None:
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
        """It may cost so much and no more."""
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
        """Say that it would cost more than it may."""
        estimate_usd, limit_usd = error.quote.estimate_usd, dollars(self.max_price_usd or 0.0)
        if estimate_usd is None:
            return RunError(f"It cannot be told whether this run costs more than {limit_usd}. Nothing was sent.")
        words = f"This run would cost about {dollars(estimate_usd)}, but it may cost {limit_usd}. Nothing was sent."
        return RunError(words, advice="Raise max_price_usd, shorten the clip, or use the preview, which is free.")


async def carry_out(order: RunOrder, folder: Path, accept: Collection[str], settings: Settings) -> RunResult:
    """Check the inputs, make the run, and put its video into a folder."""
    inputs, tell = order.inputs, order.tell
    async with open_parts(settings) as parts:
        tell(Progress("Looking at the inputs."))
        corrections = await parts.corrections(inputs.image, path_of(order.joints), path_of(order.mask))
        given = inputs.image, inputs.video, inputs.choice, corrections
        report = (await parts.preflight.report(*given)).accepting(accept)
        checked = CheckResult.of(report)
        tell(Progress(checked.headline))
        if checked.is_blocked:
            return RunResult.blocked(order.engine, checked)
        order = replace(order, inputs=replace(inputs, findings=report_json(report), corrections=corrections))
        async with parts.open_runner(take_over=False) as runner:
            view = await followed_order(order, runner, owner_id(settings.data_dir))
        video = clear = None
        if view.result is not None:
            stems = (cut(path.stem, (NAME_MAX_BYTES - _ENGINE_BYTES) // 2) for path in (inputs.image, inputs.video))
            name = f"{'-'.join(stems)}-{order.engine.value}"
            video = await asyncio.to_thread(copy_into, view.result, folder, f"{name}{view.result.suffix}")
            if order.transparent:
                tell(Progress("Drawing it without the background."))
                clear = await parts.without_background(order.inputs, folder, f"{video.stem}-transparent.webm")
    return RunResult.of(view, video, checked, clear)


async def followed_order(order: RunOrder, runner: "Runner", visitor: str) -> RunView:
    """Start a run and follow it to its end; when that is cancelled, so is the run."""
    starting = asyncio.ensure_future(_begun(order, runner, visitor))
    try:
        run_id = await asyncio.shield(starting)
        return await follow(runner.watch(run_id, visitor), functools.partial(_tell_view, order.tell))
    except asyncio.CancelledError:
        with suppress(KlingUIError):  # then there is nothing to call off
            await _call_off(await starting, runner, order.tell, visitor)
        raise


async def _begun(order: RunOrder, runner: "Runner", visitor: str) -> str:
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


def _tell_view(tell: OnProgress, view: RunView) -> None:
    tell(Progress(run_words(view).sentence, view.progress, view))


def options_of(
    prompt: str, orientation: str, keep_sound: bool, resolution: str = "720p", model: str = ""
) -> TransferOptions:
    """Read how to transfer the motion.

    Raises:
        SettingsError: There is no such orientation or resolution.
    """
    facing, size = member_of(Orientation, orientation, "orientation"), member_of(Resolution, resolution, "resolution")
    return TransferOptions(prompt, facing, keep_sound, size, model)


def path_of(given: AnyPath | None) -> Path | None:
    """Make a path of what names one; of nothing nothing."""
    return None if given is None else Path(given)


def open_folder(folder: Path) -> Path:
    """Make the folder that results go into, where there is none yet.

    Raises:
        SettingsError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError("out takes a folder that can be written to.") from error
    return folder
