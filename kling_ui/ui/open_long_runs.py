"""The long clips that this process runs in pieces: they go on with nobody looking, and their visitor finds them."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import SecretStr

from kling_ui.composition import Parts
from kling_ui.errors import KlingUIError, RunError
from kling_ui.long_clips.clip_plan import PlanResult
from kling_ui.long_clips.joined_folder import JoinedFolder
from kling_ui.long_clips.long_run import LongRun
from kling_ui.long_clips.outcome import LongRunResult, PieceResult
from kling_ui.long_clips.piece_runs import NextFrom, PieceAccount
from kling_ui.presentation.runs import in_words, run_words
from kling_ui.results import Progress
from kling_ui.run_orders import RunOrder, follow
from kling_ui.runs.record import EngineName, PlacesTakenError, Terms
from kling_ui.runs.runner import Runner
from kling_ui.runs.view import RunView

KEPT_MAX = 200  # of those that have ended; what they made lies with their runs
AT_ONCE_MAX = 50
PLACES_TRIED_EVERY_S = 2.0
CANCELLED = "It was cancelled."

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
class OpenLongRun:
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
        changed: Set at every change, and at the end.
        task: The work.
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
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    _open_runs: set[str] = field(default_factory=set)
    _is_sending: bool = False

    @property
    def is_under_way(self) -> bool:
        """It goes on."""
        return self.task is not None and not self.task.done()

    @property
    def first_run_id(self) -> str:
        """The run beside which the joined video lies; empty without one."""
        return self.result.video.parent.parent.name if self.result is not None and self.result.video else ""

    async def until_end(self, timeout_s: float) -> None:
        """Wait until it has ended, at most so many seconds."""
        if self.task is not None:
            await asyncio.wait([self.task], timeout=timeout_s)

    async def cancel(self) -> None:
        """Begin no further piece, and ask the runs that are under way to stop; what Kling has begun may be charged."""
        self.is_cancelled = True
        for run_id in tuple(self._open_runs):
            with suppress(KlingUIError):  # it has ended meanwhile
                await self.runner.cancel(run_id, self.order.owner)
        if not self._is_sending and self.task is not None:
            self.task.cancel()  # it is looked at or cut
        self._wake()

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
            self._wake()

    @asynccontextmanager
    async def _open_account(self) -> AsyncGenerator[PieceAccount]:
        self._is_sending = True  # from now on it ends by its runs, so that none is left behind
        yield PieceAccount(self.runner, self.order.owner, self._follow, self.order.terms)

    async def _follow(self, order: RunOrder) -> RunView:
        """Make a piece's run and follow it; unlike a command, a server that stops leaves it to the next one."""
        run_id = await self._begun(order)
        self._open_runs.add(run_id)
        try:
            if self.is_cancelled:
                await self.runner.cancel(run_id, self.order.owner)
            return await follow(
                self.runner.watch(run_id, self.order.owner),
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
                    visitor=self.order.owner,
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
        self._wake()

    def _note_plan(self, plan: PlanResult) -> None:
        self.plan = plan
        self._wake()

    def _note_pieces(self, pieces: tuple[PieceResult, ...]) -> None:
        self.pieces = pieces
        self._wake()

    def _wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class OpenLongRuns:
    """Runs long clips in the background, one at a time for each key: a visitor of the page, or a program's handle."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, OpenLongRun] = OrderedDict()

    def find(self, key: str) -> OpenLongRun | None:
        """Return the last one of a key, if it is known here."""
        return self._runs.get(key)

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
        known = self._runs.get(key)
        if known is not None and known.is_under_way:
            raise RunError("A long clip of yours is under way.", advice="Wait for its end, or cancel it.")
        if sum(one.is_under_way for one in self._runs.values()) >= AT_ONCE_MAX:
            raise RunError("Too many long clips are under way here.", advice="Try again later.")
        opened = self._runs[key] = OpenLongRun(runner, order)
        self._runs.move_to_end(key)
        ended = [one for one, run in self._runs.items() if not run.is_under_way and run.task is not None]
        for one in ended[: max(0, len(ended) - KEPT_MAX)]:
            del self._runs[one]
        opened.task = asyncio.create_task(opened.carry_out(parts))
        return opened

    async def drop(self, owner: str) -> None:
        """Begin nothing more for a visitor whose data are deleted, and forget what there was; runs are let go of."""
        for key, known in list(self._runs.items()):
            if known.order.owner == owner and known.task is not None:
                del self._runs[key]
                known.is_cancelled = True
                known.task.cancel()
                await asyncio.gather(known.task, return_exceptions=True)

    async def aclose(self) -> None:
        """Stop; runs of pieces are let go of, and whoever asks for the same again goes on."""
        tasks = [one.task for one in self._runs.values() if one.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
