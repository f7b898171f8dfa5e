"""Follows a stream: reads each message that the stream stores from now on, in the order of the stream.

A durable consumer would give each message to only one instance of a service. With this class, every instance gets every
message. It needs no object at the broker, and only the permission to read the stream (ADR 0022).
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from common.domain.errors import DependencyUnavailable
from common.messaging.broker import Broker
from common.messaging.streams import Stream

_SHORTEST_PAUSE = 0.002
_LONGEST_PAUSE = 0.25
_CHECK_SECONDS = 1.0
_ANSWER_SECONDS = 1.0
"""A stream that is deleted meanwhile never answers."""
_EVERYTHING = ">"


class StreamReplaced(Exception):
    """The stream does not have the last read message any more. It was deleted, or restored from a backup."""


class StreamFollower:
    """Reads the messages of one stream, one after the other, while the stream grows.

    When there is no newer message, the follower waits. It also subscribes to the subjects of the stream, so that a new
    message ends the wait. The subscription alone is not enough: it delivers a message before the stream has stored it,
    and delivers nothing while the connection is lost. So it only says when to read. Without it, the follower would
    also read each message, at most a quarter of a second later.
    """

    def __init__(self, broker: Broker, stream: Stream) -> None:
        self._broker = broker
        self._stream = stream
        self._published = asyncio.Event()

    async def newest(self) -> RawStreamMsg | None:
        """Return the newest message in the stream, or None if it is empty.

        Raises DependencyUnavailable if NATS does not answer.
        """
        try:
            return await self._broker.jetstream.get_last_msg(self._stream.name, _EVERYTHING, direct=True)
        except NotFoundError:
            return None
        except (TimeoutError, NatsError) as error:
            raise DependencyUnavailable("The event stream does not answer.") from error

    async def follow(self, after: RawStreamMsg | None) -> AsyncGenerator[RawStreamMsg, None]:
        """Yield every message after this one. Wait for new messages without an end. None: yield all messages.

        While NATS does not answer, wait for it. Raises StreamReplaced about one second after the stream was replaced,
        and DependencyUnavailable if there is no connection at the beginning.
        """
        last, pause, has_waited = after, _SHORTEST_PAUSE, True
        time = asyncio.get_running_loop().time
        checks_at = time() + _CHECK_SECONDS
        async with AsyncExitStack() as subscriptions:
            await self._subscribe(subscriptions)
            while True:
                self._published.clear()
                message = await self._first_from(position_of(last) + 1)
                # While the follower waited, another stream may have taken the place of this one.
                if has_waited and (message or time() >= checks_at):
                    if not await self._is_in_stream(last):
                        message = None
                    checks_at = time() + _CHECK_SECONDS
                has_waited = message is None
                if message is not None:
                    last, pause = message, _SHORTEST_PAUSE
                    yield message
                elif await self._is_published_within(pause):
                    pause = _SHORTEST_PAUSE  # the stream stores the message in a moment
                else:
                    pause = min(2 * pause, _LONGEST_PAUSE)

    async def _subscribe(self, subscriptions: AsyncExitStack) -> None:
        for subject in self._stream.subjects:
            subscription = await self._broker.client.subscribe(subject, cb=self._on_published)
            subscriptions.push_async_callback(_unsubscribe, subscription.unsubscribe)

    async def _on_published(self, _message: Msg) -> None:
        self._published.set()

    async def _is_published_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._published.wait()
        return self._published.is_set()

    async def _first_from(self, position: int) -> RawStreamMsg | None:
        """Return the first message from this position on, or None if there is none, or if NATS does not answer."""
        with suppress(DependencyUnavailable, NatsError, TimeoutError):
            return await self._read(position)
        return None

    async def _read(self, position: int) -> RawStreamMsg:
        jetstream = self._broker.client.jetstream(timeout=_ANSWER_SECONDS)
        return await jetstream.get_msg(self._stream.name, position, _EVERYTHING, direct=True, next=True)

    async def _is_in_stream(self, message: RawStreamMsg | None) -> bool:
        """Return True if the stream still has this message, and False if NATS does not answer.

        Raises StreamReplaced if the stream has another message, or none, at this position. Another stream may already
        be longer, so its length alone would not tell.
        """
        if message is None:
            return True
        try:
            found = await self._read(position_of(message))
        except NotFoundError:
            raise StreamReplaced(f"{self._stream.name} ends before position {message.seq}.") from None
        except (DependencyUnavailable, NatsError, TimeoutError):
            return False
        if (found.seq, found.time) != (message.seq, message.time):
            raise StreamReplaced(f"{self._stream.name} has another message at position {message.seq}.")
        return True


def position_of(message: RawStreamMsg | None) -> int:
    """Return the position of this message in its stream, or 0, which is before the first message."""
    return message.seq or 0 if message else 0


async def _unsubscribe(unsubscribe: Callable[[], Awaitable[None]]) -> None:
    with suppress(NatsError, DependencyUnavailable):
        await unsubscribe()
