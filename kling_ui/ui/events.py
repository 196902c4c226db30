"""What comes along with an event: anybody can send anything, so all of it is read with these."""

from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from kling_ui.characters import without_odd

if TYPE_CHECKING:
    import gradio as gr

Member = TypeVar("Member", bound=Enum)


def told(event: "gr.EventData") -> dict[str, Any]:
    """Give what a script of the page tells; every entry is checked where it is used.

    Halves of characters are taken out: what is sent back to the page, or asked of the ledger, cannot hold them.
    """
    given = entries_of(event._data)
    return {name: without_odd(value) if isinstance(value, str) else value for name, value in given.items()}


def entries_of(value: object) -> dict[str, Any]:
    """Give the entries of an element's value; none where it is something else."""
    return value if isinstance(value, dict) else {}


def text_of(value: object) -> str:
    """Give a text; an empty one in place of anything else."""
    return value if isinstance(value, str) else ""


def choice_of(value: object, otherwise: Member) -> Member:
    """Give what was chosen, or ``otherwise`` where that is nothing one could choose.

    Args:
        value: As it was sent.
        otherwise: One of the possible choices.
    """
    return next((member for member in type(otherwise) if member.value == value), otherwise)
