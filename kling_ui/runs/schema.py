"""The ledger's tables, and the ordered steps that bring an older ledger up to date.

Columns are plain types, so that any SQLAlchemy database will do. Times are seconds since 1970, UTC.
"""

from collections.abc import Callable

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    select,
    update,
)

from kling_ui.errors import LedgerError

metadata = MetaData()
_json = JSON(none_as_null=True)

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(32), primary_key=True),
    Column("visitor", String(128), nullable=False, index=True),
    Column("engine", String(16), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("created_at", Float, nullable=False),
    Column("changed_at", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("fingerprint", String(64), nullable=False, index=True),
    Column("open_key", String(64), unique=True),  # the fingerprint, until the same wish may be run again
    Column("holder", String(32)),
    Column("held_until", Float, nullable=False),
    Column("image_name", String(32), nullable=False),
    Column("image_sha256", String(64), nullable=False),
    Column("reference_name", String(32), nullable=False),
    Column("reference_sha256", String(64), nullable=False),
    Column("choice", _json, nullable=False),
    Column("own_token", Boolean, nullable=False),
    Column("findings", _json),
    Column("request_id", String(128)),
    Column("price", _json),
    Column("cost_usd", Float),
    Column("result_name", String(32)),
    Column("result_sha256", String(64)),
    Column("result_facts", _json),
    Column("motion", _json),
    Column("error", Text),
    Column("advice", Text),
    Column("raw_error", Text),
)

states = Table(
    "states",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String(32), ForeignKey("runs.run_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("at", Float, nullable=False),
)

_version = Table("schema_version", MetaData(), Column("version", Integer, nullable=False))


def _first_tables(connection: Connection) -> None:
    metadata.create_all(connection)


# Append only: a ledger in the field has taken the first N of these. A step that follows changes older tables with
# ALTER TABLE, and the first step keeps a frozen copy of the tables that it made.
STEPS: tuple[Callable[[Connection], None], ...] = (_first_tables,)


def migrate(connection: Connection, steps: tuple[Callable[[Connection], None], ...] = STEPS) -> int:
    """Bring the ledger up to date; call it inside a transaction.

    Returns:
        The version that the ledger has now: the number of steps taken.

    Raises:
        LedgerError: A newer release of this program wrote the ledger.
    """
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
