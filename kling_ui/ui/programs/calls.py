"""What a program may ask for: checks, repairs, runs, scores and prices, as plain values in and out.

A program has no browser that keeps an id, so it is known by what it brings: a run by its handle, money by a token of
its own. What it takes of the machine is counted by account and address, as for the page.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing, suppress
from contextvars import ContextVar
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from kling_ui.checks.repair_session import RepairInput, RepairPhase, RepairRequest, RepairSession
from kling_ui.checks.report import Report, Verdict
from kling_ui.composition import Parts
from kling_ui.errors import RunError
from kling_ui.options import InputKind, Orientation, Resolution, TransferOptions
from kling_ui.presentation.erasure import erased_words
from kling_ui.presentation.findings import repair_label, report_json
from kling_ui.presentation.model_sentences import offer_json
from kling_ui.presentation.price_sentences import price_sentence, refusal_words
from kling_ui.presentation.runs import cancel_words, in_words, run_words, start_words
from kling_ui.presentation.wording import place_words
from kling_ui.quotas import Usage
from kling_ui.results import CheckResult
from kling_ui.runs.engines import judged_for
from kling_ui.runs.handles import key_of, new_handle
from kling_ui.runs.pricing import foreseen_usage
from kling_ui.runs.record import EngineName, RunInputs, Start
from kling_ui.runs.run_view import RunView
from kling_ui.scoring.compare import match_clips
from kling_ui.sheets import sheet_with
from kling_ui.ui.erasure import erase_program_run
from kling_ui.ui.fair_share import place_updates
from kling_ui.ui.programs.arguments import (
    TOKEN_ADVICE,
    OptionArguments,
    PaymentArguments,
    flag_in,
    handle_in,
    list_in,
    one_of,
    rules_in,
    seconds_in,
    text_in,
    whole_in,
)
from kling_ui.ui.programs.caller import Answer, Caller, GivenFile, Scope
from kling_ui.ui.services import Services
from kling_ui.ui.visitors import token_of

SHEET_PAIRS_MAX, SHEET_BYTES = 12, 10_000_000
T = TypeVar("T")
WAIT_MAX_S = 50.0  # proxies end what is quiet for a minute
Tell = Callable[[str, float | None], None]


def _tell_nobody(_words: str, _share: float | None) -> None:
    pass


# Who is told what is being done, and how much of it (0-1), while a call is at work.
TELLING: ContextVar[Tell] = ContextVar("telling", default=_tell_nobody)


class ProgramCalls:
    """Does what programs ask for.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    async def check(
        self,
        scope: Scope | None,
        image: object,
        video: object,
        asked: OptionArguments,
        *,
        accept: object,
        details: object,
    ) -> Answer:
        """Look at inputs and say whether a run will work; nothing is sent.

        Raises:
            KlingUIError: A file cannot be had or read, or something was asked for that there is not.
        """
        caller, choice = self._caller(scope), asked.options()
        given = await caller.inputs(image, video)
        paths = _path(given[InputKind.IMAGE]), _path(given[InputKind.VIDEO])
        report = await _in_line(caller.services, caller.services.preflight.report(*paths, choice))
        report = report.accepting(rules_in(accept))
        more = {"report": report_json(report)} if flag_in(details, "details") else {}
        return _check_answer(report) | more

    async def repair(
        self, scope: Scope | None, image: object, video: object, asked: OptionArguments, *, person: object
    ) -> Answer:
        """Mend what the checks find, in copies.

        Raises:
            KlingUIError: A file cannot be had, read or written, or there is no room for a copy.
        """
        caller, choice = self._caller(scope), asked.options()
        services, given = caller.services, await caller.inputs(image, video)
        files = {kind: RepairInput(one.path, one.path) if one else None for kind, one in given.items()}
        session = RepairSession(services.preflight, services.workers)
        request = RepairRequest(
            files[InputKind.IMAGE], files[InputKind.VIDEO], choice, person=whole_in(person, "person", least=1)
        )
        planned = await _in_line(services, session.plan(request))
        copies, report = planned.sources, planned.report
        if planned.kinds:
            expected = sum([await asyncio.to_thread(_size_bytes, one) for one in given.values()])
            async with services.room(expected) as room:
                repaired = await session.write(planned, room.folder, on_progress=_tell_phase)
            copies, report = repaired.copies, repaired.report
        return {
            "repairs": [{"id": repair.kind.value, "label": repair_label(repair)} for repair in planned.repairs],
            "image": caller.file_answer(copies.image),
            "video": caller.file_answer(copies.video),
            "orientation": planned.plan.choice.orientation.value,
            "keep_sound": planned.plan.choice.keep_sound,
            "before": _check_answer(planned.report),
            "after": _check_answer(report),
        }

    async def run(
        self,
        scope: Scope | None,
        image: object,
        video: object,
        asked: OptionArguments,
        paying: PaymentArguments,
        *,
        accept: object,
        handle: object = "",
    ) -> Answer:
        """Start a run that goes on whether or not anybody stays connected, and give the handle to it.

        A call that is repeated with the handle that it chose, because its answer was lost, finds the run that it began.

        Raises:
            KlingUIError: It cannot be started; nothing was sent.
        """
        caller, choice, again = self._caller(scope), asked.options(), flag_in(paying.again, "again")
        engine, token, max_usd = paying.read()
        chosen = handle_in(handle)
        given = await caller.inputs(image, video)
        picture, clip = given[InputKind.IMAGE], given[InputKind.VIDEO]
        if picture is None or clip is None:
            raise RunError("A run takes both a character image and a reference video.")
        services = caller.services
        report = await services.preflight.report(picture.path, clip.path, choice)
        judged = judged_for(engine, report, rules_in(accept))
        checked = CheckResult.of(judged)
        if judged.verdict is Verdict.BLOCK:
            raise RunError(f"Nothing was sent. {checked.headline}", advice="check tells all that was found.")
        inputs = RunInputs(
            image=picture.path,
            video=clip.path,
            choice=replace(choice, resolution=await _size(services, picture.path, choice.resolution)),
            image_url=picture.url,
            video_url=clip.url,
            findings=report_json(report),
        )
        begun = self._begin(caller, inputs, engine, token, max_usd, again=again, chosen=chosen)
        start, given_handle = await asyncio.shield(begun)  # whoever goes away now leaves a whole run, not half of one
        view = await self._view(given_handle)
        return {"handle": given_handle, "is_new": start.is_new, "note": start_words(start.code)} | _run_answer(view)

    async def status(self, handle: object, token: object = "", wait_s: object = 0) -> Answer:
        """Tell how far a run is; with the token that pays for it one that waits for that token goes on.

        Args:
            handle: Of the run.
            token: The token that pays for it.
            wait_s: Wait so many seconds for its end, and tell meanwhile how far it is.

        Raises:
            RunError: There is none under this handle.
        """
        runner, secret = self._services().runner, token_of(text_in(token, "token"))
        patience_s = seconds_in(wait_s, "wait_s", most=WAIT_MAX_S)
        record = await runner.handles.find(handle)
        if secret is not None and record.visitor == self._caller(None).owner(secret):
            await runner.resume(record.visitor, secret)
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s), aclosing(runner.watch(record.run_id, record.visitor)) as views:
                async for view in views:
                    TELLING.get()(run_words(view).sentence, view.progress)
        return _run_answer(await runner.view(record.run_id, record.visitor))

    async def result(self, scope: Scope | None, handle: object) -> Answer:
        """Give the video of a run, and what was measured of it.

        Raises:
            RunError: There is no such run, it has not ended yet, or it ended without a video.
        """
        view = await self._view(handle)
        if view.result is None:
            said = run_words(view)
            raise RunError(said.sentence, advice=said.advice if view.is_final else "Ask status until is_final is true.")
        measured = {
            "duration_s": view.duration_s,
            "fps": view.fps,
            "width_px": view.width_px,
            "height_px": view.height_px,
        }
        video = (self._caller(scope).file_answer(view.result) or {}) | measured
        return _run_answer(view) | {"video": video, "motion_match": view.motion_match}

    async def cancel(self, handle: object) -> Answer:
        """Ask a run to stop, and say what that achieved.

        Raises:
            RunError: There is none under this handle.
        """
        runner = self._services().runner
        record = await runner.handles.find(handle)
        words = cancel_words(await runner.cancel(record.run_id, record.visitor))
        return {"note": words} | _run_answer(await runner.view(record.run_id, record.visitor))

    async def forget(self, scope: Scope | None, handle: object, token: object) -> Answer:
        """Delete a run with all that is kept of it, or all runs that were paid with a token; a preview is ended first.

        Raises:
            RunError: There is none under this handle, or neither was given.
        """
        caller, secret = self._caller(scope), token_of(text_in(token, "token"))
        if secret is not None and not handle:
            data = await erase_program_run(caller.services, caller.owner(secret), None)
        else:
            record = await caller.services.runner.handles.find(handle)
            data = await erase_program_run(caller.services, record.visitor, record.run_id)
        return {"runs": data.runs, "inputs": data.inputs, "under_way": data.under_way} | {
            "note": " ".join(erased_words(data))
        }

    async def score(self, scope: Scope | None, reference: object, result: object, *, orientation: object) -> Answer:
        """Measure how well the motion of a result follows its reference.

        Raises:
            KlingUIError: A clip cannot be had or read.
        """
        caller, facing = self._caller(scope), one_of(Orientation, orientation, "orientation")
        clips = [await caller.file(InputKind.VIDEO, given) for given in (reference, result)]
        if clips[0] is None or clips[1] is None:
            raise RunError("A score takes both a reference and a result.")
        workers = caller.services.workers
        match = await _in_line(caller.services, match_clips(workers, clips[0].path, clips[1].path, orientation=facing))
        return match.to_json()

    async def sheet(
        self, scope: Scope | None, images: object, videos: object, *, orientation: object, accept: object
    ) -> Answer:
        """Draw characters with clips side by side into one picture, as previews would show them.

        Raises:
            KlingUIError: A file cannot be had, there are too many pairs, or there is no room for the picture.
        """
        caller, facing = self._caller(scope), one_of(Orientation, orientation, "orientation")
        services, rules = caller.services, rules_in(accept)
        pictures, clips = list_in(images, "images"), list_in(videos, "videos")
        if len(pictures) * len(clips) > SHEET_PAIRS_MAX:
            raise RunError(
                f"A sheet holds at most {SHEET_PAIRS_MAX} pairs here.", advice="Give fewer images or videos."
            )
        rows = [await caller.file(InputKind.IMAGE, one) for one in pictures]
        columns = [await caller.file(InputKind.VIDEO, one) for one in clips]
        parts = Parts(settings=services.settings, workers=services.workers, preflight=services.preflight)
        await services.runner.admission.take(services.quota_keys, Usage(previews=len(pictures) * len(clips)))
        async with services.room(SHEET_BYTES) as room:
            await asyncio.to_thread(room.folder.mkdir, parents=True)
            drawn = await sheet_with(
                parts,
                [row.path for row in rows if row],
                [column.path for column in columns if column],
                out=room.folder / "sheet.png",
                orientation=facing,
                accept=rules,
                on_progress=lambda news: TELLING.get()(news.words, news.share),
            )
        cells = [
            {"image": cell.image.name, "video": cell.video.name, "message": cell.message, "is_done": cell.is_done}
            for cell in drawn.cells
        ]
        return {"sheet": caller.file_answer(drawn.path), "cells": cells}

    async def price(
        self, scope: Scope | None, video: object, *, seconds: object, token: object, model: object = ""
    ) -> Answer:
        """Tell what a run on Kling costs at this moment; nothing is bought.

        Raises:
            KlingUIError: The token is not accepted, or the clip cannot be had or read.
        """
        caller, secret = self._caller(scope), token_of(text_in(token, "token"))
        if secret is None:
            raise RunError("The price can only be read with a RunComfy token.", advice=TOKEN_ADVICE)
        clip = await caller.file(InputKind.VIDEO, video)
        duration_s = seconds_in(seconds, "seconds")
        if clip is not None:
            duration_s = (await caller.services.preflight.video_facts(clip.path)).duration_s
        owner = caller.owner(secret)
        runner, terms = caller.services.runner, caller.terms(owner)
        choice = TransferOptions(model=text_in(model, "model"))
        quote = await runner.quote(duration_s, token=secret, terms=terms, choice=choice)
        spending = await runner.spending(owner, own_token=True, terms=terms)
        refusal = runner.budget.refusal(spending, quote.estimate_usd) if duration_s is not None else None
        closed = await runner.admission.refusal(terms.quota_keys, foreseen_usage(quote, secret), is_paid=True)
        why = " ".join(refusal_words(refusal)) if refusal else str(in_words(closed)) if closed else ""
        return {
            "rate_usd": quote.rate_usd,
            "unit": quote.unit,
            "duration_s": duration_s,
            "estimate_usd": quote.estimate_usd,
            "sentence": price_sentence(quote),
            "spent_today_usd": spending.day_usd,
            "refusal": why,
        }

    async def models(self, scope: Scope | None, token: object) -> Answer:
        """List the models that a run can go to with this token, with their prices.

        Raises:
            KlingUIError: There is no token, or nobody tells what is offered.
        """
        caller, secret = self._caller(scope), token_of(text_in(token, "token"))
        if secret is None:
            raise RunError("Models can only be listed with a RunComfy token.", advice=TOKEN_ADVICE)
        offers = await caller.services.runner.models(token=secret, terms=caller.terms(caller.owner(secret)))
        return {"models": [offer_json(offer) for offer in offers]}

    def _caller(self, scope: Scope | None) -> Caller:
        return Caller.of(self._services(), scope)

    async def _view(self, handle: object) -> RunView:
        runner = self._services().runner
        record = await runner.handles.find(handle)
        return await runner.view(record.run_id, record.visitor)

    @staticmethod
    async def _begin(
        caller: Caller,
        inputs: RunInputs,
        engine: EngineName,
        token: SecretStr | None,
        max_usd: float | None,
        *,
        again: bool,
        chosen: str,
    ) -> tuple[Start, str]:
        services, runner, handle = caller.services, caller.services.runner, chosen or new_handle()
        owner = caller.owner(token, key_of(handle, "run"))
        if chosen and (begun := await runner.repeated(chosen, inputs, engine=engine, visitor=owner, token=token)):
            return begun, chosen
        services.store.floor.check()
        async with services.turn():  # both files are read and copied
            start = await runner.begin(
                inputs,
                engine=engine,
                visitor=owner,
                token=token,
                again=again,
                terms=caller.terms(owner, max_usd),
            )
        return start, await runner.handles.give(start.run_id, handle)


