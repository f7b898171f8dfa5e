"""The JSON bodies of the requests and of the answers."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from common.domain.ids import OrderId, TicketId, UserId
from common.domain.zoned_time import ZonedTime, zoned_time
from common.events.tickets import Place
from common.http.money import PriceIn, PriceOut
from common.http.schemas import RequestBody, ResponseBody
from tickets.ticket import Details


def _zoned_time(text: str) -> ZonedTime:
    try:
        return zoned_time(text)
    except ValueError as error:
        raise PydanticCustomError("zoned_time", "{problem}", {"problem": str(error)}) from None


def _visible(text: str) -> str:
    if all(unicodedata.category(each) in _INVISIBLE_CATEGORIES or each in _FILLERS for each in text):
        raise PydanticCustomError("visible_text", "must have at least one visible character")
    return text


def _in_its_own_direction(text: str) -> str:
    if not _DIRECTION_CONTROLS.isdisjoint(text):
        raise PydanticCustomError(
            "text_direction",
            "must not have an invisible character that changes the direction of the text. Type the text yourself",
        )
    return text


_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Mn", "Zs", "Zl", "Zp"})
"""Control and format characters, marks on another character, and white space."""
_FILLERS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and a symbol that look like a space."""

_DIRECTION_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They can make a text look like another one. Arabic and Hebrew do not need them."""

Visible = AfterValidator(_visible)
OwnDirection = AfterValidator(_in_its_own_direction)
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Visible, OwnDirection]
Venue = Title  # a venue has the same limits
ShortName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50), Visible, OwnDirection]
_TIME_SCHEMA = {"type": "string", "format": "date-time", "examples": ["2027-05-01T20:00:00+02:00"]}
StartTimeIn = Annotated[ZonedTime, AfterValidator(_zoned_time), WithJsonSchema(_TIME_SCHEMA)]
StartTimeOut = Annotated[ZonedTime, WithJsonSchema(_TIME_SCHEMA)]


class PlaceIn(RequestBody):
    section: ShortName | None = None
    row: ShortName | None = None
    seat: ShortName | None = None


class ListingIn(RequestBody):
    title: Title = Field(examples=["Concert"])
    price: PriceIn
    venue: Venue | None = Field(default=None, examples=["Arena di Verona"])
    starts_at: StartTimeIn | None = Field(
        default=None, description="When the event begins, with its offset from UTC. It must be in the future."
    )
    place: PlaceIn | None = Field(default=None, examples=[{"section": "Gradinata", "row": "12", "seat": "7"}])

    @property
    def details(self) -> Details:
        place = Place(**self.place.model_dump()) if self.place else Place()
        return Details(venue=self.venue, starts_at=self.starts_at, place=None if place == Place() else place)


class ListingChangeIn(ListingIn):
    version: int | None = Field(
        default=None,
        ge=1,
        le=2**31 - 1,
        description="The version of the ticket that you have seen. If it has another version now, nothing is changed.",
    )


class PlaceOut(ResponseBody):
    section: str | None
    row: str | None
    seat: str | None


class TicketOut(ResponseBody):
    id: TicketId
    title: str
    price: PriceOut
    user_id: UserId = Field(description="The seller.")
    order_id: OrderId | None = Field(
        description="The order that holds or has bought the ticket; null if the ticket can be bought."
    )
    venue: str | None
    starts_at: StartTimeOut | None = Field(
        description="When the event begins, with the offset that the seller has sent."
    )
    place: PlaceOut | None
    version: int


class TicketPage(ResponseBody):
    tickets: list[TicketOut]
    next_cursor: TicketId | None = Field(
        description="To get the next page, send this value as `cursor`. It is null on the last page."
    )
