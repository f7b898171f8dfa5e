"""Asks a service to handle events again, so that the handlers of the service update its data."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from common.domain.event import Event
from common.messaging.consumer import Consumer
from marketplace.operations.operator import Operator
from marketplace.operations.replay_client import ReplayClient

_ANSWER_SECONDS = 5.0
_CONCURRENT_REPLAYS = 32

NotReplayed = dict[str, str]
"""The aggregates whose event could not be replayed. The service was asked to handle it again, but did not do so.

The key is the id of the aggregate. The value is the reason, for example that the service does not run.
"""


async def replay_events(operator: Operator, consumers: Sequence[Consumer[Any]], events: Iterable[Event]) -> NotReplayed:
    """Ask the service to handle these events again. Return the aggregates whose event it did not handle.

    `consumers` are all consumers of the service. Each of them that handles an event of this type is asked. If
    none does, the service has nothing to do for the event, so this is no failure.

    In the result, the key is the id of the aggregate. The value is the reason, for example that the service does not
    run, or that its handler failed.

    You may call this function again with the same events. Every handler is written for this case, because NATS may also
    deliver an event more than once.
    """
    limit = asyncio.Semaphore(_CONCURRENT_REPLAYS)
    client = ReplayClient(operator, answer_seconds=_ANSWER_SECONDS)

    async def replay(event: Event, consumer: str) -> tuple[str, str]:
        async with limit:
            return event.id, await client.replay(consumer, event.subject, event.to_json().encode())

    replays = [replay(event, each.name) for event in events for each in consumers if type(event) in each.on]
    return {key: reason for key, reason in await asyncio.gather(*replays) if reason}
