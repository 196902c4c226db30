"""The runs of a clip's pieces: priced together before the first is sent, each made once, in turn or side by side."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from kling_ui.checks.pieces import Piece, PiecePlan
from kling_ui.composition import Parts
from kling_ui.errors import KlingUIError, RunError
from kling_ui.long_clips.long_result import PieceResult
from kling_ui.long_clips.piece_files import PieceFiles
from kling_ui.long_clips.seams import take_last_picture
from kling_ui.media.files import content_sha256
from kling_ui.options import Provider
from kling_ui.presentation.findings import report_json
from kling_ui.presentation.runs import in_words, run_words
from kling_ui.quotas import Usage
from kling_ui.results import BLOCKED, CheckResult, Progress
from kling_ui.run_orders import RunOrder
from kling_ui.runs.pricing import ROUNDING_USD, Charge, PriceRisenError, Quote, usage_of
from kling_ui.runs.record import OWNER, EngineName, RunInputs, RunState, StartCode, Terms
from kling_ui.runs.run_view import RunView

if TYPE_CHECKING:
    from kling_ui.runs.runner import Runner

AT_ONCE = 3  # pieces on Kling at the same time; previews are drawn by this machine, one after the other
EMPTY, WAITING = "empty", "waiting"
NOT_SENT = frozenset({EMPTY, BLOCKED})


class NextFrom(StrEnum):
    """Which picture the pieces behind the first one begin with."""

    PICTURE = "picture"  # the character image
    LAST_FRAME = "last-frame"  # the last good frame of the piece before


@dataclass(frozen=True, slots=True)
class ReadyPiece:
    """A piece whose file is there and was looked at.

    Attributes:
        piece: The piece.
        file: Its file.
        checked: What the checks say of it, together with the character image.
    """

    piece: Piece
    file: Path
    checked: CheckResult


@dataclass(frozen=True, slots=True)
class PieceAccount:
    """Whose the runs of pieces are, and how one is made.

    Attributes:
        runner: Knows prices, budgets and the runs that were made before.
        visitor: Whose the runs are.
        follow: Makes a run and follows it to its end.
        terms: What is granted to whoever asks.
    """

    runner: "Runner"
    visitor: str
    follow: Callable[[RunOrder], Awaitable[RunView]]
    terms: Terms = OWNER


OnPieces = Callable[[tuple[PieceResult, ...]], None]


def _nobody(_pieces: tuple[PieceResult, ...]) -> None:
    pass


class PieceLog:
    """What came of each piece so far.

    Args:
        plan: All pieces.
        on_change: Told of all pieces whenever something is written down.
    """

    def __init__(self, plan: PiecePlan, on_change: OnPieces = _nobody) -> None:
        self._plan = plan
        self._on_change: OnPieces = _nobody
        self._results: dict[int, PieceResult] = {}
        for piece in plan.pieces:
            if piece.is_empty:
                self.note(piece, EMPTY, "Nobody is in view, so it is not sent.")
            else:
                self.note(piece, WAITING, "It was not begun.")
        self._on_change = on_change

    def note(self, piece: Piece, state: str, message: str, run: RunView | None = None) -> None:
        """Write down what came of a piece."""
        self._results[piece.number] = PieceResult(
            number=piece.number,
            start_s=self._plan.seconds(piece.first_frame),
            end_s=self._plan.seconds(piece.end_frame),
            state=state,
            message=message,
            run=run,
        )
        self._on_change(tuple(self._results.values()))

    @property
    def results(self) -> tuple[PieceResult, ...]:
        """Of all pieces, in order."""
        return tuple(self._results[piece.number] for piece in self._plan.pieces)

    @property
    def completed(self) -> int:
        """How many are finished."""
        return sum(result.state == RunState.COMPLETED for result in self._results.values())


@dataclass(frozen=True, slots=True)
class PieceRuns:
    """Sends pieces and follows them.

    Attributes:
        parts: What the work is done with.
        account: Whose the runs are, and how one is made.
        plan: All pieces.
        order: What is asked for, as of one run; its video is the whole clip.
        ready: The pieces that are sent.
        log: Where it is written down what comes of them.
        accept: Rules that a person overrules.
    """

    parts: Parts
    account: PieceAccount
    plan: PiecePlan
    order: RunOrder
    ready: tuple[ReadyPiece, ...]
    log: PieceLog
    accept: Collection[str]

    @property
    def _frames(self) -> int:
        return sum(one.piece.frame_count for one in self.ready)

    async def hold_price(self, chain: NextFrom) -> Quote:
        """Hold the price of all pieces against what they may cost, the budgets and quotas; nothing is sent.

        Returns:
            The price of all pieces, of those made before, too.

        Raises:
            RunError: It is more, or not known although there is a limit.
            KlingUIError: A quota of the day, or a pause, does not let all of them begin.
        """
        paid_s, order, runner, terms = (
            self.plan.seconds(self._frames),
            self.order,
            self.account.runner,
            self.account.terms,
        )
        left = await self._not_made(chain)
        if order.engine is EngineName.PREVIEW:
            await self._hold_quotas(Usage(previews=len(left)), is_paid=False)
            return Quote(duration_s=paid_s, needs_token=True)
        choice = runner.usual(order.inputs.choice)
        takes_token = choice.provider is Provider.RUNCOMFY and order.token is not None
        token = SecretStr(order.token) if takes_token and order.token else None
        quote = await runner.quote(paid_s, token=token, terms=terms, choice=choice)
        limit_usd, estimate_usd = order.max_price_usd or 0.0, quote.estimate_usd
        if order.has_limit and (estimate_usd is None or estimate_usd > limit_usd + ROUNDING_USD):
            raise order.too_dear(PriceRisenError(quote, limit_usd))
        of_left = replace(quote, duration_s=self.plan.seconds(sum(one.piece.frame_count for one in left)))
        budget = runner.budget.sharing(terms.share_usd if token is None else None)
        if budget.is_set:
            spending = await runner.spending(self.account.visitor, own_token=token is not None, terms=terms)
            budget.check(spending, of_left.estimate_usd)
        await self._hold_quotas(replace(usage_of(of_left, token), runs=len(left)), is_paid=True)
        return quote

    async def _hold_quotas(self, asked: Usage, *, is_paid: bool) -> None:
        account = self.account
        refused = await account.runner.admission.refusal(account.terms.quota_keys, asked, is_paid=is_paid)
        if refused is not None:
            raise refused

    async def run_all(self, chain: NextFrom) -> None:
        """Make all pieces; once one ends without a video, no further one is begun."""
        if chain is NextFrom.LAST_FRAME:
            await self._run_chained()
            return
        turns = asyncio.Semaphore(1 if self.order.engine is EngineName.PREVIEW else AT_ONCE)
        failed = asyncio.Event()

        async def in_turn(one: ReadyPiece) -> None:
            async with turns:
                if not failed.is_set() and await self._run(one, self._inputs(one)) is None:
                    failed.set()  # those under way are paid for and go on

        tasks = [asyncio.ensure_future(in_turn(one)) for one in self.ready]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)  # each calls its run off

    def _inputs(self, one: ReadyPiece) -> RunInputs:
        return replace(self.order.inputs, video=one.file, findings=report_json(one.checked.report))

    async def _not_made(self, chain: NextFrom) -> list[ReadyPiece]:
        """Give the pieces that were not sent before; budgets and quotas count the others already."""
        if self.order.again:
            return list(self.ready)
        account, left = self.account, []
        for place, one in enumerate(self.ready):
            is_known_ahead = chain is NextFrom.PICTURE or place == 0
            known = is_known_ahead and await account.runner.already(
                self._inputs(one), engine=self.order.engine, visitor=account.visitor
            )
            left += [] if known else [one]
        return left

    async def _run_chained(self) -> None:
        """Make one piece after the other, each from the last good frame of the one before."""
        inputs = self._inputs(self.ready[0])
        for place, one in enumerate(self.ready):
            result = await self._run(one, inputs)
            if result is None or place + 1 == len(self.ready):
                return
            try:
                inputs = await self._next_inputs(result, one, self.ready[place + 1])
            except KlingUIError as error:  # what was made is kept, and told
                self.log.note(self.ready[place + 1].piece, RunState.FAILED, str(in_words(error)))
                return

    async def _next_inputs(self, result: Path, one: ReadyPiece, following: ReadyPiece) -> RunInputs:
        frame = min(one.piece.to_frame, following.piece.from_frame) - one.piece.from_frame
        place = PieceFiles(self.parts.settings.data_dir).picture_place(
            await asyncio.to_thread(content_sha256, result), frame
        )
        picture = await self.parts.workers.run(take_last_picture, result, self.plan.seconds(frame), place)
        report = await self.parts.preflight.report(picture, following.file, self.order.inputs.choice)
        checked = CheckResult.of(report.accepting(self.accept))
        if checked.is_blocked:
            words = f"The last good frame of piece {one.piece.number} is no character to go on with. {checked.headline}"
            raise RunError(words, advice="Go on from the character image, which is the default.")
        findings = report_json(checked.report)
        return replace(self.order.inputs, image=picture, video=following.file, findings=findings, corrections=None)

    async def _run(self, one: ReadyPiece, inputs: RunInputs) -> Path | None:
        """Make a piece, write down what came of it, and return its video."""
        piece, tell, limit_usd = one.piece, self.order.tell, self.order.max_price_usd
        starts: set[StartCode | None] = set()

        def tell_of_piece(news: Progress) -> None:
            starts.add(news.start)
            if news.run is not None and not news.run.is_final:
                self.log.note(piece, news.run.state.value, news.words, news.run)
            share = None if news.share is None else (self.log.completed + news.share) / len(self.ready)
            tell(replace(news, words=f"Piece {piece.number} of {len(self.plan.pieces)}: {news.words}", share=share))

        if self.order.has_limit and limit_usd:
            limit_usd *= piece.frame_count / self._frames
        order = replace(self.order, inputs=inputs, max_price_usd=limit_usd, tell=tell_of_piece)
        try:
            view = await self.account.follow(order)
            if StartCode.SAME_OPEN in starts and view.state is RunState.FAILED and view.charge is Charge.NO:
                # It was left by a process that ended before it was sent: it is sent now.
                view = await self.account.follow(order)
        except KlingUIError as error:  # others that are under way are paid for
            self.log.note(piece, RunState.FAILED, str(in_words(error)))
            return None
        self.log.note(piece, view.state.value, run_words(view).sentence, view)
        return view.result
