"""Which addresses of results may be fetched."""

import re

TRUSTED_DOMAINS = ("runcomfy.net", "runcomfy.com")
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Stricter than any URL parser, so that no two parsers can disagree about the host.
_URL = re.compile(r"(?i)(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?(?:[/?#][^\s\\\x00-\x1f\x7f]*)?")


def trusted_output_url(url: str, api_base: str) -> bool:
    """Tell whether a result may be fetched from ``url``: the vendor's own hosts, or the API's own origin.

    The fetch must carry no token and must ask again before it follows a redirect.

    Args:
        url: The address that a result names.
        api_base: The origin of the API that named it, e.g. the embedded service's.
    """
    origin = _origin(url)
    if origin is None:
        return False
    if origin == _origin(api_base):
        return True
    scheme, host, port = origin
    return (scheme, port) == ("https", 443) and host.endswith(tuple(f".{domain}" for domain in TRUSTED_DOMAINS))


def _origin(url: str) -> tuple[str, str, int] | None:
    if not (match := _URL.fullmatch(url)):
        return None
    scheme, host, port = match[1].lower(), match[2].lower(), match[3]
    return scheme, host, int(port) if port else _DEFAULT_PORTS[scheme]
