"""``kling-ui runs``, ``show`` and ``export``: what the ledger knows."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from kling_ui.cli.output import DONE, print_json, say, tell
from kling_ui.composition import owner_id
from kling_ui.presentation.price_sentences import spending_sentence
from kling_ui.presentation.runs import entry_words, run_words
from kling_ui.runs.export import Entry, RunHistory, export
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.pricing import Budget, Spending
from kling_ui.runs.run_files import RunFolders
from kling_ui.settings import Settings

EXPORT_MAX = 1_000_000
T = TypeVar("T")


def list_runs(limit: int, *, everybody: bool, as_json: bool) -> int:
    """Print the newest runs and what was spent, and return the exit code.

    Raises:
        KlingUIError: The ledger cannot be read.
    """
    settings = Settings.from_env()
    visitor = owner_id(settings.data_dir)

    async def ask(history: RunHistory) -> tuple[list[Entry], Spending]:
        return await history.runs(None if everybody else visitor, limit), await history.spending(visitor)

    entries, spending = _asked(settings, ask)
    budget = Budget(session_usd=settings.budget_session_usd, day_usd=settings.budget_day_usd)
    if as_json:
        print_json({"runs": [entry.to_json() for entry in entries], "spending": _spending_json(spending, budget)})
        return DONE
    if not entries:
        say(
            "There are no runs yet."
            if everybody
            else "No runs were started here yet; --all lists those of the page, too."
        )
    for entry in entries:
        tell(_line(entry))
    say(spending_sentence(budget, spending))
    return DONE


def show_run(prefix: str, *, as_json: bool) -> int:
    """Print all that is known of one run, and return the exit code.

    Raises:
        KlingUIError: There is no such run, or the ledger cannot be read.
    """
    entry = _asked(Settings.from_env(), lambda history: history.find(prefix))
    if as_json:
        print_json(entry.to_json() | {"files": [str(path) for path in entry.files]})
    else:
        tell("\n".join(_details(entry)))
    return DONE


def export_runs(folder: Path, *, everybody: bool, with_files: bool, as_json: bool) -> int:
    """Write runs into a folder, and return the exit code.

    Raises:
        KlingUIError: The folder cannot be written to or is not empty, or the ledger cannot be read.
    """
    settings = Settings.from_env()
    visitor = None if everybody else owner_id(settings.data_dir)
    entries = _asked(settings, lambda history: history.runs(visitor, EXPORT_MAX))
    count = export(entries, folder, with_files=with_files)
    if as_json:
        print_json({"runs": count, "folder": str(folder)})
    else:
        say(f"{count} runs were written.")
        tell(str(folder))
    return DONE


def _asked(settings: Settings, question: Callable[[RunHistory], Awaitable[T]]) -> T:
    async def ask() -> T:
        ledger = Ledger(settings.ledger_url)
        try:
            return await question(RunHistory(ledger, RunFolders(settings.data_dir / "runs"), entry_words))
        finally:
            await ledger.aclose()

    return asyncio.run(ask())


def _line(entry: Entry) -> str:
    view = entry.view
    when = datetime.fromtimestamp(view.created_at).astimezone().strftime("%Y-%m-%d %H:%M")
    length = "" if view.duration_s is None else f"{view.duration_s:.1f} s"
    score = "" if view.motion_match is None else f"match {view.motion_match:.0f}"
    cost = "" if view.cost_usd is None or view.engine == "preview" else f"${view.cost_usd:.2f}"
    columns = (
        f"{view.run_id[:8]}  {when}  {view.engine.value:7}  {view.state.value:11}  {length:>7}  {score:9}  {cost:>7}"
    )
    return f"{columns}  {view.choice.prompt[:40]}".rstrip()


def _details(entry: Entry) -> list[str]:
    view, record, said = entry.view, entry.record, run_words(entry.view)
    lines = [f"Run {view.run_id} on {view.engine.value}", said.sentence]
    details = {
        "Advice": said.advice,
        "Its own words": view.raw_error,
        "Request": view.request_id,
        "Prompt": view.choice.prompt,
        "Orientation": view.choice.orientation.value,
        "Before": said.price,
        "Cost": said.cost,
        "Result": f"{view.duration_s:.1f} s, {view.width_px} x {view.height_px} px" if view.duration_s else None,
        "Motion match": None if view.motion_match is None else f"{view.motion_match:.0f} of 100",
        "Checks": (record.findings or {}).get("headline"),
        "May help": ", ".join(view.repairs),
        "Expires": said.expiry,
        "Files": "Some are no longer kept here." if view.files_gone else "",
    }
    lines += [f"  {name}: {words}" for name, words in details.items() if words]
    lines += [
        f"  {datetime.fromtimestamp(at).astimezone():%Y-%m-%d %H:%M:%S}  {state.value}" for state, at in entry.states
    ]
    return [*lines, *(f"  {path}" for path in entry.files)]


def _spending_json(spending: Spending, budget: Budget) -> dict[str, Any]:
    return {
        "session_usd": spending.session_usd,
        "day_usd": spending.day_usd,
        "session_budget_usd": budget.session_usd,
        "day_budget_usd": budget.day_usd,
    }
