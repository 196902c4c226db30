"""What page and command line say of findings, repairs and forecasts, made from the codes and values of the checks.

The sentences stand in :mod:`kling_ui.presentation.finding_sentences`; here they are filled and put together.
"""

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kling_ui.checks.repair_kinds import Repair
from kling_ui.checks.report import Curve, Evidence, Finding, Report, Section, Verdict
from kling_ui.checks.usability import OrientationAdvice, Timeline
from kling_ui.languages import in_english, joined, retell, say, say_many, template_of
from kling_ui.media.image import ImageFacts
from kling_ui.media.probe import VideoFacts
from kling_ui.media.signatures import described, shown_codec, shown_name
from kling_ui.presentation.finding_sentences import ADVICE, BODIES, CAUSES, CURVES, FINDINGS, PICTURES, SOURCES, STOPS
from kling_ui.presentation.repair_sentences import REPAIRS

_NAMED_MAX = 3  # of several parts or times; more tell no more
_WORTH_SAYING_S = 0.5
_ROUND = 3


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _fine_percent(share: float) -> str:
    return f"{share * 100:.1f} %" if 0 < share < 0.0995 and round(share * 100, 1) % 1 else _percent(share)


def _list(names: Sequence[str]) -> str:
    said = [retell(name) for name in names]
    return joined(" and ", (joined(", ", said[:-1]), said[-1])) if len(said) > 1 else said[0]


def _short_list(names: Sequence[str]) -> str:
    return f"{_list(names[:_NAMED_MAX])}{say(' and more') if len(names) > _NAMED_MAX else ''}"


def _are_hidden(names: Sequence[str]) -> str:
    said = joined(" and ", (say("the {part}", part=name) for name in names))
    return say("{parts} is hidden", parts=said) if len(names) == 1 else say("{parts} are hidden", parts=said)


def _times(times_s: Sequence[float]) -> str:
    named = joined(", ", (f"{time_s:.1f} s" for time_s in times_s[:_NAMED_MAX]))
    return f"{named}{say(' and later') if len(times_s) > _NAMED_MAX else ''}"


def _spans(spans: Sequence[tuple[float, float]]) -> str:
    named = joined(", ", (f"{start_s:.1f}-{end_s:.1f} s" for start_s, end_s in spans[:_NAMED_MAX]))
    return f"{named}{say(' and later') if len(spans) > _NAMED_MAX else ''}"


def _place(middle: float) -> str:
    return say("on the left") if middle < 0.4 else say("on the right") if middle > 0.6 else say("in the middle")


def _people(people: Sequence[tuple[float, float]]) -> str:
    return _short_list(
        [say("{place} for {share}", place=_place(middle), share=_percent(share)) for middle, share in people]
    )


def _position(position: tuple[int, int]) -> str:
    """Where somebody is among several: the place from the left, and how many there are."""
    place, count = position
    if place == 1:
        return say("on the left")
    if place == count:
        return say("on the right")
    return (
        say("in the middle")
        if count == 3
        else (say("second from the left") if place == 2 else say("second from the right"))
    )


WRITERS: dict[str, Callable[[Any], str]] = {
    "percent": _percent,
    "fine_percent": _fine_percent,
    "list": _list,
    "short_list": _short_list,
    "are_hidden": _are_hidden,
    "times": _times,
    "spans": _spans,
    "place": _place,
    "people": _people,
    "position": _position,
    "duration": lambda duration_s: f"{duration_s:.2f}".rstrip("0").rstrip(".") + " s",
    "causes": lambda kinds: joined(" and ", (retell(CAUSES[kind]) for kind in kinds)),
    "body": lambda framing: retell(BODIES[framing]),
    "file_kind": lambda kind: retell(described(kind)),
    "codec_name": shown_codec,
    "file_name": shown_name,
    "or_trim": lambda can_trim: say(", or trim it to such a part") if can_trim else "",
    "trim_or_choose": lambda can_trim: (
        say("Trim it to its longest usable part, or choose") if can_trim else say("Choose")
    ),
    "one_shot": lambda can_trim: say("Trim it to one shot") if can_trim else say("Choose a clip of one shot"),
    "turned_how": lambda turns: say("upside down") if turns == 2 else say("on its side"),
    "with_sound": lambda has_sound: say(", with its sound") if has_sound else "",
    "on_white": lambda is_clear: say(", on white") if is_clear else "",
    "first_upright": lambda is_first: say("Its first picture, upright") if is_first else say("Upright"),
}


class _Writer(string.Formatter):
    """Fills sentences, with :data:`WRITERS` besides Python's own formats."""

    def format_field(self, value: Any, format_spec: str) -> str:
        writer = WRITERS.get(format_spec)
        return (
            writer(value)
            if writer
            else super().format_field(retell(value) if isinstance(value, str) else value, format_spec)
        )


