"""The engines a run can go to, each opened when it is first needed, and how files reach them."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
from pydantic import SecretStr

from kling_ui.api import fal
from kling_ui.api.client import ModelAPI
from kling_ui.api.polling import EMBEDDED_POLLING, REMOTE_POLLING, PollingPolicy
from kling_ui.api.result_hosts import trusted_result_url
from kling_ui.checks.report import FindingCode, Report
from kling_ui.options import Provider
from kling_ui.preview.job_inputs import OFFERS_ORIGIN
from kling_ui.preview.queue import JobQueue, render_lazily
from kling_ui.preview.service import build_service
from kling_ui.runs.publishing.given_url import DataUriPublisher, GivenUrlPublisher
from kling_ui.runs.publishing.protocol import (
    CleanCopyPublisher,
    EmbeddedPublisher,
    InputPublisher,
    Publisher,
    PublisherChain,
)
from kling_ui.runs.publishing.public_files import KEY_FILE, PublicFiles, PublicFilesPublisher
from kling_ui.runs.publishing.url_probe import UrlProbe
from kling_ui.runs.record import EngineName
from kling_ui.settings import MODEL_ID, Settings
from kling_ui.signing import keyed_hash, secret_in
from kling_ui.workers import Workers

_ALWAYS = "Use a smaller file, or give the public https address of it."
_STORE = "KLING_UI_STORE_URL (an S3-compatible store)"
_PUBLIC = "KLING_UI_PUBLIC_URL (this app's own public address)"
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
# What Kling may take all the same, since detectors miss stylised characters, and the preview cannot draw.
NOT_DRAWN = frozenset({FindingCode.IMAGE_CHARACTER, FindingCode.VIDEO_PERSON_NOBODY})


def judged_for(engine: EngineName, report: Report, accept: Collection[str] = ()) -> Report:
    """Judge what the checks found for the engine that is to render: the preview stops where it could draw nothing.

    Its detector is not the checks' own, so a person who has checked may go on.

    Args:
        engine: Who renders. The preview needs no prompt.
        report: What the checks found.
        accept: Ids of rules that a person overrules.
    """
    if engine is EngineName.PREVIEW:
        report = report.for_preview().blocking(NOT_DRAWN)
    return report.accepting(accept)


def open_publishers(settings: Settings, probe: UrlProbe) -> PublisherChain:
    """Open the ways of the settings; blocking, nothing is asked of the network.

    First the visitor's own address, because it costs nothing and nothing more is exposed; then the store, which is made
    for it; then this app, if it is public; last the request itself, which the vendor has not confirmed. All but the
    first send copies without metadata.

    Args:
        settings: What the product was told.
        probe: Tries addresses.

    Raises:
        SettingsError: The data folder cannot be written to.
    """
    publishers: list[Publisher] = []
    if settings.store_url:
        from kling_ui.buckets import open_bucket  # noqa: PLC0415  only where there is a store
        from kling_ui.runs.publishing.s3 import S3Publisher  # noqa: PLC0415  only where there is a store

        key, store = secret_in(settings.data_dir, KEY_FILE), open_bucket(settings.store_url)
        publishers.append(S3Publisher(store, key, probe, publish_hours=settings.publish_hours))
    if settings.outside_url:
        files = open_public_files(settings.data_dir)
        publishers.append(
            PublicFilesPublisher(files, settings.outside_url, probe, publish_hours=settings.publish_hours)
        )
    clean = [CleanCopyPublisher(publisher) for publisher in (*publishers, DataUriPublisher())]
    return PublisherChain([GivenUrlPublisher(probe), *clean], _remedy(settings))


def open_public_files(data_dir: Path) -> PublicFiles:
    """Open what signs and serves the inputs of runs; blocking.

    Raises:
        SettingsError: The data folder cannot be written to.
    """
    return PublicFiles(data_dir / "runs", secret_in(data_dir, KEY_FILE))


def _remedy(settings: Settings) -> str:
    unset = [name for name, value in ((_STORE, settings.store_url), (_PUBLIC, settings.outside_url)) if not value]
    return f"{_ALWAYS} Whoever runs this app can also set {' or '.join(unset)}." if unset else _ALWAYS


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One engine, ready to be used by any number of runs at once.

    Attributes:
        name: Which one.
        is_free: Runs cost nothing, need no token, and may be started again by themselves.
        http: The way to it; carries no token.
        publisher: How files reach it.
        model_id: The usual model, as in the API's paths.
        provider: Through whom it is reached.
        own_key: The app's own key, for a provider that takes no token of visitors; never sent to another one.
        polling: How often to look at a request.
        stop: Ends a running request, where that is possible; tells whether it did.
        forget: Ends a request and removes all that is kept of it, where that is possible.
        token_of: Makes the token with which a visitor's runs go to an engine that needs none of theirs, so that it
            tells its callers apart.
    """

    name: EngineName
    is_free: bool
    http: httpx.AsyncClient
    publisher: InputPublisher
    model_id: str = MODEL_ID
    provider: Provider = Provider.RUNCOMFY
    own_key: SecretStr | None = field(default=None, repr=False)
    polling: PollingPolicy = REMOTE_POLLING
    stop: Callable[[str], Awaitable[bool]] | None = field(default=None, repr=False)
    forget: Callable[[str], Awaitable[None]] | None = field(default=None, repr=False)
    token_of: Callable[[str], SecretStr] | None = field(default=None, repr=False)

    @property
    def takes_tokens(self) -> bool:
        """Whether visitors' tokens are meant for it; else only the app's own key is."""
        return self.provider is Provider.RUNCOMFY

    def api(self, token: SecretStr | None, model: str = "") -> ModelAPI:
        """Return the API of one of the engine's models, by default the usual one, spoken with one token."""
        return ModelAPI(self.http, model_id=model or self.model_id, token=token)

    def trusts(self, url: str) -> bool:
        """Tell whether a result may be fetched from there."""
        return trusted_result_url(url, str(self.http.base_url), self.provider)


