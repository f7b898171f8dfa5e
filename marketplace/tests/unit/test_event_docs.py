"""The names of the durable consumers."""

from marketplace.registry import CONSUMERS_OF


def test_durable_names_are_unique_and_begin_with_their_service() -> None:
    names = [(service, consumer.name) for service, consumers in CONSUMERS_OF.items() for consumer in consumers]
    assert len({name for _, name in names}) == len(names)
    assert all(name.startswith(f"{service}-") for service, name in names)


def test_a_durable_consumer_is_never_renamed() -> None:
    """A renamed consumer would receive all events again. Add new consumers here; remove one only with its code."""
    assert sorted(consumer.name for consumers in CONSUMERS_OF.values() for consumer in consumers) == [
        "expiration-arm-deadline-on-order-created",
        "expiration-complete-deadline-on-alarm",
        "expiration-drop-deadline-on-order-closed",
        "orders-complete-order-on-payment-created",
        "orders-expire-order-on-expiration-completed",
        "orders-replicate-ticket",
        "payments-accept-payments-on-order-created",
        "payments-refund-payment-on-order-cancelled",
        "payments-settle-payment-on-order-completed",
        "tickets-hold-ticket-on-order-created",
        "tickets-keep-ticket-sold-on-order-completed",
        "tickets-release-ticket-on-order-cancelled",
    ]
