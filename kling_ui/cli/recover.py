"""``kling-ui recover``: a request that is at RunComfy becomes a run that is followed here."""

import asyncio
from pathlib import Path

from kling_ui.cli.delivery import follow, make_folder, place, run_json, tell_run
from kling_ui.cli.narrator import Narrator
from kling_ui.cli.output import DONE, FAILED, print_json
from kling_ui.cli.visitor import visitor_of
from kling_ui.errors import SettingsError
from kling_ui.runs.runner import open_runner
from kling_ui.runs.view import RunView
from kling_ui.settings import Settings
from kling_ui.workers import Workers


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
    with Workers(settings.workers) as workers:
        run, video = asyncio.run(_recover(request_id, run_id, out, settings, workers))
    if as_json:
        print_json(run_json(run, video))
    else:
        tell_run(run, video)
    return DONE if video is not None else FAILED


async def _recover(
    request_id: str, run_id: str | None, out: Path, settings: Settings, workers: Workers
) -> tuple[RunView, Path | None]:
    visitor = visitor_of(settings.data_dir)
    with Narrator() as narrator:
        async with open_runner(settings, workers, adopt=False) as runner:
            # whoever is at this command line owns the ledger, so that runs of the page are found, too
            start = await runner.recover(request_id, visitor=visitor, run_id=run_id, everybody=True)
            narrator.say(start.words)
            run = await follow(runner.watch(start.run_id, None), narrator)
    if run.result is None:
        return run, None
    name = f"recovered-{run.request_id}{run.result.suffix}"
    return run, await asyncio.to_thread(place, run.result, out, name)
