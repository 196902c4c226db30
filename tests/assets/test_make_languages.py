"""The catalogue of what Python says in Chinese is whole, and holds nothing that is not said any more."""

import gc
import string

import make_languages
import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with make_languages.SERVER.open("rb") as file:
        return read_po(file, locale="zh_CN")


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    gc.disable()  # it parses all modules: see pytest_sessionstart in tests/conftest.py
    try:
        return make_languages.server_sentences()
    finally:
        gc.enable()


def places(sentence: str) -> dict[str, str]:
    return {name: form or "" for _, name, form, _ in string.Formatter().parse(sentence) if name is not None}


def test_every_sentence_is_in_the_catalogue_and_no_other(catalogue, sentences):
    known = {str(message.id) for message in catalogue if message.id}
    assert set(sentences) - known == set(), "make languages, then translate"
    assert known - set(sentences) == set(), "make languages"
    assert not catalogue.obsolete


def test_every_sentence_is_translated_and_by_a_person(catalogue):
    for message in catalogue:
        if message.id:
            assert message.string, message.id
            assert not message.fuzzy, message.id


def test_a_translation_has_the_same_places_written_in_the_same_way(catalogue):
    for message in catalogue:
        if message.id:
            assert places(message.string) == places(message.id), message.id


def test_chinese_has_one_form_for_any_number(catalogue):
    assert catalogue.num_plurals == 1


def test_what_is_known_stays_when_the_catalogue_is_made_anew(tmp_path, sentences):
    kept = tmp_path / "server.po"
    kept.write_bytes(make_languages.updated(["Ready.", "Not said any more."], make_languages.SERVER))
    again = read_po(kept.open("rb"))
    assert [(message.id, message.string) for message in again if message.id] == [
        ("Ready.", "可以运行。"),
        ("Not said any more.", ""),
    ]
    assert make_languages.updated(sentences, make_languages.SERVER) == make_languages.SERVER.read_bytes()


def test_words_are_told_from_names_and_codes():
    said = ["Ready.", "{words}.", ", ", "{name}: {reason}"]
    assert [
        text for text in [*said, "", " ", "{name}", "max_usd", "KLING_UI_HOSTS"] if make_languages.is_words(text)
    ] == said


def test_errors_tables_and_either_side_of_a_choice_are_found():
    source = """
raise RunError("It failed.", advice="Try again." if often else "Wait.")
raise ValueError("Not for people.")
one, many = "{count} thing", "{count} things"
label = say("Said")
"""
    found = list(make_languages.said_in(source))
    assert sorted(found) == sorted(["It failed.", "Try again.", "Wait.", "{count} thing", "{count} things", "Said"])
