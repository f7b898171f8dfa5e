"""Measures how many events each consumer has not handled yet."""

from dataclasses import dataclass
from typing import Any

from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError

from common.domain.clock import utc_now
from common.messaging.consumer import Consumer
from marketplace.operations.operator import Operator
from marketplace.registry import CONSUMERS_OF


@dataclass(frozen=True)
class Lag:
    """The backlog of one consumer."""

    consumer: str
    provisioned: bool
    """False if the consumer does not exist on the server. Its service waits until it does."""
    pending: int = 0
    """Events that were not delivered yet."""
    in_flight: int = 0
    """Events that were delivered and not acknowledged yet."""
    redelivered: int = 0
    """The events in flight that were delivered more than once."""
    oldest_seconds: float | None = None
    """The age of the oldest event that is not acknowledged; None if there is none."""
    listening: bool = False
    """Whether an instance of its service is connected."""

    @property
    def service(self) -> str:
        return self.consumer.partition("-")[0]

    def as_json(self) -> dict[str, Any]:
        """Return null for all numbers of a consumer that does not exist: 0 pending would look healthy."""
        return {
            "consumer": self.consumer,
            "service": self.service,
            "provisioned": self.provisioned,
            "pending": self.pending if self.provisioned else None,
            "inFlight": self.in_flight if self.provisioned else None,
            "redelivered": self.redelivered if self.provisioned else None,
            "oldestSeconds": self.oldest_seconds,
            "listening": self.listening,
        }


async def measure_lag(operator: Operator) -> list[Lag]:
    """Measure every consumer of every service, also those that do not exist on the server."""
    consumers = [consumer for consumers in CONSUMERS_OF.values() for consumer in consumers]
    return [await _lag_of(operator, consumer) for consumer in consumers]


async def _lag_of(operator: Operator, consumer: Consumer[Any]) -> Lag:
    try:
        info = await operator.broker.jetstream.consumer_info(consumer.stream.name, consumer.name)
    except NotFoundError:
        return Lag(consumer.name, provisioned=False)
    return Lag(
        consumer=consumer.name,
        provisioned=True,
        pending=info.num_pending or 0,
        in_flight=info.num_ack_pending or 0,
        redelivered=info.num_redelivered or 0,
        oldest_seconds=await _age_of_the_oldest(operator, consumer, info),
        listening=bool(info.push_bound),
    )


async def _age_of_the_oldest(operator: Operator, consumer: Consumer[Any], info: ConsumerInfo) -> float | None:
    """Every event up to the acknowledged sequence (ack_floor) is acknowledged, so the next one is the oldest."""
    if not info.num_pending and not info.num_ack_pending:
        return None
    acknowledged = (info.ack_floor.stream_seq if info.ack_floor else 0) or 0
    ages: list[float] = []
    for event in consumer.on:
        try:
            message = await operator.broker.jetstream.get_msg(
                consumer.stream.name, acknowledged + 1, event.subjects(), direct=True, next=True
            )
        except NotFoundError:
            continue
        if message.time is not None:
            ages.append((utc_now() - message.time).total_seconds())
    return max(ages, default=None)
