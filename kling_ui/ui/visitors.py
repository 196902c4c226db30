"""Who a visitor is: an id that nobody can guess, kept by their browser."""

import re
import secrets

_VISITOR = re.compile(r"[A-Za-z0-9_-]{32,64}")


def new_visitor() -> str:
    """Make an id that nobody can guess."""
    return secrets.token_urlsafe(32)


def known_visitor(text: object) -> str | None:
    """Give the visitor's id that the browser kept, if it can be one of ours."""
    return text if isinstance(text, str) and _VISITOR.fullmatch(text) else None
