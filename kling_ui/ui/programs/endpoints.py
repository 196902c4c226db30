"""The named endpoints that Gradio shows under "Use via API": typed, documented, and done by ``calls``."""

import inspect
from collections.abc import Callable
from typing import Any, Literal

import gradio as gr

from kling_ui.options import DEFAULT_PROMPT
from kling_ui.ui.programs.arguments import OptionArguments, PaymentArguments
from kling_ui.ui.programs.batch_calls import BatchArguments, BatchCalls
from kling_ui.ui.programs.calls import ProgramCalls
from kling_ui.ui.programs.long_clip_calls import LongClipArguments, LongClipCalls
from kling_ui.ui.services import Services
from kling_ui.ui.web.program_requests import Parameter, ProgramCall

File = gr.FileData | str | None
Facing = Literal["video", "image"]

# Gradio's own schema of a file is 600 characters long, and stands in the page four times for each parameter.
_MARK = {"type": "object", "properties": {"_type": {"const": "gradio.FileData"}}}
_UPLOAD = {"type": "object", "properties": {"path": {"type": "string"}, "meta": _MARK}}
_FILE: dict[str, Any] = {"anyOf": [_UPLOAD, {"type": "string"}]}
_FILES = {"type": "array", "items": _FILE}
SCHEMAS = {str(File): _FILE, str(list[File]): _FILES, str(list[File] | None): _FILES}

# What is said of the parameters, once for all endpoints that have them.
PARAMETERS = {
    "image": "The character image: an upload, a ref that this app gave out, or an https address.",
    "video": "The reference video: an upload, a ref that this app gave out, or an https address.",
    "reference": "The clip that gives the motion: an upload, a ref that this app gave out, or an https address.",
    "result": "The clip that should follow it, likewise.",
    "images": "Character images, as image elsewhere; of a sheet 12 pairs at most, of a batch 24 cells.",
    "videos": "Reference videos, as video elsewhere.",
    "orientations": "Of a batch: video, image or both.",
    "prompts": "Of a batch: prompts, each of which every pair is made with.",
    "prompt": "Scene, clothes and light in words, 1-2500 characters. The motion comes from the video.",
    "orientation": "Whose facing the result follows: video (at most 30 s) or image (at most 10 s).",
    "keep_sound": "Keep the reference's sound.",
    "accept": "Ids of rules that a person overrules, where may_accept says that one may.",
    "details": "Also give the whole report, with facts, evidence and forecast.",
    "person": "Whom to keep where an input shows several people, counted from the left, from 1.",
    "engine": "Who renders: preview is free and drawn by this app, kling is paid.",
    "resolution": "How large a preview may be; Kling decides for itself.",
    "token": "Your own RunComfy token, which pays. Needed for what asks Kling; this app keeps none of it.",
    "max_usd": "The most that all of it may cost, in US dollars. Needed for Kling; what is dearer is not sent.",
    "cells": "Numbers of the cells that are meant, from 1, in the order of images, videos, orientations and prompts.",
    "plan_only": "Check and price the whole, and start nothing.",
    "again": "Make, and pay, another one although the same run was made; of a batch, of cells that failed.",
    "handle": "Of the run, batch or long clip; whoever has it has the run. What starts one may choose it: 22-128 "
    "characters that nobody can guess, such as a random UUID. Repeated after a lost answer, it makes nothing twice.",
    "pause": "Start nothing more of this batch; what runs is finished.",
    "model": "Of Kling, the model's id as models lists it; without one the usual model.",
    "wait_s": "Seconds to wait for the end of the run, batch or long clip, 50 at most.",
    "cuts": "Where to cut a long clip, in seconds, rising, instead of where the plan says.",
    "next_from": "What pieces behind the first begin with: the picture, or the last-frame of the piece before.",
    "skip_blocked": "Go on without pieces that the checks block; the last picture before them is shown meanwhile.",
    "stop": "Begin no further piece, and cancel those under way; what Kling has begun may be charged all the same.",
    "seconds": "Length to reckon with, in seconds, where no video is given.",
}


