"""Turning anything that goes wrong into words; nobody sees a traceback."""

import logging

from kling_ui.errors import KlingUIError

log = logging.getLogger(__name__)
UNFORESEEN = "Something went wrong inside the app."
UNFORESEEN_ADVICE = "Try again. If it happens again, the app's log tells more."


def in_words(error: Exception) -> KlingUIError:
    """Give the error as a person can be told it; an unforeseen one is written to the log."""
    if isinstance(error, KlingUIError):
        return error
    log.error(UNFORESEEN, exc_info=error)
    return KlingUIError(UNFORESEEN, advice=UNFORESEEN_ADVICE)
