from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kling_ui.checks.image_repairs import compose_image, image_repairs
from kling_ui.checks.repair_kinds import RepairKind
from kling_ui.media.image import ImageFacts
from kling_ui.media.rectangles import Margins, Rect
from kling_ui.presentation.findings import repair_label
from kling_ui.vision.analysis import ImageAnalysis, PersonFacts

FACTS = ImageFacts(Path("me.png"), "png", 1_000_000, 1000, 1500, 1, "RGB", False, 1)
PERSON = PersonFacts(((0.5, 0.2, 0.0, 1.0), (0.5, 0.8, 0.0, 1.0)), 0.3, (0.3, 0.1, 0.7, 0.9), 0.5, 0.95)
SMALL = replace(PERSON, landmarks=((0.5, 0.5, 0.0, 1.0),), subject_share=0.01, box=(0.47, 0.4, 0.53, 0.6))


def analysis(facts: ImageFacts = FACTS, person: PersonFacts | None = PERSON, clear_share: float = 0.0) -> ImageAnalysis:
    return ImageAnalysis("0" * 64, facts, person, clear_share, None)


def whole(person: PersonFacts) -> PersonFacts:
    """The same with all landmarks, in one place each."""
    return replace(person, landmarks=(person.landmarks * 33)[:33])


def offered(image: ImageFacts | ImageAnalysis, *rules: str) -> list[tuple[RepairKind, str, bool]]:
    return [(repair.kind, repair_label(repair), repair.in_all) for repair in image_repairs(image, rules)]


@pytest.mark.parametrize(
    ("facts", "label"),
    [
        (replace(FACTS, format="bmp"), "Convert to PNG"),
        (replace(FACTS, format="gif"), "Convert to PNG"),
        (replace(FACTS, format="heif"), "Convert to JPEG"),
        (replace(FACTS, format="webp"), "Convert to JPEG"),
        (replace(FACTS, frame_count=3), "Convert to PNG"),
        (replace(FACTS, mode="I;16"), "Convert to PNG"),
        (replace(FACTS, format="jpeg", mode="CMYK"), "Convert to JPEG"),
        (replace(FACTS, format="jpeg", exif_orientation=6), "Save upright"),
    ],
)
def test_conversion_is_named_by_what_it_does(facts, label):
    assert offered(facts, "image.format") == [(RepairKind.IMAGE_CONVERT, label, True)]


def test_transparency_is_laid_on_white():
    image = analysis(replace(FACTS, has_alpha=True, mode="RGBA"), clear_share=0.4)
    assert offered(image, "image.format") == [(RepairKind.IMAGE_CONVERT, "Put on a white background", True)]
    assert compose_image([RepairKind.IMAGE_CONVERT], image, background_rgb=(1, 2, 3)).background_rgb == (1, 2, 3)


def test_nothing_is_offered_for_what_no_repair_settles():
    assert offered(analysis(person=None), "image.character", "image.body", "image.coverage") == []
    assert offered(analysis()) == []


@pytest.mark.parametrize(
    ("size", "label", "result"),
    [
        ((5000, 3000), "Scale down to 4096 x 2458 px", (4096, 2458)),
        ((200, 300), "Enlarge to 340 x 510 px", (340, 510)),
        ((320, 800), "Enlarge to 340 x 850 px", (340, 850)),
        ((10_000, 100), "Fit into 4096 x 1639 px", (4096, 1639)),
    ],
)
def test_resizing(size, label, result):
    facts = replace(FACTS, width_px=size[0], height_px=size[1])
    assert offered(facts, "image.side") == [(RepairKind.IMAGE_RESIZE, label, True)]
    transform = compose_image([RepairKind.IMAGE_RESIZE], facts)
    assert transform.margins.around(transform.size or size) == result
    assert transform.crop is None


@pytest.mark.parametrize(
    ("image", "first"),
    [
        (analysis(replace(FACTS, width_px=3000, height_px=600)), RepairKind.IMAGE_CROP_TO_ASPECT),
        (
            analysis(replace(FACTS, width_px=3000, height_px=600), replace(PERSON, box=(0.0, 0.0, 0.9, 1.0))),
            RepairKind.IMAGE_PAD_TO_ASPECT,
        ),
        (analysis(replace(FACTS, width_px=3000, height_px=600), None), RepairKind.IMAGE_PAD_TO_ASPECT),
        (replace(FACTS, width_px=3000, height_px=600), RepairKind.IMAGE_PAD_TO_ASPECT),
    ],
    ids=["the character stays whole", "it would be cut", "nobody was found", "nobody has looked yet"],
)
def test_a_crop_is_preferred_only_when_it_loses_nothing_of_the_character(image, first):
    repairs = list(image_repairs(image, ["image.aspect"]))
    assert repairs[0].kind == first
    assert [repair.in_all for repair in repairs] == [True, False]


def test_a_doubtful_outline_is_no_reason_to_crop_unasked():
    doubtful = analysis(person=replace(SMALL, mask_agreement=0.2))
    assert [repair.in_all for repair in image_repairs(doubtful, ["image.coverage"])] == [False]
    assert [repair.in_all for repair in image_repairs(analysis(person=SMALL), ["image.coverage"])] == [True]


