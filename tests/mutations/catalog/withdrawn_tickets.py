"""Nobody holds a withdrawn ticket for longer than a moment."""

from mutations.mutation import Mutation, tests_in

_IN_ORDERS = "orders/tests/unit/test_withdrawn_tickets.py"
_IN_TICKETS = "tickets/tests/unit/test_withdrawing.py"
_MODEL = "tests/model/test_withdrawing.py"
_TICKET = "tickets/tests/unit/test_ticket.py"
_CANCEL = "orders.service:OrderService.cancel_order_of_withdrawn_ticket"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="held-ticket-not-withdrawn",
        promise="Sellers cannot withdraw a ticket that an order holds or has bought.",
        where="tickets.ticket:Ticket.withdraw",
        old="if self.order_id is not None:",
        new="if False:",
        tests=tests_in(_TICKET, "test_a_held_ticket_is_not_withdrawn_even_by_its_seller"),
    ),
    Mutation(
        name="withdrawn-ticket-not-found",
        promise="A withdrawn ticket can be neither read nor changed.",
        where="tickets.service:TicketService.get_ticket",
        old="if ticket is None or ticket.withdrawn:",
        new="if ticket is None:",
        tests=tests_in(_IN_TICKETS, "test_a_withdrawn_ticket_is_not_found_and_not_for_sale"),
    ),
    Mutation(
        name="withdrawn-ticket-not-for-sale",
        promise="A withdrawn ticket is not among the tickets on sale.",
        where="tickets.repository:TicketRepository.find_free",
        old=', "withdrawn": {"$ne": True}',
        new="",
        tests=tests_in(_IN_TICKETS, "test_a_withdrawn_ticket_is_not_found_and_not_for_sale"),
    ),
    Mutation(
        name="older-ticket-stays-for-sale",
        promise="A ticket that an older version has stored is on sale, although its document does not say so.",
        where="tickets.repository:TicketRepository.find_free",
        old='{"$ne": True}',
        new="False",
        tests=tests_in(_IN_TICKETS, "test_a_document_of_an_older_version_is_still_for_sale"),
    ),
    Mutation(
        name="withdrawn-ticket-not-ordered",
        promise="Nobody can order a withdrawn ticket.",
        where="orders.service:OrderService._prepare_order",
        old="if ticket is None or ticket.withdrawn:",
        new="if ticket is None:",
        tests=tests_in(_IN_ORDERS, "test_a_withdrawn_ticket_cannot_be_ordered_whatever_arrives_later"),
    ),
    Mutation(
        name="event-type-says-withdrawn",
        promise="Orders learns from the type of the event that a ticket is withdrawn.",
        where="orders.ticket_read_model:TicketReadModel.from_event",
        old="isinstance(event, TicketWithdrawn)",
        new="False",
        tests=tests_in(_IN_ORDERS, "test_a_withdrawn_ticket_cannot_be_ordered_whatever_arrives_later"),
    ),
    Mutation(
        name="withdrawal-cancels-the-open-order",
        promise="The withdrawal of a ticket cancels the order that was placed at the same moment.",
        where=_CANCEL,
        old="if holder is not None and holder.is_open:",
        new="if False:",
        tests=tests_in(_IN_ORDERS, "test_the_open_order_of_a_withdrawn_ticket_is_cancelled_once"),
    ),
    Mutation(
        name="redelivered-withdrawal-cancels",
        promise="A redelivered withdrawal cancels the order if the first handler died before it did so.",
        where=_CANCEL,
        old="await self._tickets.apply(event)",
        new="""
            if not await self._tickets.apply(event):
                return""",
        tests=tests_in(_IN_ORDERS, "test_a_redelivered_withdrawal_cancels_although_the_copy_is_stored"),
    ),
    Mutation(
        name="withdrawal-leaves-a-sale",
        promise="A withdrawal that arrives after the payment leaves the order completed, and is no error.",
        where=_CANCEL,
        old="if holder is not None and holder.is_open:",
        new="if holder is not None:",
        tests=tests_in(_IN_ORDERS, "test_the_sale_of_a_withdrawn_ticket_stands_if_it_came_first"),
    ),
    Mutation(
        name="withdrawal-repeated-for-a-late-order",
        promise="An order that was stored after its service had handled the withdrawal is cancelled in a moment.",
        where="tickets.ticket:Ticket.set_holder",
        old="TicketWithdrawn if self.withdrawn else TicketUpdated",
        new="TicketUpdated",
        tests=tests_in(_MODEL, "test_an_order_stored_after_the_withdrawal_was_handled_is_cancelled"),
    ),
    Mutation(
        name="sale-ends-the-withdrawal",
        promise="A completed order has bought its ticket, even if the seller had withdrawn the ticket.",
        where="tickets.service:TicketService.sell_ticket",
        old="if ticket.order_id != order_id or ticket.withdrawn:",
        new="if ticket.order_id != order_id:",
        tests=tests_in(_IN_TICKETS, "test_in_any_order_of_events_a_withdrawn_ticket_ends_free_or_sold[completed]"),
    ),
    Mutation(
        name="withdrawn-ticket-of-a-sale-is-updated",
        promise="A ticket that was sold after its withdrawal says with its next event that it is not withdrawn.",
        where="tickets.ticket:Ticket.sell_to",
        old="self.withdrawn = False",
        new="",
        tests=tests_in(_MODEL, "test_a_payment_that_wins_against_the_withdrawal_makes_the_ticket_sold"),
    ),
    Mutation(
        name="withdrawn-ticket-is-republished-as-withdrawn",
        promise="The owner publishes the present state of a withdrawn ticket as a withdrawal.",
        where="tickets.ticket:Ticket.current_event",
        old="if self.withdrawn:",
        new="if False:",
        tests=tests_in(_TICKET, "test_a_withdrawn_ticket_publishes_its_withdrawal_once"),
    ),
    Mutation(
        name="restored-ticket-is-withdrawn-or-not",
        promise="A ticket that is restored from its event is withdrawn exactly if the event says so.",
        where="tickets.ticket:Ticket.from_event",
        old=', "withdrawn": isinstance(event, TicketWithdrawn)',
        new="",
        tests=tests_in(_TICKET, "test_a_ticket_restored_from_an_event_is_withdrawn_if_the_event_says_so"),
    ),
    Mutation(
        name="audit-finds-a-withdrawn-ticket-with-an-order",
        promise="The audit finds a withdrawn ticket that has a live order.",
        where="marketplace.operations.invariants:a_withdrawn_ticket_has_no_live_order",
        old='if ticket.get("withdrawn") and key in live:',
        new="if False:",
        tests=tests_in(
            "marketplace/tests/unit/test_operations_withdrawn_tickets.py",
            "test_a_withdrawn_ticket_with_a_live_order_is_found",
        ),
    ),
    Mutation(
        name="audit-compares-the-type-of-the-event",
        promise="The audit finds a document whose newest event has another type than its state needs.",
        where="marketplace.operations.histories:Histories.differences",
        old="if (current := owned.event(document).type_name()) != newest.type_name():",
        new="if (current := newest.type_name()) != newest.type_name():",
        tests=tests_in(
            "marketplace/tests/unit/test_operations_histories.py",
            "test_an_owner_whose_newest_event_has_another_type_is_found",
        ),
    ),
)
