"""Events of newer publishers."""

from mutations.mutation import Mutation, tests_in

_EVERY_CONSUMER = "tests/integration/test_every_consumer.py"
_TEST = "test_an_event_of_a_newer_publisher_is_handled_as_today"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="unknown-order-status-is-read",
        promise="A consumer reads an order event whose status it does not know.",
        where="common.events.orders:OrderEvent",
        old='status: str = Field(description="`created`',
        new='status: str = Field(pattern="created|cancelled|completed", description="`created`',
        tests=tests_in(
            _EVERY_CONSUMER,
            f"{_TEST}[motor-tickets-hold-ticket-on-order-created]",
            f"{_TEST}[motor-expiration-arm-deadline-on-order-created]",
            f"{_TEST}[motor-payments-accept-payments-on-order-created]",
        ),
    ),
    Mutation(
        name="unknown-payment-status-is-read",
        promise="A consumer reads a payment event whose status it does not know.",
        where="common.events.payments:PaymentEvent",
        old='status: str = Field(description="`captured`',
        new='status: str = Field(pattern="captured|refunded", description="`captured`',
        tests=tests_in(_EVERY_CONSUMER, f"{_TEST}[motor-orders-complete-order-on-payment-created]"),
    ),
    Mutation(
        name="unknown-field-is-ignored",
        promise="A consumer reads an event that has a field it does not know.",
        where="common.domain.event:Message",
        old='extra="ignore"',
        new='extra="forbid"',
        tests=tests_in(
            "common/tests/unit/events/test_catalog.py",
            "test_a_field_added_by_a_newer_publisher_is_ignored[order.created.v1.json]",
        ),
    ),
    Mutation(
        name="unknown-start-is-ignored",
        promise="Orders sells a ticket whose start it cannot read, because a newer version may write it otherwise.",
        where="orders.ticket_read_model:TicketReadModel.has_begun",
        old="except ValueError:",
        new="except KeyError:",
        tests=tests_in(
            "orders/tests/unit/test_order_service.py",
            "test_a_start_that_orders_cannot_read_does_not_prevent_an_order[next week]",
        ),
    ),
    Mutation(
        name="new-field-of-a-copy-is-optional",
        promise="Orders sells a ticket whose copy the last release has stored.",
        where="orders.ticket_read_model:TicketReadModel",
        old="starts_at: str | None = None",
        new="starts_at: str | None",
        tests=tests_in(
            "tests/integration/test_last_release.py",
            "test_a_copy_that_the_last_release_has_stored_can_be_ordered[motor]",
        ),
    ),
    Mutation(
        name="tickets-decides-by-the-event",
        promise="Tickets releases a ticket by the type of the event, whatever its status says.",
        where="tickets.order_read_model:OrderReadModel.from_event",
        old="is_live=not isinstance(event, OrderCancelled)",
        new='is_live=event.status != "cancelled"',
        tests=tests_in(_EVERY_CONSUMER, f"{_TEST}[motor-tickets-release-ticket-on-order-cancelled]"),
    ),
    Mutation(
        name="payments-decides-by-the-event",
        promise="Payments refunds by the type of the order event, whatever its status says.",
        where="payments.order_read_model:OrderStatus.after",
        old="if isinstance(event, OrderCancelled):",
        new='if event.status == "cancelled":',
        tests=tests_in(_EVERY_CONSUMER, f"{_TEST}[motor-payments-refund-payment-on-order-cancelled]"),
    ),
    Mutation(
        name="expiration-decides-by-the-event",
        promise="Expiration starts a deadline by the type of the order event, whatever its status says.",
        where="expiration.deadline:_status_after",
        old="isinstance(event, OrderCreated | OrderExtended)",
        new='event.status == "created"',
        tests=tests_in(_EVERY_CONSUMER, f"{_TEST}[motor-expiration-arm-deadline-on-order-created]"),
    ),
)
