"""What the character image must be. Each rule yields nothing when it is kept."""

from collections.abc import Callable, Iterator

import numpy as np

from kling_ui.checks.limits import (
    CONFIDENCE_TRUST_MIN,
    COVERAGE_MIN_SHARE,
    IMAGE_ASPECT_MAX,
    IMAGE_FORMATS_TAKEN,
    IMAGE_LARGE_PX,
    IMAGE_SIDE_MAX_PX,
    IMAGE_SIDE_MIN_PX,
    IMAGE_SIDE_SAFE_PX,
    IMAGE_SIZE_KLING_BYTES,
    IMAGE_SIZE_MAX_BYTES,
    MASK_TRUST_MIN_SHARE,
    MB,
    TILT_LYING_DEG,
    TILT_UPSIDE_DOWN_DEG,
    TRANSPARENT_MIN_SHARE,
    LimitSource,
)
from kling_ui.checks.report import Evidence, Finding, Severity
from kling_ui.media.image import ImageFacts
from kling_ui.media.signatures import described
from kling_ui.vision.analysis import ImageAnalysis
from kling_ui.vision.pose import Framing, cut_limbs, hands_outside

_NAMED_MAX = 3
_PLAIN_MODES = frozenset({"RGB", "RGBA", "L", "LA", "P", "PA", "1"})


def check_format(facts: ImageFacts) -> Iterator[Finding]:
    """``image.format``: JPEG or PNG, one still picture in plain colours."""
    rule, source = "image.format", LimitSource.KLING
    if facts.format not in IMAGE_FORMATS_TAKEN:
        message = f"The image is {described(facts.format)}; only JPEG and PNG are taken."
        yield Finding(rule, Severity.BLOCK, facts.format, message, "Convert it to PNG or JPEG.", source)
    elif facts.frame_count > 1:
        message = f"The image is animated ({facts.frame_count} frames); at best its first frame is used."
        yield Finding(rule, Severity.WARN, facts.frame_count, message, "Save its first frame as a plain PNG.", source)
    if facts.mode not in _PLAIN_MODES:
        message = f"The image stores its colours as {facts.mode}, which services often read wrongly or refuse."
        yield Finding(rule, Severity.WARN, facts.mode, message, "Save it with 8-bit RGB colours.", LimitSource.SENSE)
    if facts.exif_orientation != 1:
        message = "The image lies on its side and only its metadata turns it upright; not every service does."
        yield Finding(rule, Severity.HINT, facts.exif_orientation, message, "Save it upright.", LimitSource.FIELD)


def check_size(facts: ImageFacts) -> Iterator[Finding]:
    """``image.size``: at most 50 MB, better at most 10 MB."""
    rule, size_mb = "image.size", round(facts.size_bytes / MB, 2)
    if facts.size_bytes > IMAGE_SIZE_MAX_BYTES.value:
        message = f"The image file has {size_mb:.1f} MB; at most {IMAGE_SIZE_MAX_BYTES.value / MB:.0f} MB are taken."
        advice = "Save it as a JPEG, or scale it down."
        yield Finding(rule, Severity.BLOCK, size_mb, message, advice, IMAGE_SIZE_MAX_BYTES.source)
    elif facts.size_bytes > IMAGE_SIZE_KLING_BYTES.value:
        limit_mb = IMAGE_SIZE_KLING_BYTES.value / MB
        message = f"The image file has {size_mb:.1f} MB; Kling's own service takes at most {limit_mb:.0f} MB."
        advice = "Save it as a JPEG, or scale it down."
        yield Finding(rule, Severity.WARN, size_mb, message, advice, IMAGE_SIZE_KLING_BYTES.source)


