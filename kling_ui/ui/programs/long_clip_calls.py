"""What a program may ask of clips beyond the limit: planned, run in pieces and joined, asked after and stopped."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kling_ui.checks.pieces import OVERLAP_S
from kling_ui.errors import RunError
from kling_ui.long_clips.clip_plan import plan_clip, plan_result
from kling_ui.long_clips.long_result import JoinedFolder
from kling_ui.long_clips.piece_runs import NextFrom
from kling_ui.options import InputKind, Orientation, TransferOptions
from kling_ui.results import Progress
from kling_ui.run_orders import RunOrder
from kling_ui.runs.handles import key_of, new_handle
from kling_ui.runs.pricing import Quote
from kling_ui.runs.record import RunInputs
from kling_ui.ui.open_long_runs import LongRunOrder, OpenLongRun
from kling_ui.ui.programs.arguments import (
    OptionArguments,
    PaymentArguments,
    flag_in,
    handle_in,
    list_in,
    one_of,
    rules_in,
    seconds_in,
    text_in,
)
from kling_ui.ui.programs.caller import Answer, Caller, Scope
from kling_ui.ui.programs.calls import TELLING, WAIT_MAX_S
from kling_ui.ui.services import Services
from kling_ui.ui.visitors import token_of

CUTS_MAX = 400
KIND = "long clip"
UNKNOWN = "No long clip is known under this handle."
GO_ON = "It may have ended long ago or been stopped by a restart: give the same files and choices with it to go on."


@dataclass(frozen=True, slots=True, kw_only=True)
class LongClipArguments:
    """What a program wants of a long clip; nothing in it has been looked at.

    Attributes:
        image: The character image.
        video: The clip; without both, the one of the handle is told of.
        how: How the motion is transferred.
        accept: Ids of rules that a person overrules.
        cuts: Where to cut instead of where the plan says, in seconds.
        next_from: What pieces behind the first begin with.
        skip_blocked: Pieces that the checks block are left out.
        handle: Of the one that is gone on with, or asked after.
        stop: Begin no further piece of it, and cancel those under way.
        wait_s: Wait so many seconds for its end.
    """

    image: object
    video: object
    how: OptionArguments
    accept: object
    cuts: object
    next_from: object
    skip_blocked: object
    handle: object
    stop: object
    wait_s: object


class LongClipCalls:
    """Does what programs ask of clips beyond the limit.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    async def plan(
        self,
        scope: Scope | None,
        video: object,
        *,
        orientation: object,
        cuts: object,
        token: object,
        model: object = "",
    ) -> Answer:
        """Tell how a clip becomes several runs; nothing is sent, and no run is made.

        Raises:
            KlingUIError: The clip cannot be had, read or cut so.
        """
        services, caller = self._services(), Caller.of(self._services(), scope)
        clip = await caller.file(InputKind.VIDEO, video)
        if clip is None:
            raise RunError("A plan takes a reference video.")
        facing, payer = one_of(Orientation, orientation, "orientation"), token_of(text_in(token, "token"))
        choice = services.runner.usual(TransferOptions(model=text_in(model, "model")))
        TELLING.get()("Looking at the clip.", None)
        parts = services.parts_in_line(scope)
        _, plan = await plan_clip(parts, clip.path, facing, OVERLAP_S, _cuts_in(cuts))
        quote = Quote(duration_s=plan.sent_s, needs_token=True)
        if payer is not None:
            owner = caller.owner(payer)
            quote = await services.runner.quote(plan.sent_s, token=payer, terms=caller.terms(owner), choice=choice)
        return plan_result(clip.path, plan, quote).to_json()

    async def run_long(self, scope: Scope | None, asked: LongClipArguments, paying: PaymentArguments) -> Answer:
        """Run a long clip in pieces and join them, or tell of one that was begun.

        Raises:
            KlingUIError: Something in it cannot be used or had; nothing was sent.
        """
        services, caller = self._services(), Caller.of(self._services(), scope)
        handle = text_in(asked.handle, "handle")
        if not asked.image and not asked.video:
            return await self._status(caller, handle, asked)
        engine, token, max_usd = paying.read()
        choice, given = asked.how.options(), await caller.inputs(asked.image, asked.video)
        picture, clip = given[InputKind.IMAGE], given[InputKind.VIDEO]
        if picture is None or clip is None:
            raise RunError("A run takes both a character image and a reference video.")
        handle = handle_in(handle) or new_handle()
        key = key_of(handle, KIND)
        owner = caller.owner(token, key)
        run = RunOrder(
            inputs=RunInputs(image=picture.path, video=clip.path, choice=choice, image_url=picture.url),
            engine=engine,
            max_price_usd=max_usd,
            token=None if token is None else token.get_secret_value(),
            again=flag_in(paying.again, "again"),
            tell=_nobody,
        )
        order = LongRunOrder(
            run=run,
            owner=owner,
            terms=caller.terms(owner),
            overlap_s=OVERLAP_S,
            cuts=_cuts_in(asked.cuts),
            next_from=one_of(NextFrom, asked.next_from, "next_from"),
            accept=frozenset(rules_in(asked.accept)),
            skip_blocked=flag_in(asked.skip_blocked, "skip_blocked"),
        )
        wait_s = seconds_in(asked.wait_s, "wait_s", most=WAIT_MAX_S) or 0.0
        services.store.floor.check()
        opened = services.long_runs.start(services.runner, services.parts_in_line(scope), order, key=key)
        await opened.until_end(wait_s)
        return await _answer(caller, handle, opened)

    async def _status(self, caller: Caller, handle: str, asked: LongClipArguments) -> Answer:
        opened = self._services().long_runs.find(key_of(handle, KIND)) if handle else None
        if opened is None:
            raise RunError(UNKNOWN, advice=GO_ON)
        wait_s = seconds_in(asked.wait_s, "wait_s", most=WAIT_MAX_S) or 0.0
        if flag_in(asked.stop, "stop") and opened.is_under_way:
            await opened.cancel()
        await opened.until_end(wait_s)
        return await _answer(caller, handle, opened)


