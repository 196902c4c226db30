import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from threading import Barrier

import pytest
from run_records import a_run
from sqlalchemy import text

from kling_ui.errors import LedgerError, RunError, SettingsError
from kling_ui.options import Orientation, Resolution, TransferOptions
from kling_ui.runs.ledger.schema import STEPS, connect, migrate
from kling_ui.runs.ledger.statements import to_record, to_row
from kling_ui.runs.ledger.store import Store
from kling_ui.runs.outcomes import Outcome, OutcomeCode
from kling_ui.runs.pricing import Budget
from kling_ui.runs.record import EngineName, ResultFacts, RunState

RUN = a_run(
    state=RunState.PREPARING,
    fingerprint="f" * 64,
    holder="me",
    held_until=120.0,
    choice=TransferOptions("A robot", Orientation.IMAGE, keep_sound=False),
    findings={"verdict": "pass"},
)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "postgresql":
        return request.getfixturevalue("new_postgresql")
    return f"sqlite:///{tmp_path / 'new' / 'ledger.sqlite'}"


@pytest.fixture
def store(url):
    store = Store(url)
    yield store
    store.close()


def test_what_is_entered_comes_back(store):
    facts = ResultFacts(
        duration_s=5.0, fps=24.0, frame_count=120, width_px=1, height_px=2, has_audio=True, size_bytes=3
    )
    full = replace(RUN, result_facts=facts, motion={"score": 90.0}, price={"usd": 0.07}, cost_usd=0.35, own_token=True)
    full = replace(full, payer="hf:" + "s" * 100)
    assert store.add(full) == full
    assert store.get(RUN.run_id) == full
    assert store.get("other") is None


def test_a_choice_is_read_back_as_it_was(store):
    choice = TransferOptions("p", Orientation.IMAGE, keep_sound=False, resolution=Resolution.P1080)
    again = store.add(replace(RUN, choice=choice)) and store.get(RUN.run_id).choice
    assert again == choice
    assert isinstance(again.resolution, Resolution)


def test_a_choice_from_before_there_were_resolutions_is_the_default():
    row = to_row(asdict(RUN)) | {"choice": {"prompt": "p", "orientation": "video", "keep_sound": True}}
    assert to_record(row).choice == TransferOptions("p")


