import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from figure import Scene, gesture, write_clip

from kling_ui.errors import MediaError
from kling_ui.media.video import Frame, read_frames
from kling_ui.scoring.compare import (
    agreed,
    first_steps,
    load_tracked_clip,
    match_clips,
    self_score,
    spans_of,
    stride_for,
    track_in_workers,
    track_span,
)
from kling_ui.scoring.limbs import Limb, mirrored
from kling_ui.scoring.match import MotionMatch
from kling_ui.scoring.motion import motion_match
from kling_ui.vision.pose import Landmark, PoseTrack, find_poses, track_of
from kling_ui.workers import Workers


@pytest.fixture(scope="module")
def watched(dance_mp4) -> PoseTrack:
    """What the detector finds in the drawn dance."""
    return load_tracked_clip(dance_mp4).track


def seen_as(path, change) -> PoseTrack:
    """What the detector finds when every picture is changed."""
    frames = read_frames(path, container="mp4", long_side_px=640)
    return track_of(find_poses(Frame(frame.index, frame.time_s, change(frame.rgb)) for frame in frames))


def test_the_detector_agrees_with_the_truth(drawn_dance, watched):
    pixels = drawn_dance.joints_px[:, 0]
    size = drawn_dance.width_px, drawn_dance.height_px, drawn_dance.width_px
    landmarks = np.concatenate([pixels / size, np.ones((len(pixels), 33, 1))], axis=-1)
    truth = PoseTrack(watched.times_s, landmarks, watched.world_m, drawn_dance.width_px / drawn_dance.height_px)
    match = motion_match(truth, watched)
    assert match.score is not None
    assert match.score > 80
    assert match.limb_error_deg is not None
    assert match.limb_error_deg < 6
    assert match.lag is not None
    assert abs(match.lag.late_s) < 2 * match.lag.uncertainty_s


