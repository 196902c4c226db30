"""Whatever a browser sends as a value is read or left out, and opens no file that was not signed."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kling_ui.ui.browser_values import InputVersions, RunRequest, SavedInputs, read_shown_rate, read_span
from kling_ui.ui.event_payload import entries_of, text_of
from kling_ui.ui.web.signed_files import SignedFiles

FIELDS = [
    "image",
    "video",
    "ref",
    "current",
    "past",
    "origin",
    "path",
    "repairs",
    "corrections",
    "prompt",
    "orientation",
]
FIELDS += ["keep_sound", "accepted", "image_url", "video_url", "image_repairs", "rate_usd", "resolution", "span"]
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ODD = st.sampled_from(["image", "video", "\ud800", "../../etc/passwd", "/etc/passwd", "x" * 32 + "/image.png", "720p"])
ATTACKS = settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SIGNED = "signed"  # stands for the reference of a file that is there


def values():
    return st.recursive(
        PLAIN | ODD | st.just(SIGNED),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6),
        max_leaves=14,
    )


@pytest.fixture
def signed_files(tmp_path):
    (tmp_path / "image.png").write_bytes(b"x")
    return SignedFiles(tmp_path, b"secret")


def with_signed(value, signed_files):
    if value == SIGNED:
        return signed_files.sign(signed_files.root / "image.png")
    if isinstance(value, list):
        return [with_signed(entry, signed_files) for entry in value]
    if isinstance(value, dict):
        return {name: with_signed(entry, signed_files) for name, entry in value.items()}
    return value


@ATTACKS
@given(values())
def test_any_value_is_read_or_left_out(signed_files, value):
    value, inside = with_signed(value, signed_files), signed_files.root / "image.png"
    versions = InputVersions.from_value(value, signed_files)
    if versions is not None:
        assert {version.path for version in (versions.current, *versions.past)} == {inside}
        assert InputVersions.from_value(
            {"ref": signed_files.sign(inside)} | versions.to_value(signed_files), signed_files
        )
    request = RunRequest.from_value(value, signed_files)
    if request is not None:
        assert {request.image, request.video} == {inside}
        assert request.corrections in {None, inside}
        assert isinstance(request.choice.prompt, str)
    saved = SavedInputs.from_value(value, signed_files)
    assert saved is None or {found.current.path for found in (saved.image, saved.video) if found} == {inside}


@ATTACKS
@given(st.lists(PLAIN | st.integers(-(10**400), 10**400), max_size=3) | values(), values())
def test_times_and_rates_are_numbers_that_make_sense(span, rate):
    found = read_span(span)
    assert found is None or 0 <= found[0] < found[1] < float("inf")
    shown = read_shown_rate(rate)
    assert shown is None or 0 < shown < float("inf")
    assert isinstance(entries_of(rate), dict)
    assert isinstance(text_of(rate), str)
