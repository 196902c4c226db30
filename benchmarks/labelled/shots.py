"""The labelled clips: cuts of every kind, at known frames."""

from benchmarks.labelled.case import BLOCK, WARN, Clip
from benchmarks.labelled.footage import SIZE, ramp
from benchmarks.labelled.reel import Reel

HALL, ROOM = (0, 90, 720, 540), (120, 0, 720, 540)  # the dance and the talk, cropped to one size


def hall(dance: Reel, start_s: float, end_s: float) -> Reel:
    """A part of the dance in landscape format."""
    return dance.part(start_s, end_s).crop(*HALL)


def room(talk: Reel, start_s: float, end_s: float) -> Reel:
    """A part of the talk in the same format."""
    return talk.part(start_s, end_s).crop(*ROOM)


def zoomed(reel: Reel, times: float) -> Reel:
    """The same shot, closer."""
    return reel.seen(lambda _: (0.5, 0.44, times, 0.0), *SIZE)


CUT_CLIPS = [
    Clip(
        name="cut-to-another-scene",
        takes=("dance", "talk"),
        make=lambda dance, talk: hall(dance, 0, 2) + room(talk, 0, 2.5),
        must={"video.cuts": WARN, "video.usable": BLOCK},
        cuts=((2.0, 2.0),),
        usable=(2.0, 4.5),
    ),
    Clip(
        name="cut-before-a-long-shot",
        takes=("dance", "talk"),
        make=lambda dance, talk: hall(dance, 0, 1.25) + room(talk, 0, 4),
        must={"video.cuts": WARN, "video.usable": WARN},
        cuts=((1.25, 1.25),),
        usable=(1.25, 5.25),
    ),
    Clip(
        name="cut-near-the-end",
        takes=("dance", "talk"),
        make=lambda dance, talk: hall(dance, 0, 3.5) + room(talk, 1, 1.5),
        must={"video.cuts": WARN, "video.usable": WARN},
        cuts=((3.5, 3.5),),
        usable=(0.0, 3.5),
    ),
    Clip(
        name="two-cuts",
        takes=("dance", "talk"),
        make=lambda dance, talk: room(talk, 0, 1.25) + hall(dance, 1, 2.25) + room(talk, 2, 4),
        must={"video.cuts": WARN, "video.usable": BLOCK},
        cuts=((1.25, 1.25), (2.5, 2.5)),
        usable=(2.5, 4.5),
    ),
    Clip(
        name="jump-cut",
        takes=("dance",),
        make=lambda dance: (dance.part(0, 2) + dance.part(3.5, 6)).portrait(),
        must={"video.cuts": WARN, "video.usable": BLOCK},
        cuts=((2.0, 2.0),),
        usable=(2.0, 4.5),
    ),
    Clip(
        name="jump-cut-while-talking",
        takes=("talk",),
        make=lambda talk: talk.part(0, 1.5) + talk.part(2.2, 4),
        must={"video.cuts": WARN, "video.usable": BLOCK},
        cuts=((1.5, 1.5),),
        usable=(1.5, 3.3),
    ),
    Clip(
        name="jump-cut-24-fps",
        takes=("talk_24",),
        make=lambda talk: talk.part(0, 1.625) + talk.part(2.125, 3.5),
        must={"video.cuts": WARN, "video.usable": BLOCK},
        cuts=((1.625, 1.625),),
        usable=(0.0, 1.625),
    ),
    Clip(
        name="cut-to-closer",
        takes=("dance",),
        make=lambda dance: dance.part(0, 2).portrait() + zoomed(dance.part(2, 5.5), 1.5),
        must={"video.cuts": WARN, "video.usable": WARN},
        cuts=((2.0, 2.0),),
        usable=(2.0, 5.5),
    ),
    Clip(
        name="cut-to-an-empty-room",
        takes=("talk", "empty"),
        make=lambda talk, empty: talk.part(0, 3.25) + empty.held(1.5),
        must={"video.cuts": WARN, "video.usable": WARN, "video.person": WARN},
        cuts=((3.25, 3.25),),
        usable=(0.0, 3.25),
    ),
    Clip(
        name="dissolve",
        takes=("dance", "talk"),
        make=lambda dance, talk: hall(dance, 0, 2.5).dissolved(room(talk, 0, 3), 0.5),
        must={"video.cuts": WARN, "video.usable": BLOCK},
        cuts=((2.0, 2.5),),
        usable=(2.5, 5.0),
    ),
    Clip(
        name="slow-dissolve",
        takes=("dance", "talk"),
        make=lambda dance, talk: hall(dance, 0, 4.5).dissolved(room(talk, 0, 2.5), 1.25),
        must={"video.cuts": WARN, "video.usable": WARN},
        cuts=((3.25, 4.5),),
        usable=(0.0, 3.25),
    ),
    Clip(
        name="through-black",
        takes=("dance", "talk"),
        make=lambda dance, talk: hall(dance, 0, 2).lit(ramp(2, 1.5)) + room(talk, 0, 3).lit(ramp(0, 0.5)),
        must={"video.cuts": WARN, "video.usable": BLOCK},
        may={"video.person": "nobody is seen while it is black"},
        cuts=((1.5, 2.5),),
        usable=(2.5, 5.0),
    ),
    Clip(
        name="begins-black",
        takes=("talk",),
        make=lambda talk: talk.lit(ramp(0.1, 0.75)),
        must={"video.first_frame": WARN},
        may={
            "video.usable": "its first half second is hardly seen",
            "video.person": "nobody is seen while it is black",
            "video.cuts": "some would call it a fade",
        },
    ),
]
