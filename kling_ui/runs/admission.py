"""Whether anything new is let in: the pause, and the quotas of the day, which the ledger keeps for all processes."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from kling_ui.errors import KlingUIError, LedgerError
from kling_ui.pauses import Pause
from kling_ui.quotas import DailyQuotaError, DailyQuotas, QuotaKeys, Usage, UsageClaim, day_of
from kling_ui.runs.ledger import Ledger

if TYPE_CHECKING:
    from kling_ui.runs.ledger.store import Store

BLOCK_BYTES = 10**6  # of an upload whose size was not announced, counted at a time


class Admission:
    """Counts what visitors take in a day, and refuses what goes beyond it.

    Args:
        ledger: Remembers what was taken, and the pause that was set for all processes.
        quotas: The most that may be taken in a day.
        pause: The pause that the settings say.
        clock: Seconds since 1970.
    """

    def __init__(self, ledger: Ledger, quotas: DailyQuotas, pause: Pause | None, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._quotas = quotas
        self._pause = pause
        self._clock = clock

    @property
    def is_counting(self) -> bool:
        """Whether anything is limited, so that it is counted."""
        return self._quotas.is_set

    def claim(self, keys: QuotaKeys, asked: Usage, *, is_paid: bool = False) -> UsageClaim:
        """Make what the ledger holds against the quotas; arguments as for :class:`UsageClaim`."""
        return UsageClaim(keys=keys, asked=asked, is_paid=is_paid, quotas=self._quotas, pause=self._pause)

    async def refusal(self, keys: QuotaKeys, asked: Usage, *, is_paid: bool = False) -> KlingUIError | None:
        """Tell how something would be refused if it were asked for now; ``None`` when it would be let in."""
        try:
            await self._check(self.claim(keys, asked, is_paid=is_paid))
        except KlingUIError as refusal:
            return refusal
        return None

    async def take(self, keys: QuotaKeys, asked: Usage) -> int:
        """Count something that costs no money; runs are counted as they are entered into the ledger.

        Returns:
            The day on which it is counted.

        Raises:
            RunError: A pause or a quota does not allow it; nothing is counted.
        """
        claim, now = self.claim(keys, asked), self._clock()

        def take(store: "Store") -> None:
            with store.usage() as usage:
                usage.take(claim, now)

        await (self._ledger.ask(take) if self.is_counting else self._check(claim))
        return day_of(now)

    @asynccontextmanager
    async def upload(self, keys: QuotaKeys, expected_bytes: int) -> AsyncGenerator["UploadAllowance"]:
        """Count one upload while it comes; what was counted beforehand and does not come is given back.

        Args:
            keys: Under which names it is counted.
            expected_bytes: What is counted before anything comes.

        Raises:
            RunError: A pause or a quota does not allow it.
        """
        allowance = UploadAllowance(self, keys, await self.take(keys, Usage(uploads=1, size_bytes=expected_bytes)))
        allowance.counted_bytes = expected_bytes
        try:
            yield allowance
        finally:
            unused_bytes = max(0, allowance.counted_bytes - allowance.came_bytes)
            unused = Usage(uploads=0 if allowance.came_bytes else 1, size_bytes=unused_bytes)
            if self.is_counting and (unused.uploads or unused.size_bytes):
                with suppress(LedgerError):  # the day ends it
                    await self._give_back(keys, allowance.day, unused)

    async def forget(self) -> None:
        """Forget what was taken before yesterday."""
        now = self._clock()

        def forget(store: "Store") -> None:
            with store.usage() as usage:
                usage.forget(now)

        await self._ledger.ask(forget)

    async def _check(self, claim: UsageClaim) -> None:
        now = self._clock()

        def check(store: "Store") -> None:
            with store.usage(writes=False) as usage:
                usage.check(claim, now)

        await self._ledger.ask(check)

    async def _give_back(self, keys: QuotaKeys, day: int, unused: Usage) -> None:
        def give_back(store: "Store") -> None:
            with store.usage() as usage:
                usage.give_back(keys, day, unused)

        await self._ledger.ask(give_back)


class UploadAllowance:
    """What one upload may bring.

    Args:
        admission: Counts it.
        keys: Under which names.
        day: The day on which it began.

    Attributes:
        came_bytes: What has come.
        counted_bytes: What is counted.
    """

    def __init__(self, admission: Admission, keys: QuotaKeys, day: int) -> None:
        self.day = day
        self.came_bytes = 0
        self.counted_bytes = 0
        self._admission = admission
        self._keys = keys

    async def take(self, size_bytes: int) -> None:
        """Count bytes before they are kept; what was announced is counted already.

        Raises:
            RunError: A pause or a quota does not allow it.
        """
        more_bytes = self.came_bytes + size_bytes - self.counted_bytes
        if more_bytes > 0 and self._admission.is_counting:
            self.counted_bytes += await self._count(more_bytes)
        self.came_bytes += size_bytes

    async def _count(self, size_bytes: int) -> int:
        block_bytes = max(BLOCK_BYTES, size_bytes)
        try:
            await self._admission.take(self._keys, Usage(size_bytes=block_bytes))
        except DailyQuotaError:
            block_bytes = size_bytes  # just these, where no more is left of the day
            await self._admission.take(self._keys, Usage(size_bytes=block_bytes))
        return block_bytes


async def read_pause(ledger: Ledger) -> Pause | None:
    """Read the pause that was set for every process that uses a ledger."""

    def ask(store: "Store") -> Pause | None:
        with store.usage(writes=False) as usage:
            return usage.pause()

    return await ledger.ask(ask)


async def set_pause(ledger: Ledger, pause: Pause | None) -> None:
    """Set the pause for every process that uses a ledger, in place of the one before; ``None`` ends it."""

    def tell(store: "Store") -> None:
        with store.usage() as usage:
            usage.set_pause(pause)

    await ledger.ask(tell)
