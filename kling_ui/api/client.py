"""The client of the model API: submit, status, result, cancel, price. It does not know which engine it talks to."""

import asyncio
import json
import random
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from kling_ui.api.model_cards import ModelCard
from kling_ui.api.models import REQUEST_ID, Cancellation, MotionRequest, Price, RequestResult, RequestStatus, Submission
from kling_ui.api.polling import REMOTE_POLLING, Poller, PollingPolicy, status_family
from kling_ui.api.responses import Answer
from kling_ui.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    SettingsError,
    SubmissionUnknownError,
    UnexpectedResponseError,
)
from kling_ui.languages import Told
from kling_ui.settings import MODEL_ID, valid_token

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

READ_LIMIT_S = 30.0  # the vendor's clients expect an answer within 10 s
SUBMIT_LIMIT_S = 180.0  # up to 64 MiB of inline media go along
DEADLINE_S = 3600.0
LISTED_MAX = 100
_TIMEOUT = httpx.Timeout(READ_LIMIT_S, connect=10.0)
_MODEL_ID = re.compile(r"[A-Za-z0-9_.-]*[A-Za-z0-9_-](?:/[A-Za-z0-9_.-]*[A-Za-z0-9_-])*")
_MOVED_FOR_GOOD = frozenset({301, 307, 308})  # the request itself was not looked at


class ModelAPI:
    """The calls of one model, made with one token.

    Args:
        http: A client whose ``base_url`` is the API's origin and that follows no redirects; see :func:`open_api`.
        model_id: The model, as in the API's paths.
        token: Sent as a bearer token with every call; ``None`` for an engine that wants none.
        read_limit_s: Seconds that a read may take in all.
        submit_limit_s: Seconds that a submit may take in all.

    Raises:
        SettingsError: The token cannot be one.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        model_id: str = MODEL_ID,
        token: SecretStr | None = None,
        read_limit_s: float = READ_LIMIT_S,
        submit_limit_s: float = SUBMIT_LIMIT_S,
    ) -> None:
        if not _MODEL_ID.fullmatch(model_id):
            raise SettingsError("The model id cannot be part of an address.", advice="Check KLING_UI_MODEL_ID.")
        self.model_id = model_id
        self._sender = CallSender(http, token)
        self._read_limit_s = read_limit_s
        self._submit_limit_s = submit_limit_s

    @property
    def base_url(self) -> str:
        """The API's origin, for :func:`kling_ui.api.result_hosts.trusted_result_url`."""
        return self._sender.base_url

    async def submit(self, request: MotionRequest) -> Submission:
        """Ask for a result, once; this may cost money and is never repeated here.

        Whoever cancels this call must treat the outcome as unknown, too.

        Raises:
            APIConnectionError: It was not sent.
            APIStatusError: It was refused (including a wrong token, no balance, busy).
            SubmissionUnknownError: It may have been accepted; nothing else leaves that open.
        """
        try:
            answer = await self._sender.send("POST", self._model_path, self._submit_limit_s, body=request.to_json())
        except NOT_SENT as error:
            raise no_answer(error) from error
        except (httpx.RequestError, TimeoutError) as error:
            raise _unclear(reason_of(error)) from error
        try:
            return Submission.from_json(answer.payload())
        except APIStatusError as error:
            if 400 <= status_family(error) < 500 or error.status_code in _MOVED_FOR_GOOD:
                raise
            raise _unclear(error.message) from error
        except UnexpectedResponseError as error:
            raise _unclear(error.message) from error

    async def status(self, request_id: str) -> RequestStatus:
        """Look at a request once.

        Raises:
            APIError: No answer, an error, or nothing readable.
        """
        data = await self._ask("GET", f"{_request_path(request_id)}/status", request_id)
        return RequestStatus.from_json(request_id, data)

    async def result(self, request_id: str, *, include_cost: bool = False) -> RequestResult:
        """Ask once what came of a request; possible at any time.

        Raises:
            APIError: No answer, an error, or nothing readable.
        """
        params = {"include_cost": "true"} if include_cost else None
        data = await self._ask("GET", f"{_request_path(request_id)}/result", request_id, params=params)
        return RequestResult.from_json(request_id, data)

    async def cancel(self, request_id: str) -> Cancellation:
        """Ask to cancel; only a queued request is.

        Raises:
            APIError: No answer, an error, or nothing readable: whether it was cancelled is then unknown.
        """
        data = await self._ask("POST", f"{_request_path(request_id)}/cancel", request_id)
        return Cancellation.from_json(request_id, data)

    async def price(self) -> Price:
        """Read the model's base rate.

        Raises:
            APIError: The price is unavailable.
        """
        return Price.from_json(await self._ask("GET", self._model_path))

    async def card(self) -> ModelCard:
        """Read what the vendor says of the model: its price, and the fields of a request.

        Raises:
            APIError: No answer, an error, or nothing readable.
        """
        return ModelCard.from_json(await self._ask("GET", self._model_path), self.model_id)

    async def cards(self, search: str) -> list[ModelCard]:
        """List the models that the vendor offers.

        Args:
            search: Words that a model's name or description has.

        Raises:
            APIError: No answer, an error, or nothing readable.
        """
        data = await self._ask("GET", "/v1/models", params={"search": search, "limit": str(LISTED_MAX)})
        listed = data.get("models")
        if not isinstance(listed, list):
            raise UnexpectedResponseError("The model API lists no models.")
        named = [entry for entry in listed if isinstance(entry, dict) and isinstance(entry.get("model_id"), str)]
        return [ModelCard.from_json(entry) for entry in named if _MODEL_ID.fullmatch(entry["model_id"])]

    def follow(
        self,
        request_id: str,
        *,
        deadline_s: float = DEADLINE_S,
        polling: PollingPolicy = REMOTE_POLLING,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        on_retry: Callable[[APIError], None] | None = None,
    ) -> AsyncIterator[RequestStatus]:
        """Look at a request again and again until it has ended; reads that fail for now are repeated.

        Args:
            request_id: The request.
            deadline_s: Seconds from now after which to give up.
            polling: How often to look.
            sleep: Waits so many seconds.
            clock: Monotonic seconds.
            jitter: 0-1, see :class:`PollingPolicy`.
            on_retry: Told of every failure that is tried again.

        Yields:
            Every status; the last one is final.

        Raises:
            APIError: A refusal that waiting does not mend.
            RunTimeoutError: It has not ended within the deadline; it may still end later.
        """
        look = partial(self.status, request_id)
        poller = Poller(deadline_s, polling, sleep, clock, jitter, on_retry)
        return poller.repeat(look, request_id)

    async def collect(
        self,
        request_id: str,
        *,
        include_cost: bool = True,
        deadline_s: float = DEADLINE_S,
        polling: PollingPolicy = REMOTE_POLLING,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        on_retry: Callable[[APIError], None] | None = None,
    ) -> RequestResult:
        """Read the result of a request that has ended, as patiently as :meth:`follow`; arguments as there.

        Returns:
            The final result: completed (with a video or without), failed or cancelled.

        Raises:
            APIError: A refusal that waiting does not mend.
            RunTimeoutError: No final result came within the deadline.
        """
        look = partial(self.result, request_id, include_cost=include_cost)
        poller = Poller(deadline_s, polling, sleep, clock, jitter, on_retry)
        async for result in poller.repeat(look, request_id):
            if result.state.is_final:
                return result
        raise AssertionError("unreachable: the repetition ends with a final state or an error")

    @property
    def _model_path(self) -> str:
        return f"/v1/models/{self.model_id}"

    async def _ask(
        self, method: str, path: str, request_id: str | None = None, params: dict[str, str] | None = None
    ) -> dict[str, object]:
        try:
            answer = await self._sender.send(method, path, self._read_limit_s, params=params)
        except (httpx.RequestError, TimeoutError) as error:
            raise no_answer(error) from error
        return answer.payload(request_id)


