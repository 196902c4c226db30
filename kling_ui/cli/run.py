"""``kling-ui run`` and ``kling-ui recover``: one run, or one request found again, to a video in a folder."""

import asyncio
import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

from kling_ui.cli.output import DONE, FAILED, RunProgress, make_folder, print_json, run_json, say, tell_run
from kling_ui.composition import open_parts, owner_id
from kling_ui.errors import SettingsError
from kling_ui.media.files import copy_into
from kling_ui.options import TransferOptions
from kling_ui.presentation.findings import report_json
from kling_ui.presentation.runs import start_words
from kling_ui.python_api import follow, run
from kling_ui.results import Progress, RunResult
from kling_ui.runs.record import EngineName
from kling_ui.runs.view import RunView
from kling_ui.settings import Settings


def run_files(
    image: Path,
    video: Path,
    choice: TransferOptions,
    engine: EngineName,
    *,
    out: Path,
    accept: Collection[str],
    again: bool,
    as_json: bool,
) -> int:
    """Check, run, put the video into the folder, print what came of it and return the exit code.

    Raises:
        SettingsError: The engine needs a token that is not set, or the folder cannot be written to.
        MediaError: A file cannot be read.
        KlingUIError: The run could not be started.
    """
    make_folder(out)
    with RunProgress() as run_progress:

        def on_progress(news: Progress) -> None:
            if news.run is not None:
                run_progress.show(news.run)
            else:
                run_progress.say(news.words if news.start is None or again else f"{news.words} (--again)")

        result = run(
            image,
            video,
            engine=engine,
            prompt=choice.prompt,
            orientation=choice.orientation,
            keep_sound=choice.keep_sound,
            resolution=choice.resolution,
            out=out,
            max_price_usd=math.inf,  # whoever types --engine kling means it; budgets are in the settings
            accept=accept,
            again=again,
            on_progress=on_progress,
        )
    if as_json:
        print_json(outcome_json(result))
    elif result.run is None:
        say(result.message)
    else:
        tell_run(result.run, result.video)
    return DONE if result.video is not None else FAILED


def outcome_json(result: RunResult) -> dict[str, Any]:
    """Put a result into plain JSON types."""
    check = report_json(result.check.report)
    if result.run is not None:
        return run_json(result.run, result.video) | {"check": check}
    blocked = {"message": result.message, "advice": None, "raw": None}
    return {"run_id": None, "request_id": None, "engine": result.engine, "status": result.state} | {
        "video": None,
        "error": blocked,
        "check": check,
    }


def recover_request(request_id: str, run_id: str | None, out: Path, *, as_json: bool) -> int:
    """Follow a request on, put its video into the folder, print what came of it and return the exit code.

    Raises:
        SettingsError: There is no token, or the folder cannot be written to.
        KlingUIError: RunComfy does not tell about this request.
    """
    settings = Settings.from_env()
    if settings.token is None:
        raise SettingsError("A request can only be recovered with its token in RUNCOMFY_API_TOKEN.")
    make_folder(out)
    view, video = asyncio.run(_recover(request_id, run_id, out, settings))
    if as_json:
        print_json(run_json(view, video))
    else:
        tell_run(view, video)
    return DONE if video is not None else FAILED


async def _recover(request_id: str, run_id: str | None, out: Path, settings: Settings) -> tuple[RunView, Path | None]:
    visitor = owner_id(settings.data_dir)
    with RunProgress() as run_progress:
        async with open_parts(settings) as parts, parts.open_runner(take_over=False) as runner:
            # whoever is at this command line owns the ledger, so that runs of the page are found, too
            start = await runner.recover(request_id, visitor=visitor, run_id=run_id, everybody=True)
            run_progress.say(start_words(start.code))
            view = await follow(runner.watch(start.run_id, None), run_progress.show)
    if view.result is None:
        return view, None
    name = f"recovered-{view.request_id}{view.result.suffix}"
    return view, await asyncio.to_thread(copy_into, view.result, out, name)
