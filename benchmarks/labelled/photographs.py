"""The labelled pictures in photographs' conditions: what breaks a rule breaks it in any light."""

from collections.abc import Callable, Mapping
from itertools import chain

import numpy as np
from figure import Actor, gesture
from figure.cast import DANCER, MAYA, THEO

from benchmarks.labelled.acting import arms_down, arms_out, arms_up, hands_behind, hands_folded, handstand, squatting
from benchmarks.labelled.case import BLOCK, HINT, WARN, Picture, Severity
from benchmarks.labelled.conditions import mirror, poster, screen, shadow, under
from benchmarks.labelled.files import Encoding, other_profile, usual_profile
from benchmarks.labelled.props import post
from benchmarks.labelled.stills import LANDSCAPE, SQUARE, changed, full, group, scaled, turned, upper

Draw = Callable[[], np.ndarray]
MB = 1_000_000
WOOD, RED = (150, 112, 74), (140, 60, 50)


def _of(
    rule: str,
    severity: Severity | None,
    pictures: Mapping[str, tuple[Draw, tuple[str, ...]]],
    may: Mapping[str, str] = {},
) -> list[Picture]:
    """Pictures that break one rule, or come near to it where there is no severity, each under some conditions."""
    must = {rule: severity} if severity else {}
    return [
        Picture(name=name, draw=changed(draw, under(*conditions)), must=must, may=may)
        for name, (draw, conditions) in pictures.items()
    ]


BESIDE = group(Actor(MAYA, x_m=-0.5), Actor(THEO, hands_folded(), x_m=0.5, turn_deg=25), size=LANDSCAPE)
CHILD = group(Actor(THEO, x_m=-0.35), Actor(MAYA, x_m=0.65, scale=0.62), size=SQUARE)
BEHIND = group(Actor(THEO, arms_down(), z_m=-0.3), Actor(MAYA, x_m=-0.45, z_m=0.7), size=LANDSCAPE)
STREET = group(Actor(MAYA, gesture(0.3)), Actor(THEO, x_m=1.5, z_m=3.0, turn_deg=-60), Actor(DANCER, x_m=-1.7, z_m=3.5))
AWAY = group(Actor(DANCER, x_m=-0.3), Actor(THEO, x_m=0.8, z_m=2.2, turn_deg=180), size=SQUARE, height_m=2.3)
FAR = tuple(
    Actor(look, x_m=x, z_m=5, scale=0.34) for look, x in ((THEO, -2.4), (MAYA, -1.7), (DANCER, 1.6), (THEO, 2.3))
)
CROWD = group(Actor(MAYA, gesture(0.5)), *FAR)

