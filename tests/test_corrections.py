"""What a person may say of a character by hand, how it is refused in words, and how it is kept."""

import base64
import json
import os
from io import BytesIO

import pytest
from PIL import Image

from kling_ui.corrections import (
    JOINTS,
    KEPT_S,
    Corrections,
    CorrectionStore,
    PlacedJoint,
    corrections_of_files,
    read_corrections,
)
from kling_ui.errors import KlingUIError, MediaError

SIZE = (400, 200)
ONE = Corrections({"left wrist": PlacedJoint(0.25, 0.5)})
OTHER = Corrections({"left wrist": PlacedJoint(0.26, 0.5)})


def png(size=(40, 20), mode="LA", colour=(255, 255)):
    out = BytesIO()
    Image.new(mode, size, colour).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"unit": "px", "joints": {"left wrist": [100, 100]}}, (0.25, 0.5)),
        ({"unit": "px", "joints": {"left wrist": {"x": 100, "y": 100}}}, (0.25, 0.5)),
        ({"unit": "share", "joints": {"left wrist": [0.25, 0.5]}}, (0.25, 0.5)),
        ({"joints": {"left wrist": [0.25, 0.5]}}, (0.25, 0.5)),
        ({"joints": {"left wrist": [-0.4, 1.3]}}, (-0.4, 1.3)),
    ],
)
def test_a_joint_is_said_in_pixels_or_in_shares(said, place):
    assert Corrections.from_json(said, size_px=SIZE).joints["left wrist"].place == place


def test_a_hidden_joint_needs_no_place():
    read = Corrections.from_json({"joints": {"left wrist": {"hidden": True}}})
    assert read.joints == {"left wrist": PlacedJoint(None, None, hidden=True)}
    assert read.joints["left wrist"].place is None


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ([], "take a JSON object"),
        ({"points": {}}, "no entry 'points'"),
        ({"unit": "cm"}, "share or px"),
        ({"unit": "px", "joints": {}}, "share or px"),
        ({"joints": [1]}, "take a JSON object"),
        ({"joints": {"tail": [0, 0]}}, "no joint 'tail'"),
        ({"joints": {"nose": [0.5]}}, "x and y take numbers"),
        ({"joints": {"nose": {"x": 0.5}}}, "needs both x and y"),
        ({"joints": {"nose": {}}}, "needs both x and y"),
        ({"joints": {"nose": ["0", 0]}}, "take numbers"),
        ({"joints": {"nose": [True, 0]}}, "take numbers"),
        ({"joints": {"nose": [float("nan"), 0]}}, "take numbers"),
        ({"joints": {"nose": [100, 100]}}, "far outside"),
        ({"joints": {"nose": {"x": 0, "y": 0, "hidden": "no"}}}, "true or false"),
        ({"joints": {"nose": {"x": 0, "y": 0, "z": 0}}}, "true or false"),
        ({"mask": 7}, "PNG in base64"),
        ({"mask": "!"}, "PNG in base64"),
        ({"mask": base64.b64encode(b"GIF89a" * 9).decode()}, "not a PNG"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(said, words):
    with pytest.raises(KlingUIError) as caught:
        Corrections.from_json(said)
    assert words in str(caught.value)


def test_what_is_read_says_the_same_when_it_is_written():
    said = {"joints": {name: [0.5, 0.25] for name in JOINTS}, "mask": base64.b64encode(png()).decode()}
    read = Corrections.from_json(said)
    assert Corrections.from_json(json.loads(json.dumps(read.to_json()))) == read
    assert read.summary is not None
    assert (read.summary.joints, read.summary.mask) == (JOINTS, True)


def test_equal_corrections_have_equal_keys_and_others_have_others():
    hidden = Corrections({"left wrist": PlacedJoint(0.25, 0.5, hidden=True)})
    keys = [ONE.key, OTHER.key, hidden.key, Corrections(ONE.joints, png()).key]
    assert len(set(keys)) == 4
    assert Corrections({"left wrist": PlacedJoint(0.25, 0.5)}).key == ONE.key
    assert Corrections().key == ""
    assert not Corrections()


def test_files_become_corrections(tmp_path):
    (tmp_path / "joints.json").write_text(json.dumps({"unit": "px", "joints": {"nose": [200, 50]}}))
    (tmp_path / "mask.png").write_bytes(png())
    read = corrections_of_files(tmp_path / "joints.json", tmp_path / "mask.png", size_px=SIZE)
    assert read.joints["nose"].place == (0.5, 0.25)
    assert read.mask == png()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("joints.json", b"{", "it is not JSON"),
        ("joints.json", b"[" * 5000, "it is not JSON"),
        ("joints.json", b'{"joints": {"tail": [0, 0]}}', "there is no joint 'tail'"),
        ("mask.png", b"no picture", "the mask is not a PNG"),
        ("mask.png", png((40, 40)), "their shapes differ"),
    ],
)
def test_a_file_that_cannot_be_meant_is_named(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    given = (path, None) if name == "joints.json" else (None, path)
    with pytest.raises(MediaError) as caught:
        corrections_of_files(*given, size_px=SIZE)
    assert words in caught.value.reason
    assert caught.value.path == path


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MediaError, match="cannot be opened"):
        corrections_of_files(tmp_path / "none.json", None, size_px=SIZE)


def test_the_same_picture_has_its_maker_s_corrections_again_and_nobody_else_s(tmp_path):
    store = CorrectionStore(tmp_path, b"secret")
    place = store.keep("ann", "a" * 64, ONE)
    assert place is not None
    assert read_corrections(place) == ONE
    assert store.find("ann", "a" * 64) == place
    assert store.find("bob", "a" * 64) is None
    assert store.find("ann", "b" * 64) is None
    assert store.find("", "a" * 64) is None
    assert "ann" not in place.name


def test_the_newest_corrections_count_and_none_forget_all(tmp_path):
    store = CorrectionStore(tmp_path, b"secret")
    first = store.keep("ann", "a" * 64, ONE)
    os.utime(first, (1, 1))
    second = store.keep("ann", "a" * 64, OTHER)
    assert store.find("ann", "a" * 64) == second
    assert first.is_file()  # another tab may still show it
    assert store.keep("ann", "a" * 64, Corrections()) is None
    assert store.find("ann", "a" * 64) is None
    assert list(tmp_path.iterdir()) == []


def test_one_person_keeps_a_bounded_number(tmp_path):
    store = CorrectionStore(tmp_path, b"secret")
    others = store.keep("bob", "f" * 64, ONE)
    for number in range(205):
        place = store.keep("ann", f"{number:064x}", ONE)
        os.utime(place, (number + 1, number + 1))
    assert len(list(tmp_path.iterdir())) <= 202
    assert store.find("ann", f"{0:064x}") is None
    assert store.find("ann", f"{204:064x}") is not None
    assert others.is_file()


def test_what_nobody_used_for_a_month_is_swept(tmp_path):
    store = CorrectionStore(tmp_path, b"secret")
    old, fresh = (store.keep("ann", letter * 64, ONE) for letter in "ab")
    now = fresh.stat().st_mtime
    os.utime(old, (now - KEPT_S - 60, now - KEPT_S - 60))
    store.sweep(now=now)
    assert not old.exists()
    assert fresh.exists()
