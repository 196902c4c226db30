"""From findings to repairs: which are offered, and what the chosen ones come to."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from kling_ui.checks.cropping import keep_person, people_of, seen_at
from kling_ui.checks.image_repairs import (
    compose_image,
    image_repairs,
    pair_repairs,
    shape_of_clip,
    turns_of_image,
    upper_body_of_clip,
    upper_body_of_image,
)
from kling_ui.checks.repair_kinds import Repair, RepairCode, RepairKind
from kling_ui.checks.report import Report, Section
from kling_ui.checks.usability import Timeline, forecast
from kling_ui.checks.video_repairs import Span, compose_video, kept_span, video_repairs
from kling_ui.errors import MediaError
from kling_ui.languages import Told
from kling_ui.media.image import ImageFacts
from kling_ui.media.probe import VideoFacts
from kling_ui.media.rectangles import Rect
from kling_ui.media.transform_image import WHITE_RGB, ImageTransform
from kling_ui.media.transform_video import VideoTransform
from kling_ui.options import Orientation, TransferOptions
from kling_ui.vision.analysis import ImageAnalysis, VideoAnalysis

__all__ = ["Plan", "Repair", "RepairKind", "compose", "longest_usable", "offers", "repair_all", "with_repairs"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What chosen repairs come to.

    Attributes:
        image: What to make of the character image; ``None`` leaves it.
        video: What to make of the reference video; ``None`` leaves it.
        choice: How to transfer the motion afterwards.
    """

    image: ImageTransform | None
    video: VideoTransform | None
    choice: TransferOptions


def offers(
    image: ImageFacts | ImageAnalysis | None,
    video: VideoFacts | VideoAnalysis | None,
    report: Report,
    choice: TransferOptions,
    *,
    usable: Span | None = None,
) -> tuple[Repair, ...]:
    """List the repairs that a report calls for; of two ways to settle the same rule the better one comes first.

    Args:
        image: What the report's image section was made from.
        video: What its video section was made from.
        report: What the checks said.
        choice: How to transfer the motion.
        usable: The span of the clip to trim to, in seconds; by default its longest usable one.
    """
    rules, usable = _rules(report), usable or _usable_span(report.forecast)
    found: list[Repair] = []
    if image is not None:
        found += image_repairs(image, rules)
        found += people_repairs(image, rules)
    if video is not None:
        found += video_repairs(video, rules, choice, usable)
        found += people_repairs(video, rules)
    if isinstance(image, ImageAnalysis) and isinstance(video, VideoAnalysis):
        kinds = {repair.kind for repair in found}
        image, video = image.upright, video.upright
        found += pair_repairs(image, video, rules, span=kept_span(kinds, video.facts, choice, usable))
    return tuple(found)


def people_repairs(
    known: ImageFacts | ImageAnalysis | VideoFacts | VideoAnalysis, rules: Collection[str]
) -> Iterator[Repair]:
    """Offer to keep one of several people, for each who can be kept alone, from left to right."""
    if not isinstance(known, ImageAnalysis | VideoAnalysis):
        return
    target = "image" if isinstance(known, ImageAnalysis) else "video"
    if f"{target}.people" not in rules:
        return
    count = len(people_of(known))
    for number in range(1, count + 1):
        if (keep := keep_person(known, number)) is not None:
            place = {"position": (number, count), "box": seen_at(known, number)}
            values = place | {"width_px": keep.size[0], "height_px": keep.size[1]}
            yield Repair(RepairCode(f"{target}.keep-person-{number}"), (f"{target}.people",), values, in_all=False)


def with_repairs(report: Report, repairs: Iterable[Repair]) -> Report:
    """Name in each finding the first repair that settles it."""
    kinds: dict[str, RepairKind] = {}
    for repair in repairs:
        for rule in repair.rules:
            kinds.setdefault(rule, repair.kind)
    return replace(
        report,
        image=_named(report.image, kinds),
        video=_named(report.video, kinds),
        pair=_named(report.pair, kinds),
    )


def repair_all(repairs: Iterable[Repair]) -> frozenset[RepairKind]:
    """Choose what the button "Repair all" does."""
    return frozenset(repair.kind for repair in repairs if repair.in_all)


