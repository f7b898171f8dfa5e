"""Creates and updates the streams and the durable consumers at the broker.

A durable consumer is an object at the broker that stores which events have been handled. The operators' command line
tool `marketplace` calls the functions in this file. The services do not call them. Before a service receives events, it
waits until its durable consumers exist and have the settings that the service's code declares.

When a service subscribes, nats-py could also create a missing durable consumer. We do not use this, because nats-py
would not update the settings of a durable consumer that already exists.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, StreamInfo
from nats.js.errors import APIError, NotFoundError

from common.messaging.consumer import Consumer
from common.messaging.retry import RetryPolicy
from common.messaging.streams import STREAMS, Stream

PREFERRED_REPLICAS = 3
"""On how many NATS servers a stream is stored if the cluster has enough of them. Then one server may fail."""
_TOO_FEW_SERVERS = {10005, 10074}
"""The error codes of NATS for "the cluster has too few servers for so many replicas" and "this is a single server"."""

_CANNOT_BE_STORED = 10012
"""The error code of NATS if it refuses to create or to update a durable consumer, for any reason."""


class ConsumersNotUpdated(Exception):
    """NATS cannot change some settings of durable consumers. The message says which, and what an operator can do."""


@dataclass(frozen=True)
class ProvisionedStream:
    """A stream after its provisioning. `replicas` is the number of NATS servers that store it."""

    name: str
    replicas: int
    replicas_before: int
    """0 if the stream is new."""
    is_clustered: bool
    """False if NATS is a single server, which cannot replicate streams."""
    behind: int
    """The number of servers that store the stream, but are not up to date, for example because they are down."""


async def provision_streams(jetstream: JetStreamContext, *, replicas: int | None = None) -> list[ProvisionedStream]:
    """Create the streams that are missing and update the settings of the others. No message is lost.

    `replicas` is the number of NATS servers that store each stream. Without it, this is 3 if NATS has three servers.
    Otherwise a new stream gets one replica, and an existing stream keeps the number that it has. So only a caller who
    asks for it reduces the number.

    Raises an error of nats-py if NATS refuses the settings, or if it has fewer servers than `replicas`.
    """
    return [await _provision_stream(jetstream, stream, replicas) for stream in STREAMS]


async def _provision_stream(jetstream: JetStreamContext, stream: Stream, asked: int | None) -> ProvisionedStream:
    try:
        before = (await jetstream.stream_info(stream.name)).config.num_replicas or 1
    except NotFoundError:
        before = 0

    async def store(replicas: int) -> StreamInfo:
        config = stream.config(replicas)
        return await (jetstream.update_stream(config) if before else jetstream.add_stream(config))

    try:
        info = await store(asked or max(before, PREFERRED_REPLICAS))
    except APIError as error:
        # A client cannot ask NATS how many servers it has. So we ask for the replicas, and NATS refuses them.
        if asked or error.err_code not in _TOO_FEW_SERVERS:
            raise
        info = await store(before or 1)
    others = (info.cluster.replicas if info.cluster else None) or []
    return ProvisionedStream(
        name=stream.name,
        replicas=info.config.num_replicas or 1,
        replicas_before=before,
        is_clustered=info.cluster is not None,
        behind=sum(not other.current for other in others),
    )


async def provision_consumers(
    jetstream: JetStreamContext, consumers: Iterable[Consumer[Any]], policy: RetryPolicy | None = None
) -> None:
    """Create the durable consumers that are missing, update the settings of the others, and resume those that paused.

    A durable consumer is an object at the broker that stores which events have been handled. An update does not change
    this, so no event is delivered again because of the update.

    NATS cannot change some settings, for example `deliver_policy` and `ack_policy`. Then this function provisions the
    other consumers, and raises ConsumersNotUpdated.
    """
    refused = []
    for consumer in consumers:
        stream, config = consumer.stream.name, consumer.config(policy or RetryPolicy())
        try:
            info = await jetstream.add_consumer(stream, config)
        except APIError as error:
            if error.err_code != _CANNOT_BE_STORED or "update" not in (error.description or ""):
                raise
            refused.append(
                f"NATS refuses to change the consumer {consumer.name}: {error.description}. Delete it, for example "
                f"with `nats consumer rm {stream} {consumer.name}`, and run `marketplace provision` again. The new "
                "consumer delivers all events of the stream again. This is safe, because handlers may run again."
            )
            continue
        if info.paused:  # an update does not end a pause
            await _resume(jetstream, stream, config)
    if refused:
        raise ConsumersNotUpdated("\n".join(refused))


async def _resume(jetstream: JetStreamContext, stream: str, config: ConsumerConfig) -> None:
    """End the pause of a durable consumer, and let NATS deliver the events that have waited.

    After the end of the pause, nats-server 2.15 delivers nothing until the stream stores the next event of the durable
    consumer. A change of `max_ack_pending` makes it deliver at once. So we change this setting, and change it back.
    """
    await jetstream.resume_consumer(stream, config.durable_name or "")
    await jetstream.add_consumer(stream, config.evolve(max_ack_pending=(config.max_ack_pending or 0) + 1))
    await jetstream.add_consumer(stream, config)
