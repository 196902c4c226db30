"""The theme and the page's own widgets, each of a template and a script in ``assets/ui``."""

from typing import Any

import gradio as gr
from gradio.themes.utils.colors import Color
from gradio.themes.utils.fonts import LocalFont

from kling_ui.languages import told
from kling_ui.ui.examples import asset
from kling_ui.ui.web.login import WORDS
from kling_ui.ui.web.signed_files import UPLOAD_MAX_BYTES

_PINE = Color(
    name="pine",
    c50="#eef7f5",
    c100="#d5ebe7",
    c200="#aed8d0",
    c300="#7dbfb4",
    c400="#4da396",
    c500="#24867a",
    c600="#0f6d62",
    c700="#0d584f",
    c800="#0c463f",
    c900="#0a3832",
    c950="#06231f",
)
_STONE = Color(
    name="stone",
    c50="#f7f6f3",
    c100="#efede8",
    c200="#dfdcd4",
    c300="#c6c2b8",
    c400="#9b988f",
    c500="#6f6e69",
    c600="#565653",
    c700="#3a3c3c",
    c800="#242727",
    c900="#1a1c1d",
    c950="#121415",
)

_WEIGHTS = (400, 700)  # the semibold files that Gradio carries lack most letters
STYLES = (
    "base.css",
    "inputs.css",
    "timeline.css",
    "adjust.css",
    "findings.css",
    "result.css",
    "gallery.css",
    "player.css",
    "editor.css",
    "batch.css",
    "long_clip.css",
)


def page_theme() -> gr.themes.Base:
    """Make the theme; the style sheets read its colours through Gradio's own variables."""
    theme = gr.themes.Base(
        primary_hue=_PINE,
        secondary_hue=_PINE,
        neutral_hue=_STONE,
        radius_size=gr.themes.sizes.radius_md,
        font=[LocalFont("IBM Plex Sans", _WEIGHTS), "ui-sans-serif", "system-ui", "sans-serif"],
        font_mono=[LocalFont("IBM Plex Mono", _WEIGHTS), "ui-monospace", "monospace"],
    )
    return theme.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_900",
        body_text_color_dark="#e8e6e1",
        body_text_color_subdued="#62625e",
        body_text_color_subdued_dark="#a3a5a3",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="*neutral_900",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_border_width_dark="0px",
        block_shadow="none",
        block_padding="0px",
        block_label_background_fill="transparent",
        block_title_text_weight="600",
        block_title_text_size="14px",
        block_title_text_color="*body_text_color",
        block_title_text_color_dark="*body_text_color",
        block_info_text_color="*body_text_color_subdued",
        link_text_color_dark="*primary_300",  # Gradio's own has a contrast of 4.2 here, 4.5 are needed
        link_text_color_hover_dark="*primary_200",
        link_text_color_visited_dark="*primary_300",
        link_text_color_active_dark="*primary_300",
        input_background_fill="#ffffff",
        input_background_fill_dark="*neutral_950",
        input_border_color="*neutral_300",
        input_border_color_dark="#4a4d4d",
        input_border_width="1px",
        input_radius="8px",
        border_color_primary="*neutral_200",
        border_color_primary_dark="#323636",
        button_large_radius="10px",
        button_large_text_size="17px",
        button_large_text_weight="600",
        button_large_padding="14px 20px",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_400",
        button_primary_background_fill_hover_dark="*primary_300",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="*primary_950",
        button_primary_shadow="none",
        checkbox_label_background_fill="transparent",
        checkbox_label_background_fill_dark="transparent",
        checkbox_label_background_fill_hover="transparent",
        checkbox_label_background_fill_hover_dark="transparent",
        checkbox_label_background_fill_selected="*primary_50",
        checkbox_label_background_fill_selected_dark="#15302c",
        checkbox_label_border_width="1px",
        checkbox_label_border_color_selected="*primary_600",
        checkbox_label_border_color_selected_dark="*primary_400",
        checkbox_label_shadow="none",
    )


