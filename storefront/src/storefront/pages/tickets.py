"""The pages that everybody can see: the list of tickets, and one ticket."""

from contextlib import suppress
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, Field

from common.domain.ids import TicketId
from storefront.listing_query import PAGE_SIZE, ListingQuery, Sort
from storefront.pages.visit import CurrentVisit
from storefront.service import Listing

router = APIRouter()

_LONGEST_SEARCH = 100


class Wanted(BaseModel):
    """The query parameters of the list. All of them are texts: a value that the page does not know is ignored."""

    q: str = ""
    sort: str = ""
    show: str = ""
    first_day: str = Field(default="", alias="from")
    last_day: str = Field(default="", alias="to")
    after: str = ""

    def as_query(self) -> ListingQuery:
        first_day, last_day = _day(self.first_day), _day(self.last_day)
        has_swapped = bool(first_day and last_day and first_day > last_day)  # the page says so
        if has_swapped:
            first_day, last_day = last_day, first_day
        return ListingQuery(
            text=self.q.strip()[:_LONGEST_SEARCH],
            sort=Sort(self.sort) if self.sort in tuple(Sort) else Sort.NEWEST,
            all=self.show == "all",
            first_day=first_day,
            last_day=last_day,
            has_swapped_days=has_swapped,
            cursor=self.after,
        )


class TheseTickets(BaseModel):
    id: list[TicketId] = Field(default=[], max_length=PAGE_SIZE)


@router.get("/")
async def show_tickets(wanted: Annotated[Wanted, Query()], visit: CurrentVisit) -> HTMLResponse:
    query = wanted.as_query()
    return visit.page("tickets.html", query=query, listing=await visit.storefront.list_tickets(query))


@router.get("/tickets")
async def show_these_tickets(wanted: Annotated[TheseTickets, Query()], visit: CurrentVisit) -> Response:
    """Show the tickets with these ids, whatever their state is. An open list asks for those that it has lost.

    A person who writes this address gets the list.
    """
    if not wanted.id:
        return RedirectResponse("/")
    offers = await visit.storefront.find_offers(wanted.id)
    return visit.page("tickets.html", query=ListingQuery(all=True), listing=Listing(offers, next_cursor=""))


@router.get("/tickets/{ticket_id}")
async def show_ticket(ticket_id: TicketId, visit: CurrentVisit) -> HTMLResponse:
    return visit.page("ticket.html", offer=await visit.storefront.find_offer(ticket_id))


def _day(text: str) -> date | None:
    """Return the day in a text such as 2027-05-01, or None if it is not a day."""
    with suppress(ValueError):
        return date.fromisoformat(text)
    return None
