"""What the character image must be. Each rule yields nothing when it is kept."""

from collections.abc import Callable, Iterator

import numpy as np

from kling_ui.checks.light import is_bright, is_dark, is_lit
from kling_ui.checks.limits import (
    CONFIDENCE_TRUST_MIN,
    COVERAGE_MIN_SHARE,
    DIM_MAX,
    IMAGE_ASPECT_MAX,
    IMAGE_FORMATS_TAKEN,
    IMAGE_LARGE_PX,
    IMAGE_SIDE_MAX_PX,
    IMAGE_SIDE_MIN_PX,
    IMAGE_SIDE_SAFE_PX,
    IMAGE_SIZE_KLING_BYTES,
    IMAGE_SIZE_MAX_BYTES,
    MASK_TRUST_MIN_SHARE,
    PALE_MIN,
    TILT_LYING_DEG,
    TILT_UPSIDE_DOWN_DEG,
    TRANSPARENT_MIN_SHARE,
    LimitSource,
)
from kling_ui.checks.report import Evidence, Finding, FindingCode, Severity
from kling_ui.media.image import ImageFacts
from kling_ui.media.signatures import MB
from kling_ui.vision.analysis import ImageAnalysis
from kling_ui.vision.pose import Framing, cut_limbs, hands_outside

_PLAIN_MODES = frozenset({"RGB", "RGBA", "L", "LA", "P", "PA", "1"})


def check_format(facts: ImageFacts) -> Iterator[Finding]:
    """``image.format``: JPEG or PNG, one still picture in plain colours."""
    if facts.format not in IMAGE_FORMATS_TAKEN:
        values = {"format": facts.format}
        yield Finding(FindingCode.IMAGE_FORMAT, Severity.BLOCK, facts.format, LimitSource.KLING, values)
    elif facts.frame_count > 1:
        values = {"frame_count": facts.frame_count}
        yield Finding(FindingCode.IMAGE_FORMAT_ANIMATED, Severity.WARN, facts.frame_count, LimitSource.KLING, values)
    if facts.mode not in _PLAIN_MODES:
        values = {"mode": facts.mode}
        yield Finding(FindingCode.IMAGE_FORMAT_MODE, Severity.WARN, facts.mode, LimitSource.SENSE, values)
    if facts.exif_orientation != 1:
        yield Finding(FindingCode.IMAGE_FORMAT_TURNED, Severity.HINT, facts.exif_orientation, LimitSource.FIELD)


def check_size(facts: ImageFacts) -> Iterator[Finding]:
    """``image.size``: at most 50 MB, better at most 10 MB."""
    limit, kling, size_mb = IMAGE_SIZE_MAX_BYTES, IMAGE_SIZE_KLING_BYTES, round(facts.size_bytes / MB, 2)
    if facts.size_bytes > limit.value:
        values = {"size_mb": size_mb, "limit_mb": limit.value / MB}
        yield Finding(FindingCode.IMAGE_SIZE, Severity.BLOCK, size_mb, limit.source, values)
    elif facts.size_bytes > kling.value:
        values = {"size_mb": size_mb, "limit_mb": kling.value / MB}
        yield Finding(FindingCode.IMAGE_SIZE_KLING, Severity.WARN, size_mb, kling.source, values)


def check_side(facts: ImageFacts) -> Iterator[Finding]:
    """``image.side``: each side 300-65536 px, better at least 340 px."""
    least, safe, most = IMAGE_SIDE_MIN_PX, IMAGE_SIDE_SAFE_PX, IMAGE_SIDE_MAX_PX
    short, long = sorted((facts.width_px, facts.height_px))
    size = {"width_px": facts.width_px, "height_px": facts.height_px}
    if short < least.value:
        values = size | {"limit_px": least.value}
        yield Finding(FindingCode.IMAGE_SIDE_SHORT, Severity.BLOCK, short, least.source, values)
    elif short < safe.value:
        values = size | {"limit_px": safe.value}
        yield Finding(FindingCode.IMAGE_SIDE_ADVISED, Severity.WARN, short, safe.source, values)
    if long > most.value:
        values = size | {"limit_px": most.value}
        yield Finding(FindingCode.IMAGE_SIDE_LONG, Severity.BLOCK, long, most.source, values)


