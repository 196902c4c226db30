"""What to do with an open run that nobody looks after: a pure function of what the ledger remembers."""

from enum import Enum

from kling_ui.runs.endings import RECOVER, Ending
from kling_ui.runs.record import RunRecord, RunState

FREE_ATTEMPTS_MAX = 3  # a preview that ends the process each time is not drawn for ever


class Adoption(Enum):
    """What to do with the run."""

    FOLLOW = "follow"
    START_AGAIN = "start again"
    WAIT_FOR_TOKEN = "wait for token"  # noqa: S105  no password


def adoption(record: RunRecord, *, is_free: bool, has_token: bool) -> Adoption | Ending:
    """Decide about a run whose process is gone.

    Args:
        record: The run, open and not held by anybody.
        is_free: Its engine costs nothing, and its requests died with the process.
        has_token: A token is at hand that opens its engine.
    """
    if record.result_name is not None:
        return Adoption.FOLLOW  # only measuring is left
    if is_free:
        if record.attempts < FREE_ATTEMPTS_MAX:
            return Adoption.START_AGAIN
        return Ending(RunState.FAILED, "The app stopped each time it drew this preview.", "Try a shorter clip.")
    if record.request_id is not None:
        return Adoption.FOLLOW if has_token else Adoption.WAIT_FOR_TOKEN
    if record.state is RunState.PREPARING:
        return Ending(
            RunState.FAILED, "The app stopped before this run was sent. Nothing is charged.", "Start it again."
        )
    return Ending(
        RunState.UNKNOWN,
        "The app stopped while it sent this run. It is not known whether RunComfy accepted it.",
        RECOVER,
    )
