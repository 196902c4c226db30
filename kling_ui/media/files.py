"""Names of files, files that appear whole or not at all, and the file that tells how far a worker is."""

import asyncio
import base64
import hashlib
import json
import re
import shutil
import unicodedata
import uuid
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote_to_bytes

from kling_ui.errors import MediaError, SettingsError
from kling_ui.languages import Told

# In UTF-8. Disks take 255; of that "-repaired-12", "-before-after", "-preview.mp4" or ".part" may be added here.
KEY_CHARS = 24  # of a content's hash where a name has room for no more; enough that no two meet
NAME_MAX_BYTES = 160
NAME_MAX_CHARS = 80
SUFFIX_MAX_CHARS = 12
_PLAIN = frozenset("-_.() ")
# Windows gives these to devices, whatever suffix follows.
_DEVICE = re.compile(r"(?i)(?:con|prn|aux|nul|conin_|conout_|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])(?: *\..*)? *")
_STEPS = 100
_ASK_EVERY_S = 0.2
OnShare = Callable[[float], None]
SCRATCH = "kling_ui-"  # what the names of folders begin with that are made among the system's temporary files


def clean_name(name: str, fallback: str) -> str:
    """Make a harmless file name that still tells the person which file it is.

    Args:
        name: What somebody calls the file; folders before it are left out.
        fallback: What to call it where nothing is left of its name; the suffix is kept.
    """
    bare = plain(name.replace("\\", "/").rstrip("/").rpartition("/")[2]).strip()
    stem, dot, suffix = bare.rpartition(".") if "." in bare else (bare, "", "")
    suffix = suffix.strip()[: SUFFIX_MAX_CHARS - 1]
    ending = f"{dot}{suffix}" if suffix else ""
    room = NAME_MAX_BYTES - len(ending.encode())
    stem = cut(stem.strip(" .")[: NAME_MAX_CHARS - len(ending)], room).strip(" .") or fallback
    return f"{'_' if _DEVICE.fullmatch(stem) else ''}{stem}{ending}"


def plain(name: str) -> str:
    """Put an underscore in place of every character that some system does not take in a file's name."""
    composed = unicodedata.normalize("NFC", name)
    return "".join(char if char.isalnum() or char in _PLAIN else "_" for char in composed)


def harmless_stem(stem: str, fallback: str) -> str:
    """Make a name without suffix that every system takes and no command takes for an option.

    Args:
        stem: What somebody calls the file.
        fallback: What to call it where nothing is left of that.
    """
    return cut(plain(stem).lstrip("-. "), NAME_MAX_BYTES).strip(" .") or fallback


def cut(text: str, max_bytes: int) -> str:
    """Shorten a text to so many bytes of UTF-8 at most; no character is broken, and a text that fits is left alone."""
    coded = text.encode("utf-8", "surrogatepass")  # names of files may hold bytes that are no UTF-8
    return text if len(coded) <= max_bytes else coded[:max_bytes].decode("utf-8", "ignore")


def name_in_header(text: str) -> str:
    """Read a file's name from a header: in percent encoding, as our page sends it, or as plain UTF-8.

    Args:
        text: The header as Latin-1, the way it comes.
    """
    return unquote_to_bytes(text.encode("latin-1", "replace")).decode("utf-8", "replace")


@contextmanager
def atomic_file(out: Path) -> Generator[Path]:
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
            Told("it cannot be written ({reason}).", reason=reason), path=out, advice="Free some space and try again."
        ) from error
    finally:
        part.unlink(missing_ok=True)


def content_sha256(path: Path) -> str:
    """Compute the SHA-256 of a file's content.

    Raises:
        MediaError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise MediaError(
            Told("it cannot be read ({reason}).", reason=reason), path=path, advice="Choose another file."
        ) from error


class ProgressFile:
    """Written by the worker, never more often than there is news.

    Args:
        path: Where to; ``None`` tells nobody.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._last_step = -1

    def tell(self, share: float, frame: Callable[[], bytes] | None = None) -> None:
        """Say how much is done, 0-1, and perhaps show what was made last.

        Args:
            share: What is done.
            frame: Makes a small JPEG of it; called only when there is news.
        """
        step = int(max(0.0, min(1.0, share)) * _STEPS)
        if self._path is None or step == self._last_step:
            return
        self._last_step = step
        part = self._path.with_name(f".{self._path.name}.part")
        shown = {} if frame is None else {"frame": base64.b64encode(frame()).decode()}
        part.write_text(json.dumps({"progress": step / _STEPS} | shown))
        part.replace(self._path)


def read_progress(path: Path) -> float | None:
    """Read how much is done, 0-1; ``None`` when nothing was told yet."""
    try:
        return float(json.loads(path.read_bytes())["progress"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


@asynccontextmanager
async def watched_progress(progress_file: Path, on_progress: OnShare | None) -> AsyncGenerator[None]:
    """Tell, while the body waits for a worker, what that writes into its :class:`ProgressFile`, and 1 at the end.

    Args:
        progress_file: The file.
        on_progress: Called with 0-1 whenever there is news; ``None`` looks at nothing.
    """
    if on_progress is None:
        yield
        return
    watching = asyncio.create_task(_watch(progress_file, on_progress))
    try:
        yield
        on_progress(1.0)
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


async def _watch(progress_file: Path, on_progress: OnShare) -> None:
    last = None
    while True:
        share = read_progress(progress_file)  # a few bytes
        if share is not None and share != last:
            last = share
            on_progress(share)
        await asyncio.sleep(_ASK_EVERY_S)


def copy_into(video: Path, folder: Path, name: str) -> Path:
    """Copy a video into a folder under a name that is free there.

    Args:
        video: Where it is kept.
        folder: Where to.
        name: What to call it; characters that some system does not take, and a dash at its front, are left out.

    Raises:
        SettingsError: It cannot be written there.
    """
    stem, suffix = harmless_stem(Path(name).stem, "video"), Path(name).suffix
    for number in range(1, 10_000):
        target = folder / (f"{stem}{suffix}" if number == 1 else f"{stem}-{number}{suffix}")
        try:
            with target.open("xb") as file, video.open("rb") as source:
                shutil.copyfileobj(source, file)
        except FileExistsError:
            continue
        except OSError as error:
            with suppress(OSError):
                target.unlink()
            raise SettingsError(
                f"The video cannot be written to the folder for it ({(error.strerror or 'refused').lower()}).",
                advice=f"It is kept at {video}.",
            ) from error
        return target
    raise SettingsError(f"The folder holds too many videos of this name already. It is kept at {video}.")
