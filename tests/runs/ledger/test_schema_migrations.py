import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from kling_ui.runs.ledger.schema import STEPS, connect, metadata, migrate
from kling_ui.runs.ledger.store import Store
from kling_ui.runs.outcomes import Outcome, OutcomeCode
from kling_ui.runs.pricing import Charge, charge_of
from kling_ui.runs.record import EngineName, RunState

TABLES = ("runs", "states", "handles", "usage", "pauses", "batch_cells", "votes")
FIRST = Path(__file__).with_name("ledger-v1.sql")  # written by the release that had one step; it never changes


@pytest.fixture
def old_url(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(FIRST.read_text())
    connection.close()
    return f"sqlite:///{path}"


def test_the_rows_of_the_first_release_are_kept_and_go_on(old_url):
    store = Store(old_url)
    done, unknown, open_one = (store.get(digit * 32) for digit in "123")
    assert (done.state, done.request_id, done.cost_usd) == (RunState.COMPLETED, "req-old", 0.35)
    assert (done.result_facts.duration_s, done.motion) == (5.0, {"score": 91.5})
    assert done.findings == {"verdict": "pass", "headline": "Ready."}
    assert (done.estimate_usd, done.ready_at, charge_of(done)) == (None, None, Charge.YES)
    assert [state for state, _ in store.history(done.run_id)][-1] is RunState.COMPLETED
    assert (unknown.state, unknown.error, unknown.advice) == (RunState.UNKNOWN, "It is not known.", "Look first.")
    assert Outcome.of(unknown).code is OutcomeCode.ERROR, "its own words are shown"
    assert (open_one.engine, open_one.holder) == (EngineName.PREVIEW, "me")
    assert store.standing(done.fingerprint) == done
    assert store.standing(unknown.fingerprint) == unknown
    assert store.recover(unknown.run_id, "req-new", now=1_795_000_200.0)
    assert store.spending("ann", 1_795_000_200.0, own_token=False).day_usd == 0.35
    assert done.payer is None
    spent = [store.spending(visitor, 1_795_000_200.0, own_token=False, payer="ip:a") for visitor in ("ann", "eve")]
    assert [spending.day_usd for spending in spent] == [0.35, 0.0], "runs that name no payer count by visitor"
    store.change("3" * 32, holder="me", now=1_795_000_201.0, state=RunState.COMPLETED, estimate_usd=0.5, ready_at=1.0)
    assert store.get("3" * 32).estimate_usd == 0.5
    store.close()


def test_runs_of_the_first_release_are_named_and_deleted_and_their_cost_stays(old_url):
    store, now = Store(old_url), 1_795_000_200.0
    done, open_one = "1" * 32, "3" * 32
    assert (store.get(done).name, store.get(done).repaired, store.get(done).deleted_at) == (None, None, None)
    spent = store.spending("ann", now, own_token=False)
    assert store.rename(done, "ann", "The old one")
    assert store.get(done).name == "The old one"
    assert not store.rename(done, "eve", "Stolen")
    assert not store.delete(done, "eve", now=now)
    assert not store.delete(open_one, store.get(open_one).visitor, now=now), "it is under way"
    assert store.delete(done, "ann", now=now)
    assert not store.delete(done, "ann", now=now), "only once"
    deleted = store.get(done)
    assert (deleted.state, deleted.deleted_at, deleted.choice.prompt, deleted.name) == (
        RunState.COMPLETED,
        now,
        "",
        None,
    )
    assert done not in {record.run_id for record in store.of_visitor("ann", 10)}
    assert done in {record.run_id for record in store.of_visitor(None, 10)}
    assert store.spending("ann", now, own_token=False) == spent
    store.close()


def shape(database):
    inspector = inspect(database)
    columns = {
        table: {column["name"]: (str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)}
        for table in TABLES
    }
    indexes = {table: {index["name"] for index in inspector.get_indexes(table)} for table in TABLES}
    primary = [inspector.get_pk_constraint(table)["constrained_columns"] for table in TABLES]
    unique = [sorted(constraint["column_names"]) for constraint in inspector.get_unique_constraints("runs")]
    keys = [key["options"] for key in inspector.get_foreign_keys("states")]
    return columns, indexes, primary, unique, keys


def test_the_steps_come_to_the_same_tables_in_postgresql(new_postgresql):
    Store(new_postgresql).close()
    database = connect(new_postgresql)
    by_steps = shape(database)
    with database.begin() as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
    assert by_steps == shape(database)
    database.dispose()


def test_the_steps_come_to_the_tables_that_the_program_uses(old_url, tmp_path):
    new, meant = f"sqlite:///{tmp_path / 'new.sqlite'}", f"sqlite:///{tmp_path / 'meant.sqlite'}"
    for url in (old_url, new):
        with create_engine(url).begin() as connection:
            assert migrate(connection) == len(STEPS)
    metadata.create_all(create_engine(meant))
    shapes = [shape(create_engine(url)) for url in (old_url, new, meant)]
    assert shapes[0] == shapes[1] == shapes[2]


def test_taking_the_steps_again_changes_nothing(old_url):
    for _ in range(2):
        with create_engine(old_url).begin() as connection:
            assert migrate(connection) == len(STEPS)
