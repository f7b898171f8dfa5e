"""The outcome of a delivery: acknowledged, held, or dead-lettered."""

import asyncio

import pytest
from common.tests.consuming import CONSUMER, LONG_ACK_WAIT, NAME, Effects, consuming, event, info, nothing
from pymongo.errors import OperationFailure, ServerSelectionTimeoutError

from common.domain.errors import DependencyUnavailable, PermanentFailure, VersionConflict
from common.domain.ids import new_id
from common.events.tickets import TicketCreated
from common.events.tracing import current_cause, current_trace_id
from common.messaging.provisioning import provision_consumers
from common.messaging.retry import RetryPolicy
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually


async def test_a_delivery_is_acknowledged_after_its_effect_and_not_before(streams: EventStreams) -> None:
    may_finish = asyncio.Event()

    async def wait(_event: TicketCreated) -> None:
        await may_finish.wait()

    effects = Effects(wait)
    async with consuming(effects, streams):
        await streams.publish(event())
        await eventually(effects.calls, what="the delivery")
        assert (await info(streams)).num_ack_pending == 1
        may_finish.set()
        await streams.eventually_quiet(NAME)
    assert len(effects.seen) == len(effects.done) == 1


async def test_a_handler_runs_in_the_trace_of_its_event(streams: EventStreams) -> None:
    """The event is the cause of what the handler does."""
    context: list[tuple[str | None, str]] = []

    async def remember(_event: TicketCreated) -> None:
        context.append((current_trace_id(), current_cause()))

    published = event()
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    effects = Effects(remember)
    async with consuming(effects, streams):
        traceparent = f"00-{trace_id}-00f067aa0ba902b7-01"
        await streams.publish_bytes(published.subject, published.to_json().encode(), {"traceparent": traceparent})
        await eventually(effects.completed, what="the handler")
    assert context == [(trace_id, published.event_id)]


async def test_an_event_whose_handler_always_fails_becomes_one_dead_letter(streams: EventStreams) -> None:
    """The dead letter has everything that a replay needs. The next event is handled."""
    poison, good = event(), event()

    async def fail(seen: TicketCreated) -> None:
        if seen.id == poison.id:
            raise RuntimeError("always\r\nfails")

    effects = Effects(fail)
    async with consuming(effects, streams):
        await streams.publish(poison, good)
        (letter,) = await eventually(streams.dead_letters, what="the dead letter")
        await streams.eventually_quiet(NAME)
    assert effects.done == [good.id]
    assert letter.data == poison.to_json().encode()
    assert letter.subject == f"dead-letter.{NAME}"
    assert letter.headers["dead-letter-reason"] == "RuntimeError: always fails"
    assert letter.headers["dead-letter-consumer"] == NAME
    assert letter.headers["dead-letter-deliveries"] == str(LONG_ACK_WAIT.deliveries)
    assert letter.headers["dead-letter-subject"] == poison.subject
    assert letter.headers["dead-letter-message-id"] == letter.headers["ce-id"] == poison.event_id
    assert len(await streams.dead_letters()) == 1


async def test_a_permanent_failure_becomes_a_dead_letter_at_once(streams: EventStreams) -> None:
    async def fail(_event: TicketCreated) -> None:
        raise PermanentFailure("it names what does not exist")

    effects = Effects(fail)
    async with consuming(effects, streams):
        await streams.publish(event())
        (letter,) = await eventually(streams.dead_letters, what="the dead letter")
        await streams.eventually_quiet(NAME)
    assert len(effects.seen) == 1
    assert letter.headers["dead-letter-reason"] == "it names what does not exist"


