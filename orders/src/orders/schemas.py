"""The bodies of requests and answers."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from common.domain.ids import OrderId, TicketId, UserId, WellFormed
from common.http.money import PriceOut
from common.http.schemas import RequestBody, ResponseBody
from orders.order import OrderStatus
from orders.settings import LONGEST_WINDOW_SECONDS


class OrderIn(RequestBody):
    ticket_id: Annotated[TicketId, WellFormed]
    window_seconds: int | None = Field(
        default=None,
        ge=1,
        le=LONGEST_WINDOW_SECONDS,  # a number with thirty digits would be too large for Python's timedelta
        description="Hold the ticket for less time than the platform's window.",
    )


class OrderedTicketOut(ResponseBody):
    """The ticket as it was when it was ordered."""

    id: TicketId
    title: str
    price: PriceOut


class OrderOut(ResponseBody):
    id: OrderId
    status: OrderStatus
    user_id: UserId = Field(description="The buyer.")
    expires_at: datetime = Field(description="The deadline for paying.")
    ticket: OrderedTicketOut
    version: int


class OrderPage(ResponseBody):
    orders: list[OrderOut]
    next_cursor: OrderId | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")


class TimelineEntry(ResponseBody):
    event: str = Field(examples=["order.created"])
    subject: str
    at: datetime
    version: int
    cause: str = Field(description="The request, or the event, that caused it.")
    trace_id: str | None
    data: dict[str, Any] = Field(description="The event as it was published; money in minor units.")


class Timeline(ResponseBody):
    order_id: OrderId
    events: list[TimelineEntry] = Field(description="Oldest first.")
