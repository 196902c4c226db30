"""All runs of one process: started, watched, cancelled, found again."""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from hmac import compare_digest
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from kling_ui.choice import Choice
from kling_ui.errors import KlingUIError, RunError
from kling_ui.runs.board import newer
from kling_ui.runs.chronicle import Desk
from kling_ui.runs.crew import Crew, Urls
from kling_ui.runs.engines import Engine, Engines
from kling_ui.runs.folders import Kept, RunFolders
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.measure import Measurer
from kling_ui.runs.record import EngineName, RunRecord, RunState
from kling_ui.runs.view import Live, RunView, view_of
from kling_ui.settings import Settings
from kling_ui.workers import Workers

WATCH_S = 2.0  # a page that has gone is noticed when it is next written to
HISTORY_LIMIT = 50


@dataclass(frozen=True, kw_only=True)
class RunInputs:
    """What a run is made of.

    Attributes:
        image: The character image.
        video: The reference video.
        choice: Prompt, orientation, sound.
        image_url: A public address of exactly this image, if its visitor gave one.
        video_url: A public address of exactly this video, if its visitor gave one.
        findings: What the checks said, as JSON.
    """

    image: Path
    video: Path
    choice: Choice
    image_url: str | None = field(default=None, repr=False)
    video_url: str | None = field(default=None, repr=False)
    findings: Mapping[str, Any] | None = None


