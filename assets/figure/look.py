"""What makes a character: build, face, hair and clothes."""

from dataclasses import dataclass, field
from enum import StrEnum

from figure.skeleton import Build

Colour = tuple[int, int, int]


class Hair(StrEnum):
    """How the hair is worn."""

    BOB = "bob"
    SHORT = "short"
    KNOT = "knot"


class Top(StrEnum):
    """What is worn above."""

    JACKET = "jacket"
    HOODIE = "hoodie"
    TEE = "tee"


@dataclass(frozen=True, slots=True)
class Look:
    """A character. Colours are RGB, 0-255.

    Attributes:
        name: Short and unique.
        build: Proportions.
        skin: Of the lit face.
        lips: Of the lips.
        eyes: Of the iris.
        hair: Of hair and brows.
        hair_style: How it is worn.
        soft: How soft the face is, 0-1: lashes, fuller lips and a rounder jaw against brows, stubble and a wide jaw.
        top: Main colour above.
        top_style: What is worn above.
        accent: Shirt under a jacket, strings of a hoodie, stripe of a tee.
        sleeve_share: Share of the arm that the sleeves cover.
        trousers: Main colour below.
        trouser_share: Share of the leg that the trousers cover.
        loose: How far the trousers stand off below the knee, in statures.
        shoes: Of the shoes.
        soles: Of the soles.
    """

    name: str
    build: Build = field(default_factory=Build)
    skin: Colour = (238, 192, 164)
    lips: Colour = (206, 106, 102)
    eyes: Colour = (92, 122, 116)
    hair: Colour = (92, 58, 40)
    hair_style: Hair = Hair.SHORT
    soft: float = 0.5
    top: Colour = (240, 170, 60)
    top_style: Top = Top.TEE
    accent: Colour = (244, 244, 240)
    sleeve_share: float = 0.98
    trousers: Colour = (70, 84, 120)
    trouser_share: float = 0.93
    loose: float = 0.004
    shoes: Colour = (245, 245, 245)
    soles: Colour = (250, 250, 248)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """A colour between two: 0 is the first."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue
