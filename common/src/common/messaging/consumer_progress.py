"""Tells how far the durable consumers of a service have come in their stream."""

import sys
from collections.abc import Sequence
from typing import Any

from nats.errors import Error as NatsError
from nats.js.api import ConsumerInfo

from common.domain.errors import DependencyUnavailable
from common.messaging.broker import Broker
from common.messaging.catch_up import consumer_infos
from common.messaging.consumer import Consumer

EVERYTHING = sys.maxsize


class ConsumerProgress:
    """Asks the broker about consumers of one stream. All instances of the service share these consumers."""

    def __init__(self, broker: Broker, consumers: Sequence[Consumer[Any]]) -> None:
        self._broker = broker
        self._consumers = consumers

    async def handled_up_to(self) -> int:
        """Return the position up to which the consumers have handled or dead-lettered all their events.

        Return EVERYTHING if no event is left. The broker counts a new event a moment after it has stored it, so an
        event may be missing that is younger than this moment. Raises DependencyUnavailable if a consumer does not exist
        or the broker does not answer.
        """
        try:
            infos = await consumer_infos(self._broker, self._consumers)
        except (TimeoutError, NatsError) as error:
            raise DependencyUnavailable("The consumers do not answer.") from error
        return min(map(_handled_up_to, infos), default=EVERYTHING)


def _handled_up_to(info: ConsumerInfo) -> int:
    if not info.num_pending and not info.num_ack_pending:
        return EVERYTHING
    return info.ack_floor.stream_seq if info.ack_floor else 0
