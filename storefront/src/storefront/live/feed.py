"""Follows the event stream, and tells the open pages what has changed.

The feed does not compute a state from an event. It waits until the copies contain the event. Then it reads the copies
in the same way as a page does, and sends what it has read. So a page never learns less than a new page would show.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any

import structlog
from nats.js.api import RawStreamMsg

from common.domain.clock import Clock
from common.domain.errors import DependencyUnavailable
from common.domain.event import Event
from common.events.envelope import MalformedEvent, decode_event
from common.events.orders import OrderEvent
from common.events.payments import PaymentEvent
from common.events.tickets import TicketCreated, TicketEvent
from common.messaging.broker import Broker
from common.messaging.consumer import Consumer
from common.messaging.consumer_progress import ConsumerProgress
from common.messaging.stream_follower import StreamFollower, StreamReplaced, position_of
from common.messaging.streams import DOMAIN_EVENTS
from common.messaging.timeline import time_of
from common.storage.availability import DatabaseError
from storefront.live.changes import Change
from storefront.live.hub import Hub
from storefront.live.waiting_events import WaitingEvent, WaitingEvents
from storefront.service import StorefrontService

log = structlog.get_logger()

_MAX_AT_ONCE = 500
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.05
_RETRY_SECONDS = 0.25
_WATCH_SECONDS = 0.1
_CLOCK_SECONDS = 0.25


class Feed:
    """`consumers` are those that update the copies."""

    def __init__(
        self,
        broker: Broker,
        consumers: Sequence[Consumer[Any]],
        storefront: StorefrontService,
        hub: Hub,
        clock: Clock,
    ) -> None:
        self._follower = StreamFollower(broker, DOMAIN_EVENTS)
        self._progress = ConsumerProgress(broker, consumers)
        self._followed_types = {event_type for consumer in consumers for event_type in consumer.on}
        self._storefront = storefront
        self._hub = hub
        self._limits = hub.limits
        self._clock = clock
        self._waiting = WaitingEvents(lambda: asyncio.get_running_loop().time())
        self._newest = 0
        self._begun = 0
        """How often the feed has begun. Positions that were read before may be those of a stream that was replaced."""
        self._catches_up_to: int | None = None
        """The copies may not contain all events up to this position. None: they contain all but the waiting ones."""
        self._arrived = asyncio.Event()
        self._is_reading = True
        self.on_event: Callable[[Event, datetime | None], None] = lambda _event, _at: None
        """The feed calls this function for each event, at once. It does not wait for the copies."""

    async def run(self) -> None:
        """Follow the stream and send changes, until the service stops."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._send())
            tasks.create_task(self._watch())
            tasks.create_task(self._follow_clock())

    async def _follow(self) -> None:
        while True:
            try:
                newest = await self._follower.newest()
                self._begin(position_of(newest))
                async with aclosing(self._follower.follow(newest)) as messages:
                    async for message in messages:
                        self._note(message)
            except StreamReplaced as reason:
                log.warning("the event stream has begun anew, all pages load their content again", reason=str(reason))
            except DependencyUnavailable:
                await asyncio.sleep(_RETRY_SECONDS)

    def _begin(self, newest: int) -> None:
        """Forget everything before this position. The consumers may not have handled these events yet."""
        self._begun += 1
        self._newest = self._catches_up_to = newest
        self._waiting.clear()
        self._hub.begin(newest)

    def _note(self, message: RawStreamMsg) -> None:
        self._newest = position_of(message)
        self._arrived.set()
        try:
            event = decode_event(message.subject or "", message.data or b"")
        except MalformedEvent:
            return  # the consumers make a dead letter of it
        self.on_event(event, time_of(message))
        if type(event) in self._followed_types:
            self._waiting.add(event, self._newest)
        if len(self._waiting) > self._limits.waiting_events:
            log.warning("too many events wait for their copies, all pages load their content again later")
            self._begin(self._newest)

    async def _watch(self) -> None:
        """Ask how far the consumers have come, when the copies may lag behind or will never contain an event."""
        while True:
            begun, overdue = self._begun, self._waiting.waiting_longer_than(self._limits.give_up_seconds)
            await asyncio.sleep(_WATCH_SECONDS)  # so that the broker has counted the events that it has just stored
            if self._catches_up_to is None and not overdue:
                continue
            try:
                handled = await self._progress.handled_up_to()
            except DependencyUnavailable:
                continue
            if self._begun != begun:
                continue
            self._give_up([each for each in overdue if each.position <= handled])
            if self._catches_up_to is not None and self._catches_up_to <= handled:
                self._catches_up_to = None
                self._hub.end_catch_up(self._waiting.settled(self._newest))

    def _give_up(self, events: list[WaitingEvent]) -> None:
        """Stop waiting for these events. Their consumer is done with them, so it has made dead letters of them."""
        for each in events:
            log.warning("a copy has not got an event, its change is not shown", event_id=each.event.event_id)
        self._waiting.remove(events)

    async def _send(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            await self._arrived.wait()
            if await self._has_sent():
                pause = max(_FIRST_PAUSE, self._hub.connections * self._limits.pause_per_connection_seconds)
            else:
                pause = min(2 * pause, _LONGEST_PAUSE)
            if not self._waiting:
                self._arrived.clear()
            await asyncio.sleep(pause)

    async def _has_sent(self) -> bool:
        try:
            has_sent = await self._send_what_is_ready()
        except (DatabaseError, DependencyUnavailable) as error:
            if self._is_reading:
                log.warning("the changes cannot be read now, trying again", reason=str(error)[:300])
            self._is_reading = False
            return False
        self._is_reading = True
        return has_sent

    async def _send_what_is_ready(self) -> bool:
        """Send the changes whose events the copies contain. Return False if there were none."""
        newest, begun = self._newest, self._begun
        looked_at = self._waiting.worth_a_look()
        followed = await self._storefront.are_followed([each.event for each in looked_at])
        ready = [each for each, is_followed in zip(looked_at, followed, strict=True) if is_followed][:_MAX_AT_ONCE]
        events = [each.event for each in ready]
        offers = await self._storefront.find_offers(sorted(set(filter(None, map(_ticket_of, events)))))
        orders = await self._storefront.find_orders(set(filter(None, map(_order_of, events))))
        if self._begun != begun:
            return False
        self._waiting.remove(ready)
        listed = {event.id for event in events if isinstance(event, TicketCreated)}
        changes = [Change.of_ticket(offer, newest, is_new=offer.ticket.id in listed) for offer in offers]
        changes += [Change.of_listing(offer.ticket, newest) for offer in offers]
        changes += [Change.of_order(order, newest) for order in orders]
        self._hub.send(newest, self._waiting.settled(newest), changes)
        return bool(changes)

    async def _follow_clock(self) -> None:
        """Send the tickets whose event begins. They are off sale from now on, but no event is published."""
        since = self._clock()
        while True:
            await asyncio.sleep(_CLOCK_SECONDS)
            if not self._hub.connections:
                continue
            newest, now = self._newest, self._clock()
            try:
                # If this is more than a connection may have to read, the page loads its content again.
                offers = await self._storefront.find_begun(since, now, limit=self._limits.waiting_changes + 1)
            except (DatabaseError, DependencyUnavailable):
                continue  # the next round begins at the same moment
            self._hub.send_without_event([Change.of_ticket(offer, newest) for offer in offers])
            since = now


def _ticket_of(event: Event) -> str | None:
    """Return the id of the ticket whose offer may have changed."""
    if isinstance(event, OrderEvent):
        return event.ticket.id
    return event.id if isinstance(event, TicketEvent) else None


def _order_of(event: Event) -> str | None:
    """Return the id of the order whose page may have changed."""
    if isinstance(event, PaymentEvent):
        return event.order_id
    return event.id if isinstance(event, OrderEvent) else None
