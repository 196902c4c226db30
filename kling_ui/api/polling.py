"""How often a request is asked for its status, which failures are asked again, and the loop that does it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from kling_ui.api.models import RequestState
from kling_ui.errors import APIConnectionError, APIError, APIStatusError, RunTimeoutError, UnexpectedResponseError
from kling_ui.languages import Told

_PASSING_REFUSALS = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class PollingPolicy:
    """The time between two questions, in seconds.

    Attributes:
        floor_s: The shortest wait, right after something changed.
        ceiling_s: The longest wait while nothing changes.
        growth: Factor from one unchanged answer to the next, at least 1.
        backoff_ceiling_s: The longest wait after failures, unless the engine asks for more.
    """

    floor_s: float
    ceiling_s: float
    growth: float
    backoff_ceiling_s: float

    def after_answer(self, unchanged: int) -> float:
        """Return the wait after ``unchanged`` answers in a row that told nothing new."""
        return min(self.ceiling_s, self.floor_s * self.growth ** min(unchanged, 50))

    def after_failure(self, failures: int, *, asked_s: float | None, jitter: float) -> float:
        """Return the wait after ``failures`` failures in a row.

        Args:
            failures: At least 1.
            asked_s: What the engine asked for (``Retry-After``); it is never undercut.
            jitter: 0-1, spreads callers that failed together over half the wait.
        """
        backoff_s = min(self.backoff_ceiling_s, self.floor_s * 2.0 ** min(failures, 20))
        return max(self.floor_s, backoff_s * (0.5 + 0.5 * jitter), asked_s or 0.0)


REMOTE_POLLING = PollingPolicy(floor_s=2.0, ceiling_s=10.0, growth=1.2, backoff_ceiling_s=60.0)
EMBEDDED_POLLING = PollingPolicy(floor_s=0.1, ceiling_s=1.0, growth=1.1, backoff_ceiling_s=5.0)


def status_family(error: APIStatusError) -> int:
    """Return the HTTP status that an error stands for: its own code's (``422001`` is 422) if it has one.

    The vendor does not document which HTTP status goes with which code, so either is taken.
    """
    family = (error.error_code or 0) // 1000
    return family if 400 <= family < 600 else error.status_code


def worth_asking_again(error: APIError) -> bool:
    """Tell whether a read that failed so may succeed later.

    No answer, a server's fault, "busy" and an answer nobody can read (a proxy's page, a captive portal) pass;
    a refusal stays one.
    """
    if isinstance(error, APIStatusError):
        family = status_family(error)
        return not 400 <= family < 500 or family in _PASSING_REFUSALS
    return isinstance(error, APIConnectionError | UnexpectedResponseError)


class PolledState(Protocol):
    """Anything that tells where a request stands."""

    @property
    def state(self) -> RequestState:
        """Where the request stands."""
        ...


SeenT = TypeVar("SeenT", bound=PolledState)


@dataclass(frozen=True, slots=True)
class Poller:
    """How long and how often to ask.

    Attributes:
        deadline_s: Seconds after which to give up.
        polling: The waits between questions.
        sleep: Waits so many seconds.
        clock: Monotonic seconds.
        jitter: 0-1, see :meth:`PollingPolicy.after_failure`.
        on_retry: Told of every failure that is tried again.
    """

    deadline_s: float
    polling: PollingPolicy
    sleep: Callable[[float], Awaitable[object]]
    clock: Callable[[], float]
    jitter: Callable[[], float]
    on_retry: Callable[[APIError], None] | None = None

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
                wait_s = self.polling.after_answer(unchanged)
            await self._wait(wait_s, ends_at, request_id)

    def _after(self, error: APIError, failures: int) -> float:
        if not worth_asking_again(error):
            raise error
        if self.on_retry is not None:
            self.on_retry(error)
        asked_s = error.retry_after_s if isinstance(error, APIStatusError) else None
        return self.polling.after_failure(failures, asked_s=asked_s, jitter=self.jitter())

    async def _wait(self, wait_s: float, ends_at: float, request_id: str) -> None:
        left_s = ends_at - self.clock()
        await self.sleep(max(0.0, min(wait_s, left_s)))
        if wait_s >= left_s:
            raise RunTimeoutError(
                Told(
                    "The request did not end within {deadline_s:.0f} s; it may still end later.",
                    deadline_s=self.deadline_s,
                ),
                request_id=request_id,
                advice="Look for it again by its request id.",
            )
