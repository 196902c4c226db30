"""Which hosts results may be fetched from."""

import re

from kling_ui.options import Provider

# Every host in these domains is trusted, by HTTPS.
RESULT_DOMAINS = {Provider.RUNCOMFY: ("runcomfy.net", "runcomfy.com"), Provider.FAL: ("fal.media",)}
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Stricter than any URL parser, so that no two parsers can disagree about the host.
_URL = re.compile(r"(?i)(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?(?:[/?#][^\s\\\x00-\x1f\x7f]*)?")


def trusted_result_url(url: str, api_base: str, provider: Provider = Provider.RUNCOMFY) -> bool:
    """Tell whether a result may be fetched from ``url``: the provider's own hosts, or the API's own origin.

    The fetch must carry no token and must ask again before it follows a redirect.

    Args:
        url: The address that a result names.
        api_base: The origin of the API that named it, e.g. the embedded service's.
        provider: Through whom the run went.
    """
    origin = _origin(url)
    if origin is None:
        return False
    if origin == _origin(api_base):
        return True
    scheme, host, port = origin
    domains = tuple(f".{domain}" for domain in RESULT_DOMAINS[provider])
    return (scheme, port) == ("https", 443) and host.endswith(domains)


def _origin(url: str) -> tuple[str, str, int] | None:
    if not (match := _URL.fullmatch(url)):
        return None
    scheme, host, port = match[1].lower(), match[2].lower(), match[3]
    return scheme, host, int(port) if port else _DEFAULT_PORTS[scheme]
