"""Handles: what a program holds to come back to a run; whoever holds one may ask after that run, and after no other.

A page knows its runs by their ids, which stand in addresses and in exports. A handle is another thing: it is told once,
and only its hash is kept, so that neither the ledger nor a copy of it opens a run. A program may choose it, so that a
call whose answer was lost can be repeated.
"""

import hashlib
import secrets

from kling_ui.errors import RunError
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.record import RunRecord

_BYTES = 32  # 256 bits
_KEY_CHARS = 32  # 128 bits
HANDLE_MIN_CHARS = 22  # 128 bits in base64, as a random UUID has them in 32 hexadecimal digits
HANDLE_MAX_CHARS = 128  # longer ones are none of ours, and not worth hashing


class RunHandles:
    """Gives handles out and finds the runs behind them.

    Args:
        ledger: Keeps their hashes.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def give(self, run_id: str, chosen: str = "") -> str:
        """Make one more handle of a run: the chosen one, unless another run has it."""
        if chosen and await self._keep(chosen, run_id):
            return chosen
        handle = new_handle()
        await self._keep(handle, run_id)
        return handle

    async def _keep(self, handle: str, run_id: str) -> bool:
        return await self._ledger.ask(lambda store: store.keep_handle(_hash(handle), run_id))

    async def known(self, handle: str) -> RunRecord | None:
        """Return the run behind a handle that a program chose, if it has started one.

        Raises:
            RunError: That run was deleted.
        """
        record = await self._ledger.ask(lambda store: store.behind_handle(_hash(handle)))
        if record is not None and record.deleted_at is not None:
            raise unknown_handle()
        return record

    async def find(self, handle: object) -> RunRecord:
        """Return the run behind a handle.

        Raises:
            RunError: There is none: the same is said of a handle that never was, and of one whose run was deleted.
        """
        if not isinstance(handle, str) or not 0 < len(handle) <= HANDLE_MAX_CHARS:
            raise unknown_handle()
        if (record := await self.known(handle)) is None:
            raise unknown_handle()
        return record


def new_handle() -> str:
    """Make up a handle."""
    return secrets.token_urlsafe(_BYTES)


def key_of(handle: str, kind: str) -> str:
    """Return what a handle to something of this kind is known by here, 32 characters, which do not open it."""
    return _hash(f"{kind} {handle}")[:_KEY_CHARS]


def unknown_handle() -> RunError:
    """Say that no run can be had under what was given."""
    return RunError("No run is known under this handle.", advice="It is told once, in the answer to run.")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
