import numpy as np
import pytest

from kling_ui.vision.people import face_of
from kling_ui.vision.pose import Landmark


@pytest.mark.parametrize(
    ("nose", "turn", "nod"),
    [((0.5, 0.5), 0, 0), ((0.55, 0.5), 0.5, 0), ((0.5, 0.56), 0, 0.6)],
)
def test_a_face_is_read_off_its_nose_and_ears(nose: tuple[float, float], turn: float, nod: float):
    points = np.zeros((33, 2))
    points[[Landmark.LEFT_EAR, Landmark.LEFT_EYE]] = (0.55, 0.5)
    points[[Landmark.RIGHT_EAR, Landmark.RIGHT_EYE]] = (0.45, 0.5)
    points[Landmark.NOSE] = nose
    assert face_of(points) == pytest.approx([0, turn, nod], abs=1e-9)
    turned = points @ np.array([[np.cos(0.4), np.sin(0.4)], [-np.sin(0.4), np.cos(0.4)]])
    assert face_of(turned) == pytest.approx([0.4, turn, nod], abs=1e-9)
