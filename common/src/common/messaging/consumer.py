"""The declaration of a consumer. A service lists its consumers in one table, its handler table.

Subscription (subscription.py) runs a consumer. DeliveryProcessor (delivery.py) decides the outcome of each delivery.
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
"""From about twenty deliveries per second on, two or more of them fall into one window."""


@dataclass(frozen=True)
class Consumer(Generic[S]):
    """One row of a service's handler table: a handler, the events that it handles, and its durable consumer.

    The broker stores under `name` which events are handled. So a name never changes: a new name is a new durable
    consumer, which receives every event of the stream from the first one on. All instances of a service share the
    deliveries of a consumer.
    """

    name: str
    on: tuple[type[Message], ...]
    handle: Callable[[S, Any], Awaitable[None]]
    max_in_flight: int = 100
    batch_window_seconds: float = 0.0
    """Deliveries wait up to this long, so that their database calls go out in one batch.

    Only for handlers whose result no client waits for.
    """

    @property
    def stream(self) -> Stream:
        (stream,) = {stream_of(event_type) for event_type in self.on}
        return stream

    def config(self, policy: RetryPolicy) -> ConsumerConfig:
        """The settings of the durable consumer at the broker."""
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
