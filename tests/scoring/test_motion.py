import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from figure import Pose, dance, gesture, mirror, pair
from figure.cast import MAYA, THEO

from kling_ui.options import Orientation
from kling_ui.scoring.limbs import Limb, exchanged_sides, mirrored
from kling_ui.scoring.motion import motion_match
from kling_ui.vision.pose import Landmark, PoseTrack

FPS = 24.0
ARM = [Landmark.LEFT_WRIST, Landmark.LEFT_PINKY, Landmark.LEFT_INDEX, Landmark.LEFT_THUMB]
SHIN = [Landmark.RIGHT_ANKLE, Landmark.RIGHT_HEEL, Landmark.RIGHT_FOOT_INDEX]


def measured(*tracks: PoseTrack, **options: Any) -> Any:
    """What the motion match says; most of it may be ``None``, which the tests find out by using it."""
    return motion_match(*tracks, **options)


def changed(track: PoseTrack, change) -> PoseTrack:
    """The track with its landmarks changed in place by a function of ``(frames, 33, 4)``."""
    landmarks = track.landmarks.copy()
    change(landmarks)
    return replace(track, landmarks=landmarks)


def turned_about(track: PoseTrack, hub: Landmark, moved: list[Landmark], degrees: float, rows=slice(None)) -> PoseTrack:
    """The track with some landmarks turned clockwise about another one, in the picture."""
    turn = np.exp(1j * np.radians(degrees))

    def change(landmarks: np.ndarray) -> None:
        points = landmarks[..., 0] * track.aspect + 1j * landmarks[..., 1]
        points = points[:, [hub]] + (points[:, moved] - points[:, [hub]]) * turn
        for index, landmark in enumerate(moved):
            landmarks[rows, landmark, 0] = points[rows, index].real / track.aspect
            landmarks[rows, landmark, 1] = points[rows, index].imag

    return changed(track, change)


def rows_of(match):
    return {row.limb: row for row in match.limbs}


def without(track: PoseTrack, rows: np.ndarray) -> PoseTrack:
    """The track with nobody found in some frames."""

    def change(landmarks: np.ndarray) -> None:
        landmarks[rows] = np.nan

    return changed(track, change)


def frames_of(track: PoseTrack, kept: np.ndarray) -> PoseTrack:
    return PoseTrack(track.times_s[kept], track.landmarks[kept], track.world_m[kept], track.aspect)


def test_a_track_matches_itself(dance_track):
    match = measured(dance_track, dance_track)
    assert match.score == pytest.approx(100)
    assert match.limb_error_deg == pytest.approx(0)
    assert match.pck_20deg_share == match.pck_shoulder_share == 1
    assert match.akd_shoulder_widths == pytest.approx(0, abs=1e-6)
    assert match.mkr_share == 0
    assert match.lag is not None
    assert match.lag.frames == pytest.approx(0, abs=0.01)
    assert not match.is_mirrored
    assert match.missing == match.left_out == ()
    assert match.compared_s == pytest.approx(6)
    assert match.headline == "Motion match 100 of 100."


