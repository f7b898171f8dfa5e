"""Follows a stream: reads each message that the stream stores from now on, in the order of the stream.

A durable consumer would give each message to only one instance of a service. With this class, every instance gets every
message. It needs no object at the broker, and only the permission to read the stream (ADR 0022).
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

from nats.errors import Error as NatsError
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from common.domain.errors import DependencyUnavailable
from common.messaging.broker import Broker
from common.messaging.streams import Stream

_SHORTEST_PAUSE = 0.002
_LONGEST_PAUSE = 0.05
_CHECK_SECONDS = 1.0
_ANSWER_SECONDS = 1.0
"""A stream that is deleted meanwhile never answers."""
_EVERYTHING = ">"


class StreamReplaced(Exception):
    """The stream does not have the last read message any more. It was deleted, or restored from a backup."""


class StreamFollower:
    """Reads the messages of one stream, one after the other, while the stream grows.

    When there is no newer message, the follower asks again after a pause. The pause grows from 2 ms to 50 ms.

    The follower does not subscribe to the subjects of the stream. A subscriber would count as somebody who can answer a
    publisher. If the stream was deleted, publishers would then wait for an answer instead of getting an error at once.
    """

    def __init__(self, broker: Broker, stream: Stream) -> None:
        self._broker = broker
        self._stream = stream

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

        While NATS does not answer, wait for it. Raises StreamReplaced about one second after the stream was replaced.
        """
        last, pause, has_waited = after, _SHORTEST_PAUSE, True
        time = asyncio.get_running_loop().time
        checks_at = time() + _CHECK_SECONDS
        while True:
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
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

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
