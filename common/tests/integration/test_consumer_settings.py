"""A durable consumer that was provisioned by another version of the service is not consumed from."""

import asyncio
from typing import Any

import pytest
from common.tests.consuming import CONSUMER, NAME, Effects, event, nothing
from structlog.testing import capture_logs

from common.events.tickets import TicketCreated, TicketUpdated
from common.messaging.consumer import Consumer
from common.messaging.dead_letters import DeadLetters
from common.messaging.provisioning import provision_consumers
from common.messaging.publisher import Publisher
from common.messaging.subscription import Subscription
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.running import QUICK

OTHER_SETTINGS: dict[str, Any] = {
    "filter_subjects": [TicketCreated.subjects()],
    "deliver_subject": "deliver.another-consumer",
    "deliver_group": "another-group",
    "ack_wait": QUICK.ack_wait + 29,
    "max_deliver": QUICK.max_deliver + 1,
}
"""What the other version had declared, by the broker's name for the setting."""


async def handle(effects: Effects, event: TicketCreated | TicketUpdated) -> None:
    effects.done.append(event.subject)


BOTH: Consumer[Effects] = Consumer(NAME, (TicketCreated, TicketUpdated), handle)


@pytest.mark.parametrize(("setting", "other"), OTHER_SETTINGS.items(), ids=OTHER_SETTINGS)
async def test_a_service_waits_while_its_consumer_has_another_setting_and_names_it(
    streams: EventStreams, setting: str, other: object
) -> None:
    """If it started all the same, it would be ready, and some events would never reach it, or reach it too often.

    With another `filter_subjects` it would miss the events that the new version listens to in addition.
    """
    jetstream, stream = streams.broker.jetstream, CONSUMER.stream.name
    await jetstream.add_consumer(stream, BOTH.config(QUICK).evolve(**{setting: other}))
    effects = Effects(nothing)
    subscription = Subscription(BOTH, effects, streams.broker, DeadLetters(Publisher(streams.broker)), QUICK)
    with capture_logs() as logs:
        starting = asyncio.create_task(subscription.start())

        async def has_decided() -> bool:
            return starting.done() or any(setting in line.get("reason", "") for line in logs)

        await eventually(has_decided, what="a start, or a line in the log on why not")
    try:
        assert not starting.done(), f"it consumes although {setting} is {other}"
        assert [name for name in OTHER_SETTINGS if name in logs[-1]["reason"]] == [setting]
        await jetstream.delete_consumer(stream, NAME)
        await provision_consumers(jetstream, [BOTH], QUICK)
        await asyncio.wait_for(starting, 5)
        created = event()
        updated = TicketUpdated(**created.model_dump() | {"version": 2})
        await streams.publish(created, updated)
        await streams.eventually_quiet(NAME)
        assert sorted(effects.done) == [created.subject, updated.subject]
    finally:
        starting.cancel()
        await subscription.stop(1)
