"""Creates and updates the streams and the durable consumers at the broker.

The command `marketplace` does this, not the services. Before a service receives events, it waits until its durable
consumers exist with the right settings. When a service subscribes, nats-py could also create a missing durable
consumer. We do not use this, because nats-py would not update the settings of a durable consumer that already exists.
"""

from collections.abc import Iterable
from typing import Any

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from common.messaging.consumer import Consumer
from common.messaging.retry import RetryPolicy
from common.messaging.streams import STREAMS


async def provision_streams(jetstream: JetStreamContext, *, replicas: int = 1) -> None:
    """Create the streams that are missing and update the settings of the others. No message is lost."""
    for stream in STREAMS:
        config = stream.config(replicas)
        try:
            await jetstream.stream_info(stream.name)
        except NotFoundError:
            await jetstream.add_stream(config)
        else:
            await jetstream.update_stream(config)


async def provision_consumers(
    jetstream: JetStreamContext, consumers: Iterable[Consumer[Any]], policy: RetryPolicy | None = None
) -> None:
    """Create or update each durable consumer.

    A durable consumer that already exists keeps its position in the stream. So the consumer does not receive old events
    again.
    """
    for consumer in consumers:
        await jetstream.add_consumer(consumer.stream.name, consumer.config(policy or RetryPolicy()))
