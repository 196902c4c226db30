"""Blind votes in the ledger: whose they are, what they add up to, and that they go with their visitor."""

import pytest

from kling_ui.runs.ledger.gallery import VOTES_MAX, BlindVote, VoteTally, hand_votes_over, note_vote, tally_of, votes_of
from kling_ui.runs.ledger.store import Store

KLING, PREVIEW = ("kling", "preview"), ("preview", "preview")


@pytest.fixture
def store(tmp_path):
    return Store(f"sqlite:///{tmp_path / 'ledger.sqlite'}")


def _vote(store, visitor, preferred, engines=KLING):
    cast = BlindVote(("a", "b"), engines, preferred)
    store.read(lambda connection: note_vote(connection, visitor, cast, 1.0))


def _votes(store, visitor):
    return store.read(lambda connection: votes_of(connection, visitor))


def test_votes_between_the_engines_are_counted_and_others_are_not(store):
    for preferred, engines in [(0, KLING), (0, KLING), (1, KLING), (None, KLING), (0, PREVIEW)]:
        _vote(store, "ann", preferred, engines)
    _vote(store, "bob", 1)
    assert tally_of(_votes(store, "ann")) == VoteTally(votes=4, kling=2, preview=1)
    assert tally_of(_votes(store, "bob")) == VoteTally(votes=1, kling=0, preview=1)


def test_erasing_a_visitor_erases_their_votes_alone(store):
    _vote(store, "ann", 0)
    _vote(store, "bob", 0)
    store.erase(["ann"], now=2.0)
    assert _votes(store, "ann") == []
    assert len(_votes(store, "bob")) == 1


def test_votes_go_with_the_runs_to_an_account(store):
    _vote(store, "ann", 0)
    store.read(lambda connection: hand_votes_over(connection, "ann", "account:1"))
    assert (len(_votes(store, "ann")), len(_votes(store, "account:1"))) == (0, 1)


def test_the_oldest_make_room(store):
    def fill(connection):
        for number in range(VOTES_MAX + 2):
            note_vote(connection, "ann", BlindVote((str(number), "x"), KLING, 0), 1.0)
        return votes_of(connection, "ann")

    kept = store.read(fill)
    assert (len(kept), kept[0].run_ids[0]) == (VOTES_MAX, "2")
