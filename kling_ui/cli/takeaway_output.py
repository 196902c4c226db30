"""``kling-ui export RUN --what ...`` and ``kling-ui open CARD``: what is taken away of runs, and opened again."""

import asyncio
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from kling_ui.cli.output import DONE, print_json, say, tell
from kling_ui.composition import open_parts
from kling_ui.errors import SettingsError
from kling_ui.options import Layout
from kling_ui.presentation.gallery import run_title
from kling_ui.presentation.result_sentences import missing_files
from kling_ui.presentation.runs import entry_words
from kling_ui.runs.export import Entry, RunHistory
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.run_files import RunFolders
from kling_ui.settings import Settings
from kling_ui.takeaway.making import TakeAway, make_picture, picture_name, write_card, write_package
from kling_ui.takeaway.run_card import SUFFIX, RunCard, files_beside, missing_names, read_card, view_of_card
from kling_ui.takeaway.run_report import REPORT_PAGE, ReportedRun, report_of, write_run_report

REPORT = "report"


def take_away(
    prefixes: Sequence[str], what: str, layout: Layout, folder: Path, *, with_files: bool, as_json: bool
) -> int:
    """Write what is asked for of some runs into a folder, and return the exit code.

    Args:
        prefixes: How the ids of the runs begin; one at least.
        what: A :class:`TakeAway`, or :data:`REPORT`.
        layout: The shape of a comparison.
        folder: Where to; it is made if need be.
        with_files: Put the files of a run beside its card.
        as_json: Print JSON.

    Raises:
        KlingUIError: There is no such run, its files are no longer kept, or something cannot be written.
    """
    settings = Settings.from_env()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError("--out takes a folder that can be written to.") from error
    made = asyncio.run(_made(settings, prefixes, what, layout, folder, with_files=with_files))
    if as_json:
        print_json({"files": [str(path) for path in made]})
    else:
        tell("\n".join(map(str, made)))
    return DONE


async def _made(
    settings: Settings, prefixes: Sequence[str], what: str, layout: Layout, folder: Path, *, with_files: bool
) -> list[Path]:
    entries = await _entries(settings, prefixes)
    if what == REPORT:
        cards = [await asyncio.to_thread(write_card, entry, folder, with_files=True) for entry in entries]
        return [await asyncio.to_thread(report_of, cards, folder / REPORT_PAGE)]
    if what == TakeAway.CARD:
        return [await asyncio.to_thread(write_card, entry, folder, with_files=with_files) for entry in entries]
    if what == TakeAway.PACKAGE:
        outs = [folder / f"{RunCard.of(entry).file_name.removesuffix(SUFFIX)}.zip" for entry in entries]
        return [await asyncio.to_thread(write_package, entry, out) for entry, out in zip(entries, outs, strict=True)]
    made, kind = [], TakeAway(what)
    async with open_parts(settings, worker_count=1) as parts:
        for entry in entries:
            out = folder / f"{entry.view.engine.value}-{entry.view.run_id[:8]}-{picture_name(kind, layout)}"
            say(f"Drawing {out.name}.")
            made.append(await make_picture(parts.workers, entry.view, kind, out, layout=layout))
    return made


async def _entries(settings: Settings, prefixes: Sequence[str]) -> list[Entry]:
    ledger = Ledger(settings.ledger_url)
    try:
        history = RunHistory(ledger, RunFolders(settings.data_dir / "runs"), entry_words)
        return [await history.find(prefix) for prefix in prefixes]
    finally:
        await ledger.aclose()


def open_card(path: Path, out: Path | None, *, browser: bool, as_json: bool) -> int:
    """Open a run card with those of its files that lie beside it, as a page that needs no network.

    Args:
        path: The card.
        out: The page to write; ``None`` writes it beside the card.
        browser: Show it.
        as_json: Print JSON.

    Raises:
        RunCardError: It is no card that can be opened.
        MediaError: It cannot be read, or the page not be written.
    """
    card = read_card(path)
    files = files_beside(card, path)
    missing = missing_files(missing_names(card, files))
    page = out or path.with_name(f"{path.name.removesuffix(SUFFIX)}.html")
    title = card.name or run_title(view_of_card(card, files))
    write_run_report([ReportedRun(card, files)], page, title=title)
    if as_json:
        names = [file.role.value for file in card.files if file.role not in files]
        print_json({"run_id": card.run_id, "page": str(page), "missing": names})
    else:
        say(f"{title}: {card.sentence}")
        if missing:
            say(missing)
        tell(str(page))
    if browser:
        webbrowser.open(page.resolve().as_uri())
    return DONE