@pytest.mark.parametrize(
    ("limb", "hub", "moved", "degrees"),
    [
        (Limb.LEFT_FOREARM, Landmark.LEFT_ELBOW, ARM, 10),
        (Limb.LEFT_FOREARM, Landmark.LEFT_ELBOW, ARM, -25),
        (Limb.RIGHT_SHIN, Landmark.RIGHT_KNEE, SHIN, 40),
        (Limb.HEAD, None, [Landmark.NOSE], 15),
    ],
)
def test_a_turned_limb_is_off_by_what_it_was_turned(dance_track, limb, hub, moved, degrees):
    if hub is None:  # the head turns about the middle of the shoulders

        def change(landmarks: np.ndarray) -> None:
            points = landmarks[..., 0] * dance_track.aspect + 1j * landmarks[..., 1]
            neck = points[:, [Landmark.LEFT_SHOULDER, Landmark.RIGHT_SHOULDER]].mean(axis=1)
            nose = neck + (points[:, Landmark.NOSE] - neck) * np.exp(1j * np.radians(degrees))
            landmarks[:, Landmark.NOSE, 0], landmarks[:, Landmark.NOSE, 1] = nose.real / dance_track.aspect, nose.imag

        result = changed(dance_track, change)
    else:
        result = turned_about(dance_track, hub, moved, degrees)
    match = measured(dance_track, result)
    found = rows_of(match)
    assert found[limb].error_deg == pytest.approx(abs(degrees), abs=0.05)
    assert found[limb].bias_deg == pytest.approx(degrees, abs=0.05)
    others = [row.error_deg for row in match.limbs if row.counted and row.limb != limb]
    assert others == pytest.approx([0.0] * 11, abs=0.05)
    assert match.limb_error_plain_deg == pytest.approx(abs(degrees) / 12, rel=0.2)
    expected = 1.0 if abs(degrees) <= 20 else 11 / 12
    assert match.pck_20deg_share == pytest.approx(expected, abs=0.01)
    assert match.akd_shoulder_widths > 0


def test_the_more_a_limb_is_turned_the_lower_the_score(dance_track):
    turns = (0, 5, 10, 20, 40, 80)
    scores = [
        measured(dance_track, turned_about(dance_track, Landmark.LEFT_ELBOW, ARM, degrees)).score for degrees in turns
    ]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(turns)


def test_one_dead_arm_is_named_instead_of_blaming_the_rest(dance_track):
    stiff = [Landmark.LEFT_ELBOW, Landmark.LEFT_WRIST]

    def hang(landmarks: np.ndarray) -> None:
        shoulder = landmarks[:, Landmark.LEFT_SHOULDER, :2]
        for place, landmark in enumerate(stiff, start=1):
            landmarks[:, landmark, 0] = shoulder[:, 0]
            landmarks[:, landmark, 1] = shoulder[:, 1] + 0.1 * place

    match = measured(dance_track, changed(dance_track, hang))
    assert match.apart == (Limb.LEFT_UPPER_ARM, Limb.LEFT_FOREARM)
    assert "It follows, except the left upper arm and the left forearm." in match.headline
    assert match.to_json()["apart"] == ["left upper arm", "left forearm"]


def test_what_follows_and_what_does_not_follow_at_all_has_no_exceptions(dance_track, true_track):
    assert measured(dance_track, dance_track).apart == ()
    assert measured(dance_track, true_track(lambda _: Pose())).apart == ()


@pytest.mark.parametrize("frames", [-6, -0.4, 1, 7.3, 15])
def test_lag_is_found_to_a_fraction_of_a_frame(dance_track, true_track, frames):
    match = measured(dance_track, true_track(late_s=frames / FPS))
    assert match.lag is not None
    assert match.lag.frames == pytest.approx(frames, abs=0.1)
    assert match.lag.late_s == pytest.approx(frames / FPS, abs=3 * match.lag.uncertainty_s)
    assert match.score < 100 - abs(frames)
    if abs(frames) >= 1:
        assert match.lag.in_step_score > 99
        assert ("late" if frames > 0 else "early") in match.headline
    else:
        assert match.lag.in_step_score is None


def test_lag_is_told_in_frames_of_the_clip_when_only_some_were_looked_at(dance_track, true_track):
    third = np.arange(0, len(dance_track.times_s), 3)
    late = true_track(late_s=0.125, fps=30)
    match = measured(frames_of(dance_track, third), frames_of(late, np.arange(0, 180, 4)), fps=FPS)
    assert match.lag is not None
    assert match.lag.frames == pytest.approx(3, abs=0.35)
    assert match.lag.uncertainty_s >= 0.01


def test_lag_of_another_motion_is_not_told(dance_track, true_track):
    assert measured(dance_track, true_track(gesture)).lag is None


