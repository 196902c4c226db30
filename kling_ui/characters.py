"""Characters that have no place in a text: halves of characters, which no encoding holds, and control characters.

So has the sign for an unknown character: it stands where something of a text was lost on its way.

JSON can spell both, so they come with anything that comes as JSON. Databases, headers and other people's programs choke
on them: PostgreSQL keeps no NUL, UTF-8 no lone surrogate.
"""

import unicodedata

_LAYOUT = frozenset("\n\r\t")  # control characters that people mean
REPLACEMENT = "\ufffd"


def odd_characters(text: str) -> tuple[str, ...]:
    """Name what has no place in a text, each once, in the order in which it comes: ``U+0000``, ``U+D83D``."""
    return tuple(dict.fromkeys(f"U+{ord(char):04X}" for char in text if _is_odd(char)))


def without_odd(text: str) -> str:
    """Put the sign for an unknown character in place of all that has no place in a text."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(REPLACEMENT if _is_odd(char) else char for char in text)


def _is_odd(char: str) -> bool:
    return char == REPLACEMENT or (char not in _LAYOUT and unicodedata.category(char) in {"Cc", "Cs"})
