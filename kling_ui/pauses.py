"""The pause that whoever runs the app can set: nothing new is begun, and what was begun goes on."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from kling_ui.errors import RunError, SettingsError
from kling_ui.options import without_odd

MESSAGE_MAX_CHARS = 300


class PauseScope(StrEnum):
    """What stands still."""

    PAID = "paid"  # new runs that cost money, whoever pays
    ALL = "all"  # previews, uploads and files from addresses, too


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause.

    Attributes:
        scope: What stands still.
        message: What else visitors are told; may be empty.
        until: When it ends by itself, seconds since 1970; ``None`` when it does not.
    """

    scope: PauseScope
    message: str = ""
    until: float | None = None

    def holds(self, now: float) -> bool:
        """Tell whether it has not ended by itself."""
        return self.until is None or now < self.until

    def check(self, *, is_paid: bool, now: float) -> None:
        """Refuse something new, that costs money or not, while the pause stops it.

        Raises:
            PausedError: It does.
        """
        if self.holds(now) and (is_paid or self.scope is PauseScope.ALL):
            raise PausedError(self, None if self.until is None else self.until - now)

    @classmethod
    def parse(cls, text: str, variable: str) -> Self:
        """Read ``paid`` or ``all``, with a message for visitors after a colon if there is one.

        Args:
            text: What was set.
            variable: The variable in which it was set, for the error.

        Raises:
            SettingsError: It cannot be read.
        """
        scope, _, message = (part.strip() for part in text.partition(":"))
        if scope.lower() not in set(PauseScope):
            raise SettingsError(f"{variable} takes paid or all, and after a colon what visitors are told.")
        return cls(PauseScope(scope.lower()), plain_message(message))


class PausedError(RunError):
    """Nothing of that kind is begun at the moment; nothing was done.

    Args:
        pause: Why.
        ends_in_s: Seconds until it ends by itself; ``None`` when it does not.
    """

    def __init__(self, pause: Pause, ends_in_s: float | None) -> None:
        super().__init__("Nothing new is begun at the moment.")
        self.pause = pause
        self.ends_in_s = ends_in_s


def plain_message(text: str) -> str:
    """Give a message on one line, of at most :data:`MESSAGE_MAX_CHARS` characters."""
    return " ".join(without_odd(text).split())[:MESSAGE_MAX_CHARS]
