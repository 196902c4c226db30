"""The labelled pictures: sane ones, and ones whose content breaks a rule."""

import numpy as np
from figure import Actor, Scene, gesture
from figure.cast import DANCER, MAYA, THEO

from benchmarks.labelled.acting import arms_down, arms_out, arms_up, hands_behind, hands_folded, handstand, squatting
from benchmarks.labelled.case import BLOCK, WARN, Picture
from benchmarks.labelled.files import Encoding
from benchmarks.labelled.props import logo, post
from benchmarks.labelled.stills import (
    LANDSCAPE,
    SQUARE,
    changed,
    cut_out,
    full,
    group,
    in_black,
    in_white,
    lit,
    night,
    shot,
    spotlit,
    turned,
    upper,
    upside_down,
    veiled,
)

UNSEEN = "in the dark nobody may be found"
GLARED = "in glaring light nobody may be found"
PALE = {"skin": (250, 226, 210), "hair": (240, 224, 180)}

IN_GLARE = ("image.character", "image.coverage", "image.posture", "image.body", "image.people")


def high_key(rgb: np.ndarray) -> np.ndarray:
    """Exposed for the light parts of a light scene: what is light becomes nearly white, hair and eyes stay."""
    return (255 * (rgb / 255) ** 0.6).astype(np.uint8)


def lit_and_veiled(rgb: np.ndarray) -> np.ndarray:
    """Too long exposed, and printed on white."""
    return veiled(0.7)(lit(2.0)(rgb))


SANE_PICTURES = [
    Picture(name="roomy", draw=full(THEO, backdrop="hall", size=SQUARE, y_m=1.1, height_m=2.6)),
    Picture(name="tight", draw=full(MAYA, arms_down(), size=(400, 900), y_m=0.87, height_m=1.86)),
    Picture(name="close-upper", draw=upper(MAYA, hands_folded(), "room", size=(480, 720), y_m=1.24, height_m=1.0)),
    Picture(name="maya-full", draw=full()),
    Picture(name="theo-full-hall", draw=full(THEO, backdrop="hall", height_m=2.5)),
    Picture(name="dancer-full-plain", draw=full(DANCER, backdrop="plain", size=SQUARE, height_m=2.4)),
    Picture(name="maya-full-landscape", draw=full(MAYA, backdrop="room", size=LANDSCAPE, height_m=2.0)),
    Picture(name="theo-upper", draw=upper()),
    Picture(name="maya-upper-portrait", draw=upper(MAYA, hands_folded(), "terrace", size=(540, 720))),
    Picture(name="dancer-upper-square", draw=upper(DANCER, size=SQUARE, backdrop="hall", height_m=1.4)),
    Picture(name="mid-thigh", draw=full(MAYA, gesture(0.0), size=(720, 960), y_m=1.2, height_m=1.24)),
    Picture(name="half-turned", draw=full(THEO, turn_deg=40)),
    Picture(
        name="from-the-side",
        draw=full(MAYA, gesture(0.7), "plain", turn_deg=85),
        may={"image.occlusion": "the far arm is hidden"},
    ),
    Picture(
        name="from-behind",
        draw=full(THEO, turn_deg=180),
        may={"image.body": "no rule asks for the front, yet the face is not there"},
    ),
    Picture(name="arms-up", draw=full(MAYA, arms_up(), y_m=1.1, height_m=2.7)),
    Picture(name="arms-out", draw=full(DANCER, arms_out(), "hall", size=SQUARE)),
    Picture(name="squatting", draw=full(THEO, squatting(), "hall")),
    Picture(name="hands-folded", draw=full(MAYA, hands_folded())),
    Picture(name="leaning-20", draw=full(DANCER, tilt_deg=20, size=SQUARE)),
    Picture(name="leaning-32", draw=full(MAYA, tilt_deg=32, size=SQUARE)),
    Picture(name="dark", draw=changed(full(THEO, backdrop="room"), lit(0.45))),
    Picture(name="bright", draw=changed(full(MAYA, backdrop="plain"), lit(1.25))),
    Picture(name="grey", draw=full(THEO), encoding=Encoding("png", pixels="L")),
    Picture(name="thin-pole", draw=changed(full(), post(0.55, 0, 0.565, 1))),
    Picture(name="post-beside", draw=changed(full(), post(0.88, 0, 0.98, 1))),
    Picture(name="logo", draw=changed(full(DANCER), logo)),
    Picture(name="tiny-second", draw=group(Actor(MAYA), Actor(THEO, x_m=1.9, z_m=5, scale=0.42))),
    Picture(name="low-key", draw=changed(full(THEO, backdrop="hall"), spotlit)),
    Picture(name="low-key-upper", draw=changed(upper(MAYA, backdrop="room"), spotlit)),
    Picture(name="low-key-dancer", draw=changed(full(DANCER, arms_down(), "plain", size=SQUARE), spotlit)),
    Picture(name="black-clothes", draw=full(in_black(MAYA))),
    Picture(name="black-clothes-upper", draw=upper(in_black(THEO), backdrop="hall")),
    Picture(name="black-clothes-low-key", draw=changed(full(in_black(DANCER), backdrop="room"), spotlit)),
    Picture(name="dark-skin-in-black", draw=full(in_black(THEO, skin=(78, 52, 40), hair=(18, 16, 16)))),
    Picture(name="white-clothes", draw=full(in_white(MAYA), backdrop="plain")),
    Picture(name="white-clothes-upper", draw=upper(in_white(THEO), backdrop="plain")),
    Picture(name="white-clothes-pale", draw=full(in_white(MAYA, **PALE), backdrop="plain")),
    Picture(name="white-studio", draw=cut_out(MAYA)),
    Picture(name="white-studio-white-clothes", draw=cut_out(in_white(THEO))),
    Picture(name="white-studio-upper", draw=cut_out(THEO, hands_folded(), size=(800, 600), y_m=1.28, height_m=1.2)),
    Picture(name="snow", draw=cut_out(THEO, ground=veiled(0.9))),
    Picture(name="snow-landscape", draw=cut_out(DANCER, ground=veiled(0.8), size=LANDSCAPE, height_m=2.0)),
    Picture(name="high-key", draw=changed(full(MAYA, backdrop="plain"), high_key)),
    Picture(name="high-key-pale", draw=changed(upper(in_white(MAYA, **PALE), backdrop="plain"), high_key)),
    Picture(name="slight-veil", draw=changed(full(MAYA), veiled(0.3))),
    Picture(name="dim", draw=changed(full(MAYA), lit(0.3))),
    Picture(name="dim-upper", draw=changed(upper(MAYA), lit(0.35))),
]

