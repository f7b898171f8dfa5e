"""The copy of the tickets that the pages show. The events of the tickets service update it."""

import re
import unicodedata
from collections.abc import Collection as Ids
from contextlib import suppress
from datetime import datetime
from typing import Self

from pydantic import Field

from common.domain.event import Event
from common.domain.ids import OrderId, UserId
from common.domain.zoned_time import ZonedTime, utc_of, zoned_time
from common.events.tickets import Place, TicketEvent, TicketWithdrawn
from common.storage.collection import Collection, Document
from common.storage.read_model import ReadModel, ReadModelRepository
from storefront.listing_query import ListingQuery

_LONGEST_WORD = 40
NEVER = 253_402_300_800
"""The first second of the year 10000. A ticket without a date has it, so that it comes last when we sort by date."""


class TicketReadModel(ReadModel):
    title: str
    price: int = Field(description="Minor units (cents).")
    user_id: UserId = Field(description="The seller.")
    order_id: OrderId | None = Field(description="The order that holds or bought the ticket, as tickets knows it.")
    withdrawn: bool = Field(description="True if the seller has withdrawn the ticket.")
    on_sale: bool = Field(description="True if it is not withdrawn, and no order holds it, as tickets knows it.")
    venue: str | None = None
    starts_at: str | None = Field(default=None, description="When the event begins, as the seller wrote it.")
    begins: int = Field(default=NEVER, description="The same moment in seconds since 1970; NEVER if it is not known.")
    day: str | None = Field(default=None, description="The day of the event where it takes place: 2027-05-01.")
    place: Place | None = None
    words: list[str] = Field(description="The words by which a search finds the ticket (see `words_of`).")

    @classmethod
    def from_event(cls, event: Event) -> Self:
        assert isinstance(event, TicketEvent)  # noqa: S101 - this tells the type checker the type of the event
        withdrawn = isinstance(event, TicketWithdrawn)
        time = _time_of(event.starts_at)
        return cls(
            id=event.id,
            version=event.version,
            title=event.title,
            price=event.price,
            user_id=event.user_id,
            order_id=event.order_id,
            withdrawn=withdrawn,
            on_sale=event.order_id is None and not withdrawn,
            venue=event.venue,
            starts_at=event.starts_at,
            begins=int(utc_of(time).timestamp()) if time else NEVER,
            day=time[: len("2027-05-01")] if time else None,
            place=event.place,
            words=words_of(f"{event.title} {event.venue or ''}"),
        )


def _time_of(text: str | None) -> ZonedTime | None:
    """Return when the event begins. Return None if the text is missing, or if this version cannot read it."""
    with suppress(ValueError):
        return zoned_time(text) if text else None
    return None


def words_of(text: str) -> list[str]:
    """Return the different words in a text, in lower case and without accents, so that "Café" is found as "cafe"."""
    plain = "".join(each for each in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(each))
    return sorted({word[:_LONGEST_WORD] for word in re.findall(r"\w+", plain)})


def condition_of(query: ListingQuery, now: datetime) -> Document:
    """Return the filter for MongoDB that finds the tickets that the query asks for."""
    words = words_of(query.text)
    conditions: list[Document] = [{"words": {"$regex": f"^{re.escape(word)}"}} for word in words]
    if query.text and not words:
        conditions.append({"words": {"$in": []}})  # nothing contains such signs as a word, so nothing is found
    if query.all:
        # The first condition is true for every ticket. With it, MongoDB merges two parts of an index, which both have
        # the order of the page. Otherwise it would need more indexes, or read all tickets.
        conditions.append({"on_sale": {"$in": [True, False]}, "withdrawn": False})
    else:
        conditions.append({"on_sale": True, "begins": {"$gt": int(now.timestamp())}})
    return {"$and": [*conditions, *query.conditions()]}


class TicketReadModelRepository(ReadModelRepository[TicketReadModel]):
    def __init__(self, collection: Collection) -> None:
        super().__init__(collection, TicketReadModel)

    async def create_indexes(self) -> None:
        """Create an index for each order in which the pages list tickets, and one for the search."""
        await self.collection.create_index([("on_sale", 1), ("_id", -1)])
        await self.collection.create_index([("on_sale", 1), ("price", 1), ("_id", 1)])
        await self.collection.create_index([("on_sale", 1), ("begins", 1), ("_id", 1)])
        await self.collection.create_index([("user_id", 1), ("_id", -1)])
        await self.collection.create_index([("words", 1), ("_id", -1)])

    async def find_listed(self, query: ListingQuery, *, now: datetime, limit: int) -> list[TicketReadModel]:
        """Return the tickets that the query asks for, at most `limit`."""
        return await self._find(condition_of(query, now), query.sort.order, limit)

    async def find_of_seller(
        self, seller: UserId, *, before: str | None, first: str | None, limit: int
    ) -> list[TicketReadModel]:
        """Return a page of the tickets of one seller, newest first: those before a ticket, or those from `first` on."""
        older = {"_id": {"$lte": first}} if first else {"_id": {"$lt": before}} if before else {}
        return await self._find({"user_id": seller, "withdrawn": False, **older}, [("_id", -1)], limit)

    async def find_many(self, ids: Ids[str]) -> list[TicketReadModel]:
        return await self._find({"_id": {"$in": list(ids)}}, [("_id", 1)], len(ids)) if ids else []

    async def find_begun(self, after: datetime, until: datetime, limit: int) -> list[TicketReadModel]:
        """Return the tickets on sale whose event has begun after the first moment, and not after the second one."""
        begun = {"$gt": int(after.timestamp()), "$lte": int(until.timestamp())}
        return await self._find({"on_sale": True, "begins": begun}, [("begins", 1), ("_id", 1)], limit)

    async def holders_of_seller(self, seller: UserId) -> list[OrderId]:
        """Return the orders that hold or have bought tickets of this seller."""
        held = {"user_id": seller, "order_id": {"$ne": None}}
        return [document["order_id"] for document in await self.collection.find(held, {"order_id": 1}).to_list(None)]

    async def _find(self, wanted: Document, order: list[tuple[str, int]], limit: int) -> list[TicketReadModel]:
        found = await self.collection.find(wanted).sort(order).limit(limit).to_list(limit)
        return self._documents.read_all(found)
