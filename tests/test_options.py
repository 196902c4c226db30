from dataclasses import asdict

import pytest

from kling_ui.api.models import MotionRequest
from kling_ui.options import Orientation, Resolution, TransferOptions
from kling_ui.runs.record import EngineName, fingerprint


def run_request(engine: EngineName, choice: TransferOptions) -> str:
    return fingerprint("ann", engine, "image", "reference", choice)


def test_a_choice_is_read_back_as_it_was():
    choice = TransferOptions("p", Orientation.IMAGE, keep_sound=False, resolution=Resolution.P1080)
    again = TransferOptions.of(
        {name: str(value) if name != "keep_sound" else value for name, value in asdict(choice).items()}
    )
    assert again == choice
    assert isinstance(again.resolution, Resolution)


@pytest.mark.parametrize(("resolution", "sides_px"), [("720p", (1280, 720)), ("1080p", (1920, 1080))])
def test_resolutions_are_named_by_their_shorter_side(resolution, sides_px):
    assert Resolution(resolution).sides_px == sides_px


def test_a_choice_from_before_there_were_resolutions_is_the_default():
    assert TransferOptions.of({"prompt": "p", "orientation": "video", "keep_sound": True}) == TransferOptions("p")


def test_an_unknown_word_is_refused():
    with pytest.raises(ValueError, match="4k"):
        TransferOptions.of({"resolution": "4k"})


def test_a_resolution_makes_another_preview_but_no_other_paid_wish():
    small, large = TransferOptions("p"), TransferOptions("p", resolution=Resolution.P1080)
    assert run_request(EngineName.PREVIEW, small) != run_request(EngineName.PREVIEW, large)
    assert run_request(EngineName.KLING, small) == run_request(EngineName.KLING, large)


def test_wishes_written_down_before_there_were_resolutions_stay_the_same():
    written = "c3a2bcd80d3e"
    assert run_request(EngineName.KLING, TransferOptions("p")).startswith(written)


def test_a_resolution_is_sent_only_when_it_is_given():
    assert "resolution" not in MotionRequest("p", "i", "v").to_json()
    assert MotionRequest("p", "i", "v", resolution=Resolution.P1080).to_json()["resolution"] == "1080p"
