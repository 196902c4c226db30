"""Routes of single files: what is handed in, what is shown, copies that every browser shows, small pictures of runs."""

import asyncio
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.requests import ClientDisconnect

from kling_ui.errors import KlingUIError
from kling_ui.languages import retell_all
from kling_ui.media.files import clean_name, name_in_header
from kling_ui.media.playable import write_thumbnail
from kling_ui.options import InputKind
from kling_ui.presentation.runs import in_words
from kling_ui.runs.run_view import RunView
from kling_ui.ui.services import Services
from kling_ui.ui.views.input_slot import shown_copy
from kling_ui.ui.web.signed_files import SignedFiles, shown_type
from kling_ui.ui.web.uploads import UploadIntake, status_of

DRAW_TIMEOUT_S = 30.0
_VIDEOS = "result", "reference"
# A file shown alone can run nothing and load nothing, whatever it pretends to be.
_FILE_POLICY = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"


def add_routes(app: FastAPI, signed_files: SignedFiles, intake: UploadIntake) -> None:
    """Add the routes; they must come before Gradio is mounted on the root.

    Args:
        app: The application.
        signed_files: Signs and opens files.
        intake: Takes uploads in.
    """

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.api_route("/files/{ref:path}", methods=["GET", "HEAD"])
    async def file(ref: str) -> Response:
        path = signed_files.open(ref)
        return PlainTextResponse("Not found", 404) if path is None else _file_answer(path)

    @app.post("/inputs")
    async def upload(request: Request) -> Response:
        name = clean_name(name_in_header(request.headers.get("x-file-name", "")), "input")
        try:
            path = await intake.take(request, name)
        except KlingUIError as error:
            # What was not read of it would be taken for another request.
            said = in_words(error)
            answer = {"error": said.message, "advice": said.advice}
            return JSONResponse(answer, status_of(error), headers={"Connection": "close"})
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        return JSONResponse({"ref": signed_files.sign(path)})


def add_copies_route(app: FastAPI, signed_files: SignedFiles) -> None:
    """Add the route that says what to show of a file, and has a copy made where not every browser shows the original.

    Args:
        app: The application, whose services do the work.
        signed_files: Opens files.
    """

    @app.post("/shown/{kind}/{ref:path}")
    async def shown(kind: InputKind, ref: str, request: Request, *, wanted: bool = False) -> Response:
        path = signed_files.open(ref)
        if path is None:
            return PlainTextResponse("Not found", 404)
        services: Services = app.state.services.for_scope(request.scope)
        copy = await services.shown(path, kind, is_wanted=wanted)
        return JSONResponse(retell_all(shown_copy(signed_files, kind, copy)), headers={"Cache-Control": "no-store"})


def _file_answer(path: Path) -> FileResponse:
    media_type = shown_type(path)
    return FileResponse(
        path,
        media_type=media_type or "application/octet-stream",
        filename=None if media_type else path.name,  # a name here would win over the page's own for a download
        headers={"Content-Security-Policy": _FILE_POLICY, "Cache-Control": "private, max-age=86400"},
    )


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
