"""A replay is handled by one consumer, and the operator gets the result as the answer."""

from common.tests.consuming import CONSUMER, NAME, Effects, consuming, event, nothing
from nats.aio.msg import Msg

from common.domain.errors import PermanentFailure
from common.events.tickets import TicketCreated
from common.messaging.consumer import Consumer
from common.messaging.dead_letters import SUBJECT
from common.messaging.replay import REPLAYED, replay_subject
from devkit.testing.events import EventStreams


async def replay_at_the_consumer(streams: EventStreams, replayed: TicketCreated) -> Msg:
    """The answer to an operator's replay of this event."""
    data, headers = replayed.to_json().encode(), {SUBJECT: replayed.subject}
    answer: Msg = await streams.broker.client.request(replay_subject(NAME), data, timeout=5, headers=headers)
    return answer


async def test_a_replay_reaches_the_consumer_that_failed_and_no_other(streams: EventStreams) -> None:
    replayed, published = event(), event()
    mine, others = Effects(nothing), Effects(nothing)
    other: Consumer[Effects] = Consumer("another-consumer", CONSUMER.on, CONSUMER.handle)
    async with consuming(others, streams, consumer=other), consuming(mine, streams):
        answer = await replay_at_the_consumer(streams, replayed)
        await streams.publish(published)
        await streams.eventually_quiet(NAME, other.name)
    assert answer.data == REPLAYED
    assert (mine.done, others.done) == ([replayed.id, published.id], [published.id])


async def test_a_replay_that_fails_is_answered_with_the_error(streams: EventStreams) -> None:
    """It is not retried, and there is no second dead letter."""

    async def fail(_event: TicketCreated) -> None:
        raise PermanentFailure("it names what does not exist")

    effects = Effects(fail)
    async with consuming(effects, streams):
        answer = await replay_at_the_consumer(streams, event())
        await streams.eventually_quiet(NAME)
    assert answer.data == b"PermanentFailure: it names what does not exist"
    assert len(effects.seen) == 1
    assert await streams.dead_letters() == []
