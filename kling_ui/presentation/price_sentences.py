"""What is said of money: the price before a run, its cost after it, what was spent and what a budget allows."""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from kling_ui.checks.usability import Timeline
from kling_ui.languages import joined, retell, say, say_many, told
from kling_ui.options import TransferOptions
from kling_ui.presentation.model_sentences import naming_provider, schema_words
from kling_ui.presentation.wording import NBSP, NOT_AVAILABLE, dollars, seconds
from kling_ui.runs.pricing import ROUNDING_USD, Budget, BudgetLimit, BudgetRefusal, Charge, Quote, Spending
from kling_ui.runs.publishing.protocol import Channel, Delivery, PlannedDeliveries
from kling_ui.runs.record import EngineName
from kling_ui.runs.run_view import RunView

_ALL_S = 0.05  # less of a clip than that is not missed
FREE = told("The preview is free: this app draws it, and nothing goes to Kling.")
NO_PRICE_YET = told("Kling needs a RunComfy token. Enter yours at the top; until then no price can be shown.")
ALREADY_ON_KLING = told("This very request was run on Kling before: another run would only show that again.")
SHOW_IT = told("Show it")
RUN, RUN_ON_KLING = told(("Transfer the motion", "Transfer the motion on Kling"))
NO_QUOTE = told("The vendor publishes no quote.")
WITH_TOKEN = told("It can be read with a RunComfy token.")
# Of each limit: whose and when it is, how it is got around, and which variable sets it.
LIMITS = told(
    {
        BudgetLimit.SESSION: ("this session", "Use the preview, which is free.", "KLING_UI_BUDGET_SESSION_USD"),
        BudgetLimit.VISITOR: (
            "each visitor today",
            "It is counted by account or network address and begins anew at midnight UTC. Until then use your own "
            "token, or the preview, which is free.",
            "KLING_UI_BUDGET_VISITOR_USD",
        ),
        BudgetLimit.DAY: (
            "today",
            "It begins anew at midnight UTC. Use the preview, which is free.",
            "KLING_UI_BUDGET_DAY_USD",
        ),
        BudgetLimit.BATCH: ("this batch", "Choose fewer cells, or use the preview, which is free.", "max_usd"),
    }
)


WAYS = told(
    {  # of a file to RunComfy, in the middle of a sentence
        Channel.GIVEN_ADDRESS: "by the address that you gave ({host})",
        Channel.STORE: "by a copy in the S3 store ({host}), deleted after the run",
        Channel.APP_ADDRESS: "by an address of this app ({host}) that works while the run is open",
        Channel.INLINE: "inside the request",
    }
)


class TokenHint(StrEnum):
    """Whose token pays for a visitor's runs on Kling, and what they can do about it."""

    LEAVE_EMPTY = "leave empty"  # the app's own
    BRING_YOURS = "bring yours"
    LOG_IN = "log in"
    LOG_IN_LISTED = "log in listed"  # as one of the accounts that the app's own pays for
    LOG_IN_AGAIN = "log in again"  # the account is known by no verified name
    NOT_LISTED = "not listed"


TOKEN_HINTS = told(
    {
        TokenHint.LEAVE_EMPTY: "Leave it empty to use the app's own.",
        TokenHint.BRING_YOURS: "Bring your token: the app's own does not pay for visitors.",
        TokenHint.LOG_IN: "Log in to use the app's token, or bring your own.",
        TokenHint.LOG_IN_LISTED: "The app's token pays for some accounts: log in with one of them, or bring your own.",
        TokenHint.LOG_IN_AGAIN: (
            "The app's token pays for some accounts: if yours is one, log out and in again. Else bring your own."
        ),
        TokenHint.NOT_LISTED: "The app's token pays for some accounts, and not for this one: bring your own.",
    }
)


class PriceWords(NamedTuple):
    """A price in words.

    Attributes:
        figure: What it may come to, or the rate, or that neither is known.
        more: How that is reckoned, and that it is no quote; or why it is not known. May be empty.
    """

    figure: str
    more: str


