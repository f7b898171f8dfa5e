"""The use cases of the storefront service. The pages and the event handlers call them.

The service copies the tickets, orders and payments of their owners. It reads these copies and joins what belongs
together. It decides nothing, and publishes nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common.domain.clock import Clock
from common.domain.errors import NotFound, NotTheOwner
from common.domain.event import Event
from common.domain.ids import OrderId, TicketId, UserId
from common.events.expiration import ExpirationCompleted
from common.events.orders import OrderEvent
from common.events.payments import PaymentEvent
from common.events.tickets import TicketEvent
from common.messaging.timeline import TimelineEvent, TimelineReader
from common.storage.read_model import ReadModelRepository
from storefront.listing_query import PAGE_SIZE, ListingQuery
from storefront.offer import Offer, offer_of
from storefront.order_read_model import OrderReadModel, OrderReadModelRepository
from storefront.payment_read_model import PaymentReadModel, PaymentReadModelRepository
from storefront.ticket_read_model import TicketReadModel, TicketReadModelRepository


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
    """An order with its payment, if there is one, and with its ticket, if its events have arrived."""

    order: OrderReadModel
    payment: PaymentReadModel | None
    ticket: TicketReadModel | None


@dataclass(frozen=True)
class Sales:
    """How many tickets a seller has sold, and what they cost together, in minor units (cents)."""

    tickets: int
    earned: int


class StorefrontService:
    def __init__(
        self,
        tickets: TicketReadModelRepository,
        orders: OrderReadModelRepository,
        payments: PaymentReadModelRepository,
        timeline: TimelineReader,
        clock: Clock,
    ) -> None:
        self._tickets = tickets
        self._orders = orders
        self._payments = payments
        self._timeline = timeline
        self._clock = clock

    async def follow_ticket(self, event: TicketEvent) -> None:
        """Update our copy of a ticket with the data of the event. Ignore the event if it is not newer than the copy."""
        await self._tickets.apply(event)

    async def follow_order(self, event: OrderEvent) -> None:
        """Update our copy of an order in the same way."""
        await self._orders.apply(event)

    async def follow_payment(self, event: PaymentEvent) -> None:
        """Update our copy of a payment in the same way."""
        await self._payments.apply(event)

    async def has_version(self, aggregate: str, key: str, version: int) -> bool:
        """Wait until the copy has this version, at most one second. Return False if it does not have it then.

        `aggregate` is `ticket`, `order` or `payment`.
        """
        copy = await self._copies[aggregate].find_or_wait(key, version)
        return copy is not None and copy.version >= version

    async def are_followed(self, events: Sequence[Event]) -> list[bool]:
        """Return for each event whether its copy has at least its version."""
        versions: dict[tuple[str, str], int] = {}
        for aggregate, copies in self._copies.items():
            ids = [event.id for event in events if event.aggregate == aggregate]
            versions |= {(aggregate, key): version for key, version in (await copies.versions(ids)).items()}
        return [versions.get((event.aggregate, event.id), 0) >= event.version for event in events]

    @property
    def _copies(self) -> dict[str, ReadModelRepository[Any]]:
        return {"ticket": self._tickets, "order": self._orders, "payment": self._payments}

    async def list_tickets(self, query: ListingQuery) -> Listing:
        """Return the page of tickets that a person asks for."""
        found = await self._tickets.find_listed(query, now=self._clock(), limit=PAGE_SIZE + 1)
        page = found[:PAGE_SIZE]
        has_more = len(found) > PAGE_SIZE
        last = page[-1] if has_more else None
        next_cursor = query.cursor_after(last.id, {"price": last.price, "begins": last.begins}) if last else ""
        return Listing(await self._offers(page), next_cursor)

    async def find_offer(self, ticket_id: TicketId) -> Offer:
        """Return one ticket. Raises NotFound."""
        ticket = await self._tickets.find(ticket_id)
        if ticket is None:
            raise NotFound("There is no such ticket.")
        (offer,) = await self._offers([ticket])
        return offer

    async def find_offers(self, ticket_ids: Sequence[str]) -> list[Offer]:
        """Return those of these tickets whose events have arrived."""
        return await self._offers(await self._tickets.find_many(ticket_ids))

    async def find_begun(self, after: datetime, until: datetime, *, limit: int) -> list[Offer]:
        """Return the tickets on sale whose event has begun between these two moments, at most `limit`."""
        return await self._offers(await self._tickets.find_begun(after, until, limit))

    async def find_orders(self, order_ids: Iterable[str]) -> list[OrderReadModel]:
        """Return those of these orders whose events have arrived."""
        return await self._orders.find_many(list(order_ids))

    async def list_purchases(self, buyer: UserId, *, before: str | None) -> tuple[list[Purchase], str]:
        """Return a page of the buyer's orders, newest first, and the cursor of the next page (empty on the last)."""
        found = await self._orders.find_of_buyer(buyer, before=before, limit=PAGE_SIZE + 1)
        page = found[:PAGE_SIZE]
        payments = await self._payments.find_of_orders([order.id for order in page])
        tickets = {ticket.id: ticket for ticket in await self._tickets.find_many([order.ticket_id for order in page])}
        purchases = [Purchase(order, payments.get(order.id), tickets.get(order.ticket_id)) for order in page]
        return purchases, page[-1].id if len(found) > PAGE_SIZE else ""

    async def find_purchase(self, order_id: OrderId, *, by: UserId) -> Purchase:
        """Return one order with its payment. Raises NotFound or NotYourOrder."""
        order = await self._orders.find(order_id)
        if order is None:
            raise NotFound("There is no such order.")
        if order.user_id != by:
            raise NotYourOrder("Only its buyer can see an order.")
        payment = await self._payments.find_of_order(order_id)
        return Purchase(order, payment, await self._tickets.find(order.ticket_id))

    async def read_timeline(self, purchase: Purchase) -> list[TimelineEvent]:
        """Return the events of an order and of its payment, from the event stream, oldest first."""
        payment = [purchase.payment.id] if purchase.payment else []
        return await self._timeline.read([purchase.order.id, *payment])

    async def read_history(self, aggregate_id: str) -> list[TimelineEvent]:
        """Return the events of any one ticket, order or payment, from the event streams, oldest first.

        The history of an order also has the events of its payment, and says when its time to pay was over.
        """
        payment = await self._payments.find_of_order(OrderId(aggregate_id))
        events = await self._timeline.read([aggregate_id, *([payment.id] if payment else [])])
        events += await self._timeline.read_newest(ExpirationCompleted, aggregate_id)
        return sorted(events, key=lambda event: (event.at, event.version))

    async def read_events(self, aggregate_ids: Iterable[str]) -> list[TimelineEvent]:
        """Return the events of these tickets, orders and payments, from the event stream, and nothing related."""
        return await self._timeline.read(aggregate_ids)

    async def list_of_seller(self, seller: UserId, *, before: str | None, first: str | None = None) -> Listing:
        """Return a page of the seller's own tickets, newest first: those before a ticket, or those from `first` on."""
        found = await self._tickets.find_of_seller(seller, before=before, first=first, limit=PAGE_SIZE + 1)
        page = found[:PAGE_SIZE]
        return Listing(await self._offers(page), page[-1].id if len(found) > PAGE_SIZE else "")

    async def sales_of(self, seller: UserId) -> Sales:
        prices = await self._orders.completed_prices(await self._tickets.holders_of_seller(seller))
        return Sales(len(prices), sum(prices))

    async def _offers(self, tickets: list[TicketReadModel]) -> list[Offer]:
        orders = await self._orders.find_live_of([ticket.id for ticket in tickets])
        # tickets may still name an order that is cancelled: then its copy says so.
        known = {order.id for order in orders}
        unknown = [ticket.order_id for ticket in tickets if ticket.order_id and ticket.order_id not in known]
        orders += await self._orders.find_many(unknown)
        now = self._clock()
        return [offer_of(ticket, orders, now) for ticket in tickets]
