"""The errors that aggregates and use cases raise. A use case is one operation of a service, such as "pay for an order".

These errors do not depend on HTTP. The module common.http.errors maps the kind of each error to an HTTP status.
"""

from enum import StrEnum
from typing import ClassVar

from pydantic import ValidationError


class ErrorKind(StrEnum):
    """The kind of an error says what the error means for the caller. Each kind has its own HTTP status."""

    INVALID = "invalid"
    NOT_SIGNED_IN = "not signed in"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not found"
    CONFLICT = "conflict"
    """The object is in a state that does not allow the requested change."""
    PAYMENT_DECLINED = "payment declined"
    UNAVAILABLE = "unavailable"
    """Something that the service needs, like MongoDB, does not answer now. The same request may succeed later."""
    UNREADABLE = "unreadable"
    """The service cannot read its own stored data. The same request fails until a person has repaired the data."""


class DomainError(Exception):
    """An error that is reported to the caller. It has a code for programs and a sentence for people."""

    kind: ClassVar[ErrorKind]
    code: ClassVar[str]
    """The name of the error for programs. The code is part of the HTTP interface, so it never changes."""
    title: ClassVar[str]
    """A short summary for people. All errors of one class have the same title."""

    def __init__(self, detail: str, *, argument: str | None = None) -> None:
        """Create the error.

        `detail` is a sentence for the caller. `argument` is the name of the value in the request that is wrong, for
        example "ticket_id" or the header "Idempotency-Key". It is None if the error is not about one such value.
        """
        super().__init__(detail)
        self.detail = detail
        self.argument = argument


class BadInput(DomainError):
    kind = ErrorKind.INVALID
    code = "bad-input"
    title = "The request is not valid"


class KeyReused(DomainError):
    """An earlier request had the same Idempotency-Key but asked for something else. Use a new key for a new request."""

    kind = ErrorKind.INVALID
    code = "idempotency-key-reused"
    title = "This key belongs to another request"


class NotSignedIn(DomainError):
    kind = ErrorKind.NOT_SIGNED_IN
    code = "not-signed-in"
    title = "Sign in first"


class NotTheOwner(DomainError):
    kind = ErrorKind.FORBIDDEN
    code = "not-the-owner"
    title = "This belongs to somebody else"


class NotFound(DomainError):
    kind = ErrorKind.NOT_FOUND
    code = "not-found"
    title = "There is no such thing"


class Conflict(DomainError):
    """The object is in a state that does not allow the requested change."""

    kind = ErrorKind.CONFLICT
    code = "conflict"
    title = "Not in this state"


class VersionConflict(Conflict):
    """Another request changed the object after this request had read it. This request has changed nothing."""

    code = "lost-race"  # clients may check for this old code, so it must not change
    title = "Changed by another request meanwhile"


class DependencyUnavailable(DomainError):
    """MongoDB, NATS or the card processor does not answer now. The same request may succeed later."""

    kind = ErrorKind.UNAVAILABLE
    code = "dependency-unavailable"
    title = "Temporarily unavailable"


class RetryLater(Exception):
    """The handler of a message raises this error if the message arrived too early and must be delivered again later.

    For example, a timer is a message that the broker (NATS) delivers at a certain time. If it arrives before this time,
    its handler raises this error. `seconds` is the time after which the broker delivers the message again.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not before {seconds:.3f} s from now")
        self.seconds = seconds


class PermanentFailure(Exception):
    """The handler of an event raises this error if it cannot handle the event, and if a later attempt cannot help.

    The broker (NATS) then does not deliver the event again. Instead, the service stores the event as a dead letter,
    which an operator can examine (see common.messaging.dead_letters).
    """


class UnreadableDocument(DomainError, PermanentFailure):
    """The service cannot read the stored document of this object, so it has changed nothing. Tell the operator.

    If the handler of an event raises this error, the event becomes a dead letter. After a person has repaired the
    document, an operator can let the service handle the dead letter again.
    """

    kind = ErrorKind.UNREADABLE
    code = "unreadable-document"
    title = "The stored data cannot be read"


def first_problem(error: ValidationError) -> str:
    """Return the place and the text of the first problem in pydantic's error, without the value that is wrong.

    The value may be a secret, so it must not appear in a log. For example, the result is "price: Input should be a
    valid integer".
    """
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else str(first["msg"])
