import stat

import pytest

from kling_ui.errors import SettingsError
from kling_ui.runs.publishing.public_files import KEY_BYTES, derived, kept_key


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    key = kept_key(tmp_path / "data")
    assert len(key) == KEY_BYTES
    assert kept_key(tmp_path / "data") == key
    (kept,) = (tmp_path / "data").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kept_key(tmp_path / "other") != key


def test_a_folder_that_cannot_be_written_to_names_its_variable(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(SettingsError, match="KLING_UI_DATA_DIR takes"):
        kept_key(tmp_path / "data")


def test_what_is_derived_depends_on_every_part_and_suits_an_address():
    names = {derived(b"k", "a", "b"), derived(b"k", "ab"), derived(b"k", "a", "c"), derived(b"l", "a", "b")}
    assert len(names) == 4
    assert all(len(name) == 43 and name.replace("-", "").replace("_", "").isalnum() for name in names)
    assert derived(b"k", "a", "b") in names
