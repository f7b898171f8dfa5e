"""Telling a service of an event once more: its own reaction then brings its data into line."""

import asyncio
from collections.abc import Iterable

from nats.errors import Error as NatsError

from common.events.base import Event
from common.messaging import dead_letter
from common.messaging.dead_letter import REPLAYED, replay_subject
from marketplace.operations.operator import Operator
from marketplace.provisioning import CONSUMERS_OF

_ANSWER_SECONDS = 5.0
_AT_ONCE = 32


async def retell(operator: Operator, service: str, events: Iterable[Event]) -> list[str]:
    """Safe to repeat, as every reaction is. Return the ids of which the service could not be told.

    That is because it is not running, or refuses; after the first silence nobody waits for the others.
    """
    gate = asyncio.Semaphore(_AT_ONCE)
    silent = False

    async def tell(event: Event) -> str | None:
        nonlocal silent
        async with gate:
            try:
                answered = not silent and await _tell(operator, service, event)
            except (NatsError, TimeoutError):
                silent, answered = True, False
        return None if answered else event.id

    return [unheard for unheard in await asyncio.gather(*map(tell, events)) if unheard is not None]


async def _tell(operator: Operator, service: str, event: Event) -> bool:
    (consumer,) = [each for each in CONSUMERS_OF[service] if type(event) in each.on]
    answer = await operator.broker.client.request(
        replay_subject(consumer.name),
        event.to_json().encode(),
        timeout=_ANSWER_SECONDS,
        headers={dead_letter.SUBJECT: event.subject},
    )
    return answer.data == REPLAYED
