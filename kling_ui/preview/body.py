"""Reading the body of a request, no more of it than is allowed."""

from starlette.requests import Request

from kling_ui.preview.faults import invalid_body, too_large


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Return the body.

    Any content type will do, except from a web page: a page may send plain text to every address that its
    visitor can reach, but must ask before it sends JSON, and is never allowed to.

    Raises:
        ServiceError: It is larger than ``limit_bytes``, or comes from a web page and is not JSON.
    """
    is_json = request.headers.get("content-type", "").split(";")[0].strip().lower() == "application/json"
    if "origin" in request.headers and not is_json:
        detail = [{"loc": ["header", "content-type"], "msg": "must be application/json", "type": "value_error"}]
        raise invalid_body("The body is not JSON.", detail)
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told) > limit_bytes:
        raise too_large(limit_bytes)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise too_large(limit_bytes)
    return bytes(body)
