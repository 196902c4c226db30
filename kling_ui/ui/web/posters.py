"""Small pictures of runs, drawn when somebody first looks at them and kept with the run's files."""

import asyncio
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, PlainTextResponse, Response

from kling_ui.errors import KlingUIError
from kling_ui.media.playable import write_thumbnail
from kling_ui.options import InputKind
from kling_ui.runs.view import RunView
from kling_ui.ui.services import Services
from kling_ui.ui.web.signed_files import SignedFiles

DRAW_TIMEOUT_S = 30.0
_VIDEOS = "result", "reference"


def poster_url(signed_files: SignedFiles, run: RunView) -> str:
    """Make the address of a run's small picture: of its result, else of its character; empty without either."""
    shown = run.result or run.image
    return "" if shown is None else f"posters/{quote(signed_files.sign(shown))}"


def add_posters_route(app: FastAPI, signed_files: SignedFiles) -> None:
    """Add the route that gives the small picture of a run's file.

    Args:
        app: The application, whose services do the work.
        signed_files: Opens files.
    """
    runs = signed_files.root / "runs"
    drawing = asyncio.Semaphore(1)  # a gallery asks for many at once, and other work waits for the same workers

    @app.get("/posters/{ref:path}")
    async def poster(ref: str, request: Request) -> Response:
        path = signed_files.open(ref)
        if path is None or path.parent.parent != runs:
            return PlainTextResponse("Not found", 404)
        kept = path.with_name(f"poster-{path.stem}.jpg")
        async with drawing:
            if not kept.is_file() and not await _drawn(app.state.services.for_scope(request.scope), path, kept):
                return PlainTextResponse("Not found", 404)
        return FileResponse(kept, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400"})


async def _drawn(services: Services, path: Path, out: Path) -> bool:
    kind = InputKind.VIDEO if path.stem in _VIDEOS else InputKind.IMAGE
    try:
        services.store.floor.check()
        await services.workers.run(write_thumbnail, path, kind, out, timeout_s=DRAW_TIMEOUT_S)
    except (KlingUIError, OSError):
        return False
    return True
