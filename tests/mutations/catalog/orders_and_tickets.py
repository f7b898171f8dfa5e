"""No ticket is held or sold twice."""

from mutations.mutation import Mutation, tests_in

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="one-live-order-per-ticket",
        promise="At most one order that is open or completed exists per ticket.",
        where="orders.repository:OrderRepository.create_indexes",
        old='"ticket.id", unique=True,',
        new='"ticket.id",',
        tests=tests_in(
            "orders/tests/integration/test_races.py",
            "test_of_100_concurrent_buyers_one_gets_the_ticket_and_the_others_get_409",
        ),
        slow=True,
    ),
    Mutation(
        name="completed-order-has-its-ticket",
        promise="A sold ticket cannot be ordered again: a completed order counts as live.",
        where="orders.order:OrderStatus.is_live",
        old="self is not OrderStatus.CANCELLED",
        new="self is OrderStatus.CREATED",
        tests=tests_in(
            "orders/tests/unit/test_order_service.py",
            "test_a_sold_ticket_is_not_ordered_even_after_the_deadline",
        ),
    ),
    Mutation(
        name="orders-unique-indexes-made-at-start",
        promise="Orders takes no request before its unique indexes exist.",
        where="orders.main:create_app",
        old="runtime.before_start(repository.create_indexes, requests.create_indexes)",
        new="runtime.before_start(requests.create_indexes)",
        tests=tests_in("orders/tests/integration/test_refusals.py", "test_a_held_or_sold_ticket_cannot_be_ordered"),
    ),
    Mutation(
        name="tickets-index-on-orders-made-at-start",
        promise="Tickets is ready only once the index exists by which it finds the live order on a ticket.",
        where="tickets.main:create_app",
        old="create_indexes, orders.create_indexes, requests",
        new="create_indexes, requests",
        tests=tests_in(
            "common/tests/integration/runtime/test_service_runtime_indexes.py",
            "test_a_ready_service_has_created_all_its_indexes[motor-tickets]",
        ),
    ),
    Mutation(
        name="repeated-request-finds-its-order",
        promise="A repeated request with an Idempotency-Key is answered with the order that the first one placed.",
        where="orders.service:OrderService.place_order",
        old="if placed_before is not None:",
        new="if False:",
        tests=tests_in(
            "orders/tests/integration/test_repeated_requests.py",
            "test_a_repeated_request_finds_its_order_even_after_a_cancellation",
        ),
        slow=True,
    ),
    Mutation(
        name="own-ticket-not-ordered",
        promise="Sellers cannot order their own tickets.",
        where="orders.service:OrderService._prepare_order",
        old="if ticket.user_id == buyer:",
        new="if False:",
        tests=tests_in("orders/tests/unit/test_order_service.py", "test_a_seller_cannot_order_their_own_ticket"),
    ),
    Mutation(
        name="window-at-most-the-platforms",
        promise="Buyers cannot hold a ticket for longer than the platform allows.",
        where="orders.service:OrderService._prepare_order",
        old="if window > self._hold.window:",
        new="if False:",
        tests=tests_in(
            "orders/tests/unit/test_order_service.py",
            "test_a_buyer_may_ask_for_a_shorter_window_but_not_for_a_longer_one",
        ),
    ),
    Mutation(
        name="overdue-holder-cancelled-for-next-buyer",
        promise="An order past its deadline does not block the next buyer, even if its timer never fires.",
        where="orders.service:OrderService.place_order",
        old="not await self._cancel_overdue_holder(ticket_id, buyer)",
        new="True",
        tests=tests_in(
            "orders/tests/unit/test_order_service.py",
            "test_an_order_is_replaced_at_its_deadline_and_not_before",
        ),
    ),
    Mutation(
        name="holder-in-time-keeps-its-ticket",
        promise="The next buyer takes no ticket over from an order whose deadline has not passed.",
        where="orders.service:OrderService._cancel_overdue_holder",
        old="if not holder.is_overdue(self._clock()):",
        new="if not holder.is_open:",
        tests=tests_in(
            "orders/tests/unit/test_order_service.py",
            "test_an_order_is_replaced_at_its_deadline_and_not_before",
        ),
    ),
    Mutation(
        name="order-end-is-final",
        promise="A completed or cancelled order never changes its status again.",
        where="orders.order:Order._close",
        old="if not self.is_open:",
        new="if False:",
        tests=tests_in(
            "orders/tests/unit/test_order.py",
            "test_cancelled_and_completed_are_final[complete-cancelled]",
            "test_cancelled_and_completed_are_final[cancel-completed]",
        ),
    ),
    Mutation(
        name="expiry-ends-only-open-orders",
        promise="A deadline that passes after the order has ended has no effect, and is no error.",
        where="orders.service:OrderService.expire_order",
        old="if order.is_open and",
        new="if",
        tests=tests_in(
            "orders/tests/unit/test_order_service.py", "test_events_after_the_end_of_an_order_have_no_effect"
        ),
    ),
    Mutation(
        name="late-payment-noted",
        promise="A payment that came after the cancellation is noted in the order, for its timeline.",
        where="orders.service:OrderService.complete_order",
        old="order.note_late_payment(payment_id)",
        new="pass",
        tests=tests_in(
            "orders/tests/unit/test_order_service.py", "test_events_after_the_end_of_an_order_have_no_effect"
        ),
    ),
    Mutation(
        name="unknown-order-is-permanent-failure",
        promise="An event about an order that does not exist is dead-lettered at once and not delivered again.",
        where="orders.service:OrderService._known",
        old='raise PermanentFailure(f"an event names',
        new='raise NotFound(f"an event names',
        tests=tests_in(
            "orders/tests/unit/test_order_service.py",
            "test_an_unknown_order_is_not_found_or_for_an_event_a_permanent_failure",
        ),
    ),
    Mutation(
        name="release-is-conditional",
        promise="A cancellation releases a ticket only from the cancelled order, not from another one that holds it.",
        where="tickets.service:TicketService._right_holder",
        old="for order_id in dict.fromkeys((ticket.order_id, changed_order)):",
        new="""
            if not await self._orders.is_live(changed_order):
                return None
            for order_id in dict.fromkeys((ticket.order_id, changed_order)):""",
        tests=tests_in(
            "tickets/tests/unit/test_ticket_service.py",
            "test_in_any_order_of_events_the_live_order_holds_the_ticket",
        ),
    ),
    Mutation(
        name="holder-keeps-ticket-while-live",
        promise="Of two orders that seem live, the one that holds the ticket keeps it.",
        where="tickets.service:TicketService._right_holder",
        old="dict.fromkeys((ticket.order_id, changed_order))",
        new="dict.fromkeys((changed_order, ticket.order_id))",
        tests=tests_in(
            "tickets/tests/unit/test_ticket_service.py",
            "test_of_two_apparently_live_orders_the_present_holder_keeps_the_ticket",
        ),
    ),
    Mutation(
        name="live-order-takes-over",
        promise="When the order that holds a ticket is cancelled, a live order that came meanwhile gets the ticket.",
        where="tickets.service:TicketService._right_holder",
        old="return await self._orders.live_order_of(TicketId(ticket.id))",
        new="return None",
        tests=tests_in(
            "tickets/tests/unit/test_ticket_service.py",
            "test_of_two_apparently_live_orders_the_present_holder_keeps_the_ticket",
        ),
    ),
    Mutation(
        name="stale-order-event-reconciles-ticket",
        promise="A redelivered order event completes what a handler left half done when it died.",
        where="tickets.service:TicketService.follow_order",
        old="await self._orders.apply(event)",
        new="""
            if not await self._orders.apply(event):
                return""",
        tests=tests_in(
            "tickets/tests/integration/test_holding.py",
            "test_a_redelivery_completes_an_interrupted_handler",
        ),
    ),
    Mutation(
        name="ticket-is-read-before-its-orders",
        promise="A release that was decided before another order took the ticket is not carried out.",
        where="tickets.service:TicketService.reconcile_holder",
        old="if holder == ticket.order_id:",
        new="""
            ticket = await self.get_ticket(ticket_id)
            if holder == ticket.order_id:""",
        tests=tests_in(
            "tickets/tests/integration/test_races.py",
            "test_a_release_is_not_written_after_another_order_got_the_ticket",
        ),
    ),
    Mutation(
        name="orders-are-read-again-after-the-hold",
        promise="An order that was cancelled just before its hold was written does not keep the ticket.",
        where="tickets.service:TicketService.reconcile_holder",
        old="await self._tickets.save(ticket)",
        new="return await self._tickets.save(ticket)",
        tests=tests_in(
            "tickets/tests/integration/test_races.py",
            "test_an_order_cancelled_before_its_hold_is_written_does_not_keep_the_ticket",
        ),
        slow=True,
    ),
    Mutation(
        name="held-ticket-not-changed",
        promise="Sellers cannot change a listing that an order holds or has bought.",
        where="tickets.ticket:Ticket.change_listing",
        old="if self.order_id is not None:",
        new="if False:",
        tests=tests_in("tickets/tests/unit/test_ticket.py", "test_a_held_ticket_is_not_changed_even_by_its_seller"),
    ),
)
