"""A visitor's runs, as ``history.js`` and ``gallery.js`` show them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from kling_ui.languages import joined, retell, say
from kling_ui.presentation import wording
from kling_ui.presentation.gallery import (
    day_words,
    differences,
    forecast_words,
    run_title,
    spent_words,
    undo_words,
)
from kling_ui.presentation.runs import loss_words
from kling_ui.presentation.wording import dollars
from kling_ui.runs.gallery import GalleryOverview
from kling_ui.runs.ledger.gallery import GalleryPage, GalleryQuery, GallerySort, GalleryState, PageCursor
from kling_ui.runs.record import EngineName, RunState
from kling_ui.runs.run_view import DeletionLoss, RunView
from kling_ui.ui.event_payload import entries_of, text_of
from kling_ui.ui.views.result import match_over_time, result_value
from kling_ui.ui.views.run_status import about_value, is_free
from kling_ui.ui.web.file_routes import poster_url
from kling_ui.ui.web.signed_files import SignedFiles

Steps = Sequence[tuple[RunState, float]]
Value = dict[str, Any]
TEXT_MAX_CHARS = 200
_ENGINES: Mapping[object, EngineName] = {engine.value: engine for engine in EngineName}
_STATES: Mapping[object, GalleryState] = {state.value: state for state in GalleryState}
_SORTS: Mapping[object, GallerySort] = {sort.value: sort for sort in GallerySort}


def history_value(
    signed_files: SignedFiles,
    overview: GalleryOverview,
    *,
    current: str,
    now: float,
    steps: Steps = (),
    shown: RunView | None = None,
) -> Value:
    """Show a visitor's runs: the first page of them, and what is told of all.

    Args:
        signed_files: Makes the addresses of their files.
        overview: The runs.
        current: The one that is shown; empty when none is.
        now: Seconds since 1970.
        steps: The states of that one with their times, seconds since 1970.
        shown: That one, if something is to be said about it.
    """
    today = datetime.fromtimestamp(now, UTC).date()
    return page_value(signed_files, overview.page, now) | {
        "current": current,
        "steps": [{"words": wording.STEP_WORDS[state], "at": at} for state, at in steps],
        "has_paid": overview.has_paid,
        "about": {} if shown is None else about_value(shown),
        "trash": [{"run_id": run.run_id, "words": undo_words(run, now)} for run in overview.deleted],
        "spent": spent_words(overview.days, today),
        "days": [day_words(day) for day in overview.days],
        "forecasts": forecast_words(overview.forecasts),
    }


def page_value(signed_files: SignedFiles, page: GalleryPage[RunView], now: float) -> Value:
    """Show some runs, how many there are in all, and where to go on."""
    return {
        "runs": [run_card(signed_files, run, now) for run in page.runs],
        "total": page.total,
        "after": None if page.after is None else list(page.after),
    }


def run_card(signed_files: SignedFiles, run: RunView, now: float) -> Value:
    """Show one run among others."""
    title = run_title(run)
    return {
        "run_id": run.run_id,
        "state": run.state.value,
        "poster": poster_url(signed_files, run),
        "title": run.name or title,
        "about": joined(", ", [*([title] if run.name else []), *_about(run, now)]),
        "more": joined(", ", _figures(run)),
        "at": run.created_at,
        "starred": run.starred,
        "can_compare": run.result is not None and run.is_final,
        "loss": run.loss.value,
        "loss_words": "" if run.loss is DeletionLoss.FILES else loss_words(run),
    }


def _about(run: RunView, now: float) -> list[str]:
    about = [retell(wording.STATE_WORDS[run.state]), wording.ago(now - run.created_at)]
    return [*about, say("files removed")] if run.files_gone else about


def _figures(run: RunView) -> list[str]:
    figures = [] if run.motion_match is None else [say("match {score:.0f}", score=run.motion_match)]
    return figures if is_free(run) or run.cost_usd is None else [*figures, dollars(run.cost_usd)]


def compared_value(signed_files: SignedFiles, runs: Sequence[RunView]) -> Value:
    """Show in the player the results of several runs beside the reference of the first one."""
    first = runs[0]
    return {
        "run_id": "",
        "image": signed_files.url(first.image),
        "reference": signed_files.url(first.reference),
        "results": results_beside(signed_files, runs),
        "sound": "reference" if first.reference else "result",
        "facts": [],
    }


def results_beside(signed_files: SignedFiles, runs: Sequence[RunView]) -> list[Value]:
    """Show several results beside each other; runs that are called the same are numbered."""
    return [
        result_value(signed_files, run, name)
        | {"poster": poster_url(signed_files, run), "pieces": match_over_time(run.motion or {})}
        for run, name in zip(runs, _names(runs), strict=True)
    ]


def _names(runs: Sequence[RunView]) -> list[str]:
    names = [run.name or run_title(run) for run in runs]
    return [f"{name} ({names[: n + 1].count(name)})" if names.count(name) > 1 else name for n, name in enumerate(names)]


def differences_value(runs: Sequence[RunView]) -> Value:
    """Show in what several runs differ."""
    return {
        "run_ids": [run.run_id for run in runs],
        "names": _names(runs),
        "rows": [[name, *values] for name, values in differences(runs)],
    }


def beside_value(run: RunView, other: RunView) -> Value:
    """Offer to show a run beside the same request on the other engine, the preview first."""
    runs = sorted((run, other), key=is_free, reverse=True)
    label = say("Show beside its result from Kling") if is_free(run) else say("Show beside its preview")
    return {"run_ids": [one.run_id for one in runs], "label": label}


def read_query(given: Mapping[str, Any]) -> GalleryQuery:
    """Read what a browser asks for; whatever is not understood asks for nothing in particular."""
    query = entries_of(given.get("query"))
    return GalleryQuery(
        text=text_of(query.get("text"))[:TEXT_MAX_CHARS],
        engine=_ENGINES.get(text_of(query.get("engine"))),
        state=_STATES.get(text_of(query.get("state")), GalleryState.ANY),
        starred=query.get("starred") is True,
        sort=_SORTS.get(text_of(query.get("sort")), GallerySort.NEWEST),
        after=_after(given.get("after")),
    )


def _after(value: object) -> PageCursor | None:
    match value:
        case [float() | int() as key, float() | int() as created_at, str() as run_id] if not isinstance(key, bool):
            return PageCursor(float(key), float(created_at), run_id.replace("\0", ""))
    return None
