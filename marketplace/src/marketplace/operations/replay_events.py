"""Asks a service to handle events again, so that the handlers of the service update its data."""

import asyncio
from collections.abc import Iterable

from common.domain.event import Event
from marketplace.operations.operator import Operator
from marketplace.operations.replay_client import ReplayClient
from marketplace.registry import CONSUMERS_OF

_ANSWER_SECONDS = 5.0
_CONCURRENT_REPLAYS = 32

NotReplayed = dict[str, str]
"""Maps the id of each aggregate whose event the service did not handle to the reason."""


async def replay_events(operator: Operator, service: str, events: Iterable[Event]) -> NotReplayed:
    """Ask the service to handle these events again. Return the ids of the aggregates for which this failed.

    The result maps each of these ids to the reason. For example, the service does not run, or its handler fails.

    You may call this function again with the same events. NATS may also deliver an event more than once, so all
    handlers are written for this case.
    """
    limit = asyncio.Semaphore(_CONCURRENT_REPLAYS)
    client = ReplayClient(operator, answer_seconds=_ANSWER_SECONDS)

    async def replay(event: Event) -> tuple[str, str]:
        (consumer,) = [each for each in CONSUMERS_OF[service] if type(event) in each.on]
        async with limit:
            return event.id, await client.replay(consumer.name, event.subject, event.to_json().encode())

    return {key: reason for key, reason in await asyncio.gather(*map(replay, events)) if reason}
