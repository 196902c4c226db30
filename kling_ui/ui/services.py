"""What the page works with, opened when the server starts and closed when it stops."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from kling_ui.checks.preflight import Preflight
from kling_ui.checks.video_repairs import compose_video
from kling_ui.choice import Choice
from kling_ui.media.fetch import download
from kling_ui.media.mend_video import mend_video
from kling_ui.media.signatures import IMAGE_FORMATS, VIDEO_FORMATS
from kling_ui.runs.engines import Engines
from kling_ui.runs.runner import Runner, open_runner
from kling_ui.runs.terms import Terms
from kling_ui.settings import Settings
from kling_ui.ui.examples import EXAMPLES
from kling_ui.ui.spending_rules import terms_of, warn_of_unused_token
from kling_ui.ui.tokens import TokenKeep
from kling_ui.ui.views.slot import Kind
from kling_ui.ui.visitors import Visitor
from kling_ui.ui.web.files import Locker
from kling_ui.workers import Workers

FORMATS = {Kind.IMAGE: IMAGE_FORMATS, Kind.VIDEO: VIDEO_FORMATS}
CONVERT_TIMEOUT_S = 120.0
LINK_MAX_BYTES = {Kind.IMAGE: 50 * 1024**2, Kind.VIDEO: 100 * 1024**2}
_FETCH_TIMEOUT = httpx.Timeout(30.0, connect=10.0)


@dataclass(frozen=True, kw_only=True)
class Services:
    """What handlers call.

    Attributes:
        settings: As the server was started.
        locker: Makes the addresses of files and opens them.
        workers: Worker processes.
        preflight: Looks at inputs.
        runner: Runs.
        tokens: Visitors' own tokens, in memory only.
        http: For links that visitors give; carries no secrets.
    """

    settings: Settings
    locker: Locker
    workers: Workers
    preflight: Preflight
    runner: Runner
    tokens: TokenKeep
    http: httpx.AsyncClient

    @property
    def uploads(self) -> Path:
        """Where inputs lie until they are a day old."""
        return self.locker.root / "uploads"

    @property
    def examples(self) -> Path:
        """Where the shipped examples lie."""
        return self.locker.root / "examples"

    def terms(self, who: Visitor) -> Terms:
        """Tell on what terms a visitor may run something."""
        return terms_of(self.settings, who)

    async def fetch(self, kind: Kind, url: str) -> Path:
        """Download an input from the address that a visitor gave.

        Raises:
            KlingUIError: It cannot be fetched, or is nothing of that kind.
        """
        folder = self.uploads / secrets.token_urlsafe(12)
        return await download(url, folder, http=self.http, max_bytes=LINK_MAX_BYTES[kind], kinds=FORMATS[kind])

    async def plain(self, recording: Path) -> Path:
        """Give a clip that a browser recorded as H.264 in MP4, converted where the browser made something else.

        Raises:
            KlingUIError: It cannot be read or converted.
        """
        facts = await self.preflight.video_facts(recording)
        if facts.codec == "h264" and facts.format in {"mp4", "mov"} and not facts.has_variable_rate:
            return recording
        mend = compose_video((), facts, Choice())
        work = self.workers.run(mend_video, recording, mend, recording.parent, timeout_s=CONVERT_TIMEOUT_S)
        return (await work).path


@asynccontextmanager
async def open_services(settings: Settings, locker: Locker) -> AsyncGenerator[Services]:
    """Open everything, and look at the first example meanwhile; close it all at the end."""
    warn_of_unused_token(settings)
    async with AsyncExitStack() as stack:
        workers = stack.enter_context(Workers(settings.workers))
        engines = Engines(settings, workers, settings.data_dir / "preview")
        services = Services(
            settings=settings,
            locker=locker,
            workers=workers,
            preflight=Preflight(workers, settings.data_dir / "looks"),
            runner=await stack.enter_async_context(open_runner(settings, workers, engines=engines)),
            tokens=TokenKeep(),
            http=await stack.enter_async_context(httpx.AsyncClient(timeout=_FETCH_TIMEOUT)),
        )
        warming = asyncio.create_task(_warm_up(services))
        stack.callback(warming.cancel)
        yield services


async def _warm_up(services: Services) -> None:
    """Look at the example that the first visitor sees."""
    first = EXAMPLES[0]
    looks = (
        services.preflight.image(services.examples / first.image),
        services.preflight.video(services.examples / first.video),
    )
    await asyncio.gather(*looks, return_exceptions=True)