def price_words(quote: Quote) -> PriceWords:
    """Say what a run may cost; the figure alone is what matters most."""
    if quote.rate_usd is None:
        return PriceWords(retell(NOT_AVAILABLE), retell(WITH_TOKEN if quote.needs_token else quote.trouble))
    rate = say("{rate_usd} a {unit}", rate_usd=dollars(quote.rate_usd), unit=quote.unit)
    if quote.estimate_usd is None or quote.duration_s is None:
        return PriceWords(say("The rate is {rate}.", rate=rate), retell(NO_QUOTE))
    return PriceWords(
        say("About {estimate_usd}:", estimate_usd=dollars(quote.estimate_usd)),
        say("{duration} at {rate}. {no_quote}", duration=seconds(quote.duration_s), rate=rate, no_quote=NO_QUOTE),
    )


def price_sentence(quote: Quote) -> str:
    """Say the same in one go, for a terminal as well as for the page."""
    return " ".join([*price_words(quote), schema_words(quote.changes)]).replace(NBSP, " ").strip()


def run_label(quote: Quote) -> str:
    """Say on the button where the run goes and what it may cost."""
    if quote.estimate_usd is None:
        return RUN_ON_KLING
    return say("{label}, about\N{NO-BREAK SPACE}{price}", label=RUN_ON_KLING, price=dollars(quote.estimate_usd))


def part_words(part: Timeline, quote: Quote | None) -> str:
    """Say what a part of a clip would cost and how much of it is likely to come back, before it is cut out.

    Args:
        part: The part alone.
        quote: Its price on Kling; ``None`` for the preview, which is free.
    """
    if part.usable_s >= part.duration_s - _ALL_S:
        forecast = say("all of it is likely to come back")
    elif part.usable is None:
        forecast = say("nothing of it is sure to come back")
    else:
        forecast = say("about\N{NO-BREAK SPACE}{usable} are likely to come back", usable=seconds(part.usable_s))
    price = (
        ""
        if quote is None or quote.estimate_usd is None
        else say("about\N{NO-BREAK SPACE}{price} on Kling; ", price=dollars(quote.estimate_usd))
    )
    return say("{duration}: {price}{forecast}.", duration=seconds(part.duration_s), price=price, forecast=forecast)


def price_risen_words(quote: Quote, shown_rate_usd: float) -> tuple[str, str]:
    """Say that a rate is higher than the one that was shown, and what to do."""
    rise = say(
        "from {shown_usd} to {rate_usd} a {unit}",
        shown_usd=dollars(shown_rate_usd),
        rate_usd=dollars(quote.rate_usd or 0.0),
        unit=quote.unit,
    )
    return say("The price has risen {rise} since it was shown.", rise=rise), say("Start it again if that is fine.")


def too_dear_words(quote: Quote, max_usd: float) -> tuple[str, str]:
    """Say that a run costs more than whoever asked for it allows, or that its price is not known, and what to do."""
    if quote.estimate_usd is None:
        words = say(
            "What this run would cost is not known at the moment, and it may cost {max_usd} at most.",
            max_usd=dollars(max_usd),
        )
        return words, say("Try again later, or use the preview, which is free.")
    words = say(
        "This run would cost about {estimate_usd}, but it may cost {max_usd} at most.",
        estimate_usd=dollars(quote.estimate_usd),
        max_usd=dollars(max_usd),
    )
    return words, say("Raise max_usd, shorten the clip, or use the preview, which is free.")


def cost_sentence(run: RunView) -> str:
    """Say what a run cost beside what was expected; empty for a free one."""
    if run.engine is EngineName.PREVIEW:
        return ""
    estimate = "" if run.estimate_usd is None else say("about {estimate_usd}", estimate_usd=dollars(run.estimate_usd))
    expected = say("; {estimate} was expected.", estimate=estimate) if estimate else say(".")
    if run.cost_usd is not None:
        return say("It cost {cost_usd}{expected}", cost_usd=dollars(run.cost_usd), expected=expected)
    match run.charge:
        case Charge.NO:
            return say("Nothing was charged.") if run.is_final else ""
        case Charge.YES:
            return say("RunComfy did not say what it cost{expected}", expected=expected)
        case _ if run.is_final:
            return say("It is not known whether it is charged{expected}", expected=expected)
        case _:
            return say("It is expected to cost {estimate}.", estimate=estimate) if estimate else ""


