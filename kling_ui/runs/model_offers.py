"""Which models of Kling Motion Control a run can go to, what each costs, and whether it takes what would be sent."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import TypeVar

from pydantic import SecretStr

from kling_ui.api import fal
from kling_ui.api.model_cards import ModelCard
from kling_ui.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    AuthenticationError,
    InsufficientBalanceError,
    SettingsError,
)
from kling_ui.options import Provider, TransferOptions
from kling_ui.runs.engines import Engine, Engines
from kling_ui.runs.model_schema import schema_changes
from kling_ui.runs.pricing import ModelOffer, NoSuchModelError, Quote
from kling_ui.runs.record import EngineName, ModelSchema, Terms
from kling_ui.runs.recorder import RunContext
from kling_ui.runs.supervisor import RunSupervisor

NO_SUCH_MODEL = 400001  # docs/vendor_api.md, section 7
PRICE_LIMIT_S = 10.0  # an answer takes at most 10 s (docs/vendor_api.md, section 1)
SEARCH = "motion-control"
USUAL = TransferOptions()
T = TypeVar("T")


class ModelOffers:
    """Reads what models cost and take, each time anew: a price or a schema from before may be stale.

    Args:
        context: What all runs share.
        engines: Where runs can go.
        supervisor: Knows the app's token.
    """

    def __init__(self, context: RunContext, engines: Engines, supervisor: RunSupervisor) -> None:
        self._context = context
        self._engines = engines
        self._supervisor = supervisor

    def usual(self, choice: TransferOptions) -> TransferOptions:
        """Return the same choice, without a model where that is the usual one: both are the same request.

        Raises:
            SettingsError: It is none of Kling Motion Control: nothing is known here of what another one would do.
        """
        if choice.model in {"", self._engines.model_id}:
            return replace(choice, model="")
        if not is_motion_control(choice.model):
            raise SettingsError(
                "The model is none of Kling Motion Control.", advice="kling-ui models lists those that are offered."
            )
        return choice

    async def listed(self, token: SecretStr | None, terms: Terms) -> tuple[ModelOffer, ...]:
        """List what is offered; see :meth:`kling_ui.runs.runner.Runner.models`."""
        models = ["", *(["fal-ai/"] if self._engines.offers_fal else [])]
        found: list[ModelOffer] = []
        trouble: APIError | None = None
        for model in models:
            engine = await self._engines.get(EngineName.KLING, model)
            key = self._supervisor.key(engine, token, app_token=terms.app_token)
            if key is None:
                continue
            try:
                found += [await self._offer(engine, card) for card in await _cards(engine, key)]
            except APIError as error:
                trouble = error
        if not found and trouble is not None:
            raise trouble
        return tuple(found)

    async def quote(self, engine: Engine, key: SecretStr, duration_s: float | None, choice: TransferOptions) -> Quote:
        """Read the price of a model now, and what it takes.

        Args:
            engine: Where the model is.
            key: Opens it.
            duration_s: Length of the reference in seconds, if known.
            choice: What would be asked for, and of which model.

        Raises:
            AuthenticationError: The token was not accepted, so that a run would not be, either.
            InsufficientBalanceError: The account has no balance left.
            NoSuchModelError: The model that was chosen is not offered.
            SettingsError: The model id cannot be one.
        """
        try:
            card = await _in_time(engine.api(key, choice.model).card())
        except InsufficientBalanceError:
            raise
        except AuthenticationError as error:
            if error.status_code == 401 or error.error_code == 400004:
                raise
            return Quote(duration_s=duration_s, trouble=error.message)
        except APIError as error:
            if choice.model and _says_no_such_model(error):
                raise NoSuchModelError(choice.model) from error
            return Quote(duration_s=duration_s, trouble=error.message)
        return await self._quoted(card, duration_s, choice)

    async def _offer(self, engine: Engine, card: ModelCard) -> ModelOffer:
        quote = await self._quoted(card, None, None)
        is_usual = card.model_id == self._engines.model_id
        return ModelOffer(
            model_id=card.model_id, name=card.name, provider=engine.provider, quote=quote, is_usual=is_usual
        )

    async def _quoted(self, card: ModelCard, duration_s: float | None, choice: TransferOptions | None) -> Quote:
        known = Quote(duration_s=duration_s, model_id=card.model_id)
        if card.input_schema is not None:
            before = await self._context.ledger.ask(lambda store: store.last_schema(card.model_id))
            schema = ModelSchema(card.model_id, card.schema_sha256, card.input_schema)
            known = replace(known, schema=schema, changes=schema_changes(card.input_schema, before, choice))
        if card.price is None:
            return replace(known, trouble="The model API tells no price.")
        return replace(known, rate_usd=card.price.amount_usd, unit=card.price.unit, note=card.price.note)


def is_motion_control(model_id: str) -> bool:
    """Tell by its id whether a model is one of Kling Motion Control."""
    if Provider.of_model(model_id) is Provider.FAL:
        return model_id in fal.MODELS
    return "kling" in model_id and SEARCH in model_id


def _says_no_such_model(error: APIError) -> bool:
    return isinstance(error, APIStatusError) and (error.error_code == NO_SUCH_MODEL or error.status_code == 404)


async def _cards(engine: Engine, key: SecretStr) -> list[ModelCard]:
    """Read the cards of an engine's models; where it lists none, that of the usual one."""
    api = engine.api(key)
    try:
        listed = await _in_time(api.cards(SEARCH))
    except AuthenticationError:
        raise
    except APIError:
        listed = []
    fitting = [card for card in listed if is_motion_control(card.model_id)]
    if all(card.model_id != engine.model_id for card in fitting):
        fitting = [ModelCard(engine.model_id, engine.model_id), *fitting]
    cards = [
        card if card.price and card.input_schema else await _in_time(engine.api(key, card.model_id).card())
        for card in fitting
    ]
    return sorted(cards, key=lambda card: card.model_id != engine.model_id)


async def _in_time(work: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(PRICE_LIMIT_S):
            return await work
    except TimeoutError as error:
        raise APIConnectionError("The model API did not answer in time.") from error
