"""The run card: one JSON file with everything to tell a run by and to make it again, without a secret or a path.

Cards come from strangers, too. Reading one checks its size, its version and every value, and the names of its files are
plain names: nothing outside the folder of a card is ever looked at.
"""

import itertools
import json
import math
import os
import platform
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from kling_ui.errors import KlingUIError, MediaError
from kling_ui.languages import Told
from kling_ui.media.files import content_sha256
from kling_ui.options import Orientation, Resolution, RigNote, TransferOptions, odd_characters
from kling_ui.runs.export import Entry
from kling_ui.runs.record import EngineName, ResultFacts, RunRecord, RunState
from kling_ui.runs.run_view import LiveFacts, RunView, view_of
from kling_ui.scoring.match import remarks, says_little

FORMAT, VERSION, SUFFIX = "kling_ui run card", 1, ".run.json"
CARD_MAX_BYTES = 2_000_000  # that of a run of 30 s takes about 60 kB
FOLDER_MAX = 500  # files beside a card that are looked at
DEPTH_MAX = 12
# What previews and scores depend on.
PACKAGES = ("kling-ui", "gradio", "mediapipe", "numpy", "av", "opencv-python-headless")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://\S+|data:\S{40,}", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w/.])(?:~?/(?:[^\s/:*?\"<>|]+/)+|[A-Za-z]:\\(?:[^\s\\/:*?\"<>|]+\\)+)([^\s/\\]+)")

Json = dict[str, Any]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[int, Field(ge=0, le=10**12)]
Text = Annotated[str, Field(max_length=4000)]
Name = Annotated[str, Field(max_length=200)]
Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Dollars = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class FileRole(StrEnum):
    """What a file of a run is."""

    IMAGE = "image"
    REFERENCE = "reference"
    RESULT = "result"


class RunCardError(KlingUIError):
    """A run card is not opened, because of what it says or how large it is."""


def _plain_name(name: str) -> str:
    if name in {"", ".", ".."} or name.startswith(".") or odd_characters(name) or re.search(r"[/\\:]", name):
        raise ValueError("the name of a file beside the card, without folders")
    return name


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class CardFile(_Part):
    """A file of a run.

    Attributes:
        role: What it is.
        name: What it is called beside the card; a renamed one is found by its content.
        sha256: Its content.
        size_bytes: Its size; ``None`` where it was no longer kept.
        copy_sha256: Content of the copy without metadata that was written beside the card, if that is another.
        copy_size_bytes: Size of that copy.
    """

    role: FileRole
    name: Annotated[Name, AfterValidator(_plain_name)]
    sha256: Sha256
    size_bytes: Size | None = None
    copy_sha256: Sha256 | None = None
    copy_size_bytes: Size | None = None

    def is_content_of(self, path: Path) -> bool:
        """Whether a file holds this content; it is only read where its size, or else its name, speaks for it."""
        sizes = {self.size_bytes, self.copy_size_bytes} - {None}
        try:
            if (path.stat().st_size not in sizes) if sizes else path.name != self.name:
                return False
            return content_sha256(path) in {self.sha256, self.copy_sha256}
        except (OSError, MediaError):
            return False


class CardOptions(_Part):
    """How the motion was transferred, see :class:`kling_ui.options.TransferOptions`."""

    prompt: Annotated[str, Field(max_length=2500)]
    orientation: Orientation
    keep_sound: bool
    resolution: Resolution
    model: Annotated[str, Field(max_length=256)] = ""


class CardResult(_Part):
    """What was measured of the result, see :class:`kling_ui.runs.record.ResultFacts`."""

    duration_s: Seconds
    fps: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
    frame_count: Annotated[int, Field(ge=0, le=10**7)]
    width_px: Annotated[int, Field(ge=1, le=20_000)]
    height_px: Annotated[int, Field(ge=1, le=20_000)]
    has_audio: bool
    size_bytes: Size


class CardState(_Part):
    """A state of a run, ``at_s`` seconds after it was asked for."""

    state: RunState
    at_s: Seconds


