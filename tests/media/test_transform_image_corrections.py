"""What a person corrected of a picture goes along when it is cropped, given margins, scaled and turned."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from kling_ui.corrections import Corrections, PlacedJoint
from kling_ui.media.rectangles import Margins, Rect
from kling_ui.media.transform_image import ImageTransform, carried_over, transform_image

SIZE = (400, 300)
SPOT = (220, 90)


def mask(size=SIZE):
    paint = Image.new("LA", size, (0, 0))
    paint.paste((255, 255), (SPOT[0] - 20, SPOT[1] - 20, SPOT[0] + 20, SPOT[1] + 20))
    out = BytesIO()
    paint.save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    "transform",
    [
        ImageTransform("png"),
        ImageTransform("png", crop=Rect(100, 40, 380, 240)),
        ImageTransform("png", margins=Margins(30, 0, 50, 80)),
        ImageTransform("png", size=(200, 150)),
        ImageTransform("png", turns=1),
        ImageTransform("png", crop=Rect(100, 40, 380, 240), size=(140, 100), margins=Margins(10, 20, 30, 40), turns=3),
    ],
)
def test_joint_and_paint_stay_on_what_they_were_put_on(tmp_path, transform):
    picture = Image.new("RGB", SIZE, (0, 80, 0))
    picture.paste((255, 0, 0), (SPOT[0] - 20, SPOT[1] - 20, SPOT[0] + 20, SPOT[1] + 20))
    picture.save(tmp_path / "picture.png")
    copy = transform_image(tmp_path / "picture.png", transform, tmp_path)
    before = Corrections({"nose": PlacedJoint(SPOT[0] / SIZE[0], SPOT[1] / SIZE[1], hidden=True)}, mask())
    after = carried_over(before, transform, SIZE)
    with Image.open(copy.path) as opened:
        red = np.asarray(opened)[..., 0] > 128
    rows, columns = np.nonzero(red)
    place = after.joints["nose"].place
    assert place is not None
    x, y = place
    assert (x * copy.width_px, y * copy.height_px) == pytest.approx((columns.mean(), rows.mean()), abs=1.5)
    assert after.joints["nose"].hidden
    with Image.open(BytesIO(after.mask)) as opened:
        assert opened.width / opened.height == pytest.approx(copy.width_px / copy.height_px, rel=0.02)
        paint = np.asarray(opened.resize(red.shape[::-1]))[..., 1] > 128
    assert (paint & red).sum() / (paint | red).sum() > 0.85


def test_a_joint_without_a_place_stays_hidden_and_one_far_outside_is_dropped():
    said = Corrections({"nose": PlacedJoint(None, None, hidden=True), "left foot": PlacedJoint(0.02, 0.9)})
    after = carried_over(said, ImageTransform("png", crop=Rect(340, 0, 400, 60)), SIZE)
    assert after.joints == {"nose": PlacedJoint(None, None, hidden=True)}
