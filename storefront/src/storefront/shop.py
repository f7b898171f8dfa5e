"""What the pages show. Each method reads the copies and joins what belongs together. Nothing here changes anything."""

from collections.abc import Sequence
from dataclasses import dataclass

from common.domain.errors import NotFound, NotTheOwner
from common.domain.ids import OrderId, TicketId, UserId
from common.messaging.timeline import TimelineEvent, TimelineReader
from storefront.copies import Copies
from storefront.listing_query import PAGE_SIZE, ListingQuery
from storefront.offer import Offer, offer_of
from storefront.order_read_model import OrderReadModel
from storefront.payment_read_model import PaymentReadModel
from storefront.ticket_read_model import TicketReadModel


class NotYourOrder(NotTheOwner):
    """Only the buyer of an order can see it."""

    code = "not-the-buyer"
    title = "Somebody else placed this order"


@dataclass(frozen=True)
class Listing:
    """One page of a list of tickets. `next_cursor` is empty on the last page."""

    offers: list[Offer]
    next_cursor: str


@dataclass(frozen=True)
class Purchase:
    """An order with its payment, if there is one."""

    order: OrderReadModel
    payment: PaymentReadModel | None


@dataclass(frozen=True)
class Sales:
    """How many tickets a seller has sold, and what they cost together, in minor units (cents)."""

    tickets: int
    earned: int


class Shop:
    def __init__(self, copies: Copies, timeline: TimelineReader) -> None:
        self.copies = copies
        self._timeline = timeline

    async def list_tickets(self, query: ListingQuery) -> Listing:
        """Return the page of tickets that a person asks for."""
        found = await self.copies.tickets.find_listed(query, limit=PAGE_SIZE + 1)
        page = found[:PAGE_SIZE]
        has_more = len(found) > PAGE_SIZE
        return Listing(await self._offers(page), query.cursor_after(page[-1].id, page[-1].price) if has_more else "")

    async def find_offer(self, ticket_id: TicketId) -> Offer:
        """Return one ticket. Raises NotFound."""
        ticket = await self.copies.tickets.find(ticket_id)
        if ticket is None:
            raise NotFound("There is no such ticket.")
        (offer,) = await self._offers([ticket])
        return offer

    async def find_offers(self, ticket_ids: Sequence[str]) -> list[Offer]:
        """Return those of these tickets whose events have arrived."""
        return await self._offers(await self.copies.tickets.find_many(ticket_ids))

    async def list_orders(self, buyer: UserId, *, before: str | None) -> tuple[list[OrderReadModel], str]:
        """Return a page of the buyer's orders, newest first, and the cursor of the next page (empty on the last)."""
        found = await self.copies.orders.find_of_buyer(buyer, before=before, limit=PAGE_SIZE + 1)
        return found[:PAGE_SIZE], found[PAGE_SIZE - 1].id if len(found) > PAGE_SIZE else ""

    async def find_purchase(self, order_id: OrderId, *, by: UserId) -> Purchase:
        """Return one order with its payment. Raises NotFound or NotYourOrder."""
        order = await self.copies.orders.find(order_id)
        if order is None:
            raise NotFound("There is no such order.")
        if order.user_id != by:
            raise NotYourOrder("Only its buyer can see an order.")
        return Purchase(order, await self.copies.payments.find_of_order(order_id))

    async def read_timeline(self, purchase: Purchase) -> list[TimelineEvent]:
        """Return the events of an order and of its payment, from the event stream, oldest first."""
        payment = [purchase.payment.id] if purchase.payment else []
        return await self._timeline.read([purchase.order.id, *payment])

    async def list_of_seller(self, seller: UserId, *, before: str | None) -> Listing:
        """Return a page of the seller's own tickets, newest first."""
        found = await self.copies.tickets.find_of_seller(seller, before=before, limit=PAGE_SIZE + 1)
        page = found[:PAGE_SIZE]
        return Listing(await self._offers(page), page[-1].id if len(found) > PAGE_SIZE else "")

    async def sales_of(self, seller: UserId) -> Sales:
        prices = await self.copies.orders.completed_prices(await self.copies.tickets.holders_of_seller(seller))
        return Sales(len(prices), sum(prices))

    async def _offers(self, tickets: list[TicketReadModel]) -> list[Offer]:
        orders = await self.copies.orders.find_live_of([ticket.id for ticket in tickets])
        # tickets may still name an order that is cancelled: then its copy says so.
        known = {order.id for order in orders}
        unknown = [ticket.order_id for ticket in tickets if ticket.order_id and ticket.order_id not in known]
        orders += await self.copies.orders.find_many(unknown)
        return [offer_of(ticket, orders) for ticket in tickets]
