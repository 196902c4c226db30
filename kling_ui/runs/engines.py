"""The engines a run can go to, each opened when it is first needed."""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
from pydantic import SecretStr

from kling_ui.api.client import ModelAPI
from kling_ui.api.output import trusted_output_url
from kling_ui.api.pace import EMBEDDED_PACE, REMOTE_PACE, Pace
from kling_ui.preview.queue import JobQueue, render_lazily
from kling_ui.preview.service import build_service
from kling_ui.runs.publish import OfferPublisher, Publisher
from kling_ui.runs.record import EngineName
from kling_ui.runs.ways.opening import open_ways
from kling_ui.runs.ways.stranger import Stranger
from kling_ui.settings import MODEL_ID, Settings
from kling_ui.workers import Workers

PREVIEW_ORIGIN = "http://preview.localhost"  # never leaves this process
TIMEOUT = httpx.Timeout(30.0, connect=10.0)


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One engine, ready to be used by any number of runs at once.

    Attributes:
        name: Which one.
        is_free: Runs cost nothing, need no token, and may be started again by themselves.
        http: The way to it; carries no token.
        publisher: How files reach it.
        model_id: The model, as in the API's paths.
        pace: How often to look at a request.
        stop: Ends a running request, where that is possible; tells whether it did.
        token_of: Makes the token with which a visitor's runs go to an engine that needs none of theirs, so that it
            tells its callers apart.
    """

    name: EngineName
    is_free: bool
    http: httpx.AsyncClient
    publisher: Publisher
    model_id: str = MODEL_ID
    pace: Pace = REMOTE_PACE
    stop: Callable[[str], Awaitable[bool]] | None = field(default=None, repr=False)
    token_of: Callable[[str], SecretStr] | None = field(default=None, repr=False)

    def api(self, token: SecretStr | None) -> ModelAPI:
        """Return the engine's API, spoken with one token."""
        return ModelAPI(self.http, model_id=self.model_id, token=token)

    def trusts(self, url: str) -> bool:
        """Tell whether a result may be fetched from there."""
        return trusted_output_url(url, str(self.http.base_url))


class Engines:
    """The engines, each opened when it is first asked for; close them at the end.

    Args:
        settings: Where Kling is, and which model.
        workers: Where previews are drawn.
        folder: Where the preview engine keeps what it works on.
        remote: Another way to Kling than the network, for tests.
        stranger: Another one who tries addresses before Kling gets them, for tests.
        render: Draws a preview.
    """

    def __init__(
        self,
        settings: Settings,
        workers: Workers,
        folder: Path,
        *,
        remote: httpx.AsyncBaseTransport | None = None,
        stranger: Stranger | None = None,
        render: Callable[..., object] = render_lazily,
    ) -> None:
        self._settings = settings
        self._workers = workers
        self._folder = folder
        self._remote = remote
        self._stranger = stranger
        self._render = render
        self._opened: dict[EngineName, Engine] = {}
        self._lock = asyncio.Lock()
        self._stack = AsyncExitStack()

    async def get(self, name: EngineName) -> Engine:
        """Return an engine, opening it first if need be."""
        async with self._lock:
            if name not in self._opened:
                opening = self._open_preview if name is EngineName.PREVIEW else self._open_kling
                self._opened[name] = await opening()
            return self._opened[name]

    async def aclose(self) -> None:
        """Close whatever was opened; previews that are being drawn end."""
        await self._stack.aclose()

    async def _open_kling(self) -> Engine:
        http = httpx.AsyncClient(base_url=self._settings.api_base, transport=self._remote, timeout=TIMEOUT)
        await self._stack.enter_async_context(http)
        stranger = self._stranger or await self._open_stranger()
        publisher = await asyncio.to_thread(open_ways, self._settings, stranger)
        self._stack.push_async_callback(publisher.aclose)
        return Engine(
            name=EngineName.KLING,
            is_free=False,
            http=http,
            publisher=publisher,
            model_id=self._settings.model_id,
            pace=REMOTE_PACE,
        )

    async def _open_stranger(self) -> Stranger:
        http = await self._stack.enter_async_context(httpx.AsyncClient(timeout=TIMEOUT))
        is_stand_in = self._settings.api_base.startswith("http://")  # the vendor itself takes https only
        return Stranger(http, takes_http=is_stand_in)

    async def _open_preview(self) -> Engine:
        queue = JobQueue(self._folder, self._workers, render=self._render)
        self._stack.push_async_callback(queue.aclose)
        transport = httpx.ASGITransport(build_service(queue), raise_app_exceptions=False)
        http = httpx.AsyncClient(base_url=PREVIEW_ORIGIN, transport=transport, timeout=TIMEOUT)
        await self._stack.enter_async_context(http)
        return Engine(
            name=EngineName.PREVIEW,
            is_free=True,
            http=http,
            publisher=OfferPublisher(queue, PREVIEW_ORIGIN),
            pace=EMBEDDED_PACE,
            stop=queue.stop,
            token_of=partial(_caller_token, secrets.token_bytes(32)),
        )


def _caller_token(secret: bytes, visitor: str) -> SecretStr:
    """Make the token under which the embedded service knows a visitor for as long as this process lives."""
    return SecretStr(hmac.new(secret, visitor.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest())
