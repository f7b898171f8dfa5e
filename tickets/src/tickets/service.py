"""The use cases of tickets."""

from dataclasses import dataclass

from common.domain.errors import NotFound, PermanentFailure
from common.domain.ids import OrderId, TicketId, UserId
from common.events.orders import OrderEvent
from common.storage.repository import retry_lost_races
from tickets.order_read_model import OrderReadModelRepository
from tickets.repository import TicketRepository
from tickets.ticket import Ticket


@dataclass(frozen=True)
class TicketService:
    tickets: TicketRepository
    orders: OrderReadModelRepository

    async def list_ticket(self, *, seller: UserId, title: str, price: int) -> Ticket:
        ticket = Ticket.list_for_sale(seller=seller, title=title, price=price)
        await self.tickets.add(ticket)
        return ticket

    async def change_listing(self, ticket_id: TicketId, *, by: UserId, title: str, price: int) -> Ticket:
        async def attempt() -> Ticket:
            ticket = await self.get_ticket(ticket_id)
            ticket.change_listing(by=by, title=title, price=price)
            await self.tickets.save(ticket)
            return ticket

        return await retry_lost_races(attempt)

    async def get_ticket(self, ticket_id: TicketId) -> Ticket:
        ticket = await self.tickets.find(ticket_id)
        if ticket is None:
            raise NotFound(f"There is no ticket {ticket_id}.")
        return ticket

    async def follow_order(self, event: OrderEvent) -> None:
        """Remember what became of an order, then see to it that the right order, or none, holds its ticket."""
        await self.orders.apply(event)
        await self.reconcile_holder(event.ticket.id, OrderId(event.id))

    async def reconcile_holder(self, ticket_id: TicketId, heard_of: OrderId) -> None:
        """Bring the ticket's holder into line with the live orders on it (ADR 7).

        Idempotent, and right in any order of events: the holder follows from what is known of the orders, not from
        which event came last. The order of the reads matters: the ticket, then the orders. Whoever learns of an order
        reads the ticket after that, and whoever has written the ticket looks once more, so the last look always sees
        both as they are. A stale event reconciles, too: the delivery before it may have died in between.
        """

        async def attempt() -> None:
            ticket = await self.tickets.find(ticket_id)
            if ticket is None:
                raise PermanentFailure(f"an order names the ticket {ticket_id}, which does not exist")
            while (holder := await self._right_holder(ticket, heard_of)) != ticket.order_id:
                ticket.set_holder(holder)
                await self.tickets.save(ticket)

        await retry_lost_races(attempt)

    async def _right_holder(self, ticket: Ticket, heard_of: OrderId) -> OrderId | None:
        """Who holds it keeps it for as long as it lives; orders sees to it that there is at most one.

        Then whoever has just been heard of, then anybody: of two, one is dead in orders, and the news is on its way.
        """
        for order_id in dict.fromkeys((ticket.order_id, heard_of)):  # which may be the same one
            if order_id is not None and await self.orders.is_live(order_id):
                return order_id
        return await self.orders.live_order_of(TicketId(ticket.id))