def check_side(facts: ImageFacts) -> Iterator[Finding]:
    """``image.side``: each side 300-65536 px, better at least 340 px."""
    rule, size = "image.side", f"{facts.width_px} x {facts.height_px} px"
    short, long = sorted((facts.width_px, facts.height_px))
    if short < IMAGE_SIDE_MIN_PX.value:
        message = f"The image has {size}; its shorter side needs at least {IMAGE_SIDE_MIN_PX.value} px."
        advice = "Scale it up, or choose a larger picture."
        yield Finding(rule, Severity.BLOCK, short, message, advice, IMAGE_SIDE_MIN_PX.source)
    elif short < IMAGE_SIDE_SAFE_PX.value:
        message = f"The image has {size}; some services demand {IMAGE_SIDE_SAFE_PX.value} px on the shorter side."
        advice = "Choose a larger picture if you have one."
        yield Finding(rule, Severity.WARN, short, message, advice, IMAGE_SIDE_SAFE_PX.source)
    if long > IMAGE_SIDE_MAX_PX.value:
        message = f"The image has {size}; its longer side may have at most {IMAGE_SIDE_MAX_PX.value} px."
        yield Finding(rule, Severity.BLOCK, long, message, "Scale it down.", IMAGE_SIDE_MAX_PX.source)


def check_aspect(facts: ImageFacts) -> Iterator[Finding]:
    """``image.aspect``: between 1:2.5 and 2.5:1."""
    short, long = sorted((facts.width_px, facts.height_px))
    if long > IMAGE_ASPECT_MAX.value * short:
        limit = f"{IMAGE_ASPECT_MAX.value:g}"
        message = (
            f"The image is {facts.width_px} x {facts.height_px} px; one side may be {limit} times the other at most."
        )
        aspect = round(facts.width_px / facts.height_px, 4)
        advice = "Crop it, or add background at its longer sides."
        yield Finding("image.aspect", Severity.BLOCK, aspect, message, advice, IMAGE_ASPECT_MAX.source)


def check_large(facts: ImageFacts) -> Iterator[Finding]:
    """``image.large``: at most about 4K."""
    long = max(facts.width_px, facts.height_px)
    if long > IMAGE_LARGE_PX.value:
        message = f"The image has {long} px on its longer side; up to about {IMAGE_LARGE_PX.value} px (4K) is advised."
        yield Finding("image.large", Severity.WARN, long, message, "Scale it down.", IMAGE_LARGE_PX.source)


def check_transparency(analysis: ImageAnalysis) -> Iterator[Finding]:
    """``image.format``: no see-through areas, which each service fills in its own way."""
    if analysis.clear_share >= TRANSPARENT_MIN_SHARE:
        share = _percent(analysis.clear_share)
        message = f"The image is transparent in {share} of its area; what fills it is left to chance."
        advice = "Save it on a background of your choice."
        yield Finding("image.format", Severity.WARN, analysis.clear_share, message, advice, LimitSource.SENSE)


def check_character(analysis: ImageAnalysis) -> Iterator[Finding]:
    """``image.character``: somebody is there. A detector misses stylised characters, so this never blocks."""
    if analysis.person is None:
        message = "The image shows no person or humanoid character that could be found."
        advice = "Go on if you see one clearly (detectors miss stylised characters), else choose another picture."
        yield Finding("image.character", Severity.WARN, None, message, advice, LimitSource.VENDOR)


def check_coverage(analysis: ImageAnalysis) -> Iterator[Finding]:
    """``image.coverage``: the character covers more than 5 % of the picture."""
    person = analysis.person
    if person is None or person.subject_share > COVERAGE_MIN_SHARE.value:
        return
    trusted = person.mask_agreement >= MASK_TRUST_MIN_SHARE and person.confidence >= CONFIDENCE_TRUST_MIN
    share, limit = _percent(person.subject_share), _percent(COVERAGE_MIN_SHARE.value)
    message = f"The character covers {share} of the image; more than {limit} is needed."
    yield Finding(
        "image.coverage",
        Severity.BLOCK if trusted else Severity.WARN,
        person.subject_share,
        message,
        "Crop the picture around the character; go on only if the outline shown here is wrong.",
        COVERAGE_MIN_SHARE.source,
        override=trusted,
        evidence=_shown(analysis),
    )


