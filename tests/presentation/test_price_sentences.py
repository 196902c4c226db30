from dataclasses import replace
from pathlib import Path

import pytest
from run_records import a_run

from kling_ui.options import TransferOptions
from kling_ui.presentation.price_sentences import (
    LIMITS,
    TOKEN_HINTS,
    TokenHint,
    cost_sentence,
    dollars,
    leaving_words,
    price_sentence,
    spending_sentence,
)
from kling_ui.presentation.runs import in_words
from kling_ui.runs.pricing import Budget, BudgetError, BudgetLimit, PriceRisenError, Quote, Spending, TooDearError
from kling_ui.runs.publishing.protocol import Channel, Delivery, PlannedDeliveries
from kling_ui.runs.record import EngineName, RunState
from kling_ui.runs.run_view import LiveFacts, view_of

PAID = a_run(request_id="req-1", estimate_usd=0.35)
NOT_SENT = replace(PAID, request_id=None)


@pytest.mark.parametrize(
    ("quote", "words"),
    [
        (
            Quote(rate_usd=0.07, unit="second", duration_s=5.0),
            "About $0.35: 5.0 s at $0.07 a second. The vendor publishes no quote.",
        ),
        (Quote(rate_usd=0.07, unit="second"), "The rate is $0.07 a second. The vendor publishes no quote."),
        (Quote(rate_usd=0.5, unit="run", duration_s=5.0), "The rate is $0.50 a run. The vendor publishes no quote."),
        (Quote(duration_s=5.0, trouble="It is busy."), "The price is not available at the moment. It is busy."),
        (
            Quote(duration_s=5.0, needs_token=True),
            "The price is not available at the moment. It can be read with a RunComfy token.",
        ),
        (Quote(), "The price is not available at the moment."),
        (
            Quote(rate_usd=0.0, unit="second", duration_s=5.0),
            "About $0.00: 5.0 s at $0.00 a second. The vendor publishes no quote.",
        ),
    ],
)
def test_a_price_says_what_is_known_and_invents_nothing(quote, words):
    assert price_sentence(quote) == words


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (replace(NOT_SENT, state=RunState.PREPARING), ""),
        (replace(NOT_SENT, state=RunState.SUBMITTING), "expected to cost about $0.35"),
        (PAID, "expected to cost about $0.35"),
        (replace(PAID, estimate_usd=None), ""),
        (replace(NOT_SENT, state=RunState.UNKNOWN), "not known whether it is charged; about $0.35"),
        (replace(PAID, state=RunState.UNKNOWN), "not known whether it is charged"),
        (replace(NOT_SENT, state=RunState.FAILED), "Nothing was charged."),
        (replace(PAID, state=RunState.FAILED), "not known whether it is charged"),
        (replace(PAID, state=RunState.FAILED, cost_usd=0.0), "It cost $0.00"),
        (replace(PAID, state=RunState.FAILED, cost_usd=0.2), "It cost $0.20; about $0.35"),
        (replace(PAID, state=RunState.CANCELLED), "Nothing was charged."),
        (replace(PAID, state=RunState.COMPLETED), "did not say what it cost; about $0.35"),
        (replace(PAID, state=RunState.COMPLETED, cost_usd=0.4), "It cost $0.40; about $0.35"),
        (replace(PAID, state=RunState.COMPLETED, cost_usd=0.4, estimate_usd=None), "It cost $0.40."),
        (replace(PAID, engine=EngineName.PREVIEW, estimate_usd=None), ""),
    ],
)
def test_what_a_run_costs_and_may_cost_is_said(record, words):
    said = cost_sentence(view_of(record, LiveFacts(), folder=Path("/runs/1"), now=160.0))
    assert words in said
    assert bool(words) is bool(said)


def refused(budget, spending, estimate_usd):
    with pytest.raises(BudgetError) as caught:
        budget.check(spending, estimate_usd)
    return in_words(caught.value)


@pytest.mark.parametrize(
    ("budget", "spending", "estimate_usd", "words"),
    [
        (Budget(session_usd=1.0), Spending(session_usd=0.66), 0.35, "for this session $0.34 is left"),
        (Budget(day_usd=1.0), Spending(payer_day_usd=0.9), 0.35, "for today $0.10 is left"),
        (Budget(session_usd=0.0), Spending(), 0.35, "the budget of $0.00"),
        (Budget(day_usd=1.0), Spending(payer_day_usd=9.0), 0.35, "$0.00 is left"),
        (Budget(day_usd=1.0), Spending(), None, "not known at the moment. Nothing was sent"),
        (Budget(visitor_usd=1.0), Spending(), None, "not known at the moment. Nothing was sent"),
        (
            Budget(day_usd=4.0, visitor_usd=1.0),
            Spending(day_usd=0.66),
            0.35,
            "$1.00 for each visitor today $0.34 is left",
        ),
        (Budget(day_usd=4.0, visitor_usd=1.0), Spending(payer_day_usd=3.8), 0.35, "$4.00 for today $0.20 is left"),
    ],
)
def test_a_refusal_says_what_stands_in_the_way(budget, spending, estimate_usd, words):
    error = refused(budget, spending, estimate_usd)
    assert words in error.message
    assert error.message.endswith("Nothing was sent.")
    assert "free" in error.advice