class RunCard(_Part):
    """Everything to tell a run by and to make it again.

    Attributes:
        format: Says that it is a run card.
        version: Of this schema.
        versions: Of the program, of Python and of what previews and scores depend on.
        run_id: Where it was made.
        request_id: The engine's.
        engine: Who rendered it.
        name: What its visitor called it.
        created_at: When it was asked for, RFC 3339 in UTC.
        state: Where it is, or how it ended.
        sentence: The same in words.
        error: What went wrong, in words.
        options: How the motion was transferred.
        files: Image, reference and result, as far as they are known.
        result: What was measured of the result.
        motion: How well the result follows the reference, as ``kling-ui score --json`` gives it.
        findings: What the checks said, as ``kling-ui check --json`` gives it.
        forecast_s: How many seconds the checks said would come back.
        repaired: What was done to the inputs before.
        corrected: What of the character was corrected by hand, as numbers.
        notes: What of the character a preview moved as one piece.
        estimate_usd: What it was expected to cost.
        cost_usd: What the engine says it cost.
        states: Its states with their times, oldest first.
    """

    format: Literal["kling_ui run card"]
    version: Literal[1]
    versions: Annotated[dict[Name, Name], Field(max_length=30)]
    run_id: Annotated[str, Field(pattern=r"^[0-9a-zA-Z-]{1,64}$")]
    request_id: Name | None = None
    engine: EngineName
    name: Name = ""
    created_at: datetime
    state: RunState
    sentence: Text = ""
    error: Text | None = None
    options: CardOptions
    files: Annotated[tuple[CardFile, ...], Field(max_length=3)]
    result: CardResult | None = None
    motion: Json | None = None
    findings: Json | None = None
    forecast_s: Seconds | None = None
    repaired: Json | None = None
    corrected: Json | None = None
    notes: Annotated[tuple[RigNote, ...], Field(max_length=20)] = ()
    estimate_usd: Dollars | None = None
    cost_usd: Dollars | None = None
    states: Annotated[tuple[CardState, ...], Field(max_length=1000)] = ()

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Make the card of a run."""
        record = entry.record
        name = plain_text(record.name or "")[:200]
        return cls(
            format=FORMAT,
            version=VERSION,
            versions=_versions(),
            run_id=record.run_id,
            request_id=record.request_id,
            engine=record.engine,
            name=name,
            created_at=datetime.fromtimestamp(record.created_at, UTC),
            state=record.state,
            sentence=plain_text(entry.words.sentence),
            error=None if entry.words.error is None else plain_text(entry.words.error),
            options=CardOptions(**asdict(record.choice)),
            files=tuple(_files(entry)),
            result=CardResult(**asdict(record.result_facts)) if record.result_facts else None,
            motion=plain_json(record.motion),
            findings=plain_json(record.findings),
            forecast_s=record.forecast_s,
            repaired=plain_json(record.repaired),
            corrected=plain_json(record.corrected),
            notes=record.notes or (),
            estimate_usd=record.estimate_usd,
            cost_usd=record.cost_usd,
            states=tuple(
                CardState(state=state, at_s=max(0.0, round(at - record.created_at, 3))) for state, at in entry.states
            ),
        )

    @property
    def file_name(self) -> str:
        """What the file of the card is called."""
        return f"{self.engine.value}-{self.run_id[:8]}{SUFFIX}"

    @property
    def text(self) -> str:
        """What is written into the file."""
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"

    def record(self) -> RunRecord:
        """Put the card into the form that the ledger gives runs; it belongs to nobody."""
        files = {file.role: file for file in self.files}
        image, reference, result = (files.get(role) for role in FileRole)
        has_both = image is not None and reference is not None
        at = self.created_at.timestamp()
        return RunRecord(
            run_id=self.run_id,
            visitor="",
            engine=self.engine,
            state=self.state,
            created_at=at,
            changed_at=at + (self.states[-1].at_s if self.states else 0.0),
            fingerprint="",
            image_name=image.name if image and has_both else "",
            image_sha256=image.sha256 if image else "",
            reference_name=reference.name if reference and has_both else "",
            reference_sha256=reference.sha256 if reference else "",
            choice=TransferOptions(**dict(self.options)),
            findings=self.findings,
            request_id=self.request_id,
            estimate_usd=self.estimate_usd,
            cost_usd=self.cost_usd,
            result_name=result.name if result else None,
            result_sha256=result.sha256 if result else None,
            result_facts=ResultFacts(**dict(self.result)) if self.result else None,
            motion=self.motion,
            name=self.name or None,
            repaired=self.repaired,
            notes=self.notes,
            forecast_s=self.forecast_s,
        )


def read_card(path: Path) -> RunCard:
    """Read a run card, believing nothing of it; blocking.

    Raises:
        RunCardError: It is too large, no run card, of a version that is not known here, or says what cannot be.
        MediaError: It cannot be read.
    """
    try:
        if path.stat().st_size > CARD_MAX_BYTES:
            raise _refused(f"It is larger than {CARD_MAX_BYTES // 1_000_000} MB, and no run card is.")
        with path.open("rb") as file:
            content = file.read(CARD_MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise MediaError(
            Told("it cannot be read ({reason}).", reason=reason), path=path, advice="Choose another file."
        ) from error
    return _card(content)


def _card(content: bytes) -> RunCard:
    try:
        given = json.loads(content, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise _refused("It is not JSON.") from None
    if not isinstance(given, dict) or given.get("format") != FORMAT:
        raise _refused("It does not say that it is a run card of kling_ui.")
    if given.get("version") != VERSION or isinstance(given.get("version"), bool):
        said = str(given.get("version"))[:20]
        raise _refused(f"Its version is {said}; this release reads version {VERSION}.", "Use a newer release.")
    if _depth(given) > DEPTH_MAX:
        raise _refused("Its values are nested too deeply.")
    try:
        card = RunCard.model_validate(given)
        _require_readable(card.motion)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part)[:40] for part in first["loc"][:4])
        raise _refused(f"Its value {where} cannot be used: {first['msg'].lower()}.") from None
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError):
        raise _refused("What it says of the motion match cannot be used.") from None
    if len({file.role for file in card.files}) != len(card.files):
        raise _refused("It names two files for one place.")
    return card


def find_files(card: RunCard, candidates: Iterable[Path]) -> dict[FileRole, Path]:
    """Find the files of a card among others by their content, whatever they are called; blocking.

    Args:
        card: The card.
        candidates: Files to look among, :data:`FOLDER_MAX` at most; links and what cannot be read are passed over.
    """
    found: dict[FileRole, Path] = {}
    plain = [path for path in candidates if path.is_file() and not path.is_symlink()][:FOLDER_MAX]
    for file in card.files:
        for path in sorted(plain, key=lambda path: path.name != file.name):
            if file.is_content_of(path):
                found[file.role] = path
                break
    return found


def files_beside(card: RunCard, path: Path) -> dict[FileRole, Path]:
    """Find the files of a card in the folder in which it lies; blocking."""
    with os.scandir(path.resolve().parent) as beside:
        return find_files(card, [Path(entry.path) for entry in itertools.islice(beside, FOLDER_MAX)])


def view_of_card(card: RunCard, found: Mapping[FileRole, Path]) -> RunView:
    """Show the run of a card as its visitor saw it, with those of its files that were found."""
    record = card.record()
    view = view_of(record, LiveFacts(), folder=Path(os.devnull), now=record.changed_at)
    image, reference, result = (found.get(role) for role in FileRole)
    return replace(view, image=image, reference=reference, result=result, files_gone=False, result_gone=False)


def missing_names(card: RunCard, found: Iterable[FileRole]) -> list[str]:
    """Name the files of a card that were not found, by what they are and what they were called."""
    here = set(found)
    return [f"{file.role.value} ({file.name})" for file in card.files if file.role not in here]


def plain_text(text: str) -> str:
    """Leave addresses and folders out of a text: an address may be signed, and a folder says whose machine it was."""
    return _PATH.sub(r"\1", _ADDRESS.sub("[address]", text))


def plain_json(value: Any) -> Any:
    """Leave addresses and folders out of all texts of a JSON value."""
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, Mapping):
        return {str(name): plain_json(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _files(entry: Entry) -> Iterable[CardFile]:
    record, view = entry.record, entry.view
    named = (
        (FileRole.IMAGE, record.image_name, record.image_sha256, view.image),
        (FileRole.REFERENCE, record.reference_name, record.reference_sha256, view.reference),
        (FileRole.RESULT, record.result_name, record.result_sha256, view.result),
    )
    for role, name, sha256, path in named:
        if name and sha256:
            size_bytes = path.stat().st_size if path else None
            yield CardFile(role=role, name=name, sha256=sha256, size_bytes=size_bytes)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _require_readable(motion: Json | None) -> None:
    """Use a motion match as those do who show it; whatever is wrong with it raises."""
    if motion is None:
        return
    says_little(motion), remarks(motion)
    score = motion.get("score")
    if score is not None and not 0 <= float(score) <= 100:
        raise ValueError
    float(motion.get("starts_at_s") or 0.0)
    for piece in motion.get("timeline") or ():
        float(piece["time_s"]), None if piece["score"] is None else float(piece["score"])
    for row in motion.get("limbs") or ():
        (
            str(row["limb"]),
            row["error_deg"],
            row["pck_20deg_share"],
            row["compared_share"],
            row["left_out"],
            row["counted"],
        )


def _depth(value: object) -> int:
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        deepest = max(deepest, depth)
        inside = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        waiting.extend((each, depth + 1) for each in inside)
    return deepest


def _no_number(_: str) -> None:
    raise ValueError


def _refused(reason: str, advice: str = "Choose the file that was taken away as a run card.") -> RunCardError:
    return RunCardError(Told("This run card is not opened. {reason}", reason=reason), advice=advice)
