"""What a run is expected to cost, what it did cost, and how much may still be spent: pure functions and values."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Self

from kling_ui.errors import RunError
from kling_ui.runs.record import EngineName, RunRecord, RunState

DAY_S = 86_400.0
SITTING_BREAK_S = 8 * 3600.0  # ours: who comes back after a night begins a new session
NO_QUOTE = "The vendor publishes no quote."
_ROUNDING_USD = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What is known of the price right before a run; the vendor publishes a rate and no quote.

    Attributes:
        rate_usd: US dollars for each :attr:`unit`, read for this very run; ``None`` when it could not be read.
        unit: What is counted, such as ``second``.
        note: The vendor's remark; may be empty.
        duration_s: Length of the reference in seconds, if known.
        trouble: Why there is no rate, in words; empty when there is one.
    """

    rate_usd: float | None = None
    unit: str = ""
    note: str = ""
    duration_s: float | None = None
    trouble: str = ""

    @property
    def estimate_usd(self) -> float | None:
        """Rate times length, where both are known and the rate is by the second."""
        if self.rate_usd is None or self.unit != "second" or self.duration_s is None:
            return None
        return self.rate_usd * self.duration_s

    @property
    def words(self) -> str:
        """Say it in one or two sentences."""
        if self.rate_usd is None:
            return f"The price is not available at the moment. {self.trouble}".strip()
        rate = f"{dollars(self.rate_usd)} a {self.unit}"
        if self.estimate_usd is None:
            return f"The rate is {rate}. {NO_QUOTE}"
        return f"About {dollars(self.estimate_usd)}: {self.duration_s:.1f} s at {rate}. {NO_QUOTE}"

    def to_json(self) -> dict[str, Any]:
        """Put it into plain JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote; fields of later releases are left out."""
        return cls(**{name: data[name] for name in cls.__slots__ if name in data})


