"""What becomes of a delivery: acknowledged after its effect, tried again, held, or dead-lettered."""

import asyncio
import socket
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from operator import eq

import pytest
from common.tests.consuming import CONSUMER, NAME, PATIENT, Effects, consuming, event, info, nothing, unanswered
from pymongo.errors import ServerSelectionTimeoutError

from common.domain.errors import DependencyUnavailable, PermanentFailure, RetryLater
from common.events.tickets import TicketCreated
from common.events.tracing import current_cause, current_trace_id
from common.messaging.broker import Broker
from common.messaging.consumer import Consumer
from common.messaging.dead_letters import DeadLetters
from common.messaging.provisioning import provision_consumers
from common.messaging.publisher import Publisher
from common.messaging.retry import RetryPolicy
from common.messaging.subscription import Subscription
from devkit.servers.nats_server import NatsServer
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import QUICK

LONG = 1e9


async def test_a_delivery_is_acknowledged_after_its_effect_and_not_before(streams: EventStreams) -> None:
    may_finish = asyncio.Event()

    async def wait(_event: TicketCreated) -> None:
        await may_finish.wait()

    effects = Effects(wait)
    async with consuming(effects, streams):
        await streams.publish(event())
        await eventually(lambda: _value(effects.seen), what="the delivery")
        assert (await info(streams)).num_ack_pending == 1
        may_finish.set()
        await streams.eventually_quiet(NAME)
    assert len(effects.seen) == len(effects.done) == 1


async def test_a_service_that_was_down_catches_up_with_what_it_missed(streams: EventStreams) -> None:
    await streams.publish(*(event() for _ in range(300)))
    effects = Effects(nothing)
    async with consuming(effects, streams):
        await streams.eventually_quiet(NAME)
    assert len(set(effects.done)) == 300


async def test_deliveries_gather_where_nobody_waits_for_the_reaction(streams: EventStreams) -> None:
    effects = Effects(nothing)
    async with consuming(effects, streams, consumer=lingering(LONG)):
        for number in range(1, 6):  # one at a time: with others behind it, none would wait
            await streams.publish(event())
            await eventually(lambda: unanswered(streams), until=partial(eq, number), what="the next delivery")
        assert not effects.seen
    async with consuming(effects, streams, consumer=lingering(0.01)):
        await streams.eventually_quiet(NAME)
    assert len(effects.done) == 5


async def test_a_backlog_does_not_wait_for_company_but_its_last_event(streams: EventStreams) -> None:
    await streams.publish(*(event() for _ in range(300)))
    effects = Effects(nothing)
    async with consuming(effects, streams, consumer=lingering(LONG)):
        await eventually(lambda: _value(len(effects.done)), until=lambda many: many == 299, what="all but one")
        await eventually(lambda: unanswered(streams), until=lambda many: many == 1, what="their acknowledgements")


async def test_two_instances_share_the_work_and_each_event_goes_to_one_of_them(streams: EventStreams) -> None:
    first, second = Effects(nothing), Effects(nothing)
    async with AsyncExitStack() as stack:
        for effects in (first, second):
            await stack.enter_async_context(consuming(effects, streams))
        await streams.publish(*(event() for _ in range(200)))
        await streams.eventually_quiet(NAME)
    assert Counter(first.done + second.done).most_common(1)[0][1] == 1
    assert len(first.done) + len(second.done) == 200
    assert first.done
    assert second.done


async def test_an_instance_that_stops_drops_nothing_that_the_broker_has_sent_it(
    streams: EventStreams, nats_server: NatsServer
) -> None:
    effects = Effects(nothing)
    async with consuming(effects, streams) as subscription:
        await streams.broker.ping()
        publish_while_the_event_loop_is_busy(nats_server, [event() for _ in range(CONSUMER.max_in_flight)])
        await subscription.stop(5)
        # Nobody is there any more to whom it could be delivered again: what was dropped would stay unanswered.
        await eventually(lambda: unanswered(streams), until=lambda many: many == 0, what="an answer to every delivery")
        assert effects.done


