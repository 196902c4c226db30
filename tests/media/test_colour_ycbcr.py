from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from kling_ui.media.colour import subsample, to_rgb, to_ycbcr
from kling_ui.media.encode import ClipWriter
from kling_ui.media.video import read_frames


@pytest.mark.parametrize(
    ("rgb", "ycbcr"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (63, 102, 240)),  # BT.709 at 8 bits
        ((0, 0, 255), (32, 240, 118)),
    ],
)
def test_known_colours(rgb, ycbcr):
    assert to_ycbcr(np.array([[rgb]], np.uint8))[0, 0].tolist() == pytest.approx(ycbcr, abs=1)


def test_there_and_back_is_nearly_the_same():
    rgb = np.random.default_rng(3).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    assert np.abs(to_rgb(to_ycbcr(rgb)).astype(int) - rgb).max() <= 2


def test_premultiplied_colours_blend_as_in_rgb():
    rng = np.random.default_rng(4)
    front, back = rng.integers(0, 256, (2, 30, 30, 3)).astype(float)
    alpha = rng.random((30, 30, 1))
    layer = np.concatenate([front * alpha, alpha * 255], axis=2).round().astype(np.uint8)
    expected = to_ycbcr((front * alpha + back * (1 - alpha)).round().astype(np.uint8)).astype(int)
    drawn = to_ycbcr(layer)
    assert (drawn[..., 3] == layer[..., 3]).all()
    over = drawn[..., :3] + to_ycbcr(back.astype(np.uint8)) * (1 - layer[..., 3:] / 255)
    assert np.abs(over - expected).max() <= 3


def test_a_frame_written_in_its_own_colours_is_shown_as_the_same_picture(tmp_path: Path):
    rgb = np.zeros((64, 96, 3), np.uint8)
    rgb[:, :32], rgb[:, 32:64], rgb[:, 64:] = (200, 40, 60), (30, 160, 90), (40, 70, 210)
    with ClipWriter(tmp_path / "clip.mp4", fps=Fraction(5), size=(96, 64)) as writer:
        for _ in range(3):
            writer.write_ycbcr(to_ycbcr(rgb))
    (first, *_) = read_frames(tmp_path / "clip.mp4", container="mp4")
    apart = np.abs(first.rgb.astype(int) - rgb)
    assert apart[:, 8:24].max() <= 6
    assert apart.mean() < 3


@pytest.mark.parametrize("padding", [0, 3])
def test_a_picture_is_taken_apart_into_planes(padding: int):
    ycbcr = np.dstack([np.full((4, 6), value, np.uint8) for value in (10, 20, 30)])
    ycbcr[:2, :2, 1] = [[0, 40], [80, 120]]
    rows = [np.zeros((height, width + padding), np.uint8) for height, width in ((4, 6), (2, 3), (2, 3))]
    subsample(ycbcr, [row[:, : row.shape[1] - padding] for row in rows])
    luma, blue, red = (row[:, : row.shape[1] - padding] for row in rows)
    assert (luma == 10).all()
    assert blue.tolist() == [[60, 20, 20], [20, 20, 20]]
    assert (red == 30).all()
    assert all((row[:, row.shape[1] - padding :] == 0).all() for row in rows)
