"""The steps that bring an older ledger up to date, oldest first: what was released is never changed, only added to."""

from collections.abc import Callable, Mapping

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
    select,
    update,
)

Step = Callable[[Connection], None]


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


def _handles(connection: Connection) -> None:
    tables = MetaData()
    Table("runs", tables, Column("run_id", String(32), primary_key=True))
    made = Table(
        "handles",
        tables,
        Column("handle_sha256", String(64), primary_key=True),
        Column("run_id", String(32), ForeignKey("runs.run_id", ondelete="CASCADE"), nullable=False, index=True),
    )
    made.create(connection)


def _notes(connection: Connection) -> None:
    kind = JSON().compile(connection.dialect)
    connection.exec_driver_sql(f"ALTER TABLE runs ADD COLUMN notes {kind}")


def _gallery(connection: Connection) -> None:
    columns = (
        Column("starred", Boolean),
        Column("score", Float),
        Column("forecast_s", Float),
        Column("undo_until", Float),
    )
    for column in columns:
        kind = column.type.compile(connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE runs ADD COLUMN {column.name} {kind}")
    connection.exec_driver_sql("CREATE INDEX ix_runs_visitor_created_at ON runs (visitor, created_at)")
    json, kept = JSON(none_as_null=True), [Column(name, Float) for name in ("score", "forecast_s")]
    table = Table(
        "runs",
        MetaData(),
        Column("run_id", String(32), primary_key=True),
        Column("findings", json),
        Column("motion", json),
        Column("starred", Boolean),
        *kept,
    )
    connection.execute(update(table).values(starred=false()))
    for run_id, findings, motion in connection.execute(select(table.c.run_id, table.c.findings, table.c.motion)).all():
        score, forecast_s = _number(motion, "score"), _number(_section(findings, "forecast"), "usable_s")
        if score is not None or forecast_s is not None:
            theirs = update(table).where(table.c.run_id == run_id)
            connection.execute(theirs.values(score=score, forecast_s=forecast_s))


def _section(data: object, name: str) -> object:
    return data.get(name) if isinstance(data, Mapping) else None


def _number(data: object, name: str) -> float | None:
    found = _section(data, name)
    return float(found) if isinstance(found, int | float) else None


def _usage_and_pauses(connection: Connection) -> None:
    tables = MetaData()
    Table(
        "usage",
        tables,
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("day", Integer, nullable=False),
        Column("visitor", String(128), nullable=False),
        Column("address", String(64), nullable=False),
        Column("run_id", String(32), nullable=False),
        Column("runs", Integer, nullable=False),
        Column("seconds", Float, nullable=False),
        Column("usd", Float, nullable=False),
        Column("previews", Integer, nullable=False),
        Column("uploads", Integer, nullable=False),
        Column("size_bytes", BigInteger, nullable=False),
        Index("ix_usage_day_visitor", "day", "visitor"),
        Index("ix_usage_day_address", "day", "address"),
    )
    Table(
        "pauses",
        tables,
        Column("scope", String(16), primary_key=True),
        Column("message", Text, nullable=False),
        Column("until", Float),
    )
    tables.create_all(connection)


def _batch_cells(connection: Connection) -> None:
    tables = MetaData()
    Table("runs", tables, Column("run_id", String(32), primary_key=True))
    made = Table(
        "batch_cells",
        tables,
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("batch", String(64), nullable=False, index=True),
        Column("cell", String(64), nullable=False),
        Column("engine", String(16), nullable=False),
        Column("run_id", String(32), ForeignKey("runs.run_id", ondelete="CASCADE"), nullable=False, index=True),
        Column("is_own", Boolean, nullable=False),
    )
    made.create(connection)


def _votes(connection: Connection) -> None:
    made = Table(
        "votes",
        MetaData(),
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("visitor", String(128), nullable=False, index=True),
        Column("voted_at", Float, nullable=False),
        Column("run_ids", JSON(), nullable=False),
        Column("engines", JSON(), nullable=False),
        Column("preferred", Integer),
    )
    made.create(connection)


def _model_schemas(connection: Connection) -> None:
    kind = String(64).compile(connection.dialect)
    connection.exec_driver_sql(f"ALTER TABLE runs ADD COLUMN schema_sha256 {kind}")
    made = Table(
        "model_schemas",
        MetaData(),
        Column("schema_sha256", String(64), primary_key=True),
        Column("model_id", String(256), primary_key=True),
        Column("input_schema", JSON(none_as_null=True), nullable=False),
        Column("used_at", Float, nullable=False),
    )
    made.create(connection)


def _batch_orders(connection: Connection) -> None:
    made = Table(
        "batch_orders",
        MetaData(),
        Column("batch", String(64), primary_key=True),
        Column("visitor", String(128), nullable=False, index=True),
        Column("kept_at", Float, nullable=False),
        Column("content", JSON(none_as_null=True), nullable=False),
    )
    made.create(connection)


STEPS: tuple[Step, ...] = (
    _first_tables,
    _money_and_expiry,
    _payer_column,
    _payer,
    _outcome,
    _name_and_deletion,
    _corrected,
    _handles,
    _notes,
    _usage_and_pauses,
    _gallery,
    _batch_cells,
    _votes,
    _model_schemas,
    _batch_orders,
)
