"""An extended order keeps its ticket until its new deadline, and not longer."""

from mutations.mutation import Mutation, tests_in

_EXTENDING = "orders/tests/integration/test_extending.py"
_SEEN = "orders/tests/integration/test_seen_deadline.py"
_ORDER = "orders/tests/unit/test_order.py"
_DEADLINE = "expiration/tests/unit/test_deadline.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="old-deadline-expires-no-extended-order",
        promise="A deadline that was published before expiration knew of the extension does not end the order.",
        where="orders.service:OrderService.expire_order",
        old=" and deadline >= order.expires_at",
        new="",
        tests=tests_in(_EXTENDING, "test_the_old_deadline_of_an_extended_order_has_no_effect"),
    ),
    Mutation(
        name="overdue-order-not-extended",
        promise="From the deadline on, an order cannot be extended, even if it is not cancelled yet.",
        where="orders.order:Order.extend",
        old="if self.is_overdue(now):",
        new="if False:",
        tests=tests_in(_ORDER, "test_an_order_is_not_extended_from_its_deadline_on"),
    ),
    Mutation(
        name="final-order-not-extended",
        promise="A completed or cancelled order cannot be extended.",
        where="orders.order:Order.extend",
        old="if not self.is_open:",
        new="if False:",
        tests=tests_in(
            _ORDER, "test_a_final_order_is_not_extended[cancelled]", "test_a_final_order_is_not_extended[completed]"
        ),
    ),
    Mutation(
        name="extensions-have-a-limit",
        promise="A buyer cannot hold a ticket for ever: each order has a limited number of extensions.",
        where="orders.order:Order.extend",
        old="if self.extensions_left <= 0:",
        new="if False:",
        tests=tests_in(_ORDER, "test_each_extension_adds_the_window_of_the_order_until_none_is_left"),
    ),
    Mutation(
        name="repeated-extension-changes-nothing",
        promise="An extension that says the deadline that the buyer saw is done once, however often it is sent.",
        where="orders.service:OrderService.extend_order",
        old="if seen_deadline is not None and order.expires_at > seen_deadline:",
        new="if False:",
        tests=tests_in(_SEEN, "test_an_extension_with_the_deadline_that_the_buyer_has_seen_is_done_once"),
    ),
    Mutation(
        name="only-the-buyer-extends",
        promise="Nobody but its buyer can extend an order.",
        where="orders.service:OrderService.extend_order",
        old="await self.get_order(order_id, by=by)",
        new="await self._known(order_id)",
        tests=tests_in("orders/tests/integration/test_refusals.py", "test_only_its_buyer_can_see_or_cancel_an_order"),
    ),
    Mutation(
        name="extension-moves-the-deadline",
        promise="The deadline of an extended order is the new one.",
        where="expiration.deadline:Deadline.follow",
        old="self.expires_at = event.expires_at",
        new="pass",
        tests=tests_in(_DEADLINE, "test_an_extension_moves_a_pending_deadline"),
    ),
    Mutation(
        name="extension-drops-no-deadline",
        promise="An extended order is still open, so its deadline stays pending.",
        where="expiration.deadline:_status_after",
        old="isinstance(event, OrderCreated | OrderExtended)",
        new="isinstance(event, OrderCreated)",
        tests=tests_in(_DEADLINE, "test_an_extension_that_comes_first_starts_the_deadline"),
    ),
    Mutation(
        name="completed-deadline-of-extended-order-reopened",
        promise="An order expires at its new deadline, even if the old one was published before.",
        where="expiration.deadline:Deadline.follow",
        old="if self._is_reopened_by(event):",
        new="if False:",
        tests=tests_in(_DEADLINE, "test_a_completed_deadline_of_an_extended_order_is_completed_again_later"),
    ),
    Mutation(
        name="deadline-reopened-only-for-later-time",
        promise="An extension until the time that was published as passed does not reopen the deadline.",
        where="expiration.deadline:Deadline._is_reopened_by",
        old=" and event.expires_at > self.expires_at",
        new="",
        tests=tests_in(_DEADLINE, "test_a_deadline_restored_from_its_event_is_reopened_only_by_a_later_extension"),
    ),
    Mutation(
        name="reopened-deadline-knows-its-event",
        promise="The audit finds no difference between a reopened deadline and the event that it has published.",
        where="expiration.deadline:Deadline.current_event",
        old="if self.reopened_from is not None:",
        new="if False:",
        tests=tests_in(_DEADLINE, "test_a_completed_deadline_of_an_extended_order_is_completed_again_later"),
    ),
    Mutation(
        name="audit-compares-the-times-of-deadlines",
        promise="The audit finds an open order whose deadline in expiration has another time.",
        where="marketplace.operations.invariants:a_deadline_is_pending_as_long_as_its_order_is_open",
        old="""elif is_open and deadlines[key]["expires_at"] != order["expires_at"]:""",
        new="elif False:",
        tests=tests_in(
            "marketplace/tests/unit/test_operations_differences.py",
            "test_an_extended_order_with_its_old_deadline_is_found",
        ),
    ),
)
