"""The whole page at a glance: what stands where, and which event calls what."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from kling_ui.ui.engine_handlers import EngineHandlers
from kling_ui.ui.examples import EXAMPLES
from kling_ui.ui.input_handlers import InputHandlers
from kling_ui.ui.panels import (
    ActionPanel,
    EnginePanel,
    HowPanel,
    InputPanel,
    ResultPanel,
    place_action,
    place_engine,
    place_how,
    place_inputs,
    place_result,
)
from kling_ui.ui.run_handlers import RunHandlers
from kling_ui.ui.services import Services

TITLE = "Motion Control playground"
# Fixed, so that a visitor is known again after a restart. Not a secret: anybody can read it in the page.
VISITOR_KEY, VISITOR_SCRAMBLE = "kling_ui.visitor", "kling_ui"
CACHE_SWEEP_S, CACHE_AGE_S = 600, 86_400
PLUMBING: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


@dataclass(frozen=True)
class Panels:
    """Everything on the page that events speak of."""

    engine: EnginePanel
    inputs: InputPanel
    how: HowPanel
    action: ActionPanel
    result: ResultPanel
    visitor: gr.BrowserState

    @property
    def asked(self) -> list[Any]:
        """What is judged."""
        how = self.how
        return [self.inputs.image, self.inputs.video, how.orientation, how.keep_sound, how.prompt, self.action.accepted]

    @property
    def judged(self) -> list[Any]:
        """What shows the judgement."""
        return [self.action.findings, self.action.headline, self.action.run, self.action.accepted]

    @property
    def stage(self) -> list[Any]:
        """What shows a run."""
        return [self.result.status, self.result.player, self.result.history]


def build_page(
    services: Callable[[], Services], *, example_pairs: list[dict[str, str]], has_token: bool = False
) -> gr.Blocks:
    """Build the page.

    Args:
        services: Gives what the handlers call; it is asked only while the server runs.
        example_pairs: What the row of examples shows.
        has_token: The app has a token of its own.
    """
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(CACHE_SWEEP_S, CACHE_AGE_S)) as page:
        visitor = gr.BrowserState("", storage_key=VISITOR_KEY, secret=VISITOR_SCRAMBLE)
        engine = place_engine(has_token=has_token)
        with gr.Row(elem_id="columns"):
            with gr.Column(scale=5, min_width=0, elem_id="left"):
                inputs = place_inputs(example_pairs)
                how = place_how(EXAMPLES[0].choice)
                action = place_action()
            with gr.Column(scale=8, min_width=0, elem_id="right"):
                result = place_result()
        panels = Panels(engine, inputs, how, action, result, visitor)
        on_inputs, on_runs = InputHandlers(services), RunHandlers(services)
        wire_inputs(panels, on_inputs)
        wire_checks(panels, on_inputs)
        wire_engine(panels, EngineHandlers(services))
        wire_runs(panels, on_inputs, on_runs)
        wire_arrival(page, panels, on_inputs, on_runs)
    return page


def wire_inputs(panels: Panels, handlers: InputHandlers) -> None:
    """Look at whatever a person hands in; the newest wish of a tab wins."""
    image, video, how = panels.inputs.image, panels.inputs.video, panels.how
    image.handed(handlers.on_image, None, image, trigger_mode="multiple", **PLUMBING)
    video.handed(handlers.on_video, None, video, trigger_mode="multiple", **PLUMBING)
    chosen = [image, video, how.orientation, how.prompt]
    panels.inputs.examples.pick(handlers.on_example, None, chosen, trigger_mode="multiple", **PLUMBING)


def wire_checks(panels: Panels, handlers: InputHandlers) -> None:
    """Judge again whenever an input or the choice changes."""
    changes = [component.change for component in panels.asked]
    gr.on(changes, handlers.judge, panels.asked, panels.judged, trigger_mode="always_last", **PLUMBING)


def wire_engine(panels: Panels, handlers: EngineHandlers) -> None:
    """Say what the chosen engine needs and costs."""
    engine, token, cost = panels.engine.engine, panels.engine.token, panels.action.cost
    asked = [engine, token, panels.inputs.video]
    engine.change(handlers.on_engine, engine, [token, panels.action.run], **PLUMBING)
    changes = [engine.change, token.blur, token.submit, panels.inputs.video.change]
    gr.on(changes, handlers.cost, asked, cost, trigger_mode="always_last", **PLUMBING)


def wire_runs(panels: Panels, on_inputs: InputHandlers, on_runs: RunHandlers) -> None:
    """Start, open, cancel, compare; what runs is judged once more, so that nothing typed a moment ago is missed."""
    result, visitor, token = panels.result, panels.visitor, panels.engine.token
    wish = [panels.action.headline, panels.engine.engine, token, visitor]
    judged = panels.action.run.click(on_inputs.judge, panels.asked, panels.judged, trigger_mode="once", **PLUMBING)
    judged.success(on_runs.on_run, wish, panels.stage, **PLUMBING)
    slots = [panels.inputs.image, panels.inputs.video]
    changes = [slot.change for slot in slots]
    gr.on(changes, on_runs.on_inputs, slots, result.player, trigger_mode="always_last", **PLUMBING)
    result.history.open(on_runs.on_open, visitor, panels.stage, trigger_mode="multiple", **PLUMBING)
    result.status.cancel(on_runs.on_cancel, visitor, result.status, **PLUMBING)
    result.player.compare(on_runs.on_compare, visitor, result.player, **PLUMBING)
    typed = [token.submit, token.blur]
    gr.on(typed, on_runs.on_token, [token, visitor], panels.stage, trigger_mode="multiple", **PLUMBING)


def wire_arrival(page: gr.Blocks, panels: Panels, on_inputs: InputHandlers, on_runs: RunHandlers) -> None:
    """Load the example, and find the visitor's newest run again."""
    page.load(on_inputs.on_first_look, None, [panels.inputs.image, panels.inputs.video], **PLUMBING)
    known = page.load(on_runs.on_arrival, panels.visitor, panels.visitor, **PLUMBING)
    known.then(on_runs.on_return, panels.visitor, panels.stage, **PLUMBING)
