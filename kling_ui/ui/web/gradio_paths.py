"""Which of Gradio's addresses the page uses; every other one answers 404.

Gradio serves far more than a page needs: any cached file, a proxy to other hosts, a session's values under a link, and
each event once more as a direct call that knows neither the queue nor its limits. What the page uses was found by
watching it in a browser, see ``docs/gradio_mounting.md``; whatever a later Gradio adds stays shut until it is added
here.
"""

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

JOIN = "/gradio_api/queue/join"  # starts an event
DATA = "/gradio_api/queue/data"  # brings the answers to all events of one open tab

READ = ("GET", "HEAD")
OPEN_PATHS: dict[str, tuple[str, ...]] = {
    "/": READ,
    "/theme.css": READ,
    "/favicon.ico": READ,
    "/robots.txt": READ,
    "/config": READ,  # with the next, read again by a page that has lost its server for a while
    "/gradio_api/app_id": READ,
    JOIN: ("POST",),
    DATA: ("GET",),
}
OPEN_FOLDERS: dict[str, tuple[str, ...]] = {"/assets/": READ, "/static/": READ}  # of Gradio's own package


def is_open(method: str, path: str) -> bool:
    """Tell whether the page uses an address of Gradio's in this way.

    Args:
        method: ``GET``, ``POST`` and so on.
        path: The path of the request, decoded.
    """
    folder = next((methods for start, methods in OPEN_FOLDERS.items() if path.startswith(start)), ())
    return method in OPEN_PATHS.get(path, folder)


class OpenPaths:
    """Stands before Gradio and answers 404 to whatever the page does not use.

    Args:
        app: Gradio's application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] == "http" and not is_open(scope["method"], scope["path"]):
            await PlainTextResponse("Not found", 404)(scope, receive, send)
        else:
            await self.app(scope, receive, send)