@pytest.mark.parametrize("changes", [{"choice": {"resolution": "4k"}}, {"state": "asleep"}, {"created_at": "soon"}])
def test_an_unknown_word_is_refused(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        to_record(to_row(asdict(RUN)) | changes)


def test_only_the_holder_changes_a_run(store):
    store.add(RUN)
    assert not store.change(RUN.run_id, holder="other", now=101.0, state=RunState.SUBMITTING)
    assert store.change(RUN.run_id, holder="me", now=101.0, state=RunState.SUBMITTING, attempts=1)
    assert store.change(RUN.run_id, holder="me", now=102.0, request_id="req-1")
    run = store.get(RUN.run_id)
    assert (run.state, run.changed_at, run.attempts, run.request_id) == (RunState.SUBMITTING, 101.0, 1, "req-1")
    assert store.history(RUN.run_id) == [(RunState.PREPARING, 100.0), (RunState.SUBMITTING, 101.0)]


@pytest.mark.parametrize(
    ("budget", "payers", "entered"),
    [
        (Budget(visitor_usd=1.0, day_usd=3.0), ["ip:a"], {"ip:a": 2}),
        (Budget(session_usd=1.0), ["ip:a"], {"ip:a": 2}),
        (Budget(visitor_usd=1.0, day_usd=3.0), ["ip:a", "ip:b"], {"ip:a": 2, "ip:b": 2}),
        (Budget(visitor_usd=1.0, day_usd=0.4), ["ip:a", "ip:b"], 1),
    ],
    ids=["share", "session", "two shares", "the day"],
)
def test_connections_that_write_at_once_cannot_overdraw_what_a_payer_has(url, budget, payers, entered):
    stores, start = [Store(url) for _ in range(4)], Barrier(4)

    def spend(n):
        start.wait(10)
        done = []
        for m, payer in enumerate(payers * 3):
            number = f"{n}-{m}"
            run = replace(
                RUN, run_id=number, visitor=f"id {number}", fingerprint=number, payer=payer, estimate_usd=0.35
            )
            try:
                done.append(stores[n].add(run, budget=budget).payer)
            except RunError:
                continue
        return done

    with ThreadPoolExecutor(4) as pool:
        taken = [payer for done in pool.map(spend, range(4)) for payer in done]
    assert (len(taken) if isinstance(entered, int) else {payer: taken.count(payer) for payer in payers}) == entered
    for store in stores:
        store.close()


def test_a_payers_session_goes_on_over_midnight_under_another_browsers_id(store):
    midnight = 86_400.0 * 20_000
    store.add(replace(RUN, payer="ip:a", estimate_usd=0.35, created_at=midnight - 3600))
    spending = store.spending("another id", midnight + 3600, own_token=False, payer="ip:a")
    assert (spending.session_usd, spending.day_usd) == (0.35, 0.0)


def test_a_run_keeps_its_payer_when_it_becomes_another_visitors(store):
    store.add(replace(RUN, payer="ip:a", estimate_usd=0.35))
    store.hand_over("ann", "hf:1")
    assert store.get(RUN.run_id).payer == "ip:a"
    spent = [store.spending("hf:1", 101.0, own_token=False, payer=payer).day_usd for payer in ("ip:a", "hf:1")]
    assert spent == [0.35, 0.0]


def test_the_same_wish_is_entered_once_until_it_has_failed(store):
    store.add(RUN)
    second = replace(RUN, run_id="2" * 32)
    assert store.add(second).run_id == RUN.run_id
    store.change(RUN.run_id, holder="me", now=101.0, state=RunState.FAILED)
    assert store.add(second) == second
    assert [run.run_id for run in store.like(RUN.fingerprint)] == [RUN.run_id, second.run_id]


def test_a_wish_whose_outcome_is_unknown_is_repeated_only_on_request(store):
    store.add(RUN)
    store.change(RUN.run_id, holder="me", now=101.0, state=RunState.UNKNOWN)
    second = replace(RUN, run_id="2" * 32)
    assert store.add(second).run_id == RUN.run_id
    assert store.add(second, again=True) == second
    assert store.add(replace(RUN, run_id="3" * 32), again=True) == second  # that one is under way


def test_a_wish_that_was_completed_is_repeated_only_on_request_or_when_its_result_is_gone(store):
    store.add(RUN)
    store.change(RUN.run_id, holder="me", now=101.0, state=RunState.COMPLETED)
    second, third = replace(RUN, run_id="2" * 32), replace(RUN, run_id="3" * 32)
    assert store.add(second).run_id == RUN.run_id
    assert store.standing(RUN.fingerprint).run_id == RUN.run_id
    assert store.standing(RUN.fingerprint, gone=[RUN.run_id]) is None
    assert store.standing(RUN.fingerprint, again=True) is None
    assert store.add(second, gone=[RUN.run_id]) == second
    store.change(second.run_id, holder="me", now=102.0, state=RunState.COMPLETED)
    assert store.add(third, again=True) == third


def test_one_of_several_processes_takes_over_what_nobody_holds(store):
    store.add(RUN)
    assert store.unheld(110.0) == []
    assert [run.run_id for run in store.unheld(121.0)] == [RUN.run_id]
    assert not store.claim(RUN.run_id, holder="a", now=110.0, until=130.0)
    assert store.claim(RUN.run_id, holder="a", now=121.0, until=141.0)
    assert not store.claim(RUN.run_id, holder="b", now=121.0, until=141.0)
    store.renew([RUN.run_id], holder="b", until=999.0)
    store.renew([RUN.run_id], holder="a", until=150.0)
    assert store.unheld(149.0) == []
    store.change(RUN.run_id, holder="a", now=149.0, state=RunState.FAILED, error="x")
    assert store.unheld(999.0) == []


UNCLEAR = Outcome(RunState.UNKNOWN, OutcomeCode.SUBMIT_UNCLEAR, "Not known.")


def test_a_request_id_that_comes_to_light_opens_the_run_again(store):
    store.add(RUN)
    store.change(RUN.run_id, holder="me", now=101.0, state=RunState.UNKNOWN, **UNCLEAR.to_columns())
    assert Outcome.of(store.get(RUN.run_id)) == UNCLEAR
    assert store.recover(RUN.run_id, "req-9", now=102.0, own_token=True)
    assert store.recover(RUN.run_id, "req-9", now=102.0)
    assert not store.recover(RUN.run_id, "req-8", now=103.0)
    run = store.get(RUN.run_id)
    assert (run.state, run.request_id, run.own_token) == (RunState.IN_QUEUE, "req-9", True)
    assert (run.outcome, run.error) == (None, None)
    assert store.unheld(102.0) == [run]


def test_a_visitor_sees_their_own_runs_newest_first(store):
    for number, visitor in enumerate(["ann", "ben", "ann"]):
        store.add(
            replace(RUN, run_id=str(number) * 32, visitor=visitor, created_at=float(number), fingerprint=str(number))
        )
    assert [run.run_id[0] for run in store.of_visitor("ann", limit=10)] == ["2", "0"]
    assert [run.run_id[0] for run in store.of_visitor("ann", limit=1)] == ["2"]


def test_sqlite_is_set_up_to_be_shared_and_to_last(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'new' / 'ledger.sqlite'}")
    store.add(RUN)
    store.close()
    connection = sqlite3.connect(tmp_path / "new" / "ledger.sqlite")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("SELECT version FROM schema_version").fetchall() == [(len(STEPS),)]
    connection.close()


def test_a_ledger_is_brought_up_to_date_step_by_step_and_keeps_its_rows(store, url):
    store.add(RUN)

    def newest(connection):
        connection.execute(text("ALTER TABLE runs ADD COLUMN colour VARCHAR(8)"))

    database = connect(url)
    with database.begin() as connection:
        assert migrate(connection, (*STEPS, newest)) == len(STEPS) + 1
        assert connection.execute(text("SELECT run_id, colour FROM runs")).all() == [(RUN.run_id, None)]
    database.dispose()
    with pytest.raises(LedgerError, match="newer release"):
        Store(url)


@pytest.mark.parametrize(
    ("url", "error"),
    [("nonsense", SettingsError), ("nosuch://host/db", SettingsError), ("sqlite:////proc/none/x.sqlite", LedgerError)],
)
def test_a_ledger_that_cannot_be_opened_is_told_plainly(url, error):
    with pytest.raises(error, match=r"KLING_UI_|ledger"):
        Store(url)


def test_processes_that_open_a_new_ledger_at_once_make_its_tables_once(url):
    start = Barrier(4)

    def open_it(n):
        start.wait(10)
        store = Store(url)
        store.add(replace(RUN, run_id=str(n) * 32, fingerprint=str(n)))
        found = len(store.of_visitor("ann", 10))
        store.close()
        return found

    with ThreadPoolExecutor(4) as pool:
        assert max(pool.map(open_it, range(4))) == 4


def test_a_character_that_postgresql_does_not_take_is_left_out(store):
    store.add(RUN)
    store.change(RUN.run_id, holder="me", now=101.0, raw_error="broken\0 pipe", error="No\0")
    kept = store.get(RUN.run_id)
    assert (kept.raw_error, kept.error) == ("broken pipe", "No")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_each_way_to_write_a_postgresql_address_opens_it(new_postgresql, scheme):
    store = Store(scheme + new_postgresql[len("postgresql") :])
    assert store.add(RUN) == RUN
    store.close()


def test_a_postgresql_server_that_was_restarted_is_asked_again(new_postgresql):
    store, other = Store(new_postgresql), connect(new_postgresql)
    store.add(RUN)
    with other.begin() as connection:
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        connection.execute(text(f"{ended} AND pid <> pg_backend_pid()"))
    assert store.get(RUN.run_id) == RUN
    store.close()
    other.dispose()


def test_a_postgresql_server_that_does_not_answer_is_named_without_its_password():
    with pytest.raises(LedgerError) as raised:
        Store("postgresql://ann:secret@127.0.0.1:1/ledger")
    assert "KLING_UI_LEDGER_URL" in raised.value.advice
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_without_its_driver_a_postgresql_address_says_which_extra_to_install(monkeypatch, scheme):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingsError, match="driver is not installed") as raised:
        Store(f"{scheme}://ann:secret@host/ledger")
    assert "uv sync --extra postgres" in raised.value.advice
    assert "secret" not in str(raised.value)


