"""Labels, figures and times as a person reads them, each kept on one line with its unit."""

from collections.abc import Sequence

from kling_ui.checks.report import Severity
from kling_ui.checks.usability import SpanKind
from kling_ui.disks import Disk
from kling_ui.languages import joined, retell, say, say_many, told
from kling_ui.options import InputKind, Orientation
from kling_ui.runs.record import EngineName, RunState
from kling_ui.settings import Settings

NBSP = "\N{NO-BREAK SPACE}"
NOT_AVAILABLE = told("The price is not available at the moment.")
CORRECTED_NAMED_MAX = 4  # more are counted

ENGINE_LABELS = told(
    {
        EngineName.PREVIEW: "Preview, rendered by this app, not Kling",
        EngineName.KLING: "Kling 2.6 Motion Control Standard, through RunComfy",
    }
)
PREPARED_LABEL = told("Prepared beforehand: a preview, not Kling")
PREPARED = told(
    "This app made it of the example before you came: it is no run of yours and cost nothing. "
    "It goes with your first own input or run."
)
NOT_LASTING = told("This Space keeps no files over a restart. Download the results that you want to keep.")
NOT_LASTING_ADVICE = told(
    "Nothing lasts here: files and the ledger go with the next restart. Add persistent storage to the Space, which is "
    "then used by itself, or let KLING_UI_LEDGER_URL name a PostgreSQL database."
)
NETWORK_LEDGER = told(
    "The ledger is a SQLite file on a network's disk, where its locks may fail and the file may be damaged once two "
    "processes write. Let KLING_UI_LEDGER_URL name a PostgreSQL database, or a file on a disk of this machine."
)
ENGINE_NAMES = told({EngineName.PREVIEW: "Preview", EngineName.KLING: "Kling"})
STATE_WORDS = told(
    {
        RunState.PREPARING: "Starting",
        RunState.SUBMITTING: "Starting",
        RunState.IN_QUEUE: "Waiting",
        RunState.IN_PROGRESS: "Running",
        RunState.COLLECTING: "Fetching",
        RunState.SCORING: "Measuring",
        RunState.COMPLETED: "Finished",
        RunState.FAILED: "Failed",
        RunState.CANCELLED: "Cancelled",
        RunState.UNKNOWN: "Outcome unknown",
    }
)

STEP_WORDS = told(
    {
        RunState.PREPARING: "Asked for",
        RunState.SUBMITTING: "Handed over",
        RunState.IN_QUEUE: "Waiting for its turn",
        RunState.IN_PROGRESS: "Being rendered",
        RunState.COLLECTING: "Ready, being fetched",
        RunState.SCORING: "Kept here, being measured",
        RunState.COMPLETED: "Finished",
        RunState.FAILED: "Failed",
        RunState.CANCELLED: "Cancelled",
        RunState.UNKNOWN: "Outcome unknown",
    }
)
COPIES = told({InputKind.IMAGE: "copy that can be shown", InputKind.VIDEO: "playable copy"})
SPANS = told(
    {
        SpanKind.GOOD: "Good",
        SpanKind.CUT: "Cut",
        SpanKind.NOBODY: "Nobody in view",
        SpanKind.OUT_OF_VIEW: "Partly out of view",
        SpanKind.SEVERAL: "Several people",
        SpanKind.OCCLUDED: "Something in front",
        SpanKind.CAMERA: "Camera moves",
        SpanKind.FAST: "Too fast",
        SpanKind.UNSEEN: "Not looked at",
    }
)
ORIENTATIONS = told({Orientation.VIDEO: "Video", Orientation.IMAGE: "Image"})
SEVERITIES = told({Severity.BLOCK: "Stops the run", Severity.WARN: "May disappoint", Severity.HINT: "Worth knowing"})


def keeping_words(settings: Settings) -> list[str]:
    """Say what whoever runs the app should know of where its ledger is kept."""
    if settings.ledger_disk is Disk.NETWORK:
        return [NETWORK_LEDGER]
    is_file = settings.ledger_url.startswith("sqlite")
    return [NOT_LASTING_ADVICE] if is_file and not settings.is_lasting else []


def place_words(place: int) -> str:
    """Say how long the line is before somebody's turn."""
    return (
        say("Waiting for a turn, {place} before this one", place=place)
        if place
        else say("Waiting for a turn, this one is next")
    )


def size(width_px: int, height_px: int) -> str:
    """``720 × 1280 px``."""
    return f"{width_px}{NBSP}×{NBSP}{height_px}{NBSP}px"


def seconds(duration_s: float) -> str:
    """``12.0 s``."""
    return f"{duration_s:.1f}{NBSP}s"


def rate(fps: float) -> str:
    """``24 fps``, ``29.97 fps``."""
    return f"{fps:.2f}".rstrip("0").rstrip(".") + f"{NBSP}fps"


def share(fraction: float) -> str:
    """``31 %``; one decimal below ten."""
    percent = fraction * 100
    return f"{percent:.0f}{NBSP}%" if percent >= 10 or percent == 0 else f"{percent:.1f}{NBSP}%"


def weight(size_bytes: int) -> str:
    """``734 kB``, ``3.4 MB``."""
    return f"{size_bytes / 1e6:.1f}{NBSP}MB" if size_bytes >= 1e6 else f"{max(1, round(size_bytes / 1e3))}{NBSP}kB"


def elapsed(duration_s: float) -> str:
    """``45 s``, ``2 min 05 s``."""
    minutes, rest = divmod(int(duration_s), 60)
    return f"{minutes}{NBSP}min {rest:02d}{NBSP}s" if minutes else f"{rest}{NBSP}s"


def ago(duration_s: float) -> str:
    """``just now``, ``5 min ago``, ``3 h ago``, ``2 days ago``."""
    if duration_s < 60:
        return say("just now")
    if duration_s < 3600:
        return say("{minutes} min ago", minutes=int(duration_s // 60))
    if duration_s < 86400:
        return say("{hours} h ago", hours=int(duration_s // 3600))
    days = int(duration_s // 86400)
    return say_many("{count} day ago", "{count} days ago", days)


def corrected(joints: Sequence[str], *, has_mask: bool) -> str:
    """Say what of a character a person corrected: ``corrected by you: left wrist, outline``."""
    named = list(joints) if len(joints) <= CORRECTED_NAMED_MAX else [say("{count} joints", count=len(joints))]
    parts = [*map(retell, named), *([say("outline")] if has_mask else [])]
    return say("corrected by you: {parts}", parts=joined(", ", parts))


def dollars(amount_usd: float) -> str:
    """``$0.84``; more digits where two would say nothing."""
    amount_usd = round(amount_usd, 6)  # sums of rates are not exact
    return f"${amount_usd:.2f}" if amount_usd >= 0.1 or amount_usd == 0 else f"${amount_usd:.3g}"