def publish_while_the_event_loop_is_busy(server: NatsServer, events: list[TicketCreated]) -> None:
    """Return when the broker has sent the first ones on to the subscriber, who has not had a turn to read them."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(b'CONNECT {"verbose": false}\r\nSUB deliver.> 1\r\n')
        for each in events:
            data = each.to_json().encode()
            connection.sendall(f"PUB {each.subject} {len(data)}\r\n".encode() + data + b"\r\n")
        received = b""
        while received.count(b"$JS.ACK.") < len(events):
            received += connection.recv(65_536)


async def test_a_reaction_that_fails_once_is_tried_again_after_a_delay(streams: EventStreams) -> None:
    async def fail_at_first(_event: TicketCreated) -> None:
        if len(effects.seen) == 1:
            raise RuntimeError("a passing fault")

    effects = Effects(fail_at_first)
    async with consuming(effects, streams):
        await streams.publish(event())
        await eventually(lambda: _value(effects.done), what="the second attempt")
        await streams.eventually_quiet(NAME)
    assert (len(effects.seen), len(effects.done)) == (2, 1)
    assert await streams.dead_letters() == []


async def test_an_event_whose_reaction_always_fails_becomes_one_dead_letter_with_everything_needed_to_replay_it(
    streams: EventStreams,
) -> None:
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
    assert letter.headers["dead-letter-deliveries"] == str(PATIENT.deliveries)
    assert letter.headers["dead-letter-subject"] == poison.subject
    assert letter.headers["dead-letter-message-id"] == letter.headers["ce-id"] == poison.event_id
    assert len(await streams.dead_letters()) == 1


@pytest.mark.parametrize(
    ("subject", "data"),
    [
        ("ticket.created.65f0c0ffee00000000000010", b"{not json"),
        ("ticket.created.65f0c0ffee00000000000010", b'{"id": "65f0c0ffee00000000000010"}'),
        ("ticket.created.65f0c0ffee00000000000010", b'{"id": "another", "version": 1, "title": "", "price": 1}'),
    ],
)
async def test_a_malformed_event_becomes_a_dead_letter_at_its_first_delivery_and_the_next_one_is_handled(
    streams: EventStreams, subject: str, data: bytes
) -> None:
    good = event()
    effects = Effects(nothing)
    async with consuming(effects, streams):
        await streams.publish_bytes(subject, data)
        await streams.publish(good)
        (letter,) = await eventually(streams.dead_letters, what="the dead letter")
        await streams.eventually_quiet(NAME)
    assert (letter.data, letter.headers["dead-letter-deliveries"]) == (data, "1")
    assert effects.done == [good.id]


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
    "outage", [ServerSelectionTimeoutError("no mongod"), DependencyUnavailable("the card processor is away")]
)
async def test_an_outage_burns_no_deliveries_however_long_it_lasts(streams: EventStreams, outage: Exception) -> None:
    attempts = QUICK.max_deliver + 3

    async def unavailable_at_first(_event: TicketCreated) -> None:
        if len(effects.seen) < attempts:
            raise outage

    effects = Effects(unavailable_at_first)
    async with consuming(
        effects, streams, policy=QUICK
    ):  # an attempt a second, longer in all than the ack_wait of one second
        await streams.publish(event())
        await eventually(lambda: _value(effects.done), what="the end of the outage", within=20)
        delivered = (await info(streams)).delivered
        await streams.eventually_quiet(NAME)
    assert delivered is not None
    assert delivered.consumer_seq == 1
    assert await streams.dead_letters() == []


async def test_a_reaction_that_takes_longer_than_the_ack_wait_is_not_delivered_again_meanwhile(
    streams: EventStreams,
) -> None:
    clock = asyncio.get_running_loop().time

    async def take_three_times_the_ack_wait(_event: TicketCreated) -> None:
        end = clock() + 3 * QUICK.ack_wait
        await eventually(lambda: _value(clock() > end), what="the end of a slow handler")

    effects = Effects(take_three_times_the_ack_wait)
    async with consuming(effects, streams, policy=QUICK):
        await streams.publish(event())
        await eventually(lambda: _value(effects.done), what="the effect")
        await streams.eventually_quiet(NAME)
    assert len(effects.seen) == 1


async def test_an_event_that_comes_too_early_comes_again_when_it_asked_for_it(streams: EventStreams) -> None:
    async def too_early_at_first(_event: TicketCreated) -> None:
        if len(effects.seen) == 1:
            raise RetryLater(0.2)

    effects = Effects(too_early_at_first)
    async with consuming(effects, streams):
        await streams.publish(event())
        await eventually(lambda: _value(effects.done), what="the second delivery")
    assert len(effects.seen) == 2


async def test_an_event_that_killed_its_consumer_each_time_becomes_a_dead_letter_without_another_try(
    streams: EventStreams,
) -> None:
    """Deliveries that nobody answers stand for processes that died; the next one looks at the count first."""
    policy = RetryPolicy(delays=(0.05,), ack_wait=0.2, max_unanswered=2)
    await provision_consumers(streams.broker.jetstream, [CONSUMER], policy)
    config = CONSUMER.config(policy)
    deaths: list[int] = []

    async def die(message: object) -> None:
        deaths.append(1)

    dying = await streams.broker.client.subscribe(config.deliver_subject or "", queue=NAME, cb=die)
    await streams.publish(event())
    await eventually(lambda: _value(len(deaths) >= policy.max_unanswered), what="the deaths")
    await dying.unsubscribe()

    effects = Effects(nothing)
    async with consuming(effects, streams, policy=policy):
        (letter,) = await eventually(streams.dead_letters, what="the dead letter")
    assert effects.seen == []
    assert "died" in letter.headers["dead-letter-reason"]


async def test_a_consumer_that_dies_between_its_write_and_its_ack_is_followed_by_another_that_gets_the_event(
    streams: EventStreams,
) -> None:
    async def written_but_never_returns(_event: TicketCreated) -> None:
        await asyncio.Event().wait()

    stuck, next_one = Effects(written_but_never_returns), Effects(nothing)
    async with consuming(stuck, streams) as subscription:
        await streams.publish(event())
        await eventually(lambda: _value(stuck.seen), what="the first delivery")
        await subscription.stop(0)  # hands it back without an acknowledgement
        async with consuming(next_one, streams):
            await eventually(lambda: _value(next_one.done), what="the second delivery")


async def test_a_reaction_runs_in_the_trace_of_its_event_and_names_it_as_the_cause(streams: EventStreams) -> None:
    context: list[tuple[str | None, str]] = []

    async def look(_event: TicketCreated) -> None:
        context.append((current_trace_id(), current_cause()))

    published = event()
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    async with consuming(Effects(look), streams):
        traceparent = f"00-{trace_id}-00f067aa0ba902b7-01"
        await streams.publish_bytes(published.subject, published.to_json().encode(), {"traceparent": traceparent})
        await eventually(lambda: _value(context), what="the handler")
    assert context == [(trace_id, published.event_id)]


async def test_a_service_waits_for_its_consumer_to_be_provisioned_as_declared(
    streams: EventStreams, capsys: pytest.CaptureFixture[str]
) -> None:
    effects = Effects(nothing)
    subscription = Subscription(CONSUMER, effects, streams.broker, DeadLetters(Publisher(streams.broker)), QUICK)
    starting = asyncio.create_task(subscription.start())
    await eventually(lambda: _value("does not exist yet" in _log(capsys)), what="a line that says what it waits for")
    await provision_consumers(streams.broker.jetstream, [CONSUMER], RetryPolicy())
    await eventually(lambda: _value("ack_wait, max_deliver differ" in _log(capsys)), what="the line on the settings")
    assert not starting.done()
    await provision_consumers(streams.broker.jetstream, [CONSUMER], QUICK)
    await asyncio.wait_for(starting, 5)
    await streams.publish(event())
    await eventually(lambda: _value(effects.done), what="the first event")
    await subscription.stop(1)


async def test_consuming_goes_on_by_itself_after_kill_9_of_the_broker(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    from common.messaging.provisioning import provision_streams  # noqa: PLC0415
    from devkit.servers.ports import free_port  # noqa: PLC0415

    async with NatsServer(tmp_path_factory.mktemp("own-nats"), free_port()) as server:
        broker = Broker(server.url, "test")
        await broker.connect()
        await provision_streams(broker.jetstream)
        streams = EventStreams(broker)
        effects = Effects(nothing)
        async with consuming(effects, streams):
            before, after = event(), event()
            await streams.publish(before)
            await eventually(lambda: _value(effects.done), what="the event before")
            await server.kill()
            await server.start()
            await eventually(lambda: _connected(broker), what="the connection")
            await streams.publish(after)
            await eventually(lambda: _value(after.id in effects.done), what="the event after")
        assert set(effects.done) == {before.id, after.id}
        await broker.close()


def lingering(seconds: float) -> Consumer[Effects]:
    return replace(CONSUMER, batch_window_seconds=seconds)


async def _connected(broker: Broker) -> bool:
    return broker.is_connected


async def _value(value: object) -> object:
    return value


_captured: dict[int, str] = {}


def _log(capsys: pytest.CaptureFixture[str]) -> str:
    _captured[id(capsys)] = _captured.get(id(capsys), "") + capsys.readouterr().out
    return _captured[id(capsys)]
