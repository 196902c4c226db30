"""The labelled clips in photographs' conditions, and near misses of each rule."""

from collections.abc import Callable
from itertools import chain

from benchmarks.labelled.case import BLOCK, HINT, WARN, Clip, Severity
from benchmarks.labelled.conditions import filmed_under, mirror, poster, screen, shadow
from benchmarks.labelled.files import Encoding
from benchmarks.labelled.footage import SIZE, behind, pans, plain, ramp, sways
from benchmarks.labelled.props import post
from benchmarks.labelled.reel import Reel
from benchmarks.labelled.shots import hall, room, zoomed
from benchmarks.labelled.takes import TAKES
from kling_ui.options import Orientation, TransferOptions

WOOD = (150, 112, 74)
VIDEO = Orientation.VIDEO
WITH_SOUND, AS_IMAGE = (
    TransferOptions(keep_sound=True),
    TransferOptions(orientation=Orientation.IMAGE, keep_sound=False),
)
FAST = {"video.speed": WARN, "video.usable": None}
PASSING = {"video.usable": "the model goes on with the largest, but some runs are refused"}
BLACK = {
    "video.usable": "its beginning is hardly seen",
    "video.person": "nobody is seen while it is dark",
    "video.cuts": "some would call it a fade",
}
SAYS_SO = {
    "video.usable": "it is for the vendor to say what of it comes back",
    "video.person": "it can hardly be followed",
}


def seen(*conditions: str) -> Callable[[Reel], Reel]:
    """3.5 s under some conditions, in portrait format where it is square."""
    change = filmed_under(*conditions)
    return lambda reel: change(plain(reel) if reel.frames.shape[1] == reel.frames.shape[2] else reel.part(0, 3.5))


def with_sound(name: str, take: str, encoding: Encoding, *, must: bool) -> Clip:
    """A clip whose sound is to be kept."""
    found = {"video.sound": HINT} if must else {}
    return Clip(
        name=name, takes=(take,), make=lambda reel: reel.part(0, 3.4), encoding=encoding, choice=WITH_SOUND, must=found
    )


