"""The ledger's tables, as :mod:`kling_ui.runs.migrations` leaves them.

Columns are plain types, so that any SQLAlchemy database will do. Times are seconds since 1970, UTC.
"""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

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
    Column("open_key", String(64), unique=True),  # the fingerprint, until the same wish may be run again
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
