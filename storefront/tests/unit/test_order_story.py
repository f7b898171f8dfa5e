"""The page of an order says in sentences what has happened to it."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from common.domain.clock import utc_now
from common.domain.event import Event
from common.domain.ids import made_at
from common.events.catalog import EVENT_TYPES, EXAMPLES
from common.events.orders import OrderEvent
from common.events.payments import PaymentEvent
from common.messaging.timeline import TimelineEvent
from storefront.order_story import more_time, steps_of

_OF_ORDERS = [kind.type_name() for kind in EVENT_TYPES if issubclass(kind, (OrderEvent, PaymentEvent))]
_EXAMPLES = {example.type_name(): example for example in EXAMPLES if isinstance(example, Event)}
_UNKNOWN = "The order changed."


def _happened(event: Event) -> TimelineEvent:
    subject = f"{event.type_name()}.{event.id}"
    data = json.loads(event.to_json())
    return TimelineEvent(event.type_name(), subject, utc_now(), event.version, "unknown", trace_id=None, data=data)


def _story(*names: str) -> list[str]:
    return [step.sentence for step in steps_of(_happened(_EXAMPLES[name]) for name in names)]


@pytest.mark.parametrize("event", _OF_ORDERS)
def test_each_event_of_an_order_has_a_sentence_of_its_own(event: str) -> None:
    assert _story(event) != [_UNKNOWN]


def test_an_event_of_a_newer_version_is_told_without_its_technical_name() -> None:
    happened = TimelineEvent("order.moved", "order.moved.x", utc_now(), 1, "unknown", trace_id=None, data={})
    assert [step.sentence for step in steps_of([happened])] == [_UNKNOWN]


def test_a_payment_says_how_much_was_paid_and_refunded() -> None:
    story = _story("payment.created", "order.cancelled", "payment.refunded")
    assert story == ["You paid $19.99.", "The order was cancelled.", "Your payment of $19.99 was refunded."]


def test_a_payment_after_the_end_of_the_order_is_not_told_as_if_the_buyer_had_paid_then() -> None:
    story = _story("order.cancelled", "payment.created")
    assert story[1] == "Your card was charged, but the order had ended already."


def test_more_time_is_told_with_its_end() -> None:
    (step,) = steps_of([_happened(_EXAMPLES["order.extended"])])
    assert step.until == datetime(2026, 11, 24, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "more"), [(900.5, "15 more minutes"), (60.5, "1 more minute"), (8.5, "8 more seconds")]
)
def test_who_can_ask_for_more_time_is_told_how_much_it_is(window: float, more: str) -> None:
    created = _EXAMPLES["order.created"]
    end = made_at(created.id) + timedelta(seconds=window)
    assert more_time([_happened(created.model_copy(update={"expires_at": end}))]) == more


@pytest.mark.parametrize("known", [[], ["payment.created"], ["order.extended"]])
def test_without_the_first_event_nobody_knows_how_much_time_there_is_to_ask_for(known: list[str]) -> None:
    """The stream may have lost it. The page of the order is shown all the same."""
    assert more_time([_happened(_EXAMPLES[name]) for name in known]) == "More time"
