"""A client of NATS whose requests end as soon as the connection is lost.

When the connection is lost, the answers to the requests on this connection cannot arrive any more. But the client of
nats-py would still wait for them, until the timeout of each request.
"""

import asyncio
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

        Raises ConnectionReconnectingError if the connection is lost. The other errors are those of nats-py.
        """
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

    def end_requests(self) -> None:
        """Let the requests that wait for an answer fail now. Call this method when the connection is lost."""
        for wait in self._waits:
            if not wait.expired():
                wait.reschedule(0)  # a time in the past
