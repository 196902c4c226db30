"""Headers of every answer that protect whoever looks at it."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Scope

from kling_ui.hosts import Authority

_SPACE_FRAME = "https://huggingface.co"  # shows a Space in a frame of its own page
# Gradio compiles component templates in the browser, hence unsafe-eval; nothing may come from another host.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)


def add_protection(headers: MutableHeaders, scope: Scope, *, on_space: bool) -> None:
    """Add the headers that an answer does not have yet.

    Args:
        headers: Of the answer.
        scope: Of the request.
        on_space: The app is shown in a frame of Hugging Face.
    """
    ancestors = f"'self' {_SPACE_FRAME}" if on_space else "'self'"
    policy = headers.get("Content-Security-Policy", _POLICY)
    if "frame-ancestors" not in policy:  # a file's own policy says nothing of it
        headers["Content-Security-Policy"] = f"{policy}; frame-ancestors {ancestors}"
    if not on_space:  # it cannot name another site
        headers.setdefault("X-Frame-Options", "SAMEORIGIN")
    headers.setdefault("X-Content-Type-Options", "nosniff")
    # Not no-referrer: browsers would call the page's own forms and beacons of origin "null".
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    if _is_trustworthy(scope):  # elsewhere browsers ignore it and complain
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")


def _is_trustworthy(scope: Scope) -> bool:
    asked = Authority.parse(Headers(scope=scope).get("host", ""))
    return scope.get("scheme") == "https" or (asked is not None and asked.is_this_machine)
