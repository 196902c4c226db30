"""One HTTP call to the model API: sent with the token, bounded in time and size."""

import asyncio
import json
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from kling_ui.api.responses import Answer
from kling_ui.errors import APIConnectionError, SettingsError
from kling_ui.settings import valid_token

ANSWER_MAX_BYTES = 4 * 1024 * 1024
SECRET_MIN_CHARS = 12
# Everything that fails before the first byte of a request is on its way.
NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class Transport:
    """Sends calls with one token.

    Args:
        http: A client whose ``base_url`` is the API's origin.
        token: Sent as a bearer token with every call, if there is one.

    Raises:
        SettingsError: The token cannot be one.
    """

    def __init__(self, http: httpx.AsyncClient, token: SecretStr | None) -> None:
        if token is not None and not valid_token(token.get_secret_value()):
            raise SettingsError("The token holds characters that no token has.", advice="Copy it again.")
        self._http = http
        self._token = token

    @property
    def base_url(self) -> str:
        """The API's origin."""
        return str(self._http.base_url)

    async def send(
        self, method: str, path: str, limit_s: float, *, body: object = None, params: dict[str, str] | None = None
    ) -> Answer:
        """Send one call; no redirect is followed.

        Args:
            method: Of HTTP.
            path: On the API's origin.
            limit_s: Bounds all of it, in seconds.
            body: To be sent as JSON.
            params: To go behind the path.

        Raises:
            httpx.RequestError: No whole answer came; :data:`NOT_SENT` tells whether the call was on its way.
            TimeoutError: It took longer than ``limit_s``.
        """
        headers = {"Accept": "application/json"}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode("ascii")  # escapes even what is no valid Unicode
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        request = self._http.build_request(method, path, headers=headers, params=params, content=content)
        async with asyncio.timeout(limit_s):
            response = await self._http.send(request, stream=True, follow_redirects=False)
            try:
                received = await _read(response)
            finally:
                await response.aclose()
        return Answer(response.status_code, self._without_token(received), response.headers.get("Retry-After"))

    def _without_token(self, content: bytes) -> bytes:
        """Take the token out of an answer that echoes it, however it is written; anything very short is no secret."""
        secret = self._token.get_secret_value() if self._token is not None else ""
        if len(secret) < SECRET_MIN_CHARS:
            return content
        in_json = json.dumps(secret)[1:-1]
        for written in (secret, in_json, in_json.replace("/", "\\/"), quote(secret, safe=""), quote(secret)):
            content = content.replace(written.encode(), b"***")
        return content


def reason_of(error: Exception) -> str:
    """Say why no answer came."""
    if isinstance(error, httpx.ConnectError | httpx.ProxyError | httpx.UnsupportedProtocol):
        return "No connection to the model API could be made."
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "The model API did not answer in time."
    return "The connection to the model API broke."


def no_answer(error: Exception) -> APIConnectionError:
    """Turn what :meth:`Transport.send` raises into one of our errors."""
    return APIConnectionError(reason_of(error), advice="Check the network, then try again.")


async def _read(response: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > ANSWER_MAX_BYTES:
            return b""  # no answer of this API is that large: unreadable
    return bytes(content)
