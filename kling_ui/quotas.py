"""How much visitors may take, at once and in one day (UTC), and whether what somebody asks for goes beyond it.

These are pure values. What was taken in a day is counted in the ledger, so that a restart or another process changes
nothing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from kling_ui.errors import RunError, SettingsError
from kling_ui.pauses import Pause

DAY_S = 86_400.0
ROUNDING = 1e-9  # sums of seconds and dollars are not exact
_AMOUNT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,4})?")


class QuotaMeasure(StrEnum):
    """What is counted; each is a field of :class:`Usage`."""

    RUNS = "runs"  # on Kling
    SECONDS = "seconds"  # of the clips of runs on Kling
    USD = "usd"  # of the app's own token; what visitors pay themselves is theirs
    PREVIEWS = "previews"
    UPLOADS = "uploads"
    SIZE_BYTES = "size_bytes"  # of uploads


class QuotaScope(StrEnum):
    """Whose day it is."""

    VISITOR = "visitor"
    ADDRESS = "address"
    TOTAL = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What is asked for, or was taken in a day.

    Attributes:
        runs: Runs on Kling.
        seconds: Length of their clips; ``None`` when it is asked for and not known.
        usd: What they cost the app's own token, in US dollars; ``None`` likewise.
        previews: Previews.
        uploads: Files that were handed in.
        size_bytes: What those took.
    """

    runs: int = 0
    seconds: float | None = 0.0
    usd: float | None = 0.0
    previews: int = 0
    uploads: int = 0
    size_bytes: int = 0

    def of(self, measure: QuotaMeasure) -> float | None:
        """Give one of the amounts."""
        return getattr(self, measure)


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyQuota:
    """The most that may be taken in a day (UTC); ``None`` sets no limit. The fields are those of :class:`Usage`."""

    runs: float | None = None
    seconds: float | None = None
    usd: float | None = None
    previews: float | None = None
    uploads: float | None = None
    size_bytes: float | None = None

    def limits(self) -> Iterator[tuple[QuotaMeasure, float]]:
        """Yield what is limited, and to how much."""
        for measure in QuotaMeasure:
            if (limit := getattr(self, measure)) is not None:
                yield measure, limit

    @classmethod
    def parse(cls, text: str, variable: str) -> Self:
        """Read limits such as ``runs=5 seconds=60 usd=2 previews=50 uploads=100 gb=2``; ``none`` sets none.

        Args:
            text: What was set.
            variable: The variable in which it was set, for the error.

        Raises:
            SettingsError: It cannot be read.
        """
        found: dict[str, float] = {}
        for word in [] if text.lower() == "none" else text.split():
            name, _, amount = word.partition("=")
            measure, unit = ("size_bytes", 1e9) if name == "gb" else (name, 1.0)
            is_whole = measure in {QuotaMeasure.RUNS, QuotaMeasure.PREVIEWS, QuotaMeasure.UPLOADS}
            is_known = name != "size_bytes" and measure in set(QuotaMeasure) and measure not in found
            if not is_known or not _AMOUNT.fullmatch(amount) or (is_whole and "." in amount):
                raise SettingsError(
                    f"{variable} takes limits for a day such as runs=5 seconds=60 usd=2 previews=50 uploads=100 gb=2, "
                    "each at most once, or none."
                )
            found[measure] = float(amount) * unit
        return cls(**found)


@dataclass(frozen=True, slots=True)
class QuotaKeys:
    """Under which names it is counted what somebody takes.

    Attributes:
        visitor: An account, or the key of the network address of whoever has not logged in: never an id that a
            browser chose.
        address: The key of the network address: a keyed hash, never the address.
    """

    visitor: str
    address: str


LOCAL_KEYS = QuotaKeys("local", "local")  # where nobody but the person at this machine can reach the app


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaRefusal:
    """Why a quota does not allow what was asked for.

    Attributes:
        scope: Whose day is full.
        measure: Of what.
        limit: The most of it in a day.
        used: How much was taken today.
        asked: How much more was asked for; ``None`` when that is not known, so that no limit can be held.
        lifts_in_s: Seconds until the next day begins.
    """

    scope: QuotaScope
    measure: QuotaMeasure
    limit: float
    used: float
    asked: float | None
    lifts_in_s: float

    @property
    def never_fits(self) -> bool:
        """It is more than a whole day allows, so that waiting does not help."""
        return self.asked is not None and self.asked > self.limit + ROUNDING


