"""Trying an address of ours before an engine gets it."""

import asyncio

from kling_ui.checks.report import Severity
from kling_ui.errors import MediaError
from kling_ui.runs.publish import NoWayError, Role, Source
from kling_ui.runs.ways.address_rules import Copy, judge_address
from kling_ui.runs.ways.stranger import Stranger


async def confirm(url: str, source: Source, role: Role, *, stranger: Stranger, now: float) -> None:
    """Make sure that an address that we made leads a stranger to exactly this file.

    Args:
        url: The address.
        source: The file.
        role: Which of the two it is.
        stranger: Tries it.
        now: Seconds since 1970.

    Raises:
        NoWayError: It does not; the message is the reason alone.
    """
    try:
        facts = await stranger.look(url, ours=True)
    except MediaError as error:
        raise NoWayError(error.reason) from None
    copy = await asyncio.to_thread(Copy.of, source.path)
    blocks = [found.message for found in judge_address(facts, role, copy, now) if found.severity is Severity.BLOCK]
    if blocks:
        raise NoWayError(" ".join(blocks))
