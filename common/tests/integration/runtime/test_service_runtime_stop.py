"""A service that stops finishes its deliveries and publishes all staged events."""

import asyncio
from collections.abc import Awaitable, Callable

from common.tests.consuming import CONSUMER, LONG_ACK_WAIT, Effects, event, info

from common.domain.clock import utc_now
from common.domain.ids import UserId, new_id
from common.events.tickets import TicketCreated
from common.messaging.provisioning import provision_consumers
from common.runtime.service_runtime import ServiceRuntime
from common.runtime.settings import ServiceSettings
from common.storage.mongo import Mongo
from common.storage.repository import AggregateRepository
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import Surroundings, missing
from tickets.ticket import Ticket


class Shop:
    """A running service with a repository of tickets."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._settings = surroundings.settings(ServiceSettings, "tickets")
        self.runtime = ServiceRuntime("tickets", self._settings, policy=LONG_ACK_WAIT)
        tickets = self.runtime.mongo.database["tickets"]
        self._tickets = AggregateRepository(tickets, Ticket, self.runtime.relay, utc_now)

    async def list_ticket(self) -> None:
        await self._tickets.add(Ticket.list_for_sale(seller=UserId(new_id()), title="Concert", price=1999))

    async def is_ready(self) -> bool:
        return await missing(self.runtime) == ""

    async def left_in_outboxes(self) -> int:
        """How many tickets have an event in their outbox, after the service has stopped."""
        mongo = Mongo(self._settings.mongo_url, self._settings.mongo_database, self._settings.mongo_driver)
        try:
            return await mongo.database["tickets"].count_documents({"outbox.id": {"$exists": True}})
        finally:
            await mongo.close()


async def test_a_change_just_before_the_stop_is_published(surroundings: Surroundings, streams: EventStreams) -> None:
    shop = Shop(surroundings)
    async with shop.runtime.running():
        await eventually(shop.is_ready, what="readiness")
        await shop.list_ticket()
    assert await shop.left_in_outboxes() == 0
    assert len(await streams.published(TicketCreated)) == 1


async def test_a_change_of_a_handler_during_the_stop_is_published(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    shop = Shop(surroundings)
    stops = asyncio.Event()

    async def list_ticket_late(_event: TicketCreated) -> None:
        await stops.wait()
        await shop.list_ticket()

    async def has_subscriber() -> bool:
        return bool((await info(streams)).push_bound)

    effects = Effects(list_ticket_late)
    await provision_consumers(streams.broker.jetstream, [CONSUMER], LONG_ACK_WAIT)
    shop.runtime.consume([CONSUMER], effects)
    async with shop.runtime.running():
        await eventually(shop.is_ready, what="readiness")
        await streams.publish(event())
        await eventually(effects.calls, what="the delivery")
        watching = asyncio.create_task(set_when_false(has_subscriber, stops))  # its stop begins with that
    await watching
    assert len(effects.done) == 1
    assert await shop.left_in_outboxes() == 0
    assert len(await streams.published(TicketCreated)) == 2, "the event it received, and its own"


async def set_when_false(look: Callable[[], Awaitable[bool]], event: asyncio.Event) -> None:
    await eventually(look, until=lambda seen: not seen, what="a consumer without subscriber")
    event.set()
