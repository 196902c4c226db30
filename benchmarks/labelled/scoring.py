"""How often each rule is right, and how exact the times are. Pure functions."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.labelled.case import HINT, Case, Clip, Pair, Picture, Span
from benchmarks.labelled.cases import title
from benchmarks.labelled.judging import Judged
from kling_ui.checks.report import RULES as ALL_RULES
from kling_ui.checks.report import Severity
from kling_ui.presentation.findings import message

_KINDS = {"image": Picture, "video": Clip, "pair": Pair, "prompt": Pair}
RULES = tuple(sorted(ALL_RULES, key=lambda rule: (tuple(_KINDS).index(rule.partition(".")[0]), rule)))


@dataclass(frozen=True, slots=True)
class RuleScore:
    """How one rule does.

    Attributes:
        rule: Its id.
        positives: Cases in which it must fire.
        negatives: Cases in which it must be silent.
        true_positives: Cases in which it fires and must.
        false_positives: Cases in which it fires and must not.
        misjudged: Cases in which it fires and must, with another severity.
    """

    rule: str
    positives: int
    negatives: int
    true_positives: int
    false_positives: int
    misjudged: int

    @property
    def false_negatives(self) -> int:
        """Cases in which it must fire and is silent."""
        return self.positives - self.true_positives

    @property
    def precision(self) -> float:
        """Share of its alarms that are right; 1 when there are none."""
        alarms = self.true_positives + self.false_positives
        return self.true_positives / alarms if alarms else 1.0

    @property
    def recall(self) -> float:
        """Share of the broken cases that it tells; 1 when there are none."""
        return self.true_positives / self.positives if self.positives else 1.0


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that the check says and the label does not, or the other way round.

    Attributes:
        name: The case, with its kind.
        what: In a few words.
    """

    name: str
    what: str


def fired(judged: Judged, rule: str) -> Severity | None:
    """How a rule fired, the gravest finding; hints count only where the label asks for one: they are no alarms."""
    severities = [finding.severity for finding in judged.findings if finding.rule == rule]
    if judged.case.must.get(rule) != HINT:
        severities = [severity for severity in severities if severity != HINT]
    return min(severities, key=list(Severity).index, default=None)


def score_rule(rule: str, results: Iterable[Judged]) -> RuleScore:
    """Count a rule's hits and misses among the cases of its kind; those about which people differ do not count."""
    results = [judged for judged in results if concerns(rule, judged.case) and rule not in judged.case.may]
    positive = [judged for judged in results if rule in judged.case.must]
    negative = [judged for judged in results if rule not in judged.case.must]
    hits = [judged for judged in positive if fired(judged, rule)]
    return RuleScore(
        rule,
        positives=len(positive),
        negatives=len(negative),
        true_positives=len(hits),
        false_positives=sum(fired(judged, rule) is not None for judged in negative),
        misjudged=sum(fired(judged, rule) != (judged.case.must[rule] or fired(judged, rule)) for judged in hits),
    )


def concerns(rule: str, case: Case) -> bool:
    """Tell whether a rule is about this kind of case."""
    return isinstance(case, _KINDS[rule.partition(".")[0]])


def wrongs(judged: Judged) -> Iterator[Wrong]:
    """List everything that is wrong about a case."""
    case, name = judged.case, title(judged.case)
    if judged.error:
        yield Wrong(name, f"could not be looked at: {judged.error}")
    for rule, severity in case.must.items():
        found = fired(judged, rule)
        if found is None:
            yield Wrong(name, f"misses {rule}")
        elif severity is not None and found != severity:
            yield Wrong(name, f"{rule} is a {found}, not a {severity}")
    for finding in judged.findings:
        if finding.rule not in case.must and finding.rule not in case.may and finding.severity != HINT:
            yield Wrong(name, f"false alarm {finding.rule}: {message(finding)}")
    if isinstance(case, Clip) and case.orientation not in {None, judged.orientation}:
        yield Wrong(name, f"advises orientation {judged.orientation}, not {case.orientation}")


def cut_errors(results: Iterable[Judged]) -> dict[str, list[float]]:
    """By how many seconds each true cut was missed, by case; cuts that were not found are left out."""
    errors = {}
    for judged in results:
        if isinstance(judged.case, Clip) and judged.case.cuts:
            found = [_nearest(cut, judged.cuts) for cut in judged.case.cuts]
            errors[judged.case.name] = [error for error in found if error is not None]
    return errors


def usable_errors(results: Iterable[Judged]) -> dict[str, tuple[float, float]]:
    """Seconds forecast too many (or, below 0, too few) and seconds promised that are not good, by case."""
    errors = {}
    for judged in results:
        true = judged.case.true_usable(judged.duration_s) if isinstance(judged.case, Clip) else None
        if true is None or judged.error:
            continue
        told = judged.usable or (true[0], true[0])
        overlap = max(0.0, min(true[1], told[1]) - max(true[0], told[0]))
        errors[judged.case.name] = (told[1] - told[0]) - (true[1] - true[0]), (told[1] - told[0]) - overlap
    return errors


def _nearest(cut: Span, found: Sequence[Span]) -> float | None:
    """The larger error of both ends of the nearest cut within a second."""
    errors = [max(abs(start - cut[0]), abs(end - cut[1])) for start, end in found]
    return min((error for error in errors if error <= 1.0), default=None)
