"""Pale walls, as in studios: without anybody, and before them people in pale clothes; and clips that are very wide."""

import numpy as np
from figure import Scene
from figure.cast import DANCER, MAYA, THEO

from benchmarks.labelled.acting import arms_down, hands_folded
from benchmarks.labelled.case import BLOCK, WARN, Clip, Picture
from benchmarks.labelled.conditions import filmed_under, under
from benchmarks.labelled.filming import COVERED, WOOD
from benchmarks.labelled.footage import behind
from benchmarks.labelled.pictures import GLARED, IN_GLARE, high_key
from benchmarks.labelled.props import post
from benchmarks.labelled.stills import LANDSCAPE, SQUARE, changed, full, in_cream, in_white, lit, shot, upper, veiled

YELLOW = (230, 225, 90)
NOBODY = {"video.person": WARN, "video.usable": BLOCK}
UNSEEN = {"video.first_frame": "it shows nobody, like all the others"}
HIDDEN = {"video.person": WARN, "video.usable": None}


def _wall(level: int) -> np.ndarray:
    """A bare wall of one level, lit a little more from the right."""
    light = np.linspace(0.97, 1.0, SQUARE[0])[None, :, None]
    return np.broadcast_to(level * light, (SQUARE[1], SQUARE[0], 3)).astype(np.uint8)


def _empty(backdrop: str) -> np.ndarray:
    return shot(Scene((), backdrop=backdrop), LANDSCAPE)


EMPTY = [
    *(
        Picture(
            name=f"nobody-in-the-{backdrop}-{how}",
            draw=lambda backdrop=backdrop, change=change, condition=condition: under(condition)(
                change(_empty(backdrop))
            ),
            must={"image.character": WARN},
        )
        for backdrop, how, change, condition in (
            ("hall", "high-key", high_key, "compressed"),
            ("hall", "in-haze", veiled(0.4), "noise"),
            ("room", "high-key", high_key, "grain"),
            ("room", "in-haze", veiled(0.3), "soft"),
            ("plain", "high-key", high_key, "noise"),
            ("plain", "lit", lit(1.05), "compressed"),
            ("terrace", "high-key", high_key, "grain"),
            ("terrace", "in-haze", veiled(0.5), "compressed"),
        )
    ),
    *(
        Picture(
            name=f"nobody-but-a-wall-of-{level}",
            draw=lambda level=level, condition=condition: under(condition)(_wall(level)),
            must={"image.character": WARN},
        )
        for level, condition in ((165, "grain"), (190, "noise"), (215, "compressed"), (238, "soft"))
    ),
]
LOST = [
    Picture(name=name, draw=draw, must={"image.bright": WARN}, may=dict.fromkeys(IN_GLARE, GLARED))
    for name, draw in (
        ("washed-out-in-grain", changed(changed(upper(THEO), veiled(0.88)), under("grain"))),
        ("washed-out-in-noise", changed(changed(full(MAYA, backdrop="hall"), veiled(0.92)), under("noise"))),
        ("washed-out-compressed", changed(changed(upper(DANCER), veiled(0.94)), under("compressed"))),
        ("washed-out-white-clothes", changed(changed(full(in_white(MAYA)), veiled(0.9)), under("grain"))),
        ("burnt-out-in-noise", changed(changed(full(THEO), lit(5.0)), under("noise"))),
        ("burnt-out-white-clothes", changed(full(in_white(THEO), backdrop="plain"), lit(5.0))),
    )
]
PALE = [
    Picture(name=f"{name}-in-the-{backdrop}", draw=changed(full(look, pose, backdrop, size=size), change))
    for name, look, pose, backdrop, size, change in (
        ("white-clothes", in_white(MAYA), None, "hall", (540, 720), under("noise")),
        ("white-clothes-bright", in_white(DANCER), arms_down(), "hall", (540, 720), lit(1.12)),
        ("white-clothes-folded", in_white(THEO), hands_folded(), "room", SQUARE, under("grain")),
        ("white-clothes-lit", in_white(DANCER), None, "room", (540, 720), lit(1.1)),
        ("white-clothes-soft", in_white(THEO), arms_down(), "terrace", SQUARE, under("soft")),
        ("cream-clothes", in_cream(MAYA), hands_folded(), "room", (540, 720), under("compressed")),
        ("cream-clothes-lit", in_cream(THEO), None, "plain", SQUARE, lit(1.08)),
        ("cream-clothes-bright", in_cream(DANCER), arms_down(), "hall", SQUARE, lit(1.1)),
    )
]
BEFORE_WHITE = [
    Picture(
        name=name, draw=changed(changed(full(look, backdrop=backdrop), prop), change), must={"image.occlusion": WARN}
    )
    for name, look, backdrop, prop, change in (
        ("beam-over-white-clothes", in_white(MAYA), "hall", post(0, 0.62, 1, 0.74), under("noise")),
        ("table-before-white-clothes", in_white(THEO), "plain", post(0, 0.66, 1, 0.82, colour=WOOD), under("soft")),
        ("board-over-white-clothes", in_white(DANCER), "plain", post(0.15, 0.4, 0.85, 0.54, colour=YELLOW), lit(1.0)),
        ("beam-over-cream-clothes", in_cream(MAYA), "room", post(0, 0.64, 1, 0.76), under("compressed")),
    )
]
STUDIO_PICTURES: list[Picture] = [*EMPTY, *LOST, *PALE, *BEFORE_WHITE]

