"""What is said of batches: faults of a manifest, the plan as a whole, and what became of its cells."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime

from kling_ui.languages import joined, retell_stored, say, say_all, say_many, told
from kling_ui.presentation.wording import dollars
from kling_ui.runs.batch_runs import CellState

# What is wrong, and the way out, by the code of the fault.
MANIFEST_FAULTS: dict[str, tuple[str, str]] = {
    "not readable": ("{file} cannot be read ({why}).", "Name another file."),
    "not text": (
        "{file} is not a text in UTF-8 that can be read as a table.",
        "Save it as CSV in UTF-8; Excel calls it “CSV UTF-8”.",
    ),
    "too large": ("{file} is larger than any manifest of {most} rows.", "Split it."),
    "no rows": ("There are no rows.", "Give a row for each run, below a header with image and video."),
    "too many rows": ("There are {found} rows, and a batch has at most {most}.", "Split it."),
    "unknown field": ("“{name}” is no field of a manifest.", ""),
    "field twice": ("This column stands there twice.", "Leave one of them out."),
    "no column": ("This column is missing.", "Add it: image and video are needed, all other columns are not."),
    "open quote": (
        "A double quote opens here and is not closed, or something follows where it closes.",
        "Close it; write a double quote within a text twice.",
    ),
    "not JSON": ("This line is no JSON.", "Write one object a line."),
    "not an object": (
        "This line is no JSON object.",
        'Write one object a line, such as {{"image": ..., "video": ...}}.',
    ),
    "too many values": (
        "There are {found} values for {columns} columns.",
        "Put what has a comma in it between double quotes.",
    ),
    "missing": ("Nothing is given.", "Name a file; its path is relative to the manifest."),
    "an address": ("{value} is an address.", "Download it, and name the file."),
    "no file": ("There is no file {value}.", ""),
    "not a word": ("It takes {words}, not “{value}”.", "Leave it empty for the default."),
    "not yes or no": ("It takes yes or no, not “{value}”.", "Leave it empty for yes."),
    "no text": ("It takes text.", "Put it between double quotes."),
    "name too long": ("A name has at most {most} characters.", "Shorten it."),
    "same row": ("It asks for the same as row {first}.", "Leave it out, or change its prompt."),
}


CELL_STATES = told(
    {
        CellState.READY: "Ready",
        CellState.MADE: "Made before",
        CellState.UNDER_WAY: "Under way",
        CellState.BLOCKED: "Blocked",
        CellState.UNREADABLE: "Cannot be read",
        CellState.SAME: "Same as another",
        CellState.TOO_DEAR: "Over the budget",
        CellState.LEFT_OUT: "Not chosen",
        CellState.NOT_STARTED: "Not started",
        CellState.REFUSED: "Not sent",
        CellState.COMPLETED: "Finished",
        CellState.FAILED: "Failed",
        CellState.CANCELLED: "Cancelled",
        CellState.UNKNOWN: "Outcome unknown",
    }
)
NOT_CHOSEN = told("It was not chosen.")
MADE_BEFORE = told("The same run was made before; its result is given again, and nothing is charged.")
GOES_ON = told("Its run is under way and is followed on; nothing is sent again.")
PRICE_NOT_KNOWN = told("What it would cost is not known at the moment, and a limit is set.")
NOT_STARTED = told("It was not started; --resume goes on with it.")
LEFT_BY_A_RESTART = told("It was not started before the app was restarted.")
PAUSED_NOW = "Pausing: what runs is finished, nothing more is started. Press Ctrl+C again to leave at once."
GO_ON = "The same command with --resume goes on; nothing that was started is sent again."


def manifest_words(code: str, row: int | None, line: int | None, field: str, values: Mapping[str, object]) -> str:
    """Say where a fault of a manifest is, what is wrong, and the way out."""
    is_header = code in {"unknown field", "field twice", "no column"}
    place = f"Row {row}" if row is not None else "The header" if line is not None and is_header else "The manifest"
    place += f" (line {line})" if line is not None and place != "The header" else ""
    place += f", {field}" if field else ""
    what, way_out = MANIFEST_FAULTS[code]
    if code == "unknown field":
        close = values.get("close")
        way_out = f"Did you mean {close}?" if close else "The fields are {fields}."
    if code == "no file":
        close = values.get("close")
        way_out = f"Did you mean {close}?" if close else "Paths are relative to the manifest."
    fields = "image, video, orientation, prompt, keep_sound, engine, model and name"
    return f"{place}: {' '.join((what, way_out)).format(fields=fields, **values)}".strip()


def manifest_title(file: str, count: int) -> str:
    """Say which manifest it is with which something is wrong."""
    return f"{file} cannot be used; {count} things are wrong:" if count > 1 else f"{file} cannot be used:"


def same_as_words(number: int) -> str:
    """Say that a cell asks for the same as another."""
    return say("Its files and choices are the same as those of cell {number}.", number=number)


def too_dear_for_batch(estimate_usd: float, left_usd: float) -> str:
    """Say that a cell does not fit into what is left."""
    return say(
        "It would cost about {estimate_usd}, and {left_usd} is left for it.",
        estimate_usd=dollars(estimate_usd),
        left_usd=dollars(left_usd),
    )


def plan_sentence(
    *,
    count: int,
    will_run: int,
    seconds: float,
    estimate_usd: float | None,
    limit_usd: float | None,
    too_dear: int,
    made: int,
    is_paid: bool,
) -> str:
    """Say what a plan comes to, in one go.

    Args:
        count: How many cells there are.
        will_run: How many will run.
        seconds: How long their clips are together.
        estimate_usd: What they are expected to cost, if that is known.
        limit_usd: What may be spent on them, if there is a limit.
        too_dear: How many do not fit into that.
        made: How many were made before.
        is_paid: There are paid ones among them.
    """
    parts = [
        say("{will_run} of {count} will run", will_run=will_run, count=count),
        say("{seconds:.0f} s of clips", seconds=seconds),
    ]
    if not is_paid:
        parts.append(say("free"))
    elif estimate_usd is None:
        parts.append(say("price not known"))
    else:
        parts.append(say("about {estimate_usd}", estimate_usd=dollars(estimate_usd)))
    if limit_usd is not None and limit_usd != math.inf and is_paid:
        parts.append(say("of {limit_usd} that may be spent", limit_usd=dollars(limit_usd)))
    sentences = [say("{words}.", words=joined("; ", parts))]
    if made:
        sentences.append(
            say_many(
                "{count} cell was made before and cost nothing.",
                "{count} cells were made before and cost nothing.",
                made,
            )
        )
    if too_dear:
        sentences.append(
            say_many(
                "{count} cell does not fit into the budget; those that do were taken in order.",
                "{count} cells do not fit into the budget; those that do were taken in order.",
                too_dear,
            )
        )
    return say_all(*sentences)


def batch_sentence(
    *, count: int, done: int, failed: int, left: int, cost_usd: float, unsure_usd: float, is_paused: bool
) -> str:
    """Say what became of a batch, in one go."""
    parts = [say("{done} of {count} finished", done=done, count=count)]
    parts += [say(", {failed} without a video", failed=failed)] if failed else []
    parts += [say(", {left} not started", left=left)] if left else []
    parts += [say("; about {cost_usd} spent", cost_usd=dollars(cost_usd))] if cost_usd else []
    parts += [say("; up to {unsure_usd} more may be charged", unsure_usd=dollars(unsure_usd))] if unsure_usd else []
    words = joined("", parts)
    return say("Paused: {words}.", words=words) if is_paused else say("{words}.", words=words)


def restart_words(done: int, count: int, *, is_paid: bool) -> str:
    """Say how far a batch of the page was when the app was restarted, and how it goes on."""
    where = say("Choose Kling at the top for that, and enter the most that it may cost.") if is_paid else ""
    words = "Stopped by a restart after {done} of {count}; start what is ticked to go on, nothing is sent twice."
    return say_all(say(words, done=done, count=count), where)


def planned_words(plan: str, at: float, *, is_paid: bool) -> str:
    """Say what a plan of the page came to that a restart of the app left, as of when, and how it goes on.

    Args:
        plan: What it came to, in one sentence.
        at: When it was made, in seconds since 1970.
        is_paid: Its cells are for Kling.
    """
    when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
    checked = say("That was checked at {when} UTC, before the app was restarted; nothing was started.", when=when)
    words = (
        "Prices are read anew before anything is sent. Choose Kling at the top, and enter the most that it may cost."
    )
    return say_all(plan, checked, say(words) if is_paid else "")


def risen_words(sentence: str) -> str:
    """Say that a batch was not started because a second costs more than when it was priced; what it comes to now."""
    words = say("A second costs more than when this was priced, so nothing was sent. Start it once more at this price.")
    return say_all(sentence, words)


def outcome_line(state: CellState, message: str, motion_match: float | None = None) -> str:
    """Say in one line what became of a cell."""
    match = "" if motion_match is None else say("Motion match {score:.0f}.", score=motion_match)
    return say_all(match, retell_stored(message) if message else say("{words}.", words=CELL_STATES[state]))
