"""A long clip from its plan to one joined video: every piece is an ordinary run, made once."""

import asyncio
import json
import tempfile
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from kling_ui.checks.pieces import OVERLAP_S, Piece, PiecePlan
from kling_ui.composition import Parts, blocking, open_parts, owner_id
from kling_ui.corrections import Corrections
from kling_ui.errors import KlingUIError, WorkError
from kling_ui.long_clips.clip_plan import PlanResult, plan_clip, plan_result
from kling_ui.long_clips.drift import draw_drift, measure_drift
from kling_ui.long_clips.joining import JoinedVideo, join_pieces
from kling_ui.long_clips.long_result import (
    LongRunResult,
    PieceResult,
    blocked_result,
    joined_message,
    unfinished_result,
)
from kling_ui.long_clips.piece_files import PieceFiles, read_opening, write_piece
from kling_ui.long_clips.piece_runs import (
    NOT_SENT,
    NextFrom,
    OnPieces,
    PieceAccount,
    PieceLog,
    PieceRuns,
    ReadyPiece,
)
from kling_ui.media.files import NAME_MAX_BYTES, atomic_file, content_sha256, copy_into, cut
from kling_ui.media.probe import VideoFacts
from kling_ui.options import DEFAULT_PROMPT, member_of
from kling_ui.presentation.runs import in_words
from kling_ui.results import BLOCKED, CheckResult, Progress
from kling_ui.run_orders import (
    AnyPath,
    OnProgress,
    RunOrder,
    followed_order,
    open_folder,
    options_of,
    path_of,
)
from kling_ui.runs.pricing import Quote
from kling_ui.runs.record import EngineName, RunInputs, RunState
from kling_ui.scoring.match import MotionMatch
from kling_ui.settings import Settings


async def arun_long(
    image: AnyPath,
    video: AnyPath,
    *,
    engine: str = "preview",
    prompt: str = DEFAULT_PROMPT,
    orientation: str = "video",
    keep_sound: bool = True,
    resolution: str = "720p",
    model: str = "",
    out: AnyPath = ".",
    max_price_usd: float | None = None,
    token: str | None = None,
    accept: Collection[str] = (),
    again: bool = False,
    joints: AnyPath | None = None,
    mask: AnyPath | None = None,
    cuts: Sequence[float] | None = None,
    overlap_s: float = OVERLAP_S,
    next_from: str = "picture",
    skip_blocked: bool = False,
    on_progress: OnProgress | None = None,
    settings: Settings | None = None,
) -> LongRunResult:
    """Cut a clip beyond the limit into lawful pieces, make a run of each, and join them to one video.

    The video has as many frames as the clip, and its sound. The price of all pieces is held against ``max_price_usd``
    and the budgets of the settings before the first is sent. Each piece is a run like any other: one that was made
    before is found again and not charged again, so the same call goes on after a crash, a failure or a Ctrl+C.

    Args:
        image: The character image.
        video: The reference video, of up to 10 minutes.
        engine: Who renders: ``preview`` is free and drawn on this machine, ``kling`` is paid and needs a token.
        prompt: Scene, clothes and light in words, see :func:`kling_ui.run`.
        orientation: Whose facing the result follows: a piece lasts at most 30 s with ``video``, 10 s with ``image``.
        keep_sound: Keep the reference's sound.
        resolution: How large a preview may be, ``720p`` or ``1080p``.
        model: Of Kling, the model's id as :func:`kling_ui.amodels` lists it; empty for that of the settings.
        out: Folder for the video, a chart of the drift and a JSON file of all that was measured; nothing in it is
            overwritten.
        max_price_usd: The most that all pieces together may cost on Kling, in US dollars, see :func:`kling_ui.run`.
        token: RunComfy token that pays; by default that of the settings.
        accept: Ids of rules that a person overrules, see :func:`kling_ui.check`.
        again: Make all pieces again although the same were made; they are charged again.
        joints: A JSON file of joints placed by hand, see :func:`kling_ui.check`.
        mask: A PNG of the character, see :func:`kling_ui.check`.
        cuts: Where to cut instead of where the plan says, in seconds, rising.
        overlap_s: Seconds that two pieces share where they meet within a shot, 0-2: the result is joined there.
        next_from: What pieces behind the first begin with: ``picture`` is the character image, ``last-frame`` the last
            good frame of the piece before.
        skip_blocked: Go on without pieces that the checks block; the last picture before them is shown meanwhile.
        on_progress: Told what is being done, on the thread of the event loop.
        settings: Other settings than those of the environment.

    Raises:
        MediaError: A file cannot be read.
        SettingsError: An argument or a variable of the environment has a value that cannot be used.
        RunError: The price or a budget does not allow it. Nothing was sent.
        APIError: The model API does not take the token, or does not answer.
        WorkError: A worker died or took too long.
    """
    settings = settings or Settings.from_env()
    choice = options_of(prompt, orientation, keep_sound, resolution, model)
    order = RunOrder(
        inputs=RunInputs(image=Path(image), video=Path(video), choice=choice),
        engine=member_of(EngineName, engine, "engine"),
        max_price_usd=max_price_usd,
        token=token,
        again=again,
        tell=on_progress or (lambda _news: None),
        joints=joints,
        mask=mask,
    )
    order.require_leave_to_pay(settings)
    chain = member_of(NextFrom, next_from, "next_from")
    folder = open_folder(Path(out))
    try:
        async with open_parts(order.bounded(settings)) as parts:
            work = LongRun(parts, order, chain, frozenset(accept), skip_blocked)
            return await work.carry_out(partial(_own_account, parts), lambda _pieces: folder, overlap_s, cuts)
    except KlingUIError as error:
        told = in_words(error)
        if told is error:
            raise
        raise told from error


