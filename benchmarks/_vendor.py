"""A played vendor in a process of its own: it takes paid runs by the contract, renders for some seconds, and counts.

What it was sent it writes down before it answers, so that it knows it, as a real one does, when it was killed and
started again; docs/vendor_api.md is the contract.
"""

import asyncio
import json
import secrets
import sys
import time
from contextlib import suppress
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

RATE_USD = 0.07
ANSWERS_AFTER_S = 0.2  # a submit; what is killed meanwhile never learns its request's id
HOLDS_FOR_S = 5.0  # a submit that somebody waits for
RENDERS_FOR_S = 6.0
SUBMITS, IN_HAND = "/submits", "/in-hand"


class Vendor:
    """Answers submits, and tells under :data:`SUBMITS` which requests each prompt was submitted as.

    Whoever asks for :data:`IN_HAND` is answered with the port that the next submit comes from, at once, while the
    submit's own answer is held back.

    Args:
        video: What every request comes to; no two answers have the same bytes.
        memory: The file in which requests are written down.
    """

    def __init__(self, video: bytes, memory: Path) -> None:
        self._video = video
        self._memory = memory
        self._asked_at: dict[str, float] = {}  # seconds since 1970
        self._submits: dict[str, list[str]] = {}
        self._awaited: asyncio.Future[int] | None = None
        for line in memory.read_text().splitlines() if memory.exists() else []:
            with suppress(ValueError):  # it was killed in the middle of a line
                self._know(*json.loads(line))

    def app(self) -> Starlette:
        """Put its paths together."""
        request = "/v1/requests/{request_id}"
        return Starlette(
            routes=[
                Route("/v1/models/{model:path}", self.submit, methods=["POST"]),
                Route("/v1/models/{model:path}", self.price),
                Route(f"{request}/status", self.status),
                Route(f"{request}/result", self.result),
                Route("/v1/files/{name}", self.file),
                Route(SUBMITS, self.submits),
                Route(IN_HAND, self.in_hand),
            ]
        )

    async def price(self, _request: Request) -> Response:
        return JSONResponse({"base_price_usd": RATE_USD, "price_unit": "second"})

    async def submit(self, request: Request) -> Response:
        prompt, request_id = (await request.json())["prompt"], secrets.token_hex(8)
        asked = prompt, request_id, time.time()
        with self._memory.open("a") as memory:
            memory.write(json.dumps(asked) + "\n")
        self._know(*asked)
        is_awaited = self._awaited is not None and not self._awaited.done() and request.client is not None
        if self._awaited and request.client and is_awaited:
            self._awaited.set_result(request.client.port)
        await asyncio.sleep(HOLDS_FOR_S if is_awaited else ANSWERS_AFTER_S)
        return JSONResponse({"request_id": request_id})

    def _know(self, prompt: str, request_id: str, asked_at: float) -> None:
        self._submits.setdefault(prompt, []).append(request_id)
        self._asked_at[request_id] = asked_at

    async def status(self, request: Request) -> Response:
        request_id = request.path_params["request_id"]
        return JSONResponse(
            {"request_id": request_id, "status": "completed" if self._is_done(request) else "in_progress"}
        )

    async def result(self, request: Request) -> Response:
        request_id, is_done = request.path_params["request_id"], self._is_done(request)
        answer = {"request_id": request_id, "status": "succeeded" if is_done else "in_progress"}
        video = f"{str(request.base_url).rstrip('/')}/v1/files/{request_id}.mp4"
        return JSONResponse(answer | ({"output": {"video": video}, "cost": RATE_USD} if is_done else {}))

    async def file(self, _request: Request) -> Response:
        tail = secrets.token_bytes(16)  # in a box that every reader passes over
        return Response(self._video + (8 + len(tail)).to_bytes(4, "big") + b"free" + tail, media_type="video/mp4")

    async def submits(self, _request: Request) -> Response:
        return JSONResponse(self._submits)

    async def in_hand(self, _request: Request) -> Response:
        self._awaited = asyncio.get_running_loop().create_future()
        return JSONResponse({"port": await self._awaited})

    def _is_done(self, request: Request) -> bool:
        return time.time() - self._asked_at[request.path_params["request_id"]] > RENDERS_FOR_S


if __name__ == "__main__":
    played = Vendor(Path(sys.argv[2]).read_bytes(), Path(sys.argv[3]))
    uvicorn.run(played.app(), port=int(sys.argv[1]), log_level="warning")
