"""Each service's SPEC agrees with its code."""

import inspect
from typing import Any

import pytest

from common.domain.aggregate import Aggregate
from common.events.catalog import EVENT_TYPES, TIMER_TYPES
from common.runtime.service_spec import ServiceSpec
from marketplace.operations.stored_data import READ_MODELS
from marketplace.registry import SERVICE_NAMES, SERVICES

EVERY_SERVICE = pytest.mark.parametrize("spec", SERVICES, ids=lambda spec: spec.name)


def test_every_message_has_a_publisher_in_the_registry() -> None:
    assert {message.publisher for message in (*EVENT_TYPES, *TIMER_TYPES)} <= {spec.name for spec in SERVICES}


@EVERY_SERVICE
def test_a_service_publishes_the_events_of_its_aggregates_and_no_others(spec: ServiceSpec) -> None:
    of_aggregates = {event for owned in spec.aggregates for event in owned.events}
    assert of_aggregates == {event for event in EVENT_TYPES if event.publisher == spec.name}


@EVERY_SERVICE
def test_durable_consumers_have_the_name_of_their_service_in_front(spec: ServiceSpec) -> None:
    """The permissions at NATS rest on that."""
    assert [consumer.name for consumer in spec.consumers if not consumer.name.startswith(f"{spec.name}-")] == []


@EVERY_SERVICE
def test_the_package_has_the_name_of_its_service(spec: ServiceSpec) -> None:
    module = inspect.getmodule(spec.create_app)
    assert module is not None
    assert module.__name__ == f"{spec.name}.main"
    assert SERVICES[SERVICE_NAMES.index(spec.name)] is spec


@EVERY_SERVICE
def test_every_aggregate_of_the_service_is_listed(spec: ServiceSpec) -> None:
    def concrete(kind: type[Any]) -> set[type[Any]]:
        return set().union(*map(concrete, kind.__subclasses__())) or {kind}

    own = {each for each in concrete(Aggregate) if each.__module__.partition(".")[0] == spec.name}
    assert {owned.aggregate for owned in spec.aggregates} == own


def test_a_read_model_copies_an_aggregate_that_another_service_owns() -> None:
    for kept in READ_MODELS:
        assert kept.service != kept.original.service


_RELEASED_CONSUMERS = {
    "expiration-arm-deadline-on-order-created",
    "expiration-complete-deadline-on-alarm",
    "expiration-drop-deadline-on-order-closed",
    "orders-complete-order-on-payment-created",
    "orders-expire-order-on-expiration-completed",
    "orders-replicate-ticket",
    "payments-accept-payments-on-order-created",
    "payments-refund-payment-on-order-cancelled",
    "payments-settle-payment-on-order-completed",
    "payments-stop-payments-on-order-closed",
    "tickets-hold-ticket-on-order-created",
    "tickets-keep-ticket-sold-on-order-completed",
    "tickets-release-ticket-on-order-cancelled",
}


def test_a_released_durable_consumer_is_never_renamed() -> None:
    """A consumer with a new name would start at the first event. A name leaves this list only with its handler."""
    assert {consumer.name for spec in SERVICES for consumer in spec.consumers} >= _RELEASED_CONSUMERS
