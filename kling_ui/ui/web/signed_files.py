"""Files that the page shows or receives: each is reached only by an address that cannot be guessed."""

import shutil
from collections.abc import AsyncIterator
from functools import lru_cache, partial
from pathlib import Path
from urllib.parse import quote

from anyio import CancelScope, to_thread
from anyio import Path as AsyncPath

from kling_ui import signing
from kling_ui.errors import KlingUIError
from kling_ui.languages import Told

UPLOAD_MAX_BYTES = 512 * 1024**2  # above every documented limit, so that the checks can say what is wrong
_SIGNATURE_CHARS = 32  # 192 bits

# What a browser may show; anything else is offered as a download only.
_SHOWN = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
}


class SignedFiles:
    """Signs references to the files below one folder and opens only what it signed.

    A reference is ``<signature>/<path below the folder>``; whoever holds it may read that one file. It stays valid
    over restarts, because the secret is kept in the folder.

    Args:
        root: The folder; nothing outside it is ever opened.
        secret: Key of the signatures.
    """

    def __init__(self, root: Path, secret: bytes) -> None:
        self.root = root.resolve()
        self.secret = secret
        self._ref = lru_cache(maxsize=4096)(self._new_ref)  # pages that watch runs show the same files again and again

    def sign(self, path: Path) -> str:
        """Make the reference of a file below :attr:`root`.

        Raises:
            ValueError: The file lies elsewhere.
        """
        return self._ref(path)

    def open(self, ref: object) -> Path | None:
        """Give the file of a reference, or ``None`` when it was not signed here or is gone."""
        signature, _, inside = ref.partition("/") if isinstance(ref, str) else ("", "", "")
        if not inside or not signing.is_same(signature, self._signature(inside)):
            return None
        path = (self.root / inside).resolve()
        return path if path.is_relative_to(self.root) and path.is_file() else None

    def url(self, path: Path | None) -> str:
        """Make the address of a file below :attr:`root`, relative to the page; empty for ``None``."""
        return "" if path is None else f"files/{quote(self.sign(path))}"

    def _new_ref(self, path: Path) -> str:
        inside = path.resolve().relative_to(self.root).as_posix()
        return f"{self._signature(inside)}/{inside}"

    def _signature(self, inside: str) -> str:
        return signing.signature(self.secret, inside)[:_SIGNATURE_CHARS]


def open_signed_files(root: Path) -> SignedFiles:
    """Open a folder's files to signed references; the first time this makes the secret.

    Raises:
        SettingsError: The folder cannot be written to.
    """
    return SignedFiles(root, signing.secret_in(root, "files.key"))


def shown_type(path: Path) -> str | None:
    """Tell the media type under which a browser may show a file, or ``None`` for a download."""
    return _SHOWN.get(path.suffix.lower())


async def receive(chunks: AsyncIterator[bytes], folder: Path, name: str, max_bytes: int = UPLOAD_MAX_BYTES) -> Path:
    """Keep an upload in a fresh folder of its own; a broken one leaves nothing behind.

    Args:
        chunks: What comes in.
        folder: The folder; it does not exist yet.
        name: A harmless name.
        max_bytes: Where to give up.

    Raises:
        KlingUIError: It is empty or larger than ``max_bytes``, or cannot be written.
    """
    home = AsyncPath(folder)
    part = home / f"{name}.part"
    try:
        await home.mkdir(parents=True)
        async with await part.open("wb") as file:
            size_bytes = 0
            async for chunk in chunks:
                size_bytes += len(chunk)
                refuse_large(size_bytes, max_bytes)
                await file.write(chunk)
        _refuse_empty(size_bytes)
        return Path(await part.rename(home / name))
    except BaseException as error:
        with CancelScope(shield=True):
            await to_thread.run_sync(partial(shutil.rmtree, folder, ignore_errors=True))
        if isinstance(error, OSError) and error.errno is not None:
            raise _not_kept(error) from error
        raise


def refuse_large(size_bytes: int, max_bytes: int = UPLOAD_MAX_BYTES) -> None:
    """Refuse a file that is too large to be taken.

    Raises:
        KlingUIError: It is.
    """
    if size_bytes > max_bytes:
        raise KlingUIError(
            Told(
                "This file is larger than {max_bytes} MB, the most that can be sent here.",
                max_bytes=max_bytes // 1024**2,
            ),
            advice="Choose a smaller one.",
        )


def _refuse_empty(size_bytes: int) -> None:
    if not size_bytes:
        raise KlingUIError("This file is empty.", advice="Choose another one.")


def _not_kept(error: OSError) -> KlingUIError:
    reason = (error.strerror or "the disk refused").lower()
    return KlingUIError(Told("This file could not be kept here ({reason}).", reason=reason), advice="Try again later.")
