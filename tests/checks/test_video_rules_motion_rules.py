"""What happens over time, told from a look; the letters are explained in ``conftest.py``."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kling_ui.checks.preflight import check_video
from kling_ui.checks.report import Finding, Severity
from kling_ui.options import TransferOptions
from kling_ui.presentation.findings import advice, message
from kling_ui.vision.analysis import VideoAnalysis
from kling_ui.vision.camera import CameraStep
from kling_ui.vision.motion_speed import MotionSpeed
from kling_ui.vision.shots import Cut, CutKind

WARN, BLOCK = Severity.WARN, Severity.BLOCK


def findings(analysis: VideoAnalysis) -> dict[str, Finding]:
    return {finding.rule: finding for finding in check_video(analysis, TransferOptions()).findings}


def cut(at_s: float) -> Cut:
    return Cut(CutKind.HARD, at_s - 1 / 24, at_s)


def steps(shift: float, *, until_s: float = 8.0, start_s: float = 0.0) -> tuple[CameraStep, ...]:
    times_s = np.arange(0, until_s - 1e-6, 0.25)
    return tuple(CameraStep(t, t + 0.25, shift_x=shift if t >= start_s else 0.0) for t in times_s.tolist())


def motion_speed(*speeds: float, every_s: float = 0.25) -> MotionSpeed:
    return MotionSpeed(tuple((n + 0.5) * every_s for n in range(len(speeds))), speeds)


@pytest.mark.parametrize(
    ("at_s", "severity"),
    [((4.0,), WARN), ((2.9, 5.8), BLOCK), ((2.5, 5.5), WARN), ((0.2,), None), ((0.6,), WARN)],
    ids=["half is left", "three short shots", "the middle is just enough", "a blink is lost", "more than a blink"],
)
def test_what_is_usable_after_cuts(watch, at_s, severity):
    finding = findings(watch("F" * 40, cuts=tuple(cut(time_s) for time_s in at_s))).get("video.usable")
    assert (finding and finding.severity) == severity


def test_a_clip_of_nothing_usable_is_blocked_and_a_person_may_go_on(watch):
    found = findings(watch("FF....FF....FF....", duration_s=9))["video.usable"]
    assert (found.severity, found.override) == (BLOCK, True)
    assert message(found) == (
        "The clip's longest usable part lasts 0.6 s; at least 3 s are needed (lost to moments without a person)."
    )


def test_what_may_pass_never_blocks(watch):
    analysis = watch("F" * 40, camera=steps(0.05), motion_speed=motion_speed(*[3.0] * 32))
    found = findings(analysis)["video.usable"]
    assert found.severity == WARN
    assert message(found) == "The clip may not come back whole: no part of its 8.0 s is sure to (camera movement)."


def test_trimming_is_advised_only_where_a_part_can_be_kept(watch):
    nowhere = findings(watch("F" * 40, camera=steps(0.05))), findings(watch("F" * 40, cuts=(cut(2.5), cut(5.5))))
    somewhere = findings(watch("F" * 40, camera=steps(0.05, start_s=4.0))), findings(watch("F" * 40, cuts=(cut(5.0),)))
    for found in nowhere[0], somewhere[0]:
        assert {"video.usable", "video.camera"} <= set(found)
    assert not any("rim it" in advice(finding) for finding in nowhere[0].values())
    assert "or trim it to such a part" in advice(somewhere[0]["video.camera"])
    assert advice(somewhere[1]["video.cuts"]) == "Trim it to one shot."
    assert advice(somewhere[1]["video.usable"]).startswith("Trim it to its longest usable part, or choose another clip")


def test_what_is_likely_to_come_back_is_said_and_shown(watch):
    found = findings(watch("F" * 40, cuts=(cut(5.0),)))["video.usable"]
    assert found.measured == 5
    assert message(found) == "The clip is likely to come back only in part: about 5.0 of its 8.0 s (cuts)."
    assert found.evidence is not None
    assert found.evidence.spans == (pytest.approx((0.0, 5.0)),)


def test_a_clip_that_is_too_short_anyway_is_not_told_twice(watch):
    assert set(findings(watch("F" * 12, duration_s=2.0, cuts=(cut(1.0),)))) == {"video.duration", "video.cuts"}


@pytest.mark.parametrize(
    ("at_s", "words"),
    [
        ((2.0,), "The clip has a cut (at 2.0 s); the model follows one shot only."),
        ((2.0, 3.0), "The clip has 2 cuts (at 2.0 s, 3.0 s); the model follows one shot only."),
        ((2, 3, 4, 5), "The clip has 4 cuts (at 2.0 s, 3.0 s, 4.0 s and later); the model follows one shot only."),
    ],
)
def test_cuts_are_counted_and_named(watch, at_s, words):
    analysis = replace(watch("F" * 40, cuts=tuple(cut(time_s) for time_s in at_s)), evidence={"cuts": Path("cuts.jpg")})
    found = findings(analysis)["video.cuts"]
    assert (found.severity, found.measured, message(found)) == (WARN, len(at_s), words)
    assert found.evidence is not None
    assert found.evidence.picture == Path("cuts.jpg")
    assert [span[0] for span in found.evidence.spans] == pytest.approx(at_s)


@pytest.mark.parametrize(
    ("camera", "verb"),
    [
        (steps(0.05, start_s=4), "moves"),
        (tuple(replace(step, shift_x=(-1) ** n * 0.03) for n, step in enumerate(steps(0))), "shakes"),
        (tuple(replace(step, zoom=0.03) for step in steps(0)), "zooms"),
    ],
)
def test_what_the_camera_does_is_named_and_drawn(watch, camera, verb):
    found = findings(watch("F" * 40, camera=camera))["video.camera"]
    assert found.severity == WARN
    assert f"The camera {verb} for " in message(found)
    assert found.evidence is not None
    assert found.evidence.curve is not None
    assert len(found.evidence.curve.times_s) == len(found.evidence.curve.values) == len(camera)


def test_a_camera_that_stands_still_is_not_worth_a_word(watch):
    assert "video.camera" not in findings(watch("F" * 40, camera=steps(0.001)))


@pytest.mark.parametrize(
    ("letters", "share"),
    [("O" * 30, 1.0), ("F" * 15 + "O" * 15, 0.5), ("F" * 24 + "O" * 6, 0.2), ("F" * 24 + "O" + "F" * 5, None)],
)
def test_several_people(watch, letters, share):
    found = findings(watch(letters)).get("video.people")
    assert (found and found.measured) == (share and pytest.approx(share, abs=0.02))
    if found:
        assert found.severity == WARN
        assert found.evidence is not None
        assert found.evidence.boxes == ((0.7, 0.1, 0.9, 0.9),)
        assert len(found.evidence.spans) == 2
        assert isinstance(found.measured, float)
        assert f"somebody on the right for {found.measured * 100:.0f} %" in message(found)


@pytest.mark.parametrize(
    ("speeds", "measured"),
    [([2.6] * 32, None), ([1.0] * 16 + [3.5] * 16, 3.5), ([1.0] * 15 + [12.0] + [1.0] * 16, 3.75)],
)
def test_how_fast_is_too_fast(watch, speeds, measured):
    found = findings(watch("F" * 40, motion_speed=motion_speed(*speeds))).get("video.speed")
    assert (found and found.measured) == measured
    if found:
        assert found.evidence is not None
        assert found.evidence.curve is not None
        assert max(found.evidence.curve.values) == measured
        assert found.evidence.curve.limit < measured


@pytest.mark.parametrize(
    ("letters", "blurred"), [("X" * 20, 1.0), ("F" * 10 + "X" * 10, 0.5), ("F" * 16 + "X" * 4, None)]
)
def test_blur(watch, letters, blurred):
    found = findings(watch(letters)).get("video.speed")
    assert (found and found.measured) == (blurred and pytest.approx(blurred, abs=0.01))


@pytest.mark.parametrize(
    ("speeds", "is_still"),
    [([0.003] * 32, True), ([0.011] * 32, True), ([0.01] * 16 + [0.6] * 8 + [0.01] * 8, False), ([0.4] * 32, False)],
    ids=["a photograph", "a noisy one", "moves for two seconds", "talks"],
)
def test_a_clip_in_which_nobody_moves_is_named(watch, speeds, is_still):
    found = findings(watch("F" * 40, motion_speed=motion_speed(*speeds)))
    assert ("video.still" in found) is is_still
    if is_still:
        assert message(found["video.still"]) == "The person in the clip does not move, so there is nothing to transfer."


def test_nobody_is_not_called_still(watch):
    assert "video.still" not in findings(watch("." * 40, motion_speed=motion_speed(*[0.0] * 32)))


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_clip_that_was_stored_turned_is_judged_as_if_it_were_upright(watch, turns):
    upright = watch("F" * 24)
    stored = replace(upright.turned(-turns), notes=replace(upright.notes, turns=turns))
    (finding,) = check_video(stored, TransferOptions(keep_sound=False)).findings
    assert (finding.rule, finding.severity) == ("video.person", WARN)
    assert f"stored {'upside down' if turns == 2 else 'on its side'}" in message(finding)
    assert stored.upright.facts == upright.facts
    assert np.allclose(stored.upright.track.landmarks, upright.track.landmarks, atol=1e-5)
    assert np.allclose(stored.upright.track.world_m, upright.track.world_m, atol=1e-5)


@pytest.mark.parametrize(
    ("letters", "brightness", "rules"),
    [
        ("F" * 24, 0.05, {"video.dark"}),
        ("F" * 24, 0.15, set()),  # the detector's score is 0.9: well found at night
        ("C" * 24, 0.15, {"video.dark"}),
        ("C" * 24, 0.6, {"video.person", "video.usable", "video.first_frame"}),
    ],
)
def test_in_the_dark_nobody_is_called_hidden(watch, letters, brightness, rules):
    seen = watch(letters)
    moments = tuple(replace(moment, brightness=brightness) for moment in seen.notes.moments)
    found = findings(replace(seen, notes=replace(seen.notes, moments=moments)))
    assert set(found) == rules
    if "video.dark" in rules:
        assert f"{brightness * 100:.0f} % of white" in message(found["video.dark"])


@pytest.mark.parametrize(
    ("letters", "light", "rules"),
    [
        ("F" * 24, {"shade": 0.9}, {"video.bright"}),
        ("F" * 24, {"shade": 0.7}, set()),  # the detector's score is 0.9: well found in a haze
        ("C" * 24, {"shade": 0.7}, {"video.bright"}),
        ("C" * 24, {"glare": 0.8}, {"video.bright"}),
        ("C" * 24, {"shade": 0.5, "glare": 0.4}, {"video.person", "video.usable", "video.first_frame"}),
    ],
)
def test_in_glaring_light_nobody_is_called_hidden(watch, letters, light, rules):
    seen = watch(letters)
    moments = tuple(replace(moment, **light) for moment in seen.notes.moments)
    found = findings(replace(seen, notes=replace(seen.notes, moments=moments)))
    assert set(found) == rules
    if "video.bright" in rules:
        assert f"{max(light.values()) * 100:.0f} % of" in message(found["video.bright"])


@pytest.mark.parametrize(("light", "is_told"), [({"is_veiled": True}, True), ({"glare": 0.9}, True), ({}, False)])
def test_a_pale_wall_without_anybody_is_not_too_bright(watch, light, is_told):
    seen = watch("F" * 8 + "." * 16)
    moments = [
        replace(moment, shade=0.85, **light) if not moment.confidence else moment for moment in seen.notes.moments
    ]
    assert sum(not moment.confidence for moment in moments) == 16
    found = findings(replace(seen, notes=replace(seen.notes, moments=tuple(moments))))
    assert ("video.bright" in found) is is_told


def test_a_flash_is_not_a_clip_that_is_too_bright(watch):
    seen = watch("F" * 24)
    moments = [replace(moment, shade=0.95 if place < 5 else 0.1) for place, moment in enumerate(seen.notes.moments)]
    assert "video.bright" not in findings(replace(seen, notes=replace(seen.notes, moments=tuple(moments))))


def test_a_lamp_that_goes_out_for_a_moment_is_not_a_dark_clip(watch):
    seen = watch("F" * 24)
    moments = [
        replace(moment, brightness=0.05 if place < 5 else 0.8) for place, moment in enumerate(seen.notes.moments)
    ]
    assert "video.dark" not in findings(replace(seen, notes=replace(seen.notes, moments=tuple(moments))))