class Endpoints:
    """The functions behind the endpoints; their names are those of the endpoints.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self._calls = ProgramCalls(services)
        self._batches = BatchCalls(services)
        self._long_clips = LongClipCalls(services)

    async def check(  # noqa: PLR0917  Gradio passes values by position
        self,
        request: gr.Request,
        image: File = None,
        video: File = None,
        prompt: str = DEFAULT_PROMPT,
        orientation: Facing = "video",
        keep_sound: bool = True,
        accept: list[str] | None = None,
        details: bool = False,
    ) -> dict[str, Any]:
        """Say whether a run of these inputs would work, and what is in the way. Free; nothing is sent anywhere."""
        asked = OptionArguments(prompt=prompt, orientation=orientation, keep_sound=keep_sound)
        return await self._calls.check(_scope(request), image, video, asked, accept=accept, details=details)

    async def repair(  # noqa: PLR0917  Gradio passes values by position
        self,
        request: gr.Request,
        image: File = None,
        video: File = None,
        orientation: Facing = "video",
        keep_sound: bool = True,
        person: int | None = None,
    ) -> dict[str, Any]:
        """Mend what the checks find, in copies whose addresses are given back. Free; nothing is sent anywhere."""
        asked = OptionArguments(prompt=DEFAULT_PROMPT, orientation=orientation, keep_sound=keep_sound)
        return await self._calls.repair(_scope(request), image, video, asked, person=person)

    async def run(  # noqa: PLR0917  Gradio passes values by position
        self,
        request: gr.Request,
        image: File,
        video: File,
        engine: Literal["preview", "kling"] = "preview",
        prompt: str = DEFAULT_PROMPT,
        orientation: Facing = "video",
        keep_sound: bool = True,
        resolution: Literal["720p", "1080p"] = "720p",
        accept: list[str] | None = None,
        token: str = "",
        max_usd: float | None = None,
        again: bool = False,
        model: str = "",
        handle: str = "",
    ) -> dict[str, Any]:
        """Start a run and give its handle at once; it goes on without a connection.

        With engine "kling" this COSTS MONEY: it takes your own token and max_usd. The preview is free.
        """
        asked = OptionArguments(
            prompt=prompt, orientation=orientation, keep_sound=keep_sound, resolution=resolution, model=model
        )
        paying = PaymentArguments(engine=engine, token=token, max_usd=max_usd, again=again)
        return await self._calls.run(_scope(request), image, video, asked, paying, accept=accept, handle=handle)

    async def status(self, handle: str, token: str = "", wait_s: float = 0) -> dict[str, Any]:
        """Tell how far a run is. With its token, a paid run that waits for it after a restart goes on. Free."""
        return await self._calls.status(handle, token, wait_s)

    async def result(self, request: gr.Request, handle: str) -> dict[str, Any]:
        """Give the address of a run's video, and how well it follows the reference. Free."""
        return await self._calls.result(_scope(request), handle)

    async def cancel(self, handle: str) -> dict[str, Any]:
        """Ask a run to stop, and say what that achieved. What Kling has begun may be charged all the same."""
        return await self._calls.cancel(handle)

    async def forget(self, request: gr.Request, handle: str = "", token: str = "") -> dict[str, Any]:
        """Delete a run here, with its files and inputs; with a token alone, all runs that it paid. Cannot be undone.

        A paid run that has not ended is kept, and what RunComfy keeps of paid runs only RunComfy can delete. Free.
        """
        return await self._calls.forget(_scope(request), handle, token)

    async def score(
        self, request: gr.Request, reference: File, result: File, orientation: Facing = "video"
    ) -> dict[str, Any]:
        """Measure how well the motion of a clip follows its reference, 0-100. Free; nothing is sent anywhere."""
        return await self._calls.score(_scope(request), reference, result, orientation=orientation)

    async def sheet(
        self,
        request: gr.Request,
        images: list[File],
        videos: list[File],
        orientation: Facing = "video",
        accept: list[str] | None = None,
    ) -> dict[str, Any]:
        """Draw every character with every clip at five moments into one picture, to choose among them. Free."""
        return await self._calls.sheet(_scope(request), images, videos, orientation=orientation, accept=accept)

    async def batch(  # noqa: PLR0917  Gradio passes values by position
        self,
        request: gr.Request,
        images: list[File] | None = None,
        videos: list[File] | None = None,
        orientations: list[str] | None = None,
        prompts: list[str] | None = None,
        keep_sound: bool = True,
        engine: Literal["preview", "kling"] = "preview",
        accept: list[str] | None = None,
        token: str = "",
        max_usd: float | None = None,
        cells: list[int] | None = None,
        plan_only: bool = False,
        again: bool = False,
        handle: str = "",
        pause: bool = False,
        wait_s: float = 0,
        model: str = "",
    ) -> dict[str, Any]:
        """Make a run of every image with every video, orientation and prompt, or ask after a batch by its handle.

        All are checked and priced first; with plan_only nothing is started. With engine "kling" this COSTS MONEY: it
        takes your own token, and max_usd for all runs together; what fits is taken in order. Given again with its
        handle and the same files and choices, a batch goes on, and nothing that was started is started twice.
        """
        asked = BatchArguments(
            images=images,
            videos=videos,
            orientations=["video"] if orientations is None else orientations,
            prompts=[DEFAULT_PROMPT] if prompts is None else prompts,
            keep_sound=keep_sound,
            model=model,
            cells=cells,
            accept=accept,
            plan_only=plan_only,
            handle=handle,
            pause=pause,
            wait_s=wait_s,
        )
        paying = PaymentArguments(engine=engine, token=token, max_usd=max_usd, again=again)
        return await self._batches.batch(_scope(request), asked, paying)

    async def plan(  # noqa: PLR0917  Gradio passes values by position
        self,
        request: gr.Request,
        video: File,
        orientation: Facing = "video",
        cuts: list[float] | None = None,
        token: str = "",
        model: str = "",
    ) -> dict[str, Any]:
        """Tell how a clip of up to 10 minutes becomes several runs: where it is cut and why, what is lost, the price.

        The price is read with your own token, where it is given. Free: nothing is sent, and no run is made.
        """
        return await self._long_clips.plan(
            _scope(request), video, orientation=orientation, cuts=cuts, token=token, model=model
        )

    async def run_long(  # noqa: PLR0917  Gradio passes values by position
        self,
        request: gr.Request,
        image: File = None,
        video: File = None,
        engine: Literal["preview", "kling"] = "preview",
        prompt: str = DEFAULT_PROMPT,
        orientation: Facing = "video",
        keep_sound: bool = True,
        resolution: Literal["720p", "1080p"] = "720p",
        accept: list[str] | None = None,
        token: str = "",
        max_usd: float | None = None,
        cuts: list[float] | None = None,
        next_from: Literal["picture", "last-frame"] = "picture",
        skip_blocked: bool = False,
        again: bool = False,
        handle: str = "",
        stop: bool = False,
        wait_s: float = 0,
        model: str = "",
    ) -> dict[str, Any]:
        """Run a clip beyond the limit in pieces and join them to one video, or ask after it by its handle.

        With engine "kling" this COSTS MONEY: it takes your own token, and max_usd for all pieces together. Given again
        with its handle and the same files and choices, it goes on, and nothing that was sent is sent twice.
        """
        how = OptionArguments(
            prompt=prompt, orientation=orientation, keep_sound=keep_sound, resolution=resolution, model=model
        )
        asked = LongClipArguments(
            image=image,
            video=video,
            how=how,
            accept=accept,
            cuts=cuts,
            next_from=next_from,
            skip_blocked=skip_blocked,
            handle=handle,
            stop=stop,
            wait_s=wait_s,
        )
        paying = PaymentArguments(engine=engine, token=token, max_usd=max_usd, again=again)
        return await self._long_clips.run_long(_scope(request), asked, paying)

    async def price(
        self, request: gr.Request, token: str, video: File = None, seconds: float | None = None, model: str = ""
    ) -> dict[str, Any]:
        """Tell what a run on Kling would cost, read with your own token. Asking is free."""
        return await self._calls.price(_scope(request), video, seconds=seconds, token=token, model=model)

    async def models(self, request: gr.Request, token: str = "") -> dict[str, Any]:
        """List the models of Kling Motion Control with their prices, and what has changed in what they take. Free."""
        return await self._calls.models(_scope(request), token)


