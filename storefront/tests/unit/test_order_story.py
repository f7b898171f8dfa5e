"""The page of an order says in sentences what has happened to it."""

import pytest

from common.domain.clock import utc_now
from common.events.catalog import EVENT_TYPES
from common.events.orders import OrderEvent
from common.events.payments import PaymentEvent
from common.messaging.timeline import TimelineEvent
from storefront.order_story import step_of

_OF_ORDERS = [kind.type_name() for kind in EVENT_TYPES if issubclass(kind, (OrderEvent, PaymentEvent))]
_UNKNOWN = "The order changed."


def _sentence_of(event: str) -> str:
    happened = TimelineEvent(event, f"{event}.x", utc_now(), 1, cause="unknown", trace_id=None, data={})
    return step_of(happened).sentence


@pytest.mark.parametrize("event", _OF_ORDERS)
def test_each_event_of_an_order_has_a_sentence_of_its_own(event: str) -> None:
    assert _sentence_of(event) != _UNKNOWN


def test_an_event_of_a_newer_version_is_told_without_its_technical_name() -> None:
    assert _sentence_of("order.moved") == _UNKNOWN
