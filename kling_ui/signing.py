"""Signatures, and the secrets behind them: what this app signs can be recognised by it, and made up by nobody else.

All of it is HMAC with SHA-256. ``itsdangerous``, with which Starlette signs the session cookie, is not used here: of
what was given out by now, its signers make the 43 characters of :func:`signature`, but accept neither the 32 of the
page's references nor an expiry that stands in an address by itself, so that it would take more code, not less.
"""

import hashlib
import hmac
import os
import secrets
from base64 import urlsafe_b64encode
from pathlib import Path

from kling_ui.errors import SettingsError

SECRET_BYTES = 32


def secret_in(folder: Path, name: str) -> bytes:
    """Return the secret in a folder's file, made the first time it is needed; blocking.

    It is readable by its owner only, and kept, so that what it signed outlives a restart and is known to every process
    that works in the folder. Of several that make it at once the first wins, and none reads half of it.

    Args:
        folder: The data folder; it need not exist yet.
        name: Of the file.

    Raises:
        SettingsError: It cannot be kept.
    """
    keep, fresh = folder / name, folder / f"{name}.{secrets.token_hex(8)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not keep.exists():
            _write(keep, fresh)
        return keep.read_bytes()
    except OSError as error:
        raise SettingsError("KLING_UI_DATA_DIR takes a folder that can be written to.") from error


def keyed_hash(key: bytes, text: str) -> bytes:
    """Return 256 bits that depend on a key and a text, and tell neither; halves of characters are taken as they are."""
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256)


def signature(key: bytes, *parts: object) -> str:
    """Sign some values: the 256 bits of :func:`keyed_hash` as 43 characters that suit addresses."""
    return urlsafe_b64encode(keyed_hash(key, "\n".join(map(str, parts)))).rstrip(b"=").decode()


def is_same(given: str, expected: str) -> bool:
    """Tell whether two signatures are equal, in a time that does not tell how far they agree."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass"))


def _write(keep: Path, fresh: Path) -> None:
    try:
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
        os.link(fresh, keep)
    except FileExistsError:
        pass
    finally:
        fresh.unlink(missing_ok=True)
