"""A client of NATS that differs from the client of nats-py after a lost connection, a cancellation and a late answer.

When the connection is lost, the answers to the requests on this connection cannot arrive any more. But the client of
nats-py would still wait for them, until the timeout of each request. Our client lets these requests fail at once.

The client of nats-py waits for an answer with asyncio.wait_for. Before Python 3.12, asyncio.wait_for ignores a
cancellation that comes at the same moment as the answer. Then the task would continue as if nobody had cancelled it,
and a task that never ends by itself would keep its service from stopping. With our client, the task ends.

If a flush() has timed out or was cancelled, and the server answers its ping later, the client of nats-py stops reading
from the connection. It is still connected, but it receives nothing until it reconnects, after up to 15 seconds. Our
client ignores such a late answer.
"""

import asyncio
from contextlib import suppress
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import ConnectionReconnectingError


class NatsClient(Client):
    """The client of nats-py. JetStream also uses its method `request`, for example to publish and to read messages."""

    def __init__(self) -> None:
        super().__init__()
        self._waits: set[asyncio.Timeout] = set()

    async def request(
        self,
        subject: str,
        payload: bytes = b"",
        timeout: float = 0.5,  # noqa: ASYNC109 - the parameters are those of nats-py
        old_style: bool = False,
        headers: dict[str, Any] | None = None,
    ) -> Msg:
        """Send a request, and return its answer.

        Raises ConnectionReconnectingError if the connection is lost, and CancelledError if the task is cancelled. The
        other errors are those of nats-py.
        """
        task = asyncio.current_task()
        cancelled_before = task.cancelling() if task else 0
        try:
            async with asyncio.timeout(None) as wait:
                self._waits.add(wait)
                return await super().request(subject, payload, timeout, old_style, headers)
        except TimeoutError:
            if wait.expired():
                raise ConnectionReconnectingError from None
            raise
        finally:
            self._waits.discard(wait)
            if task and task.cancelling() > cancelled_before:
                raise asyncio.CancelledError

    async def _process_pong(self) -> None:
        with suppress(asyncio.InvalidStateError):  # nobody waits for this answer any more
            await super()._process_pong()

    def end_requests(self) -> None:
        """Let the requests that wait for an answer fail now. Call this method when the connection is lost."""
        for wait in self._waits:
            if not wait.expired():
                wait.reschedule(0)  # a time in the past
