"""``kling-ui pause`` and ``resume``: stop what is new, in every process that uses the ledger, without a restart."""

import asyncio
import time

from kling_ui.cli.output import DONE, print_json, say
from kling_ui.pauses import Pause, PauseScope, plain_message
from kling_ui.presentation.quota_sentences import pause_words
from kling_ui.runs.admission import read_pause, set_pause
from kling_ui.runs.ledger import Ledger
from kling_ui.settings import Settings

HOUR_S = 3600.0
SETTING_HOLDS = "KLING_UI_PAUSE is set besides, and holds until the app is started without it."


def pause_app(scope: PauseScope, message: str, hours: float | None, *, as_json: bool) -> int:
    """Pause, and return the exit code.

    Args:
        scope: What stands still.
        message: What else visitors are told.
        hours: After how many hours it ends by itself; ``None`` lets it last until it is ended.
        as_json: Print one JSON object and nothing else.

    Raises:
        KlingUIError: The ledger cannot be read or written.
    """
    until = None if hours is None else time.time() + hours * HOUR_S
    return _settle(Pause(scope, plain_message(message), until), as_json=as_json)


def resume_app(*, as_json: bool) -> int:
    """End the pause, and return the exit code.

    Raises:
        KlingUIError: The ledger cannot be read or written.
    """
    return _settle(None, as_json=as_json)


def _settle(pause: Pause | None, *, as_json: bool) -> int:
    settings = Settings.from_env()

    async def tell() -> Pause | None:
        ledger = Ledger(settings.ledger_url)
        try:
            before = await read_pause(ledger)
            await set_pause(ledger, pause)
            return before
        finally:
            await ledger.aclose()

    before, now = asyncio.run(tell()), time.time()
    if as_json:
        kept = pause and {"scope": pause.scope.value, "message": pause.message, "until": pause.until}
        print_json({"pause": kept, "setting": settings.pause.scope.value if settings.pause else None})
        return DONE
    if pause is not None:
        ends_in_s = None if pause.until is None else pause.until - now
        say(f"Visitors are told: {' '.join(pause_words(pause, ends_in_s))}")
        say("kling-ui resume ends it.")
    else:
        say("The pause is over." if before is not None and before.holds(now) else "There was no pause.")
    if settings.pause is not None:
        say(SETTING_HOLDS)
    return DONE
