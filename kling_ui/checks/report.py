"""What checks say: findings of single rules, each with its evidence, and the report that sums them up."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from kling_ui.checks.limits import LimitSource
from kling_ui.checks.usability import OrientationAdvice, Timeline

__all__ = [
    "Curve",
    "CurveKind",
    "Evidence",
    "Finding",
    "FindingCode",
    "Report",
    "Section",
    "Severity",
    "Verdict",
    "in_order",
]


class FindingCode(StrEnum):
    """What a rule found: its id, and behind a slash which of its sentences.

    The sentences stand in ``presentation/finding_sentences.py``.

    The order of the members is the order among findings of one severity: what spoils the whole run first, what costs
    quality next, what is a formality last.
    """

    PROMPT_REQUIRED = "prompt.required"
    PROMPT_CHARACTERS = "prompt.characters"
    VIDEO_USABLE_TOO_SHORT = "video.usable/too-short"
    VIDEO_USABLE_PART = "video.usable/part"
    VIDEO_USABLE_NONE = "video.usable/none"
    IMAGE_CHARACTER = "image.character"
    IMAGE_COVERAGE = "image.coverage"
    IMAGE_DARK = "image.dark"
    VIDEO_DARK = "video.dark"
    IMAGE_BRIGHT = "image.bright"
    IMAGE_BRIGHT_FACE = "image.bright/face"
    VIDEO_BRIGHT = "video.bright"
    VIDEO_BRIGHT_FACE = "video.bright/face"
    VIDEO_PERSON_TURNED = "video.person/turned"
    VIDEO_PERSON_NOBODY = "video.person/nobody"
    VIDEO_PERSON_GAPS = "video.person/gaps"
    VIDEO_PERSON_COVERED = "video.person/covered"
    VIDEO_PERSON_LYING = "video.person/lying"
    VIDEO_PERSON_BACK = "video.person/back"
    PAIR_FRAMING = "pair.framing"
    IMAGE_BODY_PART = "image.body/part"
    IMAGE_BODY_CUT = "image.body/cut"
    IMAGE_BODY_HANDS = "image.body/hands"
    VIDEO_CUTS_ONE = "video.cuts/one"
    VIDEO_CUTS_SEVERAL = "video.cuts/several"
    VIDEO_CAMERA_ZOOMS = "video.camera/zooms"
    VIDEO_CAMERA_MOVES = "video.camera/moves"
    VIDEO_CAMERA_SHAKES = "video.camera/shakes"
    VIDEO_PEOPLE = "video.people"
    VIDEO_STILL = "video.still"
    VIDEO_SPEED_FAST = "video.speed/fast"
    VIDEO_SPEED_BLURRED = "video.speed/blurred"
    IMAGE_POSTURE_TURNED = "image.posture/turned"
    IMAGE_POSTURE_LYING = "image.posture/lying"
    IMAGE_POSTURE_UPSIDE_DOWN = "image.posture/upside-down"
    IMAGE_OCCLUSION = "image.occlusion"
    IMAGE_PEOPLE = "image.people"
    PAIR_ROOM = "pair.room"
    VIDEO_FIRST_FRAME_PART = "video.first_frame/part"
    VIDEO_FIRST_FRAME_COVERED = "video.first_frame/covered"
    VIDEO_DURATION_SHORT = "video.duration/short"
    VIDEO_DURATION_LONG = "video.duration/long"
    VIDEO_DURATION_LONG_FOR_IMAGE = "video.duration/long-for-image"
    VIDEO_FORMAT = "video.format"
    VIDEO_CODEC = "video.codec"
    VIDEO_CODEC_PIXELS = "video.codec/pixels"
    VIDEO_CODEC_RATE = "video.codec/rate"
    VIDEO_DAMAGED = "video.damaged"
    VIDEO_SIZE_CHANGES = "video.size-changes"
    VIDEO_HDR = "video.hdr"
    VIDEO_HDR_OWN_COLOURS = "video.hdr/own-colours"
    VIDEO_INTERLACED = "video.interlaced"
    IMAGE_FORMAT = "image.format"
    IMAGE_FORMAT_ANIMATED = "image.format/animated"
    IMAGE_FORMAT_MODE = "image.format/mode"
    IMAGE_FORMAT_TURNED = "image.format/turned"
    IMAGE_FORMAT_TRANSPARENT = "image.format/transparent"
    IMAGE_PROFILE = "image.profile"
    VIDEO_SIDE_SHORT = "video.side/short"
    VIDEO_SIDE_LONG = "video.side/long"
    IMAGE_SIDE_SHORT = "image.side/short"
    IMAGE_SIDE_ADVISED = "image.side/advised"
    IMAGE_SIDE_LONG = "image.side/long"
    IMAGE_ASPECT = "image.aspect"
    VIDEO_SIZE = "video.size"
    IMAGE_SIZE = "image.size"
    IMAGE_SIZE_KLING = "image.size/kling"
    IMAGE_LARGE = "image.large"
    PAIR_ASPECT = "pair.aspect"
    VIDEO_SOUND = "video.sound"
    PROMPT_LENGTH = "prompt.length"

    @property
    def rule(self) -> str:
        """Id of the rule, such as ``image.coverage``."""
        return self.value.partition("/")[0]


class Severity(StrEnum):
    """How much a finding matters; the order of the members is the order in which findings are shown."""

    BLOCK = "block"
    WARN = "warn"
    HINT = "hint"


class CurveKind(StrEnum):
    """What is measured over time."""

    CAMERA = "camera"
    SPEED = "speed"
    SHARPNESS = "sharpness"


@dataclass(frozen=True, slots=True)
class Curve:
    """Something measured over time.

    Attributes:
        kind: What it is.
        times_s: Seconds from the clip's start, rising.
        values: One for each time.
        limit: Where the rule begins to be broken.
    """

    kind: CurveKind
    times_s: tuple[float, ...]
    values: tuple[float, ...]
    limit: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What shows a finding, besides words.

    Attributes:
        picture: A JPEG.
        spans: Parts of the clip, ``(start_s, end_s)``; equal ends are a moment.
        boxes: Parts of the picture, ``(left, top, right, bottom)`` as fractions; they may reach beyond it.
        curve: Something measured over time.
    """

    picture: Path | None = None
    spans: tuple[tuple[float, float], ...] = ()
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    curve: Curve | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule.

    Attributes:
        code: What was found.
        severity: How much it matters.
        measured: What the rule is about, in the unit that its sentence names.
        source: Who says so.
        values: What its sentence names: numbers, times, parts and limits, by the name of their place in it.
        repair: Id of a repair that can be applied now, or ``None``.
        override: A person who has checked may go on in spite of a block: the detector can be wrong, the rule is about
            content. Never for a documented hard limit of the file.
        evidence: What shows it, where there is more to show than the words say.
    """

    code: FindingCode
    severity: Severity
    measured: float | int | str | None
    source: LimitSource
    values: Mapping[str, object] = field(default_factory=dict)
    repair: str | None = None
    override: bool = False
    evidence: Evidence | None = None

    @property
    def rule(self) -> str:
        """Id of the broken rule, such as ``image.coverage``."""
        return self.code.rule


RULES = tuple(dict.fromkeys(code.rule for code in FindingCode))  # what matters most first


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings by what matters: severity, hard limits before what may be overridden, then the rule's place."""
    severities = {severity: place for place, severity in enumerate(Severity)}

    def rank(finding: Finding) -> tuple[int, bool, int]:
        return severities[finding.severity], finding.override, RULES.index(finding.rule)

    return tuple(sorted(findings, key=rank))


