"""The JSON bodies of the requests and of the answers."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from common.domain.ids import OrderId, TicketId, UserId, WellFormed
from common.domain.zoned_time import zoned_time
from common.http.money import PriceIn, PriceOut
from common.http.schemas import RequestBody, ResponseBody
from orders.order import CancelReason, OrderStatus
from orders.settings import LONGEST_WINDOW_SECONDS


class OrderIn(RequestBody):
    ticket_id: Annotated[TicketId, WellFormed]
    window_seconds: int | None = Field(
        default=None,
        ge=1,
        le=LONGEST_WINDOW_SECONDS,  # Without a limit, a very large number would cause an OverflowError in timedelta.
        description="How long the order holds the ticket. It can only be shorter than the default of the platform.",
    )
    expected_price: PriceIn | None = Field(
        default=None,
        description="The price that the buyer has seen. If the seller has changed it since then, the order is refused.",
    )


def _moment(value: object) -> object:
    """Parse a time with its fractions of a second, which `zoned_time` leaves out."""
    if not isinstance(value, str):
        raise PydanticCustomError("moment", "must be a text")
    try:
        zoned_time(value)
    except ValueError as error:
        raise PydanticCustomError("moment", "{problem}", {"problem": str(error)}) from None
    return datetime.fromisoformat(value.upper())


class ExtensionIn(RequestBody):
    expires_at: Annotated[datetime, BeforeValidator(_moment)] | None = Field(
        default=None,
        description="The deadline that the buyer has seen. If the order has a later one, it is not extended again.",
    )


class OrderedTicketOut(ResponseBody):
    """The ticket as it was when the buyer ordered it."""

    id: TicketId
    title: str
    price: PriceOut


class OrderOut(ResponseBody):
    id: OrderId
    status: OrderStatus
    user_id: UserId = Field(description="The buyer.")
    expires_at: datetime = Field(description="The buyer must pay before this time.")
    extensions_left: int = Field(description="How often the buyer can still extend the order.")
    cancel_reason: CancelReason | None = Field(
        description="Why the order was cancelled. Null if it was not, or if an older version has cancelled it."
    )
    ticket: OrderedTicketOut
    version: int


class OrderPage(ResponseBody):
    orders: list[OrderOut]
    next_cursor: OrderId | None = Field(
        description="To get the next page, send this value as `cursor`. It is null on the last page."
    )


class TimelineEntry(ResponseBody):
    event: str = Field(examples=["order.created"])
    subject: str
    at: datetime
    version: int
    cause: str = Field(
        description="What caused this event: the method and path of a request, or the id of an event. It is `unknown` "
        "if the platform has continued something by itself, for example a payment without a known outcome."
    )
    trace_id: str | None
    data: dict[str, Any] = Field(description="The event as it was published. Amounts of money are in minor units.")


class Timeline(ResponseBody):
    order_id: OrderId
    events: list[TimelineEntry] = Field(description="The events of the order and of its payments, oldest first.")