async def _size(services: Services, image: Path, wanted: Resolution) -> Resolution:
    """Give the size of a preview: the larger one only where that makes a larger one, so that equal runs stay equal."""
    facts = await services.preflight.image_facts(image)
    picture = facts.width_px, facts.height_px
    return wanted if wanted.frame_px(*picture) != Resolution.P720.frame_px(*picture) else Resolution.P720


async def _in_line(services: Services, work: Coroutine[Any, Any, T]) -> T:
    """Wait for work, telling meanwhile how long the line is."""
    task = asyncio.ensure_future(work)
    async for place in place_updates(lambda: services.place, task):
        TELLING.get()("At work." if place is None else f"{place_words(place)}.", None)
    return await task


def _tell_phase(phase: RepairPhase, share: float | None) -> None:
    TELLING.get()("Looking at the result." if phase is RepairPhase.CHECKING else "Repairing.", share)


def _run_answer(view: RunView) -> Answer:
    said = run_words(view)
    return {
        "state": view.state.value,
        "is_final": view.is_final,
        "engine": view.engine.value,
        "model": view.choice.model,
        "sentence": said.sentence,
        "advice": said.advice,
        "progress": view.progress,
        "queue_position": view.queue_position,
        "elapsed_s": round(view.elapsed_s, 1),
        "estimate_usd": view.estimate_usd,
        "cost_usd": view.cost_usd,
        "request_id": view.request_id if view.engine is EngineName.KLING else None,
        "needs_token": view.needs_token,
    }


def _check_answer(report: Report) -> Answer:
    checked = CheckResult.of(report)
    problems = [asdict(problem) for problem in checked.problems]
    return {
        "verdict": checked.verdict,
        "headline": checked.headline,
        "problems": problems,
        "usable_s": checked.usable_s,
    }


def _path(given: GivenFile | None) -> Path | None:
    return None if given is None else given.path


def _size_bytes(given: GivenFile | None) -> int:
    with suppress(OSError):
        return given.path.stat().st_size if given else 0
    return 0
