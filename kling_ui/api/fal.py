"""Kling through fal.ai: a transport that answers the contract of docs/vendor_api.md by calling fal's queue.

What is called is written down in docs/fal_api.md. A submit here becomes exactly one call there; errors of the
network pass through as they are, so that what is known of a submit stays known.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

APP = "fal-ai/kling-video"  # requests are asked for under the app, without the path to one of its models
MODELS = tuple(f"{APP}/{version}/{tier}/motion-control" for version in ("v2.6", "v3") for tier in ("standard", "pro"))
DEFAULT_MODEL = MODELS[0]
QUEUE_BASE = "https://queue.fal.run"
PLATFORM_BASE = "https://api.fal.ai"
_REQUEST = re.compile(r"/v1/requests/([A-Za-z0-9_-]{1,128})/(status|result|cancel)")
_STATES = {"IN_QUEUE": "in_queue", "IN_PROGRESS": "in_progress", "COMPLETED": "completed"}
NO_RETRY = {"x-fal-no-retry": "1"}  # fal would else run failed work again by itself, up to ten times
_MODELS_PATH = "/v1/models"


class FalTransport(httpx.AsyncBaseTransport):
    """Speaks to fal in place of the vendor.

    Args:
        network: How fal is reached; by default the network.
        queue_base: Origin of fal's queue.
        platform_base: Origin of fal's platform API, which tells models and prices.
    """

    def __init__(
        self,
        network: httpx.AsyncBaseTransport | None = None,
        *,
        queue_base: str = QUEUE_BASE,
        platform_base: str = PLATFORM_BASE,
    ) -> None:
        self._network = network or httpx.AsyncHTTPTransport()
        self._queue = queue_base
        self._platform = platform_base

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one call of the contract; an address on another host, such as a result's, is fetched as it is.

        Raises:
            httpx.RequestError: No whole answer came from fal.
        """
        path = request.url.path
        if f"{request.url.scheme}://{request.url.netloc.decode()}" != self._queue:
            return await self._network.handle_async_request(request)
        if path == _MODELS_PATH:
            return await self._list(request)
        if path.startswith(f"{_MODELS_PATH}/"):
            model_id = path.removeprefix(f"{_MODELS_PATH}/")
            if not model_id.startswith(f"{APP}/"):
                return _refusal(404, 400001, "fal has no such model.")
            return await (self._submit if request.method == "POST" else self._card)(request, model_id)
        if (match := _REQUEST.fullmatch(path)) is None:
            return _refusal(404, 404001, "There is no such address.")
        answer = {"status": self._status, "result": self._result, "cancel": self._cancel}[match[2]]
        return await answer(request, match[1])

    async def aclose(self) -> None:
        """Close the way to fal."""
        await self._network.aclose()

    async def _submit(self, request: httpx.Request, model_id: str) -> httpx.Response:
        response = await self._send(request, "POST", f"{self._queue}/{model_id}", content=await request.aread())
        data = _object(response)
        if not response.is_success:
            # Whatever timed out on its way may have been queued; every other refusal of fal is one.
            return _error(response, data) if response.status_code != 408 else _refusal(504, None, "fal took too long.")
        return httpx.Response(200, json={"request_id": data.get("request_id")})

    async def _status(self, request: httpx.Request, request_id: str) -> httpx.Response:
        response = await self._send(request, "GET", f"{self._of(request_id)}/status")
        data = _object(response)
        if not response.is_success:
            return _error(response, data)
        word = str(data.get("status", ""))
        told = {
            "request_id": request_id,
            "status": _STATES.get(word, word),
            "queue_position": data.get("queue_position"),
        }
        return httpx.Response(200, json=told)

    async def _result(self, request: httpx.Request, request_id: str) -> httpx.Response:
        """Tell what came of a request: fal gives a result only after its end, with the status code of the model."""
        status = await self._send(request, "GET", f"{self._of(request_id)}/status")
        told = _object(status)
        if not status.is_success:
            return _error(status, told)
        word = str(told.get("status", ""))
        if word != "COMPLETED":
            return httpx.Response(200, json={"request_id": request_id, "status": _STATES.get(word, word)})
        if told.get("error"):
            return _failed(request_id, told)
        response = await self._send(request, "GET", self._of(request_id))
        data = _object(response)
        if response.status_code in {400, 413, 422} or (
            response.is_success and "video" not in data and "detail" in data
        ):
            return _failed(request_id, data)
        if not response.is_success:
            return _error(response, data)
        video = data.get("video")
        url = video.get("url") if isinstance(video, Mapping) else None
        output = {"video": url} if isinstance(url, str) else {}
        return httpx.Response(200, json={"request_id": request_id, "status": "succeeded", "output": output})

    async def _cancel(self, request: httpx.Request, request_id: str) -> httpx.Response:
        """Ask to cancel; what fal only passes on to a running model goes on as far as anybody here knows."""
        response = await self._send(request, "PUT", f"{self._of(request_id)}/cancel")
        data = _object(response)
        word = data.get("status")
        if response.status_code == 200:
            state, outcome = "cancelled", "cancelled"
        elif response.status_code == 202:
            state, outcome = "in_progress", "not_cancellable"
        elif word == "ALREADY_COMPLETED":
            state, outcome = "completed", "not_cancellable"
        else:
            return _error(response, data)
        return httpx.Response(202, json={"request_id": request_id, "status": state, "outcome": outcome})

    async def _card(self, request: httpx.Request, model_id: str) -> httpx.Response:
        cards = await self._cards(request, (model_id,))
        if isinstance(cards, httpx.Response):
            return cards
        return httpx.Response(200, json=cards[0]) if cards else _refusal(404, 400001, "fal does not offer this model.")

    async def _list(self, request: httpx.Request) -> httpx.Response:
        cards = await self._cards(request, MODELS)
        if isinstance(cards, httpx.Response):
            return cards
        return httpx.Response(200, json={"models": cards, "total": len(cards), "limit": len(MODELS), "offset": 0})

    async def _cards(self, request: httpx.Request, ids: tuple[str, ...]) -> list[dict[str, Any]] | httpx.Response:
        """Read what fal offers of some models, and at what price; where it refuses, that answer."""
        wanted = [("endpoint_id", model_id) for model_id in ids]
        models = await self._send(
            request, "GET", f"{self._platform}/v1/models", params=[*wanted, ("expand", "openapi-3.0")]
        )
        if not models.is_success:
            return _error(models, _object(models))
        prices = await self._send(request, "GET", f"{self._platform}/v1/models/pricing", params=wanted)
        if not prices.is_success:
            return _error(prices, _object(prices))
        rates = {entry.get("endpoint_id"): entry for entry in _entries(_object(prices), "prices")}
        offered = {entry.get("endpoint_id"): entry for entry in _entries(_object(models), "models")}
        return [
            _to_card(model_id, offered[model_id], rates.get(model_id, {})) for model_id in ids if model_id in offered
        ]

    def _of(self, request_id: str) -> str:
        return f"{self._queue}/{APP}/requests/{request_id}"

    async def _send(
        self,
        request: httpx.Request,
        method: str,
        url: str,
        *,
        content: bytes | None = None,
        params: Sequence[tuple[str, str]] = (),
    ) -> httpx.Response:
        """Send one call with the key of the call that it stands for, and read the answer."""
        headers = {"Accept": "application/json"}
        if content is not None:
            headers |= {"Content-Type": "application/json"} | NO_RETRY
        if token := request.headers.get("Authorization", "").removeprefix("Bearer "):
            headers["Authorization"] = f"Key {token}"
        call = httpx.Request(
            method, url, headers=headers, content=content, params=tuple(params), extensions=request.extensions
        )
        response = await self._network.handle_async_request(call)
        try:
            await response.aread()
        finally:
            await response.aclose()
        return response


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        data = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _entries(data: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = data.get(name)
    return [entry for entry in found if isinstance(entry, Mapping)] if isinstance(found, list) else []


def _to_card(model_id: str, offered: Mapping[str, Any], rate: Mapping[str, Any]) -> dict[str, Any]:
    """Write a model's card as the contract has it; a price in another currency than dollars is none."""
    about = offered.get("metadata")
    about = about if isinstance(about, Mapping) else {}
    name = str(about.get("display_name") or model_id)
    unit = str(rate.get("unit") or "")
    price = {"base_price_usd": rate.get("unit_price"), "price_unit": "second" if unit == "seconds" else unit}
    return {
        "model_id": model_id,
        "display_name": name,
        "kind": "video",
        "input_schema": _input_schema(offered.get("openapi"), model_id),
    } | (price if rate.get("currency") == "USD" else {})


def _input_schema(openapi: object, model_id: str) -> object:
    """Find the schema of a model's input in its OpenAPI document; what it refers to goes along."""
    if not isinstance(openapi, Mapping):
        return None
    try:
        body = openapi["paths"][f"/{model_id}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        schemas = openapi["components"]["schemas"]
        schema = schemas[body["$ref"].rpartition("/")[2]] if "$ref" in body else body
        return {**schema, "components": {"schemas": {name: schemas[name] for name in _named(schema, schemas)}}}
    except (KeyError, TypeError, AttributeError):
        return None


def _named(schema: object, schemas: Mapping[str, Any]) -> list[str]:
    """Name what a schema refers to, directly or through others, each once."""
    found: list[str] = []
    waiting = [schema]
    while waiting:
        for name in re.findall(r'"#/components/schemas/([^"/]+)"', json.dumps(waiting.pop())):
            if name in schemas and name not in found:
                found.append(name)
                waiting.append(schemas[name])
    return sorted(found)


def _failed(request_id: str, data: Mapping[str, Any]) -> httpx.Response:
    """Report a request that ended without a video, in fal's own words."""
    words = data.get("error") or _detail(data)
    error = {"type": data.get("error_type") or "", "message": str(words)}
    return httpx.Response(200, json={"request_id": request_id, "status": "failed", "error": error})


def _detail(data: Mapping[str, Any]) -> str:
    """Return fal's words for an error; it repeats inputs beside them, which are left out."""
    detail = data.get("detail")
    if isinstance(detail, list):
        lines = [entry for entry in detail if isinstance(entry, Mapping)]
        return "; ".join(f"{'.'.join(map(str, entry.get('loc') or []))}: {entry.get('msg', '')}" for entry in lines)
    return detail if isinstance(detail, str) else ""


def _error(response: httpx.Response, data: Mapping[str, Any]) -> httpx.Response:
    """Report a refusal as the contract does; fal says "403" to an account without balance."""
    words, code = _detail(data), None
    status = response.status_code
    if status == 403 and "balance" in words.lower():
        status, code = 402, 400002
    headers = {"Retry-After": told} if (told := response.headers.get("Retry-After")) else {}
    return _refusal(status, code, words, headers)


def _refusal(status: int, code: int | None, words: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
    body = {"error_message": words} | ({} if code is None else {"error_code": code})
    return httpx.Response(status, json=body, headers=dict(headers or {}))
