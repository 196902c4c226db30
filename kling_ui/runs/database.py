"""Opening the database of the ledger: a SQLite file is set up so that several processes can use it at once."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url

BUSY_TIMEOUT_MS = 10_000  # other processes may be writing; their transactions take milliseconds


def connect(url: str) -> Engine:
    """Prepare to use a database; nothing is opened yet.

    Args:
        url: An SQLAlchemy address.

    Raises:
        sqlalchemy.exc.ArgumentError: It is not such an address.
        ImportError: The database's driver is not installed.
    """
    address = make_url(url)
    database = create_engine(address)
    if address.get_backend_name() == "sqlite":
        if address.database:
            with suppress(OSError):  # opening the database tells
                Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        event.listen(database, "connect", _set_up_sqlite)
        event.listen(database, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return database


def _set_up_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so, not where the driver guesses
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()
