import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from kling_ui.errors import SettingsError
from kling_ui.signing import SECRET_BYTES, is_same, keyed_hash, secret_in, signature


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path):
    key = secret_in(tmp_path / "data", "a.key")
    assert len(key) == SECRET_BYTES
    assert secret_in(tmp_path / "data", "a.key") == key
    (kept,) = (tmp_path / "data").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert secret_in(tmp_path / "other", "a.key") != key


def test_a_folder_that_cannot_be_written_to_names_its_variable(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(SettingsError, match="KLING_UI_DATA_DIR takes"):
        secret_in(tmp_path / "data", "a.key")


def test_a_signature_depends_on_every_part_and_suits_an_address():
    names = {signature(b"k", "a", "b"), signature(b"k", "ab"), signature(b"k", "a", "c"), signature(b"l", "a", "b")}
    assert len(names) == 4
    assert all(len(name) == 43 and name.replace("-", "").replace("_", "").isalnum() for name in names)
    assert signature(b"k", "a", "b") in names


def test_what_has_been_given_out_stays_valid():
    assert signature(b"key", "/lent", "run/image.png", 7) == "gZ6KlWg4U_Oj-MJE6w2ECLhv8iU4TDNB30l7NKyDtB8"
    assert signature(b"key", "runs/a b.png")[:32] == "351GeyNcBW6SRYJL54zUXaZdVhIQYwge"
    assert keyed_hash(b"key", "kling_ui session").hex()[:32] == "e6e609e150789fc45fc90789f3fd578e"


def test_signatures_are_compared_whatever_characters_they_hold():
    assert is_same(signature(b"k", "\udcff"), signature(b"k", "\udcff"))
    assert not is_same("\udcff", signature(b"k", "\udcff"))


def test_several_that_make_a_secret_at_once_get_the_same(tmp_path):
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lambda _: secret_in(tmp_path, "a.key"), range(32)))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.key"]
