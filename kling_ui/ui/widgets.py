"""The page's own elements: plain ``gr.HTML`` with a constant template and a script from ``assets/ui``.

Values are dictionaries that only the scripts read, and every text lands in ``textContent``: nothing that a person, a
file name or an engine says is ever read as HTML or as a template.
"""

from typing import Any

import gradio as gr

from kling_ui.ui.assets import asset
from kling_ui.ui.files import UPLOAD_MAX_BYTES

STYLES = ("base.css", "inputs.css", "result.css", "player.css")


def widget(name: str, *, value: Any = None, scripts: tuple[str, ...] = (), elem_id: str, **props: Any) -> gr.HTML:
    """Place an element made of ``<name>.html`` and ``<name>.js``.

    Args:
        name: Of the template and its script.
        value: What it shows at first.
        scripts: More scripts, run after its own in the same scope.
        elem_id: Its id in the page.
        **props: Constant or changing properties that the scripts read.
    """
    sources = [asset(f"ui/{script}.js").read_text("utf-8") for script in (name, *scripts)]
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

    Event ``handed``: ``seq``, and either the ``ref`` of an upload and whether it was ``recorded`` here, or a ``url``.
    """
    scripts = ("recorder",) if kind == "video" else ()
    return widget(
        "slot",
        scripts=scripts,
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
    """Place the list of what the checks found."""
    return widget("findings", elem_id="findings")


def note(elem_id: str, text: str = "") -> gr.HTML:
    """Place a quiet line of plain text."""
    return widget("note", value=text, elem_id=elem_id)


def status() -> gr.HTML:
    """Place what is happening to a run; event ``cancel`` (``run_id``); property ``note`` answers it."""
    return widget("status", elem_id="status", note=None)


def player() -> gr.HTML:
    """Place the synchronised player; event ``compare`` (``run_id``); property ``comparison`` answers it.

    It shows a run, or, while its value is empty, what the property ``pair`` holds.
    """
    return widget(
        "player",
        elem_id="player",
        comparison=None,
        pair={},
        blank_title="Your result appears here",
        blank_words="Picture, reference and result play side by side, frame by frame if you like.",
    )


def history() -> gr.HTML:
    """Place the visitor's earlier runs; event ``open`` (``run_id``)."""
    return widget("history", elem_id="history")


def heading(step: str, title: str) -> gr.HTML:
    """Place a numbered heading."""
    return widget("heading", elem_id=f"heading-{step}", step=step, title=title)