PEOPLE = [
    *_of(
        "image.people",
        WARN,
        {
            "beside-in-noise": (BESIDE, ("noise",)),
            "child-in-the-shade": (CHILD, ("shade", "compressed")),
            "behind-compressed": (BEHIND, ("compressed",)),
            "street-in-grain": (STREET, ("grain",)),
            "street-in-side-light": (STREET, ("side-light", "noise")),
            "second-from-behind": (AWAY, ("warm",)),
        },
    ),
    *_of(
        "image.people",
        None,
        {
            "poster": (changed(full(MAYA, backdrop="room", size=SQUARE), poster()), ("grain",)),
            "poster-landscape": (
                changed(full(THEO, backdrop="hall", size=LANDSCAPE), poster(0.7, 0.3)),
                ("compressed",),
            ),
            "screen": (changed(full(THEO, backdrop="room", size=SQUARE), screen()), ("soft",)),
            "screen-on-the-right": (changed(upper(THEO), screen(0.76, 0.2, 0.05)), ("noise",)),
            "mirror": (changed(full(MAYA, backdrop="room", size=SQUARE), mirror()), ("warm",)),
            "mirror-on-the-right": (changed(full(MAYA, backdrop="hall", size=SQUARE), mirror(0.82)), ("compressed",)),
            "shadow-on-the-wall": (changed(full(MAYA, backdrop="plain", size=SQUARE), shadow(0.6)), ("noise",)),
            "shadow-of-the-other-side": (changed(full(THEO, backdrop="plain", size=SQUARE), shadow(-0.1)), ("soft",)),
            "crowd-far-away": (CROWD, ("compressed",)),
            "crowd-in-grain": (CROWD, ("grain", "side-light")),
        },
    ),
]
OCCLUSION = [
    *_of(
        "image.occlusion",
        WARN,
        {
            "post-in-noise": (changed(full(), post(0.62, 0, 0.76, 1)), ("noise",)),
            "beam-compressed": (changed(full(THEO), post(0, 0.52, 1, 0.63)), ("compressed",)),
            "table-in-the-shade": (changed(full(MAYA, backdrop="room"), post(0, 0.6, 1, 0.74, colour=RED)), ("shade",)),
            "hands-behind-in-noise": (full(THEO, hands_behind()), ("noise",)),
            "hands-behind-compressed": (full(MAYA, hands_behind(), "hall"), ("compressed",)),
            "wood-in-side-light": (
                changed(full(THEO, backdrop="hall"), post(0, 0.66, 1, 0.80, colour=WOOD, grain=0.1)),
                ("side-light",),
            ),
        },
    ),
    *_of(
        "image.occlusion",
        None,
        {
            "thin-pole-in-grain": (changed(full(), post(0.55, 0, 0.565, 1)), ("grain",)),
            "post-beside-in-noise": (changed(full(), post(0.88, 0, 0.98, 1)), ("noise",)),
            "post-beside-in-side-light": (
                changed(full(THEO, backdrop="hall"), post(0.02, 0, 0.12, 1)),
                ("side-light",),
            ),
            "folded-hands-in-the-shade": (full(MAYA, hands_folded()), ("shade",)),
            "folded-hands-soft": (upper(MAYA, hands_folded()), ("soft",)),
            "squatting-compressed": (full(THEO, squatting(), "hall"), ("compressed",)),
            "shadow-over-nobody": (changed(full(MAYA, backdrop="plain", size=SQUARE), shadow(0.62)), ("grain",)),
            "bright-sleeves-on-a-bright-wall": (full(DANCER, backdrop="plain"), ("noise",)),
        },
    ),
]
BODY = [
    *_of(
        "image.body",
        WARN,
        {
            "cut-at-the-shins-in-noise": (full(THEO, y_m=1.2, height_m=1.85), ("noise",)),
            "cut-arm-compressed": (full(THEO, size=SQUARE, x_m=0.86, height_m=2.2), ("compressed",)),
            "hands-below-in-grain": (full(MAYA, size=(720, 600), y_m=1.42, height_m=0.9), ("grain",)),
            "face-only-in-side-light": (full(THEO, size=SQUARE, y_m=1.62, height_m=0.55), ("side-light",)),
        },
    ),
    *_of(
        "image.body",
        None,
        {
            "head-near-the-edge": (full(MAYA, arms_down(), y_m=0.82, height_m=1.86), ("noise",)),
            "feet-near-the-edge": (full(MAYA, arms_down(), y_m=0.96, height_m=2.06), ("compressed",)),
            "mid-thigh-in-the-shade": (full(MAYA, gesture(0.0), size=(720, 960), y_m=1.2, height_m=1.24), ("shade",)),
            "arms-out-soft": (full(DANCER, arms_out(), "hall", size=SQUARE), ("soft",)),
            "arms-up-in-grain": (full(MAYA, arms_up(), y_m=1.1, height_m=2.7), ("grain",)),
            "upper-body-compressed": (upper(), ("compressed",)),
        },
    ),
]
POSTURE = [
    *_of(
        "image.posture",
        WARN,
        {
            "lying-in-noise": (
                full(MAYA, backdrop="hall", size=LANDSCAPE, y_m=0.35, height_m=1.5, tilt_deg=-90, lift_m=-0.74),
                ("noise",),
            ),
            "on-its-side-compressed": (changed(full(MAYA, backdrop="hall"), turned), ("compressed",)),
            "leaning-65-in-the-shade": (full(THEO, size=SQUARE, tilt_deg=65), ("shade",)),
            "handstand-in-grain": (
                full(DANCER, handstand(), "room", y_m=1.0, height_m=2.6, tilt_deg=180, lift_m=0.18),
                ("grain",),
            ),
        },
    ),
    *_of(
        "image.posture",
        None,
        {
            f"leaning-{tilt}-{condition}": (full(look, size=SQUARE, tilt_deg=tilt), (condition,))
            for look, tilt, condition in (
                (MAYA, 25, "noise"),
                (THEO, 30, "compressed"),
                (DANCER, -28, "shade"),
                (MAYA, -33, "grain"),
                (THEO, 35, "soft"),
            )
        },
    ),
]
COVERAGE = [
    *_of(
        "image.coverage",
        BLOCK,
        {
            f"covers-little-{n}": (full(look, backdrop=backdrop, size=SQUARE, height_m=height_m), (condition,))
            for n, (look, backdrop, height_m, condition) in enumerate(
                (
                    (MAYA, "hall", 3.9, "noise"),
                    (THEO, "room", 4.1, "compressed"),
                    (DANCER, "plain", 4.4, "shade"),
                    (MAYA, "terrace", 4.8, "warm"),
                    (THEO, "terrace", 5.2, "side-light"),
                    (DANCER, "hall", 4.6, "soft"),
                )
            )
        },
    ),
    *_of(
        "image.coverage",
        None,
        {
            f"covers-enough-{n}": (full(look, backdrop=backdrop, size=SQUARE, height_m=height_m), (condition,))
            for n, (look, backdrop, height_m, condition) in enumerate(
                (
                    (MAYA, "hall", 2.9, "noise"),
                    (THEO, "room", 3.0, "compressed"),
                    (DANCER, "plain", 2.8, "shade"),
                    (MAYA, "terrace", 2.9, "warm"),
                    (THEO, "terrace", 3.0, "side-light"),
                    (DANCER, "hall", 2.8, "soft"),
                )
            )
        },
    ),
]
EMPTY: Mapping[str, Draw] = {backdrop: group(size=LANDSCAPE) for backdrop in ("hall",)}
CHARACTER = [
    *_of(
        "image.character",
        WARN,
        {
            "nobody-in-noise": (EMPTY["hall"], ("noise",)),
            "nobody-compressed": (EMPTY["hall"], ("compressed", "warm")),
            "nobody-but-a-beam": (changed(EMPTY["hall"], post(0.1, 0.5, 0.9, 0.62, colour=RED)), ("side-light",)),
            "nobody-but-a-shadow": (changed(EMPTY["hall"], shadow(0.4)), ("grain",)),
            "nobody-but-two-posts": (
                changed(
                    changed(EMPTY["hall"], post(0.3, 0.2, 0.36, 1)), post(0.6, 0.1, 0.7, 1, colour=WOOD, grain=0.1)
                ),
                ("soft",),
            ),
        },
    ),
    *_of(
        "image.character",
        None,
        {
            "dark-in-noise": (
                changed(full(THEO, backdrop="room"), lambda rgb: (rgb * 0.35).astype(np.uint8)),
                ("noise",),
            ),
            "from-behind-in-grain": (full(THEO, backdrop="hall", turn_deg=150), ("grain",)),
            "far-away": (full(MAYA, size=SQUARE, height_m=2.9), ("compressed",)),
            "half-turned-soft": (full(THEO, turn_deg=60), ("soft",)),
            "arms-up-in-side-light": (full(MAYA, arms_up(), y_m=1.1, height_m=2.7), ("side-light", "noise")),
            "upper-in-the-shade": (upper(DANCER, size=SQUARE, backdrop="hall", height_m=1.4), ("shade",)),
            "squatting-warm": (full(THEO, squatting(), "hall"), ("warm", "grain")),
        },
    ),
]

