"""Which run stands for which cell of a batch, in both databases."""

import pytest

from kling_ui.options import TransferOptions
from kling_ui.runs.ledger.store import Store
from kling_ui.runs.pricing import Budget, BudgetError, BudgetLimit
from kling_ui.runs.record import BatchCell, EngineName, RunRecord, RunState

CELL = BatchCell(batch="b1", key="k1", engine=EngineName.KLING)


def record(name, fingerprint, **more):
    values = {
        "run_id": name * 32,
        "visitor": "ann",
        "engine": EngineName.KLING,
        "state": RunState.PREPARING,
        "created_at": 1000.0,
        "changed_at": 1000.0,
        "fingerprint": fingerprint,
        "holder": "me",
        "held_until": 2000.0,
        "image_name": "image.png",
        "image_sha256": "a",
        "reference_name": "reference.mp4",
        "reference_sha256": "b",
        "choice": TransferOptions(),
        "estimate_usd": 0.4,
    }
    return RunRecord(**(values | more))


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    url = f"sqlite:///{tmp_path}/l.sqlite" if request.param == "sqlite" else request.getfixturevalue("new_postgresql")
    opened = Store(url)
    yield opened
    opened.close()


def end(store, run, state):
    assert store.change(run.run_id, holder="me", now=1001.0, state=state)


@pytest.mark.parametrize("state", [None, RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED, RunState.UNKNOWN])
def test_one_run_stands_for_a_cell_whatever_became_of_it(store, state):
    first = record("1", "f1")
    assert store.add(first, cell=CELL).run_id == first.run_id
    if state is not None:
        end(store, first, state)
    # another request, as when a repaired copy came out with other bytes
    assert store.add(record("2", "f2"), cell=CELL).run_id == first.run_id
    assert store.standing("f3", cell=CELL).run_id == first.run_id
    other = BatchCell(batch="b1", key="k2", engine=EngineName.KLING)
    assert store.add(record("3", "f3"), cell=other).run_id == "3" * 32
    assert {place: found.run_id[0] for place, found in store.of_batch("b1").items()} == {
        ("k1", EngineName.KLING): "1",
        ("k2", EngineName.KLING): "3",
    }
    assert store.of_batch("b2") == {}


@pytest.mark.parametrize(
    ("state", "is_made_again"),
    [
        (RunState.FAILED, True),
        (RunState.CANCELLED, True),
        (RunState.UNKNOWN, False),
        (RunState.COMPLETED, False),
        (RunState.IN_QUEUE, False),
    ],
)
def test_another_try_is_made_only_of_what_failed(store, state, is_made_again):
    first = record("1", "f1")
    store.add(first, cell=CELL)
    end(store, first, state)
    again = BatchCell(batch="b1", key="k1", engine=EngineName.KLING, retries=True)
    assert (store.add(record("2", "f1"), cell=again).run_id[0] == "2") is is_made_again
    assert store.of_batch("b1")["k1", EngineName.KLING].run_id[0] == ("2" if is_made_again else "1")


def test_a_run_that_was_there_before_stands_for_the_cell_and_does_not_count_as_spent(store):
    first = record("1", "f1")
    store.add(first)
    end(store, first, RunState.COMPLETED)
    assert store.standing("f1", cell=CELL).run_id == first.run_id
    assert store.of_batch("b1")["k1", EngineName.KLING].run_id == first.run_id
    assert store.batch_spent_usd("b1") == 0.0
    store.add(record("2", "f2"), cell=BatchCell(batch="b1", key="k2", engine=EngineName.KLING))
    assert store.batch_spent_usd("b1") == pytest.approx(0.4)


def test_the_limit_of_a_batch_is_held_when_a_run_is_entered(store):
    budget = Budget(batch_usd=1.0)
    cells = [BatchCell(batch="b1", key=key, engine=EngineName.KLING) for key in "abc"]
    for number, cell in enumerate(cells[:2], 1):
        store.add(record(str(number), f"f{number}"), cell=cell, budget=budget)
    with pytest.raises(BudgetError) as caught:
        store.add(record("3", "f3"), cell=cells[2], budget=budget)
    assert (caught.value.refusal.limit, caught.value.refusal.left_usd) == (BudgetLimit.BATCH, pytest.approx(0.2))
    elsewhere = BatchCell(batch="b2", key="c", engine=EngineName.KLING)
    assert store.add(record("3", "f3"), cell=elsewhere, budget=budget).run_id == "3" * 32
