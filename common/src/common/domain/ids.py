"""The ids of aggregates. An id has 24 lower-case hexadecimal characters.

The service that makes a new aggregate also makes a new id for it. The only exception is the aggregate Deadline of the
expiration service (the time until which an order must be paid), because it has the same id as its order.
"""

import itertools
import secrets
import time
from datetime import UTC, datetime
from typing import Annotated, NewType

from pydantic import StringConstraints

UserId = NewType("UserId", str)
TicketId = NewType("TicketId", str)
OrderId = NewType("OrderId", str)
PaymentId = NewType("PaymentId", str)

ID_PATTERN = r"^[0-9a-f]{24}$"

WellFormed = StringConstraints(pattern=ID_PATTERN, strict=True)
"""Checks the format of an id that a client has sent. Example of its use: `Annotated[TicketId, WellFormed]`."""

AnyId = Annotated[str, WellFormed]

_PROCESS = secrets.token_hex(5)
_COUNTER = itertools.count(secrets.randbelow(1 << 23))


def made_at(an_id: str) -> datetime:
    """Return the time at which `new_id` has made this id, in full seconds. Raises ValueError for any other text."""
    return datetime.fromtimestamp(int(an_id[:8], 16), UTC)


def new_id() -> str:
    """Make a new id.

    An id begins with the time in seconds. So if we sort ids, an id from an earlier second comes before an id from a
    later second. Within the same second, the ids of one process are sorted in the order in which they were made.

    The id has the same parts as a MongoDB ObjectId: 4 bytes for the time, 5 random bytes that are the same for all ids
    of one process, and 3 bytes for a counter.
    """
    return f"{int(time.time()):08x}{_PROCESS}{next(_COUNTER) & 0xFFFFFF:06x}"
