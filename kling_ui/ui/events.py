"""What a script of the page tells along with an event."""

from typing import Any

import gradio as gr

from kling_ui.characters import without_odd


def told(event: gr.EventData) -> dict[str, Any]:
    """Give what came along with an event; anybody can send anything, so every entry is checked where it is used.

    Halves of characters are taken out: what is sent back to the page, or asked of the ledger, cannot hold them.
    """
    data = event._data
    given = data if isinstance(data, dict) else {}
    return {name: without_odd(value) if isinstance(value, str) else value for name, value in given.items()}
