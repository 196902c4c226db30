"""HTTP connections that do not wait for ever for what a client does not send."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 30.0  # far longer than any browser or program takes, on any network


class TimedConnection(H11Protocol):
    """An HTTP connection that waits for the head of a request only so long.

    By itself uvicorn waits for ever once a first byte has come, or as long as none has: whoever opens connections and
    says nothing holds all that the process may open.
    """

    head_s = HEAD_S
    _timer: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to wait."""
        super().connection_made(transport)
        self._check_later()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._timer.cancel()
        super().connection_lost(exc)

    def _check_later(self) -> None:
        self._timer = self.loop.call_later(self.head_s, self._check, self.cycle)

    def _check(self, before: Any) -> None:
        """Close the connection unless a request is being answered, or one has come since the last look."""
        is_idle = self.cycle is None or self.cycle.response_complete
        if is_idle and self.cycle is before:
            self.transport.close()
        else:
            self._check_later()
