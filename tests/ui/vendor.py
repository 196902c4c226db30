"""A played vendor on a port of its own: the contract's paths, a price, and whatever fate a prompt asks for.

A prompt that holds one of these words meets that fate; any other one is rendered at once:

- ``lost``: accepted, but the answer to the submit is an error of a gateway.
- ``waits``: stays in the queue; it can be cancelled.
- ``runs``: is being rendered until :attr:`PlayedVendor.finish` is set; it cannot be cancelled.
- ``fails``: ends with a failure that users of the vendor have met.
- ``unfetchable``: is rendered, but its video cannot be fetched.
"""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

TOKEN = "vendor-token-0123456789"
RATE_USD = 0.07
FAILURE = "Image recognition failed: No complete upper body detected (code 1201)"
FATES = ("lost", "waits", "runs", "fails", "unfetchable")


@dataclass
class Job:
    """One request as the vendor sees it; ``sent`` is its body."""

    request_id: str
    fate: str
    sent: dict[str, Any] = field(default_factory=dict)
    looks: int = 0
    cancelled: bool = False
    created_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())


@dataclass
class PlayedVendor:
    """Answers as a vendor would.

    Attributes:
        video: What every run comes to.
        seconds: Its length.
        jobs: What was submitted, by request id.
        finish: Lets those that run end.
    """

    video: Path
    seconds: float
    jobs: dict[str, Job] = field(default_factory=dict)
    finish: threading.Event = field(default_factory=threading.Event)

    def app(self) -> Starlette:
        """Put its paths together."""
        requests = "/v1/requests/{request_id}"
        return Starlette(
            routes=[
                Route("/v1/models/{model:path}", self.submit, methods=["POST"]),
                Route("/v1/models/{model:path}", self.price),
                Route(f"{requests}/status", self.status),
                Route(f"{requests}/result", self.result),
                Route(f"{requests}/cancel", self.cancel, methods=["POST"]),
                Route("/v1/files/{name}", self.file),
            ]
        )

    async def price(self, request: Request) -> Response:
        return self._denied(request) or JSONResponse({"base_price_usd": RATE_USD, "price_unit": "second"})

    async def submit(self, request: Request) -> Response:
        if denied := self._denied(request):
            return denied
        sent = await request.json()
        fate = next((word for word in FATES if word in sent["prompt"].lower()), "")
        job = Job(f"req-{len(self.jobs) + 1:04d}", fate, sent)
        self.jobs[job.request_id] = job
        if fate == "lost":
            return PlainTextResponse("<html>Bad gateway</html>", status_code=502)
        return JSONResponse({"request_id": job.request_id})

    async def status(self, request: Request) -> Response:
        job = self._job(request)
        if job is None:
            return self._missing()
        job.looks += 1
        word = self._word(job)
        more = {"queue_position": 1} if word == "in_queue" else {}
        return JSONResponse({"request_id": job.request_id, "status": word} | more)

    async def result(self, request: Request) -> Response:
        job = self._job(request)
        if job is None:
            return self._missing()
        body = {"request_id": job.request_id, "created_at": job.created_at, "status": self._word(job)}
        if job.fate == "fails":
            body |= {"status": "failed", "error": {"type": "InputError", "message": FAILURE}}
        elif body["status"] == "completed":
            name = "gone" if job.fate == "unfetchable" else "video.mp4"
            url = str(request.url_for("file", name=name))
            body |= {"status": "succeeded", "output": {"video": url}, "cost": round(RATE_USD * self.seconds, 4)}
        return JSONResponse(body)

    async def cancel(self, request: Request) -> Response:
        job = self._job(request)
        if job is None:
            return self._missing()
        job.cancelled = job.fate == "waits"
        outcome = "cancelled" if job.cancelled else "not_cancellable"
        return JSONResponse(
            {"request_id": job.request_id, "status": self._word(job), "outcome": outcome}, status_code=202
        )

    async def file(self, request: Request) -> Response:
        if request.path_params["name"] == "gone":
            return PlainTextResponse("try later", status_code=503)
        return FileResponse(self.video, media_type="video/mp4")

    def _word(self, job: Job) -> str:
        if job.cancelled:
            return "cancelled"
        if job.fate == "waits":
            return "in_queue"
        return "in_progress" if job.fate == "runs" and not self.finish.is_set() else "completed"

    def _job(self, request: Request) -> Job | None:
        return self.jobs.get(request.path_params["request_id"])

    def _denied(self, request: Request) -> Response | None:
        if request.headers.get("authorization") == f"Bearer {TOKEN}":
            return None
        return JSONResponse({"error_code": 400004, "error_message": "UserAccountError"}, status_code=401)

    def _missing(self) -> Response:
        return JSONResponse({"error_code": 404001, "error_message": "ResourceNotFound"}, status_code=404)


class PlayedVendorServer(uvicorn.Server):
    """Serves a played vendor from a thread."""

    def __init__(self, vendor: PlayedVendor, port: int) -> None:
        super().__init__(uvicorn.Config(vendor.app(), port=port, log_level="warning"))
        self.vendor = vendor
        self.address = f"http://127.0.0.1:{port}"
        self._thread = threading.Thread(target=self.run, daemon=True)

    def start(self) -> None:
        """Begin; the first request may have to wait a moment."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it."""
        self.should_exit = True
        self._thread.join(10)
