"""Runs are searched, filtered, sorted and paged by the ledger, alike on SQLite and PostgreSQL."""

from dataclasses import replace

import pytest
from run_records import a_run

from kling_ui.options import TransferOptions
from kling_ui.runs.ledger.gallery import PAGE_RUNS_MAX, GalleryQuery, GallerySort, GalleryState, gallery_page
from kling_ui.runs.ledger.store import Store
from kling_ui.runs.record import EngineName, RunState

RUN = a_run(run_id="0" * 32, engine=EngineName.PREVIEW, state=RunState.COMPLETED)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    """A ledger with 60 runs of Ann's, three of equal time each, and one of Eve's."""
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    opened = Store(url if request.param == "sqlite" else request.getfixturevalue("new_postgresql"))
    for number in range(60):
        is_kling = number % 5 == 0
        opened.add(
            replace(
                RUN,
                run_id=f"{number:032x}",
                fingerprint=f"f{number}",
                created_at=100.0 + number // 3,
                engine=EngineName.KLING if is_kling else EngineName.PREVIEW,
                cost_usd=number / 100 if is_kling else None,
                motion={"score": float(number % 7)} if number % 2 else None,
                state=(RunState.COMPLETED, RunState.FAILED, RunState.IN_PROGRESS)[number % 3],
                choice=TransferOptions(prompt=f"Number {number} in the Äpfel garden"),
                name="100%_sure" if number == 7 else None,
            )
        )
    opened.add(replace(RUN, run_id="e" * 32, visitor="eve", fingerprint="e"))
    yield opened
    opened.close()


def _all(store, **query):
    """Read every page, and check on the way that the pages join without a seam."""
    found, after = [], None
    while True:
        asked = GalleryQuery(**{"limit": 7} | query, after=after)
        page = store.read(lambda connection, asked=asked: gallery_page(connection, "ann", asked))
        found += page.runs
        if (after := page.after) is None:
            assert page.total == len(found) == len({run.run_id for run in found})
            return [int(run.run_id, 16) for run in found]
        assert len(page.runs) == 7


def test_pages_join_without_gap_or_repeat_although_times_are_equal(store):
    assert _all(store) == list(range(59, -1, -1))


def test_sorted_by_score_or_cost_the_rest_comes_last_and_newest_first(store):
    score = {number: float(number % 7) if number % 2 else -1.0 for number in range(60)}
    cost = {number: number / 100 if number % 5 == 0 else -1.0 for number in range(60)}
    for sort, key in ((GallerySort.SCORE, score), (GallerySort.COST, cost)):
        expected = sorted(range(60), key=lambda number, key=key: (key[number], number // 3, number), reverse=True)
        assert _all(store, sort=sort) == expected


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"engine": EngineName.KLING}, lambda number: number % 5 == 0),
        ({"state": GalleryState.COMPLETED}, lambda number: number % 3 == 0),
        ({"state": GalleryState.ENDED}, lambda number: number % 3 == 1),
        ({"state": GalleryState.OPEN}, lambda number: number % 3 == 2),
        ({"text": "number 12"}, lambda number: number == 12),
        ({"text": "  ÄPFEL  4"}, lambda number: "4" in str(number)),
        ({"text": "SURE"}, lambda number: number == 7),
        ({"text": "%"}, lambda number: number == 7),
        ({"text": "_"}, lambda number: number == 7),
        ({"text": "in\0the"}, lambda _: True),
        ({"text": "' OR 1=1 --"}, lambda _: False),
        ({"starred": True}, lambda number: number in {3, 4}),
        ({"starred": True, "engine": EngineName.KLING}, lambda _: False),
    ],
)
def test_what_is_asked_for_is_found_and_nothing_else(store, query, fits):
    for number in (3, 4, 5):
        assert store.star(f"{number:032x}", "ann", is_starred=True)
    assert store.star(f"{5:032x}", "ann", is_starred=False)
    assert not store.star(f"{6:032x}", "eve", is_starred=True)
    assert not store.star("e" * 32, "ann", is_starred=True)
    assert _all(store, **query) == [number for number in range(59, -1, -1) if fits(number)]


def test_a_page_has_a_bound_and_goes_on_behind_a_run_that_was_deleted_meanwhile(store):
    first = store.read(lambda connection: gallery_page(connection, "ann", GalleryQuery(limit=10)))
    last = first.runs[-1].run_id
    store.change(last, holder=None, now=200.0, state=RunState.FAILED)
    assert store.delete(last, "ann", now=200.0, undo_until=300.0)
    second = store.read(lambda connection: gallery_page(connection, "ann", GalleryQuery(limit=10, after=first.after)))
    assert [int(run.run_id, 16) for run in second.runs] == list(range(49, 39, -1))
    for limit in (-3, 0):
        page = store.read(lambda connection, limit=limit: gallery_page(connection, "ann", GalleryQuery(limit=limit)))
        assert len(page.runs) == 1
    assert len(store.read(lambda connection: gallery_page(connection, "ann", GalleryQuery(limit=10**6))).runs) == 59
    assert PAGE_RUNS_MAX > 59


def test_a_score_that_comes_later_counts(store):
    store.change(f"{8:032x}", holder=None, now=200.0, motion={"score": 99.0})
    assert _all(store, sort=GallerySort.SCORE)[0] == 8
