"""A subscription that stops finishes its deliveries, or gives them back to the broker."""

import asyncio
import socket

from common.tests.consuming import CONSUMER, Effects, consuming, event, never_return, nothing, unanswered

from common.events.tickets import TicketCreated
from devkit.servers import NatsServer
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually


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
