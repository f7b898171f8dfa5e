"""The life of a service process, apart from what any one service does."""

import asyncio

from common.service import Service
from common.settings import ServiceSettings
from common.testing.eventually import eventually
from common.testing.running import Surroundings, missing


async def test_a_loop_that_swallows_a_cancellation_does_not_keep_its_service_from_stopping(
    surroundings: Surroundings,
) -> None:
    """As one does below Python 3.12 if it is cancelled at the moment at which NATS answers it."""
    cancelled = 0

    async def stubborn() -> None:
        nonlocal cancelled
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled += 1
                if cancelled > 1:
                    raise

    service = Service("orders", surroundings.settings(ServiceSettings, "orders"))
    service.in_background(stubborn)
    async with asyncio.timeout(20):
        async with service.running():
            await eventually(lambda: missing(service), until=lambda seen: seen == "", what="readiness")
    assert cancelled == 2
