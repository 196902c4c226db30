"""The long clips that this process runs in pieces: they go on with nobody looking, and their visitor finds them."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import SecretStr

from kling_ui.composition import Parts
from kling_ui.errors import KlingUIError, RunError
from kling_ui.languages import told
from kling_ui.long_clips.clip_plan import PlanResult
from kling_ui.long_clips.long_result import JoinedFolder, LongRunResult, PieceResult
from kling_ui.long_clips.long_run import LongRun
from kling_ui.long_clips.piece_runs import NextFrom, PieceAccount
from kling_ui.presentation.runs import in_words, run_words
from kling_ui.results import Progress
from kling_ui.run_orders import RunOrder, follow
from kling_ui.runs.record import EngineName, PlacesTakenError, Terms
from kling_ui.runs.run_view import RunView
from kling_ui.runs.runner import Runner
from kling_ui.ui.background_work import BackgroundWork, WorkByKey

PLACES_TRIED_EVERY_S = 2.0
CANCELLED = told("It was cancelled.")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LongRunOrder:
    """What is asked for of a long clip.

    Attributes:
        run: As of one run; its video is the whole clip, its price limit that of all pieces.
        owner: Whose the runs are.
        terms: What is granted to them.
        overlap_s: Seconds that two pieces share.
        cuts: Where to cut instead of where the plan says, in seconds.
        next_from: What pieces behind the first begin with.
        accept: Rules that a person overrules.
        skip_blocked: Pieces that the checks block are left out.
    """

    run: RunOrder
    owner: str
    terms: Terms
    overlap_s: float
    cuts: tuple[float, ...] | None = None
    next_from: NextFrom = NextFrom.PICTURE
    accept: frozenset[str] = frozenset()
    skip_blocked: bool = False


@dataclass(eq=False)
class OpenLongRun(BackgroundWork):
    """One long clip that is, or was, run here.

    Attributes:
        runner: Makes the runs of its pieces.
        order: What was asked for.
        words: What is being done.
        share: How much of it is done, 0-1, if that is known.
        plan: How the clip is cut, once that is known.
        pieces: What came of each piece so far.
        result: What came of it; ``None`` until then, and where it broke off.
        error: Why it broke off.
        is_cancelled: Somebody asked for its end.
    """

    runner: Runner
    order: LongRunOrder
    words: str = ""
    share: float | None = None
    plan: PlanResult | None = None
    pieces: tuple[PieceResult, ...] = ()
    result: LongRunResult | None = None
    error: KlingUIError | None = None
    is_cancelled: bool = False
    _open_runs: set[str] = field(default_factory=set)
    _is_sending: bool = False

    @property
    def first_run_id(self) -> str:
        """The run beside which the joined video lies; empty without one."""
        return self.result.video.parent.parent.name if self.result is not None and self.result.video else ""

    async def cancel(self) -> None:
        """Begin no further piece, and ask the runs that are under way to stop; what Kling has begun may be charged."""
        self.is_cancelled = True
        for run_id in tuple(self._open_runs):
            with suppress(KlingUIError):  # it has ended meanwhile
                await self.runner.cancel(run_id, self.owner)
        if not self._is_sending and self.task is not None:
            self.task.cancel()  # it is looked at or cut
        self.wake()

    async def carry_out(self, parts: Parts) -> None:
        """Do the work to its end; whatever stops it is kept in words."""
        order = self.order
        run_order = replace(order.run, tell=self._tell)
        work = LongRun(
            parts, run_order, order.next_from, order.accept, order.skip_blocked, self._note_plan, self._note_pieces
        )
        try:
            self.result = await work.carry_out(self._open_account, self._joined_folder, order.overlap_s, order.cuts)
            self.words = self.result.message
        except asyncio.CancelledError:
            self.error = RunError(CANCELLED, advice="Nothing was sent.")
            if not self.is_cancelled:
                raise
        except KlingUIError as error:
            self.error = in_words(error)
        except Exception:
            log.exception("A long clip could not be run to its end.")
            self.error = RunError("Something went wrong here.", advice="Ask for it once more: it goes on from there.")
        finally:
            self.wake()

    @asynccontextmanager
    async def _open_account(self) -> AsyncGenerator[PieceAccount]:
        self._is_sending = True  # from now on it ends by its runs, so that none is left behind
        yield PieceAccount(self.runner, self.owner, self._follow, self.order.terms)

    async def _follow(self, order: RunOrder) -> RunView:
        """Make a piece's run and follow it; unlike a command, a server that stops leaves it to the next one."""
        run_id = await self._begun(order)
        self._open_runs.add(run_id)
        try:
            if self.is_cancelled:
                await self.runner.cancel(run_id, self.owner)
            return await follow(
                self.runner.watch(run_id, self.owner),
                lambda view: order.tell(Progress(run_words(view).sentence, view.progress, view)),
            )
        finally:
            self._open_runs.discard(run_id)

    async def _begun(self, order: RunOrder) -> str:
        """Begin a piece's run; wait where as many previews are open as there may be."""
        token = None if order.token is None else SecretStr(order.token)
        is_paid = order.engine is EngineName.KLING
        terms = replace(self.order.terms, max_usd=order.max_price_usd) if is_paid else self.order.terms
        while True:
            if self.is_cancelled:
                raise RunError(CANCELLED)
            try:
                start = await self.runner.begin(
                    order.inputs,
                    engine=order.engine,
                    visitor=self.owner,
                    token=token,
                    again=order.again,
                    shown_rate_usd=order.max_rate_usd(order.inputs.known_duration_s or 0.0),
                    terms=terms,
                )
            except PlacesTakenError:
                await asyncio.sleep(PLACES_TRIED_EVERY_S)
            else:
                return start.run_id

    def _joined_folder(self, pieces: tuple[PieceResult, ...]) -> Path:
        """Make the folder beside the first run that has a result.

        Raises:
            KlingUIError: There is no room.
        """
        first = next(folder for piece in pieces if piece.run and (folder := JoinedFolder.of(piece.run)) is not None)
        try:
            return first.make(self.order.run.inputs.video)
        except OSError as error:
            raise KlingUIError(
                "The joined video could not be kept.", advice="See that KLING_UI_DATA_DIR has room."
            ) from error

    def _tell(self, news: Progress) -> None:
        self.words, self.share = news.words, news.share
        self.wake()

    def _note_plan(self, plan: PlanResult) -> None:
        self.plan = plan
        self.wake()

    def _note_pieces(self, pieces: tuple[PieceResult, ...]) -> None:
        self.pieces = pieces
        self.wake()

    async def stop(self) -> None:
        """End it where it is, and say that it was cancelled."""
        self.is_cancelled = True
        await super().stop()


class OpenLongRuns(WorkByKey[OpenLongRun]):
    """Runs long clips in the background, one at a time for each key: a visitor of the page, or a program's handle."""

    UNDER_WAY = told(("A long clip of yours is under way.", "Wait for its end, or cancel it."))
    TOO_MANY = told("Too many long clips are under way here.")

    def start(self, runner: Runner, parts: Parts, order: LongRunOrder, *, key: str = "") -> OpenLongRun:
        """Run a long clip in the background.

        Args:
            runner: Makes the runs.
            parts: What it is looked at and joined with.
            order: What is asked for.
            key: By what it is found again; by default by its owner.

        Raises:
            RunError: One of this key is under way, or too many are.
        """
        key = key or order.owner
        self.refuse_more(key)
        opened = OpenLongRun(runner, order, owner=order.owner)
        return self.begin(key, opened, opened.carry_out(parts))
