"""The use cases of the tickets service."""

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
        """Return a page of the tickets that can be bought, newest first, and the cursor of the next page.

        The cursor is None if this is the last page.
        """
        return await self._tickets.find_for_sale(before=before, limit=limit)

    async def get_ticket(self, ticket_id: TicketId) -> Ticket:
        """Return the ticket with this id. Raises NotFound."""
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
        """Change the title and the price of a ticket. Raises NotFound, NotTheSeller or TicketHeld."""
        ticket = await self.get_ticket(ticket_id)
        ticket.change_listing(by=by, title=title, price=price)
        await self._tickets.save(ticket)
        return ticket

    async def follow_order(self, event: OrderEvent) -> None:
        """Store the new state of an order. Then set the order that holds the ticket.

        If no order may hold the ticket any more, the ticket becomes free.
        """
        await self._orders.apply(event)
        await self.reconcile_holder(event.ticket.id, OrderId(event.id))

    @retry_on_conflict
    async def reconcile_holder(self, ticket_id: TicketId, changed_order: OrderId) -> None:
        """Set the order that holds the ticket, according to the live orders for this ticket (ADR 7).

        Events may arrive twice and in any order. The result is right all the same, because this method looks at the
        stored orders, and not at the event that came last.

        Two handlers may run at the same time. For this reason, each handler first stores its order, then reads the
        ticket, and then reads the orders. After it has written the ticket, it reads the orders once more. So the
        handler that reads last sees what the other handler has written.

        This method runs also for an old event. An earlier delivery of this event may have stored the order and then
        stopped before it wrote the ticket.
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
        """Return the order that must hold the ticket, or None if there is no live order for it.

        If the order that holds the ticket now is live, return this order. Otherwise, if the changed order is live,
        return the changed order. Otherwise return any live order.

        The orders service allows only one live order per ticket. If this service knows two live orders, one of them is
        already cancelled, but the event of the cancellation has not arrived yet.
        """
        for order_id in dict.fromkeys((ticket.order_id, changed_order)):  # equal ids are checked only once
            if order_id is not None and await self._orders.is_live(order_id):
                return order_id
        return await self._orders.live_order_of(TicketId(ticket.id))
