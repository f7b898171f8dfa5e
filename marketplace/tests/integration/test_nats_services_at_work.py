"""The services work on the cluster's NATS, each as its own user.

NATS refuses them nothing: the fixture `cluster` checks the log of the server after every test.
"""

import time
from dataclasses import replace
from typing import Any

from marketplace.tests.integration.cluster_nats import ClusterNats
from marketplace.tests.integration.cluster_users import HOLD, connected_as, eventually_in_timeline, publish
from marketplace.tests.integration.operated import Marketplace

import auth.main
import storefront.main
from auth.settings import AuthSettings
from common.domain.event import Event
from common.domain.ids import UserId
from common.messaging.broker import Broker
from common.messaging.dead_letters import DeadLetters
from common.messaging.provisioning import provision_consumers
from common.messaging.publisher import Publisher
from common.messaging.retry import RetryPolicy
from common.messaging.subscription import Subscription
from devkit.testing.eventually import eventually
from devkit.testing.running import Surroundings
from devkit.testing.samples import listed_ticket, order_events
from marketplace.operations.operator import Operator
from storefront.live.hub import Hub
from storefront.settings import StorefrontSettings


async def test_someone_signs_up(cluster_surroundings: Surroundings, cluster_operator: Operator) -> None:
    settings = cluster_surroundings.settings(AuthSettings, "auth")
    async with cluster_surroundings.running(lambda: auth.main.create_app(settings)) as service:
        credentials = {"email": "buyer@example.com", "password": "correct horse"}
        answer = await service.client().post("/api/users/signup", json=credentials)
        assert answer.status_code == 201, answer.text
        await eventually_in_timeline(cluster_operator, answer.json()["id"], until="user.registered")


async def test_a_ticket_is_sold_and_the_buyer_sees_what_happened(cluster_marketplace: Marketplace) -> None:
    ticket = await cluster_marketplace.lists()
    order = await cluster_marketplace.orders(ticket)
    await cluster_marketplace.eventually_holds(ticket, order)
    await cluster_marketplace.pays(order)
    await eventually_in_timeline(cluster_marketplace.operator, order, until="order.completed")
    await cluster_marketplace.settled()

    answer = await cluster_marketplace.client("orders", cluster_marketplace.buyer).get(f"/api/orders/{order}/timeline")
    assert [event["event"] for event in answer.json()["events"]] == [
        "order.created",
        "payment.created",
        "order.completed",
    ]


async def test_an_order_is_cancelled_and_another_expires(cluster_marketplace: Marketplace) -> None:
    ticket = await cluster_marketplace.lists()
    given_up = await cluster_marketplace.orders(ticket)
    await cluster_marketplace.cancels(given_up)
    await eventually_in_timeline(cluster_marketplace.operator, given_up, until="order.cancelled")
    await cluster_marketplace.eventually_holds(ticket, None)

    answer = await cluster_marketplace.client("orders", cluster_marketplace.buyer).post(
        "/api/orders", json={"ticketId": ticket, "windowSeconds": 1}
    )
    expired = answer.json()["id"]
    events = await eventually_in_timeline(cluster_marketplace.operator, expired, until="order.cancelled")
    assert set(events) == {"order.created", "expiration.completed", "order.cancelled"}
    await cluster_marketplace.eventually_holds(ticket, None)
    await cluster_marketplace.settled()


async def test_a_payment_is_refunded_when_its_order_is_cancelled(
    cluster: ClusterNats, cluster_marketplace: Marketplace
) -> None:
    ticket = await cluster_marketplace.lists()
    buyer = UserId(cluster_marketplace.buyer)
    created, cancelled, _ = order_events(ticket, buyer=buyer)  # of which orders itself knows nothing
    await publish(cluster, created)

    async def can_be_paid() -> Any:
        return await cluster_marketplace.collection("payments", "order_replicas").find_one({"_id": created.id})

    await eventually(can_be_paid, what="an order that can be paid")
    await cluster_marketplace.pays(created.id)
    await publish(cluster, cancelled)
    await eventually_in_timeline(cluster_marketplace.operator, created.id, until="payment.refunded")


async def test_the_storefront_learns_of_a_change_and_knows_that_its_copies_are_current(
    cluster: ClusterNats, cluster_surroundings: Surroundings
) -> None:
    settings = cluster_surroundings.settings(StorefrontSettings, "storefront")
    async with cluster_surroundings.running(lambda: storefront.main.create_app(settings)) as service:
        hub: Hub = service.app.state.site.hub

        async def position() -> int:
            return hub.position

        for at in (1, 2):
            await publish(cluster, listed_ticket())
            await eventually(position, until=lambda seen, at=at: seen == at, what=f"position {at}")  # type: ignore[misc]


async def test_a_service_reports_progress_as_long_as_its_handler_runs(
    cluster: ClusterNats, cluster_provisioning: Broker
) -> None:
    """Otherwise NATS would deliver the event again. NATS must allow each report, and not only the first answer."""
    policy = RetryPolicy(ack_wait=0.5)
    await provision_consumers(cluster_provisioning.jetstream, [HOLD], policy)
    begun: list[float] = []

    async def takes_long(_service: None, _event: Event) -> None:
        begun.append(time.monotonic())
        await eventually(elapsed, until=lambda seconds: seconds > 3 * policy.ack_wait, what="a long time")

    async def elapsed() -> float:
        return time.monotonic() - begun[0]

    async with connected_as(cluster, "tickets") as service, connected_as(cluster, "operator") as operator:
        at_work = Subscription(replace(HOLD, handle=takes_long), None, service, DeadLetters(Publisher(service)), policy)
        await at_work.start()
        event, _, _ = order_events("65f0c0ffee00000000000010")
        await publish(cluster, event)

        async def handled() -> int:
            info = await operator.jetstream.consumer_info(HOLD.stream.name, HOLD.name)
            return (info.ack_floor.stream_seq if info.ack_floor else 0) or 0

        await eventually(handled, until=lambda sequence: sequence == 1, what="the event is handled")
        await at_work.stop(1)
    assert len(begun) == 1
