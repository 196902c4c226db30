"""What the page says of a repair: how far it is, what it did, or why it did not."""

from collections.abc import Collection
from typing import Any

from kling_ui.errors import KlingUIError
from kling_ui.ui.repair_work import Order, Outcome, Progress
from kling_ui.ui.views.slot import Kind

STOPPED: dict[str, Any] = {"state": "stopped", "words": "Stopped. Nothing was changed."}


def running(progress: Progress) -> dict[str, Any]:
    """Show a repair under way."""
    return {"state": "running", "words": progress.words, "share": progress.share}


def failed(error: KlingUIError) -> dict[str, Any]:
    """Show why a repair could not be done."""
    return {"state": "failed", "words": f"Nothing was changed. {error}"}


def done(order: Order, outcome: Outcome, kept: Collection[Kind]) -> dict[str, Any]:
    """Show what a repair did and how to undo it.

    Args:
        order: What was wanted.
        outcome: What came of it.
        kept: The inputs that show the result; others were changed by the person meanwhile.
    """
    words = f"Done: {'; '.join(outcome.labels)}."
    if len(kept) < len(outcome.values):
        words = f"{words} What you changed meanwhile was left as it is."
    before = {"orientation": order.choice.orientation.value, "keep_sound": order.choice.keep_sound}
    after = {"orientation": outcome.choice.orientation.value, "keep_sound": outcome.choice.keep_sound}
    changed = [name for name in after if after[name] != before[name]]
    return {
        "state": "done",
        "words": words,
        "after": {kind.value: outcome.values[kind]["ref"] for kind in kept},
        "choice": {name: after[name] for name in changed},
        "choice_before": {name: before[name] for name in changed},
    }
