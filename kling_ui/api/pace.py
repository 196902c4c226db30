"""How often to ask, and whom to ask again: pure functions."""

from dataclasses import dataclass

from kling_ui.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    UnexpectedResponseError,
)

_PASSING_REFUSALS = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Pace:
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


REMOTE_PACE = Pace(floor_s=2.0, ceiling_s=10.0, growth=1.2, backoff_ceiling_s=60.0)
EMBEDDED_PACE = Pace(floor_s=0.25, ceiling_s=1.0, growth=1.1, backoff_ceiling_s=5.0)


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
