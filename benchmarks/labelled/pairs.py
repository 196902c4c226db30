"""The labelled pairs: a picture and a clip of the set, and what is chosen besides."""

from benchmarks.labelled.case import BLOCK, WARN, Pair
from kling_ui.options import Orientation, TransferOptions

AS_IMAGE = TransferOptions(orientation=Orientation.IMAGE, keep_sound=False)

PAIRS = [
    Pair(name="full-with-full", image="roomy", clip="dance-square"),
    Pair(name="portrait-with-portrait", image="arms-up", clip="dance"),
    Pair(name="upper-with-upper", image="theo-upper", clip="talk"),
    Pair(name="upper-portrait-with-portrait", image="maya-upper-portrait", clip="talk-portrait"),
    Pair(name="full-with-calm-full", image="maya-full", clip="still"),
    Pair(name="landscape-with-landscape", image="maya-full-landscape", clip="step-landscape-15-fps"),
    Pair(name="square-with-portrait", image="arms-out", clip="dance", choice=AS_IMAGE),
    Pair(name="square-with-landscape", image="dancer-upper-square", clip="talk"),
    Pair(
        name="upper-with-full",
        image="maya-upper-portrait",
        clip="dance",
        must={"pair.framing": WARN},
        may={"pair.room": "arms that rise leave the picture, too"},
    ),
    Pair(
        name="upper-landscape-with-full",
        image="theo-upper",
        clip="step-landscape-15-fps",
        must={"pair.framing": WARN},
        may={"pair.room": "arms that rise leave the picture, too"},
    ),
    Pair(
        name="full-with-upper",
        image="maya-full-landscape",
        clip="talk",
        must={"pair.framing": WARN},
    ),
    Pair(
        name="full-portrait-with-upper",
        image="theo-full-hall",
        clip="talk-portrait",
        must={"pair.framing": WARN},
    ),
    Pair(
        name="mid-thigh-with-full",
        image="mid-thigh",
        clip="dance",
        must={"pair.framing": WARN},
        may={"pair.room": "arms that rise leave the picture, too"},
    ),
    Pair(name="tight-with-dance", image="tight", clip="dance", must={"pair.room": WARN}),
    Pair(
        name="tight-with-dance-image",
        image="tight",
        clip="dance",
        choice=AS_IMAGE,
        must={"pair.room": WARN},
    ),
    Pair(name="tight-with-still", image="tight", clip="still"),
    Pair(
        name="narrow-with-walk",
        image="maya-full",
        clip="walk",
        must={"pair.room": WARN, "pair.aspect": WARN},
    ),
    Pair(name="close-upper-with-talk", image="close-upper", clip="talk-portrait", must={"pair.room": WARN}),
    Pair(
        name="portrait-with-landscape",
        image="arms-up",
        clip="step-landscape-15-fps",
        must={"pair.aspect": WARN},
    ),
    Pair(
        name="landscape-with-portrait",
        image="maya-full-landscape",
        clip="dance",
        must={"pair.aspect": WARN},
    ),
    Pair(
        name="prompt-is-empty",
        image="arms-up",
        clip="dance",
        choice=TransferOptions(prompt="  \n", keep_sound=False),
        must={"prompt.required": BLOCK},
    ),
    Pair(
        name="prompt-with-half-a-character",
        image="arms-up",
        clip="dance",
        choice=TransferOptions(prompt="half a \ud83d smile", keep_sound=False),
        must={"prompt.characters": BLOCK},
    ),
    Pair(
        name="prompt-of-2500",
        image="arms-up",
        clip="dance",
        choice=TransferOptions(prompt="a" * 2500, keep_sound=False),
    ),
    Pair(
        name="prompt-of-2501",
        image="arms-up",
        clip="dance",
        choice=TransferOptions(prompt="a" * 2501, keep_sound=False),
        must={"prompt.length": BLOCK},
    ),
]
