"""Provisioning and the operators work on the cluster's NATS, each as its own user.

NATS refuses them nothing: the fixture `cluster` checks the log of the server after every test.
"""

import asyncio
import json
from collections.abc import AsyncIterator

from marketplace.tests.integration.cluster_nats import ClusterNats
from marketplace.tests.integration.cluster_users import (
    BY_NAME,
    HOLD,
    ONE_OF_EACH_STREAM,
    connected_as,
    eventually_listed,
    owner_of,
    publish,
    publish_malformed,
)
from marketplace.tests.integration.operated import Marketplace

from common.events.catalog import EXAMPLES
from common.messaging.broker import Broker
from common.messaging.dead_letters import dead_letter_subject
from common.messaging.provisioning import provision_consumers
from common.messaging.publisher import Publisher
from common.messaging.retry import RetryPolicy
from common.messaging.streams import DEAD_LETTERS
from devkit.testing.eventually import eventually
from devkit.testing.running import somebody
from devkit.testing.samples import order_events
from marketplace.operations.dead_letters import drop_dead_letter, list_dead_letters, replay_dead_letter
from marketplace.operations.event_reader import read_events_of
from marketplace.operations.lag import measure_lag
from marketplace.operations.operator import Operator
from marketplace.operations.rebuild import rebuild
from marketplace.operations.stored_data import READ_MODELS, owned
from marketplace.operations.stream_reader import StoredMessage, read_stream
from marketplace.provisioning import provision_everything
from tickets.ticket import Ticket


async def test_malformed_events_become_dead_letters_that_can_be_replayed_and_dropped(
    cluster: ClusterNats, cluster_marketplace: Marketplace
) -> None:
    """Of each event, at each of its consumers."""
    for event in EXAMPLES:
        await publish_malformed(cluster, event)
    deliveries = sum(len(consumer.on) for consumer in BY_NAME.values())
    letters = await eventually_listed(cluster_marketplace.operator, deliveries)
    assert {letter.consumer for letter in letters} == set(BY_NAME)

    for letter in letters:
        assert "MalformedEvent" in await replay_dead_letter(cluster_marketplace.operator, letter)
        await drop_dead_letter(cluster_marketplace.operator, letter)
    assert await list_dead_letters(cluster_marketplace.operator) == []


async def test_a_dead_letter_is_handled_once_its_cause_is_gone(
    cluster: ClusterNats, cluster_marketplace: Marketplace
) -> None:
    event, _, _ = order_events("65f0c0ffee00000000000010")
    await publish(cluster, event)
    (letter,) = await eventually_listed(cluster_marketplace.operator, 1)
    use_cases = cluster_marketplace.services["tickets"].use_cases
    ticket = Ticket(id=event.ticket.id, title="Concert", price=1999, user_id=somebody(), version=1)
    await use_cases._tickets.add(ticket)
    assert await replay_dead_letter(cluster_marketplace.operator, letter) == ""
    await cluster_marketplace.eventually_holds(event.ticket.id, event.id)
    assert await list_dead_letters(cluster_marketplace.operator) == []


async def test_an_operator_sees_the_events_that_no_consumer_acknowledged(
    cluster: ClusterNats, cluster_provisioning: Broker, cluster_operator: Operator
) -> None:
    """Only NATS reports these failures; the command reads the event from its stream."""
    crashing = RetryPolicy(delays=(), ack_wait=0.1, max_unanswered=0)
    for consumer in ONE_OF_EACH_STREAM:
        await provision_consumers(cluster_provisioning.jetstream, [consumer], crashing)
        (event,) = [event for event in EXAMPLES if type(event) is consumer.on[0]]
        async with connected_as(cluster, owner_of(consumer)) as service:
            await service.client.subscribe(f"deliver.{consumer.name}", queue=consumer.name)
            await publish_malformed(cluster, event)
            (letter,) = await eventually_listed(cluster_operator, 1)
        assert (letter.consumer, letter.event, letter.data) == (consumer.name, event.subject, b"no event")
        assert "is its service running?" in await replay_dead_letter(cluster_operator, letter)
        await drop_dead_letter(cluster_operator, letter)


async def test_an_operator_lists_dead_letters_while_another_drops_one(
    cluster: ClusterNats, cluster_operator: Operator
) -> None:
    more_than_a_batch = 501
    async with connected_as(cluster, "tickets") as service:
        publisher = Publisher(service)
        subject = dead_letter_subject(HOLD.name)
        await asyncio.gather(*(publisher.publish_raw(subject, b"", {}) for _ in range(more_than_a_batch)))
    found = [message async for message in _dropping_the_last(cluster_operator)]
    assert len(found) == more_than_a_batch - 1


async def _dropping_the_last(operator: Operator) -> AsyncIterator[StoredMessage]:
    async for message in read_stream(operator.broker, DEAD_LETTERS.name, DEAD_LETTERS.subjects):
        if message.sequence == 1:
            await operator.broker.jetstream.delete_msg(DEAD_LETTERS.name, 501)
        yield message


async def test_an_operator_sees_the_lag_of_each_consumer(cluster: ClusterNats, cluster_operator: Operator) -> None:
    for event in EXAMPLES:
        await publish_malformed(cluster, event)

    async def behind() -> list[str]:
        return [
            lag.consumer
            for lag in await measure_lag(cluster_operator)
            if lag.pending and lag.oldest_seconds is not None
        ]

    everyone = sorted(BY_NAME)
    await eventually(behind, until=lambda seen: sorted(seen) == everyone, what="every consumer is behind")


async def test_an_operator_rebuilds_each_read_model_and_replays_its_events(cluster_marketplace: Marketplace) -> None:
    order = await cluster_marketplace.orders(await cluster_marketplace.lists())
    await cluster_marketplace.pays(order)
    await cluster_marketplace.settled()
    for read_model in READ_MODELS:
        await cluster_marketplace.collection(read_model.service, read_model.collection).delete_many({})
        rebuilt = await rebuild(cluster_marketplace.operator, read_model)
        assert (len(rebuilt.changed), rebuilt.not_replayed) == (1, {})
    await cluster_marketplace.settled()
    assert await read_events_of(cluster_marketplace.operator.broker, owned("orders").events[0], order)


async def test_nats_ignores_the_name_of_a_consumer_in_the_content_of_a_request(cluster_operator: Operator) -> None:
    """Permissions check only the subject of a request, so its content must not choose another consumer."""
    jetstream = cluster_operator.broker.jetstream
    before = await jetstream.consumer_info(HOLD.stream.name, HOLD.name)
    for name in ("name", "durable_name"):
        config = {name: HOLD.name, "ack_policy": "explicit", "deliver_subject": "elsewhere"}
        await cluster_operator.broker.client.request(
            f"$JS.API.CONSUMER.CREATE.{HOLD.stream.name}.reader-1",
            json.dumps({"stream_name": HOLD.stream.name, "config": config}).encode(),
            timeout=5,
        )
    assert (await jetstream.consumer_info(HOLD.stream.name, HOLD.name)).config == before.config


async def test_provisioning_can_be_repeated(cluster: ClusterNats) -> None:
    await provision_everything(cluster.url_of("provisioning"))
