"""The player alone in a page of its own, with files that lie in a folder: what Gradio would give it is played here."""

import json
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from kling_ui.ui import widgets
from kling_ui.ui.examples import asset

LIGHT = {
    "--body-text-color": "#1a1c1d",
    "--body-text-color-subdued": "#62625e",
    "--border-color-primary": "#dfdcd4",
    "--background-fill-primary": "#ffffff",
    "--body-background-fill": "#f7f6f3",
}
DARK = {
    "--body-text-color": "#e8e6e1",
    "--body-text-color-subdued": "#a3a5a3",
    "--border-color-primary": "#3a3c3c",
    "--background-fill-primary": "#1a1c1d",
    "--body-background-fill": "#121415",
}
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Player</title>
<meta name="viewport" content="width=device-width"><style>%s</style></head>
<body class="%s"><main class="gradio-container"><h1>Player</h1><div id="player"></div></main><script>
const element = document.querySelector("#player");
element.innerHTML = %s;
const props = { value: {}, pair: {}, prepared: {}, used: {}, blank_title: "Nothing yet", blank_words: "" };
const watchers = [];
window.told = [];
window.show = (value) => {
  props.value = value;
  watchers.filter(([names]) => names.includes("value")).forEach(([, call]) => call());
};
new Function("element", "trigger", "props", "server", "upload", "watch", %s)(
  element, (name, payload) => window.told.push([name, payload]), props, {}, null,
  (names, call) => watchers.push([[names].flat(), call]));
</script></body></html>"""


def page_of(theme: str = "light") -> str:
    """The HTML of the page, in the colours of a theme."""
    player = widgets.player()
    colours = DARK if theme == "dark" else LIGHT
    root = "".join(f"{name}: {value};" for name, value in colours.items())
    styles = "\n".join(asset(f"ui/{name}").read_text("utf-8") for name in widgets.STYLES)
    font = "font-family: sans-serif; background: var(--body-background-fill); color: var(--body-text-color); margin: 0"
    styles += ".gradio-container { padding: 16px }"
    style = f":root {{ {root} }} body {{ {font} }} {styles}"
    return _PAGE % (style, theme, json.dumps(player.html_template), json.dumps(player.js_on_load))


@contextmanager
def serve_player(folder: Path, port: int, answers: Mapping[str, Any] | None = None) -> Generator[str]:
    """Serve the page and the files of a folder until the block is left.

    Args:
        folder: Whose files ``files/<name>`` gives.
        port: A free port of this machine.
        answers: What ``shown``, ``skeletons``, ``shots`` and ``closer`` answer, by ``<which>/<name>``.
    """
    known = answers or {}

    async def page(request: Request) -> Response:
        return HTMLResponse(page_of(request.query_params.get("theme", "light")))

    async def file(request: Request) -> Response:
        path = folder / request.path_params["name"]
        return FileResponse(path) if path.is_file() else Response(status_code=404)

    async def shown(request: Request) -> Response:
        name = request.path_params["name"]
        answer = {"url": f"files/{name}", "poster": "", "words": "", "failed": False, "fps": 0}
        return JSONResponse(answer | known.get(f"shown/{name}", {}))

    async def more(request: Request) -> Response:
        answer = known.get(request.url.path.strip("/"))
        return Response(status_code=404) if answer is None else JSONResponse(answer)

    routes = [
        Route("/", page),
        Route("/files/{name}", file),
        Route("/shown/{kind}/{name}", shown, methods=["POST"]),
        Route("/{which}/{name}", more, methods=["GET", "POST"]),
    ]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while thread.is_alive() and not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        thread.join(30)
