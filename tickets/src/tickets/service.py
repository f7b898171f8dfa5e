"""The use cases of tickets."""

from common.domain.errors import NotFound, PermanentFailure
from common.domain.ids import OrderId, TicketId, UserId
from common.events.orders import OrderEvent
from common.storage.retry import retry_on_conflict
from tickets.order_read_model import OrderReadModelRepository
from tickets.repository import TicketRepository
from tickets.ticket import Ticket


class TicketService:
    def __init__(self, tickets: TicketRepository, orders: OrderReadModelRepository) -> None:
        self._tickets = tickets
        self._orders = orders

    async def list_for_sale(self, *, before: str | None, limit: int) -> tuple[list[Ticket], str | None]:
        """Newest first. The second value is the cursor of the next page, or None."""
        return await self._tickets.find_for_sale(before=before, limit=limit)

    async def get_ticket(self, ticket_id: TicketId) -> Ticket:
        """Raises NotFound."""
        ticket = await self._tickets.find(ticket_id)
        if ticket is None:
            raise NotFound(f"There is no ticket {ticket_id}.")
        return ticket

    async def list_ticket(self, *, seller: UserId, title: str, price: int) -> Ticket:
        ticket = Ticket.list_for_sale(seller=seller, title=title, price=price)
        await self._tickets.add(ticket)
        return ticket

    @retry_on_conflict
    async def change_listing(self, ticket_id: TicketId, *, by: UserId, title: str, price: int) -> Ticket:
        """Raises NotFound, NotTheSeller, TicketHeld."""
        ticket = await self.get_ticket(ticket_id)
        ticket.change_listing(by=by, title=title, price=price)
        await self._tickets.save(ticket)
        return ticket

    async def follow_order(self, event: OrderEvent) -> None:
        """Store the new state of an order. Then make sure that the right order, or none, holds its ticket."""
        await self._orders.apply(event)
        await self.reconcile_holder(event.ticket.id, OrderId(event.id))

    @retry_on_conflict
    async def reconcile_holder(self, ticket_id: TicketId, changed_order: OrderId) -> None:
        """Set the ticket's holder according to the live orders on it (ADR 7).

        Idempotent, and right in any order of events: the holder follows from what is known of the orders, not from the
        event that came last. The order of the reads matters: first the ticket, then the orders. A handler that stores
        an order reads the ticket after that, and a handler that writes the ticket reads the orders once more. So the
        last read always sees both writes. An old event reconciles, too: the delivery before it may have stopped between
        its two writes.
        """
        ticket = await self._tickets.find(ticket_id)
        if ticket is None:
            raise PermanentFailure(f"an order names the ticket {ticket_id}, which does not exist")
        while True:
            holder = await self._right_holder(ticket, changed_order)
            if holder == ticket.order_id:
                return
            ticket.set_holder(holder)
            await self._tickets.save(ticket)

    async def _right_holder(self, ticket: Ticket, changed_order: OrderId) -> OrderId | None:
        """The present holder if it is live, else the changed order if it is live, else any live order.

        Orders allows one live order per ticket. If two are known here, one of them is cancelled already, and its event
        is on its way.
        """
        for order_id in dict.fromkeys((ticket.order_id, changed_order)):  # each order once, if they are the same
            if order_id is not None and await self._orders.is_live(order_id):
                return order_id
        return await self._orders.live_order_of(TicketId(ticket.id))
