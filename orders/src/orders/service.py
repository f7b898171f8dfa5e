"""The use cases of orders."""

from dataclasses import dataclass
from datetime import timedelta

from common.domain.clock import Clock
from common.domain.errors import BadInput, NotFound, NotTheOwner, PermanentFailure
from common.domain.ids import OrderId, PaymentId, TicketId, UserId
from common.storage.repository import retry_lost_races
from orders.order import Order
from orders.repository import OrderRepository, TicketNotAvailable
from orders.ticket_read_model import TicketReadModelRepository


class OwnTicket(NotTheOwner):
    """A seller cannot order their own ticket."""

    code = "own-ticket"
    title = "This is your own ticket"


@dataclass(frozen=True)
class OrderService:
    orders: OrderRepository
    tickets: TicketReadModelRepository
    clock: Clock
    window: timedelta
    """How long an order holds its ticket, unless its buyer asks for less."""

    async def place_order(
        self, ticket_id: TicketId, *, buyer: UserId, window_seconds: int | None = None, request_key: str | None = None
    ) -> Order:
        """Place an order, once for each request key; the same request again gets the order that it placed.

        Raises NotFound, OwnTicket, TicketNotAvailable; BadInput for a window longer than the platform's.
        """
        window = self.window if window_seconds is None else timedelta(seconds=window_seconds)
        if window > self.window:
            longest = int(self.window.total_seconds())
            raise BadInput(f"must be at most {longest}, the platform's own window", argument="window_seconds")
        ticket = await self.tickets.find_soon(ticket_id)
        if ticket is None:
            raise NotFound(f"There is no ticket {ticket_id}.", argument="ticket_id")
        if ticket.user_id == buyer:
            raise OwnTicket("You sell this ticket, so you cannot order it.")
        expires_at = self.clock() + window
        order = Order.place(buyer=buyer, ticket=ticket.as_ordered(), expires_at=expires_at, request_key=request_key)
        try:
            await self.orders.add(order)
        except TicketNotAvailable:
            placed_before = await self.orders.find_by_request(request_key) if request_key else None
            if placed_before is not None:
                return placed_before
            if not await self._cancel_overdue_holder(ticket_id):
                raise
            await self.orders.add(order)
        return order

    async def _cancel_overdue_holder(self, ticket_id: TicketId) -> bool:
        """An outage of expiration must not keep a ticket off the market. True if the ticket may be free now."""

        async def attempt() -> bool:
            holder = await self.orders.find_holder(ticket_id)
            if holder is None:
                return True
            if not holder.is_overdue(self.clock()):
                return False
            holder.cancel()
            await self.orders.save(holder)
            return True

        return await retry_lost_races(attempt)

    async def get_order(self, order_id: OrderId, *, by: UserId) -> Order:
        order = await self.orders.find(order_id)
        if order is None:
            raise NotFound(f"There is no order {order_id}.")
        order.check_buyer(by)
        return order

    async def cancel_order(self, order_id: OrderId, *, by: UserId) -> None:
        """Raises NotFound, NotTheBuyer, OrderNotOpen."""

        async def attempt() -> None:
            order = await self.get_order(order_id, by=by)
            order.cancel()
            await self.orders.save(order)

        await retry_lost_races(attempt)

    async def complete_order(self, order_id: OrderId, payment_id: PaymentId) -> None:
        """Paid: nothing happens if it is completed already; a cancelled one stays cancelled, and payments refunds."""

        async def attempt() -> None:
            order = await self._known(order_id)
            if order.is_open:
                order.complete(payment_id)
                await self.orders.save(order)
            elif order.payment_id != payment_id != order.late_payment_id:
                order.note_late_payment(payment_id)
                await self.orders.save(order)

        await retry_lost_races(attempt)

    async def expire_order(self, order_id: OrderId) -> None:
        """Its time has run out: nothing happens if it is not open any more."""

        async def attempt() -> None:
            order = await self._known(order_id)
            if order.is_open:
                order.cancel()
                await self.orders.save(order)

        await retry_lost_races(attempt)

    async def _known(self, order_id: OrderId) -> Order:
        order = await self.orders.find(order_id)
        if order is None:
            raise PermanentFailure(f"an event names the order {order_id}, which does not exist")
        return order
