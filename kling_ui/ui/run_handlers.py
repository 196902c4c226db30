"""What happens when a person starts, watches, cancels or opens a run."""

import re
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import gradio as gr
from pydantic import SecretStr

from kling_ui.errors import RunError
from kling_ui.runs.record import EngineName
from kling_ui.runs.runner import RunInputs
from kling_ui.runs.view import RunView
from kling_ui.ui import run_view
from kling_ui.ui.attention import Attention
from kling_ui.ui.comparison import comparison_of
from kling_ui.ui.events import told
from kling_ui.ui.services import Services
from kling_ui.ui.slot_view import SlotValue
from kling_ui.ui.tokens import token_of
from kling_ui.ui.trouble import in_words
from kling_ui.ui.verdict_view import verdict_view
from kling_ui.ui.wish import Wish

Stage = tuple[Any, Any, Any]  # status, player, history
LOOK = {"look": True}  # the person has just asked for it: bring it into view
_VISITOR = re.compile(r"[A-Za-z0-9_-]{32,64}")
NOT_CHECKED = RunError("The inputs are not ready to run.", advice="See what the checks say beside the button.")


def new_visitor() -> str:
    """Make an id that nobody can guess."""
    return secrets.token_urlsafe(32)


def known_visitor(text: object) -> str | None:
    """Give the visitor's id that the browser kept, if it can be one of ours."""
    return text if isinstance(text, str) and _VISITOR.fullmatch(text) else None


class RunHandlers:
    """Handlers of the right column.

    Args:
        services: Gives what the page works with; it is open only while the server runs.
    """

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services
        self._attention = Attention()

    async def on_run(
        self, headline: dict[str, Any] | None, engine: str, token: str, visitor: str, request: gr.Request
    ) -> AsyncIterator[Stage]:
        """Start what the headline carries as the person's wish, and show it until it ends."""
        services, owner = self._services(), known_visitor(visitor) or ""
        try:
            wish = Wish.from_value((headline or {}).get("wish"), services.locker)
            run_id = await self._start(wish, EngineName(engine), token_of(token), owner)
        except Exception as error:  # noqa: BLE001  told in words
            yield run_view.refusal(in_words(error)) | LOOK, gr.skip(), gr.skip()
            return
        async for status, player, history in self._show(run_id, owner, request):
            yield status | LOOK, player, history

    async def on_inputs(self, image: SlotValue | None, video: SlotValue | None) -> Any:
        """Let the inputs stand beside each other while there is no run to show."""
        locker = self._services().locker
        shown = (locker.url(locker.open((value or {}).get("ref"))) for value in (image, video))
        return gr.update(pair=run_view.inputs_value(*shown))

    async def on_open(self, event: gr.EventData, visitor: str, request: gr.Request) -> AsyncIterator[Stage]:
        """Show an earlier run, and follow it if it goes on."""
        async for stage in self._show(str(told(event).get("run_id")), known_visitor(visitor) or "", request):
            yield stage

    async def on_arrival(self, visitor: str) -> str:
        """Give a new visitor an id, which the browser keeps."""
        return known_visitor(visitor) or new_visitor()

    async def on_return(self, visitor: str, request: gr.Request) -> AsyncIterator[Stage]:
        """Show a returning visitor's newest run, and follow it if it goes on."""
        owner = known_visitor(visitor)
        runs = await self._services().runner.history(owner) if owner else []
        if not runs:
            yield gr.skip(), gr.skip(), gr.skip()
            return
        async for stage in self._show(runs[0].run_id, owner or "", request):
            yield stage

    async def on_token(self, token: str, visitor: str, request: gr.Request) -> AsyncIterator[Stage]:
        """Follow a visitor's paid runs on that waited for the token, and show the first of them."""
        owner = known_visitor(visitor)
        try:
            secret = token_of(token)
            resumed = await self._services().runner.resume(owner, secret) if owner and secret else []
        except Exception as error:  # noqa: BLE001  told in words
            yield run_view.refusal(in_words(error)), gr.skip(), gr.skip()
            return
        if not resumed:
            yield gr.skip(), gr.skip(), gr.skip()
            return
        async for stage in self._show(resumed[0], owner or "", request):
            yield stage

    async def on_cancel(self, event: gr.EventData, visitor: str) -> Any:
        """Ask a run to stop and say what that achieved."""
        run_id = str(told(event).get("run_id"))
        try:
            words = await self._services().runner.cancel(run_id, known_visitor(visitor) or "")
        except Exception as error:  # noqa: BLE001  told in words
            words = str(in_words(error))
        return gr.update(note={"run_id": run_id, "words": words})

    async def on_compare(self, event: gr.EventData, visitor: str) -> Any:
        """Put reference and result into one file that can be downloaded."""
        run_id, services = str(told(event).get("run_id")), self._services()
        try:
            run = await services.runner.view(run_id, known_visitor(visitor) or "")
            path = await comparison_of(run, services.workers)
        except Exception as error:  # noqa: BLE001  told in words
            return gr.update(comparison={"run_id": run_id, "error": str(in_words(error))})
        name = f"comparison-{run.engine.value}-{run_id[:8]}.mp4"
        return gr.update(comparison={"run_id": run_id, "url": services.locker.url(path), "name": name})

    async def _start(self, wish: Wish | None, engine: EngineName, token: SecretStr | None, visitor: str) -> str:
        services = self._services()
        if wish is None or not visitor:
            raise NOT_CHECKED
        report = await services.preflight.report(wish.image, wish.video, wish.choice)
        if verdict_view(report, accepted=wish.accepted).tone == "block":
            raise RunError(report.headline, advice="See what the checks say beside the button.")
        inputs = RunInputs(
            image=wish.image,
            video=wish.video,
            choice=wish.choice,
            image_url=wish.image_url,
            video_url=wish.video_url,
            findings=report.to_json(),
        )
        return await services.runner.start(inputs, engine=engine, visitor=visitor, token=token)

    async def _show(self, run_id: str, visitor: str, request: gr.Request) -> AsyncIterator[Stage]:
        """Show one run until it ends or the tab looks at another one."""
        services = self._services()
        shown: dict[str, Any] = {}
        with self._attention.claim(request.session_hash) as is_ours:
            try:
                async with aclosing(services.runner.watch(run_id, visitor)) as views:
                    async for run in views:
                        if not is_ours():
                            return
                        yield await self._stage(run, visitor, shown)
            except Exception as error:  # noqa: BLE001  told in words
                if is_ours():
                    yield run_view.refusal(in_words(error)), gr.skip(), gr.skip()

    async def _stage(self, run: RunView, visitor: str, shown: dict[str, Any]) -> Stage:
        """Give what is new since the last time; unchanged players keep playing."""
        services = self._services()
        player = run_view.player_value(services.locker, run)
        history: Any = gr.skip()
        if run.state is not shown.get("state"):
            runs = await services.runner.history(visitor)
            history = run_view.history_value(services.locker, runs, current=run.run_id, now=time.time())
        fresh = gr.skip() if player == shown.get("player") else player
        shown.update(state=run.state, player=player)
        return run_view.status_value(run), fresh, history
