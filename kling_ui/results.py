"""What the calls from Python return, and what they tell while they are under way: values with their words."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from kling_ui.checks.repair_runner import RepairedCopy
from kling_ui.checks.repair_session import Analyses, PlannedRepairs
from kling_ui.checks.report import FindingCode, Report, Verdict
from kling_ui.errors import RunError
from kling_ui.presentation.findings import advice, headline, message, repair_label
from kling_ui.presentation.long_clip_sentences import TOO_LONG_ADVICE
from kling_ui.presentation.repair_sentences import adjustment_words
from kling_ui.presentation.runs import run_words
from kling_ui.runs.record import EngineName, StartCode
from kling_ui.runs.run_view import RunView

BLOCKED = "blocked"
TOO_LONG = frozenset({FindingCode.VIDEO_DURATION_LONG, FindingCode.VIDEO_DURATION_LONG_FOR_IMAGE})


@dataclass(frozen=True, slots=True)
class Progress:
    """News of a call that is under way.

    Attributes:
        words: What is being done or was found, in a sentence.
        share: How much of it is done, 0-1, if that is known.
        run: The run as it is now, once there is one.
        start: Why no new run was made, in the news that tells so.
    """

    words: str
    share: float | None = None
    run: RunView | None = None
    start: StartCode | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A broken rule, in words.

    Attributes:
        rule: Its id, such as ``video.duration``.
        severity: ``block`` (a run would fail), ``warn`` (it may disappoint) or ``hint``.
        message: What is wrong, in one sentence.
        advice: What to do about it, in one sentence.
        may_accept: A person may go on in spite of it: ``accept=[rule]``.
        repair: Id of the repair that settles it, if there is one.
    """

    rule: str
    severity: str
    message: str
    advice: str
    may_accept: bool
    repair: str | None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What the checks say.

    Attributes:
        verdict: ``pass``, ``warn`` (a run may disappoint) or ``block`` (it would fail).
        headline: The same in one sentence.
        problems: All that was found, what matters most first.
        usable_s: Seconds of the clip that are likely to come back; ``None`` without a clip.
        report: The same in codes and values, with facts, evidence, forecast and advice on the orientation.
    """

    verdict: str
    headline: str
    problems: tuple[Problem, ...]
    usable_s: float | None
    report: Report

    @property
    def is_blocked(self) -> bool:
        """A run would fail."""
        return self.verdict == Verdict.BLOCK

    @classmethod
    def of(cls, report: Report) -> Self:
        """Put a report into words."""
        problems = tuple(
            Problem(
                found.rule,
                found.severity.value,
                message(found),
                advice(found),
                may_accept=found.override,
                repair=found.repair,
            )
            for found in report.findings
        )
        usable_s = report.forecast.usable_s if report.forecast else None
        return cls(report.verdict.value, headline(report), problems, usable_s, report)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairResult:
    """What came of repairs.

    Attributes:
        image: The image to go on with: a repaired copy, or the original where nothing was to be done.
        video: The clip to go on with, likewise.
        orientation: Whose facing to follow from now on, ``video`` or ``image``.
        keep_sound: Whether to keep the clip's sound from now on.
        repairs: What was done, in words; empty when there was nothing to do.
        before: What the checks said of the originals.
        after: What they say of the files to go on with.
        planned: What was done, in codes and values, and what was found in the originals.
        analyses: What was found in the files to go on with.
    """

    image: Path | None
    video: Path | None
    orientation: str
    keep_sound: bool
    repairs: tuple[str, ...]
    before: CheckResult
    after: CheckResult
    planned: PlannedRepairs
    analyses: Analyses

    @classmethod
    def of(cls, planned: PlannedRepairs, copies: RepairedCopy, analyses: Analyses, report: Report) -> Self:
        """Put what was done into words."""
        choice, adjustment = planned.plan.choice, planned.adjustment
        done = (adjustment_words(adjustment),) if adjustment else ()
        return cls(
            image=copies.image,
            video=copies.video,
            orientation=choice.orientation.value,
            keep_sound=choice.keep_sound,
            repairs=(*done, *(repair_label(repair) for repair in planned.repairs)),
            before=CheckResult.of(planned.report),
            after=CheckResult.of(report),
            planned=planned,
            analyses=analyses,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What came of a run.

    Attributes:
        video: Where the video lies; ``None`` without one.
        state: ``completed``, ``failed``, ``cancelled``, ``unknown`` (it may have been accepted, and may be charged) or
            ``blocked`` (by the checks; nothing was sent).
        engine: ``preview`` or ``kling``.
        run_id: Its id here, as ``kling-ui show`` takes it; ``None`` when blocked.
        request_id: Its id at the engine, as ``kling-ui recover`` takes it, once there is one.
        cost_usd: What the engine says it cost, in US dollars; ``None`` while it has not said so.
        estimate_usd: What it was expected to cost, in US dollars, if a price was known.
        motion_match: How well the video follows the reference, 0-100, if it could be measured.
        message: How it ended, in one sentence.
        advice: What to do next; may be empty.
        check: What the checks said.
        run: All that is known of the run; ``None`` when blocked.
        transparent: Where the same lies without background, if that was asked for.
    """

    video: Path | None
    state: str
    engine: str
    run_id: str | None = None
    request_id: str | None = None
    cost_usd: float | None = None
    estimate_usd: float | None = None
    motion_match: float | None = None
    message: str
    advice: str = ""
    check: CheckResult
    run: RunView | None = None
    transparent: Path | None = None

    @classmethod
    def of(cls, view: RunView, video: Path | None, check: CheckResult, transparent: Path | None = None) -> Self:
        """Put a run at its end into words."""
        said = run_words(view)
        return cls(
            video=video,
            state=view.state.value,
            engine=view.engine.value,
            run_id=view.run_id,
            request_id=view.request_id,
            cost_usd=view.cost_usd,
            estimate_usd=view.estimate_usd,
            motion_match=view.motion_match,
            message=said.sentence,
            advice=said.advice,
            check=check,
            run=view,
            transparent=transparent,
        )

    @classmethod
    def blocked(cls, engine: EngineName, check: CheckResult) -> Self:
        """Say that the checks do not let a run begin."""
        is_too_long = any(finding.code in TOO_LONG for finding in check.report.findings)
        advice = TOO_LONG_ADVICE if is_too_long else ""
        return cls(video=None, state=BLOCKED, engine=engine.value, message=check.headline, advice=advice, check=check)

    def raise_for_state(self) -> Self:
        """Return this result if there is a video.

        Raises:
            RunError: There is none.
        """
        if self.video is None:
            raise RunError(self.message, request_id=self.request_id, advice=self.advice)
        return self
