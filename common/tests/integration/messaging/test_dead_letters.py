"""Dead letters: each is stored before its event is terminated, is stored once, and is accepted by the stream."""

import pytest
from common.tests.consuming import NAME, Effects, consuming, event, info, nothing, unanswered
from nats.js.api import PubAck
from structlog.testing import capture_logs

from common.domain.clock import utc_now
from common.domain.errors import PermanentFailure
from common.domain.ids import new_id
from common.events.tickets import TicketCreated
from common.events.timers import DeadlineTimer
from common.messaging.broker import Broker
from common.messaging.consumer import Consumer
from common.messaging.provisioning import provision_streams
from common.messaging.publisher import Publisher
from common.messaging.retry import RetryPolicy
from common.messaging.streams import DEAD_LETTERS
from devkit.testing.events import EventStreams, StoredMessage
from devkit.testing.eventually import eventually
from devkit.testing.interception import Died

SOON_DELIVERED_AGAIN = RetryPolicy(delays=(), ack_wait=0.2)


class DyingOnce(Publisher):
    """Simulates that the process dies at its first message: before the stream has stored it, or after that."""

    def __init__(self, broker: Broker, *, stores_first: bool) -> None:
        super().__init__(broker)
        self._stores_first = stores_first
        self._has_died = False

    async def publish_raw(self, subject: str, data: bytes, headers: dict[str, str]) -> PubAck:
        dies, self._has_died = not self._has_died, True
        if dies and not self._stores_first:
            raise Died
        answer = await super().publish_raw(subject, data, headers)
        if dies:
            raise Died
        return answer


