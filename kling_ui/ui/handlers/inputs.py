"""What happens when a person hands in an input, picks an example or changes how: look at it, then judge."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from kling_ui.checks.repair_plan import Repair, offers
from kling_ui.errors import KlingUIError
from kling_ui.languages import joined, say
from kling_ui.options import DEFAULT_PROMPT, InputKind, Orientation, Resolution, TransferOptions
from kling_ui.presentation.wording import size
from kling_ui.runs.record import EngineName
from kling_ui.ui.browser_values import InputVersion, InputVersions, Repairs, RunRequest, SavedInputs
from kling_ui.ui.event_payload import LatestWins, choice_of, debounced, entries_of, error_text, payload, text_of
from kling_ui.ui.examples import EXAMPLES, Example, example_of
from kling_ui.ui.handlers.correction_editor import as_corrected, converted_as_corrected
from kling_ui.ui.input_session import InputAnalysis, InputRepairs
from kling_ui.ui.services import Services
from kling_ui.ui.views import findings as advice_view
from kling_ui.ui.views import input_slot as slot_view
from kling_ui.ui.views.findings import VerdictView, verdict_view
from kling_ui.ui.views.input_slot import SlotValue
from kling_ui.ui.visitors import Visitor, visitor_of
from kling_ui.ui.web.signed_files import SignedFiles

_EXAMPLE_PROMPTS = tuple(example.choice.prompt for example in EXAMPLES)


class InputHandlers:
    """Handlers of the left column.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
        latest_wins: Shared with those who change inputs in another way.
    """

    def __init__(self, services: Callable[[], Services], latest_wins: LatestWins | None = None) -> None:
        self._services = services
        self._latest_wins = latest_wins or LatestWins()

    async def on_image(self, visitor: str, event: gr.EventData, request: gr.Request) -> AsyncIterator[SlotValue]:
        """Look at a picture that was uploaded or named by a link, as this visitor corrected it before."""
        async for value in self._take(InputKind.IMAGE, event, request, visitor_of(visitor, request).owner):
            yield value

    async def on_video(self, visitor: str, event: gr.EventData, request: gr.Request) -> AsyncIterator[SlotValue]:
        """Look at a clip that was uploaded, recorded or named by a link."""
        async for value in self._take(InputKind.VIDEO, event, request, visitor_of(visitor, request).owner):
            yield value

    async def on_example(
        self, prompt: str, visitor: str, event: gr.EventData, request: gr.Request
    ) -> AsyncIterator[tuple[SlotValue, SlotValue, str, Any]]:
        """Load an example: both inputs and the settings that suit it; words that somebody wrote stay."""
        example, session = example_of(payload(event).get("id")), request.session_hash
        words = example.choice.prompt if _is_ours(text_of(prompt)) else gr.skip()
        with (
            self._latest_wins.claim(session, InputKind.IMAGE) as image_is_ours,
            self._latest_wins.claim(session, InputKind.VIDEO) as video_is_ours,
        ):
            owner = visitor_of(visitor, request).owner
            async for image, video in self._load_example(example, self._analysis_for(request), owner):
                if not (image_is_ours() and video_is_ours()):
                    return
                yield image, video, example.choice.orientation.value, words

    async def on_own_picture(self, prompt: str) -> Any:
        """Drop the words of an example: they describe its character, not the one that was just handed in."""
        return "" if prompt in _EXAMPLE_PROMPTS else gr.skip()

    async def on_first_inputs(self, kept: object, request: gr.Request) -> AsyncIterator[tuple[SlotValue, SlotValue]]:
        """Load what the person had here before, or the first example, unless the person is quicker."""
        with (
            self._latest_wins.claim(request.session_hash, InputKind.IMAGE) as image_is_ours,
            self._latest_wins.claim(request.session_hash, InputKind.VIDEO) as video_is_ours,
        ):
            async for image, video in self._first_inputs(kept, self._analysis_for(request)):
                if not (image_is_ours() and video_is_ours()):
                    return
                yield image, video

    async def on_kept_choice(self, kept: object) -> tuple[Any, Any, Any, Any]:
        """Give back the choice that the person had made here before."""
        before = SavedInputs.from_value(kept, self._services().signed_files)
        if before is None:
            return gr.skip(), gr.skip(), gr.skip(), gr.skip()
        choice = before.choice
        return choice.orientation.value, choice.keep_sound, choice.prompt, choice.resolution.value

    async def on_reuse_inputs(
        self, kept: object, resolution: str, visitor: str, event: gr.EventData, request: gr.Request
    ) -> AsyncIterator[tuple[Any, Any, Any, Any]]:
        """Put a run's inputs, as they were sent, back into their places, or undo that; player and history say so.

        Args:
            kept: What stands there now, to come back to.
            resolution: The size of the preview now.
            visitor: Whose run it must be.
            event: Names the ``run_id``, or carries what stood there ``before``.
            request: The browser's request.
        """
        given, services, session = payload(event), self._services().for_request(request), request.session_hash
        try:
            saved = await _reused(services, given, visitor_of(visitor, request), with_files=True)
            before = SavedInputs.from_value(entries_of(kept) | {"resolution": resolution}, services.signed_files)
            told = _told_of_reuse(services.signed_files, given, saved, before)
        except Exception as error:  # noqa: BLE001  told in words
            said = {"run_id": "", "words": str(error_text(error)), "number": time.monotonic_ns(), "before": None}
            yield gr.skip(), gr.skip(), gr.skip(), gr.update(used=said)
            return
        with (
            self._latest_wins.claim(session, InputKind.IMAGE) as image_is_ours,
            self._latest_wins.claim(session, InputKind.VIDEO) as video_is_ours,
        ):
            async for image, video in _load(InputAnalysis(lambda: services), saved.image, saved.video):
                if not (image_is_ours() and video_is_ours()):
                    return
                yield image, video, *told  # each time: of steps that follow each other at once Gradio shows the last

    async def on_reuse_choice(
        self, visitor: str, event: gr.EventData, request: gr.Request
    ) -> tuple[Any, Any, Any, Any]:
        """Choose again what was chosen for a run, or before that was undone; why not is said with its inputs."""
        try:
            saved = await _reused(self._services(), payload(event), visitor_of(visitor, request), with_files=False)
        except KlingUIError:
            return gr.skip(), gr.skip(), gr.skip(), gr.skip()
        choice = saved.choice
        return choice.orientation.value, choice.keep_sound, choice.prompt, choice.resolution.value

    async def on_advice(self, video: SlotValue | None, orientation: str, request: gr.Request) -> Any:
        """Say which orientation suits the clip."""
        with self._latest_wins.claim(request.session_hash, "advice") as is_ours:
            try:
                analysis = await self._analysis_for(request).known(InputKind.VIDEO, entries_of(video))
            except KlingUIError:  # the clip's own place tells it
                analysis = None
            chosen = choice_of(orientation, Orientation.VIDEO)
            return advice_view.advice_value(analysis, chosen) if is_ours() else gr.skip()

    async def on_size(self, engine: str, image: SlotValue | None, request: gr.Request) -> Any:
        """Offer the sizes that a preview of this picture can have, where that leaves a choice."""
        path = self._services().signed_files.open(entries_of(image).get("ref"))
        if engine == EngineName.KLING or path is None:
            return gr.update(visible=False)
        try:
            facts = await self._services().for_request(request).preflight.image_facts(path)
        except KlingUIError:  # the picture's own place tells it
            return gr.update(visible=False)
        frames = {one: one.frame_px(facts.width_px, facts.height_px) for one in Resolution}
        names = {Resolution.P720: "{}", Resolution.P1080: say("{}, takes longer")}
        choices = [(names[one].format(size(*frame)), one.value) for one, frame in frames.items()]
        return gr.update(choices=choices, visible=len(set(frames.values())) > 1)

    async def judge(  # noqa: PLR0917  Gradio passes values by position
        self,
        image: SlotValue | None,
        video: SlotValue | None,
        orientation: str,
        keep_sound: bool,
        prompt: str,
        accepted: bool,
        engine: str,
        request: gr.Request,
    ) -> tuple[Any, Any, Any, Any, Any]:
        """Judge both inputs and the choice for an engine; what was found in them is known already, so this is quick.

        Returns:
            The list of findings, the headline, the button, the checkbox of a person who has checked, and the request
            that may be run.
        """
        image, video = entries_of(image), entries_of(video)
        choice = TransferOptions(text_of(prompt), choice_of(orientation, Orientation.VIDEO), bool(keep_sound))
        for_engine = choice_of(engine, EngineName.PREVIEW)
        view, run_request = await self._verdict(
            image, video, choice, self._analysis_for(request), accepted=accepted is True, engine=for_engine
        )
        carried = run_request.to_value(self._services().signed_files) if run_request and view.may_run else {}
        now = {"image": image.get("ref"), "video": video.get("ref")}
        return (
            {
                "text": view.summary,
                "tone": view.tone,
                "findings": view.findings,
                "repair_all": view.repair_all,
                "now": now,
            },
            {"text": view.text, "tone": view.tone, "more": view.more_words, "stop": view.stop},
            gr.update(interactive=view.may_run),
            gr.update(visible=True) if view.offers_override else gr.update(visible=False, value=False),
            carried,
        )

    def _analysis_for(self, request: gr.Request) -> InputAnalysis:
        """Look at inputs in the turns of whoever asks."""
        services = self._services().for_request(request)
        return InputAnalysis(lambda: services)

    async def _load_example(
        self, example: Example, input_analysis: InputAnalysis, owner: str = ""
    ) -> AsyncIterator[tuple[SlotValue, SlotValue]]:
        """Show both inputs of an example, what is quick to know first."""
        services = self._services()
        picture = await as_corrected(services, InputVersion(services.examples / example.image), owner)
        pair = (InputVersions(version) for version in (picture, InputVersion(services.examples / example.video)))
        async for values in _load(input_analysis, *pair):
            yield values

    async def _first_inputs(
        self, kept: object, input_analysis: InputAnalysis
    ) -> AsyncIterator[tuple[SlotValue, SlotValue]]:
        before = SavedInputs.from_value(kept, self._services().signed_files)
        if before is not None:
            try:
                async for values in _load(input_analysis, before.image, before.video):
                    yield values
            except Exception as error:  # noqa: BLE001  told to the log; the example is better than nothing
                error_text(error)
            else:
                return
        async for values in self._load_example(EXAMPLES[0], input_analysis):
            yield values

    async def _take(
        self, kind: InputKind, event: gr.EventData, request: gr.Request, owner: str
    ) -> AsyncIterator[SlotValue]:
        given = payload(event)
        url = text_of(given.get("url")) or None
        echo = {"seq": given.get("seq") if isinstance(given.get("seq"), int) else 0, "origin": url}
        services = self._services().for_request(request)
        with self._latest_wins.claim(request.session_hash, kind) as is_ours:
            try:
                if given.get("recorded") is True:
                    yield slot_view.busy(say("Converting the recording")) | echo
                if (handed := services.signed_files.open(given.get("ref"))) is not None:
                    await asyncio.to_thread(services.upload_owners.note, [handed], owner)
                version = InputVersion(await _file(services, kind, given, url), origin=url)
                whose = owner if kind is InputKind.IMAGE else ""
                versions = InputVersions(await as_corrected(services, version, whose))
                async for value in debounced(InputRepairs(lambda: services).arrive(kind, versions)):
                    if not is_ours():
                        return
                    yield value | echo
                if kind is InputKind.IMAGE and (found_again := await converted_as_corrected(services, value, owner)):
                    yield found_again | echo
            except Exception as error:  # noqa: BLE001  told in words
                if is_ours():
                    yield slot_view.failed(error_text(error)) | echo

    async def _verdict(
        self,
        image: SlotValue,
        video: SlotValue,
        choice: TransferOptions,
        input_analysis: InputAnalysis,
        *,
        accepted: bool,
        engine: EngineName,
    ) -> tuple[VerdictView, RunRequest | None]:
        signed_files = self._services().signed_files
        paths = signed_files.open(image.get("ref")), signed_files.open(video.get("ref"))
        is_busy = bool(image.get("busy") or video.get("busy"))
        try:
            known = (
                await input_analysis.known(InputKind.IMAGE, image),
                await input_analysis.known(InputKind.VIDEO, video),
            )
            report = self._services().preflight.judge(*known, choice)
            report = report if engine is EngineName.KLING else report.for_preview()
            repairs: tuple[Repair, ...] = () if is_busy else offers(*known, report, choice)
        except Exception as error:  # noqa: BLE001  told in words
            return VerdictView(str(error_text(error)), "block"), None
        view = verdict_view(report, accepted=accepted, engine=engine, repairs=repairs, signed_files=signed_files)
        if is_busy:
            return replace(view, text="Looking at the inputs.", tone="busy", offers_override=False, stop=""), None
        if paths[0] is None or paths[1] is None:
            return replace(view, text=_wanted(*paths), tone="empty", offers_override=False, stop=""), None
        origins = text_of(image.get("origin")) or None, text_of(video.get("origin")) or None
        done = _repairs_of(image, signed_files), _repairs_of(video, signed_files)
        versions = InputVersions.from_value(image, signed_files)
        corrections = versions.current.corrections if versions else None
        return view, RunRequest(paths[0], paths[1], choice, accepted, *origins, *done, corrections)


def _repairs_of(value: SlotValue, signed_files: SignedFiles) -> Repairs:
    versions = InputVersions.from_value(value, signed_files)
    return versions.current.repairs if versions else ()


def _is_ours(prompt: str) -> bool:
    """Whether a prompt is one that stood there by itself."""
    return prompt.strip() in ("", DEFAULT_PROMPT, *_EXAMPLE_PROMPTS)


async def _file(services: Services, kind: InputKind, given: dict[str, Any], url: str | None) -> Path:
    if url:
        return await services.fetch(kind, url)
    path = services.signed_files.open(given.get("ref"))
    if path is None:
        raise _gone()
    return await services.plain(path) if kind is InputKind.VIDEO and given.get("recorded") is True else path


async def _reused(services: Services, given: dict[str, Any], who: Visitor, *, with_files: bool) -> SavedInputs:
    """Give what stood there before, or what a run was made of; its files are copied: the run may be deleted.

    Raises:
        KlingUIError: They are not here, there is no room for them, or the run is not this visitor's.
    """
    if (before := SavedInputs.from_value(given.get("before"), services.signed_files)) is not None:
        return before
    run = await services.runner.view(text_of(given.get("run_id")), who.owner)
    if run.image is None or run.reference is None:
        raise KlingUIError(say("The inputs of this run are not kept here."), advice=say("Choose both again."))
    if not with_files:
        return SavedInputs(None, None, run.choice)
    versions = []
    for source, corrections in ((run.image, run.corrections), (run.reference, None)):
        async with services.room((await asyncio.to_thread(source.stat)).st_size) as room:
            await asyncio.to_thread(room.folder.mkdir, parents=True)
            path = room.folder / source.name
            await asyncio.to_thread(shutil.copyfile, source, path)
            kept = room.folder / corrections.name if corrections is not None else None
            if corrections is not None and kept is not None:
                await asyncio.to_thread(shutil.copyfile, corrections, kept)
            versions.append(InputVersions(InputVersion(path, corrections=kept)))
    return SavedInputs(*versions, run.choice)


def _told_of_reuse(
    signed_files: SignedFiles, given: dict[str, Any], saved: SavedInputs, before: SavedInputs | None
) -> tuple[Any, Any]:
    """Tell the player which inputs are its run's, and the history what was done and how to undo it."""
    number = time.monotonic_ns()
    if given.get("before"):
        back = {"run_id": "", "words": say("What stood there before is back."), "number": number, "before": None}
        return gr.skip(), gr.update(used=back)
    run_id, files = text_of(given.get("run_id")), (saved.image, saved.video)
    image, reference = (signed_files.url(versions.current.path) if versions else "" for versions in files)
    words = say("Its picture, clip and options stand in their places.")
    used = {"run_id": run_id, "words": words, "number": number, "before": before and before.to_value(signed_files)}
    return gr.update(used={"run_id": run_id, "image": image, "reference": reference}), gr.update(used=used)


