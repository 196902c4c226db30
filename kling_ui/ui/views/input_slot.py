"""The values that fill the places of image and clip: the file, what was found in it, its timeline and curves."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kling_ui.checks.report import Curve
from kling_ui.checks.usability import SpanKind, Timeline, TimelineSpan, forecast
from kling_ui.corrections import BONES, CORE, JOINTS
from kling_ui.errors import KlingUIError, MediaError
from kling_ui.languages import joined, retell, retell_stored, say, told
from kling_ui.media.image import ImageFacts
from kling_ui.media.playable import CopyState, ShownCopy, is_shown_everywhere
from kling_ui.media.probe import VideoFacts
from kling_ui.media.signatures import shown_codec, shown_name
from kling_ui.options import InputKind
from kling_ui.presentation import wording
from kling_ui.presentation.findings import FileDifference, curve_name, forecast_sentence
from kling_ui.presentation.wording import COPIES, SPANS
from kling_ui.ui.browser_values import InputVersions
from kling_ui.ui.web.signed_files import SignedFiles
from kling_ui.vision.analysis import ImageAnalysis, PersonFacts, VideoAnalysis
from kling_ui.vision.editing import EditableFigure, EditableJoint
from kling_ui.vision.pose import Framing

CURVE_POINTS_MAX = 240
_MOMENT_S = 0.05  # shorter is a moment, as a person reads it
_PLACED_LAST = frozenset({"ear", "hand", "foot"})  # a preview does without them
SlotValue = dict[str, Any]
DROPPED = told("What you corrected of the repaired picture was dropped: it was made anew. Correct the joints again.")


def timeline_value(timeline: Timeline) -> dict[str, Any]:
    """Show what of a clip is likely to come back.

    Args:
        timeline: All of the clip.
    """
    return {
        "duration_s": timeline.duration_s,
        "sentence": forecast_sentence(timeline),
        "spans": [_span_value(span) for span in timeline.spans],
        "legend": [
            {"kind": _css(kind), "words": _legend_words(timeline, kind)}
            for kind in sorted(SpanKind, key=lambda kind: kind != SpanKind.GOOD)
            if any(span.kind == kind for span in timeline.spans)
        ],
    }


def curve_value(curve: Curve) -> dict[str, Any]:
    """Show something measured over time, in no more points than can be seen."""
    name = curve_name(curve)
    step = -(-len(curve.values) // CURVE_POINTS_MAX) or 1
    return {
        "name": name[:1].upper() + name[1:],
        "points": list(zip(curve.times_s[::step], curve.values[::step], strict=True)),
        "limit": curve.limit,
        "limit_words": say("limit {limit:.3g}", limit=curve.limit),
        "words": say(
            "{name}, at most {most:.3g}; the limit is {limit:.3g}",
            name=name,
            most=max(curve.values, default=0.0),
            limit=curve.limit,
        ),
    }


def span_words(start_s: float, end_s: float) -> str:
    """``2.3-4.1 s``, or ``2.3 s`` for a moment."""
    if end_s - start_s < _MOMENT_S:
        return wording.seconds(start_s)
    return f"{start_s:.1f}\N{EN DASH}{wording.seconds(end_s)}"


def _span_value(span: TimelineSpan) -> dict[str, Any]:
    return {
        "start_s": round(span.start_s, 3),
        "end_s": round(span.end_s, 3),
        "kind": _css(span.kind),
        "label": SPANS[span.kind],
        "words": joined(", ", (SPANS[span.kind], span_words(span.start_s, span.end_s))),
    }


def _legend_words(timeline: Timeline, kind: SpanKind) -> str:
    spans = [span for span in timeline.spans if span.kind == kind]
    total_s = sum(span.length_s for span in spans)
    if kind == SpanKind.CUT:
        return say("Cut") if len(spans) == 1 else say("{count} cuts", count=len(spans))
    return f"{retell(SPANS[kind])} {wording.seconds(total_s)}"


def _css(kind: SpanKind) -> str:
    return kind.value.replace(" ", "-")


def busy(words: str) -> SlotValue:
    """Show that something is on its way."""
    return {"busy": words}


def failed(error: KlingUIError) -> SlotValue:
    """Show why an input could not be taken."""
    message = _reason(error)
    return {"error": message[:1].upper() + message[1:], "advice": retell(error.advice)}


def _reason(error: KlingUIError | None) -> str:
    return retell(error.reason if isinstance(error, MediaError) else error.message if error else "")


def received(signed_files: SignedFiles, path: Path) -> SlotValue:
    """Show a file of which nothing is known yet."""
    return {"ref": signed_files.sign(path), "url": signed_files.url(path), "busy": say("Reading the file")}


def facts_of(signed_files: SignedFiles, path: Path, facts: ImageFacts | VideoFacts) -> SlotValue:
    """Show what a file says of itself while it is still being looked at."""
    if isinstance(facts, ImageFacts):
        return image_facts(signed_files, path, facts)
    return video_facts(signed_files, path, facts)


def analysis_value(signed_files: SignedFiles, path: Path, analysis: ImageAnalysis | VideoAnalysis) -> SlotValue:
    """Show a file with all that was found in it."""
    return (
        image_value(signed_files, path, analysis)
        if isinstance(analysis, ImageAnalysis)
        else video_value(signed_files, path, analysis)
    )


def repaired(signed_files: SignedFiles, versions: InputVersions, changed: Iterable[FileDifference]) -> SlotValue:
    """Show what repairs made of an input, and how to go back."""
    return {
        "repaired": {
            "word": say("Changed") if versions.base is not versions.original else say("Repaired"),
            "labels": tuple(map(retell_stored, versions.labels)),
            "changes": [(_label(change.what), change.before, change.after) for change in changed],
            "picture": signed_files.url(versions.current.picture),
            "steps": len(versions.past),
        }
    }


def shown_copy(signed_files: SignedFiles, kind: InputKind, copy: ShownCopy) -> dict[str, Any]:
    """Say what to show of a file: its address, or words until there is one, or for good where there will be none."""
    has_failed, words = copy.state is CopyState.FAILED, ""
    if has_failed:
        words = say("A {copy} could not be made: {reason}", copy=COPIES[kind], reason=_reason(copy.error))
    elif copy.path is None:
        words = say("Preparing a {copy}", copy=COPIES[kind])
    poster = signed_files.url(copy.poster)
    return {"url": signed_files.url(copy.path), "poster": poster, "words": words, "failed": has_failed, "fps": copy.fps}


def image_facts(signed_files: SignedFiles, path: Path, facts: ImageFacts) -> SlotValue:
    """Show a picture whose character is still being looked for."""
    return received(signed_files, path) | {
        "alt": say("The character image"),
        "needs_copy": not is_shown_everywhere(facts),
        "busy": say("Looking for the character"),
        "size_px": [facts.width_px, facts.height_px],
        "facts": [
            (say("Size"), wording.size(facts.width_px, facts.height_px)),
            (say("File"), joined(", ", (_named(facts), wording.weight(facts.size_bytes)))),
        ],
    }


def image_value(signed_files: SignedFiles, path: Path, analysis: ImageAnalysis) -> SlotValue:
    """Show a picture with all that was found in it."""
    return image_facts(signed_files, path, analysis.facts) | {
        "busy": "",
        "overlay": signed_files.url(analysis.overlay),
        "found": found_in_image(analysis.person),
        "corrected": corrected_words(analysis),
        "can_correct": True,
    }


def corrected_words(analysis: ImageAnalysis) -> str:
    """Say what of a picture a person corrected; empty for nothing."""
    if analysis.corrected is None:
        return ""
    words = wording.corrected(analysis.corrected.joints, has_mask=analysis.corrected.mask)
    return say("{words}.", words=f"{words[:1].upper()}{words[1:]}")


def editor_value(signed_files: SignedFiles, figure: EditableFigure) -> dict[str, Any]:
    """Show what can be corrected of a picture."""
    known, found = ({joint.name: _joint_value(joint) for joint in joints} for joints in (figure.joints, figure.found))
    return {
        "number": time.monotonic_ns(),
        "joints": [
            {"name": name, "label": _label(name), "now": known.get(name), "found": found.get(name)}
            for name in sorted(JOINTS, key=lambda name: name.split()[-1] in _PLACED_LAST)
        ],
        "needed": CORE,
        "bones": BONES,
        "figure": signed_files.url(figure.figure),
        "paint": signed_files.url(figure.paint),
    }


def _label(name: str) -> str:
    return retell(f"{name[:1].upper()}{name[1:]}")


def _joint_value(joint: EditableJoint) -> dict[str, Any]:
    return {"x": round(joint.x, 5), "y": round(joint.y, 5), "hidden": joint.hidden, "placed": joint.placed}


def found_in_image(person: PersonFacts | None) -> str:
    """Say how much of a picture the character covers."""
    if person is None:
        return say("No character was found.")
    body = {Framing.FULL: say("full body"), Framing.UPPER: say("upper body")}.get(
        person.framing, say("part of the body")
    )
    return say(
        "The character covers {share} of the picture, {body}.", share=wording.share(person.subject_share), body=body
    )


def video_facts(signed_files: SignedFiles, path: Path, facts: VideoFacts) -> SlotValue:
    """Show a clip whose person is still being looked for."""
    return received(signed_files, path) | {
        "busy": say("Looking for the person"),
        "needs_copy": not is_shown_everywhere(facts),
        "size_px": [facts.width_px, facts.height_px],
        "duration_s": facts.duration_s,
        "facts": [
            (say("Length"), joined(", ", (wording.seconds(facts.duration_s), wording.rate(facts.fps)))),
            (say("Size"), wording.size(facts.width_px, facts.height_px)),
            (
                say("File"),
                joined(", ", (f"{_named(facts)}, {shown_codec(facts.codec)}", wording.weight(facts.size_bytes))),
            ),
            (say("Sound"), say("yes") if facts.has_audio else say("none")),
        ],
    }


def video_value(signed_files: SignedFiles, path: Path, analysis: VideoAnalysis) -> SlotValue:
    """Show a clip with all that was found in it."""
    return video_facts(signed_files, path, analysis.facts) | {
        "busy": "",
        "strip": signed_files.url(analysis.strip),
        "strip_alt": say("Moments of the clip with the skeleton that was found"),
        "timeline": timeline_value(forecast(analysis)),
        "found": found_in_video(analysis),
    }


def found_in_video(analysis: VideoAnalysis) -> str:
    """Say in how much of a clip a person is in view."""
    if analysis.person_share == 0:
        return say("No person was found.")
    body = {Framing.FULL: say(", full body"), Framing.UPPER: say(", upper body")}.get(analysis.framing, "")
    if analysis.person_share == 1:
        return say("A person is in view all the time{body}.", body=body)
    return say("A person is in view {share} of the time{body}.", share=wording.share(analysis.person_share), body=body)


def _named(facts: ImageFacts | VideoFacts) -> str:
    return shown_name(facts.format)