def _written(sentence: str, values: Mapping[str, object]) -> str:
    return _Writer().vformat(template_of(sentence), (), values)


def message(finding: Finding) -> str:
    """Say what is wrong, in one sentence."""
    return _written(FINDINGS[finding.code][0], finding.values)


def advice(finding: Finding) -> str:
    """Say what to do about a finding, in one sentence."""
    return _written(FINDINGS[finding.code][1], {"can_trim": True, **finding.values})


def stop(finding: Finding) -> str:
    """Say in a few words, on the button, why the preview cannot draw; empty for what stops every engine."""
    return retell(STOPS.get(finding.code, ""))


def source_words(finding: Finding) -> str:
    """Name who says so."""
    return retell(SOURCES[finding.source])


def curve_name(curve: Curve) -> str:
    """Name what is measured over time, in a few words with its unit."""
    return retell(CURVES[curve.kind])


@in_english
def finding_json(finding: Finding) -> dict[str, Any]:
    """Put a finding into plain JSON types, as ``--json`` prints it and as the ledger keeps it."""
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "measured": finding.measured,
        "message": message(finding),
        "advice": advice(finding),
        "source": source_words(finding),
        "repair": finding.repair,
        "override": finding.override,
        "evidence": evidence_json(finding.evidence) if finding.evidence else None,
    }


@in_english
def evidence_json(evidence: Evidence) -> dict[str, Any]:
    """Put evidence into plain JSON types."""
    curve = evidence.curve
    return {
        "picture": str(evidence.picture) if evidence.picture else None,
        "spans": [[round(time_s, 3) for time_s in span] for span in evidence.spans],
        "boxes": [[round(side, 4) for side in box] for box in evidence.boxes],
        "curve": {"name": curve_name(curve), "times_s": curve.times_s, "values": curve.values, "limit": curve.limit}
        if curve
        else None,
    }


def headline(report: Report, *, would_fail: str = "Would fail", will_run: str = "Will run") -> str:
    """Say a report in one sentence; ``would_fail`` and ``will_run`` say how it begins."""
    worst = [finding for finding in report.findings if finding.severity == report.verdict]
    if report.verdict == Verdict.BLOCK:
        return say("{would_fail}: {first}", would_fail=would_fail, first=_first_of(worst))
    if report.verdict == Verdict.WARN:
        return (
            say("{will_run}, but {first}", will_run=will_run, first=_first_of(worst))
            if report.complete
            else say("So far: {first}", first=_first_of(worst))
        )
    return say("Ready.") if report.complete else say("Nothing wrong so far.")


def _first_of(findings: Sequence[Finding]) -> str:
    """Go on with the first of several findings in the middle of a sentence; each begins with "The" and ends in "."."""
    first, more = message(findings[0]), len(findings) - 1
    begun = first[0].lower() + first[1:]
    return say("{begun}, and {more} more.", begun=begun[:-1], more=more) if more else begun


def verdict_summary(stop: int, may: int, *, will_run: str = "Will run") -> str:
    """Sum up a list of findings by how many stop the run and how many may disappoint; ``will_run`` begins it."""
    if stop:
        rest = say(", {may} may disappoint", may=may) if may else ""
        one, many = (
            "Would fail: {count} finding stops the run{rest}.",
            "Would fail: {count} findings stop the run{rest}.",
        )
        return say_many(one, many, stop, rest=rest)
    if not may:
        return say("Ready.")
    one, many = "{will_run}, but {count} finding may disappoint.", "{will_run}, but {count} findings may disappoint."
    return say_many(one, many, may, will_run=will_run)


def picture_alt(rule: str) -> str:
    """Say what the picture beside a finding of a rule shows."""
    usual = say("A moment of the clip") if rule.startswith("video.") else say("The picture with what was found in it")
    return retell(PICTURES.get(rule, usual))


@in_english
def report_json(report: Report) -> dict[str, Any]:
    """Put a report into plain JSON types, as ``kling-ui check --json`` prints it and as the ledger keeps it."""
    return {
        "verdict": report.verdict.value,
        "headline": headline(report),
        "complete": report.complete,
        "image": _section_json(report.image),
        "video": _section_json(report.video),
        "pair": _section_json(report.pair),
        "forecast": forecast_json(report.forecast) if report.forecast else None,
        "advice": advice_json(report.advice) if report.advice else None,
    }


def _section_json(section: Section) -> dict[str, Any]:
    return {"facts": section.facts, "findings": [finding_json(finding) for finding in section.findings]}


