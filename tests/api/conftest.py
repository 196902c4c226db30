import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from kling_ui.api.client import ModelAPI

TOKEN = "planted-token-0123456789"
BASE_URL = "https://api.example"

Step = httpx.Response | Exception | dict[str, Any] | Callable[[httpx.Request], Awaitable[httpx.Response]]


@dataclass
class Script(httpx.AsyncBaseTransport):
    """Answers one step after the other, the last one for ever, and remembers what was asked."""

    steps: list[Step]
    requests: list[httpx.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        if isinstance(step, dict):
            return httpx.Response(200, json=step)
        return step if isinstance(step, httpx.Response) else await step(request)

    def play(self, use: Callable[[ModelAPI], Awaitable[Any]], *, token: str | None = TOKEN, **options: Any) -> Any:
        """Let ``use`` work with a client that talks to this script; return what it returns."""

        async def run() -> Any:
            async with httpx.AsyncClient(base_url=BASE_URL, transport=self) as http:
                api = ModelAPI(http, token=SecretStr(token) if token else None, **options)
                return await use(api)

        return asyncio.run(run())


@pytest.fixture
def script() -> Callable[..., Script]:
    return lambda *steps: Script(list(steps))


@dataclass
class Clock:
    """A clock that only moves when somebody sleeps."""

    now_s: float = 0.0
    slept_s: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, duration_s: float) -> None:
        self.slept_s.append(duration_s)
        self.now_s += duration_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Breaking(httpx.AsyncByteStream):
    """A body that breaks off."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks = chunks

    async def __aiter__(self):
        for chunk in self.chunks:
            yield chunk
        raise httpx.ReadError("reset by peer")


@pytest.fixture
def breaking_body() -> Callable[..., httpx.Response]:
    return lambda *chunks: httpx.Response(200, stream=Breaking(chunks))
