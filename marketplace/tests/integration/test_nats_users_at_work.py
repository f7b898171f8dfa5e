"""The services, provisioning and the operators at work on the cluster's NATS, each as its own user.

The server refuses none of them anything: every test here ends with a look into its log.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from marketplace.tests.integration.cluster_nats import ClusterNats
from marketplace.tests.integration.operated import Marketplace, a_marketplace, an_operator

import auth.main
from auth.settings import AuthSettings
from common.domain.event import Event
from common.domain.ids import UserId, new_id
from common.events.catalog import EXAMPLES
from common.events.timers import DeadlineTimer
from common.messaging.broker import Broker
from common.messaging.consumer import Consumer
from common.messaging.dead_letters import DeadLetters, dead_letter_subject
from common.messaging.provisioning import provision_consumers
from common.messaging.publisher import Publisher
from common.messaging.retry import RetryPolicy
from common.messaging.streams import DEAD_LETTERS
from common.messaging.subscription import Subscription
from devkit.servers.mongod import Mongod
from devkit.testing.events import EventStreams
from devkit.testing.eventually import eventually
from devkit.testing.keys import KeyPair
from devkit.testing.running import Surroundings, somebody
from devkit.testing.samples import order_events
from marketplace.operations.dead_letters import (
    DeadLetter,
    drop_dead_letter,
    list_dead_letters,
    replay_dead_letter,
)
from marketplace.operations.lag import measure_lag
from marketplace.operations.operator import Operator
from marketplace.operations.rebuild import rebuild
from marketplace.operations.stored_data import READ_MODELS, owned
from marketplace.operations.stream_reader import StoredMessage, read_events_of, read_stream
from marketplace.operations.timelines import read_timeline
from marketplace.provisioning import provision_everything
from marketplace.registry import CONSUMERS_OF
from tickets.ticket import Ticket

BY_NAME = {consumer.name: consumer for consumers in CONSUMERS_OF.values() for consumer in consumers}
HOLD = BY_NAME["tickets-hold-ticket-on-order-created"]
ONE_OF_EACH_STREAM = [
    BY_NAME["orders-replicate-ticket"],
    BY_NAME["orders-expire-order-on-expiration-completed"],
    BY_NAME["expiration-complete-deadline-on-alarm"],
]


def owner_of(consumer: Consumer[Any]) -> str:
    return consumer.name.split("-", maxsplit=1)[0]


@dataclass(frozen=True, kw_only=True)
class AsTheirOwnUsers(Surroundings):
    """Each service is told the address that its own Secret holds; everything else is the operator's."""

    addresses: Callable[[str], str]

    def settings(self, settings_type: Any, name: str, **more: Any) -> Any:
        return super().settings(settings_type, name, nats_url=self.addresses(name), **more)


@pytest.fixture
async def nats(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ClusterNats]:
    """With all streams and consumers, made by provisioning itself."""
    async with ClusterNats(tmp_path_factory.mktemp("cluster-nats")) as server:
        await provision_everything(server.url_of("provisioning"))
        yield server
        assert server.refusals() == []


@asynccontextmanager
async def connected_as(nats: ClusterNats, user: str) -> AsyncIterator[Broker]:
    broker = Broker(nats.url_of(user), user)
    await broker.connect()
    yield broker
    await broker.close()


@pytest.fixture
async def provisioning(nats: ClusterNats) -> AsyncIterator[Broker]:
    async with connected_as(nats, "provisioning") as broker:
        yield broker


@pytest.fixture
def surroundings(nats: ClusterNats, provisioning: Broker, mongod: Mongod, keys: KeyPair) -> Surroundings:
    return AsTheirOwnUsers(
        mongod.url, nats.url_of("operator"), "motor", keys, provisioning, new_id(), addresses=nats.url_of
    )


@pytest.fixture
async def operator(surroundings: Surroundings) -> AsyncIterator[Operator]:
    async with an_operator(surroundings) as connection:
        yield connection


@pytest.fixture
async def marketplace(surroundings: Surroundings) -> AsyncIterator[Marketplace]:
    async with a_marketplace(surroundings) as marketplace:
        yield marketplace


async def publish_as(nats: ClusterNats, publisher: str, subject: str, data: bytes, headers: dict[str, str]) -> None:
    async with connected_as(nats, publisher) as broker:
        await Publisher(broker).publish_raw(subject, data, headers)


async def publish(nats: ClusterNats, event: Event) -> None:
    async with connected_as(nats, event.publisher) as broker:
        await EventStreams(broker).publish(event)


async def something_that_no_consumer_understands(nats: ClusterNats, event: Event) -> None:
    """As the event's publisher would send it."""
    if isinstance(event, DeadlineTimer):
        timer = {"Nats-Schedule": "@at 2026-01-01T00:00:00Z", "Nats-Schedule-Target": event.subject}
        await publish_as(nats, "expiration", f"expiration.schedule.{event.id}", b"no event", timer)
    else:
        await publish_as(nats, event.publisher, event.subject, b"no event", {})