def test_a_smaller_picture_of_the_same_motion_matches(dance_mp4, watched):
    def inset(rgb: np.ndarray) -> np.ndarray:
        canvas = np.full_like(rgb, 90)
        small = cv2.resize(rgb, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
        canvas[-small.shape[0] :, 20 : 20 + small.shape[1]] = small
        return canvas

    match = motion_match(watched, seen_as(dance_mp4, inset))
    assert match.score is not None
    assert match.score > 90


def test_a_mirrored_picture_is_seen_as_mirrored(dance_mp4, watched):
    match = motion_match(watched, seen_as(dance_mp4, lambda rgb: np.ascontiguousarray(rgb[:, ::-1])))
    assert match.is_mirrored
    assert match.mirrored_score is not None
    assert match.mirrored_score > 85


def test_every_second_frame_tells_the_same(dance_mp4, watched):
    match = motion_match(watched, track_span(dance_mp4, stride=2))
    assert match.score is not None
    assert match.score > 90
    assert match.missing == ()


def test_a_late_result_is_seen_as_late(watched):
    late = replace(watched, times_s=watched.times_s + 2 / 16)
    match = motion_match(watched, late)
    assert match.lag is not None
    assert match.lag.frames == pytest.approx(2, abs=0.2)


def test_the_detector_agrees_with_itself_on_a_clear_figure(dance_mp4, watched):
    assert self_score(watched, load_tracked_clip(dance_mp4, in_mirror=True).track) > 90


def test_a_result_that_follows_is_not_looked_at_twice(dance_track):
    assert matched(dance_track, dance_track, None).self_score is None


def test_a_low_match_that_a_second_look_sees_too_is_believed(dance_track, true_track):
    other = true_track(gesture)
    match = matched(dance_track, other, mirrored(other))
    assert match.self_score == pytest.approx(100)
    assert match.score is not None
    assert match.score < 10


def test_a_detector_that_contradicts_itself_is_not_believed(dance_track, true_track):
    wild = moved(dance_track, slice(None), 0.03)
    contradicting = mirrored(moved(dance_track, slice(None), 0.03, seed=4))
    assert 0 < self_score(wild, contradicting) < 60
    told = matched(dance_track, wild, contradicting)
    assert told.score is None
    assert told.limbs == told.timeline == ()
    assert told.compared_s == motion_match(dance_track, wild).compared_s
    assert f"{told.self_score:.0f} of 100 against itself" in told.headline


def test_only_what_both_looks_see_alike_is_counted(dance_track):
    once = moved(dance_track, slice(20, 60), 0.05, joints=[Landmark.LEFT_WRIST])
    direct, match = motion_match(dance_track, once), matched(dance_track, once, mirrored(dance_track))
    assert direct.score is not None
    assert direct.score < 99
    assert match.score == pytest.approx(100, abs=0.1)
    row = next(row for row in match.limbs if row.limb is Limb.LEFT_FOREARM)
    assert row.error_deg == pytest.approx(0, abs=0.5)


def test_two_looks_are_averaged_where_they_are_near_each_other(dance_track):
    near = moved(dance_track, slice(None), 0.002)
    both = agreed(dance_track, near)
    assert both.landmarks[..., :2] == pytest.approx((dance_track.landmarks + near.landmarks)[..., :2] / 2)
    assert (both.landmarks[..., 3] == dance_track.landmarks[..., 3]).mean() > 0.99


def test_what_only_one_look_finds_is_not_seen(dance_track):
    lost = dance_track.landmarks.copy()
    lost[10:20] = np.nan
    both = agreed(dance_track, replace(dance_track, landmarks=lost))
    assert both.found.all()
    assert (both.landmarks[10:20, :, 3] == 0).all()
    assert not agreed(replace(dance_track, landmarks=lost), dance_track).found[10:20].any()


def moved(
    track: PoseTrack, frames: slice, by: float, *, joints: list[Landmark] | slice = slice(None), seed: int = 3
) -> PoseTrack:
    """The track with joints moved at random, by so many picture heights."""
    landmarks = track.landmarks.copy()
    part = landmarks[frames][:, joints]
    part[..., :2] += np.random.default_rng(seed).normal(0, by, part[..., :2].shape)
    landmarks[frames][:, joints] = part
    return replace(track, landmarks=landmarks)


def matched(wanted: PoseTrack, given: PoseTrack, in_mirror: PoseTrack | None) -> MotionMatch:
    """The match of two clips in which workers see these tracks."""
    played = {"reference.mp4": wanted, "result.mp4": given}

    class Watching:
        async def run(self, work, path, *_, **more):
            if work is not track_span:
                return SimpleNamespace(duration_s=1.0, frame_count=24, fps=24.0), "", None
            track = in_mirror if more["in_mirror"] else played[path.name]
            assert track is not None
            return track

    return asyncio.run(match_clips(Watching(), Path("reference.mp4"), Path("result.mp4")))


class Thinning:
    """Workers that see these tracks, 24 frames a second of six seconds, and note the steps in which they read them."""

    def __init__(
        self,
        wanted: PoseTrack,
        given: PoseTrack,
        result: SimpleNamespace | None = None,
        *,
        in_mirror: PoseTrack | None = None,
    ):
        usual = SimpleNamespace(duration_s=6.0, frame_count=144, fps=24.0)
        self.played = {"reference.mp4": wanted, "result.mp4": given}
        self.facts = {"reference.mp4": usual, "result.mp4": result or usual}
        self.in_mirror = in_mirror or mirrored(given)
        self.strides: dict[str, list[int]] = {"reference.mp4": [], "result.mp4": []}

    async def run(self, work, path, *args, **more):
        if work is not track_span:
            return self.facts[path.name], "", None
        start_s, end_s = args[0]
        if not start_s:
            self.strides[path.name].append(more["stride"])
        track = self.in_mirror if more["in_mirror"] else self.played[path.name]
        within = np.flatnonzero((track.times_s >= start_s) & (track.times_s < (end_s or np.inf)))
        rows = within[:: more["stride"]]
        return PoseTrack(track.times_s[rows], track.landmarks[rows], track.world_m[rows], track.aspect)

    def match(self) -> MotionMatch:
        return asyncio.run(match_clips(self, Path("reference.mp4"), Path("result.mp4")))


def test_a_result_that_follows_is_told_by_half_of_its_moments(dance_track):
    near = moved(dance_track, slice(None), 0.002)
    workers, all_moments = Thinning(dance_track, near), motion_match(every(dance_track, 2), every(near, 2), fps=24.0)
    match = workers.match()
    assert workers.strides == {"reference.mp4": [2], "result.mp4": [4]}
    assert match.score == pytest.approx(all_moments.score, abs=0.5)
    assert (match.reference_s, match.result_s) == pytest.approx((all_moments.reference_s, all_moments.result_s))
    assert match.compared_s == pytest.approx(all_moments.compared_s, abs=0.1)
    assert match.lag is not None
    assert abs(match.lag.frames) < 0.5


def test_a_lag_is_told_from_all_moments(dance_track, true_track):
    for late_frames in (1, 2, 6):
        late = true_track(late_s=late_frames / 24)
        workers = Thinning(dance_track, late)
        match = workers.match()
        assert 2 in workers.strides["result.mp4"], late_frames
        told = motion_match(every(dance_track, 2), every(late, 2), fps=24.0).lag
        assert match.lag is not None
        assert told is not None
        assert match.lag.frames == pytest.approx(told.frames, abs=1e-3)
        assert match.lag.uncertainty_s == pytest.approx(told.uncertainty_s, abs=1e-3)


def test_what_does_not_follow_clearly_is_told_from_all_moments(dance_track, true_track):
    lost = replace(dance_track, landmarks=dance_track.landmarks.copy())
    lost.landmarks[60:66] = np.nan
    arm = [Landmark.LEFT_ELBOW, Landmark.LEFT_WRIST, Landmark.LEFT_PINKY, Landmark.LEFT_INDEX, Landmark.LEFT_THUMB]
    dead_arm = replace(dance_track, landmarks=dance_track.landmarks.copy())
    dead_arm.landmarks[:, arm] = dance_track.landmarks[:1, arm]
    for name, given in {"lost": lost, "dead arm": dead_arm, "mirrored": mirrored(dance_track)}.items():
        workers = Thinning(dance_track, given)
        workers.match()
        assert 2 in workers.strides["result.mp4"], name
    workers = Thinning(dance_track, true_track(gesture))
    assert workers.match().score is not None
    assert workers.strides["result.mp4"] == [4, 4, 2, 2]  # every second one in the mirror


def test_what_a_first_look_contradicts_by_far_has_no_figure(dance_track):
    wild = moved(dance_track, slice(None), 0.03)
    workers = Thinning(dance_track, wild, in_mirror=mirrored(moved(dance_track, slice(None), 0.03, seed=4)))
    match = workers.match()
    assert match.score is None
    assert "against itself" in match.reason
    assert workers.strides["result.mp4"] == [4, 4]


def test_a_result_of_another_rate_or_length_is_told_from_all_moments(dance_track):
    other = SimpleNamespace(duration_s=6.0, frame_count=180, fps=30.0)
    workers = Thinning(dance_track, dance_track, other)
    workers.match()
    assert workers.strides["result.mp4"] == [2]


def every(track: PoseTrack, step: int) -> PoseTrack:
    return PoseTrack(track.times_s[::step], track.landmarks[::step], track.world_m[::step], track.aspect)


@pytest.mark.parametrize(
    ("frame_count", "fps", "steps"),
    [(144, 24, 2), (150, 25, 2), (144, 23.976, 3), (300, 30, 2), (360, 60, 2), (720, 24, 1), (60, 24, 1), (60, 10, 1)],
)
def test_a_first_look_reads_six_moments_a_second_or_more(frame_count, fps, steps):
    facts = SimpleNamespace(frame_count=frame_count, fps=fps, duration_s=frame_count / fps)
    assert first_steps(facts, facts) == steps
    assert first_steps(SimpleNamespace(frame_count=frame_count + 1, fps=fps), facts) == 1


def test_nobody_in_the_mirror_is_no_contradiction(dance_track, true_track):
    nobody = replace(dance_track, landmarks=np.full_like(dance_track.landmarks, np.nan))
    assert self_score(dance_track, nobody) is None
    other = true_track(gesture)
    assert matched(dance_track, other, nobody) == motion_match(dance_track, other, fps=24.0)


def test_files_are_watched_in_workers(dance_mp4, tmp_path):
    nobody = write_clip(
        tmp_path / "nobody.mp4", lambda t: Scene(()), duration_s=0.5, fps=8, width_px=160, height_px=160
    )

    async def work(workers: Workers):
        with pytest.raises(MediaError):
            await match_clips(workers, nobody.path, tmp_path / "missing.mp4", timeout_s=120)
        return await match_clips(workers, dance_mp4, nobody.path, timeout_s=120)

    with Workers(2) as workers:
        match = asyncio.run(work(workers))
    assert match.reference_s == pytest.approx(1.5)
    assert match.score is None
    assert match.reason == "nobody was found in the result."


class Counting:
    """Workers that do the work here and note what was tracked."""

    def __init__(self):
        self.tracked = []

    async def run(self, work, path, *args, timeout_s=None, **options):
        if work is track_span:
            self.tracked.append(path.name)
        return work(path, *args, **options)


def test_a_clip_is_watched_once(dance_mp4, tmp_path):
    workers, copy = Counting(), tmp_path / "copy.mp4"
    copy.write_bytes(dance_mp4.read_bytes())
    first = asyncio.run(track_in_workers(workers, dance_mp4, folder=tmp_path / "kept"))
    again = asyncio.run(track_in_workers(workers, copy, folder=tmp_path / "kept"))
    assert workers.tracked == [dance_mp4.name]
    assert np.array_equal(first.track.landmarks, again.track.landmarks, equal_nan=True)
    assert first.fps == again.fps == 16.0
    asyncio.run(track_in_workers(workers, dance_mp4, folder=tmp_path / "kept", in_mirror=True))
    assert workers.tracked == [dance_mp4.name] * 2  # a mirrored one is another


def test_parts_are_the_whole(dance_mp4):
    whole = track_span(dance_mp4)
    spans = [(0.0, 0.75), (0.75, None)]
    times_s = [time_s for span in spans for time_s in track_span(dance_mp4, span).times_s]
    assert times_s == pytest.approx(list(whole.times_s))


@pytest.mark.parametrize(
    ("duration_s", "spans"),
    [(1.9, [(0.0, None)]), (2.0, [(0.0, 1.0), (1.0, None)]), (30.0, [(0.0, 15.0), (15.0, None)])],
)
def test_longer_clips_are_watched_in_two_parts(duration_s, spans):
    assert spans_of(duration_s) == spans


@pytest.mark.parametrize(
    ("frame_count", "fps", "stride"),
    [
        (150, 23.9, 1),
        (150, 24, 2),  # twelve a second tell the same
        (150, 60, 5),
        (300, 30, 2),
        (301, 30, 3),
        (288, 24, 2),
        (720, 24, 3),  # no fewer than eight a second
        (1800, 60, 7),
        (600, 10, 1),
        (30, 5, 1),
    ],
)
def test_long_clips_are_watched_in_bigger_steps(frame_count, fps, stride):
    assert stride_for(frame_count, fps) == stride
