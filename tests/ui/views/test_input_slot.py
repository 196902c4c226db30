from pathlib import Path

import numpy as np
import pytest

from kling_ui.errors import KlingUIError, MediaError
from kling_ui.media.image import ImageFacts
from kling_ui.media.probe import VideoFacts
from kling_ui.presentation.wording import NBSP
from kling_ui.ui.views import input_slot as slot_view
from kling_ui.ui.web.signed_files import SignedFiles
from kling_ui.vision.analysis import ImageAnalysis, PersonFacts, VideoAnalysis
from kling_ui.vision.pose import Framing, PoseTrack


@pytest.fixture
def signed_files(tmp_path):
    return SignedFiles(tmp_path, b"secret")


def _image_facts(path):
    return ImageFacts(path, "png", 516_000, 622, 913, 1, "RGB", has_alpha=False, frame_count=1)


def _video_facts(path, *, has_audio=True):
    return VideoFacts(path, "mp4", 2_700_000, 1080, 1920, 12.0, 24.0, 288, "h264", "yuv420p", 0, has_audio, "aac")


def _person(visibility_of_legs):
    landmarks = [(0.5, 0.1 + n * 0.02, 0.0, 1.0 if n < 25 else visibility_of_legs) for n in range(33)]
    return PersonFacts(tuple(landmarks), 0.241, (0.2, 0.1, 0.8, 0.9), 0.5, 0.95)


def _track(*, shown, of):
    landmarks = np.full((of, 33, 4), np.nan, np.float32)
    landmarks[:shown] = np.asarray(_person(1.0).landmarks, np.float32)
    return PoseTrack((np.arange(of) + 0.5) * 12 / of, landmarks, np.zeros((of, 33, 3), np.float32), 0.5625)


def _said(value):
    return {name: text.replace(NBSP, " ") for name, text in value["facts"]}


def test_a_picture_shows_its_facts_first(signed_files, tmp_path):
    value = slot_view.image_facts(signed_files, tmp_path / "a.png", _image_facts(tmp_path / "a.png"))
    assert _said(value) == {"Size": "622 × 913 px", "File": "PNG, 516 kB"}
    assert value["busy"]
    assert value["ref"] == signed_files.sign(tmp_path / "a.png")
    assert "overlay" not in value


def test_a_picture_shows_what_was_found(signed_files, tmp_path):
    path = tmp_path / "a.png"
    look = ImageAnalysis("0" * 64, _image_facts(path), _person(1.0), 0.0, tmp_path / "overlay.jpg")
    value = slot_view.image_value(signed_files, path, look)
    assert value["busy"] == ""
    assert value["overlay"] == signed_files.url(tmp_path / "overlay.jpg")
    assert value["found"].replace(NBSP, " ") == "The character covers 24 % of the picture, full body."


def test_an_upper_body_is_called_so():
    person = _person(0.0)
    assert person.framing is Framing.UPPER
    assert slot_view.found_in_image(person).endswith("upper body.")


def test_nobody_in_a_picture(signed_files, tmp_path):
    look = ImageAnalysis("0" * 64, _image_facts(tmp_path / "a.png"), None, 0.0, None)
    value = slot_view.image_value(signed_files, tmp_path / "a.png", look)
    assert (value["found"], value["overlay"]) == ("No character was found.", "")


def test_a_clip_shows_its_facts(signed_files, tmp_path):
    value = slot_view.video_facts(signed_files, tmp_path / "a.mp4", _video_facts(tmp_path / "a.mp4"))
    assert _said(value) == {
        "Length": "12.0 s, 24 fps",
        "Size": "1080 × 1920 px",
        "File": "MP4, H.264, 2.7 MB",
        "Sound": "yes",
    }


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        (10, "A person is in view all the time, full body."),
        (5, "A person is in view 50 % of the time, full body."),
        (0, "No person was found."),
    ],
)
def test_a_clip_shows_what_was_found(signed_files, tmp_path, shown, found):
    facts = _video_facts(tmp_path / "a.mp4", has_audio=False)
    look = VideoAnalysis("0" * 64, facts, _track(shown=shown, of=10), tmp_path / "strip.jpg")
    value = slot_view.video_value(signed_files, tmp_path / "a.mp4", look)
    assert value["found"].replace(NBSP, " ") == found
    assert value["strip"] == signed_files.url(tmp_path / "strip.jpg")
    assert _said(value)["Sound"] == "none"


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (MediaError("it is empty.", path=Path("a.png"), advice="Choose another."), "It is empty."),
        (KlingUIError("Gone.", advice="Choose another."), "Gone."),
    ],
)
def test_errors_are_sentences(error, shown):
    assert slot_view.failed(error) == {"error": shown, "advice": "Choose another."}
