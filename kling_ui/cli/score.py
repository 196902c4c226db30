"""``kling-ui score``: how well the motion of a result follows its reference."""

import asyncio
from pathlib import Path

from kling_ui.cli.output import (
    DONE,
    FAILED,
    print_json,
    say,
    tell,
)
from kling_ui.options import Orientation
from kling_ui.scoring.compare import match_clips
from kling_ui.scoring.match import LimbMatch, MotionMatch
from kling_ui.settings import Settings
from kling_ui.workers import Workers


def score_clips(reference: Path, result: Path, orientation: Orientation, *, as_json: bool) -> int:
    """Measure the motion match, print it and return the exit code: 0 measured, 1 not measurable.

    Raises:
        MediaError: A file cannot be read.
        KlingUIError: Looking at it failed for another reason.
    """
    say("Watching both clips.")
    with Workers(Settings.from_env().workers) as workers:
        match = asyncio.run(match_clips(workers, reference, result, orientation=orientation))
    if as_json:
        print_json(match.to_json())
    else:
        tell("\n".join(lines_of(match)))
    return FAILED if match.score is None else DONE


def lines_of(match: MotionMatch) -> list[str]:
    """Write a motion match for people: the sentence, the measures, then each limb."""
    if match.score is None:
        return [match.headline]
    measures = {
        "limb-direction error": _value(match.limb_error_deg, " degrees"),
        "PCK@20deg": _value(match.pck_20deg_share, digits=3),
        "PCK@0.2 of the shoulders": _value(match.pck_shoulder_share, digits=3),
        "AKD": _value(match.akd_shoulder_widths, " shoulder widths", digits=3),
        "MKR": _value(match.mkr_share, digits=3),
        "visibility": _value(match.visibility, digits=2),
        "lag": _lag(match),
        "compared": f"{match.compared_s:.1f} of {match.reference_s:.1f} s",
    }
    lines = [match.headline, "", *(f"  {name:24}  {value}" for name, value in measures.items())]
    return [*lines, "", f"  {'limb':16}  {'error':>7}  {'usually':>7}  {'PCK@20deg':>9}", *map(_limb, match.limbs)]


def _limb(row: LimbMatch) -> str:
    if row.left_out:
        return f"  {row.limb.value:16}  {row.left_out}"
    note = "" if row.counted else "  not counted"
    error, usually = _value(row.error_deg), _value(row.bias_deg, sign="+")
    return f"  {row.limb.value:16}  {error:>7}  {usually:>7}  {_value(row.pck_20deg_share, digits=2):>9}{note}"


def _lag(match: MotionMatch) -> str:
    if match.lag is None:
        return "cannot be told"
    by = f"{match.lag.late_s * 1000:+.0f} ms, give or take {match.lag.uncertainty_s * 1000:.0f}"
    return f"{match.lag.frames:+.1f} frames ({by})"


def _value(value: float | None, unit: str = "", *, digits: int = 1, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.{digits}f}{unit}"
