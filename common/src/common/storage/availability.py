"""Decides if an error of the MongoDB driver means that the database cannot complete operations now.

The class of an error does not say this. For example, the driver raises OperationFailure both for a mistake in a query
and for a full disk. So we look at the error code and the labels that the server has sent.

Source of the codes: https://github.com/mongodb/mongo/blob/v6.0/src/mongo/base/error_codes.yml
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)

from common.domain.errors import DependencyUnavailable

DatabaseError = PyMongoError
"""The base class of all errors of the MongoDB driver."""

NO_ANSWER = "The database does not answer. Nothing is lost; try again shortly."
NOT_NOW = "The database cannot do this now. Nothing is lost; try again shortly."

CODES = {
    6: "HostUnreachable",
    7: "HostNotFound",
    11: "UserNotFound",
    13: "Unauthorized",
    18: "AuthenticationFailed",
    24: "LockTimeout",
    43: "CursorNotFound",
    46: "LockBusy",
    50: "MaxTimeMSExpired",
    64: "WriteConcernFailed",
    89: "NetworkTimeout",
    91: "ShutdownInProgress",
    100: "UnsatisfiableWriteConcern",
    112: "WriteConflict",
    133: "FailedToSatisfyReadPreference",
    134: "ReadConcernMajorityNotAvailableYet",
    146: "ExceededMemoryLimit",
    175: "QueryPlanKilled",
    189: "PrimarySteppedDown",
    202: "NetworkInterfaceExceededTimeLimit",
    211: "KeyNotFound",
    237: "CursorKilled",
    246: "SnapshotUnavailable",
    262: "ExceededTimeLimit",
    264: "TooManyFilesOpen",
    365: "TemporarilyUnavailable",
    371: "UserWritesBlocked",
    391: "ReauthenticationRequired",
    8000: "AtlasError",
    9001: "SocketException",
    10058: "NotPrimaryOrSecondary (old code)",
    10107: "NotWritablePrimary",
    11600: "InterruptedAtShutdown",
    11601: "Interrupted",
    11602: "InterruptedDueToReplStateChange",
    13435: "NotPrimaryNoSecondaryOk",
    13436: "NotPrimaryOrSecondary",
    14031: "OutOfDiskSpace",
}
"""The codes of errors after which the same operation may succeed later, and their names.

They mean that the server is not the primary now, is stopping, has no resources or accepts no writes, or that it does
not accept the credentials of the service. All other codes mean that this one operation is wrong.

KeyNotFound is about the keys of the cluster time: after a restart or a failover, a server may not know them yet.
AtlasError is not in the file of MongoDB. MongoDB Atlas sends it if it refuses the credentials or if its disk is full.
"""

_LABELS = ("RetryableWriteError", "TransientTransactionError", "SystemOverloadedError")
"""The server adds one of these labels to an error after which the same operation may succeed."""


def as_unavailable(error: BaseException) -> DependencyUnavailable | None:
    """Return DependencyUnavailable if `error` means that MongoDB cannot complete operations now.

    This includes all errors after which nobody knows whether a write was stored, for example the errors about a write
    concern. Return None if the error has another cause, for example a mistake in the operation itself.
    """
    if not isinstance(error, PyMongoError):
        return None
    if isinstance(error, ConnectionFailure) or error.timeout:
        return DependencyUnavailable(NO_ANSWER)
    if any(error.has_error_label(label) for label in _LABELS) or any(code in CODES for code in _codes_of(error)):
        return DependencyUnavailable(NOT_NOW)
    return DependencyUnavailable(NOT_NOW) if _is_about_a_write_concern(error) else None


def _is_about_a_write_concern(error: PyMongoError) -> bool:
    return isinstance(error, WriteConcernError) or bool(_details(error).get("writeConcernErrors"))


def _codes_of(error: PyMongoError) -> Iterator[int]:
    if isinstance(error, OperationFailure) and error.code is not None:
        yield error.code
    for failure in _details(error).get("writeErrors", []):
        yield failure["code"]


def _details(error: PyMongoError) -> Mapping[str, Any]:
    return error.details or {} if isinstance(error, BulkWriteError) else {}
