"""Files that appear whole or not at all: they grow under a hidden name that tells what they are."""

import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from kling_ui.errors import MediaError


@contextmanager
def part_file(out: Path) -> Generator[Path]:
    """Give a hidden name beside ``out``; what was written there takes its place when the body ends well.

    Raises:
        MediaError: It cannot be written.
    """
    part = out.with_name(f".{out.stem}-{uuid.uuid4().hex[:8]}.part{out.suffix}")
    try:
        yield part
        part.replace(out)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise MediaError(
            f"it cannot be written ({reason}).", path=out, advice="Free some space and try again."
        ) from error
    finally:
        part.unlink(missing_ok=True)