def test_another_database_without_its_driver_is_named():
    with pytest.raises(SettingsError, match="mssql database"):
        Store("mssql+pymssql://host/ledger")


DAY_S = 86_400.0
TODAY = 20_000 * DAY_S + 3600.0


def _row(number, *, engine=EngineName.PREVIEW, state=RunState.COMPLETED, **more):
    """One of a visitor's runs, with something in every field that tells of them."""
    values = {"run_id": f"{number:032x}", "fingerprint": f"{number:064x}", "engine": engine, "state": state}
    values |= {"created_at": TODAY, "changed_at": TODAY, "holder": None, "held_until": 0.0, "name": "ann's own"}
    values |= {"error": "ann's error", "raw_error": "ann's raw error", "payer": "hf:ann", "result_sha256": "c" * 64}
    values |= {"choice": TransferOptions("ann's robot"), "motion": {"score": 9}, "cost_usd": 0.35}
    return replace(RUN, **(values | more))


@pytest.fixture
def dump(url):
    """Everything that stands in the tables, as one text."""

    def read():
        database = connect(url)
        with database.begin() as connection:
            rows = [list(connection.execute(text(f"SELECT * FROM {name}"))) for name in ("runs", "states", "handles")]
        database.dispose()
        return repr(rows)

    return read