NAMES = (
    "check",
    "repair",
    "run",
    "status",
    "result",
    "cancel",
    "forget",
    "score",
    "price",
    "sheet",
    "batch",
    "models",
    "plan",
    "run_long",
)


def place_endpoints(page: gr.Blocks, services: Callable[[], Services]) -> None:
    """Add the endpoints to a page that is being built.

    Args:
        page: The page.
        services: Gives what the endpoints work with; it is asked only while the server runs.
    """
    endpoints = Endpoints(services)
    for name in NAMES:
        call = getattr(endpoints, name)
        gr.api(call, api_name=name, api_description=" ".join((call.__doc__ or "").split()), concurrency_limit=None)
        _describe(page.fns[max(page.fns)], call)


def calls_of(page: gr.Blocks) -> dict[int, ProgramCall]:
    """Return the endpoints of a page by the numbers of their events."""
    shown = {number: event for number, event in page.fns.items() if event.api_visibility == "public"}
    return {number: call_of(event.api_name or "", event.fn, number) for number, event in shown.items()}


def call_of(name: str, method: Any, number: int = 0) -> ProgramCall:
    """Describe what a caller may give to an endpoint.

    Args:
        name: Of the endpoint.
        method: What answers.
        number: Of its event on the page, if it has one.
    """
    needed = inspect.Parameter.empty
    known = parameters_of(method)
    return ProgramCall(name, number, tuple(Parameter(one.name, one.default is needed, one.default) for one in known))


def parameters_of(method: Any) -> list[inspect.Parameter]:
    """Return the parameters that are a caller's, and not Gradio's."""
    return [one for one in inspect.signature(method).parameters.values() if one.name in PARAMETERS]


def _describe(event: Any, call: Callable[..., Any]) -> None:
    """Let Gradio call each parameter by its name and say what it is; by itself it counts them."""
    names = [name for name in PARAMETERS if name in call.__annotations__]
    ordered = [name for name in call.__annotations__ if name in names]
    for block, name in zip(event.inputs, ordered, strict=True):
        block.label = name
        schema = SCHEMAS.get(str(call.__annotations__[name]), block._api_info)
        block._api_info = {**schema, "additional_description": PARAMETERS[name]}
    for block in event.outputs:
        block.label = "answer"


def _scope(request: gr.Request) -> Any:
    return None if request.request is None else request.request.scope