@pytest.mark.parametrize("fps", [30, 25, 12])
def test_frame_rates_may_differ(dance_track, true_track, fps):
    match = measured(dance_track, true_track(fps=fps))
    assert match.score > 99.5
    assert match.missing == ()
    assert match.lag is not None
    assert match.lag.frames == pytest.approx(0, abs=0.1)


def test_dropped_frames_do_not_count_while_the_rest_keeps_time(dance_track):
    kept = np.random.default_rng(1).random(len(dance_track.times_s)) > 0.25
    match = measured(dance_track, frames_of(dance_track, kept))
    assert match.score > 99
    assert match.missing_s < 0.5


def test_frames_that_stand_still_cost_what_they_miss(dance_track):
    held = np.arange(len(dance_track.times_s)) // 8 * 8  # three new frames a second
    stuttering = replace(frames_of(dance_track, held), times_s=dance_track.times_s)
    match = measured(dance_track, stuttering)
    assert 20 < match.score < 80


@pytest.mark.parametrize("look", [MAYA, THEO])
def test_proportions_do_not_count(dance_track, true_track, look):
    match = measured(dance_track, true_track(look=look))
    assert match.score > 99.9
    assert match.akd_shoulder_widths < 0.01


def test_longer_limbs_do_not_count(dance_track):
    def change(landmarks: np.ndarray) -> None:
        reach = landmarks[:, ARM, :2] - landmarks[:, [Landmark.LEFT_ELBOW], :2]
        landmarks[:, ARM, :2] += 0.6 * reach

    match = measured(dance_track, changed(dance_track, change))
    assert match.score == pytest.approx(100)
    assert match.akd_shoulder_widths == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(("size", "right", "down", "aspect"), [(0.5, 0.3, 0.1, 9 / 16), (0.7, 0.0, 0.2, 16 / 9)])
def test_place_size_and_canvas_do_not_count(dance_track, size, right, down, aspect):
    def change(landmarks: np.ndarray) -> None:
        landmarks[..., 0] = landmarks[..., 0] * size * dance_track.aspect / aspect + right
        landmarks[..., 1] = landmarks[..., 1] * size + down

    match = measured(dance_track, replace(changed(dance_track, change), aspect=aspect))
    assert match.score == pytest.approx(100)
    assert match.akd_shoulder_widths == pytest.approx(0, abs=1e-5)
    assert match.pck_shoulder_share == 1


def test_growing_in_the_picture_does_not_count(dance_track):
    def change(landmarks: np.ndarray) -> None:
        growth = np.linspace(0.5, 1.0, len(landmarks))[:, None, None]
        landmarks[..., :2] = 0.5 + (landmarks[..., :2] - 0.5) * growth

    match = measured(dance_track, changed(dance_track, change))
    assert match.score == pytest.approx(100)
    assert match.akd_shoulder_widths < 0.01


def test_a_shorter_result_is_compared_while_it_lasts_and_the_rest_is_named(dance_track, true_track):
    match = measured(dance_track, true_track(duration_s=3.5))
    assert match.score == pytest.approx(100)
    assert [(span.start_s, span.end_s) for span in match.missing] == [pytest.approx((3.5, 6))]
    assert match.missing_s == pytest.approx(2.5)
    assert match.compared_s == pytest.approx(3.5)
    assert match.result_s == pytest.approx(3.5)
    assert match.mkr_share == 0
    assert "From 3.5 to 6.0 s the result is over." in match.headline
    assert match.timeline[-1].score is None


def test_a_result_that_lacks_a_frame_at_its_end_lacks_nothing(dance_track):
    assert measured(dance_track, frames_of(dance_track, np.arange(142))).missing == ()


