"""What is said after a blind vote."""

import pytest

from kling_ui.presentation.votes import vote_words
from kling_ui.runs.ledger.votes import VoteTally
