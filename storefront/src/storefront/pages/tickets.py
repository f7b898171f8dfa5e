"""The pages that everybody can see: the list of tickets, and one ticket."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse

from common.domain.ids import ID_PATTERN, TicketId
from storefront.listing_query import ListingQuery, Sort
from storefront.pages.visit import CurrentVisit

router = APIRouter()

_LONGEST_SEARCH = 100


@router.get("/")
async def show_tickets(
    visit: CurrentVisit,
    q: str = "",
    sort: str = Sort.NEWEST,
    show: str = "",
    after: str = "",
) -> HTMLResponse:
    """Show a page of the list. A value that the page does not know counts as not given, so a link never breaks."""
    known = Sort(sort) if sort in tuple(Sort) else Sort.NEWEST
    query = ListingQuery(q.strip()[:_LONGEST_SEARCH], known, show == "all", after)
    listing = await visit.storefront.list_tickets(query)
    return visit.page("tickets.html", query=query, sorts=Sort, listing=listing)


@router.get("/tickets/{ticket_id}")
async def show_ticket(ticket_id: Annotated[TicketId, Path(pattern=ID_PATTERN)], visit: CurrentVisit) -> HTMLResponse:
    offer = await visit.storefront.find_offer(ticket_id)
    return visit.page("ticket.html", offer=offer)
