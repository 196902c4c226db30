import numpy as np
import pytest

from kling_ui.errors import MediaError
from kling_ui.media.edit import _height, side_by_side
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
    assert _height(sizes_px, picture_aspect) == height_px


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
