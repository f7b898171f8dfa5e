"""Telling a service of an event once more: its own handler then brings its data into line."""

import asyncio
from collections.abc import Iterable

from common.domain.event import Event
from marketplace.operations.operator import Operator
from marketplace.operations.replays import Replays
from marketplace.registry import CONSUMERS_OF

_ANSWER_SECONDS = 5.0
_AT_ONCE = 32

Unheard = dict[str, str]
"""The ids that a service could not be told of, each with the reason."""


async def retell(operator: Operator, service: str, events: Iterable[Event]) -> Unheard:
    """Safe to repeat, as every handler is. Return what could not be told: the service is not running, or refuses."""
    gate = asyncio.Semaphore(_AT_ONCE)
    replays = Replays(operator, answer_seconds=_ANSWER_SECONDS)

    async def tell(event: Event) -> tuple[str, str]:
        (consumer,) = [each for each in CONSUMERS_OF[service] if type(event) in each.on]
        async with gate:
            return event.id, await replays.ask(consumer.name, event.subject, event.to_json().encode())

    return {key: reason for key, reason in await asyncio.gather(*map(tell, events)) if reason}
