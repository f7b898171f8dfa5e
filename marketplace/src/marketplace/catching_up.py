"""Shows, in `marketplace run`, how far the services have come that catch up with the history of events.

A service has a long history to handle if it is new on an old platform, or if it was down for long. `marketplace lag`
shows the details.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress

from common.messaging.catch_up import CatchUp, Progress, consumer_infos
from marketplace.errors import PlatformError
from marketplace.operations.operator import Operator, operator
from marketplace.registry import CONSUMERS_OF
from marketplace.settings import PlatformSettings

_POLL_SECONDS = 1.0


async def show_catching_up(settings: PlatformSettings, show_line: Callable[[str], None]) -> None:
    """Print a line about once a second while a consumer of a service is far behind, and one when a service is done.

    Return when no consumer is far behind, so usually at once. Return, too, if NATS does not answer, because these lines
    are only for information.
    """
    with suppress(PlatformError):
        async with operator(settings, mongo="unused") as connection:
            await _show(connection, show_line)


async def _show(connection: Operator, show_line: Callable[[str], None]) -> None:
    catch_ups = {service: CatchUp() for service, consumers in CONSUMERS_OF.items() if consumers}
    shown: dict[str, Progress] = {}
    while True:
        for service, catch_up in catch_ups.items():
            progress = catch_up.update(await consumer_infos(connection.broker, CONSUMERS_OF[service]))
            if progress and progress != shown.get(service):
                shown[service] = progress
                show_line(f"{service} catches up with the history: {progress.percent} % of {progress.total:,} events")
            elif progress is None and service in shown:
                del shown[service]
                show_line(f"{service} has caught up with the history")
        if not any(catch_up.is_behind for catch_up in catch_ups.values()):
            return
        await asyncio.sleep(_POLL_SECONDS)


@asynccontextmanager
async def in_background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run `work` during the block, and cancel it at the end."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
