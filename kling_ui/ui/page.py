"""The whole page on one screen: what stands where, and which event calls what."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from kling_ui.languages import told
from kling_ui.options import DEFAULT_PROMPT
from kling_ui.ui.event_payload import LatestWins, guarded, in_language
from kling_ui.ui.examples import EXAMPLES, asset
from kling_ui.ui.handlers.account import AccountHandlers, ErasureHandlers, TokenHandlers
from kling_ui.ui.handlers.batch_area import BatchHandlers
from kling_ui.ui.handlers.correction_editor import EditorHandlers
from kling_ui.ui.handlers.gallery import GalleryHandlers
from kling_ui.ui.handlers.inputs import InputHandlers
from kling_ui.ui.handlers.long_clip_area import LongClipHandlers
from kling_ui.ui.handlers.price import PriceHandlers
from kling_ui.ui.handlers.repairs import RepairHandlers
from kling_ui.ui.handlers.run_display import RunDisplay
from kling_ui.ui.handlers.runs import RunHandlers
from kling_ui.ui.handlers.take_away import TakeAwayHandlers
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
from kling_ui.ui.programs.endpoints import place_endpoints
from kling_ui.ui.services import Services

TITLE = told("Motion Control playground")
# Fixed, so that a visitor is known again after a restart. Not a secret: anybody can read it in the page.
VISITOR_KEY, VISITOR_SCRAMBLE = "kling_ui.visitor", "kling_ui"
INPUTS_KEY = "kling_ui.inputs"
CACHE_SWEEP_S, CACHE_AGE_S = 600, 86_400
# Handlers look at raw values themselves: Gradio's own look at them prints a traceback when somebody sends odd ones.
PLUMBING: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "preprocess": False}


@dataclass(frozen=True)
class Panels:
    """Everything on the page that events speak of."""

    engine: EnginePanel
    inputs: InputPanel
    how: HowPanel
    action: ActionPanel
    result: ResultPanel
    visitor: gr.BrowserState
    kept: gr.BrowserState

    @property
    def slots(self) -> list[Any]:
        """Both inputs."""
        return [self.inputs.image, self.inputs.video]

    @property
    def asked(self) -> list[Any]:
        """What is judged, and for which engine."""
        how, action, engine = self.how, self.action, self.engine.engine
        return [*self.slots, how.orientation, how.keep_sound, how.prompt, action.accepted, engine]

    @property
    def typed(self) -> list[Any]:
        """What the token is read with."""
        return [self.engine.token, self.engine.token_line, self.engine.engine, self.visitor]

    @property
    def token(self) -> list[Any]:
        """What shows whether a token is there."""
        return [self.engine.token_place, self.engine.token_line]

    @property
    def priced(self) -> list[Any]:
        """What the price depends on."""
        return [self.engine.engine, self.inputs.video, self.visitor, self.engine.model]

    @property
    def cost(self) -> list[Any]:
        """What shows the price and carries it to the run, and the token, which may turn out to be none."""
        return [self.action.cost, self.action.run_button, self.action.asks.shown_rate, *self.token]

    @property
    def judged(self) -> list[Any]:
        """What shows the judgement, and carries what was judged to the run."""
        action = self.action
        return [action.findings, action.headline, action.run_button, action.accepted, action.asks.request]

    @property
    def display(self) -> list[Any]:
        """What shows a run."""
        return [self.result.status, self.result.player, self.result.history]


def build_page(
    services: Callable[[], Services],
    *,
    example_pairs: list[dict[str, str]],
    prepared: dict[str, Any] | None = None,
    login_url: str = "",
    is_public: bool = False,
    space_id: str = "",
    notice: str = "",
) -> gr.Blocks:
    """Build the page.

    Args:
        services: Gives what the handlers call; it is asked only while the server runs.
        example_pairs: What the row of examples shows.
        prepared: The result that is shown before there is another.
        login_url: Where a login starts; empty where nobody can log in.
        is_public: Others than the person at this machine can reach the app.
        space_id: The Hugging Face Space that the app runs in, which a visitor may duplicate; empty elsewhere.
        notice: What visitors should know of how long things are kept.
    """
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(CACHE_SWEEP_S, CACHE_AGE_S)) as page:
        visitor = gr.BrowserState("", storage_key=VISITOR_KEY, secret=VISITOR_SCRAMBLE)
        kept = gr.BrowserState(None, storage_key=INPUTS_KEY, secret=VISITOR_SCRAMBLE)
        engine = place_engine(login_url=login_url, is_public=is_public, space_id=space_id)
        with gr.Row(elem_id="columns"):
            with gr.Column(scale=5, min_width=0, elem_id="left"):
                inputs = place_inputs(example_pairs)
                how = place_how(EXAMPLES[0].choice)
                action = place_action()
            with gr.Column(scale=8, min_width=0, elem_id="right"):
                result = place_result(prepared, notice)
        panels = Panels(engine, inputs, how, action, result, visitor, kept)
        latest_wins = LatestWins()
        display = RunDisplay(services)
        on_inputs, on_runs = InputHandlers(services, latest_wins), RunHandlers(services, display=display)
        wire_inputs(panels, on_inputs)
        wire_editor(panels, EditorHandlers(services, latest_wins))
        wire_checks(panels, on_inputs)
        wire_repairs(panels, RepairHandlers(services, latest_wins))
        on_token = TokenHandlers(services)
        wire_token(panels, on_token, on_runs)
        on_engine = PriceHandlers(services)
        wire_engine(panels, on_token, on_engine)
        wire_start(panels, on_token, on_inputs, on_runs, on_engine)
        wire_runs(panels, on_runs, on_engine)
        wire_past_runs(panels, GalleryHandlers(services, display), on_inputs)
        wire_take_away(panels, TakeAwayHandlers(services, display))
        wire_batch(panels, BatchHandlers(services), on_runs)
        wire_long_clip(panels, on_long_clips := LongClipHandlers(services), on_runs)
        known = wire_arrival(page, panels, on_inputs, on_runs, AccountHandlers(services))
        known.then(on_long_clips.on_return, visitor, panels.action.long_clip, **PLUMBING)
        wire_erasure(panels, ErasureHandlers(services), on_inputs)
        place_endpoints(page, services)
    for event in page.fns.values():
        is_page = event.api_visibility == "private"  # a program's is not: it is told English
        event.fn = in_language(guarded(event.fn), follows_visitor=is_page) if event.fn else None
    return page


def wire_inputs(panels: Panels, handlers: InputHandlers) -> None:
    """Look at whatever a person hands in; the newest request of a tab wins."""
    image, video, how = panels.inputs.image, panels.inputs.video, panels.how
    image.handed(handlers.on_image, panels.visitor, image, trigger_mode="multiple", **PLUMBING)
    video.handed(handlers.on_video, panels.visitor, video, trigger_mode="multiple", **PLUMBING)
    image.handed(handlers.on_own_picture, how.prompt, how.prompt, **PLUMBING)
    chosen = [image, video, how.orientation, how.prompt]
    panels.inputs.examples.pick(
        handlers.on_example, [how.prompt, panels.visitor], chosen, trigger_mode="multiple", **PLUMBING
    )


def wire_editor(panels: Panels, handlers: EditorHandlers) -> None:
    """Correct the character of the picture."""
    image = panels.inputs.image
    image.edit(handlers.on_edit, image, image, trigger_mode="multiple", **PLUMBING)
    image.correct(handlers.on_correct, [image, panels.visitor], image, trigger_mode="multiple", **PLUMBING)


def wire_checks(panels: Panels, handlers: InputHandlers) -> None:
    """Judge again whenever an input or the choice changes, and let the browser keep them over a reload.

    Only one listener of an event may be ``always_last``: Gradio 6.31 repeats the whole event for each one that it had
    put off, so that two of them set each other off for ever.
    """
    video, orientation = panels.inputs.video, panels.how.orientation
    changes = [component.change for component in panels.asked]
    gr.on(changes, handlers.judge, panels.asked, panels.judged, trigger_mode="always_last", **PLUMBING)
    advised = [video.change, orientation.change]
    gr.on(advised, handlers.on_advice, [video, orientation], panels.how.advice, trigger_mode="multiple", **PLUMBING)
    engine, image = panels.engine.engine, panels.inputs.image
    sized = [engine.change, image.change]
    gr.on(sized, handlers.on_size, [engine, image], panels.how.resolution, trigger_mode="multiple", **PLUMBING)
    keep = asset("ui/kept.js").read_text("utf-8")
    size = panels.how.resolution
    kept_changes = [*changes[:-2], size.change]
    gr.on(kept_changes, None, [*panels.asked[:-2], size, panels.kept], panels.kept, js=keep, **PLUMBING)
    panels.how.use_sentence.click(None, None, panels.how.prompt, js=f"() => {json.dumps(DEFAULT_PROMPT)}", **PLUMBING)


def wire_repairs(panels: Panels, handlers: RepairHandlers) -> None:
    """Mend, adjust, stop, undo; take over what is advised."""
    findings, how, (image, video) = panels.action.findings, panels.how, panels.slots
    repaired, chosen = [*panels.slots, findings], [how.orientation, how.keep_sound]
    for pressed in (findings.repair, video.repair):  # gr.on knows no events of our own
        pressed(handlers.on_repair, [image, video, *chosen], repaired, trigger_mode="multiple", **PLUMBING)
    for slot in panels.slots:
        slot.adjust(handlers.on_adjust, [image, video, *chosen], panels.slots, trigger_mode="multiple", **PLUMBING)
        slot.stop(handlers.on_stop, None, None, trigger_mode="multiple", **PLUMBING)
    rate = panels.action.asks.shown_rate
    video.foresee(handlers.on_part, [video, rate], video, trigger_mode="always_last", **PLUMBING)
    findings.stop(handlers.on_stop, None, None, trigger_mode="multiple", **PLUMBING)
    findings.undo(handlers.on_undo_all, panels.slots, repaired, **PLUMBING)
    image.undo(handlers.on_undo_image, image, image, **PLUMBING)
    video.undo(handlers.on_undo_video, video, video, **PLUMBING)
    for pressed in (findings.choose, how.advice.choose):
        pressed(handlers.on_choose, None, chosen, trigger_mode="multiple", **PLUMBING)


def wire_token(panels: Panels, handlers: TokenHandlers, on_runs: RunHandlers) -> None:
    """Take the token out of its field as soon as it is there; runs that waited for it go on."""
    panel, visitor = panels.engine, panels.visitor
    read, shown, who = panels.typed, panels.token, [panel.engine, visitor]
    taken = [panel.token, *shown]
    typed = gr.on(
        [panel.token.submit, panel.token.blur, panel.use_token.click], handlers.on_token, read, taken, **PLUMBING
    )
    typed.success(on_runs.on_kept_token, visitor, panels.display, trigger_mode="multiple", **PLUMBING)
    panel.token_line.forget(handlers.on_forget, who, shown, **PLUMBING)
    panel.token_line.stale(handlers.on_stale_token, who, shown, **PLUMBING)


def wire_engine(panels: Panels, on_token: TokenHandlers, handlers: PriceHandlers) -> None:
    """Say what the chosen engine needs and costs: read anew whenever that may be another."""
    panel, visitor, video = panels.engine, panels.visitor, panels.inputs.video
    chosen = [*panels.token, panels.result.history]
    panel.engine.change(None, panel.engine, None, js=asset("ui/engine_kept.js").read_text("utf-8"), **PLUMBING)
    panel.engine.change(on_token.on_engine, [panel.engine, visitor], chosen, **PLUMBING)
    listed = [panel.engine.change, panel.token_line.change]
    asking = [panel.engine, visitor, panel.model]
    gr.on(listed, handlers.offered, asking, panel.model, trigger_mode="multiple", **PLUMBING)
    changes = [panel.engine.change, panel.token_line.change, panel.model.change, video.change]
    gr.on(changes, handlers.cost, panels.priced, panels.cost, trigger_mode="multiple", **PLUMBING)
    request = panels.action.asks.request
    asked, leaves = [panel.engine.change, request.change, panel.model.change], [panel.engine, request, panel.model]
    gr.on(asked, handlers.leaving, leaves, panels.action.cost, trigger_mode="multiple", **PLUMBING)
    rate, size = panels.action.asks.shown_rate, panels.how.resolution
    coded = [panel.engine.change, panel.model.change, request.change, rate.change, size.change]
    sent = [panel.engine, request, rate, size, panel.model]
    gr.on(coded, handlers.as_code, sent, panels.action.code, trigger_mode="multiple", **PLUMBING)
    how, code = panels.how, panels.action.code
    code.fill(handlers.on_json, None, [how.orientation, how.keep_sound, how.prompt, size, code], **PLUMBING)


def wire_start(
    panels: Panels,
    on_token: TokenHandlers,
    on_inputs: InputHandlers,
    on_runs: RunHandlers,
    on_engine: PriceHandlers,
) -> None:
    """Start a run; what is in the fields at this moment is read once more, so that nothing is missed."""
    panel, action, visitor = panels.engine, panels.action, panels.visitor
    taken = [panel.token, *panels.token]
    token = action.run_button.click(on_token.on_token, panels.typed, taken, trigger_mode="once", **PLUMBING)
    judged = token.success(on_inputs.judge, panels.asked, panels.judged, **PLUMBING)
    asks = [action.asks.request, action.asks.shown_rate]
    asked = [*asks, panel.engine, panel.token_line, panels.how.resolution, visitor, panel.model]
    run = judged.success(on_runs.on_run, asked, panels.display, trigger_mode="multiple", **PLUMBING)
    run.then(on_engine.cost, panels.priced, panels.cost, **PLUMBING)


def wire_runs(panels: Panels, handlers: RunHandlers, on_engine: PriceHandlers) -> None:
    """Open, cancel, repeat, recover, compare, go on with a preview on Kling."""
    result, visitor = panels.result, panels.visitor
    slots = [panels.inputs.image, panels.inputs.video]
    changes = [slot.change for slot in slots]
    gr.on(changes, handlers.on_inputs, [*slots, visitor], result.player, trigger_mode="multiple", **PLUMBING)
    for opened in (result.history.open, result.status.open):
        opened(handlers.on_open, visitor, panels.display, trigger_mode="multiple", **PLUMBING)
    result.status.cancel(handlers.on_cancel, visitor, result.status, trigger_mode="multiple", **PLUMBING)
    once_more = [panels.action.asks.request, panels.action.asks.shown_rate, visitor]
    again = result.status.again(handlers.on_again, once_more, panels.display, trigger_mode="multiple", **PLUMBING)
    again.then(on_engine.cost, panels.priced, panels.cost, **PLUMBING)
    token = panels.engine.token_line
    priced_for = [token, visitor, panels.engine.model]
    result.history.price(handlers.on_kling_offer, priced_for, result.history, **PLUMBING)
    onward = result.history.onward(handlers.on_run_on_kling, [token, visitor], panels.display, **PLUMBING)
    onward.then(on_engine.cost, panels.priced, panels.cost, **PLUMBING)
    for recover in (result.status.recover, result.history.recover):
        recover(handlers.on_recover, visitor, panels.display, trigger_mode="multiple", **PLUMBING)


def wire_past_runs(panels: Panels, handlers: GalleryHandlers, on_inputs: InputHandlers) -> None:
    """Look through runs, compare them, use the inputs of one again, mark it, name it, delete it and put it back."""
    history, how, visitor = panels.result.history, panels.how, panels.visitor
    kept, taken = [panels.kept, how.resolution, visitor], [*panels.slots, panels.result.player, history]
    chosen = [how.orientation, how.keep_sound, how.prompt, how.resolution]
    history.reuse(on_inputs.on_reuse_inputs, kept, taken, trigger_mode="multiple", **PLUMBING)
    history.reuse(on_inputs.on_reuse_choice, visitor, chosen, trigger_mode="multiple", **PLUMBING)
    history.browse(handlers.on_browse, visitor, history, trigger_mode="multiple", **PLUMBING)
    history.star(handlers.on_star, visitor, history, trigger_mode="multiple", **PLUMBING)
    history.compare(handlers.on_compare_runs, visitor, panels.display, trigger_mode="multiple", **PLUMBING)
    panels.result.player.vote(handlers.on_vote, visitor, panels.result.player, trigger_mode="multiple", **PLUMBING)
    history.rename(handlers.on_rename, visitor, history, trigger_mode="multiple", **PLUMBING)
    history.restore(handlers.on_restore, visitor, history, trigger_mode="multiple", **PLUMBING)
    history.delete(handlers.on_delete, visitor, panels.display, trigger_mode="multiple", **PLUMBING)


def wire_take_away(panels: Panels, handlers: TakeAwayHandlers) -> None:
    """Make what is taken away of a run, call that off, and open run cards that are brought."""
    player, visitor = panels.result.player, panels.visitor
    player.take(handlers.on_take, visitor, player, trigger_mode="multiple", **PLUMBING)
    player.stop_take(handlers.on_stop_take, None, None, trigger_mode="multiple", **PLUMBING)
    player.open_card(handlers.on_open_card, visitor, panels.display, trigger_mode="multiple", **PLUMBING)


def wire_batch(panels: Panels, handlers: BatchHandlers, on_runs: RunHandlers) -> None:
    """Plan, start, follow, pause and report many runs; open one of them."""
    batch, engine, visitor = panels.action.batch, panels.engine.engine, panels.visitor
    model = panels.engine.model
    batch.plan(handlers.on_plan, [engine, visitor, model], batch, **PLUMBING)
    paid_by = [engine, panels.engine.token_line, visitor, model]
    batch.start(handlers.on_start, paid_by, batch, trigger_mode="multiple", **PLUMBING)
    batch.look(handlers.on_look, visitor, batch, trigger_mode="multiple", **PLUMBING)
    batch.pause(handlers.on_pause, visitor, None, trigger_mode="multiple", **PLUMBING)
    batch.report(handlers.on_report, visitor, batch, **PLUMBING)
    batch.open(on_runs.on_open, visitor, panels.display, trigger_mode="multiple", **PLUMBING)


def wire_long_clip(panels: Panels, handlers: LongClipHandlers, on_runs: RunHandlers) -> None:
    """Offer a clip beyond the limit in pieces, cut it elsewhere, run all pieces, open the joined video."""
    area, how, engine, visitor = panels.action.long_clip, panels.how, panels.engine, panels.visitor
    video = panels.inputs.video
    changes = [video.change, how.orientation.change]
    gr.on(changes, handlers.on_clip, [video, how.orientation, area], area, trigger_mode="multiple", **PLUMBING)
    planned = [video, how.orientation, engine.engine, area, visitor, engine.model]
    area.plan(handlers.on_plan, planned, area, trigger_mode="multiple", **PLUMBING)
    priced = [engine.engine.change, engine.token_line.change, engine.model.change]
    gr.on(priced, handlers.on_engine, planned, area, trigger_mode="multiple", **PLUMBING)
    paid_by = [engine.engine, engine.token_line, how.resolution, visitor, engine.model]
    asked = [panels.kept, panels.action.accepted, *paid_by]
    area.start(handlers.on_start, asked, area, trigger_mode="multiple", **PLUMBING)
    area.cancel(handlers.on_cancel, visitor, None, trigger_mode="multiple", **PLUMBING)
    area.open(on_runs.on_open, visitor, panels.display, trigger_mode="multiple", **PLUMBING)


def wire_erasure(panels: Panels, handlers: ErasureHandlers, on_inputs: InputHandlers) -> None:
    """Delete all that is kept of a visitor; then the page is as it is for a new one."""
    history = panels.result.history
    history.erase(handlers.on_erase, panels.visitor, [panels.visitor, panels.kept, history], **PLUMBING)
    history.erased(on_inputs.on_first_inputs, panels.kept, panels.slots, trigger_mode="multiple", **PLUMBING)


def wire_arrival(
    page: gr.Blocks, panels: Panels, on_inputs: InputHandlers, on_runs: RunHandlers, on_account: AccountHandlers
) -> Any:
    """Load what was here before, or the example, and find the newest run again; return when the visitor is known."""
    chosen = [panels.how.orientation, panels.how.keep_sound, panels.how.prompt, panels.how.resolution]
    engine, engine_script = panels.engine.engine, asset("ui/engine.js").read_text("utf-8")
    page.load(None, engine, engine, js=engine_script, **PLUMBING)
    page.load(on_inputs.on_kept_choice, panels.kept, chosen, **PLUMBING)
    page.load(on_inputs.on_first_inputs, panels.kept, panels.slots, **PLUMBING)
    known = page.load(on_account.on_arrival, panels.visitor, panels.visitor, **PLUMBING)
    known.then(on_runs.on_return, panels.visitor, panels.display, **PLUMBING)
    if (account := panels.engine.account) is not None:
        page.load(on_account.on_account, None, account, **PLUMBING)
        back = account.returned(on_account.on_account, None, account, trigger_mode="multiple", **PLUMBING)
        claimed = back.then(on_account.on_arrival, panels.visitor, panels.visitor, **PLUMBING)
        claimed.then(on_runs.on_return, panels.visitor, panels.display, **PLUMBING)
    return known
