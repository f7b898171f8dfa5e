"""Takes away a part of the running platform for a while."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from marketplace.platform import Platform

# What the browser writes into its console when a request gets 503 or no answer.
ERRORS = ("503 ", "ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY_RESPONSE")


@asynccontextmanager
async def stopped(platform: Platform, process: str) -> AsyncIterator[None]:
    """Kill a process with SIGKILL. At the end, start it, and wait until it is ready."""
    await platform.kill(process, restart=False)
    try:
        yield
    finally:
        await platform.start(process)
        await platform.until_ready(process)
