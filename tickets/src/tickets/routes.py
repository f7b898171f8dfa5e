"""The HTTP routes of the tickets service. Each route parses the request, calls one use case, and returns the answer."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, status

from common.domain.errors import KeyReused, NotFound, NotSignedIn, VersionConflict
from common.domain.ids import TicketId, WellFormed
from common.http.authentication import CurrentUser
from common.http.dependencies import REQUIRES_BROKER, use_cases
from common.http.idempotent_requests import RequestInFlight
from common.http.idempotent_route import CurrentRequestKey, IdempotentRoute
from common.http.problems import problems
from common.http.schemas import PageCursor, PageLimit
from tickets.schemas import ListingChangeIn, ListingIn, TicketOut, TicketPage
from tickets.service import TicketService
from tickets.ticket import NotTheSeller, TicketChanged, TicketHeld

router = APIRouter(prefix="/api/tickets", tags=["tickets"])
idempotent = APIRouter(prefix="/api/tickets", tags=["tickets"], route_class=IdempotentRoute)

Tickets = Annotated[TicketService, Depends(use_cases(TicketService))]
ONE_TICKET = "/{ticketId}"  # `ticketId` is in camelCase like our JSON, because error messages show it to the client.
TicketInPath = Annotated[TicketId, WellFormed, Path(alias="ticketId")]


@router.get("", summary="Tickets on sale, newest first")
async def list_tickets(tickets: Tickets, limit: PageLimit = 20, cursor: PageCursor = None) -> TicketPage:
    """Return a page. It may have fewer tickets than `limit`, or none, although there is a next page."""
    page, next_cursor = await tickets.list_for_sale(before=cursor, limit=limit)
    return TicketPage(tickets=[TicketOut.model_validate(ticket) for ticket in page], next_cursor=next_cursor)


@router.get(ONE_TICKET, summary="One ticket, also if it is held or sold", responses=problems(NotFound))
async def get_ticket(ticket_id: TicketInPath, tickets: Tickets) -> TicketOut:
    return TicketOut.model_validate(await tickets.get_ticket(ticket_id))


@idempotent.post(
    "",
    summary="List a ticket for sale",
    status_code=status.HTTP_201_CREATED,
    responses=problems(NotSignedIn, RequestInFlight, KeyReused),
    dependencies=[REQUIRES_BROKER],
)
async def list_ticket(
    listing: ListingIn, user: CurrentUser, tickets: Tickets, request_key: CurrentRequestKey
) -> TicketOut:
    ticket = await tickets.list_ticket(
        seller=user.id, title=listing.title, price=listing.price, details=listing.details, request_key=request_key
    )
    return TicketOut.model_validate(ticket)


@router.delete(
    ONE_TICKET,
    summary="Withdraw a ticket for ever, while no order holds it",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(NotSignedIn, NotTheSeller, NotFound, TicketHeld, VersionConflict),
    dependencies=[REQUIRES_BROKER],
)
async def withdraw_ticket(ticket_id: TicketInPath, user: CurrentUser, tickets: Tickets) -> None:
    await tickets.withdraw_ticket(ticket_id, by=user.id)


@router.put(
    ONE_TICKET,
    summary="Replace a listing while no order holds the ticket",
    responses=problems(NotSignedIn, NotTheSeller, NotFound, TicketHeld, TicketChanged, VersionConflict),
    dependencies=[REQUIRES_BROKER],
)
async def change_listing(
    ticket_id: TicketInPath, listing: ListingChangeIn, user: CurrentUser, tickets: Tickets
) -> TicketOut:
    ticket = await tickets.change_listing(
        ticket_id,
        by=user.id,
        title=listing.title,
        price=listing.price,
        details=listing.details,
        seen_version=listing.version,
    )
    return TicketOut.model_validate(ticket)