def widget(
    name: str,
    *,
    value: Any = None,
    uses: tuple[str, ...] = (),
    scripts: tuple[str, ...] = (),
    elem_id: str,
    **props: Any,
) -> gr.HTML:
    """Place an element made of ``<name>.html`` and ``<name>.js``, in the page's language by ``words.js``.

    Args:
        name: Of the template and its script.
        value: What it shows at first.
        uses: Scripts that its own builds on, run before it in the same scope.
        scripts: More scripts, run after its own in the same scope.
        elem_id: Its id in the page.
        **props: Constant or changing properties that the scripts read.
    """
    sources = [asset(f"ui/{script}.js").read_text("utf-8") for script in ("words", *uses, name, *scripts)]
    return gr.HTML(
        value,
        html_template=asset(f"ui/{name}.html").read_text("utf-8"),
        js_on_load="\n".join(("{", *sources, "}")),  # a block of their own: Gradio hands in names such as `upload`
        apply_default_css=False,
        elem_id=elem_id,
        **props,
    )


def slot(kind: str, *, step: str, title: str, blank: str, elem_id: str) -> gr.HTML:
    """Place one input of a run; ``kind`` is ``image`` or ``video``.

    Events: ``handed`` (``seq``, and either the ``ref`` of an upload and whether it was ``recorded`` here, or a
    ``url``), ``undo``; ``adjust`` (``input``, ``press``, and ``span``, ``box`` or ``turns``) and its ``stop``, which
    property ``adjusting`` answers; of a clip ``foresee`` (``span``), which property ``part`` answers, and ``repair``
    (``kinds``, ``span``) by which a person keeps a part of it; of a picture ``edit`` and ``correct`` (``joints``,
    ``mask``) by which they correct it; property ``editor`` answers both.
    """
    is_clip = kind == "video"
    return widget(
        "slot",
        uses=("dom", "playable", "timeline", "repaired", "crop", *(["trim"] if is_clip else []), "adjust"),
        scripts=("recorder",) if is_clip else ("joints", "brush", "editor"),
        elem_id=elem_id,
        kind=kind,
        step=step,
        title=title,
        blank=blank,
        max_bytes=UPLOAD_MAX_BYTES,
        adjusting={},
        **({"part": {}} if is_clip else {"editor": {}}),
    )


def examples(pairs: list[dict[str, str]]) -> gr.HTML:
    """Place the row of examples; event ``pick`` (``id``)."""
    return widget("examples", value=pairs, elem_id="examples")


def headline() -> gr.HTML:
    """Place the one sentence beside the button."""
    value = {"tone": "busy", "text": told("Checking the example.")}
    return widget("headline", value=value, uses=("reach",), elem_id="headline")


def carrier(elem_id: str) -> gr.HTML:
    """Place a value that only travels: a handler writes it, and another one reads it when something is pressed."""
    return gr.HTML({}, html_template="<i></i>", apply_default_css=False, visible="hidden", elem_id=elem_id)


def findings() -> gr.HTML:
    """Place the list of what the checks found; property ``repairing`` says how far a repair is.

    Events ``repair`` (``kinds``), ``stop``, ``undo`` (``after``), and ``choose`` (``orientation``, ``keep_sound``).
    """
    return widget("findings", elem_id="findings", uses=("dom", "evidence", "repairing"), repairing={})


def advice() -> gr.HTML:
    """Place which orientation suits the clip; event ``choose`` (``orientation``)."""
    return widget("advice", elem_id="advice")


def language() -> gr.HTML:
    """Place the switch between the languages; the page is loaded again in the chosen one."""
    return widget("language", elem_id="language")


def note(elem_id: str, text: str = "") -> gr.HTML:
    """Place a quiet line of plain text."""
    return widget("note", value=text, elem_id=elem_id)


def token_line() -> gr.HTML:
    """Place the line that stands for a kept token, or says whose token pays without one.

    Events ``forget`` and ``stale`` (it may be gone by now).
    """
    return widget("token", value={}, elem_id="token-line")


def account(login_url: str) -> gr.HTML:
    """Place who has logged in, or where to; event ``returned`` (from a login in another tab)."""
    return widget("account", elem_id="account", uses=("dom",), login_url=login_url, login_words=WORDS)


def cost(value: dict[str, Any]) -> gr.HTML:
    """Place what a run costs, what was spent and what stands in the way; property ``leaves`` says what is sent."""
    return widget("cost", value=value, elem_id="cost", uses=("places",), leaves={})


