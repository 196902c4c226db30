import math

import numpy as np
import pytest

from kling_ui.media.colour import to_rgb, to_ycbcr
from kling_ui.puppet.paint import Sprite, paste
from kling_ui.puppet.rig.layers import Layer
from kling_ui.puppet.warp import Bend, LimbWarp, Segment, Stretch


def test_paste_lays_premultiplied_colours_over():
    target = np.full((4, 6, 3), 100, np.uint8)
    rgba = np.zeros((4, 6, 4), np.uint8)
    rgba[1, 2] = (200, 0, 0, 255)
    rgba[1, 3] = (100, 0, 0, 128)
    x, y = np.meshgrid(np.arange(6, dtype=np.float32), np.arange(4, dtype=np.float32))
    paste(target, rgba, x, y)
    assert target[1, 2].tolist() == [200, 0, 0]
    assert target[1, 3] == pytest.approx([150, 50, 50], abs=1)
    assert target[0, 0].tolist() == [100, 100, 100]


@pytest.mark.parametrize(("squeeze", "degrees"), [(1.0, 0), (1.0, 70), (0.25, 30), (1.3, -80)])
def test_everything_of_a_bent_layer_is_painted_where_its_warp_says(squeeze: float, degrees: float):
    stripe = np.zeros((140, 30, 4), np.uint8)
    stripe[20:130, 3:27] = (250, 40, 40, 255)
    rest = Segment(55 + 40j, math.pi / 2, 80.0)
    posed = Segment(150 + 110j, 0.4, 80.0 * squeeze)
    bend = Bend(posed.end, posed.angle, -0.3 * posed.length, 15.0, math.radians(degrees), 1.0)
    warp = LimbWarp(rest, posed, Stretch(posed.length, rest.length, 1.0, 1.0, 1.0), (bend,))
    frame = to_ycbcr(np.full((240, 301, 3), 90, np.uint8))
    Sprite.of(Layer(stripe, (40, 0))).paint(frame, warp)
    source = warp.source(np.add.outer(1j * np.arange(240), np.arange(301)))
    inside = np.minimum(np.minimum(source.real - 43, 67 - source.real), np.minimum(source.imag - 20, 130 - source.imag))
    red = to_rgb(frame)[..., 0].astype(int) - to_rgb(frame)[..., 1] > 100
    assert (inside > 3).sum() > 300
    assert red[inside > 3].mean() > 0.99
    assert not red[inside < -4].any()


def test_what_is_painted_does_not_depend_on_where_the_layer_begins():
    stripe = np.zeros((60, 20, 4), np.uint8)
    stripe[5:55, 4:16] = (250, 40, 40, 255)
    posed = Segment(70 + 60j, 0.9, 40.0)
    bend = Bend(posed.end, posed.angle, -10.0, 10.0, 1.2, 1.0)
    frames = []
    for margin in (0, 3):
        layer = Layer(np.pad(stripe, ((margin, 0), (margin, 0), (0, 0))), (40 - margin, 10 - margin))
        rest = Segment(50 + 20j, math.pi / 2, 40.0)
        frame = to_ycbcr(np.full((160, 160, 3), 90, np.uint8))
        Sprite.of(layer).paint(frame, LimbWarp(rest, posed, Stretch(40.0, 40.0, 1.0, 1.0, 1.0), (bend,)))
        frames.append(frame)
    assert (frames[0] == frames[1]).all()
    assert (frames[0] != to_ycbcr(np.full((160, 160, 3), 90, np.uint8))).any()


def test_a_layer_beside_the_frame_paints_nothing():
    layer = Layer(np.full((20, 20, 4), 255, np.uint8), (0, 0))
    away = Segment(complex(-500, 40), 0.0, 20.0)
    frame = np.zeros((50, 50, 3), np.uint8)
    Sprite.of(layer).paint(frame, LimbWarp(Segment(0j, 0.0, 20.0), away, Stretch(20, 20, 1, 1, 1), ()))
    assert not frame.any()
