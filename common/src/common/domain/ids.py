"""Identifiers: 24 lower-case hexadecimal characters. The service that owns an aggregate makes its id."""

import itertools
import secrets
import time
from typing import Annotated, NewType

from pydantic import StringConstraints

UserId = NewType("UserId", str)
TicketId = NewType("TicketId", str)
OrderId = NewType("OrderId", str)
PaymentId = NewType("PaymentId", str)

ID_PATTERN = r"^[0-9a-f]{24}$"

WellFormed = StringConstraints(pattern=ID_PATTERN, strict=True)
"""For ids that come from outside: Annotated[TicketId, WellFormed]."""

AnyId = Annotated[str, WellFormed]

_PROCESS = secrets.token_hex(5)
_COUNTER = itertools.count(secrets.randbelow(1 << 23))


def new_id() -> str:
    """Make an id that sorts by the second of its creation and, within one process, by the order of creation.

    The parts are those of a MongoDB ObjectId: 4 bytes of time, 5 random bytes of the process, a counter of 3 bytes.
    """
    return f"{int(time.time()):08x}{_PROCESS}{next(_COUNTER) & 0xFFFFFF:06x}"
