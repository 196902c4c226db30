"""How long a result that is not here yet may still be had from its engine: pure functions."""

from kling_ui.runs.record import EngineName, RunRecord, RunState

# No retention is documented for this API; a sibling product of the vendor keeps results so long
# (docs/vendor_api.md, section 1).
KEPT_S = 7 * 86_400.0


def expires_at(record: RunRecord, *, needs_token: bool = False) -> float | None:
    """Return when the vendor may drop a result that is not safe here, in seconds since 1970.

    Args:
        record: The run.
        needs_token: Nobody can fetch it until its visitor gives a token.

    Returns:
        The time, counted from the run's start where nobody knows when its result was ready; ``None`` while there is
        nothing to lose.
    """
    if record.engine is EngineName.PREVIEW or record.result_name is not None:
        return None
    if record.ready_at is not None:
        return record.ready_at + KEPT_S
    return record.created_at + KEPT_S if needs_token or record.state is RunState.UNKNOWN else None


def expiry_words(record: RunRecord, now: float, *, needs_token: bool = False) -> str:
    """Say until when a result can be had; empty while there is nothing to lose."""
    if (until := expires_at(record, needs_token=needs_token)) is None:
        return ""
    if until <= now:
        return "The video may have expired at RunComfy by now."
    if record.ready_at is None:
        return f"Its video may expire at RunComfy in about {_span(until - now)}."
    return f"The video may expire at RunComfy in about {_span(until - now)}; it is safe once it is kept here."


def _span(seconds: float) -> str:
    if seconds >= 2 * 86_400:
        return f"{round(seconds / 86_400)} days"
    return f"{int(seconds // 3600)} h" if seconds >= 7200 else f"{max(1, int(seconds // 60))} min"
