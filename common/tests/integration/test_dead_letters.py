"""Dead letters: no event is lost on its way there, each is stored once, and the stream takes every one of them."""

from common.tests.consuming import CONSUMER, NAME, Effects, consuming, event, nothing

from common.domain.clock import utc_now
from common.domain.errors import DependencyUnavailable, PermanentFailure
from common.domain.ids import new_id
from common.events.tickets import TicketCreated
from common.events.timers import DeadlineTimer
from common.messaging.broker import Broker
from common.messaging.consumer import Consumer
from common.messaging.publisher import Publisher
from common.messaging.retry import RetryPolicy
from devkit.testing.events import EventStreams, StoredMessage
from devkit.testing.eventually import eventually

SOON_DELIVERED_AGAIN = RetryPolicy(delays=(), ack_wait=0.2)


class FailingOnce(Publisher):
    """Fails the first time: either before the stream has stored the message, or after that, as if the ack was lost.

    The consumer answers the delivery in neither case, so to the broker it looks like a process that died there.
    """

    def __init__(self, broker: Broker, *, stores_first: bool) -> None:
        super().__init__(broker)
        self._stores_first = stores_first
        self._has_failed = False

    async def publish_raw(self, subject: str, data: bytes, headers: dict[str, str]) -> None:
        fails, self._has_failed = not self._has_failed, True
        if not fails or self._stores_first:
            await super().publish_raw(subject, data, headers)
        if fails:
            raise DependencyUnavailable("The message broker does not answer.")


async def refuse(_event: TicketCreated) -> None:
    raise PermanentFailure("it names what does not exist")


async def the_dead_letter(streams: EventStreams) -> StoredMessage:
    letter, *_ = await eventually(streams.dead_letters, within=5, what="the dead letter")
    return letter


async def test_an_event_whose_dead_letter_was_not_stored_is_delivered_again(streams: EventStreams) -> None:
    """As after a process that died before it could store the dead letter: nothing may be terminated before that."""
    poison = event()
    publisher = FailingOnce(streams.broker, stores_first=False)
    async with consuming(Effects(refuse), streams, policy=SOON_DELIVERED_AGAIN, publisher=publisher):
        await streams.publish(poison)
        letter = await the_dead_letter(streams)
        await streams.eventually_quiet(NAME)
    assert letter.data == poison.to_json().encode()


async def test_a_death_between_dead_letter_and_termination_leaves_one_dead_letter(streams: EventStreams) -> None:
    """The event is delivered again, and its second dead letter is a duplicate of the first."""
    effects = Effects(refuse)
    publisher = FailingOnce(streams.broker, stores_first=True)
    async with consuming(effects, streams, policy=SOON_DELIVERED_AGAIN, publisher=publisher):
        await streams.publish(event())
        await eventually(effects.calls, until=lambda calls: calls == 2, within=5, what="the second delivery")
        await streams.eventually_quiet(NAME)
    assert len(await streams.dead_letters()) == 1


async def test_a_dead_letter_has_the_bytes_and_the_headers_of_its_event(streams: EventStreams) -> None:
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
    """Longer than a message may be: the dead letter has as much of it as fits."""

    async def fail_verbosely(_event: TicketCreated) -> None:
        raise PermanentFailure("no " * 100_000)

    async with consuming(Effects(fail_verbosely), streams):
        await streams.publish(event())
        letter = await the_dead_letter(streams)
    assert letter.headers["dead-letter-reason"].startswith("no no no")


async def test_a_dead_letter_carries_no_orders_to_the_broker(streams: EventStreams) -> None:
    """A timer that has fired has a time to live, which the stream of the dead letters would refuse."""

    async def refuse_timer(_effects: Effects, _timer: DeadlineTimer) -> None:
        raise PermanentFailure("no such order")

    timer = DeadlineTimer(id=new_id(), version=1, expires_at=utc_now())
    consumer: Consumer[Effects] = Consumer(NAME, (DeadlineTimer,), refuse_timer)
    async with consuming(Effects(nothing), streams, consumer=consumer):
        await streams.publish_bytes(timer.subject, timer.to_json().encode(), {"Nats-TTL": "1h", "ce-id": "timer-1"})
        letter = await the_dead_letter(streams)
    assert letter.headers["ce-id"] == "timer-1"
    assert {name for name in letter.headers if name.startswith("Nats-")} <= {"Nats-Msg-Id"}


async def test_an_event_under_the_subject_of_another_aggregate_is_not_handled(streams: EventStreams) -> None:
    misplaced, good = event(), event()
    effects = Effects(nothing)
    async with consuming(effects, streams):
        await streams.publish_bytes(f"ticket.created.{new_id()}", misplaced.to_json().encode())
        await streams.publish(good)
        await eventually(effects.completed, what="the next event")
        await streams.eventually_quiet(NAME)
    assert effects.done == [good.id]
    (letter,) = await streams.dead_letters()
    assert (letter.data, letter.headers["dead-letter-deliveries"]) == (misplaced.to_json().encode(), "1")


async def test_a_replay_reaches_the_consumer_that_failed_and_no_other(streams: EventStreams) -> None:
    replayed, published = event(), event()
    mine, others = Effects(nothing), Effects(nothing)
    other: Consumer[Effects] = Consumer("another-consumer", CONSUMER.on, CONSUMER.handle)
    async with consuming(others, streams, consumer=other), consuming(mine, streams):
        headers = {"dead-letter-subject": replayed.subject}
        answer = await streams.broker.client.request(
            f"replay.{NAME}", replayed.to_json().encode(), timeout=5, headers=headers
        )
        await streams.publish(published)
        await streams.eventually_quiet(NAME, other.name)
    assert answer.data == b"+OK"
    assert (mine.done, others.done) == ([replayed.id, published.id], [published.id])
