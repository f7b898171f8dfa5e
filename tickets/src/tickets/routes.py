"""HTTP in: parse, one call of a use case, answer."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, status

from common.domain.errors import NotFound, NotSignedIn, VersionConflict
from common.domain.ids import TicketId, WellFormed
from common.http.application import CHANGES
from common.http.authentication import CurrentUser
from common.http.problems import problems
from common.http.schemas import PageCursor, PageLimit
from tickets.schemas import ListingIn, TicketOut, TicketPage
from tickets.service import TicketService
from tickets.ticket import NotTheSeller, TicketHeld

router = APIRouter(prefix="/api/tickets", tags=["tickets"])


async def _service(request: Request) -> TicketService:  # async: see common.http.authentication
    service: TicketService = request.app.state.tickets
    return service


Tickets = Annotated[TicketService, Depends(_service)]
ONE_TICKET = "/{ticketId}"  # the name that a refusal shows: camelCase, as everywhere on the wire
TicketInPath = Annotated[TicketId, WellFormed, Path(alias="ticketId")]


@router.get("", summary="What can be bought, newest first")
async def list_tickets(tickets: Tickets, limit: PageLimit = 20, cursor: PageCursor = None) -> TicketPage:
    page, next_cursor = await tickets.tickets.find_for_sale(before=cursor, limit=limit)
    return TicketPage(tickets=[TicketOut.model_validate(ticket) for ticket in page], next_cursor=next_cursor)


@router.get(ONE_TICKET, summary="One ticket, held and sold ones included", responses=problems(NotFound))
async def get_ticket(ticket_id: TicketInPath, tickets: Tickets) -> TicketOut:
    return TicketOut.model_validate(await tickets.get_ticket(ticket_id))


@router.post(
    "",
    summary="List a ticket for sale",
    status_code=status.HTTP_201_CREATED,
    responses=problems(NotSignedIn),
    dependencies=[CHANGES],
)
async def list_ticket(listing: ListingIn, user: CurrentUser, tickets: Tickets) -> TicketOut:
    ticket = await tickets.list_ticket(seller=user.id, title=listing.title, price=listing.price)
    return TicketOut.model_validate(ticket)


@router.put(
    ONE_TICKET,
    summary="Change a listing while nobody holds it",
    responses=problems(NotSignedIn, NotTheSeller, NotFound, TicketHeld, VersionConflict),
    dependencies=[CHANGES],
)
async def change_listing(ticket_id: TicketInPath, listing: ListingIn, user: CurrentUser, tickets: Tickets) -> TicketOut:
    ticket = await tickets.change_listing(ticket_id, by=user.id, title=listing.title, price=listing.price)
    return TicketOut.model_validate(ticket)
