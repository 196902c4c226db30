"""Factories that place components where they are called, and give them back by name."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from kling_ui.checks.limits import PROMPT_MAX_CHARS
from kling_ui.languages import say, told
from kling_ui.options import DEFAULT_PROMPT, Orientation, Resolution, TransferOptions
from kling_ui.presentation.price_sentences import FREE, RUN
from kling_ui.runs.record import EngineName
from kling_ui.ui import widgets

TITLE = told("""# Motion Control playground
A picture and a clip go in; the picture makes the clip's moves.""")
DUPLICATE = "{title}\n\n[Duplicate this Space](https://huggingface.co/spaces/{space_id}?duplicate=true)"
PREVIEW_LABEL = told("Preview\nFree, rendered on this machine")
PREVIEW_LABEL_OF_SERVER = told("Preview\nFree, rendered on this server")
KLING_LABEL = told("Kling Motion Control\nPaid, with a RunComfy token")
ORIENTATIONS = [
    (told("Video\nAs in the clip, up to 30\N{NO-BREAK SPACE}s"), Orientation.VIDEO.value),
    (told("Image\nAs in the picture, up to 10\N{NO-BREAK SPACE}s"), Orientation.IMAGE.value),
]
TOKEN_MAX_CHARS = 4096
TOKEN_INFO = told(
    "Used for this browser's runs only; kept in memory, never stored. [Get a token](https://www.runcomfy.com/)"
)


@dataclass(frozen=True)
class EnginePanel:
    """Who renders."""

    engine: gr.Radio
    model: gr.Radio
    token: gr.Textbox
    use_token: gr.Button
    token_place: gr.Column
    token_line: gr.HTML
    account: gr.HTML | None


@dataclass(frozen=True)
class InputPanel:
    """The two inputs and the ready pairs."""

    examples: gr.HTML
    image: gr.HTML
    video: gr.HTML


@dataclass(frozen=True)
class HowPanel:
    """What a person chooses besides the inputs."""

    orientation: gr.Radio
    advice: gr.HTML
    keep_sound: gr.Checkbox
    resolution: gr.Radio
    prompt: gr.Textbox
    use_sentence: gr.Button


@dataclass(frozen=True)
class ActionPanel:
    """The Run button and what stands around it."""

    findings: gr.HTML
    long_clip: gr.HTML
    accepted: gr.Checkbox
    headline: gr.HTML
    run_button: gr.Button
    cost: gr.HTML
    code: gr.HTML
    batch: gr.HTML
    asks: "RunCarrier"


@dataclass(frozen=True)
class RunCarrier:
    """What the Run button asks for; nothing of it is shown.

    Attributes:
        request: The inputs and the choice as they were judged, see :class:`kling_ui.ui.browser_values.RunRequest`;
            empty while they cannot be run.
        shown_rate: The rate that stands beside the button, see :func:`kling_ui.ui.browser_values.shown_rate_value`.
    """

    request: gr.HTML
    shown_rate: gr.HTML


@dataclass(frozen=True)
class ResultPanel:
    """What happens and what came of it."""

    status: gr.HTML
    player: gr.HTML
    history: gr.HTML


def place_engine(*, login_url: str, is_public: bool, space_id: str = "") -> EnginePanel:
    """Place the title, the engine switch with the token that Kling needs, and who has logged in where one can.

    Args:
        login_url: Where a login starts; empty where nobody can log in.
        is_public: Others than the person at this machine read the page: for them it is a server.
        space_id: The Space that a visitor may duplicate, to run it with a token and a machine of their own.
    """
    preview = PREVIEW_LABEL_OF_SERVER if is_public else PREVIEW_LABEL
    engines = [(preview, EngineName.PREVIEW.value), (KLING_LABEL, EngineName.KLING.value)]
    with gr.Row(elem_id="head"):
        with gr.Column(elem_id="title-side", min_width=0):
            title = gr.Markdown(elem_id="title")
            widgets.language()
        title.value = (
            say(DUPLICATE, title=TITLE, space_id=space_id) if space_id else TITLE
        )  # Gradio would copy the text
        with gr.Column(elem_id="engine-side", min_width=0):
            engine = gr.Radio(
                engines, value=EngineName.PREVIEW.value, label=told("Engine"), elem_id="engine", elem_classes="choices"
            )
            model = gr.Radio(
                [],
                label=told("Model"),
                visible=False,  # until there is a choice
                elem_id="model",
                elem_classes="choices",
            )
            with gr.Column(visible=False, min_width=0, elem_id="token-place") as token_place:
                token = gr.Textbox(
                    label=told("RunComfy token"),
                    info=TOKEN_INFO,
                    type="password",
                    max_length=TOKEN_MAX_CHARS,
                    elem_id="token",
                    html_attributes=gr.InputHTMLAttributes(autocomplete="off", spellcheck=False),
                )
                use_token = gr.Button(told("Use token"), size="sm", elem_id="use-token")
            token_line = widgets.token_line()
            account = widgets.account(login_url) if login_url else None
    return EnginePanel(engine, model, token, use_token, token_place, token_line, account)


