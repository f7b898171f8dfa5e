"""What payments does, one request at a time, on MongoDB's mock. Its races need real servers: see tests/integration."""

from datetime import timedelta

import pytest
from payments.tests.fake_gateway import FakeGateway
from payments.tests.movable_clock import MovableClock
from structlog.testing import capture_logs

from common.errors import BadInput, DependencyUnavailable, NotFound
from common.events.orders import OrderCancelled, OrderCompleted, OrderCreated
from common.events.payments import PaymentStatus
from common.ids import OrderId, new_id
from common.testing.running import somebody
from payments.payment import AlreadyPaid, CardRefused, NotTheBuyer, OrderNotOpen, Payment, PaymentInProgress
from payments.service import PaymentService

OrderEvents = tuple[OrderCreated, OrderCancelled, OrderCompleted]

GOOD_CARD = "tok_visa"
ABANDONED = timedelta(seconds=11)
A_DAY = timedelta(hours=20, seconds=1)


async def pay(payments: PaymentService, order: OrderEvents, token: str = GOOD_CARD) -> Payment:
    created = order[0]
    return await payments.pay_order(OrderId(created.id), token=token, buyer=created.user_id)


async def payments_of(payments: PaymentService, order: OrderEvents) -> list[Payment]:
    return await payments.list_payments(OrderId(order[0].id), buyer=order[0].user_id)


async def announced(payments: PaymentService) -> list[str]:
    """The types of the events that lie in the outboxes, in the order of their making."""
    documents = await payments.payments.collection.find({}).to_list()
    return [event["headers"]["ce-type"] for document in documents for event in document["outbox"]]


async def test_paying_charges_the_agreed_price_with_the_payments_id_as_the_key(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway
) -> None:
    payment = await pay(payments, order)

    assert payment.status is PaymentStatus.CAPTURED
    assert gateway.charges == {payment.id: (1999, "tok_visa")}
    assert await announced(payments) == ["payment.created.v1"]


async def test_a_declined_card_leaves_the_order_to_another_one(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway
) -> None:
    gateway.declines = True
    with pytest.raises(CardRefused, match="insufficient funds"):
        await pay(payments, order, "tok_empty")
    assert await announced(payments) == []

    gateway.declines = False
    await pay(payments, order, "tok_full")

    tried = [(payment.status, payment.open) for payment in await payments_of(payments, order)]
    assert tried == [(PaymentStatus.CAPTURED, True), (PaymentStatus.DECLINED, False)], "newest first"
    assert gateway.balance == 1999


async def test_an_unknown_token_is_the_callers_mistake_and_does_not_claim_the_order(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway
) -> None:
    gateway.knows_tokens = False
    with pytest.raises(BadInput) as refused:
        await pay(payments, order, "tok_misspelt")
    assert refused.value.field == "token"
    assert "tok_misspelt" not in str(refused.value)

    gateway.knows_tokens = True
    assert (await pay(payments, order)).status is PaymentStatus.CAPTURED


async def test_nobody_is_charged_for_an_order_that_they_may_not_pay(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway
) -> None:
    order_id = OrderId(order[0].id)
    with pytest.raises(NotTheBuyer):
        await payments.pay_order(order_id, token="tok_visa", buyer=somebody())
    with pytest.raises(NotTheBuyer):
        await payments.list_payments(order_id, buyer=somebody())
    with pytest.raises(NotFound):
        await payments.pay_order(OrderId(new_id()), token="tok_visa", buyer=order[0].user_id)
    assert gateway.charges_asked == []


@pytest.mark.parametrize(("event", "refusal"), [(1, OrderNotOpen), (2, AlreadyPaid)], ids=["cancelled", "completed"])
async def test_an_order_that_has_come_to_its_end_is_not_charged(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway, event: int, refusal: type[Exception]
) -> None:
    await payments.follow_order(order[event])
    with pytest.raises(refusal):
        await pay(payments, order)
    assert gateway.charges_asked == []


async def test_the_deadline_itself_is_too_late(order: OrderEvents, payments: PaymentService) -> None:
    deadline = order[0].expires_at

    def at_the_deadline() -> PaymentService:
        return PaymentService(payments.payments, payments.orders, payments.gateway, lambda: deadline)

    def just_before() -> PaymentService:
        moment = deadline - timedelta(milliseconds=1)
        return PaymentService(payments.payments, payments.orders, payments.gateway, lambda: moment)

    with pytest.raises(OrderNotOpen, match="time to pay this order is over"):
        await pay(at_the_deadline(), order)
    assert (await pay(just_before(), order)).status is PaymentStatus.CAPTURED


async def test_a_second_payment_is_refused_and_told_why(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway
) -> None:
    gateway.unavailable = True
    with pytest.raises(DependencyUnavailable):
        await pay(payments, order)
    with pytest.raises(PaymentInProgress):
        await pay(payments, order)

    gateway.unavailable = False
    (payment,) = await payments_of(payments, order)
    assert payment.status is PaymentStatus.PENDING
    assert gateway.charges_asked == [payment.id], "the second one never came as far as the card"


async def test_a_cancellation_after_the_capture_refunds_it_once(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway
) -> None:
    await pay(payments, order)
    await payments.follow_order(order[1])
    await payments.follow_order(order[1])

    (payment,) = await payments_of(payments, order)
    assert (payment.status, payment.open) == (PaymentStatus.REFUNDED, False)
    assert (gateway.balance, gateway.refunds_asked) == (0, [payment.id])
    assert await announced(payments) == ["payment.created.v1", "payment.refunded.v1"]