def test_a_result_cut_at_its_front_is_found_in_the_reference(dance_track, true_track):
    match = measured(dance_track, true_track(lambda t: dance(t + 2.5), duration_s=3.5))
    assert match.starts_at_s == pytest.approx(2.5, abs=0.02)
    assert match.score > 99
    assert [(span.start_s, span.end_s) for span in match.missing] == [pytest.approx((0, 2.5), abs=0.03)]
    assert match.lag is None
    assert "has not begun" in match.headline


def test_moments_with_nobody_are_named_and_not_counted(dance_track):
    times_s = dance_track.times_s
    match = measured(dance_track, without(dance_track, (times_s >= 2) & (times_s < 3)))
    assert match.score == pytest.approx(100)
    assert [(span.start_s, span.end_s) for span in match.missing] == [pytest.approx((2, 3))]
    assert match.missing[0].reason == "shows nobody who could be found"
    assert match.mkr_share == pytest.approx(1 / 6, abs=0.01)


def test_where_the_reference_shows_nobody_nothing_is_missing(dance_track):
    times_s = dance_track.times_s
    match = measured(without(dance_track, times_s < 1), dance_track)
    assert match.score == pytest.approx(100)
    assert match.missing == ()
    assert match.compared_s == pytest.approx(5)


def test_a_blink_of_the_detector_is_bridged(dance_track):
    match = measured(dance_track, without(dance_track, np.arange(len(dance_track.times_s)) % 10 == 5))
    assert match.score > 99.5
    assert match.compared_s == pytest.approx(6)


@pytest.mark.parametrize("late_s", [0, 0.3])
def test_a_mirrored_result_is_named(dance_track, true_track, late_s):
    match = measured(dance_track, mirrored(true_track(late_s=late_s)))
    assert match.is_mirrored
    assert match.score < 30
    assert "It is mirrored" in match.headline
    assert match.lag is not None
    assert match.lag.late_s == pytest.approx(late_s, abs=0.01)
    if not late_s:
        assert match.mirrored_score == pytest.approx(100)


def test_a_mirrored_dancer_is_the_same_as_a_mirrored_picture(dance_track, true_track):
    match = measured(dance_track, true_track(lambda t: mirror(dance(t))))
    assert match.is_mirrored
    assert match.mirrored_score == pytest.approx(100)


@pytest.mark.parametrize("late_s", [0, 0.3])
@pytest.mark.parametrize("drawn_in_place", [True, False], ids=["back drawn in place", "body turned round"])
def test_a_result_that_shows_the_back_is_named(dance_track, true_track, late_s, drawn_in_place):
    track = true_track(late_s=late_s)
    match = measured(dance_track, exchanged_sides(track if drawn_in_place else mirrored(track)))
    assert match.is_turned_round
    assert not match.is_mirrored
    assert match.turned_round_score == pytest.approx(100, abs=1)
    assert match.score < 30
    assert "It is turned round" in match.headline
    assert "Motion match" not in match.headline  # a bold figure would accuse


def test_another_motion_from_behind_is_not_called_turned_round(dance_track, true_track):
    assert not measured(dance_track, exchanged_sides(true_track(gesture))).is_turned_round


def test_a_symmetrical_motion_is_not_called_mirrored(true_track):
    track = true_track(lambda t: Pose(hands=pair(0.5 + 0.4 * np.sin(3 * t), 0.8 * np.cos(2 * t), 0.2)), duration_s=3)
    match = measured(track, mirrored(track))
    assert match.score > 95
    assert not match.is_mirrored


@pytest.mark.parametrize("motion", [lambda t: dance(0), gesture], ids=["frozen", "another motion"])
def test_what_does_not_follow_gets_nothing(dance_track, true_track, motion):
    match = measured(dance_track, true_track(motion))
    assert match.score < 5
    assert not match.is_mirrored


def test_a_still_picture_of_a_calm_reference_is_no_failure(true_track):
    calm = true_track(lambda t: dance(0.02 * t), duration_s=3)
    assert measured(calm, true_track(lambda t: dance(0), duration_s=3)).score > 90


