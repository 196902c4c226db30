"""A preview engine whose rendering the test holds in its hand."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from kling_ui.options import InputKind
from kling_ui.preview.queue import JobQueue
from kling_ui.preview.service import build_service

ORIGIN = "http://preview.localhost"
MODEL_PATH = "/v1/models/kling/kling-2-6/motion-control-standard"
TINY_IMAGE = "data:image/png;base64," + base64.b64encode(b"tiny image").decode()
TINY_VIDEO = "data:video/mp4;base64," + base64.b64encode(b"tiny video").decode()


def join_inputs(
    image: Path, video: Path, out: Path, *, orientation, keep_sound, resolution, progress, corrections=None
) -> None:
    """Render in the simplest way that shows what arrived."""
    progress.write_text(json.dumps({"progress": 0.5}))
    facts = f"|{orientation}|{keep_sound}" + ("|1080p" if resolution == "1080p" else "")
    facts += f"|{','.join(corrections.joints)}" if corrections else ""
    out.write_bytes(image.read_bytes() + b"+" + video.read_bytes() + facts.encode())


@dataclass
class HeldPool:
    """Runs work in this process, each piece only once the test lets it."""

    held: bool = False
    allowed: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    calls: list[dict[str, Any]] = field(default_factory=list)

    async def run(self, work: Callable[..., Any], /, *args: Any, timeout_s: float | None = None, **kwargs: Any) -> Any:
        self.calls.append({"args": args, "timeout_s": timeout_s, **kwargs})
        if self.held:
            await self.allowed.acquire()
        return work(*args, **kwargs)


async def fetch_nothing(url: str, folder: Path, *, kind: InputKind) -> Path:
    raise AssertionError(f"nothing may be fetched in this test: {kind}")


async def wait_for_condition(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  what is waited for may be in another process
            await asyncio.sleep(0.005)


@pytest.fixture
def wait_for() -> Callable[[Callable[[], object]], Awaitable[None]]:
    return wait_for_condition


@dataclass
class House:
    """A queue, its service, and a way to call it."""

    queue: JobQueue
    service: Starlette
    pool: HeldPool
    http: httpx.AsyncClient
    folder: Path

    async def submit(self, **fields: Any) -> str:
        body = {"prompt": "p", "image_url": TINY_IMAGE, "video_url": TINY_VIDEO} | fields
        response = await self.http.post(MODEL_PATH, json=body)
        assert response.status_code == 200, response.text
        return response.json()["request_id"]

    async def get(self, path: str, **options: Any) -> Any:
        response = await self.http.get(path, **options)
        assert response.status_code == 200, response.text
        return response.json()

    async def status(self, request_id: str) -> dict[str, Any]:
        return await self.get(f"/v1/requests/{request_id}/status")

    async def result(self, request_id: str) -> dict[str, Any]:
        return await self.get(f"/v1/requests/{request_id}/result")

    async def cancel(self, request_id: str) -> dict[str, Any]:
        response = await self.http.post(f"/v1/requests/{request_id}/cancel")
        assert response.status_code == 202
        return response.json()

    async def until(self, request_id: str, *words: str) -> str:
        """Wait until the job stands at one of ``words``; return which."""
        job = self.queue.find(request_id)
        await wait_for_condition(lambda: job.state.value in words)
        return job.state.value


Use = Callable[[House], Awaitable[Any]]


@pytest.fixture
def in_house(tmp_path: Path) -> Callable[..., Any]:
    """Return a function that opens a house, lets a coroutine function use it, and closes it."""

    def live(use: Use, *, token: str | None = None, held: bool = False, max_body_bytes: int = 2**26, **options: Any):
        async def run() -> Any:
            pool = HeldPool(held=held)
            folder = tmp_path / "jobs"
            chosen: dict[str, Any] = {"render": join_inputs, "fetch": fetch_nothing} | options
            queue = JobQueue(folder, pool, **chosen)
            service = build_service(queue, token=token, max_body_bytes=max_body_bytes)
            transport = httpx.ASGITransport(service, raise_app_exceptions=False)
            async with httpx.AsyncClient(base_url=ORIGIN, transport=transport) as http:
                try:
                    return await use(House(queue, service, pool, http, folder))
                finally:
                    await queue.aclose()

        return asyncio.run(run())

    return live
