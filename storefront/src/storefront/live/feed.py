"""Follows the event stream, and tells the open pages what has changed.

The feed does not compute a state from an event. It waits until the copies contain the event. Then it reads the copies
in the same way as a page does, and sends what it has read. So a page never learns less than a new page would show.
"""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

import structlog
from nats.js.api import RawStreamMsg

from common.domain.errors import DependencyUnavailable
from common.domain.event import Event
from common.events.envelope import MalformedEvent, decode_event
from common.events.orders import OrderEvent
from common.events.payments import PaymentEvent
from common.events.tickets import TicketEvent
from common.messaging.stream_follower import StreamFollower, StreamReplaced
from common.storage.availability import DatabaseError
from storefront.live.changes import Change
from storefront.live.hub import Hub
from storefront.service import StorefrontService

log = structlog.get_logger()

_MAX_WAITING = 5_000
"""If more events than this wait for their copies, the feed forgets them, and all pages load their content again."""
_MAX_AT_ONCE = 500
_GIVE_UP_SECONDS = 60.0
"""If a copy does not contain an event after this time, the consumer has probably made a dead letter of it."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.2
_RETRY_SECONDS = 0.5


@dataclass(frozen=True)
class _Waiting:
    event: Event
    position: int
    since: float


class Feed:
    def __init__(self, follower: StreamFollower, storefront: StorefrontService, hub: Hub) -> None:
        self._follower = follower
        self._storefront = storefront
        self._hub = hub
        self._waiting: dict[str, _Waiting] = {}
        """Maps the name and the id of an aggregate to its newest event that the copies may not contain yet."""
        self._newest = 0
        self._arrived = asyncio.Event()

    async def run(self) -> None:
        """Follow the stream and send changes, until the service stops."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._send())

    async def _follow(self) -> None:
        while True:
            try:
                self._newest = await self._follower.newest_position()
                self._forget()
                async with aclosing(self._follower.follow(self._newest)) as messages:
                    async for message in messages:
                        self._note(message)
            except StreamReplaced as reason:
                log.warning("the event stream has begun anew, all pages load their content again", reason=str(reason))
            except DependencyUnavailable:
                await asyncio.sleep(_RETRY_SECONDS)

    def _note(self, message: RawStreamMsg) -> None:
        self._newest = message.seq or self._newest
        try:
            event = decode_event(message.subject or "", message.data or b"")
        except MalformedEvent:
            return  # the consumers make a dead letter of it
        key = f"{event.aggregate} {event.id}"
        known = self._waiting.get(key)
        if known is None or known.event.version < event.version:
            position = known.position if known else self._newest
            self._waiting[key] = _Waiting(event, position, asyncio.get_running_loop().time())
        if len(self._waiting) > _MAX_WAITING:
            self._forget()
        self._arrived.set()

    def _forget(self) -> None:
        self._waiting.clear()
        self._hub.start_at(self._newest)

    async def _send(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            await self._arrived.wait()
            try:
                has_sent = await self._send_what_is_ready()
            except (DatabaseError, DependencyUnavailable) as error:
                log.warning("changes not sent, trying again later", reason=str(error)[:300])
                has_sent = False
            pause = _FIRST_PAUSE if has_sent else min(2 * pause, _LONGEST_PAUSE)
            if not self._waiting:
                self._arrived.clear()
            await asyncio.sleep(pause)

    async def _send_what_is_ready(self) -> bool:
        """Send the changes whose events the copies contain. Return False if there were none."""
        oldest = dict(list(self._waiting.items())[:_MAX_AT_ONCE])
        newest = self._newest
        given_up = asyncio.get_running_loop().time() - _GIVE_UP_SECONDS
        followed = await self._storefront.are_followed([each.event for each in oldest.values()])
        ready = {
            key: each
            for (key, each), is_followed in zip(oldest.items(), followed, strict=True)
            if is_followed or each.since < given_up
        }
        events = [each.event for each in ready.values()]
        offers = await self._storefront.find_offers(sorted(set(filter(None, map(_ticket_of, events)))))
        orders = await self._storefront.find_orders(set(filter(None, map(_order_of, events))))
        for key, each in ready.items():
            if self._waiting.get(key) is each:
                del self._waiting[key]
        settled = min((each.position - 1 for each in self._waiting.values()), default=newest)
        changes = [Change.of_ticket(offer, newest) for offer in offers]
        self._hub.send(newest, settled, [*changes, *(Change.of_order(order, newest) for order in orders)])
        return bool(ready)


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
