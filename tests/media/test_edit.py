from pathlib import Path

import av
import moviepy
import numpy as np
import pytest
from moviepy import AudioFileClip

from kling_ui.errors import MediaError
from kling_ui.media.comparison_layout import strip_height
from kling_ui.media.edit import side_by_side
from kling_ui.media.probe import probe_video
from kling_ui.media.video import read_frames


def test_three_pictures_in_step_with_sound(make_clip, person_png, tmp_path):
    reference = make_clip("reference.mp4", frames=36, sound=True)
    result = make_clip("result.mp4", frames=24)
    out = side_by_side(person_png, reference, result, tmp_path / "compare.mp4", height_px=120)
    facts = probe_video(out)
    assert (facts.codec, facts.pixel_format, facts.has_audio) == ("h264", "yuv420p", True)
    assert facts.duration_s == pytest.approx(1.5, abs=0.05)
    assert facts.width_px == pytest.approx(68 + 2 * 214 + 2 * 8, abs=2)

    frames = [frame.rgb.astype(int) for frame in read_frames(out, container="mp4")]
    left, right = slice(68 + 8 + 100, 68 + 8 + 200), slice(68 + 8 + 214 + 8 + 100, facts.width_px - 10)
    brightness = np.array([(frame[100:150, left].mean(), frame[100:150, right].mean()) for frame in frames])
    assert brightness[30, 0] > brightness[20, 0] > brightness[10, 0]  # the reference goes on
    assert brightness[34, 1] == pytest.approx(brightness[25, 1], abs=3)  # the shorter result stays
    assert brightness[12, 1] > brightness[12, 0]  # and rose faster before


def test_sound_stays_in_step_and_ffmpeg_reads_only_what_was_written_here(
    drawn_dance, make_clip, person_png, tmp_path, monkeypatch
):
    read = []

    def reading(path: str) -> AudioFileClip:
        read.append(Path(path))
        return AudioFileClip(path)

    monkeypatch.setattr(moviepy, "AudioFileClip", reading)
    out = side_by_side(person_png, drawn_dance.path, make_clip(), tmp_path / "compare.mp4", height_px=64)
    assert [path.name for path in read] == ["sound.wav"]
    assert not read[0].exists()  # nor is it left behind
    before, after = heard(drawn_dance.path), heard(out)
    span = np.arange(4410, min(len(before), len(after)) - 4410)
    likeness = {lag: float(np.corrcoef(before[span], after[span + lag])[0, 1]) for lag in range(-1323, 1324, 21)}
    best = max(likeness, key=likeness.__getitem__)
    assert abs(best) <= 441  # 10 ms
    assert likeness[best] > 0.5


def heard(path: Path) -> np.ndarray:
    """The samples of a clip's sound, one channel, 44100 a second."""
    with av.open(str(path)) as clip:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=44_100)
        frames = [piece for frame in clip.decode(audio=0) for piece in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(float)


@pytest.mark.parametrize(
    ("picture_aspect", "sizes_px", "height_px"),
    [
        (9 / 16, [(540, 960), (720, 1280)], 1280),  # as tall as the taller one
        (9 / 16, [(1080, 1920), (1080, 1920)], 1280),
        (16 / 9, [(1280, 720), (1280, 720)], 716),  # three wide ones fill the width
        (1.0, [(301, 301), (90, 90)], 300),  # even
    ],
)
def test_a_comparison_is_as_large_as_its_clips(picture_aspect, sizes_px, height_px):
    aspects = [picture_aspect, *(width / height for width, height in sizes_px)]
    assert strip_height([height for _, height in sizes_px], aspects) == height_px


def test_nothing_is_left_of_a_failure(make_clip, person_png, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "compare.mp4").mkdir()
    clip = make_clip(frames=4)
    with pytest.raises(MediaError, match="cannot be written"):
        side_by_side(person_png, clip, clip, folder / "compare.mp4", height_px=64)
    assert [path.name for path in folder.iterdir()] == ["compare.mp4"]


def test_an_unreadable_result_is_named(make_clip, person_png, tmp_path):
    (tmp_path / "result.mp4").write_text("words")
    with pytest.raises(MediaError, match=r"result\.mp4"):
        side_by_side(person_png, make_clip(), tmp_path / "result.mp4", tmp_path / "compare.mp4")
