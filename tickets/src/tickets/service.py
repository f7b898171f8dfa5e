"""The use cases of the tickets service, for example to offer a ticket for sale.

The HTTP routes and the event handlers call them.
"""

from common.domain.clock import Clock
from common.domain.errors import BadInput, DomainError, NotFound, PermanentFailure
from common.domain.ids import OrderId, TicketId, UserId
from common.domain.requested import RequestKey
from common.domain.zoned_time import utc_of
from common.events.orders import OrderCompleted, OrderEvent
from common.storage.retry import retry_on_conflict
from tickets.order_read_model import OrderReadModelRepository
from tickets.repository import TicketRepository
from tickets.ticket import NO_DETAILS, Details, Ticket


class TicketService:
    def __init__(self, tickets: TicketRepository, orders: OrderReadModelRepository, clock: Clock) -> None:
        self._tickets = tickets
        self._orders = orders
        self._clock = clock

    async def list_for_sale(self, *, before: str | None, limit: int) -> tuple[list[Ticket], str | None]:
        """Return a page of the tickets that can be bought, newest first, and the cursor of the next page.

        The cursor is None if this is the last page. The page leaves out tickets whose event has begun. So it may have
        fewer than `limit` tickets, or none, although there is a next page.
        """
        free, cursor = await self._tickets.find_free(before=before, limit=limit)
        now = self._clock()
        return [ticket for ticket in free if not ticket.has_begun(now)], cursor

    async def get_ticket(self, ticket_id: TicketId) -> Ticket:
        """Return the ticket with this id. Raises NotFound, also if the ticket is withdrawn."""
        ticket = await self._tickets.find(ticket_id)
        if ticket is None or ticket.withdrawn:
            raise _not_found(ticket_id)
        return ticket

    async def list_ticket(
        self,
        *,
        seller: UserId,
        title: str,
        price: int,
        details: Details = NO_DETAILS,
        request_key: RequestKey | None = None,
    ) -> Ticket:
        """Offer a ticket for sale, and return it. Raises BadInput if its event has already begun.

        If an earlier copy of this request has listed a ticket, return that ticket. Raises KeyReused if another request
        with the same `request_key.key` has listed a ticket.
        """
        ticket = Ticket.list_for_sale(seller=seller, title=title, price=price, details=details, request_key=request_key)
        try:
            self._check_start(details)
            await self._tickets.add(ticket)
        except DomainError:
            listed_before = await self._tickets.find_by_request(request_key)
            if listed_before is None:
                raise
            return listed_before
        return ticket

    @retry_on_conflict
    async def change_listing(  # noqa: PLR0913 - all but the first are keyword arguments
        self,
        ticket_id: TicketId,
        *,
        by: UserId,
        title: str,
        price: int,
        details: Details = NO_DETAILS,
        seen_version: int | None = None,
    ) -> Ticket:
        """Replace the listing of a ticket. `seen_version` is the version of the ticket that the seller has seen.

        Raises BadInput if its event has already begun. Raises NotFound, NotTheSeller, TicketHeld or TicketChanged.
        """
        self._check_start(details)
        ticket = await self.get_ticket(ticket_id)
        ticket.change_listing(by=by, title=title, price=price, details=details, seen_version=seen_version)
        await self._tickets.save(ticket)
        return ticket

    def _check_start(self, details: Details) -> None:
        if details.starts_at is not None and utc_of(details.starts_at) <= self._clock():
            raise BadInput("must be in the future", argument="starts_at")

    @retry_on_conflict
    async def withdraw_ticket(self, ticket_id: TicketId, *, by: UserId) -> None:
        """Take a ticket off sale for ever. If the seller has already done this, do nothing.

        Raises NotFound, NotTheSeller or TicketHeld.
        """
        ticket = await self._tickets.find(ticket_id)
        if ticket is None:
            raise _not_found(ticket_id)
        ticket.withdraw(by=by)
        if ticket.recorded:
            await self._tickets.save(ticket)

    async def follow_order(self, event: OrderEvent) -> None:
        """Update our copy of an order with the data of the event. Then store in the ticket which order holds it now.

        An order holds the ticket if the ticket is reserved or sold for this order. If all orders of the ticket are
        cancelled, the ticket becomes free.
        """
        await self._orders.apply(event)
        if isinstance(event, OrderCompleted):
            await self.sell_ticket(event.ticket.id, OrderId(event.id))
        else:
            await self.reconcile_holder(event.ticket.id, OrderId(event.id))

    @retry_on_conflict
    async def sell_ticket(self, ticket_id: TicketId, order_id: OrderId) -> None:
        """Store in the ticket that this completed order has bought it. Do nothing if it is already so.

        A completed order stays completed for ever, so no other order needs to be read. The sale stands even if the
        seller has withdrawn the ticket in the meantime (ADR 0021).
        """
        ticket = await self._ordered(ticket_id)
        if ticket.order_id != order_id or ticket.withdrawn:
            ticket.sell_to(order_id)
            await self._tickets.save(ticket)

    @retry_on_conflict
    async def reconcile_holder(self, ticket_id: TicketId, changed_order: OrderId) -> None:
        """Choose a live (not cancelled) order of the ticket, and store in the ticket that this order holds it.

        If the ticket has no live order, it becomes free (ADR 0007). `changed_order` is the order whose event has just
        arrived.

        Events may arrive twice and in any order. The result is still right, because this method does not look at the
        event. It reads the stored orders, and chooses `changed_order` only if this order is live in the database.

        Handlers of two orders for the same ticket may run at the same time. For this reason, each handler first stores
        its order, then reads the ticket, and then reads the orders. After the handler has written the ticket, it reads
        the orders once more. So the handler that reads last sees the orders of both handlers.

        If the broker delivers an event again, this method also runs again, although the order is already stored. The
        reason is that the process may have died during the first delivery, after it had stored the order and before it
        wrote the ticket.
        """
        ticket = await self._ordered(ticket_id)
        while True:
            holder = await self._right_holder(ticket, changed_order)
            if holder == ticket.order_id:
                return
            ticket.set_holder(holder)
            await self._tickets.save(ticket)

    async def _right_holder(self, ticket: Ticket, changed_order: OrderId) -> OrderId | None:
        """Return the order that must hold the ticket, or None if all orders of the ticket are cancelled.

        An order is live until it is cancelled. If the order that holds the ticket now is live, return this order.
        Otherwise, if `changed_order` is live, return `changed_order`. Otherwise return any live order of the ticket.

        The orders service allows only one live order per ticket. If our copy of the orders contains two, one of them is
        already cancelled, but the event of the cancellation has not arrived here yet.
        """
        for order_id in dict.fromkeys((ticket.order_id, changed_order)):  # dict.fromkeys removes a duplicate id.
            if order_id is not None and await self._orders.is_live(order_id):
                return order_id
        return await self._orders.live_order_of(TicketId(ticket.id))

    async def _ordered(self, ticket_id: TicketId) -> Ticket:
        ticket = await self._tickets.find(ticket_id)
        if ticket is None:
            raise PermanentFailure(f"an order names the ticket {ticket_id}, which does not exist")
        return ticket


def _not_found(ticket_id: TicketId) -> NotFound:
    return NotFound(f"There is no ticket {ticket_id}.")
