"""Which HTTP status each kind of domain error has, and the errors that only HTTP knows."""

from typing import ClassVar

from pydantic.alias_generators import to_camel

from common.domain.errors import DomainError, ErrorKind

STATUS_OF = {
    ErrorKind.INVALID: 422,
    ErrorKind.NOT_SIGNED_IN: 401,
    ErrorKind.PAYMENT_DECLINED: 402,
    ErrorKind.FORBIDDEN: 403,
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.CONFLICT: 409,
    ErrorKind.UNAVAILABLE: 503,
}


class HttpError(Exception):
    """A request that is refused before a use case has seen it, or an answer that no use case gives."""

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, detail: str, *, field: str | None = None) -> None:
        """`field` names the header, the parameter or the field of the body that is wrong, as the client wrote it."""
        super().__init__(detail)
        self.detail = detail
        self.field = field


class MalformedRequest(HttpError):
    """The request does not have the documented form, so nothing was done."""

    status = 422
    code = "bad-input"
    title = "The request is not valid"


class BodyTooLarge(HttpError):
    status = 413
    code = "body-too-large"
    title = "The request is too large"


class NotJson(HttpError):
    status = 415
    code = "not-json"
    title = "Send JSON"


class MethodNotAllowed(HttpError):
    status = 405
    code = "method-not-allowed"
    title = "This cannot be done here"


class InternalError(HttpError):
    """A defect of the service. The log has the cause under the trace id; the client does not see it."""

    status = 500
    code = "internal-error"
    title = "Something went wrong on our side"


AnyError = DomainError | HttpError


def status_of(error: AnyError | type[DomainError] | type[HttpError]) -> int:
    if isinstance(error, DomainError) or (isinstance(error, type) and issubclass(error, DomainError)):
        return STATUS_OF[error.kind]
    return error.status


def field_of(error: AnyError) -> str | None:
    """The part of the request that is wrong. Clients know an argument of a use case by its name in camelCase."""
    if isinstance(error, HttpError):
        return error.field
    return to_camel(error.argument) if error.argument else None
