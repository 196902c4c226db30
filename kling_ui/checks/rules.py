"""From facts and looks to a report: all rules in one place, pure functions without files."""

from dataclasses import fields
from typing import Any

from kling_ui.checks import image_rules, motion_rules, pair_rules, video_rules
from kling_ui.checks.adviser import advise
from kling_ui.checks.faults import forecast
from kling_ui.checks.report import Finding, Report, Section, in_order
from kling_ui.choice import Choice
from kling_ui.media.picture import ImageFacts
from kling_ui.media.probe import VideoFacts
from kling_ui.vision.body import Framing
from kling_ui.vision.look import ImageLook, VideoLook

_NOT_SHOWN = frozenset({"path", "keyframe_times_s"})


def judge(
    image: ImageFacts | ImageLook | None, video: VideoFacts | VideoLook | None, choice: Choice | None = None
) -> Report:
    """Apply every rule that what is known allows.

    Args:
        image: A full look, the facts alone while the look still runs, or ``None`` without an image.
        video: Likewise for the clip.
        choice: How to transfer the motion; the defaults when not given.
    """
    choice = choice or Choice()
    timeline = forecast(video) if isinstance(video, VideoLook) else None
    return Report(
        image=check_image(image) if image else Section(),
        video=check_video(video, choice) if video else Section(),
        pair=check_pair(image, video, choice),
        complete=isinstance(image, ImageLook) and isinstance(video, VideoLook),
        forecast=timeline,
        advice=advise(video, timeline) if isinstance(video, VideoLook) and timeline else None,
    )


def check_image(image: ImageFacts | ImageLook) -> Section:
    """Judge the character image."""
    facts = image.facts if isinstance(image, ImageLook) else image
    findings = [finding for rule in image_rules.FILE_RULES for finding in rule(facts)]
    if isinstance(image, ImageFacts):
        return Section(_shown(facts), in_order(findings))
    findings += [finding for rule in image_rules.LOOK_RULES for finding in rule(image)]
    person = image.person
    seen: dict[str, Any] = {
        "subject_share": person.subject_share if person else None,
        "people": len(image.others) + 1 if person else 0,
        "confidence": person.confidence if person else None,
        "framing": str(person.framing if person else Framing.NOBODY),
        "sha256": image.sha256,
    }
    return Section(_shown(facts) | seen, in_order(findings))


def check_video(video: VideoFacts | VideoLook, choice: Choice) -> Section:
    """Judge the reference video."""
    facts = video.facts if isinstance(video, VideoLook) else video
    findings = [finding for rule in video_rules.FILE_RULES for finding in rule(facts)]
    findings += [finding for rule in video_rules.CHOICE_RULES for finding in rule(facts, choice)]
    if isinstance(video, VideoFacts):
        return Section(_shown(facts), in_order(findings))
    timeline = forecast(video)
    findings += [finding for rule in video_rules.LOOK_RULES for finding in rule(video)]
    findings += [finding for rule in motion_rules.TIME_RULES for finding in rule(video, timeline)]
    seen: dict[str, Any] = {
        "person_share": round(video.person_share, 4),
        "usable_s": round(timeline.usable_s, 3),
        "framing": str(video.framing),
        "sha256": video.sha256,
    }
    return Section(_shown(facts) | seen, in_order(findings))


def check_pair(image: ImageFacts | ImageLook | None, video: VideoFacts | VideoLook | None, choice: Choice) -> Section:
    """Judge prompt, image and clip together."""
    findings: list[Finding] = [finding for rule in pair_rules.CHOICE_RULES for finding in rule(choice)]
    if image is not None and video is not None:
        pictured = image.facts if isinstance(image, ImageLook) else image
        filmed = video.facts if isinstance(video, VideoLook) else video
        findings += [finding for rule in pair_rules.FACT_RULES for finding in rule(pictured, filmed)]
    if isinstance(image, ImageLook) and isinstance(video, VideoLook):
        findings += [finding for rule in pair_rules.LOOK_RULES for finding in rule(image, video, choice)]
    facts = {
        "orientation": str(choice.orientation),
        "keep_sound": choice.keep_sound,
        "prompt_chars": len(choice.prompt),
    }
    return Section(facts, in_order(findings))


def _shown(facts: ImageFacts | VideoFacts) -> dict[str, Any]:
    kept = {field.name: getattr(facts, field.name) for field in fields(facts) if field.name not in _NOT_SHOWN}
    return {"file": facts.path.name} | kept
