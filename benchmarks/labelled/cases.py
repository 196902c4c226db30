"""All labelled cases."""

import fnmatch
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.labelled.case import Case, Clip, Pair, Picture
from benchmarks.labelled.clip_files import FORMAT_CLIPS, SIZE_CLIPS
from benchmarks.labelled.clips import PEOPLE_CLIPS, SANE_CLIPS
from benchmarks.labelled.filming import CAMERA_CLIPS, COVERED_CLIPS, SPEED_CLIPS
from benchmarks.labelled.pairs import PAIRS
from benchmarks.labelled.photographs import PHOTOGRAPHS
from benchmarks.labelled.picture_files import PICTURE_FILES
from benchmarks.labelled.pictures import BROKEN_PICTURES, SANE_PICTURES
from benchmarks.labelled.shots import CUT_CLIPS
from benchmarks.labelled.studios import STUDIO_CLIPS, STUDIO_PICTURES
from benchmarks.labelled.variants import VARIANTS

PICTURES: tuple[Picture, ...] = (*SANE_PICTURES, *PICTURE_FILES, *BROKEN_PICTURES, *PHOTOGRAPHS, *STUDIO_PICTURES)
CLIPS: tuple[Clip, ...] = (
    *SANE_CLIPS,
    *PEOPLE_CLIPS,
    *CUT_CLIPS,
    *CAMERA_CLIPS,
    *SPEED_CLIPS,
    *COVERED_CLIPS,
    *FORMAT_CLIPS,
    *SIZE_CLIPS,
    *VARIANTS,
    *STUDIO_CLIPS,
)
CASES: tuple[Case, ...] = (*PICTURES, *CLIPS, *PAIRS)
# What the tests run: every rule about content, in about a minute of one core.
QUICK: Mapping[type[Case], tuple[str, ...]] = {
    Picture: (
        *("maya-full", "dancer-full-plain", "theo-upper", "maya-upper-portrait", "maya-full-landscape", "tight"),
        *("arms-up", "squatting", "leaning-20", "dark", "thin-pole", "tiny-second", "webp", "side-296", "side-340"),
        *("aspect-2.53", "10.4-mb", "nobody", "covers-4", "covers-6", "cut-at-the-shins", "no-head", "post-over-arm"),
        *("hands-behind", "lying", "handstand", "two-people", "half-hidden-second", "too-dark", "low-key"),
        *("too-bright", "washed-out", "white-studio", "white-clothes-pale", "nobody-compressed"),
    ),
    Clip: (
        *("dance", "talk", "flash", "two-people", "enters", "cut-to-another-scene", "jump-cut", "dissolve", "pan"),
        *("fast-36-fps", "post-over-arm", "file-all-wrong", "clip-upside-down", "too-dark", "washed-out-talk"),
        *("white-clothes", "wide-5.2-dance"),
    ),
    Pair: (
        *("portrait-with-portrait", "upper-with-upper", "upper-with-full", "full-with-upper", "tight-with-dance"),
        *("landscape-with-portrait", "prompt-is-empty", "prompt-of-2500", "prompt-of-2501"),
    ),
}

