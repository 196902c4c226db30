"""The page's own elements: plain ``gr.HTML`` with a constant template and a script from ``assets/ui``.

Values are dictionaries that only the scripts read, and every text lands in ``textContent``: nothing that a person, a
file name or an engine says is ever read as HTML or as a template.
"""

from typing import Any

import gradio as gr

from kling_ui.ui.web.assets import asset
from kling_ui.ui.web.files import UPLOAD_MAX_BYTES
from kling_ui.ui.web.login import WORDS

STYLES = ("base.css", "inputs.css", "timeline.css", "findings.css", "result.css", "player.css")


def widget(
    name: str,
    *,
    value: Any = None,
    uses: tuple[str, ...] = (),
    scripts: tuple[str, ...] = (),
    elem_id: str,
    **props: Any,
) -> gr.HTML:
    """Place an element made of ``<name>.html`` and ``<name>.js``.

    Args:
        name: Of the template and its script.
        value: What it shows at first.
        uses: Scripts that its own builds on, run before it in the same scope.
        scripts: More scripts, run after its own in the same scope.
        elem_id: Its id in the page.
        **props: Constant or changing properties that the scripts read.
    """
    sources = [asset(f"ui/{script}.js").read_text("utf-8") for script in (*uses, name, *scripts)]
    element = gr.HTML(
        value,
        html_template=asset(f"ui/{name}.html").read_text("utf-8"),
        js_on_load="\n".join(("{", *sources, "}")),  # a block of their own: Gradio hands in names such as `upload`
        apply_default_css=False,
        elem_id=elem_id,
        **props,
    )
    for prop, first in props.items():
        # Gradio makes an event's function up for every word that a script has in quotes, such as in watch("note"), and
        # prints it, with its place in memory, into each update of a property of that name: unless there is one.
        setattr(element, prop, first)
    return element


def slot(kind: str, *, step: str, title: str, blank: str, elem_id: str) -> gr.HTML:
    """Place one input of a run; ``kind`` is ``image`` or ``video``.

    Events: ``handed`` (``seq``, and either the ``ref`` of an upload and whether it was ``recorded`` here, or a
    ``url``), ``undo``, and of a clip ``repair`` (``kinds``, ``span``) by which a person keeps a part of it.
    """
    return widget(
        "slot",
        uses=("dom", "timeline", "repaired"),
        scripts=("recorder",) if kind == "video" else (),
        elem_id=elem_id,
        kind=kind,
        step=step,
        title=title,
        blank=blank,
        max_bytes=UPLOAD_MAX_BYTES,
    )


def examples(pairs: list[dict[str, str]]) -> gr.HTML:
    """Place the row of examples; event ``pick`` (``id``)."""
    return widget("examples", value=pairs, elem_id="examples")


def headline() -> gr.HTML:
    """Place the one sentence beside the button."""
    return widget("headline", value={"tone": "busy", "text": "Checking the example."}, elem_id="headline")


def findings() -> gr.HTML:
    """Place the list of what the checks found; property ``mending`` says how far a repair is.

    Events ``repair`` (``kinds``), ``stop``, ``undo`` (``after``), and ``choose`` (``orientation``, ``keep_sound``).
    """
    return widget("findings", elem_id="findings", uses=("dom", "evidence", "mending"), mending={})


def advice() -> gr.HTML:
    """Place which orientation suits the clip; event ``choose`` (``orientation``)."""
    return widget("advice", elem_id="advice")


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
    """Place what a run costs, what was spent and what stands in the way."""
    return widget("cost", value=value, elem_id="cost", uses=("places",))


def status() -> gr.HTML:
    """Place what is happening to a run; property ``note`` answers a person there.

    Events ``cancel``, ``again`` and ``open`` (``run_id``), and ``recover`` (``run_id``, ``request_id``).
    """
    return widget("status", elem_id="status", uses=("places",), note=None)


def player() -> gr.HTML:
    """Place the synchronised player; event ``compare`` (``run_id``); property ``comparison`` answers it.

    It shows a run, or, while its value is empty, what the property ``pair`` holds.
    """
    return widget(
        "player",
        elem_id="player",
        uses=("score",),
        comparison=None,
        pair={},
        blank_title="Your result appears here",
        blank_words="Picture, reference and result play side by side, frame by frame if you like.",
    )


def history() -> gr.HTML:
    """Place the visitor's earlier runs; events ``open`` (``run_id``) and ``recover`` (``request_id``).

    Property ``note`` answers a person who recovers; ``engine`` is the one that is chosen.
    """
    return widget("history", value={}, elem_id="history", note=None, engine="")


def heading(step: str, title: str) -> gr.HTML:
    """Place a numbered heading."""
    return widget("heading", elem_id=f"heading-{step}", step=step, title=title)