class DailyQuotaError(RunError):
    """A quota does not allow what was asked for; nothing was done."""

    def __init__(self, refusal: QuotaRefusal) -> None:
        super().__init__("A quota of the day is used up.")
        self.refusal = refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyQuotas:
    """The quotas of one visitor, of one network address, and of all together."""

    visitor: DailyQuota = field(default_factory=DailyQuota)
    address: DailyQuota = field(default_factory=DailyQuota)
    total: DailyQuota = field(default_factory=DailyQuota)

    @property
    def is_set(self) -> bool:
        """Whether anything is limited, so that it must be counted."""
        return any(any(self.of(scope).limits()) for scope in QuotaScope)

    def of(self, scope: QuotaScope) -> DailyQuota:
        """Give the quota of one scope."""
        return getattr(self, scope)

    def refusal(self, asked: Usage, used: Mapping[QuotaScope, Usage], now: float) -> QuotaRefusal | None:
        """Tell why something that is asked for goes beyond a quota; ``None`` when it may be had.

        Args:
            asked: What is asked for; where that is nothing of a measure, its limit does not matter.
            used: What was taken today, for each scope that is limited.
            now: Seconds since 1970.
        """
        for scope in QuotaScope:
            for measure, limit in self.of(scope).limits():
                more, taken = asked.of(measure), used[scope].of(measure) or 0.0
                if more is None or (more > 0 and taken + more > limit + ROUNDING):
                    return QuotaRefusal(
                        scope=scope,
                        measure=measure,
                        limit=limit,
                        used=taken,
                        asked=more,
                        lifts_in_s=DAY_S - now % DAY_S,
                    )
        return None

    def check(self, asked: Usage, used: Mapping[QuotaScope, Usage], now: float) -> None:
        """Refuse what goes beyond a quota; arguments as for :meth:`refusal`.

        Raises:
            DailyQuotaError: It does.
        """
        if (refusal := self.refusal(asked, used, now)) is not None:
            raise DailyQuotaError(refusal)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageClaim:
    """Something that somebody asks for, and what may stand in its way.

    Attributes:
        keys: Under which names it is counted.
        asked: How much it is.
        is_paid: It costs money, whoever pays.
        quotas: What may be had in a day.
        pause: The pause that the settings say; the ledger may have another one.
    """

    keys: QuotaKeys
    asked: Usage
    is_paid: bool = False
    quotas: DailyQuotas = field(default_factory=DailyQuotas)
    pause: Pause | None = None


def day_of(now: float) -> int:
    """Give the day (UTC) of a moment, in days since 1970."""
    return int(now // DAY_S)


def _limit(default: int | None, low: int, high: int) -> Any:
    """Make a field of :class:`MachineLimits`; the variable ``KLING_UI_`` with its name may say otherwise."""
    return field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True, kw_only=True)
class MachineLimits:
    """How much of the machine one visitor, and all of them together, may take.

    Attributes:
        event_kb: ``KLING_UI_EVENT_KB``: size of one event of the page in kB (1000 bytes), 16-10000; larger ones are
            refused.
        sessions_max: ``KLING_UI_SESSIONS_MAX``: open tabs of which Gradio remembers anything, 10-100000.
        session_minutes: ``KLING_UI_SESSION_MINUTES``: minutes after which a silent tab is forgotten, 1-1440.
        previews_each: ``KLING_UI_PREVIEWS_EACH``: previews of one visitor that wait or are drawn at once, 1-1000.
        checks_each: ``KLING_UI_CHECKS_EACH``: checks and repairs of one visitor at once, 1-1000.
        uploads_each_gb: ``KLING_UI_UPLOADS_EACH_GB``: GB (10^9 bytes) of uploads of one visitor that are kept, 1-10000.
        upload_minutes: ``KLING_UI_UPLOAD_MINUTES``: minutes that one upload may take, 1-1440.
        free_disk_gb: ``KLING_UI_FREE_DISK_GB``: GB of free disk below which uploads and runs are refused, 0-100000.
        temporary_gb: ``KLING_UI_TEMPORARY_GB``: GB that inputs and copies of all visitors together may take, 1-100000.
        keep_days: ``KLING_UI_KEEP_DAYS``: days after which files of free runs and of checks are removed, 1-36500;
            ``None`` keeps them whatever their age.
        job_mb: ``KLING_UI_JOB_MB``: memory in MB (2^20 bytes) that one check, repair or preview may take in its worker,
            1024-1000000.
        disk_percent: ``KLING_UI_DISK_PERCENT``: percent of the disk that files of runs and checks may take before the
            oldest are removed, 1-100.
    """

    event_kb: int = _limit(256, 16, 10_000)
    sessions_max: int = _limit(500, 10, 100_000)
    session_minutes: int = _limit(60, 1, 1440)
    previews_each: int = _limit(2, 1, 1000)
    checks_each: int = _limit(4, 1, 1000)
    uploads_each_gb: int = _limit(2, 1, 10_000)
    upload_minutes: int = _limit(10, 1, 1440)
    free_disk_gb: int = _limit(1, 0, 100_000)
    temporary_gb: int = _limit(20, 1, 100_000)
    keep_days: int | None = _limit(None, 1, 36_500)
    job_mb: int = _limit(4096, 1024, 1_000_000)
    disk_percent: int = _limit(50, 1, 100)