BROKEN_PICTURES = [
    Picture(name="nobody", draw=lambda: shot(Scene((), backdrop="room")), must={"image.character": WARN}),
    Picture(
        name="nobody-but-a-post",
        draw=changed(lambda: shot(Scene((), backdrop="hall")), post(0.4, 0.2, 0.6, 1, colour=(190, 140, 110))),
        must={"image.character": WARN},
    ),
    Picture(name="covers-2", draw=full(size=SQUARE, height_m=5.2), must={"image.coverage": BLOCK}),
    Picture(name="covers-4", draw=full(size=SQUARE, height_m=3.67), must={"image.coverage": BLOCK}),
    Picture(name="covers-6", draw=full(size=SQUARE, height_m=2.98)),
    Picture(name="covers-8", draw=full(size=SQUARE, height_m=2.58)),
    Picture(name="cut-at-the-shins", draw=full(y_m=1.15, height_m=1.75), must={"image.body": WARN}),
    Picture(name="cut-arm", draw=full(THEO, size=SQUARE, x_m=0.86, height_m=2.2), must={"image.body": WARN}),
    Picture(
        name="hands-below",
        draw=full(MAYA, size=(720, 600), y_m=1.42, height_m=0.9),
        must={"image.body": WARN},
    ),
    Picture(name="face-only", draw=full(MAYA, size=SQUARE, y_m=1.53, height_m=0.5), must={"image.body": WARN}),
    Picture(
        name="no-head",
        draw=full(THEO, y_m=0.72, height_m=1.5),
        must={"image.character": WARN},
        may={"image.body": "it says the same more exactly"},
    ),
    Picture(
        name="half-a-head",
        draw=full(MAYA, arms_down(), y_m=0.72, height_m=1.66),
        must={"image.body": WARN},
        may={"image.character": "without eyes it may well not be found"},
    ),
    Picture(
        name="post-over-arm",
        draw=changed(full(), post(0.62, 0, 0.76, 1)),
        must={"image.occlusion": WARN},
    ),
    Picture(
        name="beam-over-hips",
        draw=changed(full(THEO), post(0, 0.52, 1, 0.62)),
        must={"image.occlusion": WARN},
    ),
    Picture(
        name="beam-over-legs",
        draw=changed(full(MAYA, backdrop="hall"), post(0, 0.68, 1, 0.80, colour=(140, 60, 50))),
        must={"image.occlusion": WARN},
    ),
    Picture(
        name="board-over-face",
        draw=changed(full(THEO, backdrop="room"), post(0.3, 0.11, 0.7, 0.24, colour=(230, 225, 90))),
        must={"image.occlusion": WARN},
        may={"image.body": "the head is not in view", "image.character": "without a face it may not be found"},
    ),
    Picture(
        name="wooden-post-over-body",
        draw=changed(full(DANCER), post(0.5, 0, 0.64, 1, colour=(150, 112, 74), grain=0.18)),
        must={"image.occlusion": WARN},
    ),
    Picture(
        name="wooden-beam-over-knees",
        draw=changed(full(MAYA), post(0, 0.66, 1, 0.80, colour=(150, 112, 74), grain=0.12)),
        must={"image.occlusion": WARN},
    ),
    Picture(name="hands-behind", draw=full(MAYA, hands_behind()), must={"image.occlusion": WARN}),
    Picture(
        name="lying",
        draw=full(DANCER, backdrop="hall", size=LANDSCAPE, y_m=0.35, height_m=1.5, tilt_deg=90, lift_m=-0.74),
        must={"image.posture": WARN},
    ),
    Picture(name="picture-on-its-side", draw=changed(full(THEO), turned), must={"image.posture": WARN}),
    Picture(
        name="handstand",
        draw=full(THEO, handstand(), "hall", y_m=1.0, height_m=2.6, tilt_deg=180, lift_m=0.18),
        must={"image.posture": WARN},
    ),
    Picture(name="leaning-60", draw=full(MAYA, size=SQUARE, tilt_deg=60), must={"image.posture": WARN}),
    Picture(
        name="two-people",
        draw=group(Actor(MAYA, x_m=-0.6), Actor(THEO, x_m=0.6)),
        must={"image.people": WARN},
    ),
    Picture(
        name="three-people",
        draw=group(Actor(MAYA, x_m=-1.1), Actor(THEO), Actor(DANCER, gesture(0.7), x_m=1.1)),
        must={"image.people": WARN},
    ),
    Picture(
        name="half-hidden-second",
        draw=group(Actor(MAYA, z_m=-0.3), Actor(THEO, x_m=0.42, z_m=0.6)),
        must={"image.people": WARN},
    ),
    Picture(
        name="smaller-second-behind",
        draw=group(Actor(DANCER, x_m=-0.3), Actor(MAYA, x_m=1.0, z_m=3.5)),
        must={"image.people": WARN},
    ),
    Picture(name="picture-upside-down", draw=changed(full(MAYA), upside_down), must={"image.posture": WARN}),
    Picture(name="upper-on-its-side", draw=changed(upper(), turned), must={"image.posture": WARN}),
    Picture(name="upper-upside-down", draw=changed(upper(MAYA), upside_down), must={"image.posture": WARN}),
    Picture(
        name="lying-on-the-terrace",
        draw=full(THEO, size=LANDSCAPE, y_m=0.35, height_m=1.5, tilt_deg=-90, lift_m=-0.74),
        must={"image.posture": WARN},
    ),
    *(
        Picture(name=name, draw=draw, must={"image.dark": WARN}, may={"image.character": UNSEEN})
        for name, draw in (
            ("too-dark", changed(full(THEO), lit(0.1))),
            ("too-dark-upper", changed(upper(MAYA), lit(0.1))),
            ("too-dark-in-the-hall", changed(full(DANCER, backdrop="hall"), lit(0.09))),
            ("night", changed(full(MAYA), night(0.1))),
            ("night-upper", changed(upper(), night(0.12))),
            ("night-in-the-hall", changed(full(DANCER, backdrop="hall", size=SQUARE), night(0.1, 4.0))),
            ("too-dark-from-behind", changed(full(THEO, turn_deg=180), lit(0.08))),
            ("too-dark-landscape", changed(full(MAYA, backdrop="room", size=LANDSCAPE, height_m=2.0), lit(0.1))),
        )
    ),
    *(
        Picture(name=name, draw=draw, must={"image.bright": WARN}, may=dict.fromkeys(IN_GLARE, GLARED))
        for name, draw in (
            ("too-bright", changed(full(MAYA), lit(4.0))),
            ("too-bright-room", changed(full(THEO, backdrop="room"), lit(5.0))),
            ("too-bright-upper", changed(upper(MAYA), lit(4.0))),
            ("too-bright-in-the-hall", changed(full(DANCER, backdrop="hall"), lit(3.0))),
            ("too-bright-white-clothes", changed(full(in_white(MAYA), backdrop="plain"), lit(2.2))),
            ("washed-out", changed(full(THEO), veiled(0.85))),
            ("washed-out-upper", changed(upper(THEO), veiled(0.88))),
            ("washed-out-in-the-hall", changed(full(DANCER, backdrop="hall", size=SQUARE), veiled(0.82))),
            ("washed-out-and-lit", changed(full(MAYA, backdrop="room"), lit_and_veiled)),
            ("faded-away", changed(full(THEO, backdrop="hall"), veiled(0.95))),
        )
    ),
]
