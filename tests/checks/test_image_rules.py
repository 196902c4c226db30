from dataclasses import replace
from pathlib import Path

import pytest

from kling_ui.checks.preflight import check_image
from kling_ui.checks.report import Severity
from kling_ui.media.image import ImageFacts
from kling_ui.presentation.findings import message, source_words
from kling_ui.vision.analysis import ImageAnalysis, PersonFacts
from kling_ui.vision.pose import Landmark

MB = 1_000_000
FACTS = ImageFacts(
    path=Path("character.png"),
    format="png",
    size_bytes=2 * MB,
    width_px=1000,
    height_px=1500,
    exif_orientation=1,
    mode="RGB",
    has_alpha=False,
    frame_count=1,
)
BODY = tuple((0.5, 0.5, 0.0, 1.0) for _ in range(33))
PERSON = PersonFacts(landmarks=BODY, subject_share=0.3, box=(0.2, 0.1, 0.8, 0.9), confidence=0.5, mask_agreement=1.0)
LOOK = ImageAnalysis(sha256="0" * 64, facts=FACTS, person=PERSON, clear_share=0.0, overlay=Path("overlay.jpg"))
BLOCK, WARN, HINT = Severity.BLOCK, Severity.WARN, Severity.HINT


def moved(joint: Landmark, x: float, visibility: float = 1.0) -> dict[int, tuple[float, float, float, float]]:
    return {joint: (x, 0.5, 0.0, visibility)}


def person(joints: dict[int, tuple[float, float, float, float]] | None = None, **fields: object) -> PersonFacts:
    landmarks = tuple((joints or {}).get(n, BODY[n]) for n in range(33))
    return replace(PERSON, landmarks=landmarks, **fields)


def test_a_good_picture_has_no_findings():
    assert check_image(LOOK).findings == ()


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"format": "jpeg"}, []),
        ({"format": "webp"}, [("image.format", BLOCK)]),
        ({"format": "gif", "frame_count": 9}, [("image.format", BLOCK)]),
        ({"format": "heif"}, [("image.format", BLOCK)]),
        ({"frame_count": 2}, [("image.format", WARN)]),
        ({"mode": "CMYK", "format": "jpeg"}, [("image.format", WARN)]),
        ({"mode": "I;16"}, [("image.format", WARN)]),
        ({"mode": "RGBA", "has_alpha": True}, []),
        ({"exif_orientation": 6}, [("image.format", HINT)]),
        ({"profile": "Display P3"}, [("image.profile", HINT)]),
        ({"size_bytes": 10 * MB}, []),
        ({"size_bytes": 10 * MB + 1}, [("image.size", WARN)]),
        ({"size_bytes": 50 * MB}, [("image.size", WARN)]),
        ({"size_bytes": 50 * MB + 1}, [("image.size", BLOCK)]),
        ({"width_px": 340, "height_px": 340}, []),
        ({"width_px": 339, "height_px": 600}, [("image.side", WARN)]),
        ({"width_px": 600, "height_px": 300}, [("image.side", WARN)]),
        ({"width_px": 600, "height_px": 299}, [("image.side", BLOCK)]),
        ({"width_px": 2500, "height_px": 1000}, []),
        ({"width_px": 2501, "height_px": 1000}, [("image.aspect", BLOCK)]),
        ({"width_px": 1000, "height_px": 2500}, []),
        ({"width_px": 1000, "height_px": 2501}, [("image.aspect", BLOCK)]),
        ({"width_px": 4096, "height_px": 4096}, []),
        ({"width_px": 4097, "height_px": 4096}, [("image.large", WARN)]),
        ({"width_px": 65_536, "height_px": 65_536}, [("image.large", WARN)]),
        ({"width_px": 65_537, "height_px": 65_536}, [("image.side", BLOCK), ("image.large", WARN)]),
    ],
)
def test_rules_about_the_file(facts, expected):
    found = check_image(replace(FACTS, **facts)).findings
    assert [(finding.rule, finding.severity) for finding in found] == expected


@pytest.mark.parametrize(
    ("analysis", "expected"),
    [
        ({"person": None}, [("image.character", WARN)]),
        ({"person": person(confidence=0.15)}, []),
        ({"person": person(subject_share=0.0501)}, []),
        ({"person": person(subject_share=0.05)}, [("image.coverage", BLOCK)]),
        ({"person": person(subject_share=0.05, mask_agreement=0.5)}, [("image.coverage", BLOCK)]),
        ({"person": person(subject_share=0.05, mask_agreement=0.49)}, [("image.coverage", WARN)]),
        ({"person": person(moved(Landmark.LEFT_SHOULDER, 0.5, 0.2))}, [("image.body", WARN)]),
        ({"person": person(dict.fromkeys(range(11), (0.5, -0.1, 0, 1)))}, [("image.body", WARN)]),
        ({"person": person(moved(Landmark.LEFT_WRIST, 1.0))}, []),
        ({"person": person(moved(Landmark.LEFT_WRIST, 1.01, 0.1))}, [("image.body", WARN)]),
        ({"person": person(moved(Landmark.RIGHT_ANKLE, -0.01))}, [("image.body", WARN)]),
        ({"clear_share": 0.0049}, []),
        ({"clear_share": 0.005}, [("image.format", WARN)]),
    ],
)
def test_rules_about_what_is_seen(analysis, expected):
    found = check_image(replace(LOOK, **analysis)).findings
    assert [(finding.rule, finding.severity) for finding in found] == expected


