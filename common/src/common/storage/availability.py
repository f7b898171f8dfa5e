"""Whether an error of the MongoDB driver means that the database cannot be reached now."""

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
"""Any error of the driver."""

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
    """The error for the caller, if MongoDB cannot be reached now; None if the operation itself is at fault."""
    if isinstance(error, _UNAVAILABLE) or (isinstance(error, PyMongoError) and error.timeout):
        return DependencyUnavailable(NO_ANSWER)
    return None
