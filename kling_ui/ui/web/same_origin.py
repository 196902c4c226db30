"""Which page started a request, as its browser says: another site must not store files or start runs here."""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import Scope

from kling_ui.hosts import Authority, Origin

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = frozenset({"same-origin", "none"})  # not same-site: another port of localhost would be let in


def is_foreign_write(scope: Scope, own_origins: Collection[Origin] = ()) -> bool:
    """Tell whether a request may change something and was started by a page that is not this app's.

    Browsers say so in ``Sec-Fetch-Site``, but not to plain http addresses other than loopback; there ``Origin`` or
    ``Referer`` must fit the host that was asked. A program sends none of them and is let in: nobody's browser is being
    misused by it.

    Args:
        scope: Of the request, its host checked already.
        own_origins: Origins of pages that are this app's own, whatever host was asked.
    """
    if scope["method"] in _READS:
        return False
    headers = Headers(scope=scope)
    if sites := headers.getlist("sec-fetch-site"):
        return not _OWN_SITES.issuperset(sites)
    if pages := headers.getlist("origin") or headers.getlist("referer"):
        return not all(_is_own(page, headers.get("host", ""), own_origins) for page in pages)
    return False


def _is_own(page: str, host: str, own_origins: Collection[Origin]) -> bool:
    origin, asked = Origin.parse(page), Authority.parse(host)
    if origin is None:  # "null" among them: the page of a file, or one that a sandbox keeps apart
        return False
    return (asked is not None and origin.is_at(asked)) or any(origin.is_same(own) for own in own_origins)
