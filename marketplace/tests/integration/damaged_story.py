"""Three sales in the databases of a marketplace. A test damages them, and undoes the damage afterwards."""

from dataclasses import dataclass, field
from typing import Any

from marketplace.tests.integration.operated import Marketplace

from common.messaging.streams import DOMAIN_EVENTS
from marketplace.operations.audit import audit
from marketplace.operations.stored_data import AGGREGATES


@dataclass
class Story:
    """Three tickets: one is free after a cancelled order, one is held, one is sold."""

    marketplace: Marketplace
    free: str
    cancelled: str
    held: str
    open: str
    sold: str
    completed: str
    payment: str
    _lost: list[Any] = field(default_factory=list)
    _before: dict[tuple[str, str], list[Any]] = field(default_factory=dict)

    async def change(self, service: str, name: str, key: str, **values: object) -> None:
        written = await self.marketplace.collection(service, name).update_one({"_id": key}, {"$set": values})
        assert written.matched_count == 1

    async def lose(self, subject: str, stream: str = DOMAIN_EVENTS.name) -> None:
        jetstream = self.marketplace.operator.broker.jetstream
        message = await jetstream.get_msg(stream, subject=subject)
        assert await jetstream.delete_msg(stream, message.seq or 0)
        self._lost.append(message)

    async def remember(self) -> None:
        """Store the state before the damage."""
        for place in (*((owned.service, owned.collection) for owned in AGGREGATES), ("payments", "sandbox_charges")):
            self._before[place] = await self.marketplace.collection(*place).find({}).to_list(None)

    async def undo_the_damage(self) -> None:
        """Restore all documents and events if the audit still finds a difference."""
        if (await audit(self.marketplace.operator, settle_seconds=0)).differences:
            await self._restore()
        await self.marketplace.settled()

    async def _restore(self) -> None:
        for place, documents in self._before.items():
            collection: Any = self.marketplace.collection(*place)
            await collection.delete_many({})
            if documents:
                await collection.insert_many(documents)
        for message in self._lost:
            headers = {name: value for name, value in message.headers.items() if name != "Nats-Msg-Id"}
            await self.marketplace.operator.broker.jetstream.publish(message.subject, message.data, headers=headers)


async def a_story(marketplace: Marketplace) -> Story:
    free, held, sold = [await marketplace.lists() for _ in range(3)]
    cancelled, opened, completed = [await marketplace.orders(ticket) for ticket in (free, held, sold)]
    await marketplace.cancels(cancelled)
    payment = await marketplace.pays(completed)
    await marketplace.settled()
    story = Story(marketplace, free, cancelled, held, opened, sold, completed, payment)
    await story.remember()
    return story
