"""What was ordered of batches, in the ledger: whose it is, how much is kept, and that it goes with its visitor."""

import pytest

from kling_ui.runs.ledger.statements import ORDERS_MAX, hand_orders_over, keep_order, order_of
from kling_ui.runs.ledger.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(f"sqlite:///{tmp_path / 'ledger.sqlite'}")


def _keep(store, batch, visitor, now=1.0, **order):
    store.read(lambda connection: keep_order(connection, batch, visitor, order, now))


def _order(store, batch, visitor):
    return store.read(lambda connection: order_of(connection, batch, visitor))


def test_the_newest_order_of_a_batch_is_its_visitors_alone(store):
    _keep(store, "b1", "ann", rows=1)
    _keep(store, "b1", "ann", rows=2)
    assert _order(store, "b1", "ann") == {"rows": 2}
    assert _order(store, "b1", "eve") is None


def test_the_oldest_make_room(store):
    for number in range(ORDERS_MAX + 1):
        _keep(store, f"b{number}", "ann", now=float(number))
    _keep(store, "other", "bob", now=0.0)
    assert _order(store, "b0", "ann") is None
    assert _order(store, "b1", "ann") == {}
    assert _order(store, "other", "bob") == {}


def test_orders_go_with_their_visitor(store):
    _keep(store, "b1", "ann")
    _keep(store, "b2", "bob")
    store.read(lambda connection: hand_orders_over(connection, "ann", "account"))
    assert _order(store, "b1", "account") == {}
    store.erase(["account"], now=2.0)
    assert _order(store, "b1", "account") is None
    assert _order(store, "b2", "bob") == {}
