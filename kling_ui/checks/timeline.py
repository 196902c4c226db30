"""A clip as a row of spans: what is likely to come back, and what is lost to what."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

SLIVER_S = 0.35  # good frames between faults: less is nothing to use and a nuisance to look at
_ROUND = 3
_WORTH_SAYING_S = 0.5


class SpanKind(StrEnum):
    """What a span of a clip is; among several reasons the first one of this list is named."""

    CUT = "cut"
    NOBODY = "nobody"
    OUT_OF_VIEW = "out of view"
    SEVERAL = "several people"
    OCCLUDED = "occluded"
    CAMERA = "camera moves"
    FAST = "too fast"
    UNSEEN = "not looked at"
    GOOD = "good"


# Documented as advice: the model goes on with the largest person, and often copes with a moving camera and fast moves.
MAY_PASS = frozenset({SpanKind.SEVERAL, SpanKind.CAMERA, SpanKind.FAST})
_NO_REASON = frozenset({SpanKind.GOOD, SpanKind.CUT})


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a clip.

    Attributes:
        start_s: Where it begins, in seconds from the clip's start.
        end_s: Where it ends; for a cut between two frames the same as ``start_s``.
        kind: What it is.
    """

    start_s: float
    end_s: float
    kind: SpanKind

    @property
    def length_s(self) -> float:
        """How long it is."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Timeline:
    """All of a clip.

    Attributes:
        spans: One after the other, without gaps, from 0 to the clip's end.
        duration_s: The clip's length: what is paid for.
    """

    spans: tuple[Span, ...]
    duration_s: float

    @property
    def usable(self) -> Span | None:
        """The longest good span: what is likely to come back."""
        good = [span for span in self.spans if span.kind == SpanKind.GOOD]
        return max(good, key=lambda span: span.length_s, default=None)

    @property
    def usable_s(self) -> float:
        """Length of the longest good span, in seconds."""
        return self.usable.length_s if self.usable else 0.0

    @property
    def at_best_s(self) -> float:
        """Longest part, in seconds, if what only may do harm does none: other people, camera and speed."""
        longest = length = 0.0
        for span in self.spans:
            length = length + span.length_s if span.kind == SpanKind.GOOD or span.kind in MAY_PASS else 0.0
            longest = max(longest, length)
        return longest

    @property
    def lost_to(self) -> tuple[SpanKind, ...]:
        """Why seconds are lost, the largest loss first."""
        lost: dict[SpanKind, float] = {}
        for span in self.spans:
            if span.kind != SpanKind.GOOD:
                lost[span.kind] = lost.get(span.kind, 0.0) + max(span.length_s, 1e-3)
        return tuple(sorted(lost, key=lambda kind: -lost[kind]))

    @property
    def sentence(self) -> str:
        """The forecast in words."""
        paid = f"You pay for {self.duration_s:.1f} s"
        if self.usable_s >= self.duration_s:
            return f"{paid}, and all of it is likely to come back."
        at_best = f", at best {self.at_best_s:.1f} s" if self.at_best_s >= self.usable_s + _WORTH_SAYING_S else ""
        if self.usable is None:
            return f"{paid}; nothing of it is sure to come back{at_best}."
        where = f"{self.usable.start_s:.1f}-{self.usable.end_s:.1f} s"
        return f"{paid}; about {self.usable_s:.1f} s are likely to come back ({where}){at_best}."

    def to_json(self) -> dict[str, Any]:
        """Put it into plain JSON types."""
        usable = self.usable
        return {
            "paid_s": self.duration_s,
            "usable_s": round(self.usable_s, _ROUND),
            "at_best_s": round(self.at_best_s, _ROUND),
            "usable": [round(usable.start_s, _ROUND), round(usable.end_s, _ROUND)] if usable else None,
            "sentence": self.sentence,
            "spans": [
                {"start_s": round(span.start_s, _ROUND), "end_s": round(span.end_s, _ROUND), "kind": span.kind.value}
                for span in self.spans
            ],
        }


def compose(duration_s: float, faults: Iterable[Span]) -> Timeline:
    """Lay faults over a clip; where they overlap, the one that :class:`SpanKind` names first is shown.

    Args:
        duration_s: The clip's length.
        faults: Spans of any kind but good ones, in any order; a cut may have no length.
    """
    found = [_within(fault, duration_s) for fault in faults]
    edges = sorted({0.0, duration_s, *(span.start_s for span in found), *(span.end_s for span in found)})
    instants = {span.start_s for span in found if span.kind == SpanKind.CUT and span.length_s <= 0}
    spans: list[Span] = []
    for start_s, end_s in pairwise(edges):
        if start_s in instants:
            spans.append(Span(start_s, start_s, SpanKind.CUT))
        kind = _kind_at(found, (start_s + end_s) / 2)
        spans.append(Span(start_s, end_s, kind))
    return Timeline(tuple(_joined(_without_slivers(_joined(spans)))), duration_s)


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for span in spans:
        if joined and joined[-1].kind == span.kind and span.length_s > 0 and joined[-1].length_s > 0:
            joined[-1] = Span(joined[-1].start_s, span.end_s, span.kind)
        else:
            joined.append(span)
    return joined


def _without_slivers(spans: Sequence[Span]) -> Iterator[Span]:
    """Count a blink of good frames beside a fault as part of it."""
    for place, span in enumerate(spans):
        near = [other.kind for other in spans[max(0, place - 1) : place + 2] if other.kind not in _NO_REASON]
        is_sliver = span.kind == SpanKind.GOOD and span.length_s < SLIVER_S and near
        yield Span(span.start_s, span.end_s, near[0]) if is_sliver else span


def _kind_at(faults: Sequence[Span], time_s: float) -> SpanKind:
    here = {fault.kind for fault in faults if fault.start_s <= time_s < fault.end_s}
    return next((kind for kind in SpanKind if kind in here), SpanKind.GOOD)


def _within(span: Span, duration_s: float) -> Span:
    start_s, end_s = (min(max(0.0, time_s), duration_s) for time_s in (span.start_s, span.end_s))
    return Span(start_s, end_s, span.kind)
