"""Run cards: what is in them, what is never in them, how their files are found, and which are refused."""

import json
import re
import shutil
from pathlib import Path

import pytest

from kling_ui.errors import MediaError
from kling_ui.runs.export import Entry
from kling_ui.takeaway.making import write_card, write_package
from kling_ui.takeaway.run_card import (
    CARD_MAX_BYTES,
    FileRole,
    RunCard,
    RunCardError,
    files_beside,
    missing_names,
    plain_text,
    read_card,
    view_of_card,
)


@pytest.fixture
def given(entry: Entry) -> dict:
    """The JSON of a good card."""
    return json.loads(RunCard.of(entry).text)


def opened(tmp_path: Path, value: object) -> RunCard:
    path = tmp_path / "a.run.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return read_card(path)


def test_a_card_says_everything_and_comes_back_the_same(entry, tmp_path):
    card = RunCard.of(entry)
    assert read_card(write_card(entry, tmp_path, with_files=False)) == card
    assert (card.run_id, card.request_id, card.cost_usd) == (entry.record.run_id, "req-1", 0.42)
    assert [(state.state.value, state.at_s) for state in card.states] == [
        ("preparing", 0.0),
        ("in_progress", 12.0),
        ("completed", 42.0),
    ]
    assert {file.role.value: file.sha256 for file in card.files} == {
        "image": entry.record.image_sha256,
        "reference": entry.record.reference_sha256,
        "result": entry.record.result_sha256,
    }
    assert card.options.prompt == "A robot in the rain"
    assert card.motion["score"] == entry.view.motion_match
    assert "kling-ui" in card.versions


def test_a_card_holds_no_secret_no_address_and_no_folder(entry):
    text = RunCard.of(entry).text
    for secret in ("visitor", "payer", "fingerprint", "signature", "://", "/home", str(Path.home()), "holder"):
        assert secret not in text
    assert "Read from cat.png" in text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("see /home/ann/a/b.mp4 there", "see b.mp4 there"),
        (r"see C:\Users\ann\b.mp4", "see b.mp4"),
        ("24 / 30 or 16:9, and/or a/b", "24 / 30 or 16:9, and/or a/b"),
        ("at https://s3.example/x?X-Amz-Signature=1", "at [address]"),
    ],
)
def test_addresses_and_folders_are_left_out_of_texts(text, left):
    assert plain_text(text) == left


def test_files_beside_a_card_are_found_by_their_content_whatever_they_are_called(entry, tmp_path):
    path = write_card(entry, tmp_path, with_files=True)
    card = read_card(path)
    (result,) = tmp_path.glob("*-result.mp4")
    result.rename(tmp_path / "holiday.mp4")
    (image,) = tmp_path.glob("*-image.png")
    image.write_bytes(b"another picture")
    found = files_beside(card, path)
    assert set(found) == {FileRole.REFERENCE, FileRole.RESULT}
    assert found[FileRole.RESULT].name == "holiday.mp4"
    assert missing_names(card, found) == [f"image ({image.name})"]
    view = view_of_card(card, found)
    assert (view.result, view.image, view.motion_match) == (
        found[FileRole.RESULT],
        None,
        pytest.approx(entry.view.motion_match),
    )


def test_a_link_out_of_the_folder_is_not_followed(entry, tmp_path):
    path = write_card(entry, tmp_path / "card", with_files=True)
    (result,) = path.parent.glob("*-result.mp4")
    shutil.move(result, tmp_path / "outside.mp4")
    result.symlink_to(tmp_path / "outside.mp4")
    assert FileRole.RESULT not in files_beside(read_card(path), path)


def test_a_package_opens_where_it_is_unpacked(entry, tmp_path):
    shutil.unpack_archive(write_package(entry, tmp_path / "a.zip"), tmp_path / "b")
    (path,) = (tmp_path / "b").glob("*.run.json")
    card = read_card(path)
    assert set(files_beside(card, path)) == set(FileRole)
    report = (tmp_path / "b" / "report.html").read_text("utf-8")
    assert all(f'src="{file.name}"' in report for file in files_beside(card, path).values())
    assert str(tmp_path) not in report
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.zip", "b"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("no json", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"format": NaN}', "not JSON"),
        ("[]", "does not say that it is a run card"),
        ({"format": "another"}, "does not say that it is a run card"),
    ],
)
def test_what_is_no_card_is_refused(tmp_path, value, words):
    with pytest.raises(RunCardError, match=words):
        opened(tmp_path, value)


def _with(**changes: object):
    return lambda card: card.update(changes)


def _name(name: str):
    return lambda card: card["files"][0].update(name=name)


def _deep(card: dict) -> None:
    inner: dict = {}
    card["findings"] = {"a": inner}
    for _ in range(40):
        inner["a"] = inner = {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_with(version=2), "version is 2; this release reads version 1"),
        (_with(version=True), "version is True"),
        (_with(token="x"), "token"),
        (_name("../secret.png"), "files.0.name"),
        (_name("/etc/passwd"), "files.0.name"),
        (_name("a\\b.png"), "files.0.name"),
        (_name(".."), "files.0.name"),
        (_name("C:b.png"), "files.0.name"),
        (_name("a\x00.png"), "files.0.name"),
        (lambda card: card["files"][0].update(sha256="0" * 63), "files.0.sha256"),
        (lambda card: card["files"][0].update(role="result"), "two files for one place"),
        (lambda card: card["options"].update(prompt="x" * 3000), "options.prompt"),
        (lambda card: card["result"].update(width_px=0), "result.width_px"),
        (lambda card: card["motion"].update(timeline=[{"at": 1}]), "motion match"),
        (lambda card: card["motion"].update(score="high"), "motion match"),
        (lambda card: card["motion"].update(lag="late"), "motion match"),
        (_with(cost_usd=-1), "cost_usd"),
        (_deep, "nested too deeply"),
    ],
)
def test_a_hostile_card_is_refused_in_words(given, tmp_path, change, words):
    opened(tmp_path, given)  # it was good before
    change(given)
    with pytest.raises(RunCardError, match=re.escape(words)):
        opened(tmp_path, given)


def test_a_card_that_is_too_large_is_not_read(tmp_path):
    with pytest.raises(RunCardError, match="larger than 2 MB"):
        opened(tmp_path, " " * (CARD_MAX_BYTES + 1))


def test_a_card_that_is_not_there_is_said_to_be_unreadable(tmp_path):
    with pytest.raises(MediaError):
        read_card(tmp_path / "none.run.json")