async def eventually_listed(operator: Operator, count: int) -> list[DeadLetter]:
    return await eventually(
        lambda: list_dead_letters(operator), until=lambda seen: len(seen) == count, what=f"{count} dead letters"
    )


async def eventually_told(operator: Operator, aggregate_id: str, *, until: str) -> list[str]:
    async def told() -> list[str]:
        return [event.event for event in await read_timeline(operator, aggregate_id)]

    return await eventually(told, until=lambda seen: until in seen, what=f"{until} of {aggregate_id}")


async def test_someone_signs_up(surroundings: Surroundings, operator: Operator) -> None:
    settings = surroundings.settings(AuthSettings, "auth")
    async with surroundings.running(lambda: auth.main.create_app(settings)) as service:
        credentials = {"email": "buyer@example.com", "password": "correct horse"}
        answer = await service.client().post("/api/users/signup", json=credentials)
        assert answer.status_code == 201, answer.text
        await eventually_told(operator, answer.json()["id"], until="user.registered")


async def test_a_ticket_is_sold_and_the_buyer_sees_what_happened(marketplace: Marketplace) -> None:
    ticket = await marketplace.lists()
    order = await marketplace.orders(ticket)
    await marketplace.eventually_holds(ticket, order)
    await marketplace.pays(order)
    await eventually_told(marketplace.operator, order, until="order.completed")
    await marketplace.settled()

    answer = await marketplace.client("orders", marketplace.buyer).get(f"/api/orders/{order}/timeline")
    assert [event["event"] for event in answer.json()["events"]] == [
        "order.created",
        "payment.created",
        "order.completed",
    ]


async def test_an_order_is_given_up_and_another_expires(marketplace: Marketplace) -> None:
    ticket = await marketplace.lists()
    given_up = await marketplace.orders(ticket)
    await marketplace.cancels(given_up)
    await eventually_told(marketplace.operator, given_up, until="order.cancelled")
    await marketplace.eventually_holds(ticket, None)

    answer = await marketplace.client("orders", marketplace.buyer).post(
        "/api/orders", json={"ticketId": ticket, "windowSeconds": 1}
    )
    expired = answer.json()["id"]
    told = await eventually_told(marketplace.operator, expired, until="order.cancelled")
    assert set(told) == {"order.created", "expiration.completed", "order.cancelled"}
    await marketplace.eventually_holds(ticket, None)
    await marketplace.settled()


async def test_a_payment_is_refunded_when_its_order_is_cancelled(nats: ClusterNats, marketplace: Marketplace) -> None:
    ticket = await marketplace.lists()
    buyer = UserId(marketplace.buyer)
    created, cancelled, _ = order_events(ticket, buyer=buyer)  # of which orders itself knows nothing
    await publish(nats, created)

    async def can_be_paid() -> Any:
        return await marketplace.collection("payments", "order_replicas").find_one({"_id": created.id})

    await eventually(can_be_paid, what="an order that can be paid")
    await marketplace.pays(created.id)
    await publish(nats, cancelled)
    await eventually_told(marketplace.operator, created.id, until="payment.refunded")


async def test_what_a_consumer_cannot_handle_becomes_a_dead_letter_replayed_and_dropped(
    nats: ClusterNats, marketplace: Marketplace
) -> None:
    """Each consumer of each event."""
    for event in EXAMPLES:
        await something_that_no_consumer_understands(nats, event)
    deliveries = sum(len(consumer.on) for consumer in BY_NAME.values())
    letters = await eventually_listed(marketplace.operator, deliveries)
    assert {letter.consumer for letter in letters} == set(BY_NAME)

    for letter in letters:
        assert "MalformedEvent" in await replay_dead_letter(marketplace.operator, letter)
        await drop_dead_letter(marketplace.operator, letter)
    assert await list_dead_letters(marketplace.operator) == []


async def test_a_dead_letter_is_handled_once_its_cause_is_gone(nats: ClusterNats, marketplace: Marketplace) -> None:
    event, _, _ = order_events("65f0c0ffee00000000000010")
    await publish(nats, event)
    (letter,) = await eventually_listed(marketplace.operator, 1)
    use_cases = marketplace.services["tickets"].use_cases
    ticket = Ticket(id=event.ticket.id, title="Concert", price=1999, user_id=somebody(), version=1)
    await use_cases._tickets.add(ticket)  # type: ignore[attr-defined]
    assert await replay_dead_letter(marketplace.operator, letter) == ""
    await marketplace.eventually_holds(event.ticket.id, event.id)
    assert await list_dead_letters(marketplace.operator) == []


