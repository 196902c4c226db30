"""Runs that somebody asks a cluster for by the endpoints, and goes on asking for whatever happens meanwhile."""

import asyncio
import json
import math
import os
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

EXAMPLES = Path(__file__).resolve().parents[1] / "assets" / "examples"
IMAGE, VIDEO = EXAMPLES / "character-upper-body.png", EXAMPLES / "gesture-upper-body.mp4"
ORDER_LIMIT_S = 300.0
CALL_LIMIT_S = 90.0  # a call that waits 5 s at most, on a busy machine; then it is asked anew
MAX_USD = 5.0
NOT_TOLD = "not told"
CALL = "/gradio_api/call"


def new_picture() -> bytes:
    """Give the example with something after its end, which makes it another file."""
    return IMAGE.read_bytes() + os.urandom(16)


@dataclass(slots=True)
class Order:
    """A run that somebody asks for.

    Attributes:
        url: Of the app.
        number: Tells it from all others.
        is_paid: It goes to Kling, and is paid with a token of its own; else it is a preview.
        end: How it ended: a state, or what went wrong.
        said: The same in words.
        handle: What it is known by, chosen here, so that a call whose answer was lost can be repeated.
        handles: All that it was given.
        hung: How many calls were neither answered nor ended within their limit.
        ended_at: When that was told, in monotonic seconds.
        result_bytes: How large its video is, which is fetched once.
    """

    url: str
    number: int
    is_paid: bool = False
    end: str = NOT_TOLD
    said: str = ""
    handle: str = field(default_factory=lambda: str(uuid.uuid4()))
    handles: set[str] = field(default_factory=set)
    hung: int = 0
    ended_at: float = math.nan
    result_bytes: int = 0

    @property
    def prompt(self) -> str:
        """What tells it from all others at the vendor and in the ledger."""
        return f"order {self.number}"

    async def see_through(self) -> None:
        """Ask for it until it has ended."""
        picture, wanted = new_picture(), time.monotonic() + ORDER_LIMIT_S
        told: dict[str, Any] | None = None
        while time.monotonic() < wanted and not (told and told.get("is_final")):
            try:
                async with asyncio.timeout(CALL_LIMIT_S), self._visit() as http:
                    told = await self._ask(http, picture)
            except TimeoutError:
                self.end, self.hung = f"{NOT_TOLD} (it hung)", self.hung + 1
            except (httpx.HTTPError, json.JSONDecodeError, KeyError, RefusedError) as error:
                self.end = f"{NOT_TOLD} ({type(error).__name__})"
                await asyncio.sleep(1)
        if told and told.get("is_final"):
            self.end, self.said, self.ended_at = told["state"], told.get("sentence", ""), time.monotonic()
        if self.end == "completed":
            await self._fetch()

    async def _fetch(self) -> None:
        with suppress(httpx.HTTPError, RefusedError, KeyError):  # after a kill: whether it was kept is looked at apart
            async with self._visit() as http:
                result = await _call(http, "result", handle=next(iter(self.handles)))
                self.result_bytes = len((await http.get(result["video"]["url"])).raise_for_status().content)

    async def _ask(self, http: httpx.AsyncClient, picture: bytes) -> dict[str, Any]:
        if not self.handles:
            refs = [await _sent(http, picture, "new.png"), await _sent(http, VIDEO.read_bytes(), VIDEO.name)]
            given = {
                "image": refs[0],
                "video": refs[1],
                "prompt": self.prompt,
                "orientation": "image",
                "handle": self.handle,
            }
            paid = {"engine": "kling", "token": self.token, "max_usd": MAX_USD} if self.is_paid else {}
            begun = await _call(http, "run", **given, **paid)
            self.handles.add(begun["handle"])
            return begun
        return await _call(http, "status", handle=next(iter(self.handles)), token=self.token, wait_s=5)

    @property
    def token(self) -> str:
        """What pays for it."""
        return f"order-{self.number:012d}" if self.is_paid else ""

    @asynccontextmanager
    async def _visit(self) -> AsyncGenerator[httpx.AsyncClient]:
        headers = {"X-Forwarded-For": f"198.18.{self.number // 250}.{self.number % 250 + 1}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60) as http:
            yield http


class RefusedError(Exception):
    """A call was answered with an error."""


async def _sent(http: httpx.AsyncClient, content: bytes, name: str) -> str:
    return (await http.post("/inputs", content=content, headers={"X-File-Name": name})).raise_for_status().json()["ref"]


async def _call(http: httpx.AsyncClient, name: str, **given: Any) -> dict[str, Any]:
    called = (await http.post(f"{CALL}/v2/{name}", json=given)).raise_for_status()
    event = ""
    async with http.stream("GET", f"{CALL}/{name}/{called.json()['event_id']}") as stream:
        async for line in stream.aiter_lines():
            event = line.removeprefix("event: ") if line.startswith("event:") else event
            if line.startswith("data:") and event == "complete":
                return json.loads(line.removeprefix("data:"))[0]
            if line.startswith("data:") and event == "error":
                raise RefusedError(line)
    raise RefusedError(name)
