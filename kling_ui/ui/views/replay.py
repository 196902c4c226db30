"""The run of a card as the page shows it: in the player like any other result, marked, with how it went."""

from typing import Any

from kling_ui.presentation.result_sentences import REPLAY_LABEL
from kling_ui.presentation.wording import STEP_WORDS
from kling_ui.runs.view import RunView
from kling_ui.takeaway.run_card import RunCard
from kling_ui.ui.views.result import player_value
from kling_ui.ui.web.signed_files import SignedFiles


def replay_value(signed_files: SignedFiles, card: RunCard, view: RunView) -> dict[str, Any]:
    """Show the run of a card in the player; what only runs that are kept here can do is left out.

    Args:
        signed_files: Signs what is shown.
        card: The card.
        view: Its run with the files that were found.
    """
    value = player_value(signed_files, view)
    results = [result | {"run_id": f"card-{card.run_id}"} for result in value["results"]]
    has_time = bool(card.states) and bool(results)
    return value | {
        "run_id": "",
        "results": results,
        "label": REPLAY_LABEL,
        "can_clear": False,
        "replay": {
            "states": [[STEP_WORDS[state.state], state.at_s] for state in card.states],
            "total_s": card.states[-1].at_s,
        }
        if has_time
        else None,
    }
