"""The errors of use cases and aggregates. They know nothing of HTTP: common.http.errors maps each kind to a status."""

from enum import StrEnum
from typing import ClassVar


class ErrorKind(StrEnum):
    """What an error means to the caller."""

    INVALID = "invalid"
    NOT_SIGNED_IN = "not signed in"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not found"
    CONFLICT = "conflict"
    """The object is in a state in which this cannot be done."""
    PAYMENT_DECLINED = "payment declined"
    UNAVAILABLE = "unavailable"
    """The same call may succeed later."""


class DomainError(Exception):
    """A failure that is reported to the caller, with a code for programs and a sentence for people."""

    kind: ClassVar[ErrorKind]
    code: ClassVar[str]
    """Names the error for programs. It is part of the HTTP interface and never changes."""
    title: ClassVar[str]
    """A short summary for people, the same for each occurrence."""

    def __init__(self, detail: str, *, argument: str | None = None) -> None:
        """`detail` is a sentence for the caller; `argument` names the argument of the use case that is wrong."""
        super().__init__(detail)
        self.detail = detail
        self.argument = argument


class BadInput(DomainError):
    kind = ErrorKind.INVALID
    code = "bad-input"
    title = "The request is not valid"


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
    """The object is in a state in which this cannot be done."""

    kind = ErrorKind.CONFLICT
    code = "conflict"
    title = "Not in this state"


class VersionConflict(Conflict):
    """Another request changed the object after this one had read it. Nothing was written."""

    code = "lost-race"  # published under this name
    title = "Changed by another request meanwhile"


class DependencyUnavailable(DomainError):
    """MongoDB, NATS or the card processor does not answer now. The same call may succeed later."""

    kind = ErrorKind.UNAVAILABLE
    code = "dependency-unavailable"
    title = "Temporarily unavailable"


class RetryLater(Exception):
    """Raised by a handler whose event came too early: deliver the event again after this many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not before {seconds:.3f} s from now")
        self.seconds = seconds


class PermanentFailure(Exception):
    """Raised by a handler that can never handle its event: the event becomes a dead letter immediately."""
