"""The ledger's tables, as :mod:`kling_ui.runs.ledger.schema` leaves them.

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
)

states = Table(
    "states",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", String(32), ForeignKey("runs.run_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("at", Float, nullable=False),
)
Step = Callable[[Connection], None]

_version = Table("schema_version", MetaData(), Column("version", Integer, nullable=False))


def migrate(connection: Connection, steps: tuple[Step, ...] | None = None) -> int:
    """Bring the ledger up to date; call it inside a transaction.

    Args:
        connection: To the ledger.
        steps: Other steps than :data:`STEPS`.

    Returns:
        The version that the ledger has now: the number of steps taken.

    Raises:
        LedgerError: A newer release of this program wrote the ledger.
    """
    steps = STEPS if steps is None else steps
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


def in_turn(connection: Connection) -> None:
    """Let the transactions that call this come one after the other, on databases that run them side by side."""
    connection.execute(update(_version).values(version=_version.c.version))


def _first_tables(connection: Connection) -> None:
    tables = MetaData()
    text = JSON(none_as_null=True)
    Table(
        "runs",
        tables,
        Column("run_id", String(32), primary_key=True),
        Column("visitor", String(128), nullable=False, index=True),
        Column("engine", String(16), nullable=False),
        Column("state", String(16), nullable=False, index=True),
        Column("created_at", Float, nullable=False),
        Column("changed_at", Float, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("fingerprint", String(64), nullable=False, index=True),
        Column("open_key", String(64), unique=True),
        Column("holder", String(32)),
        Column("held_until", Float, nullable=False),
        Column("image_name", String(32), nullable=False),
        Column("image_sha256", String(64), nullable=False),
        Column("reference_name", String(32), nullable=False),
        Column("reference_sha256", String(64), nullable=False),
        Column("choice", text, nullable=False),
        Column("own_token", Boolean, nullable=False),
        Column("findings", text),
        Column("request_id", String(128)),
        Column("price", text),
        Column("cost_usd", Float),
        Column("result_name", String(32)),
        Column("result_sha256", String(64)),
        Column("result_facts", text),
        Column("motion", text),
        Column("error", Text),
        Column("advice", Text),
        Column("raw_error", Text),
    )
    Table(
        "states",
        tables,
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("run_id", String(32), ForeignKey("runs.run_id", ondelete="CASCADE"), nullable=False, index=True),
        Column("state", String(16), nullable=False),
        Column("at", Float, nullable=False),
    )
    tables.create_all(connection)


def _money_and_expiry(connection: Connection) -> None:
    for column in (Column("estimate_usd", Float), Column("ready_at", Float)):
        kind = column.type.compile(connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE runs ADD COLUMN {column.name} {kind}")
    connection.exec_driver_sql("CREATE INDEX ix_runs_request_id ON runs (request_id)")
    connection.exec_driver_sql("CREATE INDEX ix_runs_created_at ON runs (created_at)")


def _payer_column(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE runs ADD COLUMN own_purse BOOLEAN")
    connection.exec_driver_sql("UPDATE runs SET own_purse = own_token")


def _payer(connection: Connection) -> None:
    kind = String(128).compile(connection.dialect)
    connection.exec_driver_sql(f"ALTER TABLE runs ADD COLUMN payer {kind}")
    connection.exec_driver_sql("CREATE INDEX ix_runs_payer ON runs (payer)")


def _outcome(connection: Connection) -> None:
    kind = JSON().compile(connection.dialect)
    connection.exec_driver_sql(f"ALTER TABLE runs ADD COLUMN outcome {kind}")


def _name_and_deletion(connection: Connection) -> None:
    for column in (Column("name", String(128)), Column("repaired", JSON()), Column("deleted_at", Float)):
        kind = column.type.compile(connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE runs ADD COLUMN {column.name} {kind}")


def _corrected(connection: Connection) -> None:
    kind = JSON().compile(connection.dialect)
    connection.exec_driver_sql(f"ALTER TABLE runs ADD COLUMN corrected {kind}")


STEPS: tuple[Step, ...] = (
    _first_tables,
    _money_and_expiry,
    _payer_column,
    _payer,
    _outcome,
    _name_and_deletion,
    _corrected,
)
