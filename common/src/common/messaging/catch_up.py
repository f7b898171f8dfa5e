"""Measures how far a service has come that has many old events to handle.

For example, the first start of a new service on an old platform: its consumers receive the whole history.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nats.js.api import ConsumerInfo

from common.messaging.broker import Broker
from common.messaging.consumer import Consumer

FAR_BEHIND = 1_000
"""A consumer with at least this number of events to handle is far behind. It needs about a second for so many."""


@dataclass(frozen=True)
class Progress:
    """How many of their events the consumers have handled that were far behind."""

    handled: int
    left: int

    @property
    def total(self) -> int:
        return self.handled + self.left

    @property
    def percent(self) -> int:
        """0 to 99, because a service that has handled everything has no progress to show."""
        return min(99, 100 * self.handled // max(1, self.total))


class CatchUp:
    """Says how far the consumers of one service have come, from the first look until none of them is far behind."""

    def __init__(self) -> None:
        self._were_behind: set[str] = set()

    @property
    def is_behind(self) -> bool:
        """True if a consumer was far behind at the last look."""
        return bool(self._were_behind)

    def update(self, infos: Iterable[ConsumerInfo]) -> Progress | None:
        """Return the progress of the consumers that are or were far behind, or None if none is far behind any more."""
        found = {info.name: info for info in infos}
        behind = {name for name, info in found.items() if _left(info) >= FAR_BEHIND}
        # A consumer that has caught up still counts, so that the percentage does not jump.
        self._were_behind = self._were_behind | behind if behind else set()
        counted = [found[name] for name in self._were_behind & found.keys()]
        return Progress(sum(map(_handled, counted)), sum(map(_left, counted))) if behind else None


async def consumer_infos(broker: Broker, consumers: Iterable[Consumer[Any]]) -> list[ConsumerInfo]:
    """Ask the broker about the durable consumers. Raises an error of NATS if it does not answer, or if one is missing.

    The infos say how many events a consumer has received, and how many are left.
    """
    jetstream = broker.jetstream
    infos = await asyncio.gather(*(jetstream.consumer_info(each.stream.name, each.name) for each in consumers))
    return list(infos)


def _left(info: ConsumerInfo) -> int:
    return (info.num_pending or 0) + (info.num_ack_pending or 0)


def _handled(info: ConsumerInfo) -> int:
    """Return about how many events were handled. An event that is delivered again counts again."""
    delivered = info.delivered.consumer_seq if info.delivered else 0
    return max(0, (delivered or 0) - (info.num_ack_pending or 0))
