"""A web page of runs that opens from disk: clips in step, scores, findings, a replay, a view for the stage."""

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import NamedTuple
from urllib.parse import quote

from kling_ui.errors import MediaError
from kling_ui.languages import Told
from kling_ui.media.files import atomic_file
from kling_ui.presentation.gallery import run_title
from kling_ui.presentation.price_sentences import dollars
from kling_ui.presentation.result_sentences import REPLAY_LABEL, missing_files, score_line
from kling_ui.presentation.wording import ORIENTATIONS, STEP_WORDS, seconds, size
from kling_ui.runs.record import EngineName
from kling_ui.scoring.match import remarks
from kling_ui.takeaway.run_card import FileRole, RunCard, files_beside, missing_names, read_card, view_of_card

FINDINGS_TOLD_MAX = 12
REPORT_PAGE = "report.html"
_TEMPLATE, _SCRIPT = (Path(__file__).with_name(f"run_report.{kind}") for kind in ("html", "js"))


class ReportedRun(NamedTuple):
    """A run in a report.

    Attributes:
        card: Its card.
        files: Those of its files that were found.
    """

    card: RunCard
    files: Mapping[FileRole, Path]


def write_run_report(runs: Sequence[ReportedRun], out: Path, *, title: str) -> Path:
    """Write a page that shows runs from their cards and files, which stay where they are; blocking.

    Args:
        runs: The runs, one at least.
        out: The page; one that is there is replaced. It names files by the way to them from its own folder.
        title: What to call it.

    Raises:
        MediaError: It cannot be written.
    """
    script = _SCRIPT.read_text(encoding="utf-8")
    page = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(title),
        summary=f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}, shown from files beside this page.",
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        runs="\n".join(_run(run, out.resolve().parent) for run in runs),
    )
    try:
        with atomic_file(out) as unfinished:
            unfinished.write_text(page, encoding="utf-8", newline="\n")
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise MediaError(
            Told("it cannot be written ({reason}).", reason=reason), path=out, advice="Name another folder."
        ) from error
    return out


def report_of(cards: Sequence[Path], out: Path) -> Path:
    """Write a page of the runs whose cards these are, with those of their files that lie beside them; blocking.

    Raises:
        RunCardError: One is no card that can be opened.
        MediaError: A card cannot be read, or the page not be written.
    """
    runs = [ReportedRun(card, files_beside(card, path)) for path in cards for card in (read_card(path),)]
    return write_run_report(runs, out, title=_title(runs[0]) if len(runs) == 1 else "Runs")


def _title(run: ReportedRun) -> str:
    return run.card.name or run_title(view_of_card(*run))


def _run(run: ReportedRun, folder: Path) -> str:
    card, view = run.card, view_of_card(run.card, run.files)
    motion = card.motion or {}
    total_s = card.states[-1].at_s if card.states else 0.0
    told = {
        "late_s": max(0.0, motion.get("starts_at_s") or 0.0),
        "states": [[STEP_WORDS[state.state], state.at_s] for state in card.states],
        "total_s": total_s,
    }
    missing = missing_files(missing_names(card, run.files))
    panes = "".join(_pane(role, run.files[role], folder) for role in FileRole if role in run.files)
    parts = [
        f'<div class="head"><h2>{escape(_title(run))}</h2><p class="mark">{REPLAY_LABEL}</p></div>',
        f'<p class="said">{escape(card.sentence)} {escape(card.error or "")}</p>',
        f'<p class="missing">{escape(missing)}</p>' if missing else "",
        f'<div class="panes">{panes}</div>' if panes else "",
        f"<p>{escape(score_line(view))}</p>{_curve(motion)}",
        _buttons(has_replay=FileRole.RESULT in run.files and bool(card.states)),
        f'<p class="small said">{escape(" ".join(remarks(motion)))}</p>' if motion else "",
        _facts(card, total_s),
        _findings(card),
    ]
    return f'<article class="run" data-run="{escape(json.dumps(told), quote=True)}">{"".join(parts)}</article>'


def _pane(role: FileRole, path: Path, folder: Path) -> str:
    source = escape(quote(Path(os.path.relpath(path.resolve(), folder)).as_posix()), quote=True)
    name = {FileRole.IMAGE: "Picture", FileRole.REFERENCE: "Reference", FileRole.RESULT: "Result"}[role]
    if role is FileRole.IMAGE:
        shown = f'<img src="{source}" alt="The character image">'
    else:
        shown = f'<video src="{source}" muted playsinline preload="auto" aria-label="{name}"></video>'
    progress = '<progress max="1" value="0" aria-label="Replayed"></progress>'
    cover = f'<div class="cover" hidden><p class="step"></p><p class="time"></p>{progress}</div>'
    return (
        f'<figure data-pane="{role.value}">{shown}{cover if role is FileRole.RESULT else ""}'
        f"<figcaption>{name}</figcaption></figure>"
    )


def _curve(motion: Mapping[str, object]) -> str:
    pieces: Iterable[Mapping[str, float | None]] = motion.get("timeline") or ()  # ty: ignore[invalid-assignment]
    values = [piece["score"] for piece in pieces]
    bars = (
        '<i class="gap"></i>' if value is None else f'<i style="height:{max(0.0, min(100.0, float(value))):.0f}%"></i>'
        for value in values
    )
    return f'<div class="curve" aria-hidden="true">{"".join(bars)}<b></b></div>' if values else ""


def _buttons(*, has_replay: bool) -> str:
    replays = (
        '<button data-do="replay">Replay, shortened</button><button data-do="replay-real">Replay in real time</button>'
    )
    return (
        f'<div class="do"><button data-do="play">Play</button>{replays if has_replay else ""}'
        '<button data-do="present">Present</button></div>'
    )


def _facts(card: RunCard, total_s: float) -> str:
    result, options = card.result, card.options
    is_free = card.engine is EngineName.PREVIEW
    rows = {
        "When": card.created_at.strftime("%Y-%m-%d %H:%M UTC"),
        "Took": seconds(total_s) if total_s else "",
        "Result": f"{seconds(result.duration_s)}, {size(result.width_px, result.height_px)}" if result else "",
        "Cost": "free" if is_free else dollars(card.cost_usd) if card.cost_usd is not None else "not told",
        "Prompt": options.prompt,
        "Facing": ORIENTATIONS[options.orientation],
        "Sound": "kept" if options.keep_sound else "left out",
        "Run": card.run_id,
        "Request": card.request_id or "",
        "Contents": "; ".join(f"{file.role.value} {file.sha256}" for file in card.files),
        "Made with": ", ".join(f"{name} {version}" for name, version in card.versions.items()),
    }
    written = "".join(f"<dt>{name}</dt><dd>{escape(words)}</dd>" for name, words in rows.items() if words)
    return f'<dl class="small">{written}</dl>'


def _findings(card: RunCard) -> str:
    findings = card.findings or {}
    sections = [findings.get(name) for name in ("image", "video", "pair")]
    found = [one for section in sections if isinstance(section, dict) for one in section.get("findings") or ()]
    said = [str(one.get("message", "")) for one in found if isinstance(one, dict)][:FINDINGS_TOLD_MAX]
    headline = str(findings.get("headline") or "")
    if not (headline or said):
        return ""
    items = "".join(f"<li>{escape(words)}</li>" for words in said if words)
    return (
        f'<details class="small"><summary>What the checks said: {escape(headline)}</summary><ul>{items}</ul></details>'
    )
