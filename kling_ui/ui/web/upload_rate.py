"""How fast an upload must come, so that none holds a place for ever."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from dataclasses import dataclass

from kling_ui.errors import KlingUIError
from kling_ui.languages import Told

IDLE_S = 30.0
GRACE_S = 30.0
BYTES_PER_S_MIN = 8000.0  # a modem of 64 kbit/s


class TooSlowError(KlingUIError):
    """An upload does not come in fast enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRate:
    """What is expected of an upload.

    Attributes:
        limit_s: Seconds that all of it may take.
        idle_s: Seconds for which nothing may come.
        grace_s: Seconds after which the rate counts.
        bytes_per_s_min: The average rate, from the beginning, below which it is ended.
    """

    limit_s: float
    idle_s: float = IDLE_S
    grace_s: float = GRACE_S
    bytes_per_s_min: float = BYTES_PER_S_MIN

    def timeout_s(self, size_bytes: int, last_s: float) -> float:
        """Say until when the next bytes must come, in seconds since the beginning.

        Args:
            size_bytes: What has come.
            last_s: When the last of it came.
        """
        return min(last_s + self.idle_s, self.limit_s, max(self.grace_s, size_bytes / self.bytes_per_s_min))


async def paced(chunks: AsyncIterable[bytes], rate: UploadRate) -> AsyncGenerator[bytes]:
    """Pass an upload on as long as it keeps up with the pace.

    Raises:
        TooSlowError: It does not.
    """
    loop, coming = asyncio.get_running_loop(), aiter(chunks)
    began_s = loop.time()
    size_bytes, last_s = 0, 0.0
    while True:
        try:
            async with asyncio.timeout_at(began_s + rate.timeout_s(size_bytes, last_s)):
                chunk = await anext(coming)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise _too_slow(rate, loop.time() - began_s) from error
        last_s, size_bytes = loop.time() - began_s, size_bytes + len(chunk)
        if last_s > rate.timeout_s(size_bytes, last_s):
            raise _too_slow(rate, last_s)
        yield chunk


def _too_slow(rate: UploadRate, elapsed_s: float) -> TooSlowError:
    if elapsed_s >= rate.limit_s:
        return TooSlowError(
            Told("The file did not arrive within {limit_s:g} min.", limit_s=rate.limit_s / 60),
            advice="Choose a smaller one, or try again.",
        )
    return TooSlowError("The file arrived too slowly, or stopped coming.", advice="Check the connection and try again.")
