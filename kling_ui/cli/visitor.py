"""Who the command line is to the ledger."""

import os
import secrets
from pathlib import Path

from kling_ui.errors import SettingsError


def visitor_of(data_dir: Path) -> str:
    """Return the id of the command line's own runs: unguessable, because browsers are visitors, too.

    Raises:
        SettingsError: It cannot be kept.
    """
    file = data_dir / "command-line-visitor"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as new:
            new.write(secrets.token_urlsafe(32))
    except FileExistsError:
        pass
    except OSError as error:
        raise SettingsError("KLING_UI_DATA_DIR takes a folder that can be written to.") from error
    return file.read_text()