SIDES = [
    *(
        Picture(
            name=f"sides-{width}-{height}", draw=changed(full(), scaled(width, height)), must={"image.side": severity}
        )
        for width, height, severity in (
            (290, 520, BLOCK),
            (299, 530, BLOCK),
            (310, 560, WARN),
            (325, 580, WARN),
            (339, 600, WARN),
        )
    ),
    *(
        Picture(name=f"sides-{width}-{height}", draw=changed(full(), scaled(width, height)))
        for width, height in ((341, 606), (342, 608), (344, 612), (348, 620), (350, 622), (356, 632), (360, 640))
    ),
]
ASPECTS = [
    *(
        Picture(name=f"slim-{height}", draw=full(pose=gesture(0.0), size=(400, height)), must={"image.aspect": BLOCK})
        for height in (1004, 1020, 1050)
    ),
    *(
        Picture(name=f"wide-{width}", draw=upper(size=(width, 400)), must={"image.aspect": BLOCK})
        for width in (1004, 1040, 1080)
    ),
    *(Picture(name=f"slim-{height}", draw=full(pose=gesture(0.0), size=(400, height))) for height in (960, 980, 1000)),
    *(Picture(name=f"wide-{width}", draw=upper(size=(width, 400))) for width in (960, 990, 1000)),
]
LARGE = [
    Picture(
        name=f"long-{side}",
        draw=changed(full(THEO), scaled(round(side * 0.5625), side)),
        must={"image.large": WARN} if side > 4096 else {},
    )
    for side in (3800, 3900, 4000, 4032, 4060, 4080, 4090, 4100, 4110, 4120, 4140, 4200, 4260, 4300)
]
BYTES = [
    Picture(
        name=f"{millions:g}-mb-{kind}",
        draw=full(look),
        encoding=Encoding(kind, size_bytes=int(millions * MB)),
        must={} if millions < 10 else {"image.size": WARN if millions < 50 else BLOCK},
    )
    for look, kind in ((MAYA, "jpg"), (THEO, "png"))
    for millions in (9, 9.5, 9.8, 9.95, 20, 55) + ((10.6,) if kind == "jpg" else ())
]
PROFILES = [
    *(
        Picture(
            name=f"other-profile-{kind}-{look.name}",
            draw=full(look),
            encoding=Encoding(kind, options={"icc_profile": other_profile()}),
            must={"image.profile": HINT},
        )
        for look in (MAYA, THEO, DANCER)
        for kind in ("jpg", "png")
    ),
    Picture(
        name="other-profile-in-noise",
        draw=changed(full(), under("noise")),
        encoding=Encoding("jpg", options={"icc_profile": other_profile()}),
        must={"image.profile": HINT},
    ),
    *(
        Picture(
            name=f"usual-profile-{kind}-{look.name}",
            draw=full(look),
            encoding=Encoding(kind, options={"icc_profile": usual_profile()}),
        )
        for look in (MAYA, THEO, DANCER)
        for kind in ("jpg", "png")
    ),
    *(
        Picture(
            name=f"usual-profile-{name}",
            draw=changed(full(), under(name)),
            encoding=Encoding("jpg", options={"icc_profile": usual_profile()}),
        )
        for name in ("noise", "warm")
    ),
]
PHOTOGRAPHS: list[Picture] = list(
    chain(PEOPLE, OCCLUSION, BODY, POSTURE, COVERAGE, CHARACTER, SIDES, ASPECTS, LARGE, BYTES, PROFILES)
)
