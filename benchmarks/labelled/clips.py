"""The labelled clips: sane ones, and ones that show the wrong people or none."""

from benchmarks.labelled.case import BLOCK, HINT, WARN, Clip
from benchmarks.labelled.footage import SIZE, behind, plain, ramp, sways
from benchmarks.labelled.props import logo, post
from benchmarks.labelled.stills import night, spotlit, veiled
from benchmarks.labelled.takes import TAKES
from kling_ui.options import Orientation

VIDEO = Orientation.VIDEO
IN_THE_DARK = dict.fromkeys(
    ("video.person", "video.usable", "video.first_frame", "video.speed"), "in the dark little may be found"
)

IN_GLARE = dict.fromkeys(
    ("video.person", "video.usable", "video.first_frame", "video.speed", "video.camera", "video.cuts", "video.still"),
    "in glaring light little may be found",
)

SANE_CLIPS = [
    Clip(name="dance", takes=("dance",), make=lambda dance: dance.part(0, 4).portrait()),
    Clip(name="dance-square", takes=("dance",), make=lambda dance: dance.part(2, 6)),
    Clip(name="talk", takes=("talk",), make=lambda talk: talk.part(0, 3.5)),
    Clip(name="talk-portrait", takes=("talk",), make=lambda talk: talk.portrait(aspect=0.78)),
    Clip(name="talk-24-fps", takes=("talk_24",), make=lambda talk: talk),
    Clip(name="step-landscape-15-fps", takes=("step",), make=lambda step: step),
    Clip(name="dance-large", takes=("dance",), make=lambda dance: plain(dance).scaled(808, 1440)),
    Clip(name="dance-dark", takes=("dance",), make=lambda dance: plain(dance).lit(lambda _: 0.45)),
    Clip(name="step-bright", takes=("step",), make=lambda step: step.lit(lambda _: 1.2)),
    Clip(name="slow", takes=("talk",), make=lambda talk: talk.faster(0.5, 4.0)),
    Clip(name="lively", takes=("dance",), make=lambda dance: dance.faster(1.3, 4.0).portrait()),
    Clip(
        name="still",
        takes=("dance",),
        make=lambda dance: dance.part(1, 2).portrait().held(3.5),
        must={"video.still": WARN},
    ),
    Clip(name="walk", takes=("walk",), make=lambda walk: walk.part(0, 4.0), orientation=VIDEO),
    Clip(name="brisk-walk", takes=("hurry",), make=lambda hurry: hurry.part(0.2, 3.25), orientation=VIDEO),
    Clip(name="tiny-second", takes=("tiny",), make=lambda tiny: tiny),
    Clip(name="thin-pole", takes=("dance",), make=lambda dance: behind(plain(dance), post(0.44, 0, 0.455, 1))),
    Clip(name="logo", takes=("step",), make=lambda step: behind(step, logo)),
    Clip(name="letterbox", takes=("talk",), make=lambda talk: talk.boxed(0.16)),
    Clip(name="pillarbox", takes=("dance",), make=lambda dance: plain(dance).boxed(0, 0.9)),
    Clip(
        name="flash",
        takes=("dance",),
        make=lambda dance: plain(dance).lit(lambda t: 1.8 if 1.9 <= t < 2.1 else 1.0),
    ),
    Clip(name="dimmed", takes=("talk",), make=lambda talk: talk.lit(lambda t: 1 - 0.5 * ramp(1.5, 2.5)(t))),
    Clip(
        name="lamp-switched-on",
        takes=("talk",),
        make=lambda talk: talk.lit(lambda t: 0.6 if t < 2 else 1.0),
    ),
    Clip(
        name="flicker",
        takes=("step",),
        make=lambda step: step.lit(lambda t: 1.0 if int(t * 7.5) % 2 else 0.7),
    ),
    Clip(
        name="faint-sway",
        takes=("dance",),
        make=lambda dance: dance.part(0, 4).seen(sways(0.0015, 0.0), *SIZE),
    ),
    Clip(name="low-key", takes=("dance",), make=lambda dance: behind(plain(dance), spotlit)),
    Clip(name="low-key-talk", takes=("talk",), make=lambda talk: behind(talk.part(0, 3.5), spotlit)),
    Clip(name="dim", takes=("step",), make=lambda step: step.lit(lambda _: 0.3)),
    Clip(name="dim-talk", takes=("talk",), make=lambda talk: talk.part(0, 3.5).lit(lambda _: 0.35)),
    Clip(name="black-clothes", takes=("black",), make=lambda black: black),
    Clip(name="white-clothes", takes=("white",), make=lambda white: white),
    Clip(name="white-clothes-bright", takes=("white",), make=lambda white: white.lit(lambda _: 1.15)),
    Clip(name="slight-veil", takes=("step",), make=lambda step: behind(step, veiled(0.3))),
    Clip(
        name="backlight-for-a-moment",
        takes=("talk",),
        make=lambda talk: talk.part(0, 3.5).each(lambda rgb, t: veiled(0.85 if 1.4 <= t < 1.8 else 0.0)(rgb)),
        may={"video.person": "nobody may be found for a moment", "video.usable": "likewise", "video.cuts": "likewise"},
    ),
    Clip(name="slightly-soft", takes=("talk",), make=lambda talk: talk.blurred(0.9)),
]

