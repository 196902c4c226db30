"""What a run is expected to cost, what it did cost, and how much may still be spent: pure functions and values."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Self

from pydantic import SecretStr

from kling_ui.errors import RunError
from kling_ui.languages import Told, told
from kling_ui.options import Provider
from kling_ui.quotas import DAY_S, Usage
from kling_ui.runs.model_schema import SchemaChange
from kling_ui.runs.record import EngineName, ModelSchema, RunRecord, RunState

SITTING_BREAK_S = 8 * 3600.0  # ours: who comes back after a night begins a new session
ROUNDING_USD = 1e-9  # sums of rates are not exact


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What is known of the price right before a run; the vendor publishes a rate and no quote.

    Attributes:
        rate_usd: US dollars for each :attr:`unit`, read for this very run; ``None`` when it could not be read.
        unit: What is counted, such as ``second``.
        note: The vendor's remark; may be empty.
        duration_s: Length of the reference in seconds, if known.
        trouble: What the error says that kept the rate away; empty when there is one.
        needs_token: There is no rate, because it can only be read with a token.
        model_id: The model whose price it is.
        changes: How what the model takes differs from what it took before.
        schema: What it takes now, if the vendor says it.
    """

    rate_usd: float | None = None
    unit: str = ""
    note: str = ""
    duration_s: float | None = None
    trouble: str = ""
    needs_token: bool = False
    model_id: str = ""
    changes: tuple[SchemaChange, ...] = ()
    schema: ModelSchema | None = None

    @property
    def estimate_usd(self) -> float | None:
        """Rate times length, where both are known and the rate is by the second."""
        if self.rate_usd is None or self.unit != "second" or self.duration_s is None:
            return None
        return self.rate_usd * self.duration_s

    def to_json(self) -> dict[str, Any]:
        """Put what is known of the price into plain JSON types."""
        left_out = {"needs_token", "schema"}  # the schema itself is kept once, not with every run
        told = {name: value for name, value in asdict(self).items() if name not in left_out}
        return told | {"changes": [change.to_json() for change in self.changes]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` wrote; fields of later releases are left out."""
        changes = tuple(SchemaChange.from_json(change) for change in data.get("changes") or ())
        given: dict[str, Any] = {name: data[name] for name in cls.__slots__ if name in data}
        given["changes"] = changes
        return cls(**given)


class NoSuchModelError(RunError):
    """A model that was chosen is not offered, or no longer.

    Args:
        model_id: The model.
    """

    def __init__(self, model_id: str) -> None:
        words = Told("The model {model} is not offered.", model=model_id)
        super().__init__(words, advice=told("Choose one that kling-ui models lists."))


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
        session_unsure_usd: How much of the session's sum is of runs of which it is not known whether they are charged.
        day_unsure_usd: The same of the day's sum.
        unsure_runs: How many runs that are, in session and day together.
        batch_usd: By the runs of the batch that the next one is for.
    """

    session_usd: float = 0.0
    day_usd: float = 0.0
    payer_day_usd: float = 0.0
    session_unsure_usd: float = 0.0
    day_unsure_usd: float = 0.0
    unsure_runs: int = 0
    batch_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What may be spent, in US dollars; ``None`` sets no limit.

    Attributes:
        session_usd: By one payer in one sitting.
        day_usd: With one token in one day (UTC).
        visitor_usd: By one payer with a shared token in one day (UTC).
        batch_usd: By the runs of one batch.
    """

    session_usd: float | None = None
    day_usd: float | None = None
    visitor_usd: float | None = None
    batch_usd: float | None = None

    @property
    def is_set(self) -> bool:
        """Whether there is any limit."""
        return any(limit_usd is not None for limit_usd in asdict(self).values())

    def sharing(self, visitor_usd: float | None) -> Self:
        """Give the same budget with a share of the day for each payer; ``None`` sets no such limit."""
        return replace(self, visitor_usd=visitor_usd)

    def refusal(self, spending: Spending, estimate_usd: float | None) -> "BudgetRefusal | None":
        """Tell why a run goes beyond the budget, or that its price is not known; ``None`` when it may be started."""
        if not self.is_set:
            return None
        if estimate_usd is None:
            return BudgetRefusal(BudgetLimit.NO_PRICE)
        limits = (
            (BudgetLimit.SESSION, self.session_usd, spending.session_usd),
            (BudgetLimit.VISITOR, self.visitor_usd, spending.day_usd),
            (BudgetLimit.DAY, self.day_usd, spending.payer_day_usd),
            (BudgetLimit.BATCH, self.batch_usd, spending.batch_usd),
        )
        for limit, limit_usd, spent_usd in limits:
            if limit_usd is not None and spent_usd + estimate_usd > limit_usd + ROUNDING_USD:
                return BudgetRefusal(limit, estimate_usd, limit_usd, max(0.0, limit_usd - spent_usd))
        return None

    def check(self, spending: Spending, estimate_usd: float | None) -> None:
        """Refuse a run that goes beyond the budget.

        Raises:
            BudgetError: It does, or its price is not known.
        """
        if (refusal := self.refusal(spending, estimate_usd)) is not None:
            raise BudgetError(refusal)


class BudgetLimit(StrEnum):
    """Which limit a run would go beyond."""

    NO_PRICE = "no price"  # what it costs is not known, so that no limit can be held
    SESSION = "session"
    VISITOR = "visitor"
    DAY = "day"
    BATCH = "batch"


@dataclass(frozen=True, slots=True)
class BudgetRefusal:
    """Why a budget does not allow a run; amounts in US dollars.

    Attributes:
        limit: What stands in the way.
        estimate_usd: What the run would cost.
        limit_usd: How much may be spent.
        left_usd: How much of that is left.
    """

    limit: BudgetLimit
    estimate_usd: float = 0.0
    limit_usd: float = 0.0
    left_usd: float = 0.0


class BudgetError(RunError):
    """A budget does not allow a run; nothing was sent."""

    def __init__(self, refusal: BudgetRefusal) -> None:
        super().__init__("The budget does not allow this run.")
        self.refusal = refusal


class PriceRisenError(RunError):
    """A run costs more than its visitor was shown; nothing was sent.

    Args:
        quote: The price as it is now.
        shown_rate_usd: The rate that was shown, in US dollars for the quote's unit.
    """

    def __init__(self, quote: Quote, shown_rate_usd: float) -> None:
        super().__init__("The price has risen since it was shown.")
        self.quote = quote
        self.shown_rate_usd = shown_rate_usd


class TooDearError(RunError):
    """A run costs more than it may, or it is not known what it costs; nothing was sent.

    Args:
        quote: The price as it is now.
        max_usd: The most that the run may cost, in US dollars.
    """

    def __init__(self, quote: Quote, max_usd: float) -> None:
        super().__init__("The run costs more than it may.")
        self.quote = quote
        self.max_usd = max_usd


def hold_price(quote: Quote, max_usd: float | None) -> None:
    """Refuse a run that costs more than it may; ``None`` sets no limit.

    Raises:
        TooDearError: It does, or it is not known what it costs.
    """
    if max_usd is not None and (quote.estimate_usd is None or quote.estimate_usd > max_usd + ROUNDING_USD):
        raise TooDearError(quote, max_usd)


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
    session_usd = day_usd = payer_day_usd = session_unsure_usd = day_unsure_usd = 0.0
    since, unsure_runs = now, 0
    for record in records:
        by_visitor = own_token or not payer or record.payer is None
        is_theirs = record.visitor == visitor if by_visitor else record.payer == payer
        if record.visitor_pays is not own_token or (own_token and not is_theirs):
            continue
        amount_usd = at_stake_usd(record)
        unsure_usd = 0.0 if charge_of(record) is Charge.YES or not is_theirs else amount_usd
        is_today, is_session = record.created_at >= midnight, is_theirs and since - record.created_at <= SITTING_BREAK_S
        if is_today:
            payer_day_usd += amount_usd
            day_usd += amount_usd if is_theirs else 0.0
            day_unsure_usd += unsure_usd
        if is_session:
            session_usd += amount_usd
            session_unsure_usd += unsure_usd
            since = record.created_at
        unsure_runs += unsure_usd > 0 and (is_today or is_session)
    return Spending(
        session_usd=session_usd,
        day_usd=day_usd,
        payer_day_usd=payer_day_usd,
        session_unsure_usd=session_unsure_usd,
        day_unsure_usd=day_unsure_usd,
        unsure_runs=unsure_runs,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOffer:
    """A model that a run can go to.

    Attributes:
        model_id: As in the API's paths.
        name: What its vendor calls it.
        provider: Through whom it is reached.
        quote: Its rate, and what has changed in what it takes.
        is_usual: It is the model of the settings, taken when none is chosen.
    """

    model_id: str
    name: str
    provider: Provider
    quote: Quote
    is_usual: bool = False


def usage_of(quote: Quote, token: SecretStr | None) -> Usage:
    """Say what a run on Kling takes of a day; what a visitor's own token pays takes none of the app's dollars."""
    return Usage(runs=1, seconds=quote.duration_s, usd=quote.estimate_usd if token is None else 0.0)


def foreseen_usage(quote: Quote, token: SecretStr | None) -> Usage:
    """Say the same before a run is asked for: without a clip, a run of no length."""
    return Usage(runs=1) if quote.duration_s is None else usage_of(quote, token)