def place_inputs(pairs: list[dict[str, str]]) -> InputPanel:
    """Place the examples and the two inputs."""
    examples = widgets.examples(pairs)
    with gr.Column(elem_classes=["card", "image-card"]):
        image = widgets.slot(
            "image",
            step="1",
            title=told("Character image"),
            blank=told("Drop, paste or choose a picture of one person. JPEG or PNG."),
            elem_id="image-slot",
        )
    with gr.Column(elem_classes=["card", "video-card"]):
        video = widgets.slot(
            "video",
            step="2",
            title=told("Reference video"),
            blank=told("Drop or choose a clip of one person moving, 3 to 30\N{NO-BREAK SPACE}s. MP4 or MOV."),
            elem_id="video-slot",
        )
    return InputPanel(examples, image, video)


def place_how(choice: TransferOptions) -> HowPanel:
    """Place the choices."""
    with gr.Column(elem_classes="card", elem_id="how"):
        widgets.heading("3", told("How"))
        orientation = gr.Radio(
            ORIENTATIONS,
            value=choice.orientation.value,
            label=told("Orientation of the character"),
            elem_id="orientation",
            elem_classes="choices",
        )
        advice = widgets.advice()
        keep_sound = gr.Checkbox(choice.keep_sound, label=told("Keep the clip's sound"), elem_id="keep-sound")
        resolution = gr.Radio(
            [resolution.value for resolution in Resolution],
            value=choice.resolution.value,
            label=told("Size of the preview"),
            visible=False,  # until a picture leaves a choice
            elem_id="resolution",
        )
        prompt = gr.Textbox(
            choice.prompt,
            label=told("Scene in words"),
            info=told("Place, clothes, light. The motion comes from the clip."),
            lines=2,
            max_lines=6,
            max_length=int(PROMPT_MAX_CHARS.value),
            placeholder=say("Such as: {prompt}", prompt=DEFAULT_PROMPT),
            elem_id="prompt",
        )
        use_sentence = gr.Button(told("Use this sentence"), size="sm", elem_id="use-sentence")
    return HowPanel(orientation, advice, keep_sound, resolution, prompt, use_sentence)


def place_action() -> ActionPanel:
    """Place the findings, the one sentence and the Run button."""
    findings = widgets.findings()
    long_clip = widgets.long_clip()
    accepted = gr.Checkbox(
        False, label=told("I have checked this myself, run anyway"), visible=False, elem_id="accepted"
    )
    with gr.Column(elem_id="action"):
        headline = widgets.headline()
        run_button = gr.Button(RUN, variant="primary", interactive=False, elem_id="run")
        cost = widgets.cost({"words": FREE})
        asks = RunCarrier(widgets.carrier("run-request"), widgets.carrier("shown-rate"))
    return ActionPanel(findings, long_clip, accepted, headline, run_button, cost, widgets.code(), widgets.batch(), asks)


def place_result(prepared: dict[str, Any] | None = None, notice: str = "") -> ResultPanel:
    """Place the run, its result and the earlier ones.

    Args:
        prepared: What is shown before there is a run.
        notice: How long they are kept, if that is worth saying.
    """
    panel = ResultPanel(widgets.status(), widgets.player(prepared), widgets.history())
    if notice:
        widgets.note("keeping", notice)
    return panel
