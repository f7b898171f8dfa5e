"""Knows whether the pages lack a part of the history, because this service catches up with it.

A new storefront on an old platform receives all events since the beginning. It shows pages meanwhile.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, NoReturn

from nats.errors import Error as NatsError

from common.domain.errors import DependencyUnavailable
from common.messaging.broker import Broker
from common.messaging.catch_up import CatchUp, consumer_infos
from common.messaging.consumer import Consumer

_POLL_SECONDS = 1.0


class CatchingUp:
    def __init__(self, broker: Broker, consumers: Sequence[Consumer[Any]]) -> None:
        self._broker = broker
        self._consumers = consumers
        self.percent: int | None = None
        """How much of the history the copies contain, in percent. None if they contain all of it."""

    async def run(self) -> NoReturn:
        """Ask the broker once a second until the consumers have caught up, and then never again."""
        catch_up = CatchUp()
        while True:
            try:
                progress = catch_up.update(await consumer_infos(self._broker, self._consumers))
            except (NatsError, DependencyUnavailable, TimeoutError):
                pass  # the percentage stays as it was
            else:
                self.percent = progress.percent if progress else None
                if progress is None:
                    await asyncio.Event().wait()
            await asyncio.sleep(_POLL_SECONDS)
