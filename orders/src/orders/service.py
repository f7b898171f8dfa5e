"""The use cases of the orders service, for example to place or to cancel an order.

The HTTP routes and the event handlers call them.
"""

from datetime import datetime, timedelta

from common.domain.clock import Clock
from common.domain.errors import BadInput, Conflict, DomainError, NotFound, NotTheOwner, PermanentFailure
from common.domain.ids import OrderId, PaymentId, TicketId, UserId
from common.domain.requested import RequestKey
from common.events.tickets import TicketEvent, TicketWithdrawn
from common.messaging.timeline import TimelineEvent, TimelineReader
from common.storage.retry import retry_on_conflict
from orders.order import CancelReason, Hold, Order, OrderStatus
from orders.repository import AlreadyOrdered, OrderRepository, TicketNotAvailable
from orders.ticket_read_model import TicketReadModelRepository


class OwnTicket(NotTheOwner):
    """A seller cannot order their own ticket."""

    code = "own-ticket"
    title = "This is your own ticket"


class PriceChanged(Conflict):
    """The price of the ticket is not the price that the buyer has seen. The detail says the present price."""

    code = "price-changed"
    title = "The price has changed"


class EventOver(Conflict):
    """The event of this ticket has begun, so the ticket cannot be ordered any more."""

    code = "event-over"
    title = "The event has begun"