def compose(
    kinds: Collection[RepairKind],
    image: ImageFacts | ImageAnalysis | None,
    video: VideoFacts | VideoAnalysis | None,
    choice: TransferOptions,
    *,
    usable: Span | None = None,
    background_rgb: tuple[int, int, int] = WHITE_RGB,
) -> Plan:
    """Bring chosen repairs together: at most one pass over each file.

    Args:
        kinds: Any of those that :func:`offers` lists.
        image: What is known about the image.
        video: What is known about the clip.
        choice: How to transfer the motion.
        usable: The span of the clip to trim to, in seconds, if a person picked one; by default its longest usable one.
        background_rgb: What shows through where the image is transparent.
    """
    targets = {kind.target for kind in kinds}
    choice, usable = _changed(choice, kinds), usable or longest_usable(video)
    crops = _crops(kinds, image, video, choice, usable)
    image_transform = video_transform = None
    if image and "image" in targets:
        image_transform = compose_image(kinds, image, crop=crops[0], background_rgb=background_rgb)
    if video and "video" in targets:
        video_transform = compose_video(kinds, video, choice, usable=usable, crop=crops[1])
    return Plan(image_transform, video_transform, choice)


def longest_usable(video: VideoFacts | VideoAnalysis | None) -> Span | None:
    """Start and end, in seconds, of a clip's longest usable span; ``None`` while it was not looked at."""
    return _usable_span(forecast(video)) if isinstance(video, VideoAnalysis) else None


def _usable_span(timeline: Timeline | None) -> Span | None:
    usable = timeline.usable if timeline else None
    return (usable.start_s, usable.end_s) if usable else None


def _crops(
    kinds: Collection[RepairKind],
    image: ImageFacts | ImageAnalysis | None,
    video: VideoFacts | VideoAnalysis | None,
    choice: TransferOptions,
    usable: Span | None,
) -> tuple[Rect | None, Rect | None]:
    """What to keep of both, once they are turned, where the other one or the choice of a person decides that."""
    chosen = chosen_person(kinds, image, "image"), chosen_person(kinds, video, "video")
    if not isinstance(image, ImageAnalysis) or not isinstance(video, VideoAnalysis):
        return chosen
    if RepairKind.IMAGE_TURN in kinds:
        image = image.turned(turns_of_image(image))
    if RepairKind.VIDEO_TURN in kinds:
        video = video.upright
    span, of_clip = kept_span(kinds, video.facts, choice, usable), None
    if RepairKind.VIDEO_CROP_TO_UPPER in kinds:
        of_clip = upper_body_of_clip(video, span)
    elif RepairKind.VIDEO_CROP_TO_SHAPE in kinds:
        of_clip = shape_of_clip(image, video, span)
    of_image = upper_body_of_image(image) if RepairKind.IMAGE_CROP_TO_UPPER in kinds else None
    return chosen[0] or of_image, chosen[1] or of_clip


def chosen_person(
    kinds: Collection[RepairKind], known: ImageFacts | ImageAnalysis | VideoFacts | VideoAnalysis | None, target: str
) -> Rect | None:
    """What to keep of an input to keep one person of several, if that is among the repairs."""
    number = next((kind.person for kind in kinds if kind.person and kind.target == target), None)
    if number is None or not isinstance(known, ImageAnalysis | VideoAnalysis):
        return None
    return keep_person(known, number)


def _changed(choice: TransferOptions, kinds: Collection[RepairKind]) -> TransferOptions:
    if RepairKind.CHOICE_ORIENTATION in kinds:
        choice = replace(choice, orientation=Orientation.VIDEO)
    if RepairKind.CHOICE_NO_SOUND in kinds:
        choice = replace(choice, keep_sound=False)
    return choice


def _rules(report: Report) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding.rule for finding in report.findings))


def _named(section: Section, kinds: dict[str, RepairKind]) -> Section:
    findings = tuple(replace(finding, repair=kinds.get(finding.rule)) for finding in section.findings)
    return replace(section, findings=findings)


def with_person(
    asked: Collection[RepairKind], offered: Collection[Repair], person: int | None, *, path: Path
) -> Collection[RepairKind]:
    """Add the choice of a person; the clip is not cut to where the others are away, if that is all that is wrong.

    Args:
        asked: What else was asked for.
        offered: All repairs that there are.
        person: Number of the person to keep, counted from the left, from 1.
        path: The input that an error names.

    Raises:
        MediaError: No input shows such a person who can be kept alone.
    """
    chosen = {repair.kind for repair in offered if repair.kind.person == person}
    if not chosen:
        numbers = sorted({repair.kind.person for repair in offered if repair.kind.person})
        advice = (
            Told("Choose one of {numbers}.", numbers=", ".join(map(str, numbers)))
            if numbers
            else "Leave the choice of a person out."
        )
        reason = Told("no person {person}, counted from the left, can be kept alone in it.", person=person)
        raise MediaError(reason, path=path, advice=advice)
    only_people = {
        repair.kind
        for repair in offered
        if repair.kind == RepairKind.VIDEO_TRIM and set(repair.rules) <= {"video.usable", "video.people"}
    }
    return (set(asked) | chosen) - (only_people if any(kind.target == "video" for kind in chosen) else set())
