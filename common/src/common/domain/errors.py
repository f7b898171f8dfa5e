"""Errors carry their HTTP status and their problem type where they are defined; common.http renders them."""

from typing import ClassVar


class ProblemError(Exception):
    """A failure that the caller is told about as an RFC 9457 problem."""

    status: ClassVar[int]
    slug: ClassVar[str]
    """The last part of the problem's `type`: it names the error for programs and never changes."""
    title: ClassVar[str]

    def __init__(self, detail: str, *, field: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


class BadInput(ProblemError):
    status = 422
    slug = "bad-input"
    title = "The request is not valid"


class NotUnderstood(BadInput):
    """Refused for its form alone: no use case has seen it, so nothing was begun."""


class NotSignedIn(ProblemError):
    status = 401
    slug = "not-signed-in"
    title = "Sign in first"


class NotTheOwner(ProblemError):
    status = 403
    slug = "not-the-owner"
    title = "This belongs to somebody else"


class NotFound(ProblemError):
    status = 404
    slug = "not-found"
    title = "There is no such thing"


class Conflict(ProblemError):
    """The thing is in a state in which this cannot be done."""

    status = 409
    slug = "conflict"
    title = "Not in this state"


class VersionConflict(Conflict):
    """Somebody else changed the aggregate after it was read; nothing was written."""

    slug = "lost-race"
    title = "Changed by somebody else meanwhile"


class DependencyUnavailable(ProblemError):
    """MongoDB, NATS or the card processor cannot be reached now; the same request may succeed later."""

    status = 503
    slug = "dependency-unavailable"
    title = "Temporarily unavailable"


class RetryLater(Exception):
    """An event that came too early: deliver it again after so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not before {seconds:.3f} s from now")
        self.seconds = seconds


class PermanentFailure(Exception):
    """An event that can never be handled, however often it is tried: it goes to the dead letters at once."""