PEOPLE_CLIPS = [
    Clip(
        name="from-behind",
        takes=("back",),
        make=lambda back: back,
        must={"video.person": HINT},
        orientation=VIDEO,
    ),
    Clip(name="from-the-side", takes=("side",), make=lambda side: side, orientation=VIDEO),
    Clip(
        name="turning",
        takes=("turning",),
        make=lambda turning: turning,
        may={"video.person": "the back shows for a third of the time: a hint"},
        orientation=VIDEO,
    ),
    Clip(name="lying", takes=("lying",), make=lambda lying: lying, must={"video.person": HINT}),
    Clip(name="handstand", takes=("handstand",), make=lambda stand: stand, must={"video.person": HINT}),
    Clip(
        name="clip-on-its-side",
        takes=("dance",),
        make=lambda dance: plain(dance).turned(1),
        must={"video.person": WARN},
        usable=(0.0, 3.5),
    ),
    *(
        Clip(name=name, takes=(take,), make=make, must={"video.person": WARN}, usable=usable)
        for name, take, make, usable in (
            ("clip-upside-down", "dance", lambda dance: plain(dance).turned(2), (0.0, 3.5)),
            ("clip-on-its-other-side", "step", lambda step: step.turned(3), (0.0, 3.4)),
            ("upper-on-its-side", "talk", lambda talk: talk.part(0, 3.5).turned(1), (0.0, 3.5)),
            ("upper-upside-down", "talk_24", lambda talk: talk.turned(2), (0.0, 3.5)),
            ("walk-on-its-side", "walk", lambda walk: walk.part(0, 4.0).turned(3), (0.0, 4.0)),
        )
    ),
    Clip(
        name="cartwheel",
        takes=("cartwheel",),
        make=lambda cartwheel: cartwheel,
        must={"video.person": HINT},
        may={"video.speed": "it is quick", "video.usable": "likewise"},
    ),
    Clip(name="lying-in-the-room", takes=("floor",), make=lambda floor: floor, must={"video.person": HINT}),
    Clip(
        name="two-people",
        takes=("duo",),
        make=lambda duo: duo,
        must={"video.people": WARN},
        may={"video.usable": "the model goes on with the largest, but some runs are refused"},
    ),
    Clip(
        name="somebody-passes-behind",
        takes=("passer",),
        make=lambda passer: passer,
        must={"video.people": WARN},
        may={"video.usable": "the seconds around the passage may be lost"},
    ),
    Clip(
        name="nobody",
        takes=("empty",),
        make=lambda empty: empty.held(3.5),
        must={"video.person": WARN, "video.usable": BLOCK},
        may={"video.first_frame": "it shows nobody, like all the others"},
    ),
    Clip(
        name="no-head",
        takes=("dance",),
        make=lambda dance: dance.part(0, 3.5).crop(158, 268, 404, 404),
        must={"video.person": WARN, "video.usable": BLOCK},
        may={"video.first_frame": "it shows no head, like all the others"},
    ),
    Clip(
        name="leaves-early",
        takes=("walk",),
        make=lambda walk: walk.crop(0, 0, 700, 540),
        must={"video.person": WARN, "video.usable": BLOCK},
        usable=lambda: TAKES["walk"].in_view_s(0, 700),
    ),
    Clip(
        name="leaves-late",
        takes=("walk",),
        make=lambda walk: walk,
        must={"video.person": WARN, "video.usable": WARN},
        usable=lambda: TAKES["walk"].in_view_s(0, 960),
    ),
    Clip(
        name="enters",
        takes=("walk",),
        make=lambda walk: walk.part(0, 4.1).crop(380, 0, 580, 540),
        must={"video.person": WARN, "video.usable": WARN, "video.first_frame": WARN},
        usable=lambda: (TAKES["walk"].in_view_s(380, 960)[0], 4.1),
    ),
    *(
        Clip(name=name, takes=(take,), make=make, must={"video.dark": WARN}, may=IN_THE_DARK)
        for name, take, make in (
            ("too-dark", "dance", lambda dance: plain(dance).lit(lambda _: 0.1)),
            ("too-dark-talk", "talk", lambda talk: talk.part(0, 3.5).lit(lambda _: 0.1)),
            ("too-dark-step", "step", lambda step: step.lit(lambda _: 0.08)),
            ("night", "dance", lambda dance: behind(plain(dance), night(0.1))),
            ("night-talk", "talk_24", lambda talk: behind(talk, night(0.12))),
            ("too-dark-walk", "walk", lambda walk: walk.part(0, 4.1).lit(lambda _: 0.08)),
            ("night-step", "step", lambda step: behind(step, night(0.1))),
            ("lamp-fades", "step", lambda step: step.lit(lambda t: 1 - 0.92 * ramp(0.6, 1.8)(t))),
        )
    ),
    *(
        Clip(name=name, takes=(take,), make=make, must={"video.bright": WARN}, may=IN_GLARE)
        for name, take, make in (
            ("too-bright", "dance", lambda dance: plain(dance).lit(lambda _: 3.5)),
            ("too-bright-talk", "talk", lambda talk: talk.part(0, 3.5).lit(lambda _: 4.5)),
            ("too-bright-step", "step", lambda step: step.lit(lambda _: 4.5)),
            ("too-bright-white-clothes", "white", lambda white: white.lit(lambda _: 2.4)),
            ("washed-out", "dance", lambda dance: behind(plain(dance), veiled(0.84))),
            ("washed-out-talk", "talk_24", lambda talk: behind(talk, veiled(0.88))),
            ("washed-out-step", "step", lambda step: behind(step, veiled(0.85))),
            ("faded-away", "talk", lambda talk: behind(talk.part(0, 3.5), veiled(0.96))),
            ("fog-comes", "step", lambda step: step.each(lambda rgb, t: veiled(0.92 * ramp(0.6, 1.8)(t))(rgb))),
        )
    ),
]