class CountingPublisher(Publisher):
    """Counts how often it was asked to publish a message."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker)
        self._attempts = 0

    async def count(self) -> int:
        return self._attempts

    async def publish_raw(self, subject: str, data: bytes, headers: dict[str, str]) -> PubAck:
        self._attempts += 1
        return await super().publish_raw(subject, data, headers)


async def refuse(_event: TicketCreated) -> None:
    raise PermanentFailure("it names what does not exist")


async def the_dead_letter(streams: EventStreams) -> StoredMessage:
    letter, *_ = await eventually(streams.dead_letters, within=5, what="the dead letter")
    return letter


async def test_an_event_whose_dead_letter_was_not_stored_is_delivered_again(streams: EventStreams) -> None:
    """So nothing may terminate the delivery before its dead letter is stored."""
    poison = event()
    publisher = DyingOnce(streams.broker, stores_first=False)
    async with consuming(Effects(refuse), streams, policy=SOON_DELIVERED_AGAIN, publisher=publisher):
        await streams.publish(poison)
        letter = await the_dead_letter(streams)
        await streams.eventually_quiet(NAME)
    assert letter.data == poison.to_json().encode()


async def test_a_crash_before_the_termination_leaves_one_dead_letter(streams: EventStreams) -> None:
    """The event is delivered again, and its second dead letter is a duplicate of the first."""
    effects = Effects(refuse)
    publisher = DyingOnce(streams.broker, stores_first=True)
    async with consuming(effects, streams, policy=SOON_DELIVERED_AGAIN, publisher=publisher):
        await streams.publish(event())
        await eventually(effects.calls, until=lambda calls: calls == 2, within=5, what="the second delivery")
        await streams.eventually_quiet(NAME)
    assert len(await streams.dead_letters()) == 1


@pytest.mark.slow
async def test_an_event_waits_for_its_dead_letter_while_the_stream_is_missing(streams: EventStreams) -> None:
    """The broker would deliver it four times with this policy, and then no more. The next event is handled."""
    policy = RetryPolicy(delays=(), ack_wait=2.0, max_unanswered=1)
    publisher = CountingPublisher(streams.broker)
    poison, good = event(), event()

    async def refuse_poison(seen: TicketCreated) -> None:
        if seen.id == poison.id:
            raise PermanentFailure("it names what does not exist")

    effects = Effects(refuse_poison)
    await streams.broker.jetstream.delete_stream(DEAD_LETTERS.name)
    with capture_logs() as logs:
        async with consuming(effects, streams, policy=policy, publisher=publisher):
            await streams.publish(poison, good)
            await eventually(effects.completed, what="the next event")
            # With the pauses between them, eight attempts take 4.8 s. That is longer than `ack_wait`, twice.
            await eventually(publisher.count, until=lambda attempts: attempts >= 8, what="eight attempts")
            delivered = (await info(streams)).delivered
            assert await unanswered(streams) == 1
            await provision_streams(streams.broker.jetstream)
            await streams.eventually_quiet(NAME)
            letters = await streams.dead_letters()
    assert [letter.headers["dead-letter-message-id"] for letter in letters] == [poison.event_id]
    assert delivered is not None
    assert delivered.consumer_seq == 2
    assert ([seen.id for seen in effects.seen], effects.done) == ([poison.id, good.id], [good.id])
    assert len([line for line in logs if "holding the event" in line["event"]]) == 1


async def test_an_event_that_waits_for_its_dead_letter_goes_to_another_instance(streams: EventStreams) -> None:
    """When its instance stops. Without the nak, the broker would wait for an answer, half a minute with this policy."""
    stopped, other = Effects(refuse), Effects(refuse)
    await streams.broker.jetstream.delete_stream(DEAD_LETTERS.name)
    async with consuming(stopped, streams) as stopping:
        await streams.publish(event())
        await eventually(stopped.calls, what="the first delivery")
        async with consuming(other, streams):
            await stopping.stop(0.2)
            await eventually(other.calls, within=3, what="the delivery to the other instance")
            await provision_streams(streams.broker.jetstream)
            await streams.eventually_quiet(NAME)
    assert len(await streams.dead_letters()) == 1


async def test_a_dead_letter_has_the_data_and_the_headers_of_its_event(streams: EventStreams) -> None:
    async with consuming(Effects(refuse), streams):
        await streams.publish(event())
        letter = await the_dead_letter(streams)
    (original,) = await streams.envelopes(TicketCreated)
    assert letter.data == original.data
    expected = {name: value for name, value in original.headers.items() if name != "Nats-Msg-Id"}
    assert expected.keys() >= {"ce-id", "ce-type", "ce-time", "content-type"}
    assert {name: letter.headers.get(name) for name in expected} == expected


async def test_two_events_that_cannot_be_handled_become_two_dead_letters(streams: EventStreams) -> None:
    poisons = [event(), event()]
    async with consuming(Effects(refuse), streams):
        await streams.publish(*poisons)
        await streams.eventually_quiet(NAME)
    letters = await streams.dead_letters()
    assert sorted(letter.headers["ce-subject"] for letter in letters) == sorted(poison.id for poison in poisons)


async def test_an_event_that_fails_with_a_very_long_message_becomes_a_dead_letter(streams: EventStreams) -> None:
    """Longer than a message may be. The dead letter contains its beginning."""

    async def fail_verbosely(_event: TicketCreated) -> None:
        raise PermanentFailure("no " * 100_000)

    async with consuming(Effects(fail_verbosely), streams):
        await streams.publish(event())
        letter = await the_dead_letter(streams)
    assert letter.headers["dead-letter-reason"].startswith("no no no")


async def test_a_dead_letter_has_no_headers_with_instructions_to_the_broker(streams: EventStreams) -> None:
    """A timer that has fired has a time to live. The dead-letter stream would refuse it."""

    async def refuse_timer(_effects: Effects, _timer: DeadlineTimer) -> None:
        raise PermanentFailure("no such order")

    timer = DeadlineTimer(id=new_id(), version=1, expires_at=utc_now())
    consumer: Consumer[Effects] = Consumer(NAME, (DeadlineTimer,), refuse_timer)
    async with consuming(Effects(nothing), streams, consumer=consumer):
        await streams.publish_bytes(timer.subject, timer.to_json().encode(), {"Nats-TTL": "1h", "ce-id": "timer-1"})
        letter = await the_dead_letter(streams)
    assert letter.headers["ce-id"] == "timer-1"
    assert {name for name in letter.headers if name.startswith("Nats-")} <= {"Nats-Msg-Id"}
