"""How much of the machine one visitor, and all of them together, may take."""

from dataclasses import dataclass, field
from typing import Any


def _limit(default: int | None, low: int, high: int) -> Any:
    """Make a field of :class:`Limits`, of which the variable ``KLING_UI_`` with the field's name may say otherwise."""
    return field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True, kw_only=True)
class Limits:
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