def _nobody(_news: Progress) -> None:
    pass


def _cuts_in(value: object) -> tuple[float, ...] | None:
    if value is None:
        return None
    given = [] if value == [] else list_in(value, "cuts")
    times = [None if one is None else seconds_in(one, "cuts") for one in given]
    if len(times) > CUTS_MAX or None in times:
        raise RunError(f"cuts takes a list of at most {CUTS_MAX} times in seconds.")
    return tuple(one for one in times if one is not None)


async def _answer(caller: Caller, handle: str, opened: OpenLongRun) -> Answer:
    result, error = opened.result, opened.error
    advice = error.advice if error else result.advice if result else ""
    told: Answer = {
        "handle": handle,
        "is_final": not opened.is_under_way,
        "state": result.state if result else "failed" if error else "under way",
        "sentence": error.message if error else opened.words,
        "advice": advice or None,
        "progress": opened.share if opened.is_under_way else None,
        "plan": opened.plan.to_json() if opened.plan else None,
        "pieces": [piece.to_json() for piece in opened.pieces],
        "estimate_usd": result.estimate_usd if result else None,
        "cost_usd": result.cost_usd if result else None,
        "motion_match": result.motion_match if result else None,
    }
    return told | await asyncio.to_thread(_files, caller, opened)


def _files(caller: Caller, opened: OpenLongRun) -> dict[str, Any]:
    result = opened.result
    record = None
    if result is not None and result.video is not None:
        record = JoinedFolder(result.video.parent.parent).read()
    if record is None:
        return {"result": None, "chart": None, "report": None, "held": []}
    return {
        "result": caller.file_answer(record.video),
        "chart": caller.file_answer(record.chart),
        "report": caller.file_answer(record.report),
        "held": record.values["held"],
    }
