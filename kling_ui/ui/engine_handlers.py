"""What happens when a person chooses who renders: what it needs and what it costs."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from kling_ui.api.models import Price
from kling_ui.errors import AuthenticationError, KlingUIError
from kling_ui.runs.record import EngineName
from kling_ui.ui import wording
from kling_ui.ui.services import Services
from kling_ui.ui.slot_view import SlotValue
from kling_ui.ui.tokens import token_of

FREE = "The preview is free and stays on this machine."
NO_PRICE_YET = "Kling needs your RunComfy token. Enter it at the top; until then no price can be shown."
RUN, RUN_ON_KLING = "Transfer the motion", "Transfer the motion on Kling"
UNAVAILABLE = "Price unavailable"


class EngineHandlers:
    """Handlers of the engine switch.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    def on_engine(self, engine: str) -> tuple[Any, Any]:
        """Show or hide the token field, and let the button say where the run goes."""
        paid = engine == EngineName.KLING
        return gr.update(visible=paid), gr.update(value=RUN_ON_KLING if paid else RUN)

    async def cost(self, engine: str, token: str, video: SlotValue | None) -> str:
        """Say what a run of this clip costs."""
        if engine != EngineName.KLING:
            return FREE
        services = self._services()
        try:
            secret = token_of(token) or services.settings.token
            if secret is None:
                return NO_PRICE_YET
            price = await (await services.engines.get(EngineName.KLING)).api(secret).price()
        except AuthenticationError as error:
            return str(error)
        except KlingUIError as error:
            return f"{UNAVAILABLE}: {error}"
        path = services.locker.open((video or {}).get("ref"))
        try:
            duration_s = (await services.preflight.video_facts(path)).duration_s if path else None
        except KlingUIError:
            duration_s = None
        return cost_words(price, duration_s)


def cost_words(price: Price, duration_s: float | None) -> str:
    """Put a rate and what it may come to into words."""
    rate = f"Kling bills {wording.dollars(price.amount_usd)} for each {price.unit}"
    if price.unit != "second" or duration_s is None:
        return f"{rate}; the vendor publishes no quote."
    total = wording.dollars(price.amount_usd * duration_s)
    return f"{rate}: about {total} for {wording.seconds(duration_s)}. The vendor publishes no quote."
