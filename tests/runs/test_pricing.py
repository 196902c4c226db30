from dataclasses import replace

import pytest
from run_records import a_run

from kling_ui.runs.pricing import (
    SITTING_BREAK_S,
    Budget,
    BudgetError,
    BudgetLimit,
    Charge,
    Quote,
    Spending,
    TooDearError,
    at_stake_usd,
    charge_of,
    hold_price,
    spending_of,
)
from kling_ui.runs.record import EngineName, RunState

NOON = 20_000 * 86_400.0 + 43_200.0
PAID = a_run(created_at=NOON, changed_at=NOON, request_id="req-1", estimate_usd=0.35)
NOT_SENT = replace(PAID, request_id=None)


@pytest.mark.parametrize(
    ("quote", "estimate_usd"),
    [
        (Quote(rate_usd=0.07, unit="second", duration_s=5.0), 0.35),
        (Quote(rate_usd=0.07, unit="second"), None),
        (Quote(rate_usd=0.5, unit="run", duration_s=5.0), None),
        (Quote(duration_s=5.0, trouble="It is busy."), None),
        (Quote(rate_usd=0.0, unit="second", duration_s=5.0), 0.0),
    ],
)
def test_an_estimate_is_made_of_what_is_known_alone(quote, estimate_usd):
    assert quote.estimate_usd == (None if estimate_usd is None else pytest.approx(estimate_usd))
    assert Quote.from_json(quote.to_json() | {"of a later release": 1}) == quote


@pytest.mark.parametrize(
    ("record", "charge", "at_stake"),
    [
        (replace(NOT_SENT, state=RunState.PREPARING), Charge.NO, 0.35),
        (replace(NOT_SENT, state=RunState.SUBMITTING), Charge.MAYBE, 0.35),
        (PAID, Charge.MAYBE, 0.35),
        (replace(PAID, estimate_usd=None), Charge.MAYBE, 0.0),
        (replace(NOT_SENT, state=RunState.UNKNOWN), Charge.MAYBE, 0.35),
        (replace(PAID, state=RunState.UNKNOWN), Charge.MAYBE, 0.35),
        (replace(NOT_SENT, state=RunState.FAILED), Charge.NO, 0.0),
        (replace(PAID, state=RunState.FAILED), Charge.MAYBE, 0.35),
        (replace(PAID, state=RunState.FAILED, cost_usd=0.0), Charge.NO, 0.0),
        (replace(PAID, state=RunState.FAILED, cost_usd=0.2), Charge.YES, 0.2),
        (replace(PAID, state=RunState.CANCELLED), Charge.NO, 0.0),
        (replace(PAID, state=RunState.COMPLETED), Charge.YES, 0.35),
        (replace(PAID, state=RunState.COMPLETED, cost_usd=0.4), Charge.YES, 0.4),
        (replace(PAID, state=RunState.COMPLETED, cost_usd=0.4, estimate_usd=None), Charge.YES, 0.4),
        (replace(PAID, engine=EngineName.PREVIEW, estimate_usd=None), Charge.NO, 0.0),
    ],
)
def test_what_a_run_costs_and_may_cost(record, charge, at_stake):
    assert charge_of(record) is charge
    assert at_stake_usd(record) == at_stake


def spend(*records, visitor="ann", own_token=False, now=NOON, payer=""):
    return spending_of(records, visitor=visitor, own_token=own_token, now=now, payer=payer)


def at(hours_ago, **changes):
    return replace(PAID, **({"state": RunState.COMPLETED, "created_at": NOON - hours_ago * 3600} | changes))


def test_what_may_not_be_charged_is_told_apart_from_what_is():
    unknown = at(2, state=RunState.UNKNOWN, request_id=None, estimate_usd=0.42)
    refused = at(2, state=RunState.FAILED, request_id=None)
    spending = spend(at(1, cost_usd=0.84), unknown, replace(unknown, visitor="bob"), refused)
    assert (spending.session_usd, spending.day_usd) == pytest.approx((1.26, 1.26))  # as budgets count it
    assert (spending.session_unsure_usd, spending.day_unsure_usd, spending.unsure_runs) == (0.42, 0.42, 1)


