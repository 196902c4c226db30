"""What the vendor says of a model: its name, its price, and the fields that a request for it takes."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from kling_ui.api.models import Price
from kling_ui.api.responses import text_of
from kling_ui.errors import UnexpectedResponseError

NAME_MAX_CHARS = 120
FIELDS_MAX = 200  # of a schema; what is longer is no schema of a request


@dataclass(frozen=True, slots=True)
class SchemaField:
    """One field of a model's input, as far as it decides whether a request is taken.

    Attributes:
        name: Its name in the request.
        kinds: The JSON types that it takes, sorted; empty where the schema does not say.
        words: The only values that it takes, as JSON, sorted; empty where any will do.
        is_required: A request without it is refused.
    """

    name: str
    kinds: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model as the vendor offers it.

    Attributes:
        model_id: As in the API's paths.
        name: What the vendor calls it.
        price: Its base rate; ``None`` where the card tells none.
        input_schema: The JSON Schema of a request; ``None`` where the card tells none.
    """

    model_id: str
    name: str
    price: Price | None = None
    input_schema: Mapping[str, Any] | None = field(default=None, repr=False)

    @classmethod
    def from_json(cls, data: Mapping[str, object], model_id: str = "") -> Self:
        """Read a card.

        Args:
            data: What the vendor answered.
            model_id: The model that was asked for; by default the one that the card names.

        Raises:
            UnexpectedResponseError: It does not say which model it is about.
        """
        model_id = model_id or text_of(data.get("model_id")) or ""
        if not model_id:
            raise UnexpectedResponseError("The model API did not say which model it describes.")
        try:
            price: Price | None = Price.from_json(data)
        except UnexpectedResponseError:
            price = None
        name = (text_of(data.get("display_name")) or model_id)[:NAME_MAX_CHARS]
        schema = data.get("input_schema")
        return cls(model_id, name, price, schema if isinstance(schema, dict) and fields_of(schema) else None)

    @property
    def schema_sha256(self) -> str:
        """Hash of the schema: another one for every change in it; empty where there is none."""
        if self.input_schema is None:
            return ""
        text = json.dumps(self.input_schema, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def fields_of(schema: Mapping[str, Any]) -> dict[str, SchemaField]:
    """Read the fields of a schema by their names; empty where it names none."""
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, Mapping) or len(properties) > FIELDS_MAX:
        return {}
    needed = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
    found: dict[str, SchemaField] = {}
    for name, told in properties.items():
        forms = list(_forms(told, schema))
        kinds = {kind for form in forms for kind in _kinds(form)}
        limits = [
            form["enum"] if "enum" in form else [form["const"]] for form in forms if form.keys() & {"enum", "const"}
        ]
        is_limited = len(limits) == len([form for form in forms if form.get("type") != "null"])
        words = {json.dumps(word) for limit in limits if isinstance(limit, list) for word in limit}
        found[name] = SchemaField(
            name, tuple(sorted(kinds)), tuple(sorted(words)) if is_limited else (), name in needed
        )
    return found


def _forms(told: object, schema: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the forms that a field may take; what a reference leads to stands in the same schema."""
    if not isinstance(told, Mapping) or depth > 5:
        return
    reference = told.get("$ref")
    if isinstance(reference, str):
        yield from _forms(_at(reference, schema), schema, depth + 1)
        return
    inner = [form for name in ("anyOf", "oneOf", "allOf") if isinstance(told.get(name), list) for form in told[name]]
    if not inner:
        yield told
    for form in inner:
        yield from _forms(form, schema, depth + 1)


def _at(reference: str, schema: Mapping[str, Any]) -> object:
    place: object = schema if reference.startswith("#/") else None
    for step in reference[2:].split("/"):
        place = place.get(step) if isinstance(place, Mapping) else None
    return place


def _kinds(form: Mapping[str, Any]) -> list[str]:
    told = form.get("type")
    kinds = told if isinstance(told, list) else [told]
    return [kind for kind in kinds if isinstance(kind, str)]
