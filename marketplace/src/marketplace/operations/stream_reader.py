"""Reads the messages of a stream, for the commands for operators."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from nats.errors import ConnectionReconnectingError
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeout
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import ServiceUnavailableError

from common.domain.errors import DependencyUnavailable
from common.domain.ids import new_id
from common.messaging.broker import Broker

_BATCH = 500
# A pull asks NATS for a number of messages, and waits until all of them arrive, but not longer than this time. Some of
# them never arrive if they were deleted, or if NATS did not get the request. So after this time, we pull again.
_FETCH_SECONDS = 1.0
_PAUSE_SECONDS = 0.1
# If no message arrives for this time, we stop pulling and raise an error.
_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class StoredMessage:
    """A message of a stream, with its sequence number and the time at which NATS stored it."""

    sequence: int
    subject: str
    data: bytes
    headers: dict[str, str]
    stored_at: datetime


async def count_messages(broker: Broker, stream: str, subjects: Sequence[str]) -> int:
    """Return how many messages with these subjects are in the stream now."""
    config = ConsumerConfig(
        name=_reader(), ack_policy=AckPolicy.NONE, filter_subjects=list(subjects), inactive_threshold=5.0
    )
    info = await broker.jetstream.add_consumer(stream, config)
    await broker.jetstream.delete_consumer(stream, info.name)
    return info.num_pending or 0


async def read_stream(
    broker: Broker, stream: str, subjects: Sequence[str], *, from_sequence: int = 1
) -> AsyncIterator[StoredMessage]:
    """Yield every message with one of the `subjects` that is in the stream at the start of the call, oldest first.

    Begin at the sequence number `from_sequence`. The function reads in batches, with a temporary consumer.

    Raises DependencyUnavailable if no message arrives for 10 s. Raises NotFoundError if the stream does not exist.
    """
    jetstream = broker.jetstream
    config = ConsumerConfig(
        name=_reader(),
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=from_sequence,
        ack_policy=AckPolicy.NONE,
        filter_subjects=list(subjects),
        inactive_threshold=30.0,
        mem_storage=True,
    )
    info = await jetstream.add_consumer(stream, config)
    try:
        async for message in _pull(jetstream, stream, info.name, info.num_pending or 0):
            yield message
    finally:
        # If we cannot delete the consumer, NATS deletes it after 30 s without activity.
        with suppress(NatsError, TimeoutError, DependencyUnavailable):
            await jetstream.delete_consumer(stream, info.name)


def _reader() -> str:
    """Return a new name for a temporary consumer. No consumer of a service has a name that begins with "reader-".

    NATS does not allow an operator to create a consumer with the name of a service's consumer, because this would
    replace the service's consumer.
    """
    return f"reader-{new_id()}"


async def _pull(jetstream: JetStreamContext, stream: str, consumer: str, left: int) -> AsyncIterator[StoredMessage]:
    if not left:
        return
    pull = await jetstream.pull_subscribe_bind(consumer, stream=stream)
    last_batch_at, received = time.monotonic(), 0
    while received < left:
        try:
            batch = await pull.fetch(min(left - received, _BATCH), timeout=_FETCH_SECONDS)
        except (TimeoutError, NatsTimeout, ServiceUnavailableError) as error:
            if time.monotonic() > last_batch_at + _TIMEOUT_SECONDS:
                raise DependencyUnavailable("The event stream does not answer.") from None
            if isinstance(error, ServiceUnavailableError):
                # In a cluster, this can happen while the servers elect a leader for the consumer.
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            with suppress(NatsTimeout, ConnectionReconnectingError):
                info = await jetstream.consumer_info(stream, consumer)
                if not info.num_pending and info.delivered and info.delivered.consumer_seq == received:
                    # We have received everything that NATS has for us. The messages that we still expect were in the
                    # stream when we started to read, but were deleted in the meantime.
                    break
            continue
        received += len(batch)
        for message in batch:
            place = message.metadata
            headers = dict(message.headers or {})
            yield StoredMessage(place.sequence.stream, message.subject, message.data, headers, place.timestamp)
        last_batch_at = time.monotonic()
    await pull.unsubscribe()