class Runner:
    """Runs that outlive whoever asked for them.

    Args:
        settings: The app's own token.
        desk: Ledger, folders and what else all runs share.
        engines: Where runs can go.
    """

    def __init__(self, settings: Settings, desk: Desk, engines: Engines) -> None:
        self._desk = desk
        self._engines = engines
        self._crew = Crew(desk, engines, settings.token)

    async def start(
        self,
        inputs: RunInputs,
        *,
        engine: EngineName,
        visitor: str,
        token: SecretStr | None = None,
        again: bool = False,
    ) -> str:
        """Start a run, or find the same one that is still open.

        Args:
            inputs: What it is made of; both files are copied before this returns.
            engine: Where it goes.
            visitor: Whose it is.
            token: The visitor's own token; the app's is used without one.
            again: Start even though the outcome of the same run before is unknown.

        Returns:
            The run's id.

        Raises:
            KlingUIError: It cannot be started: no token, a file that cannot be read, no room.
        """
        target = await self._engines.get(engine)
        key = self._crew.key(target, token)
        if not target.is_free and key is None:
            raise RunError("A run on Kling needs a RunComfy token.", advice="Enter one, or use the preview.")
        target.api(key)  # refuses what cannot be a token, before anything is done
        kept = await asyncio.to_thread(self._desk.folders.keep, inputs.image, inputs.video)
        record = self._new_record(kept, inputs, engine, visitor, own_token=token is not None)
        urls = inputs.image_url, inputs.video_url
        # A person who goes away in the middle of this leaves a run that goes on, not half a run.
        return await asyncio.shield(asyncio.ensure_future(self._set_out(record, target, key, urls, again=again)))

    async def watch(self, run_id: str, visitor: str) -> AsyncGenerator[RunView]:
        """Yield a run's view at once, whenever it changes, and every :data:`WATCH_S` seconds.

        It ends with a final view, or with one that says that the run needs its visitor's token.

        Raises:
            RunError: There is no such run of this visitor.
        """
        while True:
            notice = self._desk.board.read(run_id)
            view = await self.view(run_id, visitor)
            yield view
            if view.is_final or view.needs_token:
                return
            await newer(notice, WATCH_S)

    async def view(self, run_id: str, visitor: str) -> RunView:
        """Return a run as it is now.

        Raises:
            RunError: There is no such run of this visitor.
        """
        return self._view(await self._record(run_id, visitor))

    async def history(self, visitor: str, limit: int = HISTORY_LIMIT) -> list[RunView]:
        """Return a visitor's newest runs, newest first."""
        records = await self._desk.ledger.ask(lambda store: store.of_visitor(visitor, limit))
        return [self._view(record) for record in records]

    async def cancel(self, run_id: str, visitor: str) -> str:
        """Try to cancel a run.

        Returns:
            What that achieved, in words.

        Raises:
            RunError: There is no such run of this visitor.
        """
        record = await self._record(run_id, visitor)
        if (flow := self._crew.flow_of(run_id)) is not None:
            return await flow.cancel()
        if record.state.is_final:
            return "This run has already ended."
        return "This run is not followed here at the moment, so it cannot be cancelled from here."

    async def resume(self, visitor: str, token: SecretStr) -> list[str]:
        """Follow on a visitor's paid runs that waited for a token; return their ids."""
        return await self._crew.adopt(visitor, token)

    async def adopt(self) -> list[str]:
        """Look after open runs that an earlier process left behind; return the ids of those that are carried on."""
        return await self._crew.adopt()

    async def keep_on(self, *, adopt: bool) -> None:
        """Look after this process's runs until cancelled; with ``adopt`` also after those that others left behind."""
        await self._crew.keep_on(adopt=adopt)

    async def aclose(self) -> None:
        """Let go of all runs; the next process follows them on."""
        await self._crew.aclose()

    async def _set_out(
        self, record: RunRecord, engine: Engine, key: SecretStr | None, urls: Urls, *, again: bool
    ) -> str:
        desk, run_id = self._desk, record.run_id
        try:
            standing = await desk.ledger.ask(lambda store: store.add(record, again=again))
        except KlingUIError:
            await asyncio.to_thread(desk.folders.remove, run_id)
            raise
        if standing.run_id == run_id:
            self._crew.carry(record, engine, key, urls)
        else:
            await asyncio.to_thread(desk.folders.remove, run_id)
        return standing.run_id

    async def _record(self, run_id: str, visitor: str) -> RunRecord:
        notice = self._desk.board.read(run_id)
        record = notice.record if notice else await self._desk.ledger.ask(lambda store: store.get(run_id))
        if record is None or not compare_digest(record.visitor.encode(), visitor.encode()):
            raise RunError("This run is not known here.", advice="It may belong to another browser.")
        return record

    def _view(self, record: RunRecord) -> RunView:
        desk = self._desk
        notice = desk.board.read(record.run_id)
        live = notice.live if notice else Live(needs_token=self._waits_for_token(record))
        record = notice.record if notice else record
        return view_of(record, live, folder=desk.folders.of(record.run_id), now=desk.clock())

    def _waits_for_token(self, record: RunRecord) -> bool:
        if record.engine is EngineName.PREVIEW or record.request_id is None or record.state.is_final:
            return False
        return record.held_until < self._desk.clock() and (record.own_token or self._crew.app_token is None)

    def _new_record(
        self, kept: Kept, inputs: RunInputs, engine: EngineName, visitor: str, *, own_token: bool
    ) -> RunRecord:
        now = self._desk.clock()
        wish = [visitor, engine, kept.image_sha256, kept.reference_sha256, asdict(inputs.choice)]
        return RunRecord(
            run_id=kept.run_id,
            visitor=visitor,
            engine=engine,
            state=RunState.PREPARING,
            created_at=now,
            changed_at=now,
            fingerprint=hashlib.sha256(json.dumps(wish).encode()).hexdigest(),
            holder=self._desk.holder,
            held_until=now + self._desk.lease_s,
            image_name=kept.image_name,
            image_sha256=kept.image_sha256,
            reference_name=kept.reference_name,
            reference_sha256=kept.reference_sha256,
            choice=inputs.choice,
            own_token=own_token,
            findings=inputs.findings,
        )


@asynccontextmanager
async def open_runner(
    settings: Settings,
    workers: Workers,
    *,
    engines: Engines | None = None,
    desk: Desk | None = None,
    adopt: bool = True,
) -> AsyncGenerator[Runner]:
    """Open everything that runs need, and close it again.

    Args:
        settings: Where things are kept, and the app's own token.
        workers: Where previews are drawn and results measured.
        engines: Other engines than the usual ones.
        desk: Another desk than the usual one.
        adopt: Look after open runs that an earlier process left behind.
    """
    data_dir = settings.data_dir
    desk = desk or Desk(
        ledger=Ledger(settings.ledger_url or f"sqlite:///{data_dir / 'ledger.sqlite'}"),
        folders=RunFolders(data_dir / "runs"),
        measurer=Measurer(workers),
    )
    engines = engines or Engines(settings, workers, data_dir / "preview")
    runner = Runner(settings, desk, engines)
    keeper = asyncio.create_task(runner.keep_on(adopt=adopt))
    try:
        yield runner
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await runner.aclose()
        await engines.aclose()
        await desk.ledger.aclose()
