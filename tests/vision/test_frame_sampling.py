import numpy as np
import pytest

from kling_ui.media.probe import probe_video
from kling_ui.vision.frame_sampling import FRAMES_PER_S_MAX, SampledFrame, load_sampled_frames


def moment_frames(path, **more: float) -> list[SampledFrame]:
    facts = probe_video(path)
    return list(load_sampled_frames(path, container=facts.format, fps=facts.fps, **more))


@pytest.mark.parametrize(("fps", "least"), [(8, 8), (12, 12), (16, 16), (24, 12), (30, 10), (60, 12)])
def test_enough_frames_and_not_too_many(make_clip, fps, least):
    sampled_frames = moment_frames(make_clip(fps=fps, frames=2 * fps))
    assert 2 * least <= len(sampled_frames) <= 2 * FRAMES_PER_S_MAX + 4  # and keyframes
    times_s = np.array([still.time_s for still in sampled_frames])
    assert times_s[0] == 0
    assert (np.diff(times_s) > 0).all()
    assert times_s[-1] > 2 - 3 / FRAMES_PER_S_MAX


@pytest.mark.parametrize(("rotation", "shape"), [(None, (180, 320)), (90, (320, 180))])
def test_frames_stand_upright_in_colour_and_in_grey(make_clip, rotation, shape):
    still = moment_frames(make_clip(rotation=rotation))[0]
    assert still.rgb.shape == (*shape, 3)
    assert still.grey(512).shape == shape
    assert max(still.grey(160).shape) == 160
    corner = still.rgb[-5, 5] if rotation else still.rgb[5, 5]
    assert np.abs(corner.astype(int) - (220, 30, 30)).max() < 30


def test_large_frames_are_scaled_down(make_clip):
    assert moment_frames(make_clip(size=(1280, 720), frames=2))[0].rgb.shape == (288, 512, 3)


def test_it_stops_where_it_is_told(make_clip):
    assert moment_frames(make_clip(frames=48), seconds_max=1.0)[-1].time_s < 1


def test_a_clip_says_which_frames_were_coded_alone(make_clip):
    assert [still.time_s for still in moment_frames(make_clip(gop=12)) if still.is_intra] == pytest.approx([0, 0.5])
