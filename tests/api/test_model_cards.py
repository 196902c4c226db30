import pytest

from kling_ui.api.model_cards import ModelCard, fields_of
from kling_ui.api.models import Price
from kling_ui.errors import UnexpectedResponseError

SCHEMA = {
    "properties": {
        "prompt": {"type": "string"},
        "keep_original_sound": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
        "character_orientation": {"$ref": "#/$defs/Facing"},
        "elements": {"type": "array"},
    },
    "required": ["prompt"],
    "$defs": {"Facing": {"type": "string", "enum": ["video", "image"]}},
}


def test_a_card_tells_name_price_and_fields():
    data = {"model_id": "kling/x", "display_name": "X", "base_price_usd": 0.07, "price_unit": "second"}
    card = ModelCard.from_json(data | {"input_schema": SCHEMA})
    assert (card.model_id, card.name, card.price) == ("kling/x", "X", Price(0.07, "second"))
    assert len(card.schema_sha256) == 64
    fields = fields_of(SCHEMA)
    assert fields["prompt"].is_required
    assert fields["character_orientation"].words == ('"image"', '"video"')
    assert fields["keep_original_sound"].kinds == ("boolean", "null")
    assert (fields["elements"].kinds, fields["elements"].is_required) == (("array",), False)


def test_the_hash_is_of_what_is_said_and_not_of_its_order():
    backwards = {name: SCHEMA[name] for name in reversed(SCHEMA)}
    cards = [ModelCard("m", "M", None, schema) for schema in (SCHEMA, backwards, SCHEMA | {"required": []})]
    assert cards[0].schema_sha256 == cards[1].schema_sha256 != cards[2].schema_sha256


@pytest.mark.parametrize(
    "schema",
    [None, [], "x", {}, {"properties": []}, {"properties": {}}, {"properties": {str(n): {} for n in range(201)}}],
)
def test_what_names_no_fields_is_no_schema(schema):
    card = ModelCard.from_json({"model_id": "m", "input_schema": schema})
    assert (card.input_schema, card.schema_sha256, card.price) == (None, "", None)


@pytest.mark.parametrize(
    "told",
    [
        None,
        3,
        {"type": 3},
        {"anyOf": 3},
        {"$ref": "#/$defs/nowhere"},
        {"$ref": "https://x.example/"},
        {"enum": "video"},
    ],
)
def test_an_odd_field_is_known_by_its_name_alone(told):
    found = fields_of({"properties": {"odd": told}})["odd"]
    assert (found.name, found.kinds, found.words) == ("odd", (), ())


def test_a_reference_to_itself_ends():
    assert fields_of({"properties": {"odd": {"$ref": "#/properties/odd"}}})["odd"].kinds == ()


def test_a_card_without_a_name_is_refused():
    with pytest.raises(UnexpectedResponseError):
        ModelCard.from_json({"display_name": "X"})
