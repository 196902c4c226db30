"""The addresses beside Gradio's own: health, files by signed address, uploads."""

import contextlib
import shutil
import time
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.requests import ClientDisconnect

from kling_ui.errors import KlingUIError
from kling_ui.media.files import clean_name, name_in_header
from kling_ui.ui.web.signed_files import SignedFiles, shown_type
from kling_ui.ui.web.uploads import UploadIntake, status_of

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
            answer = {"error": error.message, "advice": error.advice}
            return JSONResponse(answer, status_of(error), headers={"Connection": "close"})
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        return JSONResponse({"ref": signed_files.sign(path)})


def sweep(folder: Path, max_age_s: float) -> None:
    """Remove entries of a folder that are older than ``max_age_s``; blocking."""
    oldest = time.time() - max_age_s
    for entry in folder.glob("*"):
        with contextlib.suppress(OSError):
            if entry.stat().st_mtime < oldest:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _file_answer(path: Path) -> FileResponse:
    media_type = shown_type(path)
    return FileResponse(
        path,
        media_type=media_type or "application/octet-stream",
        filename=None if media_type else path.name,  # a name here would win over the page's own for a download
        headers={"Content-Security-Policy": _FILE_POLICY, "Cache-Control": "private, max-age=86400"},
    )