async def test_a_completion_settles_the_payment_and_a_stale_cancellation_does_not_touch_it(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway
) -> None:
    created, cancelled, completed = order
    await pay(payments, order)
    await payments.follow_order(completed)
    await payments.follow_order(cancelled)
    await payments.follow_order(created)

    (payment,) = await payments_of(payments, order)
    assert (payment.status, payment.open) == (PaymentStatus.CAPTURED, False)
    assert gateway.balance == 1999


@pytest.mark.parametrize("outage", ["unavailable", "loses_answers"])
async def test_the_sweep_ends_a_payment_whose_outcome_was_unknown_with_one_charge(
    payments: PaymentService,
    order: OrderEvents,
    gateway: FakeGateway,
    clock: MovableClock,
    outage: str,
) -> None:
    setattr(gateway, outage, True)
    with pytest.raises(DependencyUnavailable):
        await pay(payments, order)
    setattr(gateway, outage, False)
    clock.move_on(ABANDONED)

    await payments.sweep()
    await payments.sweep()

    (payment,) = await payments_of(payments, order)
    assert payment.status is PaymentStatus.CAPTURED
    assert gateway.charges == {payment.id: (1999, "tok_visa")}
    assert gateway.charges_asked == [payment.id] * 2
    assert await announced(payments) == ["payment.created.v1"]


async def test_the_sweep_leaves_alone_what_a_request_may_still_be_working_on(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway, clock: MovableClock
) -> None:
    gateway.unavailable = True
    with pytest.raises(DependencyUnavailable):
        await pay(payments, order)
    clock.move_on(timedelta(seconds=9))

    await payments.sweep()

    assert len(gateway.charges_asked) == 1


async def test_the_sweep_can_end_in_a_decline(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway, clock: MovableClock
) -> None:
    gateway.unavailable = True
    with pytest.raises(DependencyUnavailable):
        await pay(payments, order)
    gateway.unavailable, gateway.declines = False, True
    clock.move_on(ABANDONED)

    await payments.sweep()

    (payment,) = await payments_of(payments, order)
    assert (payment.status, payment.open) == (PaymentStatus.DECLINED, False)
    gateway.declines = False
    assert (await pay(payments, order)).status is PaymentStatus.CAPTURED, "the order is free for another card"


async def test_one_payment_that_cannot_be_ended_does_not_keep_the_others_open(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway, clock: MovableClock
) -> None:
    gateway.loses_answers = True
    with pytest.raises(DependencyUnavailable):
        await pay(payments, order)
    other = (order[0].model_copy(update={"id": new_id()}), order[1], order[2])
    await payments.follow_order(other[0])
    with pytest.raises(DependencyUnavailable):
        await pay(payments, other)
    (stuck,) = await payments_of(payments, order)
    gateway.charges[stuck.id] = (1, "of another payment")  # the processor will refuse this key for ever
    gateway.loses_answers = False
    clock.move_on(ABANDONED)

    with capture_logs() as logs:
        await payments.sweep()

    assert [payment.status for payment in await payments_of(payments, other)] == [PaymentStatus.CAPTURED]
    assert logs == 1


async def test_a_payment_older_than_the_processors_memory_is_shown_to_a_person_and_never_charged_again(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway, clock: MovableClock
) -> None:
    gateway.loses_answers = True
    with pytest.raises(DependencyUnavailable):
        await pay(payments, order)
    gateway.loses_answers = False
    clock.move_on(A_DAY)

    with capture_logs() as logs:
        await payments.sweep()

    (payment,) = await payments_of(payments, order)
    assert payment.status is PaymentStatus.PENDING
    assert len(gateway.charges_asked) == 1
    assert [(line["log_level"], line["payment"]) for line in logs] == [("error", payment.id)]
    assert "person" in logs[0]["event"]


async def test_any_number_of_payments_that_nobody_can_end_do_not_keep_a_younger_one_open(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway, clock: MovableClock
) -> None:
    """A page of the sweep holds 500; all of them begun at the same instant, which no page may break in two."""
    begun = clock()
    for _ in range(1001):
        stuck = Payment.begin(order_id=OrderId(new_id()), buyer=somebody(), amount=1, token=GOOD_CARD, now=begun)
        await payments.payments.add(stuck)
    clock.move_on(A_DAY)
    late_order = (order[0].model_copy(update={"id": new_id(), "expires_at": clock() + A_DAY}), order[1], order[2])
    await payments.follow_order(late_order[0])
    gateway.loses_answers = True
    with pytest.raises(DependencyUnavailable):
        await pay(payments, late_order)
    gateway.loses_answers = False
    clock.move_on(ABANDONED)

    with capture_logs() as logs:
        await payments.sweep()

    assert [payment.status for payment in await payments_of(payments, late_order)] == [PaymentStatus.CAPTURED]
    assert len({line["payment"] for line in logs if "person" in line["event"]}) == len(logs) == 1001


async def test_an_outage_of_the_processor_is_a_line_in_the_log_and_no_stack_trace(
    payments: PaymentService, order: OrderEvents, gateway: FakeGateway, clock: MovableClock
) -> None:
    gateway.unavailable = True
    with pytest.raises(DependencyUnavailable):
        await pay(payments, order)
    clock.move_on(ABANDONED)

    with capture_logs() as logs:
        await payments.sweep()

    assert {line["log_level"] for line in logs} == {"warning"}
    assert not any("exc_info" in line for line in logs)