async def test_an_operator_sees_the_events_that_nobody_answered_for(
    nats: ClusterNats, provisioning: Broker, operator: Operator
) -> None:
    """What there is of them is the broker's own report; the event itself is fetched from its stream."""
    crashing = RetryPolicy(delays=(), ack_wait=0.1, max_unanswered=0)
    for consumer in ONE_OF_EACH_STREAM:
        await provision_consumers(provisioning.jetstream, [consumer], crashing)
        (event,) = [event for event in EXAMPLES if type(event) is consumer.on[0]]
        async with connected_as(nats, owner_of(consumer)) as service:
            await service.client.subscribe(f"deliver.{consumer.name}", queue=consumer.name)
            await something_that_no_consumer_understands(nats, event)
            (letter,) = await eventually_listed(operator, 1)
        assert (letter.consumer, letter.event, letter.data) == (consumer.name, event.subject, b"no event")
        assert "is its service running?" in await replay_dead_letter(operator, letter)
        await drop_dead_letter(operator, letter)


async def test_an_operator_lists_dead_letters_while_another_drops_one(nats: ClusterNats, operator: Operator) -> None:
    more_than_a_batch = 501
    async with connected_as(nats, "tickets") as service:
        publisher = Publisher(service)
        subject = dead_letter_subject(HOLD.name)
        await asyncio.gather(*(publisher.publish_raw(subject, b"", {}) for _ in range(more_than_a_batch)))
    found = [message async for message in _dropping_the_last(operator)]
    assert len(found) == more_than_a_batch - 1


async def _dropping_the_last(operator: Operator) -> AsyncIterator[StoredMessage]:
    async for message in read_stream(operator.broker, DEAD_LETTERS.name, DEAD_LETTERS.subjects):
        if message.sequence == 1:
            await operator.broker.jetstream.delete_msg(DEAD_LETTERS.name, 501)
        yield message


async def test_an_operator_sees_how_far_each_consumer_is_behind(nats: ClusterNats, operator: Operator) -> None:
    for event in EXAMPLES:
        await something_that_no_consumer_understands(nats, event)

    async def behind() -> list[str]:
        return [lag.consumer for lag in await measure_lag(operator) if lag.pending and lag.oldest_seconds is not None]

    everyone = sorted(BY_NAME)
    await eventually(behind, until=lambda seen: sorted(seen) == everyone, what="every consumer is behind")


async def test_an_operator_rebuilds_each_replica_and_its_service_is_told(marketplace: Marketplace) -> None:
    order = await marketplace.orders(await marketplace.lists())
    await marketplace.settled()
    for read_model in READ_MODELS:
        await marketplace.collection(read_model.service, read_model.collection).delete_many({})
        rebuilt = await rebuild(marketplace.operator, read_model)
        assert (len(rebuilt.changed), rebuilt.unheard) == (1, {})
    await marketplace.settled()
    assert await read_events_of(marketplace.operator.broker, owned("orders").events[0], order)


async def test_a_service_that_takes_long_says_so_for_as_long_as_it_takes(
    nats: ClusterNats, provisioning: Broker
) -> None:
    """Otherwise the broker would deliver again: the first word is also allowed as an answer, the others are not."""
    policy = RetryPolicy(ack_wait=0.5)
    await provision_consumers(provisioning.jetstream, [HOLD], policy)
    begun: list[float] = []

    async def takes_long(_service: None, _event: Event) -> None:
        begun.append(time.monotonic())
        await eventually(elapsed, until=lambda seconds: seconds > 3 * policy.ack_wait, what="a long time")

    async def elapsed() -> float:
        return time.monotonic() - begun[0]

    async with connected_as(nats, "tickets") as service, connected_as(nats, "operator") as operator:
        at_work = Subscription(replace(HOLD, handle=takes_long), None, service, DeadLetters(Publisher(service)), policy)
        await at_work.start()
        event, _, _ = order_events("65f0c0ffee00000000000010")
        await publish(nats, event)

        async def handled() -> int:
            info = await operator.jetstream.consumer_info(HOLD.stream.name, HOLD.name)
            return (info.ack_floor.stream_seq if info.ack_floor else 0) or 0

        await eventually(handled, until=lambda sequence: sequence == 1, what="the event is handled")
        await at_work.stop(1)
    assert len(begun) == 1


async def test_an_operator_who_means_a_services_consumer_has_to_say_so_in_the_subject(operator: Operator) -> None:
    """Which is where it is refused: in what follows, the broker goes by the subject."""
    jetstream = operator.broker.jetstream
    before = await jetstream.consumer_info(HOLD.stream.name, HOLD.name)
    for name in ("name", "durable_name"):
        config = {name: HOLD.name, "ack_policy": "explicit", "deliver_subject": "elsewhere"}
        await operator.broker.client.request(
            f"$JS.API.CONSUMER.CREATE.{HOLD.stream.name}.reader-1",
            json.dumps({"stream_name": HOLD.stream.name, "config": config}).encode(),
            timeout=5,
        )
    assert (await jetstream.consumer_info(HOLD.stream.name, HOLD.name)).config == before.config


async def test_what_exists_is_provisioned_again(nats: ClusterNats) -> None:
    await provision_everything(nats.url_of("provisioning"))
