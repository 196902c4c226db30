import pytest

from kling_ui.choice import Choice, Orientation
from kling_ui.ui.kept_inputs import KeptInputs
from kling_ui.ui.web.files import Locker


@pytest.fixture
def locker(tmp_path):
    return Locker(tmp_path, b"secret")


@pytest.fixture
def kept(locker, tmp_path):
    for name in ("a.png", "a.mp4"):
        (tmp_path / name).write_bytes(b"x")
    return {
        "image": {"ref": locker.sign(tmp_path / "a.png")},
        "video": {"ref": locker.sign(tmp_path / "a.mp4")},
        "orientation": "image",
        "keep_sound": False,
        "prompt": "In a park",
    }


def test_everything_comes_back(kept, locker, tmp_path):
    inputs = KeptInputs.from_value(kept, locker)
    assert (inputs.image.current.path, inputs.video.current.path) == (tmp_path / "a.png", tmp_path / "a.mp4")
    assert inputs.choice == Choice("In a park", Orientation.IMAGE, keep_sound=False)


def test_one_input_that_is_gone_leaves_the_other(kept, locker, tmp_path):
    (tmp_path / "a.mp4").unlink()
    inputs = KeptInputs.from_value(kept, locker)
    assert inputs.image is not None
    assert inputs.video is None


@pytest.mark.parametrize("value", [None, "", 3, [], {}, {"image": {"ref": "x/y"}, "prompt": "a"}])
def test_nothing_comes_of_nothing(value, locker):
    assert KeptInputs.from_value(value, locker) is None


def test_a_choice_that_makes_no_sense_becomes_the_usual_one(kept, locker):
    inputs = KeptInputs.from_value(kept | {"orientation": "up", "keep_sound": 3, "prompt": ["x"]}, locker)
    assert inputs.choice == Choice("", Orientation.VIDEO, keep_sound=True)
