"""Measures how many events each consumer has not handled yet, for the command `marketplace lag`."""

from dataclasses import dataclass
from typing import Any

from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError

from common.domain.clock import utc_now
from common.messaging.consumer import Consumer, paused_until, unsuitable_settings
from common.messaging.retry import RetryPolicy
from marketplace.operations.operator import Operator
from marketplace.registry import CONSUMERS_OF


@dataclass(frozen=True)
class Lag:
    """How many events one consumer has not handled yet, and how old the oldest of these events is."""

    consumer: str
    provisioned: bool
    """False if the consumer does not exist on the NATS server. Then its service waits until the consumer exists.

    The command `marketplace provision` creates all consumers.
    """
    pending: int = 0
    """The number of events that NATS has not delivered to the consumer yet."""
    in_flight: int = 0
    """The number of events that NATS has delivered, but that the consumer has not acknowledged yet."""
    redelivered: int = 0
    """The number of events in flight that NATS has delivered more than once."""
    oldest_seconds: float | None = None
    """How many seconds ago NATS stored the oldest event that the consumer has not acknowledged yet.

    None if the consumer has acknowledged all events, or if the consumer does not exist.
    """
    listening: bool = False
    """True if at least one instance of the service is connected to NATS and receives events for this consumer."""
    unsuitable: tuple[str, ...] = ()
    """The settings of the consumer with which this version of the service cannot work. The service waits until they are
    right.
    """
    paused_until: str = ""
    """The time until which the consumer is paused. NATS delivers no events until then. Empty if not paused."""

    @property
    def is_healthy(self) -> bool:
        return self.listening and not self.unsuitable and not self.paused_until

    @property
    def service(self) -> str:
        return self.consumer.partition("-")[0]

    def as_json(self) -> dict[str, Any]:
        """Return the values for the option `--json`.

        If the consumer does not exist, all numbers are null and not 0. With 0 pending events, a missing consumer would
        look like a consumer that has handled all events.
        """
        return {
            "consumer": self.consumer,
            "service": self.service,
            "provisioned": self.provisioned,
            "pending": self.pending if self.provisioned else None,
            "inFlight": self.in_flight if self.provisioned else None,
            "redelivered": self.redelivered if self.provisioned else None,
            "oldestSeconds": self.oldest_seconds,
            "listening": self.listening,
            "unsuitable": list(self.unsuitable),
            "pausedUntil": self.paused_until or None,
        }


async def measure_lag(operator: Operator) -> list[Lag]:
    """Return the lag of every consumer of every service. The lag says how many events the consumer has not handled yet.

    The list also contains the consumers that do not exist on the NATS server. Their `provisioned` is False.
    """
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
        unsuitable=tuple(unsuitable_settings(info.config, consumer.config(RetryPolicy()))),
        paused_until=paused_until(info),
    )


async def _age_of_the_oldest(operator: Operator, consumer: Consumer[Any], info: ConsumerInfo) -> float | None:
    """Return how many seconds ago NATS stored the oldest event that the consumer has not acknowledged.

    Return None if the consumer has acknowledged all events. It has acknowledged all its events up to the sequence
    number `info.ack_floor`, so we look for its next event after this number.
    """
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