run_long = blocking(arun_long, "run_long")


@asynccontextmanager
async def _own_account(parts: Parts) -> AsyncGenerator[PieceAccount]:
    visitor = owner_id(parts.settings.data_dir)
    async with parts.open_runner(take_over=False) as runner:
        yield PieceAccount(runner, visitor, partial(followed_order, runner=runner, visitor=visitor))


@dataclass(slots=True)
class LongRun:
    """One long clip under way.

    Attributes:
        parts: What the work is done with.
        order: What is asked for, as of one run; its video is the whole clip.
        chain: Which picture the pieces behind the first one begin with.
        accept: Rules that a person overrules.
        skip_blocked: Pieces that the checks block are left out.
        on_plan: Told how the clip is cut, once it is known.
        on_pieces: Told of all pieces whenever something is known of one.
    """

    parts: Parts
    order: RunOrder
    chain: NextFrom
    accept: frozenset[str]
    skip_blocked: bool
    on_plan: Callable[[PlanResult], None] = lambda _plan: None
    on_pieces: OnPieces = lambda _pieces: None

    async def carry_out(
        self,
        open_account: Callable[[], AbstractAsyncContextManager[PieceAccount]],
        folder_of: Callable[[tuple[PieceResult, ...]], Path],
        overlap_s: float,
        cuts: Sequence[float] | None,
    ) -> LongRunResult:
        """Plan, check, price, run and join.

        Args:
            open_account: Gives whose the pieces' runs are; asked once the checks let them begin.
            folder_of: Gives the folder of the joined video, once all pieces are made.
            overlap_s: Seconds that two pieces share.
            cuts: Where to cut instead of where the plan says, in seconds.

        Raises:
            KlingUIError: It cannot be begun, or the results cannot be joined.
        """
        order, parts = self.order, self.parts
        inputs = order.inputs
        order.tell(Progress("Looking at the clip."))
        facts, plan = await plan_clip(parts, inputs.video, inputs.choice.orientation, overlap_s, cuts)
        corrections = inputs.corrections or await parts.corrections(
            inputs.image, path_of(order.joints), path_of(order.mask)
        )
        order = replace(order, inputs=replace(inputs, corrections=corrections))
        words = plan_result(inputs.video, plan, Quote(duration_s=plan.sent_s, needs_token=True))
        self.on_plan(words)
        ready = await self._ready(facts, plan, corrections)
        log = PieceLog(plan, self.on_pieces)
        refused = [(one.piece.number, one.checked.headline) for one in ready if one.checked.is_blocked]
        for number, headline in refused:
            log.note(plan.pieces[number - 1], BLOCKED, headline)
        ready = [one for one in ready if not one.checked.is_blocked]
        if not ready or (refused and not self.skip_blocked):
            return blocked_result(order.engine.value, words, log.results, refused)
        order.tell(Progress(words.message))
        async with open_account() as account:
            sending = PieceRuns(parts, account, plan, order, tuple(ready), log, self.accept)
            words = plan_result(inputs.video, plan, await sending.hold_price(self.chain))
            await sending.run_all(self.chain)
        if any(piece.state not in NOT_SENT and not piece.has_video for piece in log.results):
            return unfinished_result(order.engine.value, words, log.results)
        return await self._join(words, log.results, await asyncio.to_thread(folder_of, log.results))

    async def _ready(self, facts: VideoFacts, plan: PiecePlan, corrections: Corrections | None) -> list[ReadyPiece]:
        """Write the pieces that are sent, and look at each with the character image."""
        files = PieceFiles(self.parts.settings.data_dir)
        await asyncio.to_thread(files.open)
        sha256 = await asyncio.to_thread(content_sha256, self.order.inputs.video)
        places = await asyncio.to_thread(self._places, files, sha256, plan)
        opening = ""
        if not all(place.is_file() for place in places.values()):
            start_s = plan.seconds(plan.sent[0].from_frame) if plan.sent else 0.0
            opening = await self.parts.workers.run(read_opening, facts, start_s)

        async def prepare(piece: Piece) -> ReadyPiece:
            place = places[piece.number]
            comment = "" if place == files.place(sha256, piece, plan.fps, is_plain=True) else opening
            await self.parts.workers.run(write_piece, facts, piece, plan.fps, place, comment)
            choice = self.order.inputs.choice
            report = await self.parts.preflight.report(self.order.inputs.image, place, choice, corrections)
            self.order.tell(Progress(f"Piece {piece.number} of {len(plan.pieces)} is cut and looked at."))
            return ReadyPiece(piece, place, CheckResult.of(report.accepting(self.accept)))

        return list(await asyncio.gather(*(prepare(piece) for piece in plan.sent)))

    def _places(self, files: PieceFiles, sha256: str, plan: PiecePlan) -> dict[int, Path]:
        """Say which files the pieces are, by their numbers.

        A piece that begins with the last frame of the one before goes on from there, not from how the clip opens. A
        plain piece that is there may have been sent to Kling, to which all are alike: another would be paid for again.
        """
        places = {}
        for piece in plan.sent:
            plain = files.place(sha256, piece, plan.fps, is_plain=True)
            may_be_sent = self.order.engine is not EngineName.PREVIEW and plain.is_file()
            is_plain = self.chain is NextFrom.LAST_FRAME or may_be_sent
            places[piece.number] = plain if is_plain else files.place(sha256, piece, plan.fps)
        return places

    async def _join(self, words: PlanResult, pieces: tuple[PieceResult, ...], folder: Path) -> LongRunResult:
        inputs, tell, workers, plan = self.order.inputs, self.order.tell, self.parts.workers, words.plan
        results = [piece.run.result if piece.run else None for piece in pieces]
        tell(Progress("Joining the pieces."))
        stems = (cut(path.stem, NAME_MAX_BYTES // 2) for path in (inputs.image, inputs.video))
        name = f"{'-'.join(stems)}-{self.order.engine.value}"
        with tempfile.TemporaryDirectory(dir=folder, prefix=".joining-") as scratch:
            made: JoinedVideo = await workers.run(
                join_pieces,
                plan,
                results,
                inputs.video,
                Path(scratch) / "joined.mp4",
                keep_sound=inputs.choice.keep_sound,
            )
            video = await asyncio.to_thread(copy_into, made.path, folder, f"{name}.mp4")
        tell(Progress("Measuring the whole."))
        drift = await workers.run(measure_drift, plan, results, inputs.video)
        chart = folder / f"{video.stem}-drift.png"
        await asyncio.to_thread(draw_drift, drift, chart)
        joined = replace(made, path=video)
        result = LongRunResult(
            video=video,
            state=RunState.COMPLETED.value,
            engine=self.order.engine.value,
            plan=words,
            pieces=pieces,
            message=joined_message(pieces, joined, plan.seconds(plan.frame_count)),
            joined=joined,
            drift=drift,
            chart=chart,
            report=folder / f"{video.stem}-pieces.json",
            motion=await self._match(video),
        )
        await asyncio.to_thread(_write_report, result)
        return result

    async def _match(self, video: Path) -> MotionMatch | None:
        """Measure how well the whole follows the whole; a video that cannot be measured is no less a video."""
        from kling_ui.scoring.compare import match_clips  # noqa: PLC0415  loads what only this needs

        with suppress(WorkError):
            return await match_clips(
                self.parts.workers,
                self.order.inputs.video,
                video,
                orientation=self.order.inputs.choice.orientation,
                folder=self.parts.settings.analyses_folder,
            )
        return None


def _write_report(result: LongRunResult) -> None:
    if result.report is not None:
        with atomic_file(result.report) as unfinished:
            unfinished.write_text(json.dumps(result.to_json(), indent=2))
