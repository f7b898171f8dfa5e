"""Reads the newest events of the stream at the start of the process, so that the page /live is not empty after it."""

import asyncio
from contextlib import suppress

from nats.errors import Error as NatsError
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from common.domain.errors import DependencyUnavailable
from common.domain.event import Event
from common.events.envelope import MalformedEvent, decode_event
from common.messaging.broker import Broker
from common.messaging.stream_follower import StreamFollower, position_of
from common.messaging.streams import DOMAIN_EVENTS
from common.messaging.timeline import time_of
from storefront.platform.audience import Audience

PAST_EVENTS = 20
_RETRY_SECONDS = 0.5


class Past:
    def __init__(self, broker: Broker, audience: Audience) -> None:
        self._broker = broker
        self._follower = StreamFollower(broker, DOMAIN_EVENTS)
        self._audience = audience

    async def run(self) -> None:
        """Read the past once, as soon as NATS answers. Then do nothing: the feed notes what happens from now on."""
        while True:
            with suppress(DependencyUnavailable, NatsError, TimeoutError):
                await self._read()
                break
            await asyncio.sleep(_RETRY_SECONDS)
        await asyncio.Event().wait()

    async def _read(self) -> None:
        newest = position_of(await self._follower.newest())
        position = max(0, newest - PAST_EVENTS)
        messages: list[RawStreamMsg] = []
        with suppress(NotFoundError):  # the stream was deleted meanwhile
            while position < newest:
                messages.append(await self._first_from(position + 1))
                position = position_of(messages[-1])
        self._audience.remember((event, time_of(message)) for message in messages if (event := _event_in(message)))

    async def _first_from(self, position: int) -> RawStreamMsg:
        return await self._broker.jetstream.get_msg(DOMAIN_EVENTS.name, position, ">", direct=True, next=True)


def _event_in(message: RawStreamMsg) -> Event | None:
    try:
        return decode_event(message.subject or "", message.data or b"")
    except MalformedEvent:
        return None  # the consumers make a dead letter of it
