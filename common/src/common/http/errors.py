"""Maps each kind of domain error (an error that a use case raises) to an HTTP status.

This module also defines the errors that do not come from use cases, because only an HTTP request can cause them.
"""

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
    ErrorKind.UNREADABLE: 500,
}


class HttpError(Exception):
    """An error that does not come from a use case. For example, the body of the request is too large."""

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, detail: str, *, field: str | None = None) -> None:
        """Create the error.

        `detail` is a sentence for the client. `field` is the name of the part of the request that is wrong. This part
        is a header, a parameter or a field of the body. `field` is None if the error is not about one part.
        """
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
    """The service has a defect. The log shows the cause and the trace id. The client does not see the cause."""

    status = 500
    code = "internal-error"
    title = "Something went wrong on our side"


AnyError = DomainError | HttpError


def status_of(error: AnyError | type[DomainError] | type[HttpError]) -> int:
    if isinstance(error, DomainError) or (isinstance(error, type) and issubclass(error, DomainError)):
        return STATUS_OF[error.kind]
    return error.status


def field_of(error: AnyError) -> str | None:
    """Return the name of the part of the request that is wrong. Return None if the error is not about one part.

    A domain error names a header, or an argument of a use case. In requests, the argument has the same name in
    camelCase.
    """
    if isinstance(error, HttpError):
        return error.field
    if error.argument is None or "-" in error.argument:
        return error.argument
    return to_camel(error.argument)
