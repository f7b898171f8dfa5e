"""Publishes messages to the streams, and waits until the stream acknowledges that it has stored them on disk."""

from nats.errors import Error as NatsError
from nats.js.errors import APIError

from common.domain.errors import DependencyUnavailable
from common.events.envelope import StagedEvent
from common.messaging.broker import Broker

_ACK_SECONDS = 2.0
"""An acknowledgement takes milliseconds. One that takes longer than this was lost with its connection."""


class Publisher:
    """Publishes through one connection."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def publish(self, staged: StagedEvent) -> None:
        """Return once the stream has stored the event. Raises DependencyUnavailable if no acknowledgement came.

        The stream may have stored the event nevertheless. The caller can publish it again: the event carries its id,
        and the stream keeps it once.
        """
        await self.publish_raw(staged.subject, staged.data.encode(), staged.headers)

    async def reconnected_within(self, seconds: float) -> bool:
        """Wait until the connection is re-established, at most so long. Return whether it was."""
        return await self._broker.reconnected_within(seconds)

    async def publish_raw(self, subject: str, data: bytes, headers: dict[str, str]) -> None:
        """Publish a message that is not an event: a dead letter or a schedule. Raises like `publish`."""
        try:
            # A copy, because nats-py adds headers to the dict that it gets.
            await self._broker.jetstream.publish(subject, data, timeout=_ACK_SECONDS, headers=dict(headers))
        except (TimeoutError, OSError, NatsError, APIError) as error:
            reason = str(error) or type(error).__name__
            raise DependencyUnavailable(f"The message broker did not store {subject}: {reason}") from error