def test_repairs_of_one_picture_become_one_pass():
    image = analysis(replace(FACTS, format="webp", width_px=9000, height_px=2000), SMALL)
    kinds = [RepairKind.IMAGE_CROP_AROUND, RepairKind.IMAGE_PAD_TO_ASPECT, RepairKind.IMAGE_RESIZE]
    transform = compose_image(kinds, image)
    assert transform.format == "jpeg"
    assert transform.crop is not None
    assert Rect.whole((9000, 2000)).holds(transform.crop)
    assert transform.margins == Margins()  # the crop has a legal shape already
    assert transform.max_bytes == 10_000_000


def test_a_crop_never_makes_a_picture_too_small():
    transform = compose_image([RepairKind.IMAGE_CROP_TO_ASPECT], replace(FACTS, width_px=2000, height_px=310))
    assert transform.crop is not None
    assert transform.crop.size == (775, 310)
    assert transform.size == (850, 340)


@pytest.mark.parametrize(
    ("shoulders", "hips", "turns"),
    [
        ((0.5, 0.3), (0.5, 0.6), 0),
        ((0.5, 0.7), (0.5, 0.4), 2),
        ((0.3, 0.5), (0.6, 0.5), 3),
        ((0.7, 0.5), (0.4, 0.5), 1),
    ],
    ids=["upright", "upside down", "head to the left", "head to the right"],
)
def test_a_picture_can_be_turned_until_the_head_is_above_the_hips(shoulders, hips, turns):
    landmarks = [(0.5, 0.5, 0.0, 1.0)] * 33
    for joint, place in ((11, shoulders), (12, shoulders), (23, hips), (24, hips)):
        landmarks[joint] = (*place, 0.0, 1.0)
    image = analysis(person=replace(PERSON, landmarks=tuple(landmarks)))
    assert compose_image([RepairKind.IMAGE_TURN], image).turns == turns
    assert [repair.in_all for repair in image_repairs(image, ["image.posture"])] == ([False] if turns else [])


def test_colours_of_another_profile_are_converted():
    facts = replace(FACTS, format="jpeg", profile="Display P3")
    assert offered(facts, "image.profile") == [(RepairKind.IMAGE_CONVERT, "Convert to sRGB", True)]


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_picture_that_was_stored_turned_is_turned_with_repair_all(turns):
    image = analysis(replace(FACTS, format="jpeg"), person=replace(whole(PERSON), turns=turns))
    assert offered(image, "image.posture") == [(RepairKind.IMAGE_TURN, "Turn the picture", True)]
    transform = compose_image([RepairKind.IMAGE_TURN], image)
    assert (transform.turns, transform.format) == (turns, "png")  # nothing else is done, so nothing need be lost


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_what_is_kept_of_a_turned_picture_is_chosen_once_it_is_upright(turns):
    upright = analysis(replace(FACTS, width_px=3000, height_px=1000), person=whole(SMALL))
    stored = upright.turned(-turns)
    assert stored.person is not None
    stored = replace(stored, person=replace(stored.person, turns=turns))
    kinds = [RepairKind.IMAGE_CROP_AROUND, RepairKind.IMAGE_TURN]
    expected, made = compose_image(kinds[:1], upright), compose_image(kinds, stored)
    assert expected.crop is not None
    assert made.crop is not None
    near = made.crop.turned(turns, (stored.facts.width_px, stored.facts.height_px))
    assert np.abs(np.subtract(near, expected.crop)).max() <= 1  # rounding


@pytest.mark.parametrize(("brightness", "gain"), [(0.1, 5.0), (0.05, 8.0), (0.01, None)])
def test_a_dark_picture_is_brightened_unless_nothing_is_in_it(brightness, gain):
    image = replace(analysis(), brightness=brightness)
    assert [kind for kind, *_ in offered(image, "image.dark")] == ([RepairKind.IMAGE_BRIGHTEN] if gain else [])
    assert compose_image([RepairKind.IMAGE_BRIGHTEN], image).gain == (gain or 1.0)
    assert compose_image([RepairKind.IMAGE_CONVERT], image).gain == 1.0


@pytest.mark.parametrize(
    ("shade", "glare", "veil"), [(0.84, 0.0, 0.8), (0.6, 0.5, 0.5), (0.98, 0.0, 0.875), (0.84, 0.9, 0), (0.3, 0.9, 0)]
)
def test_a_veil_is_taken_off_unless_the_face_is_burnt_out(shade, glare, veil):
    image = replace(analysis(), shade=shade, glare=glare)
    assert [kind for kind, *_ in offered(image, "image.bright")] == ([RepairKind.IMAGE_DEEPEN] if veil else [])
    assert compose_image([RepairKind.IMAGE_DEEPEN], image).veil == pytest.approx(veil)
    assert compose_image([RepairKind.IMAGE_CONVERT], image).veil == 0.0