class Charge(StrEnum):
    """Whether a run costs money."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


def charge_of(record: RunRecord) -> Charge:
    """Tell whether a run is charged, as far as anybody here can know."""
    if record.engine is EngineName.PREVIEW:
        return Charge.NO
    if record.cost_usd is not None:
        return Charge.YES if record.cost_usd > 0 else Charge.NO
    if record.state is RunState.COMPLETED:
        return Charge.YES
    if record.state is RunState.CANCELLED or record.state is RunState.PREPARING:
        return Charge.NO
    if record.state is RunState.FAILED and record.request_id is None:
        return Charge.NO  # it was refused, or never sent
    return Charge.MAYBE


def cost_words(record: RunRecord) -> str:
    """Say what a run cost beside what was expected; empty for a free one."""
    if record.engine is EngineName.PREVIEW:
        return ""
    estimate = "" if record.estimate_usd is None else f"about {dollars(record.estimate_usd)}"
    if record.cost_usd is not None:
        return f"It cost {dollars(record.cost_usd)}" + (f"; {estimate} was expected." if estimate else ".")
    match charge_of(record):
        case Charge.NO:
            return "Nothing was charged." if record.state.is_final else ""
        case Charge.YES:
            return "RunComfy did not say what it cost" + (f"; {estimate} was expected." if estimate else ".")
        case _ if record.state.is_final:
            return "It is not known whether it is charged" + (f"; {estimate} was expected." if estimate else ".")
        case _:
            return f"It is expected to cost {estimate}." if estimate else ""


def at_stake_usd(record: RunRecord) -> float:
    """Return what a run has cost or may still cost, in US dollars: the cost, else the estimate while it may be charged.

    A run whose outcome is unknown counts with its estimate; one whose price was never known counts nothing.
    """
    if record.cost_usd is not None:
        return record.cost_usd
    is_reserved = record.engine is EngineName.KLING and not record.state.is_final
    if charge_of(record) is Charge.NO and not is_reserved:
        return 0.0
    return record.estimate_usd or 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What one payer's runs cost, with the same token: all that was charged and all that may still be.

    Attributes:
        session_usd: Since their last break of :data:`SITTING_BREAK_S`.
        day_usd: Since midnight, UTC.
        payer_day_usd: The same for everybody who spends with the same token: those who use the app's share it.
    """

    session_usd: float = 0.0
    day_usd: float = 0.0
    payer_day_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What may be spent, in US dollars; ``None`` sets no limit.

    Attributes:
        session_usd: By one payer in one sitting.
        day_usd: With one token in one day (UTC).
        visitor_usd: By one payer with a shared token in one day (UTC).
    """

    session_usd: float | None = None
    day_usd: float | None = None
    visitor_usd: float | None = None

    @property
    def is_set(self) -> bool:
        """Whether there is any limit."""
        return not (self.session_usd is self.day_usd is self.visitor_usd is None)

    def sharing(self, visitor_usd: float | None) -> Self:
        """Give the same budget with a share of the day for each payer; ``None`` sets no such limit."""
        return replace(self, visitor_usd=visitor_usd)

    def words(self, spending: Spending) -> str:
        """Say what was spent on Kling, and of how much."""
        session = f"this session {_of(spending.session_usd, self.session_usd)}"
        if self.day_usd is None or spending.payer_day_usd <= spending.day_usd + _ROUNDING_USD:
            limits = [limit for limit in (self.visitor_usd, self.day_usd) if limit is not None]
            return f"Spent on Kling: {session}, today {_of(spending.day_usd, min(limits, default=None))}."
        today = _of(spending.day_usd, self.visitor_usd)
        left = dollars(max(0.0, self.day_usd - spending.payer_day_usd))
        return f"Spent on Kling: {session}, today {today}; {left} of the day's budget is left."

    def check(self, spending: Spending, estimate_usd: float | None) -> None:
        """Refuse a run that goes beyond the budget.

        Raises:
            RunError: It does, or its price is not known.
        """
        if not self.is_set:
            return
        if estimate_usd is None:
            raise RunError(
                "A budget is set, and what this run would cost is not known at the moment. Nothing was sent.",
                advice="Try again later, or use the preview, which is free.",
            )
        session, share, day = _LIMITS
        _check(self.session_usd, spending.session_usd, estimate_usd, session)
        _check(self.visitor_usd, spending.day_usd, estimate_usd, share)
        _check(self.day_usd, spending.payer_day_usd, estimate_usd, day)


@dataclass(frozen=True, slots=True)
class _Limit:
    """What is said of a limit: whose and when it is, how it is got around, and which variable sets it."""

    span: str
    advice: str
    variable: str


_LIMITS = (
    _Limit("this session", "Use the preview, which is free.", "KLING_UI_BUDGET_SESSION_USD"),
    _Limit(
        "each visitor today",
        "It is counted by account or network address and begins anew at midnight UTC. Until then use your own token, "
        "or the preview, which is free.",
        "KLING_UI_BUDGET_VISITOR_USD",
    ),
    _Limit("today", "It begins anew at midnight UTC. Use the preview, which is free.", "KLING_UI_BUDGET_DAY_USD"),
)


def _check(limit_usd: float | None, spent_usd: float, estimate_usd: float, limit: _Limit) -> None:
    if limit_usd is None or spent_usd + estimate_usd <= limit_usd + _ROUNDING_USD:
        return
    left = dollars(max(0.0, limit_usd - spent_usd))
    raise RunError(
        f"This run would cost about {dollars(estimate_usd)}, but of the budget of {dollars(limit_usd)} "
        f"for {limit.span} {left} is left. Nothing was sent.",
        advice=f"{limit.advice} {limit.variable} sets this budget.",
    )


def _of(spent_usd: float, limit_usd: float | None) -> str:
    return dollars(spent_usd) if limit_usd is None else f"{dollars(spent_usd)} of {dollars(limit_usd)}"


def spending_of(
    records: Iterable[RunRecord], *, visitor: str, own_token: bool, now: float, payer: str = ""
) -> Spending:
    """Add up what runs cost.

    Args:
        records: Paid runs, newest first: everybody's since midnight, and the visitor's and the payer's older ones.
        visitor: Whose session it is.
        own_token: It is paid with the visitor's own token, not the app's.
        now: Seconds since 1970.
        payer: Whose share of the app's money it is; empty counts by visitor, as do runs that name no payer.
    """
    midnight = now - now % DAY_S
    session_usd = day_usd = payer_day_usd = 0.0
    since = now
    for record in records:
        by_visitor = own_token or not payer or record.payer is None
        is_theirs = record.visitor == visitor if by_visitor else record.payer == payer
        if record.visitor_pays is not own_token or (own_token and not is_theirs):
            continue
        amount_usd = at_stake_usd(record)
        if record.created_at >= midnight:
            payer_day_usd += amount_usd
            day_usd += amount_usd if is_theirs else 0.0
        if is_theirs and since - record.created_at <= SITTING_BREAK_S:
            session_usd += amount_usd
            since = record.created_at
    return Spending(session_usd=session_usd, day_usd=day_usd, payer_day_usd=payer_day_usd)


def dollars(amount_usd: float) -> str:
    """``$0.84``; more digits where two would say nothing."""
    amount_usd = round(amount_usd, 6)  # sums of rates are not exact
    return f"${amount_usd:.2f}" if amount_usd >= 0.1 or amount_usd == 0 else f"${amount_usd:.3g}"
