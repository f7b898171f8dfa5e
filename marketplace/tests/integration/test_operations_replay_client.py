"""A replay of a dead letter goes only to the consumer that failed, and drops the letter only if it succeeds."""

import asyncio

from marketplace.tests.integration.operated import an_operator
from nats.aio.msg import Msg
from typer.testing import CliRunner

from common.messaging import dead_letters as dead_letter
from common.messaging.replay import REPLAYED
from common.messaging.streams import DEAD_LETTERS, DOMAIN_EVENTS
from devkit.testing.events import EventStreams
from devkit.testing.running import Surroundings
from devkit.testing.samples import order_events
from marketplace.operations.dead_letter_commands import dead_letters
from marketplace.operations.dead_letters import list_dead_letters, replay_dead_letter

CONSUMER = "tickets-hold-ticket-on-order-created"


async def a_dead_letter(streams: EventStreams, consumer: str = CONSUMER) -> str:
    """Publish a dead letter; return the subject of its event."""
    event, _, _ = order_events("65f0c0ffee00000000000010")
    headers = {dead_letter.CONSUMER: consumer, dead_letter.SUBJECT: event.subject, dead_letter.REASON: "no"}
    await streams.publish_bytes(f"dead-letter.{consumer}", event.to_json().encode(), headers)
    return event.subject


async def test_a_replay_reaches_the_consumer_that_failed_and_no_other(
    surroundings: Surroundings, streams: EventStreams
) -> None:
    """A new publication would reach every consumer of the event."""
    subject = await a_dead_letter(streams)
    asked: list[tuple[str, str]] = []

    async def handle(message: Msg) -> None:
        asked.append((message.subject, (message.headers or {})[dead_letter.SUBJECT]))
        await message.respond(REPLAYED)

    consumers = await streams.broker.client.subscribe("replay.>", cb=handle)
    await streams.broker.client.flush()
    async with an_operator(surroundings) as operator:
        (letter,) = await list_dead_letters(operator)
        await replay_dead_letter(operator, letter)
        assert asked == [(f"replay.{CONSUMER}", subject)]
        assert await list_dead_letters(operator) == []
    await consumers.unsubscribe()
    assert (await streams.broker.jetstream.stream_info(DOMAIN_EVENTS.name)).state.messages == 0


async def test_a_dead_letter_that_fails_again_stays(surroundings: Surroundings, streams: EventStreams) -> None:
    await a_dead_letter(streams)

    async def refuse(message: Msg) -> None:
        await message.respond(b"PermanentFailure: still no")

    consumers = await streams.broker.client.subscribe("replay.>", cb=refuse)
    await streams.broker.client.flush()
    async with an_operator(surroundings) as operator:
        (letter,) = await list_dead_letters(operator)
        assert await replay_dead_letter(operator, letter) == "PermanentFailure: still no"
        assert await list_dead_letters(operator) == [letter]
    await consumers.unsubscribe()


async def test_nothing_is_dropped_if_one_of_the_ids_is_unknown(
    environment: dict[str, str], streams: EventStreams
) -> None:
    """A typing error in one id means that another id may be wrong as well."""
    await a_dead_letter(streams)
    dropped = await asyncio.to_thread(CliRunner().invoke, dead_letters, ["drop", "1", "7"], env=environment)
    assert (dropped.exit_code, dropped.stdout) == (1, "")
    assert (await streams.broker.jetstream.stream_info(DEAD_LETTERS.name)).state.messages == 1
