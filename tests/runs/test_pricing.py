from dataclasses import replace

import pytest

from kling_ui.errors import RunError
from kling_ui.options import TransferOptions
from kling_ui.runs.pricing import (
    SITTING_BREAK_S,
    Budget,
    Charge,
    Quote,
    Spending,
    at_stake_usd,
    charge_of,
    cost_words,
    dollars,
    spending_of,
)
from kling_ui.runs.record import EngineName, RunRecord, RunState

NOON = 20_000 * 86_400.0 + 43_200.0
PAID = RunRecord(
    run_id="1" * 32,
    visitor="ann",
    engine=EngineName.KLING,
    state=RunState.IN_PROGRESS,
    created_at=NOON,
    changed_at=NOON,
    fingerprint="f",
    image_name="image.png",
    image_sha256="a",
    reference_name="reference.mp4",
    reference_sha256="b",
    choice=TransferOptions(),
    request_id="req-1",
    estimate_usd=0.35,
)
NOT_SENT = replace(PAID, request_id=None)


@pytest.mark.parametrize(
    ("quote", "estimate_usd", "words"),
    [
        (
            Quote(rate_usd=0.07, unit="second", duration_s=5.0),
            0.35,
            "About $0.35: 5.0 s at $0.07 a second. The vendor publishes no quote.",
        ),
        (Quote(rate_usd=0.07, unit="second"), None, "The rate is $0.07 a second. The vendor publishes no quote."),
        (
            Quote(rate_usd=0.5, unit="run", duration_s=5.0),
            None,
            "The rate is $0.50 a run. The vendor publishes no quote.",
        ),
        (Quote(duration_s=5.0, trouble="It is busy."), None, "The price is not available at the moment. It is busy."),
        (Quote(rate_usd=0.0, unit="second", duration_s=5.0), 0.0, "About $0.00: 5.0 s at $0.00 a second."),
    ],
)
def test_a_quote_says_what_is_known_and_invents_nothing(quote, estimate_usd, words):
    assert quote.estimate_usd == (None if estimate_usd is None else pytest.approx(estimate_usd))
    assert quote.words.startswith(words)
    assert Quote.from_json(quote.to_json() | {"of a later release": 1}) == quote


@pytest.mark.parametrize(
    ("record", "charge", "at_stake", "words"),
    [
        (replace(NOT_SENT, state=RunState.PREPARING), Charge.NO, 0.35, ""),  # it is about to be sent
        (replace(NOT_SENT, state=RunState.SUBMITTING), Charge.MAYBE, 0.35, "expected to cost about $0.35"),
        (PAID, Charge.MAYBE, 0.35, "expected to cost about $0.35"),
        (replace(PAID, estimate_usd=None), Charge.MAYBE, 0.0, ""),
        (replace(NOT_SENT, state=RunState.UNKNOWN), Charge.MAYBE, 0.35, "not known whether it is charged; about $0.35"),
        (replace(PAID, state=RunState.UNKNOWN), Charge.MAYBE, 0.35, "not known whether it is charged"),
        (replace(NOT_SENT, state=RunState.FAILED), Charge.NO, 0.0, "Nothing was charged."),
        (replace(PAID, state=RunState.FAILED), Charge.MAYBE, 0.35, "not known whether it is charged"),
        (replace(PAID, state=RunState.FAILED, cost_usd=0.0), Charge.NO, 0.0, "It cost $0.00"),
        (replace(PAID, state=RunState.FAILED, cost_usd=0.2), Charge.YES, 0.2, "It cost $0.20; about $0.35"),
        (replace(PAID, state=RunState.CANCELLED), Charge.NO, 0.0, "Nothing was charged."),
        (replace(PAID, state=RunState.COMPLETED), Charge.YES, 0.35, "did not say what it cost; about $0.35"),
        (replace(PAID, state=RunState.COMPLETED, cost_usd=0.4), Charge.YES, 0.4, "It cost $0.40; about $0.35"),
        (replace(PAID, state=RunState.COMPLETED, cost_usd=0.4, estimate_usd=None), Charge.YES, 0.4, "It cost $0.40."),
        (replace(PAID, engine=EngineName.PREVIEW, estimate_usd=None), Charge.NO, 0.0, ""),
    ],
)
def test_what_a_run_costs_and_may_cost(record, charge, at_stake, words):
    assert charge_of(record) is charge
    assert at_stake_usd(record) == at_stake
    assert words in cost_words(record)
    assert bool(words) is bool(cost_words(record))


def spend(*records, visitor="ann", own_token=False, now=NOON, payer=""):
    return spending_of(records, visitor=visitor, own_token=own_token, now=now, payer=payer)


def at(hours_ago, **changes):
    return replace(PAID, created_at=NOON - hours_ago * 3600, **changes)


def test_a_session_ends_with_a_long_break_and_a_day_at_midnight():
    assert spend(at(1), at(7), at(13), at(30)) == Spending(
        session_usd=pytest.approx(1.05), day_usd=pytest.approx(0.7), payer_day_usd=pytest.approx(0.7)
    )
    assert spend(at(SITTING_BREAK_S / 3600 + 0.1)).session_usd == 0.0
    assert spend() == Spending()


def test_the_apps_token_is_one_purse_and_each_visitors_own_is_another():
    records = at(1), at(1, visitor="ben"), at(1, visitor_pays=True), at(1, visitor="ben", visitor_pays=True)
    assert spend(*records) == Spending(session_usd=0.35, day_usd=0.35, payer_day_usd=0.7)
    assert spend(*records, own_token=True) == Spending(session_usd=0.35, day_usd=0.35, payer_day_usd=0.35)
    assert spend(*records, visitor="eve") == Spending(payer_day_usd=0.7)


