"""What is said of the models that a run can go to, and of changes in what they take."""

from collections.abc import Iterable
from typing import Any

from kling_ui.languages import in_english, joined, retell, say, told
from kling_ui.options import Provider, TransferOptions
from kling_ui.presentation.wording import ENGINE_LABELS, NOT_AVAILABLE, dollars
from kling_ui.runs.model_schema import FieldChange, SchemaChange
from kling_ui.runs.pricing import ModelOffer, Quote
from kling_ui.runs.record import EngineName

PROVIDERS = {Provider.RUNCOMFY: "RunComfy", Provider.FAL: "fal"}
_NEW_AND_REQUIRED = told("the field “{name}” is new ({now}) and required; this app does not send it")
_CHANGES = told(
    {
        FieldChange.NEW: "the field “{name}” is new ({now}); this app does not send it",
        FieldChange.GONE: "the field “{name}” is gone",
        FieldChange.KIND: "the field “{name}” takes {now}, no longer {was}",
        FieldChange.WORDS: "the field “{name}” takes {now}; before it took {was}",
        FieldChange.REQUIRED: "the field “{name}” has become required",
        FieldChange.OPTIONAL: "the field “{name}” has become optional",
    }
)
_SHOWN_MAX = 6
_TEXT_MAX_CHARS = 80


def provider_of(choice: TransferOptions) -> str:
    """Name through whom a paid run goes."""
    return PROVIDERS[choice.provider]


def naming_provider(words: str, choice: TransferOptions) -> str:
    """Say of another provider what is said of RunComfy."""
    return words if choice.provider is Provider.RUNCOMFY else words.replace("RunComfy", provider_of(choice))


def engine_label(engine: EngineName, choice: TransferOptions) -> str:
    """Say who rendered a run: of Kling, through whom, and which of its models where it was chosen."""
    if engine is EngineName.PREVIEW or not choice.model:
        return retell(ENGINE_LABELS[engine])
    return say("Kling, {model}, through {provider}", model=choice.model, provider=provider_of(choice))


def schema_words(changes: Iterable[SchemaChange]) -> str:
    """Say how what a model takes has changed; empty where it has not."""
    told = [_change_words(change) for change in changes]
    if not told:
        return ""
    more = say("; and {count} more", count=len(told) - _SHOWN_MAX) if len(told) > _SHOWN_MAX else ""
    return say(
        "What this model takes has changed: {changes}{more}.", changes=joined("; ", told[:_SHOWN_MAX]), more=more
    )


def schema_stop_words(changes: Iterable[SchemaChange]) -> tuple[str, str]:
    """Say why a model would not take a request as it is meant, and what to do."""
    return schema_words(change for change in changes if change.stops), (
        say("Choose another model, use the preview, or update this program.")
    )


def offer_name(offer: ModelOffer) -> str:
    """Name a model shortly, as its vendor does, and through whom."""
    return say("{name}, through {provider}", name=offer.name, provider=PROVIDERS[offer.provider])


def rate_words(quote: Quote) -> str:
    """Say what a model costs, without a clip."""
    return (
        retell(NOT_AVAILABLE).rstrip(".。")
        if quote.rate_usd is None
        else say("{rate_usd} a {unit}", rate_usd=dollars(quote.rate_usd), unit=quote.unit)
    )


def offer_price(offer: ModelOffer) -> str:
    """Say what a model costs, and through whom it is reached."""
    return say("{rate}, through {provider}", rate=rate_words(offer.quote), provider=PROVIDERS[offer.provider])


def offer_words(offer: ModelOffer) -> str:
    """Say of a model its id, its name, its price, and what has changed in what it takes."""
    usual = say(" (the usual one)") if offer.is_usual else ""
    told = f"{offer.model_id}{usual}: {offer_name(offer)}, {rate_words(offer.quote)}."
    return " ".join([told, schema_words(offer.quote.changes)]).strip()


@in_english
def offer_json(offer: ModelOffer) -> dict[str, Any]:
    """Put an offer into plain JSON types."""
    quote = offer.quote
    return {
        "model": offer.model_id,
        "name": offer.name,
        "provider": offer.provider.value,
        "is_usual": offer.is_usual,
        "rate_usd": quote.rate_usd,
        "unit": quote.unit or None,
        "schema_sha256": quote.schema.sha256 if quote.schema else None,
        "fields": sorted(quote.schema.fields["properties"]) if quote.schema else [],
        "changes": [change.to_json() for change in quote.changes],
        "note": schema_words(quote.changes),
    }


def _change_words(change: SchemaChange) -> str:
    values = {"name": change.name, "was": change.was or say("anything"), "now": change.now or say("anything")}
    words = _CHANGES[change.change]
    if change.stops and change.change is FieldChange.NEW:
        words = _NEW_AND_REQUIRED
    return say(words, **{name: _short(text) for name, text in values.items()})


def _short(text: str) -> str:
    text = "".join(char for char in text if char.isprintable())
    return text if len(text) <= _TEXT_MAX_CHARS else f"{text[: _TEXT_MAX_CHARS - 1]}…"
