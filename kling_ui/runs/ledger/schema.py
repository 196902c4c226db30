"""The ledger's database: how it is opened, its tables, and how older ones are brought up to date.

It is a SQLite file, or a PostgreSQL server where several processes share it. Columns are plain types, so that any
SQLAlchemy database will do. Times are seconds since 1970, UTC.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from kling_ui.errors import LedgerError, SettingsError
from kling_ui.runs.ledger.steps import STEPS, Step

BUSY_TIMEOUT_MS = 10_000  # other processes may be writing; their transactions take milliseconds
CONNECT_TIMEOUT_S = 10
MIGRATION_LOCK = 0x6B6C696E67  # "kling": one process at a time may make or change the tables of a PostgreSQL ledger

metadata = MetaData()
_json = JSON(none_as_null=True)

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(32), primary_key=True),
    Column("visitor", String(128), nullable=False, index=True),
    Column("engine", String(16), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("created_at", Float, nullable=False, index=True),
    Column("changed_at", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("fingerprint", String(64), nullable=False, index=True),
    Column("open_key", String(64), unique=True),  # the fingerprint, until the same request may be run again
    Column("holder", String(32)),
    Column("held_until", Float, nullable=False),
    Column("image_name", String(32), nullable=False),
    Column("image_sha256", String(64), nullable=False),
    Column("reference_name", String(32), nullable=False),
    Column("reference_sha256", String(64), nullable=False),
    Column("choice", _json, nullable=False),
    Column("own_token", Boolean, nullable=False),
    Column("own_purse", Boolean),
    Column("payer", String(128), index=True),
    Column("findings", _json),
    Column("request_id", String(128), index=True),
    Column("price", _json),
    Column("estimate_usd", Float),
    Column("cost_usd", Float),
    Column("ready_at", Float),
    Column("result_name", String(32)),
    Column("result_sha256", String(64)),
    Column("result_facts", _json),
    Column("motion", _json),
    Column("outcome", _json),
    Column("error", Text),
    Column("advice", Text),
    Column("raw_error", Text),
    Column("name", String(128)),
    Column("repaired", _json),
    Column("deleted_at", Float),
    Column("corrected", _json),
    Column("notes", _json),
    Column("starred", Boolean),
    Column("score", Float),  # of "motion", to sort by
    Column("forecast_s", Float),
    Column("undo_until", Float),
    Column("schema_sha256", String(64)),  # of the model's input, see "model_schemas"
    Index("ix_runs_visitor_created_at", "visitor", "created_at"),
)

states = Table(
    "states",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String(32), ForeignKey("runs.run_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("at", Float, nullable=False),
)

handles = Table(
    "handles",
    metadata,
    Column("handle_sha256", String(64), primary_key=True),
    Column("run_id", String(32), ForeignKey("runs.run_id", ondelete="CASCADE"), nullable=False, index=True),
)

usage = Table(
    "usage",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("day", Integer, nullable=False),  # since 1970, UTC
    Column("visitor", String(128), nullable=False),
    Column("address", String(64), nullable=False),  # a keyed hash
    Column("run_id", String(32), nullable=False),  # of a paid run, which may no longer be there; else empty
    Column("runs", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("usd", Float, nullable=False),
    Column("previews", Integer, nullable=False),
    Column("uploads", Integer, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Index("ix_usage_day_visitor", "day", "visitor"),
    Index("ix_usage_day_address", "day", "address"),
)

pauses = Table(
    "pauses",
    metadata,
    Column("scope", String(16), primary_key=True),
    Column("message", Text, nullable=False),
    Column("until", Float),
)

batch_cells = Table(
    "batch_cells",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("batch", String(64), nullable=False, index=True),
    Column("cell", String(64), nullable=False),
    Column("engine", String(16), nullable=False),
    Column("run_id", String(32), ForeignKey("runs.run_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("is_own", Boolean, nullable=False),  # made for this cell; else it was there before
)

votes = Table(
    "votes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("visitor", String(128), nullable=False, index=True),
    Column("voted_at", Float, nullable=False),
    Column("run_ids", JSON(), nullable=False),  # in the order in which they were shown
    Column("engines", JSON(), nullable=False),  # of these runs
    Column("preferred", Integer),  # place in that order; none for no difference
)

model_schemas = Table(
    "model_schemas",
    metadata,
    Column("schema_sha256", String(64), primary_key=True),
    Column("model_id", String(256), primary_key=True),
    Column("input_schema", _json, nullable=False),
    Column("used_at", Float, nullable=False),  # by the newest run that was made under it
)

batch_orders = Table(
    "batch_orders",
    metadata,
    Column("batch", String(64), primary_key=True),
    Column("visitor", String(128), nullable=False, index=True),
    Column("kept_at", Float, nullable=False),
    Column("content", _json, nullable=False),  # rows; files are named by where they lie in the data folder
)

_version = Table("schema_version", MetaData(), Column("version", Integer, nullable=False))


def connect(url: str) -> Engine:
    """Prepare to use a database; nothing is opened yet.

    Args:
        url: An SQLAlchemy address. ``postgresql://`` and ``postgres://`` are answered by psycopg 3.

    Raises:
        SettingsError: It is not such an address, or the database's driver is not installed.
    """
    try:
        address = make_url(url)
        if address.drivername in {"postgres", "postgresql"}:
            address = address.set(drivername="postgresql+psycopg")
        if address.drivername == "postgresql+psycopg":
            return _connect_postgresql(address)
        database = create_engine(address)
    except ImportError as error:
        raise _no_driver(url) from error
    except (ArgumentError, ValueError) as error:
        raise SettingsError(
            "KLING_UI_LEDGER_URL takes an address such as sqlite:////data/ledger.sqlite or postgresql://user@host/name."
        ) from error
    if address.get_backend_name() == "sqlite":
        if address.database:
            with suppress(OSError):  # opening the database tells
                Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        event.listen(database, "connect", _set_up_sqlite)
        event.listen(database, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return database


def _no_driver(url: str) -> SettingsError:
    kind = make_url(url).get_backend_name()
    if kind in {"postgres", "postgresql"}:
        return SettingsError(
            "KLING_UI_LEDGER_URL names a PostgreSQL database, whose driver is not installed.",
            advice="It is the extra postgres: uv sync --extra postgres, or pip install 'psycopg[binary]'.",
        )
    return SettingsError(
        f"KLING_UI_LEDGER_URL names a {kind} database, whose driver is not installed.",
        advice="Take SQLite or PostgreSQL, or install that driver.",
    )


def _set_up_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so, not where the driver guesses
    # Its own knows only the letters of English, so that a search would tell "Äpfel" from "äpfel".
    connection.create_function("lower", 1, lambda text: text.lower() if isinstance(text, str) else text)
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _connect_postgresql(address: URL) -> Engine:
    settings: dict[str, object] = {"prepare_threshold": None}  # poolers such as pgbouncer know of no prepared ones
    if "connect_timeout" not in address.query:
        settings["connect_timeout"] = CONNECT_TIMEOUT_S
    database = create_engine(address, connect_args=settings, pool_pre_ping=True)  # the server may have been restarted
    event.listen(database, "begin", _wait_so_long)
    return database


def _wait_so_long(connection: Connection) -> None:
    """Let a transaction wait for others no longer than it would with SQLite."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {BUSY_TIMEOUT_MS}")


def migrate(connection: Connection, steps: tuple[Step, ...] = STEPS) -> int:
    """Bring the ledger up to date; call it inside a transaction.

    Args:
        connection: To the ledger.
        steps: Other steps than the usual ones.

    Returns:
        The version that the ledger has now: the number of steps taken.

    Raises:
        LedgerError: A newer release of this program wrote the ledger.
    """
    if connection.dialect.name == "postgresql":  # SQLite lets only one write anyway
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
    _version.create(connection, checkfirst=True)
    version = connection.scalar(select(_version.c.version))
    if version is None:
        connection.execute(insert(_version).values(version=0))
        version = 0
    if version > len(steps):
        raise LedgerError(
            "The ledger of runs was written by a newer release of this program.",
            advice="Update the program, or set KLING_UI_LEDGER_URL to another ledger.",
        )
    for step in steps[version:]:
        step(connection)
    connection.execute(update(_version).values(version=len(steps)))
    return len(steps)


def lock_ledger(connection: Connection) -> None:
    """Let the transactions that call this come one after the other, on databases that run them side by side."""
    connection.execute(update(_version).values(version=_version.c.version))