def test_legs_outside_from_the_knees_on_are_a_half_body_not_a_cut():
    legs = dict.fromkeys(range(Landmark.LEFT_KNEE, Landmark.RIGHT_FOOT_INDEX + 1), (0.5, 1.2, 0.0, 0.1))
    assert check_image(replace(LOOK, person=person(legs))).findings == ()


def test_only_coverage_may_be_overridden():
    coverage = check_image(replace(LOOK, person=person(subject_share=0.02))).findings
    assert [finding.override for finding in coverage] == [True]
    hard = check_image(replace(FACTS, format="webp", size_bytes=51 * MB, width_px=200)).findings
    assert len(hard) == 4
    assert not any(finding.override for finding in hard)


def test_messages_carry_what_was_measured():
    (finding,) = check_image(replace(LOOK, person=person(subject_share=0.0213))).findings
    assert message(finding) == "The character covers 2.1 % of the image; more than 5 % is needed."
    assert finding.measured == 0.0213
    assert source_words(finding) == "RunComfy's page for this model"
    cut = person(moved(Landmark.LEFT_WRIST, 1.2) | moved(Landmark.RIGHT_ANKLE, 1.2))
    (finding,) = check_image(replace(LOOK, person=cut)).findings
    assert "left forearm and right lower leg" in message(finding)


def test_facts_are_shown_without_the_place_of_the_file():
    facts = check_image(replace(LOOK, facts=replace(FACTS, path=Path("/secret/place/a.png")))).facts
    assert facts is not None
    assert facts["file"] == "a.png"
    assert (facts["subject_share"], facts["framing"]) == (0.3, "full body")
    assert "secret" not in str(facts)
    nobody = check_image(replace(LOOK, person=None)).facts
    assert nobody is not None
    assert (nobody["subject_share"], nobody["framing"]) == (None, "nobody")


@pytest.mark.parametrize(
    ("brightness", "fields", "rules"),
    [
        (0.5, {"confidence": 0.3, "covered": ("head",)}, ["image.occlusion"]),
        (0.05, {"confidence": 0.98}, ["image.dark"]),
        (0.15, {"confidence": 0.98}, []),  # somebody who is well found at night
        (0.15, {"confidence": 0.6}, ["image.dark"]),
        (0.15, {"confidence": 0.98, "covered": ("head",)}, ["image.dark"]),  # and not "hides the head"
    ],
)
def test_in_the_dark_nothing_is_called_hidden(brightness, fields, rules):
    found = check_image(replace(LOOK, person=person(**fields), brightness=brightness)).findings
    assert [finding.rule for finding in found] == rules
    if rules == ["image.dark"]:
        assert f"{brightness * 100:.0f} % of white" in message(found[0])


@pytest.mark.parametrize(
    ("light", "fields", "rules"),
    [
        ({"shade": 0.5}, {"confidence": 0.3, "covered": ("head",)}, ["image.occlusion"]),
        ({"shade": 0.85}, {"confidence": 0.98}, ["image.bright"]),
        ({"shade": 0.7}, {"confidence": 0.98}, []),  # somebody who is well found in a haze
        ({"shade": 0.7}, {"confidence": 0.6}, ["image.bright"]),
        ({"shade": 0.7}, {"confidence": 0.98, "covered": ("head",)}, ["image.bright"]),  # and not "hides the head"
        ({"shade": 0.3, "glare": 0.9}, {"confidence": 0.98}, []),  # a mask, or a drawn face
        ({"shade": 0.3, "glare": 0.9}, {"confidence": 0.6}, ["image.bright"]),
        ({"shade": 0.3, "glare": 0.3}, {"confidence": 0.6}, []),
    ],
)
def test_in_glaring_light_nothing_is_called_hidden(light, fields, rules):
    found = check_image(replace(LOOK, person=person(**fields), **light)).findings
    assert [finding.rule for finding in found] == rules
    if rules == ["image.bright"]:
        assert f"{max(light.values()) * 100:.0f} % of" in message(found[0])


@pytest.mark.parametrize(
    ("light", "is_told"),
    [
        ({"shade": 0.9, "is_veiled": True}, True),
        ({"shade": 0.65, "is_veiled": True}, True),
        ({"shade": 0.75, "glare": 0.95}, True),  # burnt out: whoever was there is lost
        ({"shade": 0.67}, False),  # a pale wall
        ({"shade": 0.93, "glare": 0.05}, False),  # a white one
        ({"shade": 0.55, "glare": 0.7}, False),  # a bright sky
    ],
)
def test_a_picture_in_which_it_is_too_bright_to_find_anybody_says_so_and_a_pale_wall_does_not(light, is_told):
    rules = {finding.rule for finding in check_image(replace(LOOK, person=None, **light)).findings}
    assert rules == {"image.bright", "image.character"} if is_told else {"image.character"}


def test_a_picture_in_which_it_is_too_dark_to_find_anybody_says_so():
    rules = {finding.rule for finding in check_image(replace(LOOK, person=None, brightness=0.06)).findings}
    assert rules == {"image.dark", "image.character"}


@pytest.mark.parametrize(("turns", "how"), [(1, "on its side"), (2, "upside down"), (3, "on its side")])
def test_a_picture_that_was_stored_turned_says_how(turns, how):
    (finding,) = check_image(replace(LOOK, person=person(tilt_deg=180.0, turns=turns))).findings
    assert (finding.rule, finding.severity) == ("image.posture", WARN)
    assert message(finding) == f"The picture was stored {how}, so the character is not upright."
