"""Dead letters: listed with their reason, replayed at the one consumer that failed, or dropped."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from marketplace.tests.integration.operated import an_operator, running

from common.events.orders import OrderCreated
from common.messaging import dead_letters as dead_letter
from common.messaging.provisioning import provision_consumers
from common.messaging.retry import RetryPolicy
from common.messaging.streams import DEAD_LETTERS, DOMAIN_EVENTS
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import Surroundings, somebody
from devkit.testing.samples import order_events
from marketplace.operations.dead_letters import (
    DeadLetter,
    drop_dead_letter,
    find_dead_letter,
    list_dead_letters,
    replay_dead_letter,
)
from marketplace.operations.operator import Operator
from marketplace.operations.replay_client import ReplayClient
from tickets.consumers import CONSUMERS
from tickets.ticket import Ticket

HOLD = CONSUMERS[0]


@pytest.fixture
async def operator(surroundings: Surroundings) -> AsyncIterator[Operator]:
    async with an_operator(surroundings) as connection:
        yield connection


async def eventually_listed(operator: Operator, count: int = 1) -> list[DeadLetter]:
    return await eventually(
        lambda: list_dead_letters(operator), until=lambda seen: len(seen) == count, what=f"{count} dead letters"
    )


def ticket_of(event: OrderCreated) -> Ticket:
    return Ticket(id=event.ticket.id, title="Concert", price=1999, user_id=somebody(), version=1)


@asynccontextmanager
async def a_delivery_without_answer(streams: EventStreams) -> AsyncIterator[OrderCreated]:
    """A consumer crashes at each delivery, so only NATS can report the failure."""
    await provision_consumers(streams.broker.jetstream, [HOLD], RetryPolicy(delays=(), ack_wait=0.1, max_unanswered=0))
    crashing = await streams.broker.client.subscribe(f"deliver.{HOLD.name}", queue=HOLD.name)
    event, _, _ = order_events("65f0c0ffee00000000000010")
    await streams.publish(event)
    try:
        yield event
    finally:
        await crashing.unsubscribe()


async def test_an_empty_stream_has_no_dead_letters(operator: Operator) -> None:
    assert await list_dead_letters(operator) == []
    assert await find_dead_letter(operator, 1) is None


async def test_a_replay_succeeds_after_the_repair_and_drops_the_dead_letter(
    surroundings: Surroundings, streams: EventStreams, operator: Operator
) -> None:
    event, _, _ = order_events("65f0c0ffee00000000000010")
    async with running(surroundings, "tickets") as services:
        await streams.publish(event)
        (letter,) = await eventually_listed(operator)
        assert (letter.consumer, letter.event, letter.deliveries) == (HOLD.name, event.subject, 1)
        assert (letter.stream, letter.sequence) == (DOMAIN_EVENTS.name, 1)
        assert letter.reason == f"an order names the ticket {event.ticket.id}, which does not exist"
        assert letter.data == event.to_json().encode()

        assert await replay_dead_letter(operator, letter) == f"PermanentFailure: {letter.reason}"
        assert await list_dead_letters(operator) == [letter]

        await services["tickets"].use_cases._tickets.add(ticket_of(event))
        assert await replay_dead_letter(operator, letter) == ""
        assert await list_dead_letters(operator) == []
        found = await services["tickets"].collection("tickets").find_one({"_id": event.ticket.id})
        assert found is not None
        assert found["order_id"] == event.id


async def test_a_replay_fails_if_the_service_is_down(streams: EventStreams, operator: Operator) -> None:
    headers = {dead_letter.CONSUMER: HOLD.name, dead_letter.SUBJECT: "order.created.x", dead_letter.DELIVERIES: "many"}
    await streams.publish_bytes(f"dead-letter.{HOLD.name}", b"\xff\x1b[2J", headers)
    (letter,) = await list_dead_letters(operator)
    assert (letter.deliveries, letter.as_json()["data"]) == (0, "\\xff\x1b[2J")
    assert "is its service running?" in await replay_dead_letter(operator, letter)
    assert await list_dead_letters(operator) == [letter]


async def test_a_consumer_that_did_not_answer_gets_no_second_request(streams: EventStreams, operator: Operator) -> None:
    """A service that was stopped with SIGSTOP is still connected, so only the timeout shows that it does not answer."""
    asked = await streams.broker.client.subscribe(f"replay.{HOLD.name}")
    await streams.broker.client.flush()  # the server has the subscription before the first request
    client = ReplayClient(operator, answer_seconds=0.1)
    first, second = [await client.replay(HOLD.name, "order.created.x", b"{}") for _ in range(2)]
    assert first == second
    assert "TimeoutError" in first, "NATS knows the subscription, so only the timeout can end the request"
    assert "is its service running?" in first

    async def requests() -> int:
        return asked.pending_msgs

    await eventually(requests, what="the first request")
    await operator.broker.client.flush()  # the server has all requests
    await streams.broker.client.flush()  # this client has received them
    assert asked.pending_msgs == 1
    await asked.unsubscribe()


async def test_a_delivery_that_nats_reports_is_a_dead_letter_with_the_original_event(
    surroundings: Surroundings, streams: EventStreams, operator: Operator
) -> None:
    async with a_delivery_without_answer(streams) as event:
        (letter,) = await eventually_listed(operator)
    assert (letter.consumer, letter.event, letter.deliveries) == (HOLD.name, event.subject, 3)
    assert letter.data == event.to_json().encode()
    assert letter.headers["ce-id"] == event.event_id
    assert "never answered" in letter.reason
    async with running(surroundings, "tickets") as services:
        await services["tickets"].use_cases._tickets.add(ticket_of(event))
        assert await replay_dead_letter(operator, letter) == ""
        assert await list_dead_letters(operator) == []
        found = await services["tickets"].collection("tickets").find_one({"_id": event.ticket.id})
        assert found is not None
        assert found["order_id"] == event.id


async def test_a_delivery_reported_by_nats_and_its_consumer_is_one_dead_letter(
    streams: EventStreams, operator: Operator
) -> None:
    async with a_delivery_without_answer(streams) as event:
        (reported,) = await eventually_listed(operator)
    headers = {
        dead_letter.CONSUMER: HOLD.name,
        dead_letter.SUBJECT: event.subject,
        dead_letter.REASON: "ValueError: no",
        dead_letter.STREAM: reported.stream,
        dead_letter.SEQUENCE: str(reported.sequence),
    }
    await streams.publish_bytes(f"dead-letter.{HOLD.name}", event.to_json().encode(), headers)
    (letter,) = await list_dead_letters(operator)
    assert (letter.reason, letter.advisories) == ("ValueError: no", (reported.id,))
    await drop_dead_letter(operator, letter)
    assert await list_dead_letters(operator) == []
    assert (await streams.broker.jetstream.stream_info(DEAD_LETTERS.name)).state.messages == 0


async def test_a_dead_letter_whose_event_was_deleted_can_only_be_dropped(
    streams: EventStreams, operator: Operator
) -> None:
    async with a_delivery_without_answer(streams):
        (letter,) = await eventually_listed(operator)
    await streams.broker.jetstream.delete_msg(letter.stream, letter.sequence)
    (gone,) = await list_dead_letters(operator)
    assert "no longer in its stream" in gone.reason
    assert await replay_dead_letter(operator, gone) == gone.reason
    await drop_dead_letter(operator, gone)
    assert await list_dead_letters(operator) == []