def test_orientation_image_compares_changes_only(dance_track, true_track):
    leaning = true_track(tilt_deg=20)
    as_seen = measured(dance_track, leaning)
    changes = measured(dance_track, leaning, orientation=Orientation.IMAGE)
    assert as_seen.limb_error_deg == pytest.approx(20, abs=0.2)
    assert as_seen.score < 30
    assert changes.limb_error_deg < 0.3
    assert changes.score > 99
    assert changes.akd_shoulder_widths < 0.02
    assert rows_of(changes)[Limb.TORSO].bias_deg == pytest.approx(20, abs=0.2)


def test_limbs_that_the_result_hides_are_left_out_and_named(dance_track):
    def change(landmarks: np.ndarray) -> None:
        landmarks[:, ARM, 3] = 0.1

    match = measured(dance_track, changed(dance_track, change))
    assert match.score == pytest.approx(100)
    assert [row.limb for row in match.left_out] == [Limb.LEFT_FOREARM]
    assert match.left_out[0].left_out == "hardly visible in the result"
    assert match.left_out[0].error_deg is None
    assert match.mkr_share == pytest.approx(1 / 13)
    assert "not compared: left forearm" in match.headline


def test_limbs_outside_the_picture_are_left_out(dance_track):
    def change(landmarks: np.ndarray) -> None:
        landmarks[..., 1] = landmarks[..., 1] * 2.4 - 0.5  # the legs end below the picture

    close_up = changed(dance_track, change)
    match = measured(close_up, dance_track)
    assert {row.limb for row in match.left_out} >= {Limb.LEFT_SHIN, Limb.RIGHT_SHIN}
    assert all(row.left_out == "hardly visible in the reference" for row in match.left_out)
    assert match.mkr_share == 0  # what the reference does not show cannot be missing


def test_a_half_hidden_limb_counts_while_it_is_seen(dance_track):
    def change(landmarks: np.ndarray) -> None:
        landmarks[::2, ARM, 3] = 0.1

    row = rows_of(measured(dance_track, changed(dance_track, change)))[Limb.LEFT_FOREARM]
    assert not row.left_out
    assert row.compared_share == pytest.approx(0.5, abs=0.03)


def test_the_timeline_shows_when_it_went_wrong(dance_track):
    late_half = np.arange(len(dance_track.times_s)) >= 72
    match = measured(dance_track, turned_about(dance_track, Landmark.LEFT_ELBOW, ARM, 60, late_half))
    first, second = match.timeline[:12], match.timeline[12:]
    assert [moment.time_s for moment in match.timeline] == pytest.approx(np.arange(24) * 0.25)
    assert all(moment.score == pytest.approx(100) for moment in first)
    assert all(moment.score < 90 for moment in second)
    assert all(moment.error_deg > 1 for moment in second)


@pytest.mark.parametrize(
    ("reference_s", "result_s", "reason"),
    [
        (0, 1, "nobody was found in the reference."),
        (1, 0, "nobody was found in the result."),
        (1, 0.01, "the result has a single frame."),
        (1, 0.25, "only 0.2 s show the same limbs in both."),
    ],
)
def test_what_cannot_be_measured_gets_no_number(dance_track, reference_s, result_s, reason):
    def beginning(length_s: float) -> PoseTrack:
        if not length_s:
            return without(dance_track, np.full(len(dance_track.times_s), True))
        return frames_of(dance_track, dance_track.times_s < length_s)

    match = measured(beginning(reference_s), beginning(result_s))
    assert match.score is None
    assert match.reason == reason
    assert match.limbs == match.timeline == ()
    assert match.headline == f"The motion match could not be measured: {reason}"
    assert json.loads(json.dumps(match.to_json(), allow_nan=False))["score"] is None


def test_nothing_at_all_is_not_measurable():
    empty = PoseTrack(np.zeros(0), np.zeros((0, 33, 4)), np.zeros((0, 33, 3)), 1.0)
    assert measured(empty, empty).score is None


