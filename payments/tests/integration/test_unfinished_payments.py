"""Payments whose request died or whose outcome is unknown are finished later, with one charge."""

import asyncio
from datetime import timedelta

import pytest
from payments.tests.checkout import Checkout, Start, problem
from payments.tests.fake_gateway import FakeGateway
from structlog.testing import capture_logs

from common.domain.ids import new_id
from common.events.payments import PaymentCreated, PaymentRefunded
from devkit.testing.clock import SettableClock
from devkit.testing.events import EventStreams
from devkit.testing.samples import order_events


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.mark.parametrize("outage", ["unavailable", "loses_answers"])
async def test_after_503_the_recovery_job_captures_a_payment_of_unknown_outcome(
    checkout: Checkout, gateway: FakeGateway, outage: str
) -> None:
    setattr(gateway, outage, True)
    answer = await checkout.pay()
    assert problem(answer) == (503, "dependency-unavailable")
    assert answer.headers["Retry-After"] == "1"
    repeated = await checkout.pay("tok_mastercard")
    assert problem(repeated) == (409, "payment-in-progress")
    for each in (answer, repeated):
        assert each.json()["detail"].endswith(f"; see GET /api/payments?orderId={checkout.created.id}.")

    setattr(gateway, outage, False)
    await checkout.recover()

    await assert_captured_once(checkout, gateway)


async def test_the_recovery_job_captures_a_payment_whose_request_died_after_the_charge(
    checkout: Checkout, gateway: FakeGateway
) -> None:
    await charge_and_die(checkout, gateway)
    assert [payment["status"] for payment in await checkout.listed()] == ["pending"]

    await checkout.recover()

    await assert_captured_once(checkout, gateway)


async def test_concurrent_recovery_jobs_charge_once(checkout: Checkout, gateway: FakeGateway) -> None:
    await charge_and_die(checkout, gateway)

    await asyncio.gather(*(checkout.recover() for _ in range(10)))

    await assert_captured_once(checkout, gateway)


async def test_a_charge_found_after_the_cancellation_of_its_order_is_refunded(
    checkout: Checkout, gateway: FakeGateway
) -> None:
    await charge_and_die(checkout, gateway)
    await checkout.deliver(checkout.cancelled)

    await checkout.recover()

    assert [payment["status"] for payment in await checkout.listed()] == ["refunded"]
    assert (len(gateway.charges), gateway.balance) == (1, 0)
    await checkout.streams.eventually_published(PaymentCreated)
    await checkout.streams.eventually_published(PaymentRefunded)


async def test_a_service_finishes_open_payments_at_its_start(
    start: Start, streams: EventStreams, gateway: FakeGateway, clock: SettableClock
) -> None:
    events = order_events(new_id())
    async with start() as before:
        checkout = Checkout(before, streams, clock, *events)
        await checkout.deliver(checkout.created)
        await charge_and_die(checkout, gateway)
    clock.move_on(timedelta(seconds=11))

    async with start() as after:
        await assert_captured_once(Checkout(after, streams, clock, *events), gateway)


async def test_a_payment_older_than_its_idempotency_key_is_reported_not_charged(
    checkout: Checkout, gateway: FakeGateway
) -> None:
    await charge_and_die(checkout, gateway)
    (payment,) = await checkout.listed()

    with capture_logs() as logs:
        await checkout.recover(later=timedelta(hours=20, seconds=1))

    assert await checkout.listed() == [payment], "it is still pending"
    assert gateway.charges_asked == [payment["id"]], "the first time, and never again"
    assert ("error", payment["id"]) in [(line["log_level"], line.get("payment")) for line in logs]


async def charge_and_die(checkout: Checkout, gateway: FakeGateway) -> None:
    """The card is charged, and the request ends before the answer arrives."""
    gateway.may_answer.clear()
    request = asyncio.create_task(checkout.pay())
    await gateway.eventually_charged()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    gateway.may_answer.set()


async def assert_captured_once(checkout: Checkout, gateway: FakeGateway) -> None:
    (event,) = await checkout.streams.eventually_published(PaymentCreated)
    assert (event.order_id, event.amount, event.version) == (checkout.created.id, 1999, 2)
    assert await checkout.listed() == [checkout.shown(event.id, "captured")]
    assert list(gateway.charges) == [event.id]
    assert gateway.charges_asked[1:], "it was asked again"
    assert set(gateway.charges_asked) == {event.id}, "under the same key"
    assert gateway.balance == 1999
