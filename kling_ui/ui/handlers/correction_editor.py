"""What happens when a person corrects the character of the picture: what can be corrected, kept, and found again."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import gradio as gr

from kling_ui.corrections import Corrections
from kling_ui.errors import KlingUIError, MediaError
from kling_ui.languages import say
from kling_ui.media.files import content_sha256
from kling_ui.options import InputKind
from kling_ui.ui.browser_values import InputVersion, InputVersions
from kling_ui.ui.event_payload import LatestWins, entries_of, error_text, payload, text_of
from kling_ui.ui.input_session import InputAnalysis, corrections_of
from kling_ui.ui.services import Services
from kling_ui.ui.views import input_slot as slot_view
from kling_ui.ui.views.input_slot import SlotValue
from kling_ui.ui.visitors import Visitor, visitor_of

MASK_MAX_CHARS = 700_000  # in base64; what the page paints takes a tenth of it


class EditorHandlers:
    """Handlers of the editor of joints and outline.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
        latest_wins: Shared with those who hand inputs in: what is new is never overwritten with what is corrected.
    """

    def __init__(self, services: Callable[[], Services], latest_wins: LatestWins | None = None) -> None:
        self._services = services
        self._latest_wins = latest_wins or LatestWins()

    async def on_edit(self, image: SlotValue | None, request: gr.Request) -> Any:
        """Say what can be corrected of the picture that is shown."""
        services = self._services().for_request(request)
        try:
            versions = _standing(services, image)
            figure = await services.preflight.editable(versions.current.path, await corrections_of(versions))
        except Exception as error:  # noqa: BLE001  told in words
            return gr.update(editor=_editor_error(error))
        return gr.update(editor=slot_view.editor_value(services.signed_files, figure))

    async def on_correct(
        self, image: SlotValue | None, visitor: str, event: gr.EventData, request: gr.Request
    ) -> AsyncIterator[Any]:
        """Keep what was corrected of the picture that is shown, and look at it anew; nothing corrected is forgotten.

        Args:
            image: What is shown.
            visitor: Whose corrections these are.
            event: Carries ``joints`` and ``mask``, see :class:`kling_ui.corrections.Corrections`.
            request: The browser's request.
        """
        given, services = payload(event), self._services().for_request(request)
        with self._latest_wins.claim(request.session_hash, InputKind.IMAGE) as is_ours:
            try:
                value = await _corrected(services, entries_of(image), given, visitor_of(visitor, request))
            except Exception as error:  # noqa: BLE001  told in words
                yield gr.update(editor=_editor_error(error))
                return
            if is_ours():
                yield value


async def as_corrected(services: Services, version: InputVersion, owner: str) -> InputVersion:
    """Find again what its visitor corrected of the same picture before."""
    if not owner:
        return version
    sha256 = await asyncio.to_thread(content_sha256, version.path)
    return replace(version, corrections=await asyncio.to_thread(services.corrections.find, owner, sha256))


async def converted_as_corrected(services: Services, value: SlotValue, owner: str) -> SlotValue | None:
    """Show a picture that was converted as it arrived as its visitor corrected the copy before, if they did."""
    versions = InputVersions.from_value(value, services.signed_files)
    if versions is None or not versions.is_repaired or versions.current.corrections:
        return None
    current = await as_corrected(services, versions.current, owner)
    if current.corrections is None:
        return None
    return await InputAnalysis(lambda: services).whole(InputKind.IMAGE, replace(versions, current=current))


async def _corrected(services: Services, image: SlotValue, given: dict[str, Any], who: Visitor) -> SlotValue:
    """Keep corrections and show the picture with them.

    Raises:
        KlingUIError: The picture is gone, what was sent cannot be meant, or too little is said of the character.
    """
    versions = _standing(services, image)
    if given.get("ref") != image.get("ref"):
        raise KlingUIError(say("Another picture stands here now."), advice=say("Correct that one."))
    if len(text_of(given.get("mask"))) > MASK_MAX_CHARS:
        raise KlingUIError(say("What was painted is too large."), advice=say("Paint less finely."))
    corrections = Corrections.from_json({"joints": given.get("joints", {}), "mask": given.get("mask", "")})
    path, place = versions.current.path, None
    if corrections:
        await services.preflight.image(path, corrections)  # refuses what says too little, before anything is kept
    sha256 = await asyncio.to_thread(content_sha256, path)
    await asyncio.to_thread(services.store.floor.check)
    place = await asyncio.to_thread(services.corrections.keep, who.owner, sha256, corrections)
    current = replace(versions.current, corrections=place)
    value = await InputAnalysis(lambda: services).whole(InputKind.IMAGE, replace(versions, current=current))
    return value | {"instead_of": image.get("ref")}


def _standing(services: Services, image: object) -> InputVersions:
    versions = InputVersions.from_value(image, services.signed_files)
    if versions is None:
        raise KlingUIError(say("This file is no longer kept here."), advice=say("Choose it again."))
    return versions


def _editor_error(error: Exception) -> dict[str, Any]:
    told = error_text(error)
    message = told.reason if isinstance(told, MediaError) else told.message
    words = f"{message[:1].upper()}{message[1:]} {told.advice or ''}".strip()
    return {"number": time.monotonic_ns(), "error": words}
