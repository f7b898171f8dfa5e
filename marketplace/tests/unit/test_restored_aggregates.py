"""An aggregate can be made from its event, so that an operator can complete a database that has lost it."""

import pytest
from pydantic import ValidationError

from common.domain.event import Event
from common.events.catalog import EXAMPLES
from common.events.payments import PaymentCreated, PaymentEvent, PaymentRefunded
from common.events.users import UserRegistered
from marketplace.operations.stored_data import owned
from payments.payment import Payment, PaymentStatus

EVENTS = [each for each in EXAMPLES if isinstance(each, Event) and not isinstance(each, UserRegistered)]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type_name())
def test_an_aggregate_made_from_an_event_has_the_state_of_the_event(event: Event) -> None:
    aggregate = owned(event.publisher).spec.aggregate.from_event(event)
    current = aggregate.current_event()
    assert current is not None
    assert current.agrees_with(event)
    assert (aggregate.stored_version, aggregate.recorded) == (event.version, [])


def test_a_user_cannot_be_made_from_an_event_because_no_event_contains_a_password() -> None:
    (event,) = (each for each in EXAMPLES if isinstance(each, UserRegistered))
    with pytest.raises(ValidationError, match="password_hash"):
        owned("auth").spec.aggregate.from_event(event)


@pytest.mark.parametrize(
    ("event_type", "status", "is_open"),
    [(PaymentCreated, PaymentStatus.CAPTURED, True), (PaymentRefunded, PaymentStatus.REFUNDED, False)],
)
def test_a_captured_payment_made_from_an_event_can_still_be_refunded(
    event_type: type[PaymentEvent], status: PaymentStatus, is_open: bool
) -> None:
    """The recovery job finds it, because it is open, and the refund needs the id of the charge."""
    (example,) = (each for each in EXAMPLES if isinstance(each, event_type))
    payment = Payment.from_event(example.model_copy(update={"charge_id": "ch_1"}))
    assert (payment.status, payment.open, payment.charge_id) == (status, is_open, "ch_1")
    assert payment.begun_at.timestamp() == 0x65F0C0FF, "the time in the id of the payment"
