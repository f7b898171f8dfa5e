"""A subscription that stops finishes its deliveries, or gives them back to the broker."""

import asyncio
import socket
from contextlib import suppress

from common.tests.consuming import CONSUMER, Effects, consuming, event, never_return, nothing, unanswered
from nats.js.api import ConsumerConfig

from common.domain.errors import DependencyUnavailable
from common.events.tickets import TicketCreated
from common.messaging.dead_letters import DeadLetters
from common.messaging.provisioning import provision_consumers
from common.messaging.publisher import Publisher
from common.messaging.subscription import Subscription
from devkit.servers import NatsServer
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import QUICK


async def test_an_event_in_flight_goes_to_another_instance_at_once(streams: EventStreams) -> None:
    """Without the nak the broker would wait for an answer, half a minute with this policy."""
    effects = Effects(nothing)
    async with consuming(Effects(never_return), streams) as stopping:
        await streams.publish(event())
        await eventually(lambda: unanswered(streams), what="the first delivery")
        async with consuming(effects, streams):
            await stopping.stop(0.2)
            await eventually(effects.completed, within=3, what="the effect, by the other instance")


async def test_a_handler_that_does_not_return_does_not_prevent_the_stop(streams: EventStreams) -> None:
    test_ends = asyncio.Event()

    async def hang(_event: TicketCreated) -> None:
        await test_ends.wait()

    hanging = Effects(hang)
    async with consuming(hanging, streams) as stopping:
        await streams.publish(event())
        await eventually(hanging.calls, what="the first delivery")
        try:
            async with asyncio.timeout(5):
                await stopping.stop(0.1)
        finally:
            test_ends.set()
    assert hanging.done == []


async def test_a_cancellation_that_is_ignored_does_not_keep_an_event_held(streams: EventStreams) -> None:
    """Before Python 3.12, asyncio.wait_for ignores a cancellation that comes together with the answer."""

    async def ignore_a_cancellation(_event: TicketCreated) -> None:
        if len(waiting.seen) == 1:
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        raise DependencyUnavailable("The message broker does not answer.")

    waiting = Effects(ignore_a_cancellation)
    async with consuming(waiting, streams) as stopping:
        await streams.publish(event())
        await eventually(waiting.calls, what="the first delivery")
        async with asyncio.timeout(5):
            await stopping.stop(0.1)


async def test_a_stop_drops_no_delivery_that_the_broker_has_sent(
    streams: EventStreams, nats_server: NatsServer
) -> None:
    effects = Effects(nothing)
    async with consuming(effects, streams) as subscription:
        await streams.broker.ping()
        publish_while_the_event_loop_is_busy(nats_server, [event() for _ in range(CONSUMER.max_in_flight)])
        await subscription.stop(5)
        # There is no other instance, so a delivery that was dropped would stay unanswered.
        await eventually(lambda: unanswered(streams), until=lambda many: many == 0, what="an answer to every delivery")
        assert effects.done


def publish_while_the_event_loop_is_busy(server: NatsServer, events: list[TicketCreated]) -> None:
    """Return when the broker has sent the events to the subscription, which has had no turn to read them."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(b'CONNECT {"verbose": false}\r\nSUB deliver.> 1\r\n')
        for each in events:
            data = each.to_json().encode()
            connection.sendall(f"PUB {each.subject} {len(data)}\r\n".encode() + data + b"\r\n")
        received = b""
        while received.count(b"$JS.ACK.") < len(events):
            received += connection.recv(65_536)


class IgnoresACancellation(Subscription[Effects]):
    """Its first look at the durable consumer ends normally when it is cancelled, as asyncio.wait_for can do."""

    looked: asyncio.Event

    async def _why_unusable(self, config: ConsumerConfig) -> str:
        reason = await super()._why_unusable(config)
        if self._background and not self.looked.is_set():
            self.looked.set()
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        return reason


async def test_a_cancellation_that_is_ignored_does_not_block_the_stop(streams: EventStreams) -> None:
    await provision_consumers(streams.broker.jetstream, [CONSUMER], QUICK)
    dead_letters = DeadLetters(Publisher(streams.broker))
    stopping = IgnoresACancellation(CONSUMER, Effects(nothing), streams.broker, dead_letters, QUICK)
    stopping.looked = asyncio.Event()
    await stopping.start()
    async with asyncio.timeout(10):
        await stopping.looked.wait()
        await stopping.stop(0.1)