# By rule, cases that nearly break it and do not; a star stands for any ending.
NEAR_MISSES: Mapping[str, str] = {
    "image.aspect": "aspect-2.48 aspect-wide-2.45 slim-960 slim-980 slim-1000 wide-960 wide-990 wide-1000",
    "image.body": "tight mid-thigh head-near* feet-near* mid-thigh-in* arms-out-soft arms-up-in-grain upper-body-comp*",
    "image.bright": "white-* snow* high-key* slight-veil bright cream-* nobody-in-* nobody-but-a-wall* "
    "nobody-compressed",
    "image.character": "covers-2 dark dark-in-noise from-behind-in-grain far-away half-turned-soft arms-up-in-side* "
    "upper-in-the-shade squatting-warm",
    "image.coverage": "covers-6 covers-8 covers-enough-*",
    "image.dark": "dark low-key* black-clothes* dark-skin-in-black dark-in-noise",
    "image.format": "jpeg alpha-but-opaque grey usual-profile-* 9.9-mb",
    "image.large": "4096-px long-3* long-4000 long-4032 long-4060 long-4080 long-4090",
    "image.occlusion": "thin-pole post-beside* hands-folded thin-pole-in-grain folded-hands-* squatting-compressed "
    "shadow-over-nobody bright-sleeves* white-clothes-* cream-*",
    "image.people": "tiny-second poster* screen* mirror* shadow-o* crowd-*",
    "image.posture": "leaning-20 leaning-32 squatting leaning-25* leaning-30* leaning--* leaning-35*",
    "image.profile": "usual-profile-*",
    "image.side": "side-340 sides-341* sides-342* sides-344* sides-348* sides-35* sides-36*",
    "image.size": "9.9-mb 9-mb* 9.5-mb* 9.8-mb* 9.95-mb*",
    "video.bright": "white-* cream-* nobody-in-* slight-veil backlight* step-bright flash flash-in-noise "
    "lamp-switched-on",
    "video.camera": "faint-sway* letterbox flicker lamp-switched-on fixed-* walk",
    "video.codec": "mov mov-* baseline-*",
    "video.cuts": "flash flash-in-noise dimmed dimmed-and-back flicker flicker-compressed lamp-switched-o* fast-arms",
    "video.damaged": "baseline-* mov-* uneven-frames sounding-*",
    "video.dark": "dance-dark low-key* black-clothes dimmed* begins-dim* dark-skin* lamp-switched-on",
    "video.duration": "3.0-s 10.0-s-image 30.0-s-video 10.2-s-video lasts-3* lasts-9* lasts-12*",
    "video.first_frame": "dimmed dance-dark begins-dim begins-in* begins-soft begins-with* flash lamp-switched-on",
    "video.format": "mov mov-* sounding-*",
    "video.hdr": "ten-bits-* hevc yuv444 yuv422-* baseline-*",
    "video.interlaced": "baseline-* mov-* thin-pole logo",
    "video.people": "tiny-second poster poster-in-grain screen* mirror shadow-on-the-wall crowd-far-away*",
    "video.person": "white-* cream-* wide-* thin-pole* logo post-beside* slightly-soft dance-dark turning "
    "begins-in-noise letterbox",
    "video.side": "wide-* side-340 side-3850 sides-606* sides-61* sides-64* sides-384*",
    "video.size": "99.9-mb 98-mb 99.5-mb 99.99-mb 97-mb 99-mb 99.8-mb 95-mb 99.95-mb",
    "video.size-changes": "letterbox pillarbox mov-* baseline-* interlaced",
    "video.sound": "sound-is-there sounding-*",
    "video.speed": "lively* brisk-walk* walk slightly-soft",
    "video.still": "slow hardly-moves-* stands-then-moves-*",
    "video.usable": "white-* cream-* wide-* flash dimmed lively turning from-the-side thin-pole faint-sway letterbox",
    "pair.aspect": "roomy-beside* arms-out-beside* arms-up-beside-lively arms-up-in-grain-beside-dance-large "
    "poster-landscape-beside-logo maya-full-landscape-beside-step* square-with-*",
    "pair.framing": "roomy-with-step* arms-out-with* leaning-25* theo-upper-with-talk* upper-body-compressed-with-talk "
    "dancer-upper* covers-enough-*",
    "pair.room": "*-has-room-for-* tight-with-still",
    "prompt.characters": "prompt-with-odd-letters-*",
    "prompt.length": "prompt-of-2500 prompt-long-*",
    "prompt.required": "prompt-of-little-*",
}


def near_misses(rule: str) -> tuple[Case, ...]:
    """List the cases that nearly break a rule."""
    kinds = {"image": Picture, "video": Clip}
    kind = kinds.get(rule.partition(".")[0], Pair)
    patterns = NEAR_MISSES[rule].split()
    return tuple(
        case
        for case in CASES
        if isinstance(case, kind)
        and rule not in case.must
        and any(fnmatch.fnmatchcase(case.name, pattern) for pattern in patterns)
    )


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
