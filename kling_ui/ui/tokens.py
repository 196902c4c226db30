"""A visitor's own token: from the password field straight into a secret, kept in memory for an hour at most.

Nothing here can be written anywhere: not shown, not copied, not pickled. Runs that are being carried hold the secret
for themselves and drop it when they end.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn

from pydantic import SecretStr

from kling_ui.errors import RunError
from kling_ui.settings import valid_token

IDLE_S = 3600.0
LOOK_EVERY_S = 60.0
VISITORS_MAX = 10_000  # of at most 4 KiB each; the longest idle goes first


def token_of(text: str | None) -> SecretStr | None:
    """Give the token that a person typed, if any.

    Raises:
        RunError: It cannot be one.
    """
    if not (bare := (text or "").strip()):
        return None
    if not valid_token(bare):
        raise RunError("This cannot be a RunComfy token.", advice="Copy it again, without spaces or line breaks.")
    return SecretStr(bare)


class TokenKeep:
    """Keeps visitors' tokens between the moment they are typed and the moment they are no longer used.

    Args:
        idle_s: Seconds after the last use at which a token is wiped.
        clock: Seconds since any moment.
    """

    def __init__(self, *, idle_s: float = IDLE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._idle_s = idle_s
        self._clock = clock
        self._held: dict[str, tuple[SecretStr, float]] = {}  # the longest idle first

    def keep(self, visitor: str, token: SecretStr) -> None:
        """Keep a token in place of the one before."""
        self.wipe_idle()
        self._held.pop(visitor, None)
        self._held[visitor] = token, self._clock()
        if len(self._held) > VISITORS_MAX:
            self.wipe(next(iter(self._held)))

    def use(self, visitor: str) -> SecretStr | None:
        """Give a visitor's token, which counts as a use, or ``None`` when none is kept."""
        self.wipe_idle()
        if (held := self._held.pop(visitor, None)) is None:
            return None
        self._held[visitor] = held[0], self._clock()
        return held[0]

    def holds(self, visitor: str) -> bool:
        """Tell whether a visitor's token is kept; no use of it."""
        self.wipe_idle()
        return visitor in self._held

    def left_s(self, visitor: str) -> float:
        """Return the seconds until a visitor's token is wiped unless it is used before; 0 when none is kept."""
        if (held := self._held.get(visitor)) is None:
            return 0.0
        return max(0.0, held[1] + self._idle_s - self._clock())

    def wipe(self, visitor: str) -> None:
        """Forget a visitor's token."""
        self._held.pop(visitor, None)

    def wipe_idle(self) -> None:
        """Forget the tokens that nobody has used for so long."""
        latest = self._clock() - self._idle_s
        for visitor in [visitor for visitor, (_, used_at) in self._held.items() if used_at <= latest]:
            self.wipe(visitor)

    def wipe_all(self) -> None:
        """Forget all tokens."""
        self._held.clear()

    async def keep_wiping(self, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> NoReturn:
        """Wipe what is idle, every minute, until cancelled; then wipe all."""
        try:
            while True:
                await sleep(LOOK_EVERY_S)
                self.wipe_idle()
        finally:
            self.wipe_all()

    def __repr__(self) -> str:
        return f"<TokenKeep with {len(self._held)} tokens>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Tokens stay in memory: they can be neither copied nor pickled.")
