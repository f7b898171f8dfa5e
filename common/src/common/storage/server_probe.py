"""A question to a server that several may ask at once: there is one on its way at a time, and no asker ends it."""

import asyncio
from collections.abc import Awaitable, Callable


class RoundTrip:
    """Neither client survives being hurried, so an asker who has waited long enough leaves, and the question goes on.

    NATS: a flush() that is cancelled leaves a future behind; the late answer to it then ends the client's read loop,
    and the connection is deaf. MongoDB: see Mongo.
    """

    def __init__(self, ask: Callable[[], Awaitable[None]]) -> None:
        self._ask = ask
        self._under_way: asyncio.Task[bool] | None = None

    async def comes_back(self, within_seconds: float) -> bool:
        """Whether the server answers the question that is on its way, or else a new one, in time."""
        question = self._under_way
        if question is None or question.done():
            question = self._under_way = asyncio.create_task(self._is_answered())
        await asyncio.wait({question}, timeout=within_seconds)
        return question.done() and not question.cancelled() and question.result()

    def forget(self) -> None:
        """No answer will come any more: the connection has gone."""
        if self._under_way is not None:
            self._under_way.cancel()
            self._under_way = None

    async def _is_answered(self) -> bool:
        try:
            await self._ask()
        except Exception:  # noqa: BLE001 - whatever it is, it is no answer
            return False
        return True
