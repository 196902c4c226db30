"""Asking again and again until a request has ended: the one loop behind following and collecting."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from kling_ui.api.models import RequestState
from kling_ui.api.pace import Pace, worth_asking_again
from kling_ui.errors import APIError, APIStatusError, RunTimeoutError


class Seen(Protocol):
    """Anything that tells where a request stands."""

    @property
    def state(self) -> RequestState:
        """Where the request stands."""
        ...


SeenT = TypeVar("SeenT", bound=Seen)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often to ask.

    Attributes:
        deadline_s: Seconds after which to give up.
        pace: The waits between questions.
        sleep: Waits so many seconds.
        clock: Monotonic seconds.
        jitter: 0-1, see :meth:`Pace.after_failure`.
        on_trouble: Told of every failure that is tried again.
    """

    deadline_s: float
    pace: Pace
    sleep: Callable[[float], Awaitable[object]]
    clock: Callable[[], float]
    jitter: Callable[[], float]
    on_trouble: Callable[[APIError], None] | None = None

    async def repeat(self, look: Callable[[], Awaitable[SeenT]], request_id: str) -> AsyncIterator[SeenT]:
        """Yield what each look shows, until a final state.

        Raises:
            APIError: A refusal that waiting does not mend.
            RunTimeoutError: The deadline came first.
        """
        ends_at = self.clock() + self.deadline_s
        last: SeenT | None = None
        unchanged = failures = 0
        while True:
            try:
                seen = await look()
            except APIError as error:
                failures += 1
                wait_s = self._after(error, failures)
            else:
                yield seen
                if seen.state.is_final:
                    return
                failures = 0
                unchanged = unchanged + 1 if seen == last else 0
                last = seen
                wait_s = self.pace.after_answer(unchanged)
            await self._wait(wait_s, ends_at, request_id)

    def _after(self, error: APIError, failures: int) -> float:
        if not worth_asking_again(error):
            raise error
        if self.on_trouble is not None:
            self.on_trouble(error)
        asked_s = error.retry_after_s if isinstance(error, APIStatusError) else None
        return self.pace.after_failure(failures, asked_s=asked_s, jitter=self.jitter())

    async def _wait(self, wait_s: float, ends_at: float, request_id: str) -> None:
        left_s = ends_at - self.clock()
        await self.sleep(max(0.0, min(wait_s, left_s)))
        if wait_s >= left_s:
            raise RunTimeoutError(
                f"The request did not end within {self.deadline_s:.0f} s; it may still end later.",
                request_id=request_id,
                advice="Look for it again by its request id.",
            )
