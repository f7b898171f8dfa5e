"""The story of each consumer of tickets, for tests/integration/test_every_consumer.py."""

from common.domain.ids import TicketId, UserId
from devkit.testing.samples import extended_order, order_events
from devkit.testing.service_samples import Story
from tickets.service import TicketService
from tickets.ticket import Ticket

_TICKET = TicketId("65f0c0ffee00000000000010")
_SELLER = UserId("65f0c0ffee00000000000001")
_CREATED, _CANCELLED, _COMPLETED = order_events(_TICKET)
_EXTENDED = extended_order(_CREATED)


async def _a_ticket_for_sale(tickets: TicketService) -> None:
    await tickets._tickets.add(Ticket(id=_TICKET, title="Concert", price=1999, user_id=_SELLER, version=1))


async def _a_withdrawn_ticket(tickets: TicketService) -> None:
    await _a_ticket_for_sale(tickets)
    await tickets.withdraw_ticket(_TICKET, by=_SELLER)


STORIES = {
    "tickets-hold-ticket-on-order-created": Story((_CREATED,), _a_ticket_for_sale),
    "tickets-release-ticket-on-order-cancelled": Story((_CREATED, _CANCELLED), _a_ticket_for_sale),
    "tickets-keep-ticket-held-on-order-extended": Story((_CREATED, _EXTENDED), _a_ticket_for_sale),
    "tickets-keep-ticket-sold-on-order-completed": Story((_CREATED, _COMPLETED), _a_withdrawn_ticket),
}
