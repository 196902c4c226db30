"""Write ``docs/limits.md`` out of ``kling_ui/checks/limits.py``, so that the two cannot say different things.

Run ``uv run assets/make_limits.py`` after a number has changed; a test compares the page with what this would write.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kling_ui.checks import limits
from kling_ui.checks.limits import Limit, LimitSource
from kling_ui.media.signatures import MB, shown_name
from kling_ui.options import Orientation
from kling_ui.presentation.finding_sentences import SOURCES

PAGE = Path(__file__).resolve().parents[1] / "docs" / "limits.md"
_HEAD = """# Limits

Every number that the checks compare with, and who says it. This page is written by `assets/make_limits.py` out of
`kling_ui/checks/limits.py`. What each rule means, and what helps, stands in [what went wrong](troubleshooting.md).
"""
_OURS = """
## Measured here

The documents say "clear", "not too fast", "one shot", and name no number. These were measured on clips and pictures
that were judged by eye or drawn with a known truth (`make bench ARGS=labelled`); they warn and never block.

| what | number | rule |
| --- | --- | --- |
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        rule: Id of the rule that compares with it.
        words: What is limited; ``{}`` stands for the number with its unit.
        limit: The number and its source.
        unit: What it counts in.
    """

    rule: str
    words: str
    limit: Limit
    unit: str = ""


ROWS = {
    "The picture": [
        Row("image.size", "file at most {}", limits.IMAGE_SIZE_MAX_BYTES, "MB"),
        Row("image.size", "file better at most {}", limits.IMAGE_SIZE_KLING_BYTES, "MB"),
        Row("image.side", "shorter side at least {}", limits.IMAGE_SIDE_MIN_PX, "px"),
        Row("image.side", "shorter side better at least {}", limits.IMAGE_SIDE_SAFE_PX, "px"),
        Row("image.side", "longer side at most {}", limits.IMAGE_SIDE_MAX_PX, "px"),
        Row("image.aspect", "longer side at most {} the shorter one", limits.IMAGE_ASPECT_MAX, "times"),
        Row("image.large", "longer side better at most {}", limits.IMAGE_LARGE_PX, "px"),
        Row("image.coverage", "the character covers more than {} of the picture", limits.COVERAGE_MIN_SHARE, "%"),
    ],
    "The clip": [
        Row("video.size", "file at most {}", limits.VIDEO_SIZE_MAX_BYTES, "MB"),
        Row("video.side", "shorter side at least {}", limits.VIDEO_SIDE_MIN_PX, "px"),
        Row("video.side", "longer side at most {}", limits.VIDEO_SIDE_MAX_PX, "px"),
        Row("video.duration", "at least {}", limits.DURATION_MIN_S, "s"),
        Row("video.usable", "a usable part of at least {}", limits.USABLE_MIN_S, "s"),
        *(
            Row("video.duration", f"with orientation `{facing}` at most {{}}", limits.DURATION_MAX_S[facing], "s")
            for facing in Orientation
        ),
    ],
    "The prompt": [Row("prompt.length", "at most {}", limits.PROMPT_MAX_CHARS, "characters")],
}
OURS = (
    ("person in view for at least", f"{limits.PERSON_SHARE_MIN:.0%} of the clip", "video.person"),
    ("fastest second at most", f"{limits.SPEED_MAX_TRUNKS_PER_S:g} trunk lengths per second", "video.speed"),
    (
        "a clip that moves less stands still",
        f"{limits.STILL_MAX_TRUNKS_PER_S:g} trunk lengths per second",
        "video.still",
    ),
    ("sharpness of the figure at least", f"{limits.SHARPNESS_MIN:g} (0-1)", "video.speed"),
    (
        "quick move of the view",
        f"{limits.CAMERA_QUICK_MAX:g} long sides in {limits.CAMERA_QUICK_S:g} s",
        "video.camera",
    ),
    ("slow move of the view", f"{limits.CAMERA_DRIFT_MAX:g} long sides in {limits.CAMERA_DRIFT_S:g} s", "video.camera"),
    ("light parts of the figure at least", f"{limits.DARK_MAX:.0%} of white", "image.dark, video.dark"),
    ("dark parts of the figure less than", f"{limits.WASHED_OUT_MIN:.0%} of white", "image.bright, video.bright"),
    ("leaning from upright at most", f"{limits.TILT_LYING_DEG:g} degrees", "image.posture, video.person"),
    ("seen from behind for less than", f"{limits.BACK_SHARE_MIN:.0%} of the clip", "video.person"),
    ("moves beyond the picture for at most", f"{limits.ROOM_LEFT_SHARE_MAX:.0%} of the clip", "pair.room"),
)


def documented() -> Iterator[Limit]:
    """All documented numbers of the module, whether they stand on the page or not."""
    for value in vars(limits).values():
        yield from (one for one in (value.values() if isinstance(value, dict) else [value]) if isinstance(one, Limit))


def page() -> str:
    """Write the page."""
    formats = " or ".join(sorted(shown_name(name) for name in limits.IMAGE_FORMATS_TAKEN))
    containers = " or ".join(sorted(shown_name(name) for name in limits.VIDEO_FORMATS_TAKEN))
    first = {
        "The picture": _line("image.format", formats, LimitSource.KLING),
        "The clip": _line("video.format", containers, LimitSource.KLING),
    }
    parts = [_HEAD]
    for title, rows in ROWS.items():
        parts.append(f"\n## {title}\n\n| limit | said by | rule |\n| --- | --- | --- |\n{first.get(title, '')}")
        parts += [_line(row.rule, row.words.format(_number(row)), row.limit.source) for row in rows]
    parts.append(_OURS)
    parts += [f"| {what} | {number} | {_rules(rules)} |\n" for what, number, rules in OURS]
    return "".join(parts)


def _line(rule: str, words: str, source: LimitSource) -> str:
    return f"| {words} | {SOURCES[source]} | {_rules(rule)} |\n"


def _rules(rules: str) -> str:
    return ", ".join(f"[`{rule}`](troubleshooting.md#{rule.replace('.', '')})" for rule in rules.split(", "))


def _number(row: Row) -> str:
    value = {"MB": row.limit.value / MB, "%": row.limit.value * 100}.get(row.unit, row.limit.value)
    return f"{value:.6g} {row.unit}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