STUDIO_CLIPS: list[Clip] = [
    *(
        Clip(
            name=name,
            takes=("pale_room",),
            make=lambda room, change=change: behind(room.held(3.5), change),
            must=NOBODY,
            may=UNSEEN,
        )
        for name, change in (("nobody-in-a-pale-room", lit(1.0)), ("nobody-in-a-pale-room-high-key", high_key))
    ),
    *(
        Clip(name=f"{take.replace('_', '-')}-{condition}", takes=(take,), make=filmed_under(condition))
        for take, condition in (
            ("white", "noise"),
            ("white", "compressed"),
            ("white_step", "grain"),
            ("white_step", "side-light"),
            ("white_talk", "noise"),
            ("white_talk", "soft"),
            ("cream", "compressed"),
            ("cream", "warm"),
        )
    ),
    *(
        Clip(
            name=f"{take.replace('_', '-')}-times-{light}",
            takes=(take,),
            make=lambda reel, light=light: reel.lit(lambda _: light),
        )
        for take, light in (
            ("white", 1.08),
            ("white", 1.2),
            ("white_step", 1.05),
            ("white_talk", 1.1),
            ("white_talk", 1.15),
            ("cream", 1.12),
        )
    ),
    *(
        Clip(
            name=name,
            takes=(take,),
            make=lambda reel, prop=prop: behind(reel, prop),
            must=HIDDEN,
            may={"video.first_frame": COVERED},
        )
        for name, take, prop in (
            ("beam-over-white-clothes", "white", post(0, 0.62, 1, 0.76, colour=(140, 60, 50))),
            ("table-before-white-clothes", "white_step", post(0, 0.6, 1, 0.78, colour=YELLOW)),
            ("board-over-white-clothes", "white_talk", post(0.3, 0.5, 0.7, 0.75, colour=WOOD)),
            ("beam-over-cream-clothes", "cream", post(0, 0.6, 1, 0.74)),
        )
    ),
    *(
        Clip(
            name=f"wide-{aspect}-{take.replace('_', '-')}",
            takes=(take,),
            make=lambda reel, aspect=aspect, share=share: reel.part(0, 3.4).widened(aspect, share),
        )
        for take, aspect, share in (
            ("step", 2.4, 0.5),
            ("dance", 2.8, 0.3),
            ("talk_24", 3.2, 0.7),
            ("side", 4.0, 0.5),
            ("step", 5.0, 0.2),
            ("dance", 5.2, 0.8),
            ("talk", 5.5, 0.4),
        )
    ),
]