def forecast_sentence(timeline: Timeline) -> str:
    """Say what of a clip is likely to come back from Kling; the preview is free, so nobody is told that they pay."""
    paid = say("Kling charges for {duration_s:.1f} s", duration_s=timeline.duration_s)
    if timeline.usable_s >= timeline.duration_s:
        return say("{paid}, and all of it is likely to come back.", paid=paid)
    is_more = timeline.at_best_s >= timeline.usable_s + _WORTH_SAYING_S
    at_best = say(", at best {at_best_s:.1f} s", at_best_s=timeline.at_best_s) if is_more else ""
    if timeline.usable is None:
        return say("{paid}; nothing of it is sure to come back{at_best}.", paid=paid, at_best=at_best)
    where = f"{timeline.usable.start_s:.1f}-{timeline.usable.end_s:.1f} s"
    return say(
        "{paid}; about {usable_s:.1f} s are likely to come back ({where}){at_best}.",
        paid=paid,
        usable_s=timeline.usable_s,
        where=where,
        at_best=at_best,
    )


@in_english
def forecast_json(timeline: Timeline) -> dict[str, Any]:
    """Put a forecast into plain JSON types."""
    usable = timeline.usable
    return {
        "paid_s": timeline.duration_s,
        "usable_s": round(timeline.usable_s, _ROUND),
        "at_best_s": round(timeline.at_best_s, _ROUND),
        "usable": [round(usable.start_s, _ROUND), round(usable.end_s, _ROUND)] if usable else None,
        "sentence": forecast_sentence(timeline),
        "spans": [
            {"start_s": round(span.start_s, _ROUND), "end_s": round(span.end_s, _ROUND), "kind": span.kind.value}
            for span in timeline.spans
        ],
    }


def advice_reasons(chosen: OrientationAdvice) -> list[str]:
    """Say why an orientation suits a clip, one sentence each, what decided first."""
    return [_written(ADVICE[reason.code], reason.values) for reason in chosen.reasons]


@in_english
def advice_json(chosen: OrientationAdvice) -> dict[str, Any]:
    """Put advice on the orientation into plain JSON types."""
    return {
        "orientation": chosen.orientation.value,
        "reasons": advice_reasons(chosen),
        "is_clear": chosen.is_clear,
    }


def repair_label(repair: Repair) -> str:
    """Say what a repair's button says."""
    return _written(REPAIRS[repair.code][0], repair.values)


def repair_effect(repair: Repair) -> str:
    """Say what becomes of the input, in one sentence."""
    return _written(REPAIRS[repair.code][1], repair.values)


@in_english
def repair_json(repair: Repair) -> dict[str, Any]:
    """Put a repair into plain JSON types."""
    return {
        "repair": repair.kind.value,
        "target": repair.kind.target,
        "rules": list(repair.rules),
        "label": repair_label(repair),
        "effect": repair_effect(repair),
        "in_all": repair.in_all,
    }


@dataclass(frozen=True, slots=True)
class FileDifference:
    """One fact that a repair changed.

    Attributes:
        what: Its name, such as ``duration``.
        before: Its value in words and units.
        after: Likewise.
    """

    what: str
    before: str
    after: str


def file_differences(before: ImageFacts | VideoFacts, after: ImageFacts | VideoFacts) -> tuple[FileDifference, ...]:
    """List the facts that differ, what a person looks at first coming first."""
    old, new = _shown_facts(before), _shown_facts(after)
    return tuple(FileDifference(what, old[what], new[what]) for what in old if what in new and old[what] != new[what])


def _shown_facts(facts: ImageFacts | VideoFacts) -> dict[str, str]:
    shown = {
        "format": shown_name(facts.format),
        "size": f"{facts.width_px} x {facts.height_px} px",
        "file": f"{facts.size_bytes / 1e6:.1f} MB"
        if facts.size_bytes >= 50_000
        else f"{facts.size_bytes / 1e3:.0f} kB",
    }
    if isinstance(facts, ImageFacts):
        upright = say("upright") if facts.exif_orientation == 1 else say("turned by its metadata")
        alpha = say("may be transparent") if facts.has_alpha else say("opaque")
        return shown | {"colours": facts.mode, "orientation": upright, "transparency": alpha}
    rate = say("uneven") if facts.has_variable_rate else say("even")
    return shown | {
        "duration": f"{facts.duration_s:.2f} s",
        "codec": shown_codec(facts.codec),
        "colours": facts.pixel_format,
        "frame rate": say("{fps:.4g} frames per second, {rate}", fps=facts.fps, rate=rate),
        "rotation": f"{facts.rotation_deg}°",
        "sound": shown_codec(facts.audio_codec) or say("none"),
    }