def spending_sentence(budget: Budget, spending: Spending) -> str:
    """Say what was spent on Kling, and of how much; what may turn out not to be charged stands by itself."""
    session_usd = spending.session_usd - spending.session_unsure_usd
    day_usd = spending.day_usd - spending.day_unsure_usd
    session = say("this session {spent}", spent=_of(session_usd, budget.session_usd))
    if budget.day_usd is None or spending.payer_day_usd <= spending.day_usd + ROUNDING_USD:
        limits = [limit for limit in (budget.visitor_usd, budget.day_usd) if limit is not None]
        spent = say(
            "Spent on Kling: {session}, today {today}.", session=session, today=_of(day_usd, min(limits, default=None))
        )
    else:
        left = dollars(max(0.0, budget.day_usd - spending.payer_day_usd))
        today = _of(day_usd, budget.visitor_usd)
        spent = say(
            "Spent on Kling: {session}, today {today}; {left} of the day's budget is left.",
            session=session,
            today=today,
            left=left,
        )
    return " ".join([spent, *_unsure(budget, spending)])


def _unsure(budget: Budget, spending: Spending) -> Iterator[str]:
    """Say how much more it is if runs are charged of which that is not known."""
    if not spending.unsure_runs:
        return
    more = dollars(max(spending.session_unsure_usd, spending.day_unsure_usd))
    counted = say("; budgets count it as spent") if budget.is_set else ""
    one = "Up to {more} more if the run is charged whose outcome is not known yet{counted}."
    many = "Up to {more} more if the {count} runs are charged whose outcome is not known yet{counted}."
    yield say_many(one, many, spending.unsure_runs, more=more, counted=counted)


def leaving_words(planned: PlannedDeliveries, choice: TransferOptions) -> str:
    """Say what a run on Kling sends to its provider and how; the sentence goes on with the prompt in quotes."""
    return naming_provider(_leaving_words(planned), choice)


def _leaving_words(planned: PlannedDeliveries) -> str:
    image, video = _ways(planned.image), _ways(planned.video)
    what = say("Picture, clip and this text go to RunComfy")
    if image != video:
        return say("{what}: the picture {image}; the clip {video}; and the text:", what=what, image=image, video=video)
    return (
        say("{what} {image}:", what=what, image=image)
        if image == retell(WAYS[Channel.INLINE])
        else say("{what}, the files {image}; and the text:", what=what, image=image)
    )


def _ways(deliveries: tuple[Delivery, ...]) -> str:
    """Name the way that is tried first, and the next one, which is taken where it fails."""
    return joined(", else ", (say(WAYS[delivery.channel], host=delivery.host) for delivery in deliveries[:2]))


def refusal_words(refusal: BudgetRefusal) -> tuple[str, str]:
    """Say why a budget does not allow a run, and what to do."""
    if refusal.limit is BudgetLimit.NO_PRICE:
        return (
            say("A budget is set, and what this run would cost is not known at the moment."),
            say("Try again later, or use the preview, which is free."),
        )
    span, advice, variable = LIMITS[refusal.limit]
    return (
        say(
            "This run would cost about {estimate_usd}, but of the budget of {limit_usd} for {span} {left_usd} is left.",
            estimate_usd=dollars(refusal.estimate_usd),
            limit_usd=dollars(refusal.limit_usd),
            span=span,
            left_usd=dollars(refusal.left_usd),
        ),
        say("{advice} {variable} sets this budget.", advice=advice, variable=variable),
    )


def _of(spent_usd: float, limit_usd: float | None) -> str:
    return (
        dollars(spent_usd)
        if limit_usd is None
        else say("{spent_usd} of {limit_usd}", spent_usd=dollars(spent_usd), limit_usd=dollars(limit_usd))
    )
