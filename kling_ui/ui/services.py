"""What the page works with, opened when the server starts and closed when it stops."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx

from kling_ui.checks.preflight import Preflight
from kling_ui.checks.video_repairs import compose_video
from kling_ui.composition import Parts, open_parts
from kling_ui.corrections import CorrectionStore
from kling_ui.long_clips.piece_files import PieceFiles
from kling_ui.media.playable import PlayableCopies, ShownCopy
from kling_ui.media.safe_http import download
from kling_ui.media.signatures import IMAGE_FORMATS, IMAGE_MAX_BYTES, VIDEO_FORMATS, VIDEO_MAX_BYTES
from kling_ui.media.transform_video import transform_video
from kling_ui.options import InputKind, TransferOptions
from kling_ui.quotas import MachineLimits, QuotaKeys
from kling_ui.runs.record import Terms
from kling_ui.runs.retention import Retention
from kling_ui.runs.runner import Runner
from kling_ui.settings import Settings
from kling_ui.ui.examples import EXAMPLES
from kling_ui.ui.fair_share import FairShare, Release
from kling_ui.ui.open_batches import OpenBatches
from kling_ui.ui.open_long_runs import OpenLongRuns
from kling_ui.ui.visitors import TokenStore, Visitor, share_keys, terms_of, warn_of_unused_token
from kling_ui.ui.web.signed_files import SignedFiles
from kling_ui.ui.web.temporary_space import TemporarySpace
from kling_ui.ui.web.upload_owners import UploadOwners
from kling_ui.ui.web.uploads import Room, UploadStore
from kling_ui.vision.analysis import load_all_models
from kling_ui.workers import TurnTakingWorkers, Workers

if TYPE_CHECKING:
    import gradio as gr

FORMATS = {InputKind.IMAGE: IMAGE_FORMATS, InputKind.VIDEO: VIDEO_FORMATS}
CONVERT_TIMEOUT_S = 120.0
COPIES_WAITING_MAX = 8  # of one visitor; the inputs and the result of a few tabs
LINK_MAX_BYTES = {InputKind.IMAGE: IMAGE_MAX_BYTES, InputKind.VIDEO: VIDEO_MAX_BYTES}
_FETCH_TIMEOUT = httpx.Timeout(30.0, connect=10.0)


@dataclass(frozen=True, kw_only=True)
class Services:
    """What handlers call.

    Attributes:
        settings: As the server was started.
        signed_files: Makes the addresses of files and opens them.
        workers: Worker processes.
        preflight: Looks at inputs.
        runner: Runs.
        tokens: Visitors' own tokens, in memory only.
        http: For links that visitors give; carries no secrets.
        store: Keeps inputs, and knows whose they are.
        copies: Makes copies of what not every browser shows.
        checks: Whose turn it is to have workers work.
        copying: Whose turn it is to have a copy made.
        batches: Batches that are carried out.
        long_runs: Long clips that are run in pieces.
        share: For whom these services are, see :meth:`for_request`.
        retention: Removes files that are no longer kept; ``None`` where all are.
    """

    settings: Settings
    signed_files: SignedFiles
    workers: Workers
    preflight: Preflight
    runner: Runner
    tokens: TokenStore
    http: httpx.AsyncClient
    store: UploadStore
    copies: PlayableCopies
    checks: FairShare = field(default_factory=partial(FairShare, MachineLimits.checks_each))
    copying: FairShare = field(
        default_factory=partial(FairShare, 1, waiting_each_max=COPIES_WAITING_MAX, what="copies")
    )
    batches: OpenBatches = field(default_factory=OpenBatches)
    long_runs: OpenLongRuns = field(default_factory=OpenLongRuns)
    share: tuple[str, ...] = ("local",)
    retention: Retention | None = None

    def for_request(self, request: "gr.Request") -> Self:
        """Give the same services for whoever asks: their work waits for its turn, and what is kept is theirs."""
        return self.for_scope(None if request.request is None else request.request.scope)

    def for_scope(self, scope: Mapping[str, Any] | None) -> Self:
        """Do as :meth:`for_request` does, for the scope of a request."""
        keys = share_keys(scope, is_public=self.settings.is_public)
        take_turn = partial(self.checks.take, *keys, takes_slot=True)
        return replace(
            self,
            share=keys,
            workers=TurnTakingWorkers(self.workers, take_turn),
            preflight=self.preflight.taking_turns(take_turn),
        )

    def parts_in_line(self, scope: Mapping[str, Any] | None) -> Parts:
        """Give what looks at a long clip for whoever asks: of its many looks only one at a time waits for a turn."""
        keys, line = share_keys(scope, is_public=self.settings.is_public), asyncio.Lock()

        async def take_turn() -> Release:
            async with line:
                return await self.checks.take(*keys, takes_slot=True)

        workers = TurnTakingWorkers(self.workers, take_turn)
        return Parts(settings=self.settings, workers=workers, preflight=self.preflight.taking_turns(take_turn))

    async def shown(self, path: Path, kind: InputKind, *, is_wanted: bool = False) -> ShownCopy:
        """Tell what to show of a file; see :meth:`PlayableCopies.of`."""
        facts = self.preflight.image_facts if kind is InputKind.IMAGE else self.preflight.video_facts
        take_turn = partial(self.copying.take, *self.share)
        return await self.copies.of(path, kind, facts=facts, take_turn=take_turn, is_wanted=is_wanted)

    @property
    def quota_keys(self) -> QuotaKeys:
        """Under which names it is counted what they take in a day."""
        return QuotaKeys(self.share[0], self.share[-1])

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Wait for a turn to do other work than that of workers.

        Raises:
            KlingUIError: Too much waits already.
        """
        return self.checks.turn(*self.share)

    @property
    def place(self) -> int | None:
        """How many turns of all come before the next one of whoever asks; ``None`` when none of theirs waits."""
        return self.checks.place(*self.share)

    def room(self, expected_bytes: int) -> AbstractAsyncContextManager[Room]:
        """Give room for an input; see :meth:`UploadStore.room`."""
        return self.store.room(self.share[0], expected_bytes)

    @property
    def corrections(self) -> CorrectionStore:
        """What visitors corrected of pictures by hand."""
        return CorrectionStore(self.signed_files.root / "corrections", self.signed_files.secret)

    @property
    def upload_owners(self) -> UploadOwners:
        """Whose inputs are."""
        return UploadOwners(self.store.root, self.signed_files.secret)

    @property
    def examples(self) -> Path:
        """Where the shipped examples lie."""
        return self.signed_files.root / "examples"

    def terms(self, who: Visitor) -> Terms:
        """Tell on what terms a visitor may run something."""
        return terms_of(self.settings, who)

    async def fetch(self, kind: InputKind, url: str) -> Path:
        """Download an input from the address that a visitor gave.

        Raises:
            KlingUIError: It cannot be fetched, there is no room for it, or it is nothing of that kind.
        """
        max_bytes, kinds = LINK_MAX_BYTES[kind], FORMATS[kind]
        counted = self.runner.admission.upload(self.quota_keys, 0)
        async with self.turn(), counted as allowance, self.room(max_bytes) as room:
            take = allowance.take
            return await download(url, room.folder, http=self.http, max_bytes=max_bytes, kinds=kinds, count=take)

    async def plain(self, recording: Path) -> Path:
        """Give a clip that a browser recorded as H.264 in MP4, converted where the browser made something else.

        Raises:
            KlingUIError: It cannot be read or converted, or there is no room for it.
        """
        facts = await self.preflight.video_facts(recording)
        if facts.codec == "h264" and facts.format in {"mp4", "mov"} and not facts.has_variable_rate:
            return recording
        transform = compose_video((), facts, TransferOptions())
        async with self.room(facts.size_bytes) as room:
            await asyncio.to_thread(room.folder.mkdir, parents=True)
            work = self.workers.run(transform_video, recording, transform, room.folder, timeout_s=CONVERT_TIMEOUT_S)
            return (await work).path