def test_every_limit_has_its_words():
    assert {*LIMITS, BudgetLimit.NO_PRICE} == set(BudgetLimit)


def test_every_hint_at_a_token_has_its_sentence():
    assert set(TOKEN_HINTS) == set(TokenHint)


def test_a_price_that_has_risen_is_said_with_both_rates():
    error = in_words(PriceRisenError(Quote(rate_usd=0.1, unit="second"), 0.07))
    assert error.message == "The price has risen from $0.07 to $0.10 a second since it was shown. Nothing was sent."
    assert error.advice == "Start it again if that is fine."


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
    error = refused(budget, Spending(), 0.35)
    assert all(words in error.advice for words in told)


def test_a_share_is_said_to_be_one_visitors_and_stands_beside_what_is_left_for_all():
    budget = Budget(day_usd=8.0).sharing(2.0)
    alone, among_others = Spending(day_usd=1.0, payer_day_usd=1.0), Spending(day_usd=1.0, payer_day_usd=7.0)
    assert spending_sentence(budget, alone) == "Spent on Kling: this session $0.00, today $1.00 of $2.00."
    assert spending_sentence(budget, among_others).endswith("today $1.00 of $2.00; $1.00 of the day's budget is left.")
    assert spending_sentence(Budget(day_usd=8.0).sharing(9.0), alone).endswith("today $1.00 of $8.00.")


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (Budget(), "Spent on Kling: this session $1.05, today $2.10."),
        (Budget(session_usd=5.0, day_usd=10.0), "Spent on Kling: this session $1.05 of $5.00, today $2.10 of $10.00."),
    ],
)
def test_what_was_spent_is_told(budget, words):
    assert spending_sentence(budget, Spending(session_usd=1.05, day_usd=2.1, payer_day_usd=2.1)) == words


@pytest.mark.parametrize(
    ("budget", "runs", "words"),
    [
        (Budget(), 1, "today $1.26. Up to $0.42 more if the run is charged whose outcome is not known yet."),
        (
            Budget(session_usd=5.0),
            2,
            "today $1.26. Up to $0.42 more if the 2 runs are charged whose outcome is not known yet; budgets count it "
            "as spent.",
        ),
    ],
)
def test_a_run_of_unknown_outcome_is_not_counted_as_certain(budget, runs, words):
    sums = {"session_usd": 1.68, "day_usd": 1.68, "payer_day_usd": 1.68}
    spending = Spending(**sums, session_unsure_usd=0.42, day_unsure_usd=0.42, unsure_runs=runs)
    assert spending_sentence(budget, spending).endswith(words)


GIVEN, STORE = Delivery(Channel.GIVEN_ADDRESS, "pics.example"), Delivery(Channel.STORE, "store.example", 2)
INLINE = Delivery(Channel.INLINE)


@pytest.mark.parametrize(
    ("image", "video", "words"),
    [
        ((INLINE,), (INLINE,), "Picture, clip and this text go to RunComfy inside the request:"),
        (
            (STORE, INLINE),
            (STORE, INLINE),
            "Picture, clip and this text go to RunComfy, the files by a copy in the S3 store (store.example), deleted "
            "after the run, else inside the request; and the text:",
        ),
        (
            (GIVEN, INLINE),
            (INLINE,),
            "Picture, clip and this text go to RunComfy: the picture by the address that you gave (pics.example), else "
            "inside the request; the clip inside the request; and the text:",
        ),
    ],
)
def test_what_leaves_the_machine_is_said_with_its_way(image, video, words):
    assert leaving_words(PlannedDeliveries(image, video), TransferOptions()) == words


def test_what_others_spent_shows_only_in_what_is_left():
    told = spending_sentence(Budget(day_usd=10.0), Spending(session_usd=1.0, day_usd=1.0, payer_day_usd=7.0))
    assert told == "Spent on Kling: this session $1.00, today $1.00; $3.00 of the day's budget is left."
    assert (
        spending_sentence(Budget(), Spending(payer_day_usd=7.0)) == "Spent on Kling: this session $0.00, today $0.00."
    )


@pytest.mark.parametrize(("usd", "words"), [(0, "$0.00"), (0.084, "$0.084"), (0.35, "$0.35"), (12.0, "$12.00")])
def test_dollars(usd, words):
    assert dollars(usd) == words


def test_a_run_that_is_too_dear_says_what_it_would_cost_and_what_it_may():
    dear = in_words(TooDearError(Quote(rate_usd=0.07, unit="second", duration_s=4.0), 0.2))
    assert str(dear) == (
        "This run would cost about $0.28, but it may cost $0.20 at most. Nothing was sent. "
        "Raise max_usd, shorten the clip, or use the preview, which is free."
    )
    unknown = in_words(TooDearError(Quote(trouble="No connection."), 0.2))
    assert str(unknown).startswith(
        "What this run would cost is not known at the moment, and it may cost $0.20 at most."
    )
