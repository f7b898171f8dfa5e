"""The declaration of a consumer. A consumer calls one handler of a service for each event of certain types.

A service lists all its consumers in one table, which is called its handler table.

The class Subscription (subscription.py) runs a consumer. The class DeliveryProcessor (delivery.py) decides what happens
to each delivery, which is one attempt of the broker to give an event to the consumer.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy

from common.domain.event import Message
from common.messaging.retry import RetryPolicy
from common.messaging.streams import Stream, stream_of

S = TypeVar("S")

BATCH_WINDOW_SECONDS = 0.05
"""The value of `batch_window_seconds` for a consumer that handles events in batches (see the class Consumer below).

A window is a period in which arriving events wait for each other. At its end, they are handled together. With a longer
window, more events are handled together, but each of them waits longer.
"""


_MUST_BE_EQUAL = ("deliver_subject", "deliver_group", "deliver_policy", "ack_policy", "headers_only", "flow_control")
"""With another value of such a setting, the service would lose events, or would not receive them.

With another `deliver_policy`, the broker leaves out events. With another `ack_policy`, the broker does not deliver an
event again after a crash. With `headers_only`, an event has no content. With `flow_control`, the broker stops until
the client answers its requests, which our code does not do.
"""


@dataclass(frozen=True)
class Consumer(Generic[S]):
    """One row in the handler table of a service. The handler table lists all consumers of the service.

    The row consists of a handler (`handle`), the types of events that the handler receives (`on`), and the settings of
    the durable consumer. A durable consumer is an object at the broker. It stores which events have been handled.

    `name` is the name of the durable consumer, so it must never change. With a new name, there would be a new durable
    consumer at the broker, and the handler would receive all events of the stream again.

    All instances of a service share one durable consumer. The broker sends each delivery to only one of the instances.
    """

    name: str
    on: tuple[type[Message], ...]
    handle: Callable[[S, Any], Awaitable[None]]
    max_in_flight: int = 100
    batch_window_seconds: float = 0.0
    """Each event waits for at most this time before its handler is called. With 0, no event waits.

    Several events that wait are then handled together, so that their database calls form one batch. Do not set this for
    a handler if a client waits for the result of the handler.
    """

    @property
    def stream(self) -> Stream:
        (stream,) = {stream_of(event_type) for event_type in self.on}
        return stream

    def config(self, policy: RetryPolicy) -> ConsumerConfig:
        """Return the settings that the durable consumer must have at the broker."""
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


def unsuitable_settings(found: ConsumerConfig, declared: ConsumerConfig) -> list[str]:
    """Return the names of the settings with which the code that declares `declared` cannot work.

    `found` are the settings of the durable consumer at the broker. The subscription must receive exactly its events, on
    the subject on which it listens. The broker must deliver each event often enough, so that the code can make a dead
    letter before the broker stops. Every `ack_wait` is suitable, because the subscription uses the one that it finds.
    Other settings, such as `backoff` or `max_ack_pending`, only change when an event arrives.
    """
    # The broker leaves out a setting that is false, so None and False mean the same.
    unsuitable = [
        name for name in _MUST_BE_EQUAL if (getattr(found, name) or None) != (getattr(declared, name) or None)
    ]
    if set(found.filter_subjects or ()) != set(declared.filter_subjects or ()):
        unsuitable.append("filter_subjects")
    if found.max_deliver is not None and 0 < found.max_deliver < (declared.max_deliver or 0):
        unsuitable.append("max_deliver")
    return unsuitable


def paused_until(info: ConsumerInfo) -> str:
    """Return the time until which the durable consumer is paused, as the broker says it. Return "" if it is not paused.

    Anyone with the permission can pause a durable consumer. It still exists then, but delivers nothing.
    """
    return (info.config.pause_until or "a time that NATS does not say") if info.paused else ""
