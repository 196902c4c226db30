"""Files that are made of a finished run when somebody wants to download them, each once."""

import asyncio
from pathlib import Path

from kling_ui.composition import draw_without_background
from kling_ui.corrections import read_corrections
from kling_ui.errors import RunError
from kling_ui.languages import in_english, say
from kling_ui.media.files import OnShare
from kling_ui.options import Layout
from kling_ui.presentation.runs import entry_words
from kling_ui.quotas import Usage
from kling_ui.runs.export import Entry
from kling_ui.runs.record import EngineName
from kling_ui.runs.view import RunView
from kling_ui.takeaway.making import TakeAway, make_picture, picture_name, write_card, write_package
from kling_ui.takeaway.run_card import SUFFIX, RunCard
from kling_ui.ui.services import Services


@in_english
async def picture_of(
    run: RunView,
    services: Services,
    what: TakeAway = TakeAway.COMPARISON,
    layout: Layout = Layout.STRIP,
    on_progress: OnShare | None = None,
) -> Path:
    """Give a comparison, a contact sheet or a loop of a finished run, made the first time.

    Args:
        run: The run.
        services: Of whoever asks.
        what: Which of them.
        layout: The shape of a comparison.
        on_progress: Told how much of it is done, 0-1.

    Raises:
        RunError: It has no result.
        KlingUIError: There is no room for it, a clip cannot be read, or making it took too long.
    """
    path = _result_of(run, say("This run has no result to compare.")).with_name(picture_name(what, layout))
    if not path.is_file():
        services.store.floor.check()
        await make_picture(services.workers, run, what, path, layout=layout, on_progress=on_progress)
    return path


@in_english
async def card_of(run: RunView, services: Services, owner: str, *, with_files: bool) -> Path:
    """Give the card of a run as it is now, alone or with its files as a ZIP.

    Args:
        run: The run.
        services: Of whoever asks.
        owner: Whose it is.
        with_files: Give the ZIP.

    Raises:
        RunError: There is no such run of theirs.
        KlingUIError: There is no room for it, or a file cannot be read.
    """
    services.store.floor.check()
    record = await services.runner.record(run.run_id, owner)
    states = await services.runner.states(run.run_id, owner)
    entry = Entry(record, run, tuple(states), entry_words(run))
    folder = services.signed_files.root / "runs" / run.run_id
    async with services.turn():  # files are read and copied
        if not with_files:
            return await asyncio.to_thread(write_card, entry, folder, with_files=False)
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        name = RunCard.of(entry).file_name.removesuffix(SUFFIX)
        return await asyncio.to_thread(write_package, entry, folder / f"{name}.zip")


async def without_background_of(run: RunView, services: Services) -> Path:
    """Give a finished preview without its background, a WebM with transparency, drawn the first time.

    Args:
        run: The run.
        services: Of whoever asks.

    Raises:
        RunError: It is no preview that could be drawn once more.
        KlingUIError: There is no room for it, a file cannot be read, or drawing it took too long.
    """
    path = _result_of(run, say("This run has no result.")).with_name("transparent.webm")
    if run.engine is not EngineName.PREVIEW or run.image is None or run.reference is None:
        raise RunError(say("Only a preview whose picture and clip are kept can be drawn without its background."))
    if not path.is_file():
        services.store.floor.check()
        await services.runner.admission.take(services.quota_keys, Usage(previews=1))  # it is drawn once more
        corrections = read_corrections(run.corrections) if run.corrections else None
        await draw_without_background(services.workers, (run.image, run.reference), path, run.choice, corrections)
    return path


def _result_of(run: RunView, otherwise: str) -> Path:
    if run.result is None:
        raise RunError(say("The files of this run are no longer kept here.") if run.files_gone else otherwise)
    return run.result
