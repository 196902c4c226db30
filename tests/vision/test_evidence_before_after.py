from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from kling_ui.media.rectangles import Rect
from kling_ui.media.transform_image import ImageTransform, transform_image
from kling_ui.media.transform_video import VideoTransform, transform_video
from kling_ui.vision.evidence import image_before_after, video_before_after


def test_what_was_cut_off_a_picture_is_dimmed(tmp_path):
    source = tmp_path / "grey.png"
    Image.new("RGB", (400, 200), (200, 200, 200)).save(source)
    transform = ImageTransform("png", crop=Rect(200, 0, 400, 200))
    result = transform_image(source, transform, tmp_path)
    with Image.open(image_before_after(source, result.path, transform, tmp_path / "shown.jpg")) as image:
        grey = np.asarray(image.convert("L"), int)
    assert grey.shape == (420, 840 + 8 + 420)
    assert grey[200, 100] == pytest.approx(60, abs=4)
    assert grey[200, 600] == pytest.approx(200, abs=4)
    assert grey[200, -200] == pytest.approx(200, abs=4)


def test_what_was_cut_off_a_clip_is_dimmed(make_clip, tmp_path):
    source = make_clip(frames=48)
    transform = VideoTransform((320, 180), Fraction(24), 1.0, 2.0)
    result = transform_video(source, transform, tmp_path)
    with Image.open(video_before_after(source, result.path, transform, tmp_path / "shown.jpg")) as image:
        grey = np.asarray(image.convert("L"), int)
    above, below = grey[100, 300::364], grey[308, 300::364]  # tiles of 356 x 200 with gaps of 8
    assert len(above) == len(below) == 6
    assert above[:3].max() < 40
    assert above[3:].min() > 100
    assert (np.diff(below) > 5).all()
    assert below.min() > 100
