"""Publishing to a stream: done when the stream has the event on disk and says so."""

from nats.errors import Error as NatsError
from nats.js.errors import APIError

from common.domain.errors import DependencyUnavailable
from common.events.envelope import StagedEvent
from common.messaging.broker import Broker

_ACK_SECONDS = 2.0
"""An acknowledgement takes milliseconds; one that has not come by then was lost with its connection."""


class Publisher:
    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def publish(self, staged: StagedEvent) -> None:
        """Raises DependencyUnavailable when no acknowledgement came.

        The event may have been stored all the same, so the caller publishes it again: it carries its id, and the
        stream keeps one of the two.
        """
        await self.publish_raw(staged.subject, staged.data.encode(), staged.headers)

    async def reconnected_within(self, seconds: float) -> bool:
        """See Broker: the moment in which to publish what could not be published before."""
        return await self._broker.reconnected_within(seconds)

    async def publish_raw(self, subject: str, data: bytes, headers: dict[str, str]) -> None:
        try:
            # nats-py writes into the dict that it is given.
            await self._broker.jetstream.publish(subject, data, timeout=_ACK_SECONDS, headers=dict(headers))
        except (TimeoutError, OSError, NatsError, APIError) as error:
            reason = str(error) or type(error).__name__
            raise DependencyUnavailable(f"The message broker did not store {subject}: {reason}") from error
