"""The visitor's own address, passed on after a stranger has tried it."""

import asyncio
import time
from collections.abc import Callable

from kling_ui.checks.limits import Source as Said
from kling_ui.checks.report import Finding, Severity
from kling_ui.errors import MediaError
from kling_ui.media.visit import host_of
from kling_ui.runs.publish import Loan, NoWayError, Role, Source
from kling_ui.runs.ways.address_rules import Copy, judge_address
from kling_ui.runs.ways.stranger import Stranger


async def examine(
    url: str, role: Role, *, stranger: Stranger, now: float, copy: Copy | None = None
) -> tuple[Finding, ...]:
    """Try an address as an engine would, and tell everything that is wrong with it.

    Args:
        url: The address.
        role: What should be there.
        stranger: Tries it.
        now: Seconds since 1970.
        copy: What was checked here, if it came from there.

    Returns:
        Findings, what matters most first; a block means that the engine cannot use the address.
    """
    try:
        facts = await stranger.look(url)
    except MediaError as error:
        message = f"The address of the {role} cannot be used: {error.reason}"
        return (Finding("address.reach", Severity.BLOCK, None, message, error.advice, Said.VENDOR),)
    return judge_address(facts, role, copy, now)


class GivenWay:
    """Passes on the public address that the visitor gave.

    Args:
        stranger: Tries it first.
        clock: Seconds since 1970.
    """

    def __init__(self, stranger: Stranger, *, clock: Callable[[], float] = time.time) -> None:
        self._stranger = stranger
        self._clock = clock

    async def lend(self, source: Source, role: Role) -> Loan | None:
        """Try the address and pass it on as it is.

        Raises:
            NoWayError: A stranger does not find the file there.
        """
        if source.url is None:
            return None
        copy = await asyncio.to_thread(Copy.of, source.path)
        findings = await examine(source.url, role, stranger=self._stranger, now=self._clock(), copy=copy)
        blocks = [finding.message for finding in findings if finding.severity is Severity.BLOCK]
        if blocks:
            raise NoWayError(" ".join(blocks))
        words = f"by the address that you gave ({host_of(source.url)})."
        return Loan(source.url, " ".join([words, *(finding.message for finding in findings)]))

    async def take_back(self, source: Source) -> None:
        """Do nothing: the file is not ours."""
