"""The payment of a cancelled order is refunded, in any order of charge and cancellation."""

import asyncio

import pytest
from payments.tests.checkout import Checkout, problem
from payments.tests.fake_gateway import FakeGateway
from structlog.testing import capture_logs

from common.domain.ids import new_id
from common.events.payments import PaymentCreated, PaymentRefunded
from devkit.testing.eventually import eventually
from devkit.testing.samples import order_events


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


async def test_a_cancellation_that_is_known_before_the_charge_returns_refunds_it(
    checkout: Checkout, gateway: FakeGateway
) -> None:
    gateway.may_answer.clear()
    async with asyncio.TaskGroup() as group:
        paying = group.create_task(checkout.pay())
        await gateway.eventually_charged()
        await checkout.deliver(checkout.cancelled)
        assert gateway.balance == 1999, "the event has come and gone, and found nothing captured"
        gateway.may_answer.set()

    assert problem(paying.result()) == (409, "order-not-open")
    assert "refunded" in paying.result().json()["detail"]
    await assert_refunded_once(checkout, gateway)


async def test_a_cancellation_after_the_capture_refunds_it(checkout: Checkout, gateway: FakeGateway) -> None:
    assert (await checkout.pay()).status_code == 201
    await checkout.deliver(checkout.cancelled)

    await assert_refunded_once(checkout, gateway)
    assert problem(await checkout.pay()) == (409, "order-not-open")


async def test_concurrent_payments_and_cancellations_leave_no_buyer_charged(
    checkout: Checkout, gateway: FakeGateway
) -> None:
    orders = [order_events(new_id()) for _ in range(40)]
    await checkout.deliver(*(created for created, _, _ in orders))

    answers, _ = await asyncio.gather(
        asyncio.gather(*(checkout.pay(order=created) for created, _, _ in orders)),
        asyncio.gather(*(checkout.streams.publish(cancelled) for _, cancelled, _ in orders)),
    )

    assert {answer.status_code for answer in answers} <= {201, 409}
    taken = await checkout.streams.eventually_published(PaymentCreated, len(gateway.charges))
    given_back = await checkout.streams.eventually_published(PaymentRefunded, len(gateway.charges))
    assert {event.id for event in taken} == {event.id for event in given_back} == set(gateway.charges)
    assert gateway.balance == 0


async def test_a_refund_waits_until_the_card_processor_is_back(checkout: Checkout, gateway: FakeGateway) -> None:
    """The event itself does not wait: the open payment is stored, and the recovery job refunds it."""
    await checkout.pay()
    gateway.unavailable = True
    await checkout.deliver(checkout.cancelled)
    assert gateway.balance == 1999

    gateway.unavailable = False
    await checkout.recover()

    await assert_refunded_once(checkout, gateway)
    assert await checkout.streams.dead_letters() == []


async def test_refunds_that_never_end_do_not_delay_what_payments_knows_of_other_orders(
    checkout: Checkout, gateway: FakeGateway
) -> None:
    """More refunds than events in flight, as in https://github.com/Particular/NServiceBus/issues/5318."""
    orders = [order_events(new_id()) for _ in range(120)]
    await checkout.deliver(*(created for created, _, _ in orders))
    for start in range(0, 120, 40):
        await asyncio.gather(*(checkout.pay(order=created) for created, _, _ in orders[start : start + 40]))
    gateway.may_refund.clear()
    await checkout.streams.publish(*(cancelled for _, cancelled, _ in orders))
    await gateway.eventually_asked_to_refund(times=100)

    await checkout.streams.publish(checkout.cancelled)
    known = {"_id": checkout.created.id, "status": "cancelled"}
    await eventually(
        lambda: checkout.running.collection("order_replicas").find_one(known), what="the cancellation known"
    )
    assert problem(await checkout.pay()) == (409, "order-not-open")
    assert checkout.created.id not in str(gateway.charges)
    gateway.may_refund.set()
    await checkout.eventually_quiet()
    assert gateway.balance == 0


async def test_a_refund_that_the_processor_refuses_for_good_becomes_a_case_for_a_person(
    checkout: Checkout, gateway: FakeGateway
) -> None:
    await checkout.pay()
    gateway.charges.clear()  # for example, the charge was made with another account
    await checkout.deliver(checkout.cancelled)
    (letter,) = await checkout.streams.dead_letters()
    assert "There is no charge" in letter.headers["dead-letter-reason"]
    with capture_logs() as logs:
        await checkout.recover()
    (payment,) = await checkout.listed()
    assert [line["payment"] for line in logs if "needs a person" in line["event"]] == [payment["id"]]


async def test_the_recovery_job_refunds_when_event_and_request_are_both_gone(
    checkout: Checkout, gateway: FakeGateway
) -> None:
    """The cancellation is known and acknowledged, then the charge returns, and then the processor goes away."""
    gateway.may_answer.clear()
    async with asyncio.TaskGroup() as group:
        paying = group.create_task(checkout.pay())
        await gateway.eventually_charged()
        await checkout.deliver(checkout.cancelled)
        gateway.unavailable = True
        gateway.may_answer.set()

    assert problem(paying.result()) == (503, "dependency-unavailable")
    assert [payment["status"] for payment in await checkout.listed()] == ["captured"]

    gateway.unavailable = False
    await checkout.recover()

    await assert_refunded_once(checkout, gateway)


async def test_a_completed_order_settles_its_payment(checkout: Checkout, gateway: FakeGateway) -> None:
    payment = (await checkout.pay()).json()
    assert await checkout.is_open(payment["id"]), "its order is not completed yet"

    await checkout.deliver(checkout.completed)

    assert not await checkout.is_open(payment["id"])
    assert await checkout.listed() == [payment]
    assert gateway.balance == 1999


async def test_duplicate_and_stale_order_events_change_nothing(checkout: Checkout, gateway: FakeGateway) -> None:
    """One order is paid and completed, another one is paid and cancelled. Then all their events are delivered again."""
    other_created, other_cancelled, other_completed = order_events(new_id())
    await checkout.deliver(other_created)
    await checkout.pay()
    await checkout.pay(order=other_created)
    await checkout.deliver(checkout.completed, other_cancelled)
    before = await checkout.documents_of_payments()
    asked = [*gateway.charges_asked, *gateway.refunds_asked]

    for event in (checkout.completed, other_cancelled, checkout.created, other_created):
        await checkout.streams.publish_again(event)
    for stale_by_version in (checkout.cancelled, other_completed):
        await checkout.streams.publish_again(stale_by_version)
    await checkout.eventually_quiet()

    assert await checkout.documents_of_payments() == before
    assert [*gateway.charges_asked, *gateway.refunds_asked] == asked
    assert len(await checkout.streams.published(PaymentCreated)) == 2
    assert len(await checkout.streams.published(PaymentRefunded)) == 1
    assert await checkout.streams.dead_letters() == []


async def assert_refunded_once(checkout: Checkout, gateway: FakeGateway) -> None:
    (taken,) = await checkout.streams.eventually_published(PaymentCreated)
    (given_back,) = await checkout.streams.eventually_published(PaymentRefunded)
    assert (taken.id, taken.order_id, taken.version) == (given_back.id, checkout.created.id, 2)
    assert (given_back.order_id, given_back.version) == (checkout.created.id, 3)
    assert gateway.balance == 0
    assert gateway.refunds == {taken.id: 1999}
    assert await checkout.listed() == [checkout.shown(taken.id, "refunded")]
