import json

import pytest

from kling_ui.checks.repair_kinds import RepairKind
from kling_ui.errors import SettingsError
from kling_ui.options import Orientation, TransferOptions
from kling_ui.ui.browser_values import RunRequest, read_request_json, read_shown_rate, shown_rate_value
from kling_ui.ui.web.signed_files import SignedFiles


@pytest.fixture
def signed_files(tmp_path):
    for name in ("image.png", "clip.mp4"):
        (tmp_path / name).write_bytes(b"x")
    return SignedFiles(tmp_path, b"secret")


@pytest.fixture
def run_request(tmp_path):
    choice = TransferOptions("outdoors", Orientation.IMAGE, keep_sound=False)
    files, done = (tmp_path / "image.png", tmp_path / "clip.mp4"), (RepairKind.IMAGE_CONVERT, "Convert to PNG")
    return RunRequest(*files, choice, True, "https://example.org/a.png", None, (done,))


def test_a_wish_survives_its_way_through_the_browser(signed_files, run_request):
    assert RunRequest.from_value(run_request.to_value(signed_files), signed_files) == run_request


@pytest.mark.parametrize(
    "change",
    [
        {"image": "x" * 32 + "/image.png"},
        {"image": None},
        {"video": 7},
        {"orientation": "sideways"},
        {"orientation": ["video"]},
    ],
)
def test_a_wish_that_was_tampered_with_is_none(signed_files, run_request, change):
    assert RunRequest.from_value(run_request.to_value(signed_files) | change, signed_files) is None


def test_what_was_repaired_is_handed_on_to_the_run(run_request):
    done = {"image": [["image.convert", "Convert to PNG"]], "video": []}
    assert run_request.inputs(findings=None).repaired == done


@pytest.mark.parametrize("value", [None, 7, "x", [1], [["image.convert"]], [["image.convert", 3]], [["nothing", "x"]]])
def test_odd_repairs_are_none(signed_files, run_request, value):
    read = RunRequest.from_value(run_request.to_value(signed_files) | {"image_repairs": value}, signed_files)
    assert read.image_repairs == ()


def test_repairs_are_not_believed_without_end(signed_files, run_request):
    many = [["image.convert", "x" * 10_000]] * 1000
    read = RunRequest.from_value(run_request.to_value(signed_files) | {"image_repairs": many}, signed_files)
    assert (len(read.image_repairs), len(read.image_repairs[0][1])) == (32, 120)


@pytest.mark.parametrize("value", [None, "request", [], {}])
def test_nothing_is_no_wish(signed_files, value):
    assert RunRequest.from_value(value, signed_files) is None


def test_only_a_true_yes_counts(signed_files, run_request):
    read = RunRequest.from_value(
        run_request.to_value(signed_files) | {"accepted": "yes", "keep_sound": 1, "prompt": None}, signed_files
    )
    assert read is not None
    assert (read.accepted, read.choice.keep_sound, read.choice.prompt) == (False, False, "")


def test_the_rate_that_is_shown_survives_its_way_through_the_browser():
    assert read_shown_rate(shown_rate_value(0.07)) == 0.07
    assert read_shown_rate(shown_rate_value(None)) is None


@pytest.mark.parametrize("rate_usd", ["0.07", True, 0, -1, 1e9, float("nan"), None, [0.07]])
def test_a_rate_that_no_page_can_have_shown_is_none(rate_usd):
    assert read_shown_rate({"rate_usd": rate_usd}) is None


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"prompt": "At sea", "engine": "kling", "image": "/etc/passwd"}, {"prompt": "At sea"}),
        ({"orientation": "image", "keep_sound": False}, {"orientation": "image", "keep_sound": False}),
        (
            {"character_orientation": "video", "keep_original_sound": True, "resolution": "1080p"},
            {"orientation": "video", "keep_sound": True, "resolution": "1080p"},
        ),
    ],
)
def test_a_request_is_read_from_the_words_of_either_engine(given, wanted):
    assert read_request_json(json.dumps(given)) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        "[]",
        "{}",
        '{"image": "a.png"}',
        '{"prompt": 1}',
        '{"orientation": "left"}',
        '{"orientation": ["video"]}',
        '{"keep_sound": 1}',
        '{"keep_sound": "true"}',
        '{"resolution": null}',
    ],
)
def test_what_is_no_request_is_refused_in_words(text):
    with pytest.raises(SettingsError):
        read_request_json(text)