PEOPLE = [
    *(
        Clip(
            name=name, takes=(take,), make=seen(*conditions), must={"video.people": WARN}, may=PASSING, orientation=None
        )
        for name, take, conditions in (
            ("two-people-in-noise", "duo", ("noise",)),
            ("child-beside", "child", ("shade",)),
            ("child-beside-compressed", "child", ("compressed",)),
            ("somebody-stands-behind", "stands_behind", ("grain",)),
            ("street", "street", ("compressed",)),
            ("street-in-side-light", "street", ("side-light", "noise")),
        )
    ),
    Clip(
        name="somebody-crosses",
        takes=("crosser",),
        make=lambda crosser: crosser,
        must={"video.people": WARN},
        may=PASSING,
    ),
    Clip(
        name="somebody-crosses-in-grain",
        takes=("crosser",),
        make=lambda crosser: filmed_under("grain")(crosser.backwards()),
        must={"video.people": WARN},
        may=PASSING,
    ),
    Clip(name="poster", takes=("dance",), make=lambda dance: behind(dance.part(0, 3.5), poster())),
    Clip(
        name="poster-in-grain",
        takes=("talk",),
        make=lambda talk: filmed_under("grain")(behind(talk, poster(0.03, 0.3))),
    ),
    Clip(name="screen", takes=("step",), make=lambda step: behind(step, screen(0.78, 0.22))),
    Clip(
        name="screen-compressed",
        takes=("dance",),
        make=lambda d: seen("compressed")(behind(d, screen(0.24, 0.14, 0.05))),
    ),
    Clip(name="mirror", takes=("dance",), make=lambda dance: behind(dance.part(0, 3.5), mirror(0.04, 0.2))),
    Clip(name="shadow-on-the-wall", takes=("talk",), make=lambda talk: behind(talk, shadow(0.6))),
    Clip(name="crowd-far-away", takes=("far",), make=seen("noise")),
    Clip(name="crowd-far-away-compressed", takes=("far",), make=seen("compressed")),
]
SPEED = [
    *(
        Clip(name=name, takes=(take,), make=make, must=FAST)
        for name, take, make in (
            ("fast-in-noise", "dance", lambda dance: filmed_under("noise")(dance.at(30).looped(3.5).portrait())),
            ("fast-small", "dance", lambda dance: dance.at(30).looped(3.5).boxed(0.0, 0.4)),
            ("fast-close", "dance", lambda dance: dance.faster(3, 4).crop(160, 60, 400, 640)),
            ("fast-step-30-fps", "step", lambda step: step.at(30).looped(3.4)),
            ("fast-compressed", "step", lambda step: filmed_under("compressed")(step.faster(2, 3.4))),
        )
    ),
    Clip(
        name="fast-in-the-middle",
        takes=("dance",),
        make=lambda dance: (dance.part(0, 3.5) + dance.faster(3, 2.0) + dance.part(0, 1.0)).portrait(),
        must={"video.speed": WARN, "video.usable": WARN},
        may={"video.cuts": "it jumps back to the beginning"},
    ),
    Clip(
        name="out-of-focus-talk",
        takes=("talk",),
        make=lambda talk: talk.blurred(5),
        must={"video.speed": WARN},
        may=SAYS_SO,
    ),
    *(
        Clip(name=name, takes=(take,), make=make, orientation=None)
        for name, take, make in (
            ("lively-small", "dance", lambda dance: dance.faster(1.3, 4.0).boxed(0.0, 0.4)),
            ("lively-close", "dance", lambda dance: dance.faster(1.3, 4.0).crop(160, 60, 400, 640)),
            ("lively-16-fps", "dance", lambda dance: dance.at(15).looped(3.5).portrait()),
            ("lively-talk-24-fps", "talk", lambda talk: talk.at(24).looped(3.5)),
            ("lively-in-noise", "dance", lambda dance: filmed_under("noise")(dance.faster(1.25, 4.0).portrait())),
            ("brisk-walk-compressed", "hurry", lambda hurry: filmed_under("compressed")(hurry.part(0.2, 3.25))),
        )
    ),
]
STILL = [
    *(
        Clip(
            name=f"still-{name}",
            takes=(take,),
            make=lambda reel, condition=condition: filmed_under(condition)(reel.part(1, 2).held(3.5)),
            must={"video.still": WARN},
        )
        for name, take, condition in (
            ("dance", "dance", "soft"),
            ("talk", "talk", "compressed"),
            ("step", "step", "warm"),
            ("walk", "side", "side-light"),
            ("tiny", "tiny", "shade"),
            ("upper", "talk_24", "soft"),
            ("square", "dance", "compressed"),
        )
    ),
    *(
        Clip(
            name=f"hardly-moves-{name}",
            takes=(take,),
            make=lambda reel, condition=condition: filmed_under(condition)(reel.faster(0.4, 3.5)),
        )
        for name, take, condition in (
            ("talk", "talk", "soft"),
            ("upper", "talk_24", "compressed"),
            ("side", "side", "warm"),
            ("talk-in-the-shade", "talk", "shade"),
        )
    ),
    *(
        Clip(
            name=f"stands-then-moves-{name}",
            takes=(take,),
            make=lambda reel: reel.part(0, 0.1).held(2.0) + reel.part(0, 2.0),
        )
        for name, take in (("talk", "talk"), ("dance", "dance"), ("step", "step"), ("upper", "talk_24"))
    ),
]
CUTS = [
    Clip(
        name="cut-in-noise",
        takes=("dance", "talk"),
        make=lambda dance, talk: filmed_under("noise")(hall(dance, 0, 1.5) + room(talk, 0, 3)),
        must={"video.cuts": WARN, "video.usable": WARN},
        cuts=((1.5, 1.5),),
        usable=(1.5, 4.5),
    ),
    Clip(
        name="cut-compressed",
        takes=("dance", "talk"),
        make=lambda dance, talk: filmed_under("compressed")(room(talk, 0, 3.25) + hall(dance, 0, 1.5)),
        must={"video.cuts": WARN, "video.usable": WARN},
        cuts=((3.25, 3.25),),
        usable=(0.0, 3.25),
    ),
    Clip(
        name="jump-cut-in-side-light",
        takes=("dance",),
        make=lambda dance: filmed_under("side-light")((dance.part(0, 1.5) + dance.part(3.0, 6)).portrait()),
        must={"video.cuts": WARN, "video.usable": None},
        cuts=((1.5, 1.5),),
        usable=(1.5, 4.5),
    ),
    Clip(
        name="cut-to-closer-in-grain",
        takes=("dance",),
        make=lambda dance: filmed_under("grain")(dance.part(0, 1.5).portrait() + zoomed(dance.part(2, 5.25), 1.6)),
        must={"video.cuts": WARN, "video.usable": WARN},
        cuts=((1.5, 1.5),),
        usable=(1.5, 4.75),
    ),
    *(
        Clip(name=name, takes=(take,), make=make)
        for name, take, make in (
            (
                "flash-in-noise",
                "dance",
                lambda d: filmed_under("noise")(plain(d).lit(lambda t: 1.7 if 1.5 <= t < 1.6 else 1.0)),
            ),
            ("lamp-switched-off", "step", lambda step: step.lit(lambda t: 1.0 if t < 1.5 else 0.65)),
            ("dimmed-and-back", "talk", lambda t: t.lit(lambda s: 1 - 0.5 * ramp(1, 2)(s) * ramp(3.5, 2.5)(s))),
            (
                "flicker-compressed",
                "talk",
                lambda t: filmed_under("compressed")(t.lit(lambda s: 1.0 if int(s * 6) % 2 else 0.8)),
            ),
            ("fast-arms", "talk", lambda talk: talk.at(24).looped(4.0)),
        )
    ),
]
CAMERA = [
    Clip(
        name="pan-in-noise",
        takes=("dance",),
        make=lambda dance: filmed_under("noise")(dance.part(0, 4).seen(pans(0.6, 0.4, 4), *SIZE)),
        must={"video.camera": WARN, "video.usable": None},
    ),
    *(
        Clip(name=name, takes=(take,), make=make)
        for name, take, make in (
            (
                "faint-sway-in-grain",
                "dance",
                lambda d: filmed_under("grain")(d.part(0, 4).seen(sways(0.0015, 0.0), *SIZE)),
            ),
            ("fixed-in-noise", "step", filmed_under("noise")),
            ("fixed-in-side-light", "dance", lambda d: filmed_under("side-light", "compressed")(plain(d))),
            ("fixed-in-the-shade", "talk", filmed_under("shade", "grain")),
        )
    ),
]
PERSON = [
    *(
        Clip(
            name=f"{name}-of-the-figure",
            takes=("dance",),
            make=lambda dance, box=box, condition=condition: filmed_under(condition)(behind(plain(dance), post(*box))),
            must={"video.person": WARN, "video.usable": None},
            may={"video.first_frame": "it is covered, like all the others"},
        )
        for name, box, condition in (
            ("post-in-front", (0.60, 0, 0.76, 1), "noise"),
            ("beam-in-front", (0, 0.60, 1, 0.75), "compressed"),
        )
    ),
    *(
        Clip(name=name, takes=("walk",), make=make, must=must, may=may, usable=usable)
        for name, make, must, may, usable in (
            (
                "enters-in-noise",
                lambda walk: filmed_under("noise")(walk.part(0, 4.1).crop(380, 0, 580, 540)),
                {"video.person": WARN, "video.usable": WARN, "video.first_frame": WARN},
                {},
                lambda: (TAKES["walk"].in_view_s(380, 960)[0], 4.1),
            ),
            (
                "enters-late-in-grain",
                lambda walk: filmed_under("grain")(walk.crop(420, 0, 540, 540)),
                {"video.person": WARN, "video.usable": WARN, "video.first_frame": WARN},
                {},
                lambda: TAKES["walk"].in_view_s(420, 960),
            ),
            (
                "enters-from-the-right",
                lambda walk: walk.backwards().crop(0, 0, 560, 540),
                {"video.person": WARN, "video.usable": None},
                {"video.first_frame": "it shows nobody, like many others"},
                lambda: _mirrored(TAKES["walk"].in_view_s(0, 560), 5.0),
            ),
        )
    ),
    *(
        Clip(name=f"begins-dark-{take}", takes=(take,), make=make, must={"video.first_frame": WARN}, may=BLACK)
        for take, make in (
            ("step", lambda step: step.lit(ramp(0.1, 0.7))),
            ("talk_24", lambda talk: talk.lit(ramp(0.1, 0.7))),
            ("side", lambda side: side.lit(ramp(0.12, 0.7))),
            ("talk", lambda talk: talk.crop(240, 0, 480, 540).lit(ramp(0.12, 0.7))),
            ("duo", lambda duo: duo.crop(480, 0, 480, 540).lit(ramp(0.15, 0.7))),
        )
    ),
    *(
        Clip(name=f"begins-{name}", takes=(take,), make=make)
        for name, take, make in (
            ("dim", "talk", lambda talk: talk.lit(lambda t: 0.5 + 0.5 * min(1.0, t))),
            ("in-noise", "dance", seen("noise")),
            ("soft", "step", filmed_under("soft")),
            ("in-the-middle-of-a-move", "dance", lambda dance: dance.part(1.3, 4.8).portrait()),
            ("with-a-logo", "step", lambda step: behind(step, post(0.02, 0.02, 0.14, 0.08))),
        )
    ),
    *(
        Clip(name=name, takes=("dance",), make=make)
        for name, make in (
            ("thin-pole-in-noise", lambda d: filmed_under("noise")(behind(plain(d), post(0.44, 0, 0.455, 1)))),
            ("post-beside-compressed", lambda d: seen("compressed")(behind(d, post(0.0, 0, 0.08, 1)))),
        )
    ),
]