def test_no_common_limbs_are_not_measurable(dance_track):
    def hide(landmarks: np.ndarray) -> None:
        landmarks[..., 3] = 0.1

    match = measured(dance_track, changed(dance_track, hide))
    assert match.score is None
    assert match.reason == "only 0.0 s show the same limbs in both."


def test_a_track_without_metres_is_read_as_flat(dance_track):
    flat = replace(dance_track, world_m=np.full_like(dance_track.world_m, np.nan))
    assert measured(flat, flat).score == pytest.approx(100)


def test_json_holds_plain_values_only(dance_track, true_track):
    data = measured(dance_track, true_track(late_s=0.1)).to_json()
    again = json.loads(json.dumps(data, allow_nan=False))
    assert again["score"] == pytest.approx(data["score"])
    assert again["orientation"] == "video"
    assert again["lag"]["late_s"] == pytest.approx(0.1, abs=0.005)
    assert again["limbs"][0]["limb"] == "torso"
    assert again["timeline"][0]["time_s"] == 0
    assert again["headline"].startswith("Motion match ")
    assert again["missing_s"] == 0


def test_small_hands_and_faces_have_no_figure_of_their_own(dance_track):
    match = measured(dance_track, dance_track)
    assert (match.hands_score, match.face_score) == (None, None)


@pytest.fixture(scope="module")
def near(true_track):
    """A gesture, with hands and face large in the picture."""
    return true_track(gesture, duration_s=4, y_m=1.3, height_m=1.2)


def test_large_hands_and_faces_that_follow_get_everything(near):
    match = measured(near, near)
    assert match.hands_score == pytest.approx(100)
    assert match.face_score == pytest.approx(100)
    assert {"hands_score", "face_score"} <= match.to_json().keys()


def test_hands_that_point_elsewhere_lower_only_their_own_figure(near):
    landmarks = near.landmarks.copy()
    for wrist, fingers in ((15, [17, 19]), (16, [18, 20])):
        landmarks[::2, fingers, :2] = 2 * landmarks[::2, [wrist], :2] - landmarks[::2, fingers, :2]
    match = measured(near, replace(near, landmarks=landmarks))
    assert match.hands_score < 60
    assert match.score == pytest.approx(100)
    assert match.face_score == pytest.approx(100)


def test_a_face_that_turns_elsewhere_lowers_only_its_own_figure(near):
    landmarks = near.landmarks.copy()
    ears = np.linalg.norm(landmarks[:, 7, :2] - landmarks[:, 8, :2], axis=1)
    landmarks[::3, 0, 0] += 0.8 * ears[::3]  # the nose's tip, as when the head turns by 50 degrees
    match = measured(near, replace(near, landmarks=landmarks))
    assert match.face_score < 80
    assert match.hands_score == pytest.approx(100)


def test_a_face_of_another_shape_loses_nothing(near):
    landmarks = near.landmarks.copy()
    landmarks[:, 0, 1] += 0.01
    assert measured(near, replace(near, landmarks=landmarks)).face_score > 97


def test_a_whole_second_late_is_late_and_not_a_clip_cut_at_its_front(dance_track, true_track):
    late = true_track(late_s=1.0)
    match = measured(dance_track, replace(late, times_s=late.times_s + 0.01))
    assert match.starts_at_s == 0
    assert match.score < 30
    assert match.lag.late_s == pytest.approx(1.01, abs=0.01)
    assert match.lag.in_step_score > 95


def test_what_a_still_picture_would_get_is_said_where_the_reference_hardly_moves(true_track):
    calm = true_track(lambda t: dance(0.02 * t), duration_s=3)
    said = measured(calm, calm).headline
    assert "The reference hardly moves: a picture that never does would get" in said
    assert "hardly moves" not in measured(true_track(), true_track()).headline