class Engines:
    """The engines, each opened when it is first asked for; close them at the end.

    Args:
        settings: Where Kling is, and which model.
        workers: Where previews are drawn.
        folder: Where the preview engine keeps what it works on.
        remote: Another way to Kling than the network, for tests.
        probe: Another one who tries addresses before Kling gets them, for tests.
        render: Draws a preview.
    """

    def __init__(
        self,
        settings: Settings,
        workers: Workers,
        folder: Path,
        *,
        remote: httpx.AsyncBaseTransport | None = None,
        probe: UrlProbe | None = None,
        render: Callable[..., object] = render_lazily,
    ) -> None:
        self._settings = settings
        self._workers = workers
        self._folder = folder
        self._remote = remote
        self._probe = probe
        self._render = render
        self._opened: dict[tuple[EngineName, Provider], Engine] = {}
        self._lock = asyncio.Lock()
        self._stack = AsyncExitStack()

    async def get(self, name: EngineName, model: str = "") -> Engine:
        """Return an engine, opening it first if need be.

        Args:
            name: Which one.
            model: Of Kling, the model, which tells through whom it is reached.
        """
        provider = Provider.RUNCOMFY if name is EngineName.PREVIEW else Provider.of_model(model)
        key = name, provider
        async with self._lock:
            if key not in self._opened:
                kling = self._open_fal if provider is Provider.FAL else self._open_kling
                self._opened[key] = await (self._open_preview if name is EngineName.PREVIEW else kling)()
            return self._opened[key]

    @property
    def offers_fal(self) -> bool:
        """Whether the app has a key for fal."""
        return self._settings.fal_key is not None

    @property
    def model_id(self) -> str:
        """The model that runs go to unless another one is chosen."""
        return self._settings.model_id

    async def aclose(self) -> None:
        """Close whatever was opened; previews that are being drawn end."""
        await self._stack.aclose()

    async def _open_kling(self) -> Engine:
        http = httpx.AsyncClient(base_url=self._settings.api_base, transport=self._remote, timeout=TIMEOUT)
        await self._stack.enter_async_context(http)
        probe = self._probe or await self._open_probe()
        publisher = await asyncio.to_thread(open_publishers, self._settings, probe)
        self._stack.push_async_callback(publisher.aclose)
        return Engine(
            name=EngineName.KLING,
            is_free=False,
            http=http,
            publisher=publisher,
            model_id=self._settings.model_id,
            polling=REMOTE_POLLING,
        )

    async def _open_fal(self) -> Engine:
        http = httpx.AsyncClient(base_url=fal.QUEUE_BASE, transport=fal.FalTransport(self._remote), timeout=TIMEOUT)
        await self._stack.enter_async_context(http)
        probe = self._probe or await self._open_probe()
        return Engine(
            name=EngineName.KLING,
            is_free=False,
            http=http,
            publisher=await asyncio.to_thread(open_publishers, self._settings, probe),
            model_id=fal.DEFAULT_MODEL,
            provider=Provider.FAL,
            own_key=self._settings.fal_key,
        )

    async def _open_probe(self) -> UrlProbe:
        http = await self._stack.enter_async_context(httpx.AsyncClient(timeout=TIMEOUT))
        is_stand_in = self._settings.api_base.startswith("http://")  # the vendor itself takes https only
        return UrlProbe(http, takes_http=is_stand_in)

    async def _open_preview(self) -> Engine:
        queue = JobQueue(self._folder, self._workers, render=self._render, slots=self._workers.previews_at_once)
        self._stack.push_async_callback(queue.aclose)
        transport = httpx.ASGITransport(build_service(queue), raise_app_exceptions=False)
        http = httpx.AsyncClient(base_url=OFFERS_ORIGIN, transport=transport, timeout=TIMEOUT)
        await self._stack.enter_async_context(http)
        return Engine(
            name=EngineName.PREVIEW,
            is_free=True,
            http=http,
            publisher=EmbeddedPublisher(queue, OFFERS_ORIGIN),
            polling=EMBEDDED_POLLING,
            stop=queue.stop,
            forget=queue.forget,
            token_of=partial(_caller_token, secrets.token_bytes(32)),
        )


def _caller_token(secret: bytes, visitor: str) -> SecretStr:
    """Make the token under which the embedded service knows a visitor for as long as this process lives."""
    return SecretStr(keyed_hash(secret, visitor).hex())