@pytest.mark.parametrize(
    ("subject", "data"),
    [
        ("ticket.created.65f0c0ffee00000000000010", b"{not json"),
        ("ticket.created.65f0c0ffee00000000000010", b'{"id": "65f0c0ffee00000000000010"}'),
        ("ticket.created.65f0c0ffee00000000000010", b'{"id": "another", "version": 1, "title": "", "price": 1}'),
        (f"ticket.created.{new_id()}", event().to_json().encode()),
    ],
    ids=["no JSON", "a field is missing", "several fields are wrong", "the subject of another aggregate"],
)
async def test_a_malformed_event_becomes_a_dead_letter_at_its_first_delivery(
    streams: EventStreams, subject: str, data: bytes
) -> None:
    """The next event is handled."""
    good = event()
    effects = Effects(nothing)
    async with consuming(effects, streams):
        await streams.publish_bytes(subject, data)
        await streams.publish(good)
        await eventually(effects.completed, what="the next event")
        await streams.eventually_quiet(NAME)
    (letter,) = await streams.dead_letters()
    assert (letter.data, letter.headers["dead-letter-deliveries"]) == (data, "1")
    assert effects.done == [good.id]


async def test_an_event_that_always_kills_its_process_becomes_a_dead_letter(streams: EventStreams) -> None:
    """Deliveries that nobody answers stand for processes that died. The handler is not called again."""
    policy = RetryPolicy(delays=(0.05,), ack_wait=0.2, max_unanswered=2)
    await provision_consumers(streams.broker.jetstream, [CONSUMER], policy)
    config = CONSUMER.config(policy)
    deaths: list[object] = []

    async def die(message: object) -> None:
        deaths.append(message)

    async def count() -> int:
        return len(deaths)

    dying = await streams.broker.client.subscribe(config.deliver_subject or "", queue=NAME, cb=die)
    await streams.publish(event())
    await eventually(count, until=lambda died: died >= policy.max_unanswered, what="the deaths")
    await dying.unsubscribe()

    effects = Effects(nothing)
    async with consuming(effects, streams, policy=policy):
        (letter,) = await eventually(streams.dead_letters, what="the dead letter")
    assert effects.seen == []
    assert "died" in letter.headers["dead-letter-reason"]


@pytest.mark.parametrize(
    "outage",
    [
        pytest.param(ServerSelectionTimeoutError("no mongod"), id="MongoDB"),
        pytest.param(DependencyUnavailable("the card processor does not answer"), id="another dependency"),
        pytest.param(OperationFailure("no space left", 14031), id="full disk"),
        pytest.param(VersionConflict("somebody else was faster each time"), id="contention, or a stale primary"),
    ],
)
async def test_an_unavailable_dependency_uses_up_no_delivery(streams: EventStreams, outage: Exception) -> None:
    """With this policy the first failed delivery would be the last."""
    policy = RetryPolicy(delays=(), ack_wait=30)

    async def fail_three_times(_event: TicketCreated) -> None:
        if len(effects.seen) <= 3:
            raise outage

    effects = Effects(fail_three_times)
    async with consuming(effects, streams, policy=policy):
        await streams.publish(event())
        await streams.eventually_quiet(NAME)
        delivered = (await info(streams)).delivered
    assert await streams.dead_letters() == []
    assert len(effects.done) == 1
    assert delivered is not None
    assert delivered.consumer_seq == 1


@pytest.mark.slow
async def test_an_outage_longer_than_the_ack_wait_uses_up_no_delivery(streams: EventStreams) -> None:
    policy = RetryPolicy(delays=(), ack_wait=1.0, max_unanswered=1)
    calls = policy.max_deliver + 3  # with the pauses between them, these take 3.8 s

    async def unavailable_at_first(_event: TicketCreated) -> None:
        if len(effects.seen) < calls:
            raise DependencyUnavailable("the card processor does not answer")

    effects = Effects(unavailable_at_first)
    async with consuming(effects, streams, policy=policy):
        await streams.publish(event())
        await eventually(effects.completed, what="the end of the outage", within=20)
        delivered = (await info(streams)).delivered
        await streams.eventually_quiet(NAME)
    assert delivered is not None
    assert delivered.consumer_seq == 1
    assert await streams.dead_letters() == []
