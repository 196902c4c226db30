"""What is said of money: the price before a run, its cost after it, what was spent and what a budget allows."""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from kling_ui.checks.usability import Timeline
from kling_ui.presentation.wording import NBSP, seconds
from kling_ui.runs.pricing import ROUNDING_USD, Budget, BudgetLimit, BudgetRefusal, Charge, Quote, Spending
from kling_ui.runs.publishing.protocol import Channel, Delivery, PlannedDeliveries
from kling_ui.runs.record import EngineName
from kling_ui.runs.view import RunView

_ALL_S = 0.05  # less of a clip than that is not missed
NO_QUOTE = "The vendor publishes no quote."
NOT_AVAILABLE = "The price is not available at the moment."
WITH_TOKEN = "It can be read with a RunComfy token."  # noqa: S105  no password
# Of each limit: whose and when it is, how it is got around, and which variable sets it.
LIMITS = {
    BudgetLimit.SESSION: ("this session", "Use the preview, which is free.", "KLING_UI_BUDGET_SESSION_USD"),
    BudgetLimit.VISITOR: (
        "each visitor today",
        "It is counted by account or network address and begins anew at midnight UTC. Until then use your own token, "
        "or the preview, which is free.",
        "KLING_UI_BUDGET_VISITOR_USD",
    ),
    BudgetLimit.DAY: (
        "today",
        "It begins anew at midnight UTC. Use the preview, which is free.",
        "KLING_UI_BUDGET_DAY_USD",
    ),
    BudgetLimit.BATCH: ("this batch", "Choose fewer cells, or use the preview, which is free.", "max_usd"),
}


WAYS = {  # of a file to RunComfy, in the middle of a sentence
    Channel.GIVEN_ADDRESS: "by the address that you gave ({host})",
    Channel.STORE: "by a copy in the S3 store ({host}), deleted after the run",
    Channel.APP_ADDRESS: "by an address of this app ({host}) that works while the run is open",
    Channel.INLINE: "inside the request",
}


class TokenHint(StrEnum):
    """Whose token pays for a visitor's runs on Kling, and what they can do about it."""

    LEAVE_EMPTY = "leave empty"  # the app's own
    BRING_YOURS = "bring yours"
    LOG_IN = "log in"
    LOG_IN_LISTED = "log in listed"  # as one of the accounts that the app's own pays for
    LOG_IN_AGAIN = "log in again"  # the account is known by no verified name
    NOT_LISTED = "not listed"


TOKEN_HINTS = {
    TokenHint.LEAVE_EMPTY: "Leave it empty to use the app's own.",
    TokenHint.BRING_YOURS: "Bring your token: the app's own does not pay for visitors.",
    TokenHint.LOG_IN: "Log in to use the app's token, or bring your own.",
    TokenHint.LOG_IN_LISTED: "The app's token pays for some accounts: log in with one of them, or bring your own.",
    TokenHint.LOG_IN_AGAIN: (
        "The app's token pays for some accounts: if yours is one, log out and in again. Else bring your own."
    ),
    TokenHint.NOT_LISTED: "The app's token pays for some accounts, and not for this one: bring your own.",
}


class PriceWords(NamedTuple):
    """A price in words.

    Attributes:
        figure: What it may come to, or the rate, or that neither is known.
        more: How that is reckoned, and that it is no quote; or why it is not known. May be empty.
    """

    figure: str
    more: str


def dollars(amount_usd: float) -> str:
    """``$0.84``; more digits where two would say nothing."""
    amount_usd = round(amount_usd, 6)  # sums of rates are not exact
    return f"${amount_usd:.2f}" if amount_usd >= 0.1 or amount_usd == 0 else f"${amount_usd:.3g}"


def price_words(quote: Quote) -> PriceWords:
    """Say what a run may cost; the figure alone is what matters most."""
    if quote.rate_usd is None:
        return PriceWords(NOT_AVAILABLE, WITH_TOKEN if quote.needs_token else quote.trouble)
    rate = f"{dollars(quote.rate_usd)} a {quote.unit}"
    if quote.estimate_usd is None or quote.duration_s is None:
        return PriceWords(f"The rate is {rate}.", NO_QUOTE)
    return PriceWords(f"About {dollars(quote.estimate_usd)}:", f"{seconds(quote.duration_s)} at {rate}. {NO_QUOTE}")


def price_sentence(quote: Quote) -> str:
    """Say the same in one go, for a terminal as well as for the page."""
    return " ".join(price_words(quote)).replace(NBSP, " ").strip()


def part_words(part: Timeline, quote: Quote | None) -> str:
    """Say what a part of a clip would cost and how much of it is likely to come back, before it is cut out.

    Args:
        part: The part alone.
        quote: Its price on Kling; ``None`` for the preview, which is free.
    """
    if part.usable_s >= part.duration_s - _ALL_S:
        forecast = "all of it is likely to come back"
    elif part.usable is None:
        forecast = "nothing of it is sure to come back"
    else:
        forecast = f"about{NBSP}{seconds(part.usable_s)} are likely to come back"
    price = (
        "" if quote is None or quote.estimate_usd is None else f"about{NBSP}{dollars(quote.estimate_usd)} on Kling; "
    )
    return f"{seconds(part.duration_s)}: {price}{forecast}."


