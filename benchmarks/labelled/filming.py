"""The labelled clips: a camera that moves, speed, and things in front of the figure."""

from benchmarks.labelled.case import BLOCK, WARN, Clip
from benchmarks.labelled.footage import SIZE, WALK_PX_S, behind, pans, plain, sways
from benchmarks.labelled.props import post
from kling_ui.options import Orientation

WOOD = (150, 112, 74)
COVERED = "it is covered, like all the others"

CAMERA_CLIPS = [
    Clip(
        name="pan",
        takes=("dance",),
        make=lambda dance: dance.part(0, 4).seen(pans(0.38, 0.62, 4), *SIZE),
        must={"video.camera": WARN, "video.usable": None},
        orientation=Orientation.IMAGE,
    ),
    Clip(
        name="slow-drift",
        takes=("dance",),
        make=lambda dance: dance.seen(pans(0.43, 0.57, 6), *SIZE),
        must={"video.camera": WARN, "video.usable": None},
    ),
    Clip(
        name="pan-in-the-end",
        takes=("dance",),
        make=lambda dance: dance.looped(6.5).seen(pans(0.42, 0.64, 2, begin_s=4.5), *SIZE),
        must={"video.camera": WARN, "video.usable": WARN},
        usable=(0.0, 4.5),
    ),
    Clip(
        name="zoom",
        takes=("dance",),
        make=lambda dance: dance.part(0, 4).seen(lambda t: (0.5, 0.46, 1 + 0.1 * t, 0.0), *SIZE),
        must={"video.camera": WARN, "video.usable": None},
    ),
    Clip(
        name="held-by-hand",
        takes=("dance",),
        make=lambda dance: dance.part(0, 4).seen(sways(0.012, 0.7), *SIZE),
        must={"video.camera": WARN, "video.usable": None},
    ),
    Clip(
        name="rolls",
        takes=("dance",),
        make=lambda dance: dance.part(0, 4).seen(lambda t: (0.5, 0.5, 1.0, 3.5 * t), 404, 600),
        must={"video.camera": WARN, "video.usable": None},
    ),
    Clip(
        name="follows-the-walker",
        takes=("walk",),
        make=lambda walk: walk.part(0, 3.1).seen(lambda t: ((255 + WALK_PX_S * t) / 960, 0.5, 1, 0), 380, 540),
        must={"video.camera": WARN, "video.usable": None},
    ),
]

SPEED_CLIPS = [
    Clip(
        name="fast-30-fps",
        takes=("dance",),
        make=lambda dance: dance.at(30).looped(3.5).portrait(),
        must={"video.speed": WARN, "video.usable": None},
    ),
    Clip(
        name="fast-36-fps",
        takes=("dance",),
        make=lambda dance: dance.at(36).looped(3.5),
        must={"video.speed": WARN, "video.usable": None},
    ),
    Clip(
        name="fast-12-fps",
        takes=("dance",),
        make=lambda dance: dance.faster(3, 4).portrait(),
        must={"video.speed": WARN, "video.usable": None},
    ),
    Clip(
        name="fast-in-the-end",
        takes=("dance",),
        make=lambda dance: (dance.part(0, 3.5) + dance.part(3.5, 6).faster(3, 2.5)).portrait(),
        must={"video.speed": WARN, "video.usable": None},
        usable=(0.0, 3.5),
    ),
    Clip(
        name="fast-and-smeared",
        takes=("dance",),
        make=lambda dance: dance.smeared(3).faster(3, 4).portrait(),
        must={"video.speed": WARN, "video.usable": None},
    ),
    Clip(
        name="out-of-focus",
        takes=("dance",),
        make=lambda dance: plain(dance).blurred(5),
        must={"video.speed": WARN},
        may={
            "video.usable": "it is for the vendor to say what of it comes back",
            "video.person": "it can hardly be followed",
        },
    ),
]

COVERED_CLIPS = [
    Clip(
        name="post-over-arm",
        takes=("dance",),
        make=lambda dance: behind(plain(dance), post(0.60, 0, 0.76, 1)),
        must={"video.person": WARN, "video.usable": None},
        may={"video.first_frame": COVERED},
    ),
    Clip(
        name="beam-over-knees",
        takes=("step",),
        make=lambda step: behind(step, post(0, 0.62, 1, 0.78, colour=(140, 60, 50))),
        must={"video.person": WARN, "video.usable": None},
        may={"video.first_frame": COVERED},
    ),
    Clip(
        name="board-over-face",
        takes=("talk",),
        make=lambda talk: behind(talk, post(0.38, 0.08, 0.62, 0.30, colour=(230, 225, 90))),
        must={"video.person": WARN, "video.usable": None},
        may={"video.first_frame": COVERED},
    ),
    Clip(
        name="wooden-post-over-body",
        takes=("dance",),
        make=lambda dance: behind(plain(dance), post(0.44, 0, 0.60, 1, colour=WOOD, grain=0.15)),
        must={"video.person": WARN, "video.usable": None},
        may={"video.first_frame": COVERED},
    ),
    Clip(
        name="walks-behind-a-post",
        takes=("walk",),
        make=lambda walk: behind(walk.part(0, 4.1), post(0.56, 0, 0.68, 1, colour=WOOD, grain=0.08)),
        must={"video.person": WARN, "video.usable": BLOCK},
    ),
    Clip(
        name="desk",
        takes=("talk",),
        make=lambda talk: behind(talk, post(0, 0.86, 1, 1, colour=WOOD)),
        may={"video.person": "an upper body behind a desk, cut off as the picture's edge would do it"},
    ),
]
