"""The one model that the embedded service offers: its input, its card, and the listing."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from kling_ui.corrections import Corrections
from kling_ui.errors import KlingUIError, MediaError
from kling_ui.media.safe_http import checked_url
from kling_ui.options import odd_characters
from kling_ui.preview.service_errors import ServiceError, invalid_body, invalid_field
from kling_ui.settings import MODEL_ID

CATEGORIES = ("image-to-video",)
PAGE_MAX = 500
PAGE_DEFAULT = 100
_WEB_ADDRESS = re.compile(r"(?i)https?://[^\s/?#\\]+[^\s\\]*")
_INLINE = re.compile(r"(?i)data:[a-z0-9.+-]+/[a-z0-9.+-]+(?:;[a-z0-9.+-]+=[^;,]*)*;base64,")


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    try:
        value.encode()  # JSON can spell halves of characters
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode") from None
    return value


def _prompt(value: str) -> str:
    if odd := odd_characters(_text(value)):
        raise ValueError(f"must not hold control characters ({', '.join(odd[:5])})")
    return value


def _address(value: str) -> str:
    if not (_WEB_ADDRESS.fullmatch(_text(value)) or _INLINE.match(value)):
        raise ValueError("must be an http or https URL, or a base64 data URI")
    if _WEB_ADDRESS.match(value):
        try:
            checked_url(value, value)
        except MediaError as error:
            raise ValueError(f"must be an address that can be asked: {error.reason}") from None
    return value


def _corrections(value: dict[str, Any]) -> dict[str, Any]:
    try:
        return Corrections.from_json(value).to_json() if value else {}
    except KlingUIError as error:
        raise ValueError(f"must be corrections: {error.message}") from None


class MotionInput(BaseModel):
    """The body of a submit; types are strict, unknown fields are tolerated."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    prompt: Annotated[str, AfterValidator(_prompt), Field(description="Scene and look; the video gives the motion.")]
    image_url: Annotated[str, AfterValidator(_address), Field(description="The character.", repr=False)]
    video_url: Annotated[str, AfterValidator(_address), Field(description="The reference for the motion.", repr=False)]
    keep_original_sound: bool = Field(default=True, description="Keep the sound of the reference.")
    character_orientation: Literal["image", "video"] = Field(
        default="video",
        description="Whose facing is followed: of the video (up to 30 s) or of the image (up to 10 s).",
    )
    resolution: Literal["720p", "1080p"] = Field(default="720p", description="How large the video may be.")
    corrections: Annotated[dict[str, Any], AfterValidator(_corrections)] = Field(
        default={}, description="The character's joints and outline, corrected by hand.", repr=False
    )


def parse_input(body: bytes) -> MotionInput:
    """Read the body of a submit.

    Raises:
        ServiceError: It is no JSON object, or a field is missing or wrong; the fault repeats nothing of the body.
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise invalid_body("The body is not JSON.", [{"loc": [], "msg": "not JSON", "type": "json_invalid"}]) from None
    if not isinstance(data, dict):
        raise invalid_body(
            "The body is not a JSON object.", [{"loc": [], "msg": "not an object", "type": "model_type"}]
        )
    try:
        return MotionInput.model_validate(data)
    except ValidationError as error:
        detail = error.errors(include_url=False, include_context=False, include_input=False)
        raise invalid_body("The input is not valid.", detail) from None


def card(base_url: str) -> dict[str, object]:
    """Return the model's card, with addresses under ``base_url``."""
    return {
        "model_id": MODEL_ID,
        "display_name": "Motion Control preview",
        "description": "Rehearses Kling 2.6 Motion Control on this machine: a puppet cut from the image, not Kling.",
        "categories": list(CATEGORIES),
        "kind": "video",
        "base_price_usd": 0.0,
        "price_unit": "second",
        "pricing_note": "Free: rendered on this machine.",
        "model_url": f"{base_url}/v1/models/{MODEL_ID}",
        "input_schema": MotionInput.model_json_schema(),
    }


def listing(query: Mapping[str, str], base_url: str) -> dict[str, object]:
    """Return the page of models that ``query`` (search, category, limit, offset) asks for.

    Raises:
        ServiceError: ``limit`` or ``offset`` is not a number in its range.
    """
    limit = _whole(query, "limit", default=PAGE_DEFAULT, low=1, high=PAGE_MAX)
    offset = _whole(query, "offset", default=0, low=0, high=10**9)
    found = [model for model in [card(base_url)] if _matches(model, query)]
    return {"models": found[offset : offset + limit], "total": len(found), "limit": limit, "offset": offset}


def _matches(model: Mapping[str, object], query: Mapping[str, str]) -> bool:
    words = query.get("search", "").lower().split()
    text = " ".join(str(model[key]) for key in ("model_id", "display_name", "description", "categories")).lower()
    category = query.get("category", "")
    return all(word in text for word in words) and (not category or category in CATEGORIES)


def _whole(query: Mapping[str, str], name: str, *, default: int, low: int, high: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and low <= int(text) <= high):
        raise _not_whole(name, low, high)
    return int(text)


def _not_whole(name: str, low: int, high: int) -> ServiceError:
    return invalid_field(name, f"must be a whole number from {low} to {high}")