@asynccontextmanager
async def open_api(
    base_url: str,
    *,
    model_id: str = MODEL_ID,
    token: SecretStr | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncGenerator[ModelAPI]:
    """Open a client for a while.

    Args:
        base_url: The API's origin.
        model_id: The model, as in the API's paths.
        token: The bearer token, if the engine wants one.
        transport: Another way to the engine: in-process, or scripted in tests.
    """
    async with httpx.AsyncClient(base_url=base_url, transport=transport, timeout=_TIMEOUT) as http:
        yield ModelAPI(http, model_id=model_id, token=token)


def _request_path(request_id: str) -> str:
    if not REQUEST_ID.fullmatch(request_id):
        raise APIError("This is not a request id.", advice="It has at most 128 letters, digits, - and _.")
    return f"/v1/requests/{request_id}"


def _unclear(reason: str) -> SubmissionUnknownError:
    return SubmissionUnknownError(
        Told("{reason} It is not known whether the request was accepted.", reason=reason),
        advice="It was not sent again, so that nothing is paid twice; look at the account's requests first.",
    )


class CallSender:
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
    """Turn what :meth:`CallSender.send` raises into one of our errors."""
    return APIConnectionError(reason_of(error), advice="Check the network, then try again.")


async def _read(response: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > ANSWER_MAX_BYTES:
            return b""  # no answer of this API is that large: unreadable
    return bytes(content)
