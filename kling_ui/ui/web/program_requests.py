"""What programs may send to Gradio beside the page's own events: calls of named endpoints, and files uploaded before.

A call by name becomes an event like those of the page, in a session of its own, and so meets the same limits. A file is
taken out of the body before Gradio sees it: an endpoint gets the text under which it was uploaded, and nothing else.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

CALL = "/gradio_api/call/"
UPLOAD = "/gradio_api/upload"  # answered by this app; Gradio's own stays shut
SESSION = "call-"  # begins the names of sessions that stand for one call
_CALL = re.compile(r"/gradio_api/call/(?P<v2>v2/)?(?P<name>[a-z]{1,32})(?:/(?P<event>[0-9a-f]{32}))?")
_FILE = {"_type": "gradio.FileData"}
_FILE_NAMES = frozenset({"path", "url", "size", "orig_name", "mime_type", "is_stream", "is_file", "meta"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an endpoint.

    Attributes:
        name: Its name.
        is_needed: There is no value to take in its place.
        default: That value.
    """

    name: str
    is_needed: bool
    default: Any = None


@dataclass(frozen=True, slots=True)
class ProgramCall:
    """An endpoint for programs.

    Attributes:
        name: As it stands in its address.
        number: Of its event.
        parameters: What it takes, in order.
    """

    name: str
    number: int
    parameters: tuple[Parameter, ...]

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """Put named values in order, and defaults where none are given.

        Raises:
            ValueError: One is missing, or there is no parameter of that name; it says so in a sentence.
        """
        names = {parameter.name for parameter in self.parameters}
        if unknown := sorted(given.keys() - names):
            raise ValueError(f"{self.name} takes no {', '.join(unknown)[:100]}.")
        missing = [one.name for one in self.parameters if one.is_needed and one.name not in given]
        if missing:
            raise ValueError(f"{self.name} needs {' and '.join(missing)}.")
        return [given.get(parameter.name, parameter.default) for parameter in self.parameters]


@dataclass(frozen=True, slots=True)
class CallPath:
    """An address of a call: of its start, or of its answer.

    Attributes:
        name: Of the endpoint.
        is_named: The values are given by name, not in order.
        event_id: Of the call whose answer is asked for; empty for its start.
    """

    name: str
    is_named: bool
    event_id: str

    @classmethod
    def of(cls, path: str) -> Self | None:
        """Read an address; ``None`` where it is none of a call."""
        found = _CALL.fullmatch(path)
        return None if found is None else cls(found["name"], bool(found["v2"]), found["event"] or "")

    def as_event(self, body: object, calls: Mapping[str, ProgramCall]) -> dict[str, Any]:
        """Give the event that a call comes to, in a session of its own.

        Args:
            body: What was sent.
            calls: The endpoints by name.

        Raises:
            ValueError: It is none; the words say why.
        """
        call = calls.get(self.name)
        if call is None or not isinstance(body, dict):
            raise ValueError("There is no such endpoint, or it takes something else.")
        data = call.values(body) if self.is_named else self._in_order(body.get("data"), call)
        return {"data": data, "fn_index": call.number, "session_hash": f"{SESSION}{secrets.token_urlsafe(24)}"}

    @staticmethod
    def _in_order(data: object, call: ProgramCall) -> list[Any]:
        """Fill up with defaults what is left out at the end."""
        if not isinstance(data, list) or len(data) > len(call.parameters):
            raise ValueError(f"{call.name} takes data, a list of {len(call.parameters)} values at most.")
        names = [parameter.name for parameter in call.parameters]
        return call.values(dict(zip(names, data, strict=False)))


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that a program says it has uploaded.

    Attributes:
        path: What the upload answered, or an address; nothing has been looked at.
    """

    path: str


class FileMark:
    """Stands for the mark by which Gradio knows its files, until it is known where it was sent."""


def file_of(pairs: list[tuple[str, Any]]) -> UploadedFile | FileMark | None:
    """Read an object as a file of Gradio's, or as the mark of one; ``None`` where it is neither."""
    given = dict(pairs)
    if len(given) != len(pairs):
        return None
    if given == _FILE:
        return FileMark()
    if not isinstance(given.get("meta"), FileMark) or not given.keys() <= _FILE_NAMES:
        return None
    path = given.get("path")
    return UploadedFile(path) if isinstance(path, str) else None


def as_text(value: object) -> object:
    """Give the text alone of a file that was handed in, and everything else as it is."""
    return value.path if isinstance(value, UploadedFile) else value
