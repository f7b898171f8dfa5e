"""Asks MongoDB if it answers.

If several callers ask at the same time, the probe sends only one request. When a caller stops waiting, the request
still continues.
"""

import asyncio
from collections.abc import Awaitable, Callable


class ServerProbe:
    """Waits for an answer for a limited time. When the time is over, the probe does not cancel the request.

    A cancelled request would do harm. If we cancel it while the driver is still connecting, the driver may close all
    connections (see the class Mongo).
    """

    def __init__(self, ask: Callable[[], Awaitable[None]]) -> None:
        self._ask = ask
        self._request: asyncio.Task[bool] | None = None

    async def answers(self, within_seconds: float) -> bool:
        """Return True if the server answers within `within_seconds`.

        If an earlier request is still waiting for its answer, wait for the same answer. Otherwise send a new request.
        """
        request = self._request
        if request is None or request.done():
            request = self._request = asyncio.create_task(self._is_answered())
        await asyncio.wait({request}, timeout=within_seconds)
        return request.done() and not request.cancelled() and request.result()

    def forget(self) -> None:
        """Cancel the current request. The class Mongo calls this method only when it closes its connections.

        Nobody uses the connections after that, so the cancelled request can do no harm.
        """
        if self._request is not None:
            self._request.cancel()
            self._request = None

    async def _is_answered(self) -> bool:
        try:
            await self._ask()
        except Exception:  # noqa: BLE001 - any error means that there is no answer
            return False
        return True
