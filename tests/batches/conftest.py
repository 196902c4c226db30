"""A batch with everything around it: a scripted vendor, checks that find what they are told to, and no workers."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from kling_ui.batches.batch_folder import BatchFolder
from kling_ui.batches.manifest import BatchRow, rows_from
from kling_ui.batches.order import BatchResult, BatchWork
from kling_ui.batches.plan import BatchPlan, Payment, Planner
from kling_ui.checks.report import Report, Section
from kling_ui.errors import WorkError
from kling_ui.runs.engines import Engines
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.publishing.url_probe import UrlProbe
from kling_ui.runs.record import EngineName, ResultFacts
from kling_ui.runs.recorder import RunContext
from kling_ui.runs.run_files import Measured, RunFolders
from kling_ui.runs.runner import Runner, open_runner
from kling_ui.settings import Settings

VIDEO = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(2000)
FACTS = ResultFacts(duration_s=5.0, fps=24.0, frame_count=120, width_px=72, height_px=128, has_audio=True, size_bytes=9)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Vendor(httpx.AsyncBaseTransport):
    """Plays the model API by prompt: ``refuse`` fails, ``money`` has no balance, everything else is made.

    Models have prices of their own in ``rates_usd``; one whose price is ``None`` is not offered.
    """

    rate_usd: float = 0.1
    rates_usd: dict[str, float | None] = field(default_factory=dict)
    models: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    open_now: set[str] = field(default_factory=set)
    open_most: int = 0
    arrived: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self.go.set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        path = request.url.path
        if request.url.host != "api.example":
            return httpx.Response(200, content=VIDEO, headers={"ETag": '"1"'})
        if not path.startswith("/v1/models"):
            request_id, call = path.split("/")[-2:]
            return await self._told(request_id, call)
        model = path.removeprefix("/v1/models/")
        rate_usd = self.rates_usd.get(model, self.rate_usd)
        if rate_usd is None:
            return httpx.Response(404, json={"error_code": 400001, "error_message": "InvalidResourceIdentifier"})
        if request.method == "GET":
            return httpx.Response(200, json={"base_price_usd": rate_usd, "price_unit": "second"})
        self.models.append(model)
        prompt = json.loads(request.content)["prompt"]
        if "money" in prompt:
            return httpx.Response(403, json={"error_code": 400004, "error_message": "insufficient balance"})
        self.accepted.append(prompt)
        self.arrived.put_nowait(prompt)
        request_id = f"{'refuse' if 'refuse' in prompt else 'make'}-{len(self.accepted)}"
        self.open_now.add(request_id)
        self.open_most = max(self.open_most, len(self.open_now))
        return httpx.Response(200, json={"request_id": request_id})

    async def _told(self, request_id: str, call: str) -> httpx.Response:
        if call == "status":
            word = "completed" if self.go.is_set() else "in_progress"
            return httpx.Response(200, json={"request_id": request_id, "status": word})
        self.open_now.discard(request_id)
        if "refuse" in request_id:
            return httpx.Response(200, json={"request_id": request_id, "status": "failed", "error": "moderation"})
        told = {"request_id": request_id, "status": "succeeded", "cost": 0.5}
        return httpx.Response(200, json=told | {"output": {"video": "https://files.runcomfy.net/v.mp4"}})


class ToldPreflight:
    """Finds nothing wrong in a clip of five seconds, or what it is told by the name of the image."""

    def __init__(self) -> None:
        self.reports: dict[str, Report] = {}

    async def report(self, image: Path, video: Path, *_: object) -> Report:
        fine = Report(video=Section({"file": video.name, "duration_s": 10.0 if "long" in video.name else 5.0}))
        return self.reports.get(image.name, fine)


class NoMeasurer:
    async def facts(self, video: Path) -> Measured:
        return Measured("f" * 64, FACTS)

    async def motion(self, *_: object) -> dict[str, Any]:
        return {"score": 90.0}

    async def aclose(self) -> None:
        """Nothing is open."""


class NoWorkers:
    async def run(self, *_: object, **__: object) -> None:
        raise WorkError("There are no workers here.")


@dataclass
class World:
    """One process that can carry batches out; another one with the same folder is the next process."""

    folder: Path
    runner: Runner
    vendor: Vendor
    preflight: ToldPreflight
    max_usd: float | None = 100.0

    def rows(self, *prompts: str, **more: object) -> tuple[BatchRow, ...]:
        row = {"image": "in.png", "video": "in.mp4"} | more
        return rows_from([row | {"prompt": prompt} for prompt in prompts], self.folder)

    @property
    def payment(self) -> Payment:
        return Payment(visitor="ann", max_usd=self.max_usd)

    def batch(self, *, resume: bool = False) -> BatchFolder:
        return BatchFolder.open(self.folder / "out", resume=resume)

    async def plan(
        self, rows: tuple[BatchRow, ...], batch: BatchFolder | None = None, chosen: Any = None, **more: Any
    ) -> BatchPlan:
        planner = Planner(
            preflight=self.preflight,
            repairs=more.pop("repairs", None),
            runner=self.runner,
            folder=batch or self.batch(),
            payment=self.payment,
            **more,
        )
        return await planner.plan(rows, EngineName.KLING, chosen)

    async def carry_out(self, plan: BatchPlan, batch: BatchFolder, **more: Any) -> BatchResult:
        work = BatchWork(NoWorkers(), self.runner, batch, self.payment, "A batch")
        return await work.carry_out(plan, **{"jobs": 2, "pause": asyncio.Event(), **more})

    async def whole(self, rows: tuple[BatchRow, ...], *, resume: bool = False, **more: Any) -> BatchResult:
        batch = self.batch(resume=resume)
        return await self.carry_out(await self.plan(rows, batch, **more), batch)


OpenBatchWorld = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture
def open_batch_world(tmp_path: Path) -> OpenBatchWorld:
    """Open a process; the vendor may be the one of the process before."""
    for name in ("in.png", "other.png", "in.mp4", "long.mp4"):
        head = VIDEO if name.endswith("mp4") else b"\x89PNG\r\n\x1a\n"
        (tmp_path / name).write_bytes(head + name.encode())

    @asynccontextmanager
    async def opened(
        vendor: Vendor | None = None, *, max_usd: float | None = 100.0, **more: Any
    ) -> AsyncGenerator[World]:
        settings = Settings(
            token=SecretStr("app-token-0123456789"),
            api_base="https://api.example",
            data_dir=tmp_path / "data",
            **more,
        )
        context = RunContext(
            ledger=Ledger(f"sqlite:///{tmp_path / 'data' / 'ledger.sqlite'}"),
            folders=RunFolders(tmp_path / "data" / "runs"),
            measurer=NoMeasurer(),
            lease_s=0.2,
            sleep=lambda _: asyncio.sleep(0.002),
        )
        vendor, workers = vendor or Vendor(), NoWorkers()
        async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(404))) as web:
            engines = Engines(settings, workers, tmp_path / "data" / "preview", remote=vendor, probe=UrlProbe(web))
            async with open_runner(settings, workers, engines=engines, context=context, take_over=False) as runner:
                yield World(tmp_path, runner, vendor, ToldPreflight(), max_usd)

    return opened
