"""Handles open the run that they were given for, and nothing else does."""

import asyncio
import hashlib
import re
import sqlite3

import pytest
from run_records import a_run

from kling_ui.errors import RunError
from kling_ui.runs.handles import RunHandles
from kling_ui.runs.ledger import Ledger
from kling_ui.runs.record import EngineName, RunState

RUN_ID = "a" * 32


def _record(run_id):
    return a_run(
        run_id=run_id,
        visitor="program:someone",
        engine=EngineName.PREVIEW,
        state=RunState.COMPLETED,
        created_at=1.0,
        changed_at=1.0,
        fingerprint=run_id * 2,
    )


def _with_handles(path, work):
    async def do():
        ledger = Ledger(f"sqlite:///{path}")
        try:
            return await work(ledger, RunHandles(ledger))
        finally:
            await ledger.aclose()

    return asyncio.run(do())


async def _given(ledger, handles, *run_ids):
    for run_id in run_ids:
        await ledger.ask(lambda store, run_id=run_id: store.add(_record(run_id)))
    return [await handles.give(run_id) for run_id in run_ids]


def test_a_handle_opens_its_run_and_another_handle_another_one(tmp_path):
    async def work(ledger, handles):
        one, other = await _given(ledger, handles, RUN_ID, "b" * 32)
        return [(await handles.find(handle)).run_id for handle in (one, other, one)]

    assert _with_handles(tmp_path / "l.sqlite", work) == [RUN_ID, "b" * 32, RUN_ID]


def test_it_has_256_bits_and_only_its_hash_is_kept(tmp_path):
    path = tmp_path / "l.sqlite"
    (handle,) = _with_handles(path, lambda ledger, handles: _given(ledger, handles, RUN_ID))
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", handle)
    with sqlite3.connect(path) as connection:
        kept = connection.execute("SELECT handle_sha256, run_id FROM handles").fetchall()
    assert kept == [(hashlib.sha256(handle.encode()).hexdigest(), RUN_ID)]
    assert not any(handle.encode() in file.read_bytes() for file in tmp_path.iterdir())


def test_a_chosen_handle_opens_the_run_that_had_it_first(tmp_path):
    chosen = "c" * 22

    async def work(ledger, handles):
        await _given(ledger, handles, RUN_ID, "b" * 32)
        assert await handles.known(chosen) is None
        given = [await handles.give(run_id, chosen) for run_id in (RUN_ID, RUN_ID, "b" * 32)]
        assert given[:2] == [chosen, chosen]
        assert given[2] != chosen, "another run is not lost for want of its handle"
        return [(await handles.find(handle)).run_id for handle in given]

    assert _with_handles(tmp_path / "l.sqlite", work) == [RUN_ID, RUN_ID, "b" * 32]


def test_a_chosen_handle_of_a_deleted_run_is_not_taken_again(tmp_path):
    async def work(ledger, handles):
        await _given(ledger, handles, RUN_ID)
        await handles.give(RUN_ID, "c" * 22)
        assert await ledger.ask(lambda store: store.delete(RUN_ID, "program:someone", now=2.0))
        with pytest.raises(RunError, match="No run is known under this handle"):
            await handles.known("c" * 22)

    _with_handles(tmp_path / "l.sqlite", work)


def test_it_works_in_the_next_process(tmp_path):
    (handle,) = _with_handles(tmp_path / "l.sqlite", lambda ledger, handles: _given(ledger, handles, RUN_ID))
    found = _with_handles(tmp_path / "l.sqlite", lambda _, handles: handles.find(handle))
    assert found.run_id == RUN_ID


@pytest.mark.parametrize(
    "guess",
    [RUN_ID, "program:someone", "", "x" * 43, "x" * 10_000, "\ud800", None, 7, [], {"handle": RUN_ID}, "%", "' OR 1=1"],
)
def test_nothing_else_opens_a_run_and_all_is_answered_alike(tmp_path, guess):
    async def work(ledger, handles):
        (handle,) = await _given(ledger, handles, RUN_ID)
        said = []
        for text in (guess, handle[:-1], hashlib.sha256(handle.encode()).hexdigest()):
            with pytest.raises(RunError) as refused:
                await handles.find(text)
            said.append(str(refused.value))
        return said

    assert set(_with_handles(tmp_path / "l.sqlite", work)) == {
        "No run is known under this handle. It is told once, in the answer to run."
    }


def test_a_deleted_run_is_answered_like_an_unknown_one(tmp_path):
    async def work(ledger, handles):
        (handle,) = await _given(ledger, handles, RUN_ID)
        assert await ledger.ask(lambda store: store.delete(RUN_ID, "program:someone", now=2.0))
        with pytest.raises(RunError, match="No run is known under this handle"):
            await handles.find(handle)

    _with_handles(tmp_path / "l.sqlite", work)
