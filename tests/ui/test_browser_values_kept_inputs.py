import pytest

from kling_ui.options import Orientation, Resolution, TransferOptions
from kling_ui.ui.browser_values import SavedInputs
from kling_ui.ui.web.signed_files import SignedFiles


@pytest.fixture
def signed_files(tmp_path):
    return SignedFiles(tmp_path, b"secret")


@pytest.fixture
def kept(signed_files, tmp_path):
    for name in ("a.png", "a.mp4"):
        (tmp_path / name).write_bytes(b"x")
    return {
        "image": {"ref": signed_files.sign(tmp_path / "a.png")},
        "video": {"ref": signed_files.sign(tmp_path / "a.mp4")},
        "orientation": "image",
        "keep_sound": False,
        "prompt": "In a park",
    }


def test_everything_comes_back(kept, signed_files, tmp_path):
    inputs = SavedInputs.from_value(kept, signed_files)
    assert (inputs.image.current.path, inputs.video.current.path) == (tmp_path / "a.png", tmp_path / "a.mp4")
    assert inputs.choice == TransferOptions("In a park", Orientation.IMAGE, keep_sound=False)


def test_one_input_that_is_gone_leaves_the_other(kept, signed_files, tmp_path):
    (tmp_path / "a.mp4").unlink()
    inputs = SavedInputs.from_value(kept, signed_files)
    assert inputs.image is not None
    assert inputs.video is None


@pytest.mark.parametrize("value", [None, "", 3, [], {}, {"image": {"ref": "x/y"}, "prompt": "a"}])
def test_nothing_comes_of_nothing(value, signed_files):
    assert SavedInputs.from_value(value, signed_files) is None


def test_a_choice_that_makes_no_sense_becomes_the_usual_one(kept, signed_files):
    inputs = SavedInputs.from_value(kept | {"orientation": "up", "keep_sound": 3, "prompt": ["x"]}, signed_files)
    assert inputs.choice == TransferOptions("", Orientation.VIDEO, keep_sound=True)


@pytest.mark.parametrize("gone", [None, "a.png", "a.mp4"])
def test_what_stood_there_survives_its_way_through_the_browser(kept, signed_files, tmp_path, gone):
    if gone:
        (tmp_path / gone).unlink()
    repaired = {"ref": kept["image"]["ref"], "repairs": [["image.convert", "Convert"]], "span": [1.0, 4.0]}
    kept["image"] |= {"current": repaired, "past": [{"ref": kept["image"]["ref"]}]}
    inputs = SavedInputs.from_value(kept | {"resolution": "1080p"}, signed_files)
    assert inputs.choice.resolution is Resolution.P1080
    assert SavedInputs.from_value(inputs.to_value(signed_files), signed_files) == inputs
