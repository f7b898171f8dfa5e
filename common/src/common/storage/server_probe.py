"""Asks a server whether it answers. Concurrent callers share one question, and no caller cancels it."""

import asyncio
from collections.abc import Awaitable, Callable


class ServerProbe:
    """A caller that has waited long enough leaves; the question goes on until its answer comes.

    Cancelling it would harm both clients. NATS: a cancelled flush() leaves a future behind, and the late answer to it
    ends the client's read loop. MongoDB: see Mongo.
    """

    def __init__(self, ask: Callable[[], Awaitable[None]]) -> None:
        self._ask = ask
        self._question: asyncio.Task[bool] | None = None

    async def answers(self, within_seconds: float) -> bool:
        """Whether the server answers in time: the question that is already asked, or else a new one."""
        question = self._question
        if question is None or question.done():
            question = self._question = asyncio.create_task(self._is_answered())
        await asyncio.wait({question}, timeout=within_seconds)
        return question.done() and not question.cancelled() and question.result()

    def forget(self) -> None:
        """No answer can come any more, because the connection is lost."""
        if self._question is not None:
            self._question.cancel()
            self._question = None

    async def _is_answered(self) -> bool:
        try:
            await self._ask()
        except Exception:  # noqa: BLE001 - any error means that there is no answer
            return False
        return True