async def _load(
    input_analysis: InputAnalysis, image: InputVersions | None, video: InputVersions | None
) -> AsyncIterator[tuple[Any, Any]]:
    """Show both inputs, what is quick to know first; a place that shows its value already is left alone."""
    before: tuple[SlotValue | None, SlotValue | None] = (None, None)
    async for pair in debounced(_steps_of_both(input_analysis, image, video)):
        first, second = (gr.skip() if new is old else new for new, old in zip(pair, before, strict=True))
        yield first, second
        before = pair


async def _steps_of_both(
    input_analysis: InputAnalysis, image: InputVersions | None, video: InputVersions | None
) -> AsyncIterator[tuple[SlotValue, SlotValue]]:
    """Show both inputs anew whenever more is known of one; neither waits for the other."""
    given = {InputKind.IMAGE: image, InputKind.VIDEO: video}
    steps = {kind: input_analysis.steps(kind, versions) for kind, versions in given.items() if versions}
    shown: dict[InputKind, SlotValue] = {kind: {} for kind in given}
    coming = {asyncio.ensure_future(anext(step)): kind for kind, step in steps.items()}
    try:
        while coming:
            done, _ = await asyncio.wait(coming, return_when=asyncio.FIRST_COMPLETED)
            for step in done:
                shown[kind := coming[step]] = step.result()
                del coming[step]
                if shown[kind].get("busy"):  # else it is the last; only of clips that are handed in more is wanted
                    coming[asyncio.ensure_future(anext(steps[kind]))] = kind
                yield shown[InputKind.IMAGE], shown[InputKind.VIDEO]
    finally:
        for step in coming:
            step.cancel()
        await asyncio.gather(*coming, return_exceptions=True)  # both may have failed, and one is told


def _wanted(image: Path | None, video: Path | None) -> str:
    missing = [
        name for name, path in ((say("a character image"), image), (say("a reference video"), video)) if path is None
    ]
    return say("Add {what}.", what=joined(" and ", missing))


def _gone() -> KlingUIError:
    return KlingUIError(say("This file is no longer kept here."), advice=say("Choose it again."))