@pytest.mark.parametrize(
    ("asks", "spent_usd"),
    [
        (
            {"visitor": "ann", "payer": "ip:a"},
            0.7,
        ),  # as another browser, too; and what she spent before there were payers
        ({"visitor": "another id", "payer": "ip:a"}, 0.35),
        ({"visitor": "ann", "payer": "hf:1"}, 0.7),
        ({"visitor": "ann", "payer": "ip:new"}, 0.35),
        ({"visitor": "ann"}, 0.7),  # the command line, and this machine's own page
        ({"visitor": "ann", "payer": "ip:a", "own_token": True}, 0.35),
        ({"visitor": "eve", "payer": "ip:a", "own_token": True}, 0.0),
    ],
)
def test_the_apps_money_is_counted_by_payer_and_each_visitors_own_by_visitor(asks, spent_usd):
    records = (
        at(1, payer="ip:a"),
        at(1, visitor="ben", payer="hf:1"),
        at(1),
        at(1, visitor_pays=True),
    )
    spending = spend(*records, **asks)
    assert spending.session_usd == spending.day_usd == pytest.approx(spent_usd)
    assert spending.payer_day_usd == pytest.approx(spent_usd if asks.get("own_token") else 1.05)


@pytest.mark.parametrize(
    ("budget", "spending", "estimate_usd", "words"),
    [
        (Budget(), Spending(session_usd=99.0), None, None),
        (Budget(session_usd=1.0), Spending(session_usd=0.65), 0.35, None),
        (Budget(session_usd=1.0), Spending(session_usd=0.66), 0.35, "for this session $0.34 is left"),
        (Budget(day_usd=1.0), Spending(session_usd=5.0, payer_day_usd=0.65), 0.35, None),
        (Budget(day_usd=1.0), Spending(payer_day_usd=0.9), 0.35, "for today $0.10 is left"),
        (Budget(session_usd=0.0), Spending(), 0.35, "the budget of $0.00"),
        (Budget(day_usd=1.0), Spending(payer_day_usd=9.0), 0.35, "$0.00 is left"),
        (Budget(day_usd=1.0), Spending(), None, "not known at the moment. Nothing was sent"),
        (Budget(visitor_usd=1.0), Spending(), None, "not known at the moment. Nothing was sent"),
        (Budget(day_usd=4.0, visitor_usd=1.0), Spending(day_usd=0.65, payer_day_usd=3.0), 0.35, None),
        (
            Budget(day_usd=4.0, visitor_usd=1.0),
            Spending(day_usd=0.66),
            0.35,
            "$1.00 for each visitor today $0.34 is left",
        ),
        (Budget(day_usd=4.0, visitor_usd=1.0), Spending(payer_day_usd=3.8), 0.35, "$4.00 for today $0.20 is left"),
    ],
)
def test_a_budget_refuses_what_goes_beyond_it(budget, spending, estimate_usd, words):
    if words is None:
        budget.check(spending, estimate_usd)
        return
    with pytest.raises(RunError) as caught:
        budget.check(spending, estimate_usd)
    assert words in caught.value.message
    assert "Nothing was sent" in caught.value.message
    assert "free" in caught.value.advice


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        (Budget(session_usd=0.1), ["KLING_UI_BUDGET_SESSION_USD"]),
        (Budget(day_usd=0.1), ["midnight UTC", "KLING_UI_BUDGET_DAY_USD"]),
        (
            Budget(visitor_usd=0.1),
            ["account or network address", "midnight UTC", "your own token", "KLING_UI_BUDGET_VISITOR_USD"],
        ),
    ],
)
def test_a_refusal_says_when_it_lifts_and_what_sets_it(budget, told):
    with pytest.raises(RunError) as caught:
        budget.check(Spending(), 0.35)
    assert all(words in caught.value.advice for words in told)


def test_a_share_is_one_visitors_and_stands_beside_what_is_left_for_all():
    budget = Budget(day_usd=8.0).sharing(2.0)
    assert budget == Budget(day_usd=8.0, visitor_usd=2.0)
    assert Budget().sharing(None) == Budget()
    alone, among_others = Spending(day_usd=1.0, payer_day_usd=1.0), Spending(day_usd=1.0, payer_day_usd=7.0)
    assert budget.words(alone) == "Spent on Kling: this session $0.00, today $1.00 of $2.00."
    assert budget.words(among_others).endswith("today $1.00 of $2.00; $1.00 of the day's budget is left.")
    assert Budget(day_usd=8.0).sharing(9.0).words(alone).endswith("today $1.00 of $8.00.")


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (Budget(), "Spent on Kling: this session $1.05, today $2.10."),
        (Budget(session_usd=5.0, day_usd=10.0), "Spent on Kling: this session $1.05 of $5.00, today $2.10 of $10.00."),
    ],
)
def test_what_was_spent_is_told(budget, words):
    assert budget.words(Spending(session_usd=1.05, day_usd=2.1, payer_day_usd=2.1)) == words


def test_what_others_spent_shows_only_in_what_is_left():
    told = Budget(day_usd=10.0).words(Spending(session_usd=1.0, day_usd=1.0, payer_day_usd=7.0))
    assert told == "Spent on Kling: this session $1.00, today $1.00; $3.00 of the day's budget is left."
    assert Budget().words(Spending(payer_day_usd=7.0)) == "Spent on Kling: this session $0.00, today $0.00."


@pytest.mark.parametrize(("usd", "words"), [(0, "$0.00"), (0.084, "$0.084"), (0.35, "$0.35"), (12.0, "$12.00")])
def test_dollars(usd, words):
    assert dollars(usd) == words