def price_risen_words(quote: Quote, shown_rate_usd: float) -> tuple[str, str]:
    """Say that a rate is higher than the one that was shown, and what to do."""
    rise = f"from {dollars(shown_rate_usd)} to {dollars(quote.rate_usd or 0.0)} a {quote.unit}"
    return f"The price has risen {rise} since it was shown.", "Start it again if that is fine."


def too_dear_words(quote: Quote, max_usd: float) -> tuple[str, str]:
    """Say that a run costs more than whoever asked for it allows, or that its price is not known, and what to do."""
    if quote.estimate_usd is None:
        words = f"What this run would cost is not known at the moment, and it may cost {dollars(max_usd)} at most."
        return words, "Try again later, or use the preview, which is free."
    words = f"This run would cost about {dollars(quote.estimate_usd)}, but it may cost {dollars(max_usd)} at most."
    return words, "Raise max_usd, shorten the clip, or use the preview, which is free."


def cost_sentence(run: RunView) -> str:
    """Say what a run cost beside what was expected; empty for a free one."""
    if run.engine is EngineName.PREVIEW:
        return ""
    estimate = "" if run.estimate_usd is None else f"about {dollars(run.estimate_usd)}"
    expected = f"; {estimate} was expected." if estimate else "."
    if run.cost_usd is not None:
        return f"It cost {dollars(run.cost_usd)}{expected}"
    match run.charge:
        case Charge.NO:
            return "Nothing was charged." if run.is_final else ""
        case Charge.YES:
            return f"RunComfy did not say what it cost{expected}"
        case _ if run.is_final:
            return f"It is not known whether it is charged{expected}"
        case _:
            return f"It is expected to cost {estimate}." if estimate else ""


def spending_sentence(budget: Budget, spending: Spending) -> str:
    """Say what was spent on Kling, and of how much; what may turn out not to be charged stands by itself."""
    session_usd = spending.session_usd - spending.session_unsure_usd
    day_usd = spending.day_usd - spending.day_unsure_usd
    session = f"this session {_of(session_usd, budget.session_usd)}"
    if budget.day_usd is None or spending.payer_day_usd <= spending.day_usd + ROUNDING_USD:
        limits = [limit for limit in (budget.visitor_usd, budget.day_usd) if limit is not None]
        spent = f"Spent on Kling: {session}, today {_of(day_usd, min(limits, default=None))}."
    else:
        left = dollars(max(0.0, budget.day_usd - spending.payer_day_usd))
        today = _of(day_usd, budget.visitor_usd)
        spent = f"Spent on Kling: {session}, today {today}; {left} of the day's budget is left."
    return " ".join([spent, *_unsure(budget, spending)])


def _unsure(budget: Budget, spending: Spending) -> Iterator[str]:
    """Say how much more it is if runs are charged of which that is not known."""
    if not spending.unsure_runs:
        return
    more = dollars(max(spending.session_unsure_usd, spending.day_unsure_usd))
    runs = "the run is" if spending.unsure_runs == 1 else f"the {spending.unsure_runs} runs are"
    counted = "; budgets count it as spent" if budget.is_set else ""
    yield f"Up to {more} more if {runs} charged whose outcome is not known yet{counted}."


def leaving_words(planned: PlannedDeliveries) -> str:
    """Say what a run on Kling sends to RunComfy and how; the sentence goes on with the prompt in quotes."""
    image, video = _ways(planned.image), _ways(planned.video)
    what = "Picture, clip and this text go to RunComfy"
    if image != video:
        return f"{what}: the picture {image}; the clip {video}; and the text:"
    return f"{what} {image}:" if image == WAYS[Channel.INLINE] else f"{what}, the files {image}; and the text:"


def _ways(deliveries: tuple[Delivery, ...]) -> str:
    """Name the way that is tried first, and the next one, which is taken where it fails."""
    return ", else ".join(WAYS[delivery.channel].format(host=delivery.host) for delivery in deliveries[:2])


def refusal_words(refusal: BudgetRefusal) -> tuple[str, str]:
    """Say why a budget does not allow a run, and what to do."""
    if refusal.limit is BudgetLimit.NO_PRICE:
        return (
            "A budget is set, and what this run would cost is not known at the moment.",
            "Try again later, or use the preview, which is free.",
        )
    span, advice, variable = LIMITS[refusal.limit]
    return (
        f"This run would cost about {dollars(refusal.estimate_usd)}, but of the budget of "
        f"{dollars(refusal.limit_usd)} for {span} {dollars(refusal.left_usd)} is left.",
        f"{advice} {variable} sets this budget.",
    )


def _of(spent_usd: float, limit_usd: float | None) -> str:
    return dollars(spent_usd) if limit_usd is None else f"{dollars(spent_usd)} of {dollars(limit_usd)}"
