"""Which inputs models took when runs were made: the statements about that table."""

from typing import Any

from sqlalchemy import Connection, insert, select, update

from kling_ui.runs.ledger.schema import model_schemas
from kling_ui.runs.record import ModelSchema


def note_schema(connection: Connection, schema: ModelSchema | None, now: float) -> None:
    """Enter that a run was made under a schema; nothing where none is known."""
    if schema is None:
        return
    it = (model_schemas.c.schema_sha256 == schema.sha256) & (model_schemas.c.model_id == schema.model_id)
    if connection.execute(update(model_schemas).where(it).values(used_at=now)).rowcount:
        return
    row = {"schema_sha256": schema.sha256, "model_id": schema.model_id, "input_schema": dict(schema.fields)}
    connection.execute(insert(model_schemas).values(**row, used_at=now))


def last_schema(connection: Connection, model_id: str) -> dict[str, Any] | None:
    """Return the schema under which the newest run of a model was made; ``None`` where none is known."""
    query = select(model_schemas.c.input_schema).where(model_schemas.c.model_id == model_id)
    return connection.scalar(query.order_by(model_schemas.c.used_at.desc()).limit(1))
