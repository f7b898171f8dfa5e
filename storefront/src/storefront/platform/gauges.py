"""Reads once per second how many events each consumer still has to handle, while somebody looks at the page /live.

The numbers are those of the command `marketplace lag`. One read serves all viewers of this process.
"""

import asyncio
from typing import Any

from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from common.domain.errors import DependencyUnavailable
from common.messaging.broker import Broker
from common.messaging.streams import DEAD_LETTERS
from storefront.platform.audience import Audience
from storefront.platform.topology import DurableConsumer, Topology

_SECONDS = 1.0


class Gauges:
    def __init__(self, broker: Broker, topology: Topology, audience: Audience) -> None:
        self._broker = broker
        self._consumers = topology.consumers
        self._audience = audience

    async def run(self) -> None:
        while True:
            await self._audience.until_somebody_looks()
            self._audience.show(await self.read())
            await asyncio.sleep(_SECONDS)

    async def read(self) -> dict[str, Any]:
        """Return the numbers. A number that NATS does not say now is None, and so is a consumer that does not exist."""
        dead_letters, *consumers = await asyncio.gather(self._dead_letters(), *map(self._consumer, self._consumers))
        names = [consumer.name for consumer in self._consumers]
        return {"consumers": dict(zip(names, consumers, strict=True)), "deadLetters": dead_letters}

    async def _consumer(self, consumer: DurableConsumer) -> dict[str, Any] | None:
        try:
            info = await self._broker.jetstream.consumer_info(consumer.stream, consumer.name)
        except (NotFoundError, DependencyUnavailable, NatsError, TimeoutError):
            return None
        return {
            "waiting": info.num_pending or 0,
            "inFlight": info.num_ack_pending or 0,
            "delivered": info.delivered.consumer_seq if info.delivered else 0,
            "listening": bool(info.push_bound),
        }

    async def _dead_letters(self) -> int | None:
        """Return the number of messages in the stream of dead letters.

        NATS can add a notice about a failed event to the stream. The command `marketplace dead-letters` joins the two.
        """
        try:
            info = await self._broker.jetstream.stream_info(DEAD_LETTERS.name)
        except (NotFoundError, DependencyUnavailable, NatsError, TimeoutError):
            return None
        return info.state.messages
