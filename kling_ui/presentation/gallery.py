"""What is said of a visitor's runs together: what was spent, how right forecasts were, how runs and votes stand."""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from string import ascii_uppercase
from typing import NamedTuple

from kling_ui.languages import joined, retell, say, say_many, told
from kling_ui.presentation.wording import ENGINE_NAMES, NBSP, ORIENTATIONS, dollars, seconds
from kling_ui.runs.gallery import FORECAST_SLACK_S, ForecastRecord, SpentDay
from kling_ui.runs.ledger.gallery import VoteTally
from kling_ui.runs.run_view import RunView

NOTHING = "\N{EN DASH}"


class Difference(NamedTuple):
    """One thing in which runs differ.

    Attributes:
        name: What it is.
        values: Of each run, in their order.
    """

    name: str
    values: tuple[str, ...]


def run_title(run: RunView) -> str:
    """Say what a run is in a few words: ``Kling, 6.0 s``."""
    name = retell(ENGINE_NAMES[run.engine])
    return name if run.duration_s is None else joined(", ", (name, seconds(run.duration_s)))


def spent_words(days: Sequence[SpentDay], today: date) -> str:
    """Say what was spent on Kling today and in all; empty where nothing ever was."""
    if not days:
        return ""
    today_usd = sum(one.usd for one in days if one.day == today)
    return say(
        "Spent on Kling: {today_usd} today, {all_usd} in all.",
        today_usd=dollars(today_usd),
        all_usd=dollars(sum(one.usd for one in days)),
    )


def day_words(one: SpentDay) -> tuple[str, str, str]:
    """Say of one day when it was, what was spent and on how many runs."""
    runs = say_many("{count} run", "{count} runs", one.runs)
    return one.day.isoformat(), dollars(one.usd), runs


def forecast_words(record: ForecastRecord) -> str:
    """Say how often the seconds that came back from Kling were forecast rightly; empty while nobody knows."""
    if not record.told:
        return ""
    one = "Forecast right in {right} of {count} paid run; within {slack_s:g}\N{NO-BREAK SPACE}s."
    many = "Forecast right in {right} of {count} paid runs; within {slack_s:g}\N{NO-BREAK SPACE}s."
    return say_many(one, many, record.told, right=record.right, slack_s=FORECAST_SLACK_S)


def forecast_beside(run: RunView) -> str:
    """Say beside the length of a result from Kling what was forecast; empty where nothing was."""
    return "" if run.forecast_s is None else say("{duration} forecast", duration=seconds(run.forecast_s))


def undo_words(run: RunView, now: float) -> str:
    """Say for how long a deleted run can still be put back."""
    left_s = max(0.0, (run.undo_until or now) - now)
    left = f"{math.ceil(left_s / 60)} min" if left_s < 7200 else f"{round(left_s / 3600)} h"
    return say(
        "Deleted: {name}. It can be put back for {left}.", name=run.name or run_title(run), left=left.replace(" ", NBSP)
    )


def differences(runs: Sequence[RunView]) -> list[Difference]:
    """List in what runs differ; what is the same of all is left out."""
    rows = [Difference(retell(name), tuple(_texts(runs, of))) for name, of in _COMPARED]
    rows.insert(_FILES_AT, Difference(say("Clip"), tuple(_lettered(run.reference_sha256 for run in runs))))
    rows.insert(_FILES_AT, Difference(say("Character"), tuple(_lettered(run.image_sha256 for run in runs))))
    return [row for row in rows if len(set(row.values)) > 1]


def _texts(runs: Sequence[RunView], of: Callable[[RunView], str]) -> Iterable[str]:
    return (of(run) or NOTHING for run in runs)


def _lettered(contents: Iterable[str]) -> Iterable[str]:
    """Call files A, B and so on by their content: the same file has the same letter."""
    letters: dict[str, str] = {}
    for content in contents:
        yield letters.setdefault(content, chr(ord("A") + len(letters))) if content else say("not kept")


def _cost(run: RunView) -> str:
    if run.charge.value == "no":
        return say("free")
    return "" if run.cost_usd is None else dollars(run.cost_usd)


def _score(run: RunView) -> str:
    return "" if run.motion_match is None else say("{score:.0f} of 100", score=run.motion_match)


_COMPARED: tuple[tuple[str, Callable[[RunView], str]], ...] = told(
    (
        ("Motion match", _score),
        ("Engine", lambda run: retell(ENGINE_NAMES[run.engine])),
        ("Scene in words", lambda run: run.choice.prompt),
        ("Orientation", lambda run: retell(ORIENTATIONS[run.choice.orientation]) if run.choice.prompt else ""),
        ("Sound", lambda run: say("Kept from the clip") if run.choice.keep_sound else say("Left out")),
        ("Length", lambda run: "" if run.duration_s is None else seconds(run.duration_s)),
        ("Cost", _cost),
    )
)
_FILES_AT = 2  # after the engine


def vote_words(runs: Sequence[RunView], preferred: str, tally: VoteTally) -> str:
    """Say what a visitor preferred, by its name, and how their votes between the engines stand.

    Args:
        runs: Those that were shown, in that order: the first one stood there as A.
        preferred: Id of the best one; empty for no difference.
        tally: All votes, this one among them.
    """
    chosen = say("No difference to you.")
    for letter, run in zip(ascii_uppercase, runs, strict=False):  # two runs may be called the same
        if run.run_id == preferred:
            chosen = say("You preferred {letter}: {name}.", letter=letter, name=run.name or run_title(run))
    return f"{chosen} {tally_words(tally)}".strip()


def tally_words(tally: VoteTally) -> str:
    """Say how votes between the engines stand: ``Kling preferred in 7 of 9 blind votes, the preview in 1``."""
    if not tally.votes:
        return ""
    preview = say(", the preview in {preview}", preview=tally.preview) if tally.preview else ""
    one, many = (
        "Kling preferred in {kling} of {count} blind vote{preview}.",
        "Kling preferred in {kling} of {count} blind votes{preview}.",
    )
    return say_many(one, many, tally.votes, kling=tally.kling, preview=preview)
