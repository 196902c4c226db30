"""The ledger of runs: what was asked, sent, paid and received; it survives restarts.

Its database and tables are in ``schema``, the questions that are put to them in ``store``. It may import what a
record is and what is spent (``runs.record``, ``runs.pricing``), nothing else of the runs.

Every call runs in the ledger's one thread, so that the event loop never waits for a disk and writes keep their order.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from kling_ui.runs.ledger.store import Store

T = TypeVar("T")


class Ledger:
    """A door to the :class:`~kling_ui.runs.ledger.store.Store`; the database is opened by the first question.

    Args:
        url: An SQLAlchemy address of a database.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._store: Store | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")

    async def ask(self, question: Callable[["Store"], T]) -> T:
        """Put a question to the store, as in ``await ledger.ask(lambda store: store.get(run_id))``.

        A change that has been asked for is carried out even if the asking task is cancelled.

        Raises:
            SettingsError: The address of the database is wrong.
            LedgerError: The database cannot be opened, read or written.
        """
        loop = asyncio.get_running_loop()
        return await asyncio.shield(loop.run_in_executor(self._thread, lambda: question(self._opened())))

    async def aclose(self) -> None:
        """Finish what was asked and let go of the database."""
        if self._store is not None:
            await self.ask(lambda store: store.close())
        self._thread.shutdown()

    def _opened(self) -> "Store":
        if self._store is None:
            from kling_ui.runs.ledger.store import Store  # noqa: PLC0415  SQLAlchemy loads in the background

            self._store = Store(self._url)
        return self._store
