"""Follows a stream: reads each message that the stream stores from now on, in the order of the stream.

A durable consumer would give each message to only one instance of a service. With this class, every instance gets every
message. It needs no object at the broker, and only the permission to read the stream.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError, ServiceUnavailableError

from common.domain.errors import DependencyUnavailable
from common.messaging.broker import Broker
from common.messaging.streams import Stream

_SHORTEST_PAUSE = 0.002
_LONGEST_PAUSE = 1.0
_EVERYTHING = ">"


class StreamReplaced(Exception):
    """The stream ends before the position of the reader. It was deleted, or restored from a backup."""


class StreamFollower:
    """Reads the messages of one stream, one after the other, while the stream grows.

    When there is no newer message, the follower waits. It also subscribes to the subjects of the stream, so that a new
    message ends the wait. The subscription alone is not enough: it delivers a message before the stream has stored it,
    and delivers nothing while the connection is lost. So it only says when to read, and the pauses between the reads
    grow from 2 ms to 1 s.
    """

    def __init__(self, broker: Broker, stream: Stream) -> None:
        self._broker = broker
        self._stream = stream
        self._published = asyncio.Event()

    async def newest_position(self) -> int:
        """Return the position of the newest message in the stream, or 0 if it is empty.

        Raises DependencyUnavailable if NATS does not answer.
        """
        try:
            newest = await self._broker.jetstream.get_last_msg(self._stream.name, _EVERYTHING, direct=True)
        except NotFoundError:
            return 0
        except (TimeoutError, NatsError) as error:
            raise DependencyUnavailable("The event stream does not answer.") from error
        return newest.seq or 0

    async def follow(self, after: int) -> AsyncGenerator[RawStreamMsg, None]:
        """Yield every message after the position `after`. Wait for new messages without an end.

        While NATS cannot be reached, wait for it. Raises StreamReplaced if the stream ends before `after`.
        """
        position, pause = after, _SHORTEST_PAUSE
        async with AsyncExitStack() as subscriptions:
            await self._subscribe(subscriptions)
            while True:
                self._published.clear()
                message = await self._next(position)
                if message is not None:
                    position, pause = message.seq or position + 1, _SHORTEST_PAUSE
                    yield message
                    continue
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._published.wait()
                    pause = 0.0
                pause = max(_SHORTEST_PAUSE, min(2 * pause, _LONGEST_PAUSE))
                if pause == _LONGEST_PAUSE:
                    await self._check_not_replaced(position)

    async def _subscribe(self, subscriptions: AsyncExitStack) -> None:
        for subject in self._stream.subjects:
            subscription = await self._broker.client.subscribe(subject, cb=self._on_published)
            subscriptions.push_async_callback(_unsubscribe, subscription.unsubscribe)

    async def _on_published(self, _message: Msg) -> None:
        self._published.set()

    async def _next(self, position: int) -> RawStreamMsg | None:
        """Return the next message after this position, or None if there is none, or if NATS does not answer."""
        with suppress(NotFoundError, ServiceUnavailableError, DependencyUnavailable, NatsError, TimeoutError):
            return await self._broker.jetstream.get_msg(
                self._stream.name, position + 1, _EVERYTHING, direct=True, next=True
            )
        return None

    async def _check_not_replaced(self, position: int) -> None:
        with suppress(DependencyUnavailable):
            if await self.newest_position() < position:
                raise StreamReplaced(f"{self._stream.name} ends before position {position}.")


async def _unsubscribe(unsubscribe: Callable[[], Awaitable[None]]) -> None:
    with suppress(NatsError, DependencyUnavailable):
        await unsubscribe()
