"""Which orientation is advised; the letters are explained in ``conftest.py``."""

import json

import pytest

from kling_ui.checks.usability import advise_orientation, forecast, turned_share
from kling_ui.presentation.findings import advice_json, advice_reasons
from kling_ui.vision.camera import CameraStep

PAN = tuple(CameraStep(n * 0.25, n * 0.25 + 0.25, shift_x=0.05) for n in range(32))


@pytest.mark.parametrize(
    ("given", "orientation", "is_clear", "because"),
    [
        (("F" * 40, 8.0, ()), "video", False, "both work"),
        (("F" * 40, 12.0, ()), "video", True, "lasts 12.0 s; orientation “image” takes at most 10 s"),
        (("F" * 40, 10.0, ()), "video", False, "both work"),
        (("F" * 20 + "B" * 20, 8.0, ()), "video", True, "turned away for 50 %"),
        (("F" * 20 + "S" * 20, 8.0, PAN), "video", True, "turned away for 50 %"),
        (("F" * 40, 8.0, PAN), "image", False, "camera moves for 8.0 s"),
        (("F" * 38 + "S" * 2, 8.0, ()), "video", False, "both work"),
    ],
    ids=[
        "either will do",
        "too long",
        "just short enough",
        "seen from behind",
        "turned counts more than the camera",
        "the camera moves",
        "a short turn",
    ],
)
def test_the_orientation_that_suits(watch, given, orientation, is_clear, because):
    letters, duration_s, camera = given
    analysis = watch(letters, duration_s=duration_s, camera=camera)
    advice = advise_orientation(analysis, forecast(analysis))
    assert (advice.orientation, advice.is_clear) == (orientation, is_clear)
    assert because in advice_reasons(advice)[0]


def test_a_long_clip_with_turns_has_two_reasons(watch):
    analysis = watch("F" * 20 + "B" * 20, duration_s=20.0)
    assert len(advise_orientation(analysis, forecast(analysis)).reasons) == 2


@pytest.mark.parametrize(("letters", "share"), [("F" * 9, 0), ("S" * 9, 1), ("L" * 9, 0), ("." * 9, 0), ("", 0)])
def test_only_upright_bodies_are_turned(watch, letters, share):
    assert turned_share(watch(letters)) == share


def test_advice_in_json(watch):
    analysis = watch("F" * 40)
    plain = json.loads(json.dumps(advice_json(advise_orientation(analysis, forecast(analysis)))))
    assert plain["orientation"] == "video"
    assert plain["is_clear"] is False
    assert len(plain["reasons"]) == 1
