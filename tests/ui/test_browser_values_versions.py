import json

import pytest

from kling_ui.checks.repair_kinds import RepairKind
from kling_ui.ui.browser_values import InputVersion, InputVersions, read_span
from kling_ui.ui.web.signed_files import SignedFiles


@pytest.fixture
def signed_files(tmp_path):
    return SignedFiles(tmp_path, b"secret")


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / name for name in ("a.mkv", "a-repaired.mp4", "a-repaired-2.mp4", "picture.jpg")]
    for path in paths:
        path.write_bytes(b"x")
    return paths


@pytest.fixture
def versions(files):
    original = InputVersion(files[0], origin="https://example.org/a.mkv")
    converted = InputVersion(files[1], ((RepairKind.VIDEO_CONVERT, "Convert"),), picture=files[3])
    trimmed = InputVersion(files[2], (*converted.repairs, (RepairKind.VIDEO_TRIM, "Trim")), span=(1.0, 5.5))
    return InputVersions(original).adding(converted).adding(trimmed)


def _carried(versions, signed_files):
    """As a browser brings it back."""
    value = {"ref": signed_files.sign(versions.current.path)} | versions.to_value(signed_files)
    return json.loads(json.dumps(value))


def test_a_browser_carries_the_way_back(versions, signed_files):
    assert InputVersions.from_value(_carried(versions, signed_files), signed_files) == versions


def test_each_step_is_undone_by_itself_down_to_the_original(versions):
    assert versions.undone().current.labels == ("Convert",)
    original = versions.undone().undone()
    assert original.current == versions.original
    assert not original.is_repaired
    assert original.undone() == original


def test_only_the_original_came_from_the_link(versions, signed_files):
    assert versions.to_value(signed_files)["origin"] is None
    assert versions.undone().undone().to_value(signed_files)["origin"] == "https://example.org/a.mkv"


def test_a_file_that_is_gone_is_no_version(versions, signed_files, files):
    value = _carried(versions, signed_files)
    files[2].unlink()
    assert InputVersions.from_value(value, signed_files) is None


def test_without_its_original_a_repaired_file_is_an_input_of_its_own(versions, signed_files, files):
    value = _carried(versions, signed_files)
    files[0].unlink()
    kept = InputVersions.from_value(value, signed_files)
    assert kept.current == versions.current
    assert not kept.is_repaired


@pytest.mark.parametrize("change", [{"ref": "x" * 32 + "/a.mkv"}, {"ref": None}, {"ref": 3}])
def test_what_was_not_signed_here_is_not_opened(versions, signed_files, change):
    assert InputVersions.from_value(_carried(versions, signed_files) | change, signed_files) is None


def test_nonsense_beside_a_good_reference_does_no_harm(signed_files, files):
    ref = signed_files.sign(files[0])
    value = {
        "ref": ref,
        "current": {"ref": ref, "repairs": [["video.trim", 3], ["x", "y"], 7], "span": [5, 1]},
        "past": 3,
    }
    assert InputVersions.from_value(value, signed_files) == InputVersions(InputVersion(files[0]))


@pytest.mark.parametrize(
    ("value", "span"),
    [([1, 2.5], (1.0, 2.5)), ([2, 1], None), ([1], None), (["1", 2], None), (None, None), ([-1, 2], None)],
)
def test_spans_rise(value, span):
    assert read_span(value) == span
