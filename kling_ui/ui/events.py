"""What a script of the page tells along with an event."""

from typing import Any

import gradio as gr


def told(event: gr.EventData) -> dict[str, Any]:
    """Give what came along with an event; anybody can send anything, so every entry is checked where it is used."""
    data = event._data
    return data if isinstance(data, dict) else {}