def code() -> gr.HTML:
    """Place what the button would send, as JSON and as code, folded."""
    return widget("code", value={}, elem_id="code", uses=("dom",))


def batch() -> gr.HTML:
    """Place the area for many runs at once, folded.

    Events ``plan`` (``files``, ``manifest``, ``orientations``, ``prompts``, ``keep_sound``, ``repair``), ``start``
    (``cells``), ``pause``, ``report``, ``look`` (all with the ``id`` of the batch) and ``open`` (``run_id``).
    """
    return widget("batch", value={}, elem_id="batch", uses=("dom",), max_bytes=UPLOAD_MAX_BYTES)


def long_clip() -> gr.HTML:
    """Place the area for a clip beyond the limit; it is there only for one.

    Events ``plan`` (``cuts`` in seconds, or ``null`` for those that are suggested), ``start`` (the same, and the
    ``estimate_usd`` that was shown, ``next_from``, ``skip_blocked``), ``cancel``, and ``open`` (``run_id``).
    Property ``told`` answers a person who plans or starts, ``work`` says how far the pieces are.
    """
    return widget("long_clip", value={}, elem_id="long-clip", uses=("dom",), told={}, work={})


def status() -> gr.HTML:
    """Place what is happening to a run; property ``note`` answers a person there.

    Events ``cancel``, ``again`` and ``open`` (``run_id``), and ``recover`` (``run_id``, ``request_id``).
    """
    return widget("status", elem_id="status", uses=("places",), note=None)


def player(prepared: dict[str, Any] | None = None) -> gr.HTML:
    """Place the synchronised player; event ``vote`` (``run_ids``, ``preferred``) is answered by property ``voted``.

    Events ``take`` (``run_id``, ``what``, ``layout``) and ``stop_take`` are
    answered by ``taken``; event ``open_card`` (``card``, ``files``: references of uploads) by ``carded``.

    It shows a run, or, while its value is empty, what the property ``pair`` holds; ``used`` says of a run that its
    inputs stand in their places again.

    Args:
        prepared: What it shows until there are inputs other than these, or a run.
    """
    return widget(
        "player",
        elem_id="player",
        uses=(
            "dom",
            "playable",
            "clock",
            "clips",
            "panes",
            "layers",
            "blind",
            "zoom",
            "skeletons",
            "player_timeline",
            "score",
            "closer",
            "replay",
            "present",
            "taken",
            "cards",
        ),
        prepared=prepared or {},
        voted=None,
        taken=None,
        carded=None,
        pair={},
        used={},
        blank_title=told("Your result appears here"),
        blank_words=told("Picture, reference and result play side by side, frame by frame if you like."),
    )


def history() -> gr.HTML:
    """Place what was run: about the run that is shown, and the visitor's earlier ones.

    Events ``open`` (``run_id``, empty for none), ``recover`` (``request_id``), ``reuse`` (``run_id``, or what stood
    there ``before``), ``rename`` (``run_id``, ``name``), ``star`` (``run_id``, ``starred``), ``delete`` (``run_id``,
    the ``loss`` that was told, the ``current`` run) and ``restore`` (``run_id``, ``current``); ``browse`` (``query``,
    ``after``, and a number ``asked`` that comes back) and ``compare`` (``run_ids``); of a finished preview ``price``
    (``run_id``) and ``onward`` (``run_id``, the ``rate_usd`` that was shown).
    Property ``note`` answers a person who recovers, ``used`` one who reuses, ``said`` one who names, marks or deletes,
    ``listed`` one who browses, ``compared`` one who compares, ``offer`` one who asks for the price; ``engine`` is the
    one that is chosen. Event ``erase`` asks to delete all that is kept of the visitor; property ``told_erased``
    answers, and event ``erased`` follows once it is done.
    """
    return widget(
        "history",
        value={},
        elem_id="history",
        uses=("dom", "places", "about", "onward", "differences", "gallery", "erase"),
        note=None,
        engine="",
        used=None,
        said=None,
        listed=None,
        compared=None,
        offer=None,
        told_erased=None,
    )


def heading(step: str, title: str) -> gr.HTML:
    """Place a numbered heading."""
    return widget("heading", elem_id=f"heading-{step}", step=step, title=title)
