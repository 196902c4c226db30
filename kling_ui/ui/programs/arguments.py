"""The arguments of a call from a program, read with care: whatever cannot be used is refused in one sentence."""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from pydantic import SecretStr

from kling_ui.errors import RunError
from kling_ui.options import Orientation, Resolution, TransferOptions
from kling_ui.runs.handles import HANDLE_MAX_CHARS, HANDLE_MIN_CHARS
from kling_ui.runs.record import EngineName
from kling_ui.ui.visitors import token_of

Member = TypeVar("Member", bound=StrEnum)
TOKEN_ADVICE = "Pass your own token as token; the app's own pays for nothing that a program asks for."  # noqa: S105
MAX_ADVICE = "Pass the most that this run may cost, in US dollars, as max_usd; price tells what to expect."


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionArguments:
    """How a program wants the motion transferred; nothing in it has been looked at.

    Attributes:
        prompt: Scene, clothes and light in words.
        orientation: Whose facing the result follows.
        keep_sound: Keep the reference's sound.
        resolution: How large a preview may be.
        model: Of Kling, the model's id.
    """

    prompt: object
    orientation: object
    keep_sound: object
    resolution: object = Resolution.P720.value
    model: object = ""

    def options(self) -> TransferOptions:
        """Read it.

        Raises:
            RunError: Something in it cannot be used.
        """
        facing = one_of(Orientation, self.orientation, "orientation")
        size = one_of(Resolution, self.resolution, "resolution")
        sound, model = flag_in(self.keep_sound, "keep_sound"), text_in(self.model, "model")
        return TransferOptions(text_in(self.prompt, "prompt"), facing, sound, size, model)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentArguments:
    """What a program is ready to pay; nothing in it has been looked at.

    Attributes:
        engine: Who renders.
        token: The token that pays.
        max_usd: The most that the run may cost, in US dollars.
        again: Make and pay another one although the same was made.
    """

    engine: object
    token: object
    max_usd: object
    again: object

    def read(self) -> tuple[EngineName, SecretStr | None, float | None]:
        """Read it: the engine, and for one that costs money the token and the limit.

        Raises:
            RunError: Something is missing or cannot be used.
        """
        engine = one_of(EngineName, self.engine, "engine")
        if engine is EngineName.PREVIEW:
            return engine, None, None
        token = token_of(text_in(self.token, "token"))
        if token is None:
            raise RunError("A run on Kling costs money and needs a RunComfy token.", advice=TOKEN_ADVICE)
        limit = self.max_usd
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 < limit < math.inf:
            raise RunError("A run on Kling costs money, and no limit was given for it.", advice=MAX_ADVICE)
        return engine, token, float(limit)


def handle_in(value: object) -> str:
    """Read a handle that a program was given or has chosen; none is an empty text.

    Raises:
        RunError: It is something else, or others could guess it.
    """
    handle = text_in(value, "handle")
    if handle and not HANDLE_MIN_CHARS <= len(handle) <= HANDLE_MAX_CHARS:
        raise RunError(
            f"handle takes {HANDLE_MIN_CHARS} to {HANDLE_MAX_CHARS} characters that nobody can guess.",
            advice="Take a random UUID, or leave it out and take the one of the answer.",
        )
    return handle


def one_of(kind: type[Member], value: object, name: str) -> Member:
    """Read one of the possible words.

    Raises:
        RunError: It is none of them; ``name`` is the argument that is complained of.
    """
    found = next((member for member in kind if member.value == value), None)
    if found is None:
        raise RunError(f"{name} takes {' or '.join(kind)}.")
    return found


def text_in(value: object, name: str) -> str:
    """Read a text; ``None`` is an empty one.

    Raises:
        RunError: It is something else.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RunError(f"{name} takes text.")
    return value


def flag_in(value: object, name: str) -> bool:
    """Read yes or no.

    Raises:
        RunError: It is something else.
    """
    if not isinstance(value, bool):
        raise RunError(f"{name} takes true or false.")
    return value


def whole_in(value: object, name: str, *, least: int) -> int | None:
    """Read a whole number from ``least`` on, or ``None``.

    Raises:
        RunError: It is something else.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise RunError(f"{name} takes a whole number from {least}.")
    return value


def seconds_in(value: object, name: str, *, most: float = math.inf) -> float | None:
    """Read a length in seconds, at most ``most``, or ``None``.

    Raises:
        RunError: It is something else.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise RunError(f"{name} takes a number of seconds.")
    return min(float(value), most)


def rules_in(value: object) -> list[str]:
    """Read a list of ids of rules; ``None`` is an empty one.

    Raises:
        RunError: It is something else.
    """
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(rule, str) for rule in value):
        raise RunError("accept takes a list of ids of rules.")
    return value


def list_in(value: object, name: str) -> list[object]:
    """Read a list of at least one value, which nobody has looked at.

    Raises:
        RunError: It is something else.
    """
    if not isinstance(value, list) or not value:
        raise RunError(f"{name} takes a list of at least one file.")
    return value
