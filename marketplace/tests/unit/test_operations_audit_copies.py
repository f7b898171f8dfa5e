"""A copy has the state of the newest published event. Some versions of a payment have no event."""

from collections.abc import Iterator

import pytest
from marketplace.tests.unit.sales import PRICE, Stored

from common.domain.clock import utc_now
from common.domain.ids import OrderId, UserId, new_id
from common.events.envelope import StagedEvent
from marketplace.operations.histories import Histories
from marketplace.operations.stored_data import READ_MODELS
from payments.gateway.protocol import ChargeId
from payments.payment import Payment

(PAYMENTS,) = (each for each in READ_MODELS if each.name == "storefront payments")


def stages() -> Iterator[tuple[str, Payment]]:
    """Yield a payment in each state. An event reports only the states "captured" and "refunded"."""

    def begun() -> Payment:
        order, buyer = OrderId(new_id()), UserId(new_id())
        return Payment.begin(order_id=order, buyer=buyer, amount=PRICE, token="pm_card_visa", now=utc_now())

    def captured() -> Payment:
        payment = begun()
        payment.capture(ChargeId("ch_1"))
        return payment

    yield "pending", begun()
    declined = begun()
    declined.decline("no money")
    yield "declined", declined
    yield "captured", captured()
    settled = captured()
    settled.settle()
    yield "settled", settled
    refunded = captured()
    refunded.refund()
    yield "refunded", refunded


EVERY_STATE = pytest.mark.parametrize("payment", [pytest.param(each, id=name) for name, each in stages()])
PUBLISHED = pytest.mark.parametrize(
    "payment", [pytest.param(each, id=name) for name, each in stages() if name not in {"pending", "declined"}]
)


def audited(payment: Payment, *, copy: dict[str, object] | None, staged: bool = False) -> list[str]:
    """Return what the audit finds about the copy of this payment. `staged`: its events are still in the outbox."""
    data, histories = Stored(), Histories()
    outbox = [StagedEvent.stage(event, utc_now()).to_document() for event in payment.recorded] if staged else []
    data.stored["payments", "payments"][payment.id] = {**payment.to_document(), "outbox": outbox}
    for event in () if staged else payment.recorded:
        histories.add(event)
    if copy is not None:
        data.stored[PAYMENTS.service, PAYMENTS.collection][payment.id] = copy
    found = [each for each in data.differences(histories) if each.rule == PAYMENTS.rule]
    assert {each.subject for each in found} <= {payment.id}
    return [each.detail for each in found]


def right_copy(payment: Payment) -> dict[str, object] | None:
    return PAYMENTS.after(payment.recorded[-1]) if payment.recorded else None


@EVERY_STATE
@pytest.mark.parametrize("staged", [False, True], ids=["in the stream", "in the outbox"])
def test_a_copy_with_the_newest_published_state_is_right(payment: Payment, *, staged: bool) -> None:
    assert audited(payment, copy=right_copy(payment), staged=staged) == []


@PUBLISHED
def test_a_missing_copy_of_a_published_state_is_found(payment: Payment) -> None:
    assert audited(payment, copy=None) == ["missing"]


@PUBLISHED
def test_a_copy_that_differs_from_the_newest_event_is_found(payment: Payment) -> None:
    right = right_copy(payment)
    assert right is not None
    assert audited(payment, copy={**right, "amount": 1}) == [f"amount is 1, not {PRICE}"]
    ahead = payment.recorded[-1].version + 1
    assert audited(payment, copy={**right, "version": ahead}) == [f"version is {ahead}, not {ahead - 1}"]


@pytest.mark.parametrize("payment", [pytest.param(each, id=name) for name, each in stages() if not each.recorded])
def test_a_copy_of_what_was_never_published_is_found(payment: Payment) -> None:
    copy = PAYMENTS.of(payment.to_document())
    assert audited(payment, copy=copy) == ["payments has not published it"]


@PUBLISHED
def test_a_state_whose_events_are_lost_is_expected_as_it_will_be_published_again(payment: Payment) -> None:
    payment = Payment.from_document(payment.to_document())
    assert audited(payment, copy=PAYMENTS.of(payment.to_document())) == []
    assert audited(payment, copy=None) == ["missing"]
