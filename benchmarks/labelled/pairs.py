"""The labelled pairs: a picture and a clip of the set, and what is chosen besides."""

from benchmarks.labelled.case import BLOCK, WARN, Pair
from kling_ui.options import Orientation, TransferOptions

AS_IMAGE = TransferOptions(orientation=Orientation.IMAGE, keep_sound=False)

PAIRS: list[Pair] = [
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

FULL_IMAGES, UPPER_IMAGES = ("roomy", "arms-out", "theo-full-hall"), ("theo-upper", "upper-body-compressed")
ARMS = {"pair.room": "arms that rise leave the picture, too"}
SHAPES = {"pair.aspect": "it depends on what is cropped"}


def _prompts(kind: str, prompts: tuple[str, ...], rule: str = "") -> list[Pair]:
    must = {rule: BLOCK} if rule else {}
    return [
        Pair(
            name=f"{kind}-{number}",
            image="arms-up",
            clip="dance",
            choice=TransferOptions(prompt=prompt, keep_sound=False),
            must=must,
        )
        for number, prompt in enumerate(prompts)
    ]


PAIRS += [
    *_prompts("prompt-of-blanks", ("", " ", "\n", "\t\t", "   ", "\u00a0", "\u2003 "), "prompt.required"),
    *_prompts("prompt-of-little", ("a", ".", " a ", "\nx", "é", "舞", "0", "🕺")),
    *_prompts(
        "prompt-with-halves",
        ("\ud800", "a\udc00", "\udfff b", "x \ud83d", "\udd7a dance", "a\ud801b", "dance \udbff"),
        "prompt.characters",
    ),
    *_prompts(
        "prompt-with-odd-letters",
        ("🕺🏽", "👩‍🚀 dances", "日本語", "Ελλάδα", "e\u0301", "שלום", "tab\tand\nline", "½ “x”"),
    ),
    *_prompts(
        "prompt-too-long", tuple("b" * count for count in (2502, 2510, 2550, 2600, 3000, 5000, 10_000)), "prompt.length"
    ),
    *_prompts("prompt-long", tuple("b" * count for count in (2000, 2300, 2400, 2450, 2490, 2498, 2499))),
    *(
        Pair(name=f"{image}-with-{clip}", image=image, clip=clip, must={"pair.framing": WARN}, may=ARMS | SHAPES)
        for image, clip in (("theo-upper", "dance-square"), ("upper-body-compressed", "dance"), ("roomy", "talk"))
    ),
    *(
        Pair(name=f"{image}-with-{clip}", image=image, clip=clip, may=ARMS)
        for image, clip in (
            ("roomy", "step-landscape-15-fps"),
            ("arms-out", "dance-square"),
            ("leaning-25-noise", "dance-square"),
            ("theo-upper", "talk-24-fps"),
            ("upper-body-compressed", "talk"),
            ("dancer-upper-square", "talk-24-fps"),
            ("covers-enough-0", "lively"),
            ("covers-enough-1", "dance-square"),
        )
    ),
    *(
        Pair(name=f"{image}-beside-{clip}", image=image, clip=clip, must={"pair.aspect": WARN}, may=ARMS)
        for image, clip in (
            ("arms-up", "logo"),
            ("arms-up-in-grain", "step-bright"),
            ("maya-full-landscape", "lively"),
            ("poster-landscape", "dance-large"),
            ("theo-full-hall", "brisk-walk"),
        )
    ),
    *(
        Pair(name=f"{image}-beside-{clip}", image=image, clip=clip, may=ARMS)
        for image, clip in (
            ("roomy", "lively"),
            ("arms-out", "step-bright"),
            ("arms-up", "lively"),
            ("arms-up-in-grain", "dance-large"),
            ("poster-landscape", "logo"),
            ("maya-full-landscape", "step-bright"),
            ("roomy", "dance-square"),
        )
    ),
    *(
        Pair(name=f"{image}-has-no-room-for-{clip}", image=image, clip=clip, must={"pair.room": WARN}, may=SHAPES)
        for image, clip in (
            ("tight", "lively"),
            ("tight", "dance-square"),
            ("tight", "step-landscape-15-fps"),
            ("tight", "lively-close"),
        )
    ),
    *(
        Pair(name=f"{image}-has-room-for-{clip}", image=image, clip=clip, may=SHAPES)
        for image, clip in (
            ("covers-8", "dance"),
            ("covers-6", "lively"),
            ("covers-enough-2", "dance-square"),
            ("covers-enough-4", "lively"),
            ("covers-enough-5", "step-landscape-15-fps"),
            ("roomy", "dance"),
            ("tight", "still-square"),
        )
    ),
]
