"""Creates and updates the streams and the durable consumers at the broker.

A durable consumer is an object at the broker that stores which events have been handled. The operators' command line
tool `marketplace` calls the functions in this file. The services do not call them. Before a service receives events, it
waits until its durable consumers exist and have the settings that the service's code declares.

When a service subscribes, nats-py could also create a missing durable consumer. We do not use this, because nats-py
would not update the settings of a durable consumer that already exists.
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
    """Create the durable consumers that are missing, and update the settings of the others.

    A durable consumer is an object at the broker that stores which events have been handled. An update does not change
    this, so no event is delivered again because of the update.
    """
    for consumer in consumers:
        await jetstream.add_consumer(consumer.stream.name, consumer.config(policy or RetryPolicy()))
