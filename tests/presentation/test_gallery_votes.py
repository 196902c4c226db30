"""What is said after a blind vote."""

from types import SimpleNamespace

import pytest

from kling_ui.presentation.gallery import vote_words
from kling_ui.runs.ledger.gallery import VoteTally
from kling_ui.runs.record import EngineName

RUNS = [
    SimpleNamespace(run_id=run_id, name="", engine=EngineName.PREVIEW, duration_s=6.0, state=None) for run_id in "xyz"
]


@pytest.mark.parametrize(
    ("preferred", "words"),
    [
        ("x", "You preferred A: Preview, 6.0\N{NO-BREAK SPACE}s."),
        ("z", "You preferred C: Preview, 6.0\N{NO-BREAK SPACE}s."),
        ("", "No difference to you."),
    ],
)
def test_of_runs_that_are_called_the_same_the_preferred_one_is_told_by_its_letter(preferred, words):
    assert vote_words(RUNS, preferred, VoteTally()) == words