def _mirrored(span: tuple[float, float], duration_s: float) -> tuple[float, float]:
    return duration_s - span[1], duration_s - span[0]


def _coded(kind: str, takes: str, encoding: Encoding, **must: Severity) -> list[Clip]:
    found = {f"video.{rule}": severity for rule, severity in must.items()}
    return [
        Clip(name=f"{kind}-{take}", takes=(take,), make=lambda reel: reel.part(0, 3.4), encoding=encoding, must=found)
        for take in takes.split()
    ]


X265 = {"x265-params": "log-level=none"}
FIELDS = {"flags": "+ildct+ilme", "x264-params": "tff=1"}
SHORT = {"g": "8", "sc_threshold": "0"}  # pictures from one that builds on no other to the next
BOTTOM = {"flags": "+ildct+ilme", "x264-params": "bff=1"}
FORMATS = [
    *_coded("mkv", "talk step", Encoding("mkv"), format=BLOCK),
    *_coded("mov", "talk dance step", Encoding("mov")),
    *_coded("baseline", "dance talk step tiny", Encoding("mp4", options={"bf": "0", "profile": "baseline"})),
    *_coded(
        "hlg", "dance step side", Encoding("mp4", "libx265", "yuv420p10le", X265, is_hlg=True), codec=WARN, hdr=WARN
    ),
    *_coded(
        "hlg-mov",
        "tiny side step talk",
        Encoding("mov", "libx265", "yuv420p10le", X265, is_hlg=True),
        codec=WARN,
        hdr=WARN,
    ),
    *_coded("ten-bits", "side step", Encoding("mp4", "libx265", "yuv420p10le", X265), codec=WARN),
    *_coded("yuv422", "talk step", Encoding("mp4", "libx264", "yuv422p"), codec=WARN),
    *_coded("interlaced", "talk step side tiny talk_24", Encoding("mp4", options=FIELDS), interlaced=WARN),
    *_coded("hole", "talk step side tiny talk_24", Encoding("mp4", options=SHORT, lost=3), damaged=WARN),
    *_coded("noise", "talk step", Encoding("mp4", options=SHORT, lost=8, is_noise=True), damaged=WARN),
    *_coded("hole-mov", "talk step", Encoding("mov", options=SHORT, lost=1), damaged=WARN),
    *(
        Clip(
            name=f"bottom-field-first-{take}",
            takes=(take,),
            make=lambda reel: reel.part(0, 3.4),
            encoding=Encoding("mp4", options=BOTTOM),
            must={"video.interlaced": WARN},
        )
        for take in ("talk", "step")
    ),
]
TURNING = [
    Clip(
        name=f"turned-in-the-middle-{take}",
        takes=(take,),
        make=lambda reel: reel.part(0, 3.4),
        encoding=Encoding("ts", turns=True),
        must={"video.format": BLOCK, "video.size-changes": WARN},
        may=dict.fromkeys(
            (
                "video.cuts",
                "video.usable",
                "video.camera",
                "video.person",
                "video.people",
                "video.speed",
                "video.first_frame",
                "video.codec",
            ),
            "the picture jumps, and two clips in one file are rarely timed evenly",
        ),
    )
    for take in ("talk", "step", "talk_24", "side", "far", "hurry", "tiny")
]
SOUND = [
    *(
        with_sound(f"silent-{take}", take, Encoding("mp4"), must=True)
        for take in ("dance", "step", "talk_24", "side", "tiny", "talk")
    ),
    *(
        with_sound(f"sounding-{take}", take, Encoding("mp4", sound=True), must=False)
        for take in ("talk", "step", "talk_24", "side", "tiny")
    ),
    *(with_sound(f"sounding-{take}-mov", take, Encoding("mov", sound=True), must=False) for take in ("dance", "step")),
]
LENGTHS = [
    *(
        Clip(
            name=f"lasts-{duration_s}",
            takes=("talk",),
            make=lambda talk, duration_s=duration_s: talk.looped(duration_s),
            must={"video.duration": BLOCK},
            may={"video.cuts": "it begins again"},
        )
        for duration_s in (1.5, 2.0, 2.5, 2.75)
    ),
    *(
        Clip(
            name=f"lasts-{duration_s}-image",
            takes=("talk",),
            make=lambda talk, duration_s=duration_s: (talk + talk.backwards()).looped(duration_s),
            choice=AS_IMAGE,
            must={"video.duration": BLOCK} if duration_s > 10 else {},
            orientation=VIDEO if duration_s > 10 else None,
        )
        for duration_s in (9.5, 9.75, 9.9, 11.0)
    ),
    *(
        Clip(
            name=f"lasts-{duration_s}",
            takes=("talk",),
            make=lambda talk, duration_s=duration_s: (talk + talk.backwards()).looped(duration_s),
        )
        for duration_s in (3.0, 3.1, 3.25, 12.0)
    ),
]
SIDES = [
    *(
        Clip(
            name=f"sides-{width}-{height}",
            takes=("talk",),
            make=lambda talk, width=width, height=height: talk.part(0, 3).scaled(width, height),
            must={"video.side": BLOCK} if min(width, height) < 340 or max(width, height) > 3850 else {},
        )
        for width, height in (
            (400, 300),
            (560, 316),
            (570, 320),
            (588, 330),
            (596, 336),
            (606, 342),
            (610, 344),
            (618, 348),
            (640, 360),
            (3840, 720),
            (3846, 700),
        )
    ),
]
HEAVY = [
    Clip(
        name=f"{size:g}-mb",
        takes=(take,),
        make=lambda reel: reel.part(0, 3.4),
        encoding=Encoding("mp4", size_bytes=int(size * 1e6)),
        must={"video.size": BLOCK} if size > 100 else {},
    )
    for take, sizes in (
        ("talk", (98, 99.5, 99.99, 100.5, 104, 120)),
        ("step", (97, 99, 99.8, 101, 110)),
        ("side", (95, 99.95, 103, 150)),
    )
    for size in sizes
]
VARIANTS: list[Clip] = list(
    chain(PEOPLE, SPEED, STILL, CUTS, CAMERA, PERSON, FORMATS, TURNING, SOUND, LENGTHS, SIDES, HEAVY)
)
