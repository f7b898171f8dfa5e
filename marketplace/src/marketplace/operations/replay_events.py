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
"""The aggregates whose event could not be replayed. The service was asked to handle it again, but did not do so.

The key is the id of the aggregate. The value is the reason, for example that the service does not run.
"""


async def replay_events(operator: Operator, service: str, events: Iterable[Event]) -> NotReplayed:
    """Ask the service to handle these events again. Return the aggregates whose event it did not handle.

    In the result, the key is the id of the aggregate. The value is the reason, for example that the service does not
    run, or that its handler failed.

    You may call this function again with the same events. Every handler is written for this case, because NATS may also
    deliver an event more than once.
    """
    limit = asyncio.Semaphore(_CONCURRENT_REPLAYS)
    client = ReplayClient(operator, answer_seconds=_ANSWER_SECONDS)

    async def replay(event: Event) -> tuple[str, str]:
        (consumer,) = [each for each in CONSUMERS_OF[service] if type(event) in each.on]
        async with limit:
            return event.id, await client.replay(consumer.name, event.subject, event.to_json().encode())

    return {key: reason for key, reason in await asyncio.gather(*map(replay, events)) if reason}
