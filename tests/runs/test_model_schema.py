import pytest

from kling_ui.options import Orientation, TransferOptions
from kling_ui.presentation.model_sentences import schema_stop_words, schema_words
from kling_ui.runs.model_schema import FieldChange, SchemaChange, SchemaChangedError, hold_schema, schema_changes

TEXT, FLAG = {"type": "string"}, {"type": "boolean"}
KNOWN = {
    "prompt": TEXT,
    "image_url": TEXT,
    "video_url": TEXT,
    "keep_original_sound": FLAG,
    "character_orientation": TEXT | {"enum": ["image", "video"]},
}


def schema(required=(), without=(), **more):
    fields = {name: told for name, told in (KNOWN | more).items() if name not in without}
    return {"properties": fields, "required": list(required)}


def found(now, before=None, choice=None):
    return [(one.change, one.name, one.stops) for one in schema_changes(now, before, choice)]


def test_what_the_contract_says_is_no_change():
    assert found(schema(["prompt", "image_url"])) == []
    assert found(schema(), schema()) == []


@pytest.mark.parametrize(
    ("now", "change"),
    [
        (schema(mode=TEXT), (FieldChange.NEW, "mode", False)),
        (schema(["mode"], mode=TEXT), (FieldChange.NEW, "mode", True)),
        (schema(without=["keep_original_sound"]), (FieldChange.GONE, "keep_original_sound", True)),
        (schema(keep_original_sound=TEXT), (FieldChange.KIND, "keep_original_sound", True)),
        (schema(prompt={"type": ["string", "null"]}), (FieldChange.KIND, "prompt", False)),
        (schema(["prompt"]), (FieldChange.REQUIRED, "prompt", False)),
        (schema(character_orientation=TEXT), (FieldChange.WORDS, "character_orientation", False)),
        (schema(character_orientation={"enum": ["front"]}), (FieldChange.WORDS, "character_orientation", True)),
    ],
)
def test_each_change_is_told_and_stops_only_what_does_not_fit(now, change):
    assert change in found(now, schema())
    assert len(found(now, schema())) == 1


def test_a_value_that_is_no_longer_taken_stops_only_who_chose_it():
    now = schema(character_orientation=TEXT | {"enum": ["image"]})
    video, image = TransferOptions(), TransferOptions(orientation=Orientation.IMAGE)
    assert found(now, None, video) == [(FieldChange.WORDS, "character_orientation", True)]
    assert found(now, now, image) == []


def test_a_field_that_was_known_before_is_not_new_any_more():
    assert found(schema(elements={"type": "array"}), schema(elements={"type": "array"})) == []


def test_changes_are_told_in_words():
    told = schema_changes(schema(["seed"], seed={"type": "integer"}, mode=TEXT), None, None)
    assert schema_words(told) == (
        "What this model takes has changed: the field “seed” is new (integer) and required; this app does not send it; "
        "the field “mode” is new (string); this app does not send it."
    )
    assert "“mode”" not in schema_stop_words(told)[0]
    with pytest.raises(SchemaChangedError):
        hold_schema(told)
    hold_schema(told[1:])
    assert schema_words([]) == ""


def test_words_of_a_vendor_are_kept_short():
    odd = SchemaChange(change=FieldChange.NEW, name="x" * 5000 + "\n\x1b[31m", now="y" * 5000)
    assert len(schema_words([odd] * 50)) < 1800
    assert "\x1b" not in schema_words([odd])


@pytest.mark.parametrize("change", FieldChange)
def test_a_change_is_read_as_it_was_written(change):
    one = SchemaChange(change=change, name="mode", was="a", now="b", stops=True)
    assert SchemaChange.from_json(one.to_json()) == one
    assert "mode" in schema_words([one])
