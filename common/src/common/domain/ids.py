"""Identifiers: 24 lower-case hexadecimal characters, made by the service that owns the aggregate."""

from typing import Annotated, NewType

from bson import ObjectId
from pydantic import StringConstraints

UserId = NewType("UserId", str)
TicketId = NewType("TicketId", str)
OrderId = NewType("OrderId", str)
PaymentId = NewType("PaymentId", str)

WellFormed = StringConstraints(pattern=r"^[0-9a-f]{24}$", strict=True)
"""Put into Annotated where an identifier comes in from outside: Annotated[TicketId, WellFormed]."""

AnyId = Annotated[str, WellFormed]


def new_id() -> str:
    """Begins with the second of its making, so that descending order is newest first."""
    return str(ObjectId())
