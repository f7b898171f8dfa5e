"""Decides if an error of the MongoDB driver means that the database cannot be reached now."""

from pymongo.errors import (
    AutoReconnect,
    ConnectionFailure,
    ExecutionTimeout,
    NetworkTimeout,
    PyMongoError,
    ServerSelectionTimeoutError,
    WTimeoutError,
)

from common.domain.errors import DependencyUnavailable

DatabaseError = PyMongoError
"""The base class of all errors of the MongoDB driver."""

NO_ANSWER = "The database does not answer. Nothing is lost; try again shortly."

_UNAVAILABLE = (
    AutoReconnect,
    ConnectionFailure,
    ExecutionTimeout,
    NetworkTimeout,
    ServerSelectionTimeoutError,
    WTimeoutError,
)


def as_unavailable(error: BaseException) -> DependencyUnavailable | None:
    """Return DependencyUnavailable if `error` means that MongoDB cannot be reached now.

    Return None if the error has another cause, for example a mistake in the operation itself.
    """
    if isinstance(error, _UNAVAILABLE) or (isinstance(error, PyMongoError) and error.timeout):
        return DependencyUnavailable(NO_ANSWER)
    return None
