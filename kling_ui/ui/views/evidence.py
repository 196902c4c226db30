"""What shows a finding besides its words: a picture with boxes, parts of the clip to play, a curve with its limit."""

from typing import Any

from kling_ui.checks.report import Evidence, Finding
from kling_ui.ui.views.timeline import curve_value, span_words
from kling_ui.ui.web.files import Locker

_SPANS_MAX = 6  # more tell no more; the timeline shows them all
_ALTS = {
    "image.people": "The picture with the people that were found",
    "pair.room": "The picture with the room that the moves need",
    "video.cuts": "The frames before and after a cut",
    "video.camera": "The view before and after the camera moved",
    "video.people": "A moment with the people that were found",
    "video.speed": "Two neighbouring frames of the fastest moment",
    "video.first_frame": "The first frame",
}


def evidence_value(locker: Locker, finding: Finding) -> dict[str, Any] | None:
    """Show a finding's evidence; ``None`` when its words are all there is.

    Args:
        locker: Makes the addresses of pictures.
        finding: The broken rule.
    """
    evidence = finding.evidence
    if evidence is None or not (evidence.picture or evidence.spans or evidence.curve):
        return None
    return {
        "picture": _url(locker, evidence),
        "alt": _ALTS.get(finding.rule, _alt(finding.rule)),
        "boxes": [list(box) for box in evidence.boxes] if _is_of_picture(finding.rule) else [],
        "spans": [
            {"start_s": start_s, "end_s": end_s, "words": span_words(start_s, end_s)}
            for start_s, end_s in evidence.spans[:_SPANS_MAX]
        ],
        "curve": curve_value(evidence.curve) if evidence.curve and evidence.curve.values else None,
    }


def _url(locker: Locker, evidence: Evidence) -> str:
    return locker.url(evidence.picture) if evidence.picture and evidence.picture.is_file() else ""


def _is_of_picture(rule: str) -> bool:
    """Boxes are shares of the character image; in pictures of a clip they are drawn already."""
    return not rule.startswith("video.")


def _alt(rule: str) -> str:
    return "A moment of the clip" if rule.startswith("video.") else "The picture with what was found in it"
