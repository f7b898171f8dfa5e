"""The JSON bodies of the requests and of the answers."""

from typing import Annotated

from pydantic import Field, StringConstraints

from common.domain.ids import OrderId, TicketId, UserId
from common.http.money import PriceIn, PriceOut
from common.http.schemas import RequestBody, ResponseBody

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class ListingIn(RequestBody):
    title: Title = Field(examples=["Concert"])
    price: PriceIn


class TicketOut(ResponseBody):
    id: TicketId
    title: str
    price: PriceOut
    user_id: UserId = Field(description="The seller.")
    order_id: OrderId | None = Field(
        description="The order that holds or has bought the ticket; null if the ticket can be bought."
    )
    version: int


class TicketPage(ResponseBody):
    tickets: list[TicketOut]
    next_cursor: TicketId | None = Field(
        description="To get the next page, send this value as `cursor`. It is null on the last page."
    )
