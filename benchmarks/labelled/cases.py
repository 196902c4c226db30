"""All labelled cases."""

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.labelled.case import Case, Clip, Pair, Picture
from benchmarks.labelled.clip_files import FORMAT_CLIPS, SIZE_CLIPS
from benchmarks.labelled.clips import PEOPLE_CLIPS, SANE_CLIPS
from benchmarks.labelled.filming import CAMERA_CLIPS, COVERED_CLIPS, SPEED_CLIPS
from benchmarks.labelled.pairs import PAIRS
from benchmarks.labelled.picture_files import PICTURE_FILES
from benchmarks.labelled.pictures import BROKEN_PICTURES, SANE_PICTURES
from benchmarks.labelled.shots import CUT_CLIPS

PICTURES: tuple[Picture, ...] = (*SANE_PICTURES, *PICTURE_FILES, *BROKEN_PICTURES)
CLIPS: tuple[Clip, ...] = (
    *SANE_CLIPS,
    *PEOPLE_CLIPS,
    *CUT_CLIPS,
    *CAMERA_CLIPS,
    *SPEED_CLIPS,
    *COVERED_CLIPS,
    *FORMAT_CLIPS,
    *SIZE_CLIPS,
)
CASES: tuple[Case, ...] = (*PICTURES, *CLIPS, *PAIRS)
# What the tests run: every rule about content, in about a minute of one core.
QUICK: Mapping[type[Case], tuple[str, ...]] = {
    Picture: (
        *("maya-full", "dancer-full-plain", "theo-upper", "maya-upper-portrait", "maya-full-landscape", "tight"),
        *("arms-up", "squatting", "leaning-20", "dark", "thin-pole", "tiny-second", "webp", "side-296", "side-340"),
        *("aspect-2.53", "10.4-mb", "nobody", "covers-4", "covers-6", "cut-at-the-shins", "no-head", "post-over-arm"),
        *("hands-behind", "lying", "handstand", "two-people", "half-hidden-second", "too-dark", "low-key"),
    ),
    Clip: (
        *("dance", "talk", "flash", "two-people", "enters", "cut-to-another-scene", "jump-cut", "dissolve", "pan"),
        *("fast-36-fps", "post-over-arm", "file-all-wrong", "clip-upside-down", "too-dark"),
    ),
    Pair: (
        *("portrait-with-portrait", "upper-with-upper", "upper-with-full", "full-with-upper", "tight-with-dance"),
        *("landscape-with-portrait", "prompt-is-empty", "prompt-of-2500", "prompt-of-2501"),
    ),
}


def picture(name: str) -> Picture:
    """Find a picture by its name."""
    return next(case for case in PICTURES if case.name == name)


def clip(name: str) -> Clip:
    """Find a clip by its name."""
    return next(case for case in CLIPS if case.name == name)


def chosen(names: Sequence[str], *, quick: bool = False) -> tuple[Case, ...]:
    """List the cases with a word in their name or kind, such as ``cut`` or ``pair``; all of them without any word."""
    kept = (case for case in CASES if not quick or case.name in QUICK[type(case)])
    return tuple(case for case in kept if not names or any(name in title(case) for name in names))


def title(case: Case) -> str:
    """Name a case with its kind, such as ``clip jump-cut``."""
    return f"{type(case).__name__.lower()} {case.name}"


def parts(cases: Iterable[Case]) -> tuple[set[str], set[str]]:
    """Name the pictures and the clips that have to be looked at for these cases."""
    pictures = {case.image if isinstance(case, Pair) else case.name for case in cases if not isinstance(case, Clip)}
    clips = {case.clip if isinstance(case, Pair) else case.name for case in cases if not isinstance(case, Picture)}
    return pictures, clips