def test_an_erased_visitor_leaves_nothing_but_what_the_app_paid_for_them(store, dump):
    mine = [_row(1), _row(2, engine=EngineName.KLING, visitor_pays=True, request_id="req-own")]
    app_paid = _row(3, engine=EngineName.KLING, request_id="req-app", created_at=TODAY - DAY_S)
    of_today = _row(4, engine=EngineName.KLING, request_id="req-today")
    others = _row(5, visitor="bob", payer=None, name="bob's", error="bob's", raw_error=None, choice=TransferOptions())
    for row in (*mine, app_paid, of_today, others):
        store.add(row)
        store.keep_handle(row.run_id[::-1] * 2, row.run_id)
    erased = store.erase(["ann"], now=TODAY)
    assert len(erased.run_ids) == 4
    assert (erased.under_way, erased.with_money, erased.at_vendor) == ((), 2, 3)
    assert erased.contents == {"a" * 64, "b" * 64, "c" * 64}
    left = dump()
    assert left.count("ann") == 1, "until its day is over the app's budget counts by payer"
    assert "req-" not in left
    assert store.get(others.run_id) == others
    assert store.behind_handle(others.run_id[::-1] * 2) == others
    assert store.behind_handle(app_paid.run_id[::-1] * 2) is None
    assert store.spending("nobody", TODAY, own_token=False, payer="hf:ann").day_usd == pytest.approx(0.35)
    assert store.forget_payers(TODAY) == 0
    assert store.forget_payers(TODAY + DAY_S) == 1
    assert "ann" not in dump()


def test_the_money_of_erased_runs_still_counts_against_the_budget_of_the_day(store):
    store.add(_row(1, engine=EngineName.KLING))
    before = store.spending("bob", TODAY, own_token=False).payer_day_usd
    store.erase(["ann"], now=TODAY)
    assert store.spending("bob", TODAY, own_token=False).payer_day_usd == before > 0


def test_a_paid_run_that_has_not_ended_is_not_erased_and_a_preview_is(store):
    paid = _row(1, engine=EngineName.KLING, state=RunState.IN_PROGRESS, request_id="req-1")
    store.add(paid)
    store.add(_row(2, state=RunState.IN_PROGRESS))
    assert store.erase(["ann"], now=TODAY).under_way == (paid.run_id,)
    assert store.get(paid.run_id) == paid
    assert store.of_visitor("ann", 9) == [paid]
    assert store.used_contents({"a" * 64, "d" * 64}) == {"a" * 64}


def test_one_run_is_erased_alone(store):
    store.add(_row(1))
    store.add(_row(2))
    assert store.erase(["bob"], now=TODAY, run_id=f"{1:032x}").run_ids == ()
    assert store.erase(["ann"], now=TODAY, run_id=f"{1:032x}").run_ids == (f"{1:032x}",)
    assert [record.run_id for record in store.of_visitor("ann", 9)] == [f"{2:032x}"]
