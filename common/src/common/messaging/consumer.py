"""The declaration of a consumer. A service lists all its consumers in one table, which is called its handler table.

The class Subscription (subscription.py) runs a consumer. The class DeliveryProcessor (delivery.py) decides what happens
to each delivery.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from common.domain.event import Message
from common.messaging.retry import RetryPolicy
from common.messaging.streams import Stream, stream_of

S = TypeVar("S")

BATCH_WINDOW_SECONDS = 0.05
"""With more than about twenty deliveries per second, two or more deliveries arrive in the same window."""


@dataclass(frozen=True)
class Consumer(Generic[S]):
    """One row in the handler table of a service.

    A consumer consists of a handler, the events that the handler receives, and the settings of the durable consumer.

    The broker stores which events the consumer has handled. The broker finds this information by `name`, so the name
    must never change. With a new name, the broker would create a new durable consumer, and this consumer would receive
    all events of the stream again.

    All instances of a service share one durable consumer. Each delivery goes to only one of the instances.
    """

    name: str
    on: tuple[type[Message], ...]
    handle: Callable[[S, Any], Awaitable[None]]
    max_in_flight: int = 100
    batch_window_seconds: float = 0.0
    """Each delivery waits for at most this time, so that the database calls of several deliveries form one batch.

    Use this only for handlers whose result no client is waiting for.
    """

    @property
    def stream(self) -> Stream:
        (stream,) = {stream_of(event_type) for event_type in self.on}
        return stream

    def config(self, policy: RetryPolicy) -> ConsumerConfig:
        """Return the settings with which the durable consumer must exist at the broker."""
        return ConsumerConfig(
            durable_name=self.name,
            deliver_policy=DeliverPolicy.ALL,
            filter_subjects=[event_type.subjects() for event_type in self.on],
            deliver_subject=f"deliver.{self.name}",
            deliver_group=self.name,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=policy.ack_wait,
            max_deliver=policy.max_deliver,
            max_ack_pending=self.max_in_flight,
        )
