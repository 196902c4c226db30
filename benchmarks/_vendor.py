"""A played vendor in a process of its own: it takes paid runs by the contract, renders for some seconds, and counts.

It stands outside of the cluster, as the real one does, so no kill meets it; docs/vendor_api.md is the contract.
"""

import asyncio
import secrets
import sys
import time
from collections import Counter
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

RATE_USD = 0.07
ANSWERS_AFTER_S = 0.2  # a submit; what is killed meanwhile never learns its request's id
RENDERS_FOR_S = 6.0
SUBMITS = "/submits"


class Vendor:
    """Answers submits, and tells under :data:`SUBMITS` how often each prompt was submitted.

    Args:
        video: What every request comes to; no two answers have the same bytes.
    """

    def __init__(self, video: bytes) -> None:
        self._video = video
        self._asked_at: dict[str, float] = {}
        self._submits = Counter[str]()

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
            ]
        )

    async def price(self, _request: Request) -> Response:
        return JSONResponse({"base_price_usd": RATE_USD, "price_unit": "second"})

    async def submit(self, request: Request) -> Response:
        prompt, request_id = (await request.json())["prompt"], secrets.token_hex(8)
        self._submits[prompt] += 1
        self._asked_at[request_id] = time.monotonic()
        await asyncio.sleep(ANSWERS_AFTER_S)
        return JSONResponse({"request_id": request_id})

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

    def _is_done(self, request: Request) -> bool:
        return time.monotonic() - self._asked_at[request.path_params["request_id"]] > RENDERS_FOR_S


if __name__ == "__main__":
    uvicorn.run(Vendor(Path(sys.argv[2]).read_bytes()).app(), port=int(sys.argv[1]), log_level="warning")
