import pytest

from kling_ui.api.models import MotionRequest
from kling_ui.options import Resolution, TransferOptions
from kling_ui.runs.record import EngineName, fingerprint


def run_request(engine: EngineName, choice: TransferOptions) -> str:
    return fingerprint("ann", engine, "image", "reference", choice)


@pytest.mark.parametrize(("resolution", "sides_px"), [("720p", (1280, 720)), ("1080p", (1920, 1080))])
def test_resolutions_are_named_by_their_shorter_side(resolution, sides_px):
    assert Resolution(resolution).sides_px == sides_px


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


@pytest.mark.parametrize(
    ("picture", "p720", "p1080"),
    [
        ((720, 1280), (720, 1280), (720, 1280)),
        ((900, 1600), (720, 1280), (900, 1600)),
        ((4000, 3000), (960, 720), (1440, 1080)),
        ((301, 401), (300, 400), (300, 400)),
    ],
)
def test_a_frame_has_the_shape_of_the_picture_and_is_never_enlarged(picture, p720, p1080):
    assert (Resolution.P720.frame_px(*picture), Resolution.P1080.frame_px(*picture)) == (p720, p1080)
