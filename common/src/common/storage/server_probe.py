"""Asks a server whether it answers. Concurrent callers share one request, and no caller cancels it."""

import asyncio
from collections.abc import Awaitable, Callable


class ServerProbe:
    """Waits for an answer for a limited time, and does not cancel the request when the time is over.

    Cancelling would harm both clients. NATS: a cancelled flush() leaves a future behind, and the late answer to it
    ends the client's read loop. MongoDB: see Mongo.
    """

    def __init__(self, ask: Callable[[], Awaitable[None]]) -> None:
        self._ask = ask
        self._request: asyncio.Task[bool] | None = None

    async def answers(self, within_seconds: float) -> bool:
        """Whether the server answers in time: the request that is waiting already, or else a new one."""
        request = self._request
        if request is None or request.done():
            request = self._request = asyncio.create_task(self._is_answered())
        await asyncio.wait({request}, timeout=within_seconds)
        return request.done() and not request.cancelled() and request.result()

    def forget(self) -> None:
        """Cancel the request, because the connection is lost and no answer can come any more."""
        if self._request is not None:
            self._request.cancel()
            self._request = None

    async def _is_answered(self) -> bool:
        try:
            await self._ask()
        except Exception:  # noqa: BLE001 - any error means that there is no answer
            return False
        return True