def check_body(analysis: ImageAnalysis) -> Iterator[Finding]:
    """``image.body``: head and shoulders in view, no limb cut by the edge, hands in the picture."""
    if analysis.person is None:
        return
    rule, landmarks = "image.body", np.asarray(analysis.person.landmarks)
    if analysis.person.framing == Framing.PART:
        message = "The image does not clearly show the head and both shoulders of the character."
        advice = "Choose a picture of at least the upper body, seen from the front."
        measured = analysis.person.framing.value
        yield Finding(rule, Severity.WARN, measured, message, advice, LimitSource.BOTH, evidence=_shown(analysis))
    elif cut := cut_limbs(landmarks):
        message = f"The image cuts off the {_listed(cut)} (the character's own left and right)."
        advice = "Choose a picture with whole arms and legs, or one that ends above the knees."
        yield Finding(rule, Severity.WARN, ", ".join(cut), message, advice, LimitSource.BOTH, evidence=_shown(analysis))
    elif hidden := hands_outside(landmarks):
        message = f"The image leaves out the {_listed(hidden)}, so hands will be invented."
        advice = "Choose a picture that shows both hands if the video moves them."
        yield Finding(
            rule, Severity.WARN, ", ".join(hidden), message, advice, LimitSource.BOTH, evidence=_shown(analysis)
        )


def check_occlusion(analysis: ImageAnalysis) -> Iterator[Finding]:
    """``image.occlusion``: no part that is inside the picture is hidden."""
    if analysis.person is None or not (names := analysis.person.covered + analysis.person.hidden):
        return
    message = f"The image hides the {_listed(names[:_NAMED_MAX])}{' and more' if len(names) > _NAMED_MAX else ''}."
    advice = "Choose a picture with nothing in front of the character and both arms in view."
    measured = ", ".join(names)
    yield Finding(
        "image.occlusion", Severity.WARN, measured, message, advice, LimitSource.VENDOR, evidence=_shown(analysis)
    )


def check_posture(analysis: ImageAnalysis) -> Iterator[Finding]:
    """``image.posture``: the character is upright."""
    if analysis.person is None or analysis.person.tilt_deg < TILT_LYING_DEG:
        return
    tilt = analysis.person.tilt_deg
    how = "is upside down" if tilt > TILT_UPSIDE_DOWN_DEG else "lies or is turned on its side"
    message = f"The character {how} ({tilt:.0f}° from upright)."
    advice = "Choose a picture of somebody who stands or sits, or turn this one upright."
    yield Finding("image.posture", Severity.WARN, tilt, message, advice, LimitSource.KLING, evidence=_shown(analysis))


def check_people(analysis: ImageAnalysis) -> Iterator[Finding]:
    """``image.people``: one main character; the largest is used."""
    if analysis.person is None or not analysis.others:
        return
    message = f"The image shows {len(analysis.others) + 1} people; the largest one, {_place(analysis)}, is used."
    advice = "Crop the picture around the character that you mean."
    evidence = Evidence(analysis.overlay, boxes=analysis.others)
    count = len(analysis.others) + 1
    yield Finding("image.people", Severity.WARN, count, message, advice, LimitSource.KLING, evidence=evidence)


def check_profile(facts: ImageFacts) -> Iterator[Finding]:
    """``image.profile``: the colours of sRGB, which is what services take all pictures for."""
    if facts.profile:
        message = f"The image's colours are those of “{facts.profile}”; a service that takes them for sRGB shifts them."
        advice = "Convert it to sRGB."
        yield Finding("image.profile", Severity.HINT, facts.profile, message, advice, LimitSource.SENSE)


# In the order in which they are shown among findings of the same severity.
FILE_RULES: tuple[Callable[[ImageFacts], Iterator[Finding]], ...] = (
    check_format,
    check_size,
    check_side,
    check_aspect,
    check_large,
    check_profile,
)
ANALYSIS_RULES: tuple[Callable[[ImageAnalysis], Iterator[Finding]], ...] = (
    check_character,
    check_coverage,
    check_body,
    check_occlusion,
    check_posture,
    check_people,
    check_transparency,
)


def _shown(analysis: ImageAnalysis) -> Evidence:
    return Evidence(analysis.overlay, boxes=(analysis.person.box,) if analysis.person else ())


def _place(analysis: ImageAnalysis) -> str:
    left, _, right, _ = analysis.person.box if analysis.person else (0.0, 0.0, 1.0, 0.0)
    middle = (left + right) / 2
    return "on the left" if middle < 0.4 else "on the right" if middle > 0.6 else "in the middle"


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %" if 0 < share < 0.0995 and round(share * 100, 1) % 1 else f"{share * 100:.0f} %"


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]
