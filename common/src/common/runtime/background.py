"""Repeats the work of a service: the steps of its start until they succeed, and its background loops for ever."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeVar

import structlog
from nats.errors import Error as NatsError

from common.domain.errors import DependencyUnavailable
from common.storage.availability import DatabaseError, as_unavailable

log = structlog.get_logger()

T = TypeVar("T")

_RETRY_SECONDS = 0.25
_LONGEST_REASON = 300
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0


async def until_available(step: Callable[[], Awaitable[T]], *, log_message: str) -> T:
    """Run one step of the service's start. If MongoDB or NATS does not answer, run it again until it succeeds."""
    logged: type[Exception] | None = None
    while True:
        try:
            return await step()
        except (DependencyUnavailable, DatabaseError, NatsError) as error:
            if isinstance(error, DatabaseError) and not as_unavailable(error):
                raise
            if type(error) is not logged:
                log.warning(log_message, reason=str(error)[:_LONGEST_REASON])
            logged = type(error)
        await asyncio.sleep(_RETRY_SECONDS)


async def keep_running(loop: Callable[[], Awaitable[None]]) -> NoReturn:
    """Run an endless loop. If it ends or raises an error, log this and start the loop again after a pause.

    The first pause is half a second. Each further pause is twice as long as the one before it, but not longer than
    30 s. If the loop has run for more than 30 s without an error, the next pause is again half a second. So a defect in
    one loop harms neither the other loops nor the HTTP requests, and does not fill the log.
    """
    pause = _FIRST_PAUSE_SECONDS
    while True:
        began = asyncio.get_running_loop().time()
        try:
            await loop()
            log.error("a background loop has ended, starting it again", loop=_name(loop), pause=pause)
        except Exception:
            log.exception("a background loop failed, starting it again", loop=_name(loop), pause=pause)
        if asyncio.get_running_loop().time() - began > _LONGEST_PAUSE_SECONDS:
            pause = _FIRST_PAUSE_SECONDS
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _name(loop: Callable[[], Awaitable[None]]) -> str:
    return getattr(loop, "__qualname__", repr(loop))