class Verdict(StrEnum):
    """What a report comes to."""

    PASS = "pass"  # noqa: S105  not a password
    WARN = "warn"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Section:
    """The findings about one input, what matters most first.

    Attributes:
        facts: What was measured, in plain JSON types; ``None`` when this input was not given.
        findings: The broken rules.
    """

    facts: dict[str, Any] | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The findings about an image, a clip and the pair of them.

    Attributes:
        image: About the character image.
        video: About the reference video.
        pair: About both together and the prompt.
        complete: Both inputs are there and were looked at; ``False`` while facts alone are known.
        forecast: What of the clip is likely to come back, once it was looked at.
        advice: Which orientation suits the clip, once it was looked at.
    """

    image: Section = Section()
    video: Section = Section()
    pair: Section = Section()
    complete: bool = True
    forecast: Timeline | None = None
    advice: OrientationAdvice | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, what matters most first."""
        return in_order((*self.image.findings, *self.video.findings, *self.pair.findings))

    @property
    def verdict(self) -> Verdict:
        """``block`` when a run would fail, ``warn`` when it may disappoint, else ``pass``."""
        severities = {finding.severity for finding in self.findings}
        if Severity.BLOCK in severities:
            return Verdict.BLOCK
        return Verdict.WARN if Severity.WARN in severities else Verdict.PASS

    def blocking(self, codes: Collection[FindingCode]) -> "Report":
        """Let warnings of ``codes`` block, unless a person has checked: for an engine that needs what they miss."""
        return replace(
            self,
            image=_blocking(self.image, codes),
            video=_blocking(self.video, codes),
            pair=_blocking(self.pair, codes),
        )

    def for_preview(self) -> "Report":
        """Leave out what only the model API demands, a prompt: the preview does not read it."""
        left = tuple(finding for finding in self.pair.findings if finding.code is not FindingCode.PROMPT_REQUIRED)
        return replace(self, pair=replace(self.pair, findings=left))

    def accepting(self, rules: Collection[str]) -> "Report":
        """Take back the blocks of ``rules`` that a person may override: they become warnings."""
        return replace(
            self,
            image=_accepting(self.image, rules),
            video=_accepting(self.video, rules),
            pair=_accepting(self.pair, rules),
        )


def _accepting(section: Section, rules: Collection[str]) -> Section:
    findings = [
        replace(finding, severity=Severity.WARN)
        if finding.override and finding.severity == Severity.BLOCK and finding.rule in rules
        else finding
        for finding in section.findings
    ]
    return replace(section, findings=in_order(findings))


def _blocking(section: Section, codes: Collection[FindingCode]) -> Section:
    findings = [
        replace(finding, severity=Severity.BLOCK, override=True)
        if finding.severity == Severity.WARN and finding.code in codes
        else finding
        for finding in section.findings
    ]
    return replace(section, findings=in_order(findings))