def check_aspect(facts: ImageFacts) -> Iterator[Finding]:
    """``image.aspect``: between 1:2.5 and 2.5:1."""
    short, long = sorted((facts.width_px, facts.height_px))
    if long > IMAGE_ASPECT_MAX.value * short:
        aspect = round(facts.width_px / facts.height_px, 4)
        values = {"width_px": facts.width_px, "height_px": facts.height_px, "limit": IMAGE_ASPECT_MAX.value}
        yield Finding(FindingCode.IMAGE_ASPECT, Severity.BLOCK, aspect, IMAGE_ASPECT_MAX.source, values)


def check_large(facts: ImageFacts) -> Iterator[Finding]:
    """``image.large``: at most about 4K."""
    long = max(facts.width_px, facts.height_px)
    if long > IMAGE_LARGE_PX.value:
        values = {"long_px": long, "limit_px": IMAGE_LARGE_PX.value}
        yield Finding(FindingCode.IMAGE_LARGE, Severity.WARN, long, IMAGE_LARGE_PX.source, values)


def check_transparency(analysis: ImageAnalysis) -> Iterator[Finding]:
    """``image.format``: no see-through areas, which each service fills in its own way."""
    share = analysis.clear_share
    if share >= TRANSPARENT_MIN_SHARE:
        values = {"share": share}
        yield Finding(FindingCode.IMAGE_FORMAT_TRANSPARENT, Severity.WARN, share, LimitSource.SENSE, values)


def check_character(analysis: ImageAnalysis) -> Iterator[Finding]:
    """``image.character``: somebody is there. A detector misses stylised characters, so this never blocks."""
    if analysis.person is None:
        yield Finding(FindingCode.IMAGE_CHARACTER, Severity.WARN, None, LimitSource.VENDOR)


def check_coverage(analysis: ImageAnalysis) -> Iterator[Finding]:
    """``image.coverage``: the character covers more than 5 % of the picture."""
    person = analysis.person
    if person is None or person.subject_share > COVERAGE_MIN_SHARE.value:
        return
    trusted = person.mask_agreement >= MASK_TRUST_MIN_SHARE and person.confidence >= CONFIDENCE_TRUST_MIN
    yield Finding(
        FindingCode.IMAGE_COVERAGE,
        Severity.BLOCK if trusted else Severity.WARN,
        person.subject_share,
        COVERAGE_MIN_SHARE.source,
        {"share": person.subject_share, "limit_share": COVERAGE_MIN_SHARE.value},
        override=trusted,
        evidence=_shown(analysis),
    )


def check_body(analysis: ImageAnalysis) -> Iterator[Finding]:
    """``image.body``: head and shoulders in view, no limb cut by the edge, hands in the picture."""
    if analysis.person is None:
        return
    landmarks, source, shown = np.asarray(analysis.person.landmarks), LimitSource.BOTH, _shown(analysis)
    if analysis.person.framing == Framing.PART:
        measured = analysis.person.framing.value
        yield Finding(FindingCode.IMAGE_BODY_PART, Severity.WARN, measured, source, evidence=shown)
    elif cut := cut_limbs(landmarks):
        values = {"parts": cut}
        yield Finding(FindingCode.IMAGE_BODY_CUT, Severity.WARN, ", ".join(cut), source, values, evidence=shown)
    elif hidden := hands_outside(landmarks):
        values = {"parts": hidden}
        yield Finding(FindingCode.IMAGE_BODY_HANDS, Severity.WARN, ", ".join(hidden), source, values, evidence=shown)