def open_store(settings: Settings, signed_files: SignedFiles) -> UploadStore:
    """Open what keeps inputs, with the limits of the settings."""
    limits = settings.limits
    root = signed_files.root
    space = TemporarySpace(
        root / "uploads",
        (root / "gradio", settings.playable_folder),
        max_bytes=limits.temporary_gb * 10**9,
        floor_bytes=limits.free_disk_gb * 10**9,
    )
    each_bytes = limits.uploads_each_gb * 10**9
    return UploadStore(signed_files.root / "uploads", signed_files.secret, each_bytes=each_bytes, floor=space)


@asynccontextmanager
async def open_services(settings: Settings, signed_files: SignedFiles) -> AsyncGenerator[Services]:
    """Open everything, and look at the first example meanwhile; close it all at the end."""
    warn_of_unused_token(settings)
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(open_parts(settings))
        runner, preflight = await stack.enter_async_context(parts.open_runner(take_over=True)), parts.preflight
        retention = runner.retention(
            preflight.folder,
            settings.limits,
            pieces=PieceFiles(settings.data_dir).folder,
            in_memory=lambda: preflight.remembered_contents,
        )
        store = open_store(settings, signed_files)
        copies = PlayableCopies(
            settings.playable_folder,
            parts.workers,
            at_once_max=max(1, parts.workers.count - 1),  # one worker stays free for other work
            check_room=store.floor.check,
        )
        stack.push_async_callback(copies.close)
        services = Services(
            settings=settings,
            signed_files=signed_files,
            workers=parts.workers,
            preflight=preflight,
            runner=runner,
            tokens=TokenStore(),
            http=await stack.enter_async_context(httpx.AsyncClient(timeout=_FETCH_TIMEOUT)),
            store=store,
            copies=copies,
            # one more than there are workers, so that none of them waits; the rest waits where it is in order
            checks=FairShare(settings.limits.checks_each, slots=parts.workers.count + 1),
            retention=retention,
        )
        stack.push_async_callback(services.batches.aclose)
        stack.push_async_callback(services.long_runs.aclose)
        warming = asyncio.create_task(_warm_up(services))
        stack.callback(warming.cancel)
        yield services


async def _warm_up(services: Services) -> None:
    """Find out about the example that the first visitor sees, then let every worker load its models.

    What is known of the example is shipped with it, so that nothing else would have loaded them before the first click.
    """
    first = EXAMPLES[0]
    first_analyses = (
        services.preflight.image(services.examples / first.image),
        services.preflight.video(services.examples / first.video),
    )
    await asyncio.gather(*first_analyses, return_exceptions=True)
    services.runner.watch_ahead(services.examples / first.video)
    loading = (services.workers.run(load_all_models) for _ in range(services.workers.count))
    await asyncio.gather(*loading, return_exceptions=True)  # whoever needs them loads them then
