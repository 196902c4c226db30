"""The characters: two to choose from, and a dancer in plain grey for the clips."""

from figure.look import Hair, Look, Top
from figure.skeleton import Build

MAYA = Look(
    "maya",
    Build(1.68, 0.094, 0.053, 0.93, hips=1.03, waist=0.90, chest=0.97, neck=0.86, bust=0.013),
    skin=(242, 196, 168),
    lips=(208, 92, 96),
    eyes=(104, 128, 96),
    hair=(112, 62, 40),
    hair_style=Hair.BOB,
    soft=1.0,
    top=(248, 176, 48),
    top_style=Top.JACKET,
    accent=(246, 244, 238),
    trousers=(64, 86, 128),
    trouser_share=0.88,
    loose=0.005,
    shoes=(248, 246, 242),
)
THEO = Look(
    "theo",
    Build(1.80, 0.110, 0.052, 1.04, waist=1.04, chest=1.03, neck=1.10),
    skin=(214, 158, 124),
    lips=(184, 104, 92),
    eyes=(84, 62, 46),
    hair=(54, 40, 34),
    hair_style=Hair.SHORT,
    soft=0.1,
    top=(52, 132, 124),
    top_style=Top.HOODIE,
    accent=(236, 232, 220),
    trousers=(78, 80, 92),
    loose=0.009,
    shoes=(228, 92, 70),
)
DANCER = Look(
    "dancer",
    Build(1.74, 0.102, 0.052, 0.97, waist=0.97, neck=0.97),
    skin=(226, 174, 142),
    lips=(190, 104, 98),
    eyes=(90, 76, 62),
    hair=(66, 54, 52),
    hair_style=Hair.KNOT,
    soft=0.6,
    top=(166, 174, 186),
    top_style=Top.TEE,
    accent=(206, 212, 220),
    sleeve_share=0.42,
    trousers=(84, 92, 106),
    loose=0.002,
    shoes=(236, 238, 240),
)
