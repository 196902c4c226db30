"""The errors of the embedded service, in the contract's form."""

from http import HTTPStatus


class ServiceError(Exception):
    """An answer that is an error.

    Args:
        status: HTTP status.
        code: The contract's ``error_code``.
        message: What is wrong, in words; it repeats nothing the caller sent.
        detail: More, as JSON.
        headers: Further headers of the answer.
    """

    def __init__(
        self,
        status: HTTPStatus,
        code: int,
        message: str,
        *,
        detail: object = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail
        self.headers = headers or {}

    def to_json(self) -> dict[str, object]:
        """Return the body of the answer."""
        body: dict[str, object] = {"error_code": self.code, "error_message": self.message}
        return body if self.detail is None else body | {"detail": self.detail}


def bad_token() -> ServiceError:
    """The token is missing or wrong."""
    headers = {"WWW-Authenticate": "Bearer"}
    return ServiceError(
        HTTPStatus.UNAUTHORIZED, 400004, "UserAccountError: a valid bearer token is needed", headers=headers
    )


def foreign_host() -> ServiceError:
    """The service was asked under a name that is not its own."""
    message = "The service does not answer under this name; KLING_UI_HOSTS can list it."
    return ServiceError(HTTPStatus.MISDIRECTED_REQUEST, 421001, message)


def foreign_request() -> ServiceError:
    """The request was made with another token."""
    return ServiceError(HTTPStatus.FORBIDDEN, 403001, "PermissionDeniedError: this request was made with another token")


def unknown_model() -> ServiceError:
    """There is no such model."""
    return ServiceError(HTTPStatus.NOT_FOUND, 400001, "InvalidResourceIdentifier: there is no such model")


def unknown_request() -> ServiceError:
    """There is no such request, or no longer."""
    return ServiceError(HTTPStatus.NOT_FOUND, 404001, "ResourceNotFound: there is no such request, or it has expired")


def invalid_body(message: str, detail: object) -> ServiceError:
    """The body cannot be used."""
    return ServiceError(HTTPStatus.UNPROCESSABLE_ENTITY, 422001, message, detail=detail)


def invalid_field(name: str, message: str) -> ServiceError:
    """One field of the input cannot be used."""
    return invalid_body("The input is not valid.", [{"loc": [name], "msg": message, "type": "value_error"}])


def too_large(limit_bytes: int) -> ServiceError:
    """The body is larger than ``limit_bytes``."""
    message = f"The body is larger than {limit_bytes // 1024**2} MiB."
    return ServiceError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 413001, message)


def outside_of_file(size_bytes: int) -> ServiceError:
    """A range of bytes that the file does not have."""
    headers = {"Content-Range": f"bytes */{size_bytes}"}
    message = f"The file has {size_bytes} bytes, none of them in this range."
    return ServiceError(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, 416001, message, headers=headers)


def busy(retry_after_s: int, waiting: int) -> ServiceError:
    """Too many requests wait already."""
    headers = {"Retry-After": str(retry_after_s)}
    words = f"Too many requests are waiting: this would be place {waiting + 1} in the line."
    return ServiceError(HTTPStatus.TOO_MANY_REQUESTS, 429001, words, headers=headers)


def server_fault() -> ServiceError:
    """Something here is broken."""
    return ServiceError(HTTPStatus.INTERNAL_SERVER_ERROR, 500001, "The service has a problem of its own.")