def test_a_session_ends_with_a_long_break_and_a_day_at_midnight():
    assert spend(at(1), at(7), at(13), at(30)) == Spending(
        session_usd=pytest.approx(1.05), day_usd=pytest.approx(0.7), payer_day_usd=pytest.approx(0.7)
    )
    assert spend(at(SITTING_BREAK_S / 3600 + 0.1)).session_usd == 0.0
    assert spend() == Spending()


def test_the_apps_token_is_counted_apart_from_each_visitors_own():
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
    ("budget", "spending", "estimate_usd", "refusal"),
    [
        (Budget(), Spending(session_usd=99.0), None, None),
        (Budget(session_usd=1.0), Spending(session_usd=0.65), 0.35, None),
        (Budget(session_usd=1.0), Spending(session_usd=0.66), 0.35, (BudgetLimit.SESSION, 0.34)),
        (Budget(day_usd=1.0), Spending(session_usd=5.0, payer_day_usd=0.65), 0.35, None),
        (Budget(day_usd=1.0), Spending(payer_day_usd=0.9), 0.35, (BudgetLimit.DAY, 0.1)),
        (Budget(session_usd=0.0), Spending(), 0.35, (BudgetLimit.SESSION, 0.0)),
        (Budget(day_usd=1.0), Spending(payer_day_usd=9.0), 0.35, (BudgetLimit.DAY, 0.0)),
        (Budget(day_usd=1.0), Spending(), None, (BudgetLimit.NO_PRICE, 0.0)),
        (Budget(visitor_usd=1.0), Spending(), None, (BudgetLimit.NO_PRICE, 0.0)),
        (Budget(day_usd=4.0, visitor_usd=1.0), Spending(day_usd=0.65, payer_day_usd=3.0), 0.35, None),
        (Budget(day_usd=4.0, visitor_usd=1.0), Spending(day_usd=0.66), 0.35, (BudgetLimit.VISITOR, 0.34)),
        (Budget(day_usd=4.0, visitor_usd=1.0), Spending(payer_day_usd=3.8), 0.35, (BudgetLimit.DAY, 0.2)),
    ],
)
def test_a_budget_refuses_what_goes_beyond_it(budget, spending, estimate_usd, refusal):
    if refusal is None:
        budget.check(spending, estimate_usd)
        return
    with pytest.raises(BudgetError) as caught:
        budget.check(spending, estimate_usd)
    assert (caught.value.refusal.limit, caught.value.refusal.left_usd) == (refusal[0], pytest.approx(refusal[1]))


def test_a_share_is_one_visitors_and_stands_beside_what_is_left_for_all():
    assert Budget(day_usd=8.0).sharing(2.0) == Budget(day_usd=8.0, visitor_usd=2.0)
    assert Budget().sharing(None) == Budget()


@pytest.mark.parametrize("max_usd", [0.28, 0.29, 5.0, None])
def test_a_price_within_its_limit_is_held(max_usd):
    hold_price(Quote(rate_usd=0.07, unit="second", duration_s=4.0), max_usd)


@pytest.mark.parametrize(
    ("quote", "max_usd"),
    [
        (Quote(rate_usd=0.07, unit="second", duration_s=4.0), 0.279),
        (Quote(rate_usd=0.07, unit="second"), 100.0),
        (Quote(rate_usd=0.07, unit="run", duration_s=4.0), 100.0),
        (Quote(trouble="No connection."), 100.0),
    ],
)
def test_a_dearer_or_unknown_price_is_refused(quote, max_usd):
    with pytest.raises(TooDearError):
        hold_price(quote, max_usd)


def test_without_a_limit_an_unknown_price_may_pass():
    hold_price(Quote(trouble="No connection."), None)