class OrderService:
    def __init__(
        self,
        orders: OrderRepository,
        tickets: TicketReadModelRepository,
        timeline: TimelineReader,
        clock: Clock,
        hold: Hold,
    ) -> None:
        """`hold.window` is how long a new order reserves its ticket without a payment. A buyer may ask for less time.

        `hold.extensions` is how often a buyer may extend a new order.
        """
        self._orders = orders
        self._tickets = tickets
        self._timeline = timeline
        self._clock = clock
        self._hold = hold

    async def place_order(
        self,
        ticket_id: TicketId,
        *,
        buyer: UserId,
        window_seconds: int | None = None,
        expected_price: int | None = None,
        request_key: RequestKey | None = None,
    ) -> Order:
        """Place an order and return it.

        If an earlier copy of this request has placed an order, return that order. Raises KeyReused if another request
        with the same `request_key.key` has placed an order.

        The order reserves its ticket for `window_seconds` and waits for the payment. If `window_seconds` is None, the
        order does this for the time `self._hold.window`, which is also the maximum. Raises BadInput if
        `window_seconds` is longer. Raises NotFound if the ticket does not exist or is withdrawn, OwnTicket if the buyer
        is its seller, and EventOver if its event has begun. Raises TicketNotAvailable if the ticket is reserved or sold
        for another order, and AlreadyOrdered if that is an order of the same buyer. `expected_price` is the price that
        the buyer has seen, in minor units. Raises PriceChanged if our copy of the ticket has another price.
        """
        try:
            order = await self._prepare_order(ticket_id, buyer, window_seconds, request_key)
            _check_price(order, expected_price)
            await self._orders.add(order)
        except DomainError as refusal:
            # If a request with this key has placed an order before, the index on the key refuses a second order. So we
            # search for the first order only after a refusal.
            placed_before = await self._orders.find_by_request(
                request_key, same_target=lambda placed: placed.ticket.id == ticket_id
            )
            if placed_before is not None:
                return placed_before
            if not isinstance(refusal, TicketNotAvailable) or not await self._cancel_overdue_holder(ticket_id, buyer):
                raise
            await self._orders.add(order)
        return order

    async def _prepare_order(
        self, ticket_id: TicketId, buyer: UserId, window_seconds: int | None, request_key: RequestKey | None
    ) -> Order:
        """Make an order that is not stored yet. Raises BadInput, NotFound, OwnTicket or EventOver."""
        window = self._hold.window if window_seconds is None else timedelta(seconds=window_seconds)
        if window > self._hold.window:
            longest = int(self._hold.window.total_seconds())
            raise BadInput(f"must be at most {longest}, the platform's own window", argument="window_seconds")
        ticket = await self._tickets.find_or_wait(ticket_id)
        if ticket is None or ticket.withdrawn:
            raise NotFound(f"There is no ticket {ticket_id}.", argument="ticket_id")
        if ticket.user_id == buyer:
            raise OwnTicket("You sell this ticket, so you cannot order it.")
        now = self._clock()
        if ticket.has_begun(now):
            raise EventOver("The event of this ticket has begun.")
        return Order.place(
            buyer=buyer,
            ticket=ticket.as_ordered(),
            expires_at=now + window,
            hold=Hold(window, self._hold.extensions),
            request_key=request_key,
        )

    @retry_on_conflict
    async def _cancel_overdue_holder(self, ticket_id: TicketId, buyer: UserId) -> bool:
        """Cancel the order that holds (reserves) the ticket, if it is open and the time to pay for it is over.

        Return False if the order keeps the ticket, and raise AlreadyOrdered if it is an order of this buyer. Return
        True if no order holds the ticket now. Then the caller can try again to order the ticket.

        Normally the expiration service makes sure that an order is cancelled when the time to pay is over. With this
        method, buyers can order the ticket even while the expiration service does not run.
        """
        holder = await self._orders.find_holder(ticket_id)
        if holder is None:
            return True
        if not holder.is_overdue(self._clock()):
            if holder.user_id == buyer:
                raise AlreadyOrdered(f"You have ordered this ticket already. Your order is {holder.id}.")
            return False
        holder.cancel(CancelReason.EXPIRED)
        await self._orders.save(holder)
        return True

    async def list_orders(self, buyer: UserId, *, before: str | None, limit: int) -> tuple[list[Order], str | None]:
        """Return a page of the buyer's orders, newest first, and the cursor of the next page.

        The cursor is None if this is the last page.
        """
        return await self._orders.find_of_buyer(buyer, before=before, limit=limit)

    async def get_order(self, order_id: OrderId, *, by: UserId) -> Order:
        """Return the order with this id. Raises NotFound or NotTheBuyer."""
        order = await self._orders.find(order_id)
        if order is None:
            raise NotFound(f"There is no order {order_id}.")
        order.check_buyer(by)
        return order

    async def get_timeline(self, order_id: OrderId, *, by: UserId) -> list[TimelineEvent]:
        """Return the events of an order and of its payments, oldest first. Raises NotFound or NotTheBuyer."""
        order = await self.get_order(order_id, by=by)
        payments = (order.payment_id, order.late_payment_id)
        return await self._timeline.read([order.id, *filter(None, payments)])

    @retry_on_conflict
    async def extend_order(self, order_id: OrderId, *, by: UserId, seen_deadline: datetime | None = None) -> Order:
        """Give the buyer more time to pay, and return the order.

        If the deadline is later than the one that the buyer has seen, return the order as it is, because an earlier
        copy of this request has extended it. The deadline may pass at the same moment. The write requires the version
        that was read, so either the extension or the cancellation succeeds. Raises NotFound, NotTheBuyer, OrderNotOpen
        or NoExtensionsLeft.
        """
        order = await self.get_order(order_id, by=by)
        if seen_deadline is not None and order.expires_at > seen_deadline:
            return order
        order.extend(self._clock(), default_window=self._hold.window)
        await self._orders.save(order)
        return order

    @retry_on_conflict
    async def cancel_order(self, order_id: OrderId, *, by: UserId) -> None:
        """Cancel an open order for its buyer. Do nothing if it is already cancelled.

        Raises NotFound or NotTheBuyer. Raises OrderNotOpen if the order is completed.
        """
        order = await self.get_order(order_id, by=by)
        if order.status is not OrderStatus.CANCELLED:
            order.cancel(CancelReason.BUYER)
            await self._orders.save(order)

    @retry_on_conflict
    async def complete_order(self, order_id: OrderId, payment_id: PaymentId) -> None:
        """Complete an order that has been paid.

        If the order is already cancelled, it stays cancelled. This method then only stores the id of the payment, and
        the payments service refunds the payment. If the order already contains this id, do nothing, because the event
        of the payment was delivered twice.
        """
        order = await self._known(order_id)
        if order.is_open:
            order.complete(payment_id)
            await self._orders.save(order)
        elif payment_id not in (order.payment_id, order.late_payment_id):
            order.note_late_payment(payment_id)
            await self._orders.save(order)

    @retry_on_conflict
    async def expire_order(self, order_id: OrderId, *, deadline: datetime) -> None:
        """Cancel an order, because the expiration service has published that its deadline for paying has passed.

        The expiration service has checked the time before it published this. So this method does not check the time
        again. Do nothing if the order is already completed or cancelled. Also do nothing if the buyer has extended the
        order, and the expiration service did not know this when it published the old deadline (ADR 0020).
        """
        order = await self._known(order_id)
        if order.is_open and deadline >= order.expires_at:
            order.cancel(CancelReason.EXPIRED)
            await self._orders.save(order)

    async def follow_ticket(self, event: TicketEvent) -> None:
        """Update our copy of a ticket with the data of the event. Ignore the event if it is not newer than the copy."""
        await self._tickets.apply(event)

    @retry_on_conflict
    async def cancel_order_of_withdrawn_ticket(self, event: TicketWithdrawn) -> None:
        """Update our copy of a withdrawn ticket, and cancel the order that holds the ticket if the order is open.

        The copy comes first, so that no later request can order the ticket. A request that has read the older copy may
        still store its order after this method has found none. Then the tickets service receives its event, and
        publishes TicketWithdrawn again, so this method runs again (ADR 0021). A completed order stays as it is.
        """
        await self._tickets.apply(event)
        holder = await self._orders.find_holder(TicketId(event.id))
        if holder is not None and holder.is_open:
            holder.cancel(CancelReason.WITHDRAWN)
            await self._orders.save(holder)

    async def _known(self, order_id: OrderId) -> Order:
        order = await self._orders.find(order_id)
        if order is None:
            raise PermanentFailure(f"an event names the order {order_id}, which does not exist")
        return order


def _check_price(order: Order, expected: int | None) -> None:
    if expected is not None and expected != order.ticket.price:
        raise PriceChanged(
            f"The price is now ${order.ticket.price / 100:,.2f}, not ${expected / 100:,.2f}. Nothing was ordered.",
            argument="expected_price",
        )
