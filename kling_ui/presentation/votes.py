"""What is said after a blind vote: which result was preferred, and what came of all votes."""

from collections.abc import Sequence
from string import ascii_uppercase

from kling_ui.languages import say, say_many
from kling_ui.presentation.gallery import run_title
from kling_ui.runs.ledger.gallery import VoteTally
from kling_ui.runs.view import RunView


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