def check_occlusion(analysis: ImageAnalysis) -> Iterator[Finding]:
    """``image.occlusion``: no part that is inside the picture is hidden."""
    if analysis.person is None or not (names := analysis.person.covered + analysis.person.hidden):
        return
    if not is_lit(analysis):
        return  # where it is too dark or too bright everything seems hidden
    measured, values, shown = ", ".join(names), {"parts": names}, _shown(analysis)
    yield Finding(FindingCode.IMAGE_OCCLUSION, Severity.WARN, measured, LimitSource.VENDOR, values, evidence=shown)


def check_dark(analysis: ImageAnalysis) -> Iterator[Finding]:
    """``image.dark``: the character, or the picture when nobody is found in it, is bright enough to be made out."""
    person, light, shown = analysis.person, analysis.brightness, _shown(analysis)
    if is_dark(analysis, person.confidence if person else 0.0, person.covered + person.hidden if person else ()):
        values = {"brightness": light, "limit": DIM_MAX}
        yield Finding(FindingCode.IMAGE_DARK, Severity.WARN, light, LimitSource.SENSE, values, evidence=shown)


def check_bright(analysis: ImageAnalysis) -> Iterator[Finding]:
    """``image.bright``: light and dark can be told apart in the character, or in the picture without anybody."""
    person, shade, shown = analysis.person, analysis.shade, _shown(analysis)
    if not is_bright(analysis, person.confidence if person else 0.0, person.covered + person.hidden if person else ()):
        return
    if shade >= PALE_MIN:
        code, measured, values = FindingCode.IMAGE_BRIGHT, shade, {"shade": shade, "limit": PALE_MIN}
    else:
        code, measured, values = FindingCode.IMAGE_BRIGHT_FACE, analysis.glare, {"glare": analysis.glare}
    yield Finding(code, Severity.WARN, measured, LimitSource.SENSE, values, evidence=shown)


def check_posture(analysis: ImageAnalysis) -> Iterator[Finding]:
    """``image.posture``: the character is upright, and the file was not stored turned."""
    if analysis.person is not None and analysis.person.turns:
        turns, shown = analysis.person.turns, _shown(analysis)
        code, values = FindingCode.IMAGE_POSTURE_TURNED, {"turns": turns}
        yield Finding(code, Severity.WARN, analysis.person.tilt_deg, LimitSource.KLING, values, evidence=shown)
        return
    if analysis.person is None or analysis.person.tilt_deg < TILT_LYING_DEG:
        return
    tilt, source, shown = analysis.person.tilt_deg, LimitSource.KLING, _shown(analysis)
    values = {"tilt_deg": tilt}
    if tilt > TILT_UPSIDE_DOWN_DEG:
        yield Finding(FindingCode.IMAGE_POSTURE_UPSIDE_DOWN, Severity.WARN, tilt, source, values, evidence=shown)
    else:
        yield Finding(FindingCode.IMAGE_POSTURE_LYING, Severity.WARN, tilt, source, values, evidence=shown)


def check_people(analysis: ImageAnalysis) -> Iterator[Finding]:
    """``image.people``: one main character; the largest is used."""
    if analysis.person is None or not analysis.others:
        return
    left, _, right, _ = analysis.person.box
    count, evidence = len(analysis.others) + 1, Evidence(analysis.overlay, boxes=analysis.others)
    values = {"count": count, "middle": (left + right) / 2}
    yield Finding(FindingCode.IMAGE_PEOPLE, Severity.WARN, count, LimitSource.KLING, values, evidence=evidence)


def check_profile(facts: ImageFacts) -> Iterator[Finding]:
    """``image.profile``: the colours of sRGB, which is what services take all pictures for."""
    if facts.profile:
        values = {"profile": facts.profile}
        yield Finding(FindingCode.IMAGE_PROFILE, Severity.HINT, facts.profile, LimitSource.SENSE, values)


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
    check_dark,
    check_bright,
    check_occlusion,
    check_posture,
    check_people,
    check_transparency,
)


def _shown(analysis: ImageAnalysis) -> Evidence:
    return Evidence(analysis.overlay, boxes=(analysis.person.box,) if analysis.person else ())
