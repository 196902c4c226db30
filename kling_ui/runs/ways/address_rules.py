"""What is wrong with an address: pure functions from what a stranger found there to findings."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kling_ui.checks.limits import Source as Said
from kling_ui.checks.report import Finding, Severity, in_order
from kling_ui.media.signatures import HEAD_BYTES, IMAGE_FORMATS, VIDEO_FORMATS, described
from kling_ui.runs.publish import Role
from kling_ui.runs.ways.stranger import AddressFacts

# Nobody documents when RunComfy fetches; these are ours. A request may wait in the queue first.
EXPIRY_MIN_S = 15 * 60.0
EXPIRY_SAFE_S = 6 * 3600.0

_FORMATS = {Role.IMAGE: IMAGE_FORMATS, Role.VIDEO: VIDEO_FORMATS}
_NEEDED = {Role.IMAGE: "a picture", Role.VIDEO: "a video"}
_ANOTHER = "Give another address, or upload the file."


@dataclass(frozen=True, slots=True)
class Copy:
    """The file that was checked here.

    Attributes:
        size_bytes: Its size.
        head: Its first bytes, at most :data:`kling_ui.media.signatures.HEAD_BYTES`.
    """

    size_bytes: int
    head: bytes = field(repr=False)

    @classmethod
    def of(cls, path: Path) -> "Copy":
        """Read what is compared; blocking."""
        with path.open("rb") as file:
            return cls(path.stat().st_size, file.read(HEAD_BYTES))


def judge_address(facts: AddressFacts, role: Role, copy: Copy | None, now: float) -> tuple[Finding, ...]:
    """Judge an address by what a stranger found there.

    Args:
        facts: What was found.
        role: Which of the two files it should be.
        copy: The file that was checked here, if it came from there.
        now: Seconds since 1970.
    """
    return in_order((*_content(facts, role, copy), *_expiry(facts, role, now), *_manners(facts, role)))


def _content(facts: AddressFacts, role: Role, copy: Copy | None) -> Iterator[Finding]:
    if facts.format not in _FORMATS[role]:
        message = f"The address of the {role} leads to {described(facts.format)}, not to {_NEEDED[role]}."
        yield Finding("address.content", Severity.BLOCK, facts.format, message, _ANOTHER, Said.SENSE)
    elif copy is not None and not _same(facts, copy):
        message = f"The address of the {role} holds another file now than the one that was checked."
        yield Finding("address.changed", Severity.BLOCK, facts.size_bytes, message, "Load it again.", Said.SENSE)


def _same(facts: AddressFacts, copy: Copy) -> bool:
    if facts.size_bytes is not None and facts.size_bytes != copy.size_bytes:
        return False
    return len(facts.head) > 0 and copy.head.startswith(facts.head)


def _expiry(facts: AddressFacts, role: Role, now: float) -> Iterator[Finding]:
    if facts.expires_at is None or (left_s := facts.expires_at - now) >= EXPIRY_SAFE_S:
        return
    if left_s < EXPIRY_MIN_S:
        state = "has expired" if left_s <= 0 else "expires within minutes"
        message = f"The address of the {role} {state}."
        yield Finding("address.expiry", Severity.BLOCK, round(left_s), message, _ANOTHER, Said.SENSE)
    else:
        left = f"{left_s / 60:.0f} minutes" if left_s < 2 * 3600 else f"{left_s / 3600:.0f} hours"
        message = f"The address of the {role} works for {left} only, and a run may wait longer than that."
        yield Finding("address.expiry", Severity.WARN, round(left_s), message, _ANOTHER, Said.SENSE)


def _manners(facts: AddressFacts, role: Role) -> Iterator[Finding]:
    if not facts.media_type.startswith(f"{role}/"):
        vague = facts.media_type in {"", "application/octet-stream", "binary/octet-stream"}
        severity = Severity.HINT if vague else Severity.WARN
        message = (
            f"The server of the {role} calls it {facts.media_type or 'nothing'}, not {role}/..., and may be believed."
        )
        yield Finding("address.type", severity, facts.media_type, message, "Upload the file instead.", Said.SENSE)
    if len(facts.hosts) > 1:
        message = f"The address of the {role} leads on to {facts.hosts[-1]}; RunComfy does not say that it follows."
        advice = "Give the address that it leads to, if that one lasts."
        yield Finding("address.redirect", Severity.HINT, len(facts.hosts) - 1, message, advice, Said.VENDOR)
