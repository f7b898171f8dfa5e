"""Reads once per second how many events each consumer still has to handle, while somebody looks at the page /live.

The numbers are those of the commands `marketplace lag` and `marketplace dead-letters`. One read serves all viewers of
this process.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError

from common.domain.clock import utc_now
from common.domain.errors import DependencyUnavailable
from common.messaging.broker import Broker
from common.messaging.streams import DEAD_LETTERS, DOMAIN_EVENTS
from storefront.platform.audience import Audience
from storefront.platform.topology import DurableConsumer, Topology

_SECONDS = 1.0
_ANSWER_SECONDS = 2.0
"""NATS answers such a question within milliseconds. If it does not, the page must say so soon."""

_NO_ANSWER = (DependencyUnavailable, NatsError, TimeoutError)
_UNKNOWN = {"state": "unknown", "waiting": None, "inFlight": None, "delivered": None, "oldestSeconds": None}


@dataclass(frozen=True)
class _Standstill:
    """A consumer that has events to handle, and has handled nothing since `since`."""

    acknowledged: int
    """The consumer has handled all its events up to this position in its stream."""
    since: datetime


class Gauges:
    def __init__(self, broker: Broker, topology: Topology, audience: Audience) -> None:
        self._broker = broker
        self._consumers = topology.consumers
        self._audience = audience
        self._standstills: dict[str, _Standstill] = {}

    async def run(self) -> None:
        while True:
            await self._audience.until_somebody_looks()
            self._audience.show(await self.read())
            await asyncio.sleep(_SECONDS)

    async def read(self) -> dict[str, Any]:
        """Return the numbers. A number that NATS does not say now is None.

        `deadLetters` maps the names of consumers to the number of messages about them in the stream of dead letters.
        NATS can add a notice about a failed event to the stream. The command `marketplace dead-letters` joins the two.
        """
        dead_letters, *consumers = await asyncio.gather(self._dead_letters(), *map(self._consumer, self._consumers))
        names = [consumer.name for consumer in self._consumers]
        return {"consumers": dict(zip(names, consumers, strict=True)), "deadLetters": dead_letters}

    async def _consumer(self, consumer: DurableConsumer) -> dict[str, Any]:
        """Return the numbers of one consumer. Its `state` is for people, in the words of `marketplace lag`."""
        try:
            info = await self._jetstream.consumer_info(consumer.stream, consumer.name)
            oldest = await self._seconds_of_oldest(consumer, info)
        except NotFoundError:
            return {**_UNKNOWN, "state": "missing"}
        except _NO_ANSWER:
            return _UNKNOWN
        return {
            "state": "listening" if info.push_bound else "no subscriber",
            "waiting": info.num_pending or 0,
            "inFlight": info.num_ack_pending or 0,
            "delivered": info.delivered.consumer_seq if info.delivered else 0,
            "oldestSeconds": oldest,
        }

    async def _seconds_of_oldest(self, consumer: DurableConsumer, info: ConsumerInfo) -> int | None:
        """Return how long the oldest event has waited, if the consumer has handled nothing since the last read.

        So a consumer under load costs no further question. The page may read DOMAIN_EVENTS only. For other streams,
        the time begins when this process noticed that the consumer handles nothing.
        """
        acknowledged = (info.ack_floor.stream_seq if info.ack_floor else 0) or 0
        known = self._standstills.pop(consumer.name, None)
        if not info.num_pending and not info.num_ack_pending:
            return None
        if known is None or known.acknowledged != acknowledged:
            self._standstills[consumer.name] = _Standstill(acknowledged, utc_now())
            return None
        self._standstills[consumer.name] = known
        since = known.since
        if consumer.stream == DOMAIN_EVENTS.name:
            since = min([since, *await self._next_stored(consumer, acknowledged)])
        return int((utc_now() - since).total_seconds())

    async def _next_stored(self, consumer: DurableConsumer, after: int) -> list[datetime]:
        """Return for each event type of the consumer when its first event after this position was stored."""
        found: list[datetime] = []
        for event in consumer.events:
            try:
                message = await self._jetstream.get_msg(
                    consumer.stream, after + 1, f"{event}.*", direct=True, next=True
                )
            except NotFoundError:
                continue
            if message.time is not None:
                found.append(message.time)
        return found

    async def _dead_letters(self) -> dict[str, int] | None:
        try:
            info = await self._jetstream.stream_info(DEAD_LETTERS.name, subjects_filter=">")
        except (NotFoundError, *_NO_ANSWER):
            return None
        of_consumer: Counter[str] = Counter()
        for subject, messages in (info.state.subjects or {}).items():
            of_consumer[subject.rpartition(".")[2]] += messages  # a notice of NATS also ends with the consumer's name
        return dict(of_consumer)

    @property
    def _jetstream(self) -> JetStreamContext:
        return self._broker.client.jetstream(timeout=_ANSWER_SECONDS)
