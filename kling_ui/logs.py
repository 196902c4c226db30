"""Log lines as JSON, one object a line, for whoever collects them: with run ids, and without anything personal.

Names of files, addresses, tokens and texts of errors stay out: of an error only its type and its places in the code are
told. Without the setting nothing here is used, and warnings go to standard error as plain lines.
"""

import json
import logging
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from kling_ui.interrupts import keep_addresses_out

PLACES_MAX = 8  # of an error, the innermost last
_RUN_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_PERSONAL = re.compile(
    r"[a-z][a-z0-9+.-]*://\S+"  # addresses of the web
    r"|\S+@\S+"  # of mail
    r"|(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?"  # IPv4
    r"|(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])"  # IPv6
    r"|(?:/[^\s/:'\"]+){2,}/?|[A-Za-z]:\\\S+"  # paths
    r"|[^\s'\"]+\.(?:png|jpe?g|webp|avif|heic|gif|bmp|mp4|m4v|mov|webm|mkv|avi|json|csv)\b"  # names of files
    r"|\b(?=[\w.-]*\d)(?=[\w.-]*[a-z])[\w.-]{24,}",  # tokens, hashes, ids; ids of runs are put back
    re.IGNORECASE,
)
LEFT_OUT = "[...]"


class JsonLines(logging.Formatter):
    """Writes a record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        words = without_personal(_words(record))
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": words,
        }
        if (run_id := _RUN_ID.search(words)) is not None:
            line["run_id"] = run_id[0]
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            line["error"] = type(error).__name__
            line["places"] = _places(error)
        return json.dumps(line, ensure_ascii=False)


def write_json_lines(stream: TextIO | None = None) -> None:
    """Let everything that is logged from INFO on go to standard error as JSON lines.

    Args:
        stream: Where to, if not there.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    keep_addresses_out()


def without_personal(text: str) -> str:
    """Leave out of a text what may be personal or secret: addresses, paths, names of files, tokens; run ids stay."""
    return _PERSONAL.sub(lambda found: found[0] if _RUN_ID.fullmatch(found[0]) else LEFT_OUT, text)


def _words(record: logging.LogRecord) -> str:
    """Give what is said, with types in place of errors: their texts name files."""
    if not record.args:
        return str(record.msg)
    args: Any = record.args
    args = {name: _told(one) for name, one in args.items()} if isinstance(args, Mapping) else tuple(map(_told, args))
    try:
        return str(record.msg) % args
    except (TypeError, ValueError):
        return str(record.msg)


def _told(argument: object) -> object:
    if isinstance(argument, BaseException):
        return type(argument).__name__
    return LEFT_OUT if isinstance(argument, Path) else argument


def _places(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)[-PLACES_MAX:]
    return [f"{'.'.join(Path(frame.filename).with_suffix('').parts[-2:])}:{frame.lineno}" for frame in frames]
