"""The secret behind every address and name that this app makes up for a run's files."""

import hashlib
import hmac
import os
import secrets
from base64 import urlsafe_b64encode
from pathlib import Path

from kling_ui.errors import SettingsError

KEY_BYTES = 32


def kept_key(data_dir: Path) -> bytes:
    """Return the key, made the first time it is needed; blocking.

    It is kept, readable by its owner only, so that addresses outlive a restart and an object can be deleted by a later
    process that only knows the run.

    Raises:
        SettingsError: It cannot be kept.
    """
    keep = data_dir / "lending.key"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not keep.exists():
            _make(keep)
        return keep.read_bytes()
    except OSError as error:
        raise SettingsError("KLING_UI_DATA_DIR takes a folder that can be written to.") from error


def derived(key: bytes, *parts: object) -> str:
    """Derive 256 bits from a key and some values, as 43 characters that suit addresses."""
    digest = hmac.digest(key, "\n".join(map(str, parts)).encode(), hashlib.sha256)
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _make(keep: Path) -> None:
    fresh = keep.with_name(f"{keep.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        os.link(fresh, keep)  # the first of several processes wins, and nobody reads half a key
    except FileExistsError:
        pass
    finally:
        fresh.unlink(missing_ok=True)
