"""The audit: orders, tickets, payments and deadlines that do not fit together."""

from mutations.mutation import Mutation, tests_in

_UNIT = "marketplace/tests/unit"
_INVARIANTS = "marketplace.operations.invariants"


def _found(damage: str) -> tuple[str, ...]:
    return tests_in(
        f"{_UNIT}/test_operations_invariants.py",
        f"test_each_broken_rule_is_found_at_the_id_that_breaks_it[{damage}]",
    )


def _audited(test: str) -> tuple[str, ...]:
    return tests_in(f"{_UNIT}/test_operations_audit.py", test)


MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="audit-finds-a-second-live-order",
        promise="The audit finds a ticket that has more than one live order.",
        where=f"{_INVARIANTS}:one_live_order_per_ticket",
        old="if len(orders) > 1:",
        new="if len(orders) > 2:",
        tests=_found("second_live_order"),
    ),
    Mutation(
        name="audit-finds-a-ticket-held-in-vain",
        promise="The audit finds a ticket that is held although it has no live order.",
        where=f"{_INVARIANTS}:a_ticket_is_held_by_its_live_order",
        old='if (ticket["order_id"] not in holders) if holders else ticket["order_id"]:',
        new='if holders and ticket["order_id"] not in holders:',
        tests=_found("held_by_a_cancelled_order"),
    ),
    Mutation(
        name="audit-finds-a-ticket-that-is-not-held",
        promise="The audit finds a ticket that its live order does not hold.",
        where=f"{_INVARIANTS}:a_ticket_is_held_by_its_live_order",
        old='if (ticket["order_id"] not in holders) if holders else ticket["order_id"]:',
        new='if ticket["order_id"] and ticket["order_id"] not in holders:',
        tests=_found("not_held_by_its_open_order"),
    ),
    Mutation(
        name="audit-finds-an-order-without-its-ticket",
        promise="The audit finds a live order of a ticket that does not exist.",
        where=f"{_INVARIANTS}:a_ticket_is_held_by_its_live_order",
        old="for key in live.keys() - tickets.keys():",
        new="for key in tickets.keys() - tickets.keys():",
        tests=_found("ordered_but_nonexistent"),
    ),
    Mutation(
        name="audit-finds-an-unpaid-completed-order",
        promise="The audit finds a completed order whose payment is not captured.",
        where=f"{_INVARIANTS}:a_completed_order_has_its_captured_payment",
        old='payment["status"] != PaymentStatus.CAPTURED or ',
        new="",
        tests=_found("completed_with_a_refunded_payment"),
    ),
    Mutation(
        name="audit-finds-an-order-paid-for-another",
        promise="The audit finds a completed order whose payment belongs to another order.",
        where=f"{_INVARIANTS}:a_completed_order_has_its_captured_payment",
        old=' or payment["order_id"] != key',
        new="",
        tests=_found("completed_with_the_payment_of_another_order"),
    ),
    Mutation(
        name="audit-finds-another-amount",
        promise="The audit finds a completed order for which another amount than its price was charged.",
        where=f"{_INVARIANTS}:a_completed_order_has_its_captured_payment",
        old='elif payment["amount"] != order["ticket"]["price"]:',
        new='elif payment["amount"] > order["ticket"]["price"]:',
        tests=_found("completed_for_another_amount"),
    ),
    Mutation(
        name="audit-finds-a-charge-without-a-sale",
        promise="The audit finds a captured payment whose order is not completed.",
        where=f"{_INVARIANTS}:every_charge_ends_as_a_completed_order_or_a_refund",
        old="status != OrderStatus.COMPLETED:",
        new='status == "unknown":',
        tests=_found("captured_for_a_cancelled_order"),
    ),
    Mutation(
        name="audit-finds-a-refunded-sale",
        promise="The audit finds a refunded payment whose order is not cancelled.",
        where=f"{_INVARIANTS}:every_charge_ends_as_a_completed_order_or_a_refund",
        old="status != OrderStatus.CANCELLED:",
        new='status == "unknown":',
        tests=_found("refunded_for_a_completed_order"),
    ),
    Mutation(
        name="audit-finds-an-open-payment",
        promise="The audit finds a payment that stays open.",
        where=f"{_INVARIANTS}:every_charge_ends_as_a_completed_order_or_a_refund",
        old='if payment["open"]:',
        new='if payment["open"] and payment["status"] == PaymentStatus.PENDING:',
        tests=_found("payment_that_is_still_open"),
    ),
    Mutation(
        name="audit-compares-the-sums",
        promise="The audit compares the sum of all captured payments with the sum of all completed orders.",
        where=f"{_INVARIANTS}:captured_minus_refunded_is_what_the_completed_orders_cost",
        old="if earned != owed:",
        new="if earned < owed:",
        tests=_found("captured_for_no_order"),
    ),
    Mutation(
        name="audit-asks-the-sandbox",
        promise="The audit finds a charge or a refund of the sandbox from which the payment differs.",
        where=f"{_INVARIANTS}:the_sandbox_was_charged_once_per_captured_payment",
        old='if status != wanted or payments[key]["amount"] != amount:',
        new="if status not in PaymentStatus:",
        tests=_found("charged_another_amount") + _found("refunded_only_by_the_sandbox"),
    ),
    Mutation(
        name="audit-finds-an-order-without-a-deadline",
        promise="The audit finds an order that has no deadline.",
        where=f"{_INVARIANTS}:a_deadline_is_pending_as_long_as_its_order_is_open",
        old='yield key, "has no deadline"',
        new="continue",
        tests=_found("open_without_a_deadline"),
    ),
    Mutation(
        name="audit-finds-a-deadline-that-does-not-fit",
        promise="The audit finds a deadline that is pending although its order is closed, and the reverse.",
        where=f"{_INVARIANTS}:a_deadline_is_pending_as_long_as_its_order_is_open",
        old='(deadlines[key]["status"] == "pending") != is_open:',
        new='key not in snapshot.documents("orders", "orders"):',
        tests=_found("closed_with_a_pending_deadline") + _found("open_with_a_dropped_deadline"),
    ),
    Mutation(
        name="audit-finds-an-overdue-order",
        promise="The audit finds an order that is open after its deadline.",
        where=f"{_INVARIANTS}:a_deadline_is_pending_as_long_as_its_order_is_open",
        old='elif is_open and order["expires_at"] < snapshot.taken_at:',
        new='elif not is_open and order["status"] == OrderStatus.CREATED:',
        tests=_found("open_after_its_deadline"),
    ),
    Mutation(
        name="audit-compares-every-field",
        promise="The audit finds a read model that differs from its owner in any field.",
        where="marketplace.operations.audit:_wrong_with",
        old="if copy.get(name) != value:",
        new='if name != "version" and copy.get(name) != value:',
        tests=_audited("test_a_read_model_of_another_version_than_its_owner_is_found[orders-ticket_replicas]"),
    ),
    Mutation(
        name="audit-finds-a-capture-without-a-charge",
        promise="The audit finds a captured payment that the sandbox has not charged.",
        where=f"{_INVARIANTS}:the_sandbox_was_charged_once_per_captured_payment",
        old="if was_captured and key not in charged",
        new='if was_captured and payment["open"] and key not in charged',
        tests=_found("captured_but_not_charged") + _found("refunded_but_not_charged"),
    ),
    Mutation(
        name="audit-compares-prices-with-events",
        promise="The audit finds an order at another price than that in the ticket's event of the ordered version.",
        where=f"{_INVARIANTS}:an_order_costs_what_its_ticket_cost_at_that_version",
        old="{published, stored}",
        new="{stored}",
        tests=tests_in(
            f"{_UNIT}/test_operations_invariants.py",
            "test_an_order_whose_ticket_had_another_price_at_that_version_is_found",
        ),
    ),
    Mutation(
        name="audit-compares-prices-with-tickets",
        promise="The audit finds an order at another price than its ticket has at the ordered version.",
        where=f"{_INVARIANTS}:_price_at",
        old='return price if held_since or ticket["version"] == version else None',
        new="return price if held_since else None",
        tests=_found("open_at_another_price_than_its_ticket"),
    ),
    Mutation(
        name="audit-compares-prices-with-held-tickets",
        promise="The audit finds an order at another price than the ticket that it holds, if only the holder changed.",
        where=f"{_INVARIANTS}:_price_at",
        old='return price if held_since or ticket["version"] == version else None',
        new='return price if ticket["version"] == version else None',
        tests=_found("open_at_another_price_than_its_held_ticket"),
    ),
    Mutation(
        name="order-names-the-version-of-its-ticket",
        promise="An order contains the version of the ticket that has its price, so that the audit can compare them.",
        where="orders.ticket_read_model:TicketReadModel.as_ordered",
        old=", version=self.version",
        new="",
        tests=tests_in("orders/tests/unit/test_order_service.py", "test_an_order_and_its_event_are_one_document"),
    ),
)
