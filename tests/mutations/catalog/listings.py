"""What a listing says, and when its ticket is off sale."""

from mutations.mutation import Mutation, tests_in

_SEEN = "tickets/tests/integration/test_seen_version.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="no-order-after-the-event-has-begun",
        promise="A ticket cannot be ordered from the moment on when its event begins.",
        where="orders.service:OrderService._prepare_order",
        old="if ticket.has_begun(now):",
        new="if False:",
        tests=tests_in(
            "orders/tests/unit/test_order_service.py",
            "test_a_ticket_is_off_sale_from_the_moment_when_its_event_begins",
        ),
    ),
    Mutation(
        name="begun-event-not-for-sale",
        promise="A ticket is not among the tickets on sale from the moment on when its event begins.",
        where="tickets.service:TicketService.list_for_sale",
        old="[ticket for ticket in free if not ticket.has_begun(now)]",
        new="free",
        tests=tests_in(
            "tickets/tests/unit/test_ticket_service.py",
            "test_a_ticket_leaves_the_sale_at_the_moment_when_its_event_begins",
        ),
    ),
    Mutation(
        name="event-of-a-listing-is-in-the-future",
        promise="A listing whose event has begun is refused.",
        where="tickets.service:TicketService._check_start",
        old="if details.starts_at is not None and utc_of(details.starts_at) <= self._clock():",
        new="if False:",
        tests=tests_in("tickets/tests/unit/test_ticket_service.py", "test_an_event_that_has_begun_is_not_offered"),
    ),
    Mutation(
        name="start-has-its-offset",
        promise="The start of an event without an offset from UTC, which may mean any time zone, is refused.",
        where="common.domain.zoned_time:zoned_time",
        old='raise ValueError("must end with its offset from UTC, such as +02:00 or Z")',
        new='parts = _RFC_3339.fullmatch(f"{text}Z")',
        tests=tests_in("common/tests/unit/domain/test_zoned_time.py", "test_a_time_without_an_offset_is_refused"),
    ),
    Mutation(
        name="unseen-change-of-a-listing-stays",
        promise="A seller who has not seen the newest version of a listing does not undo its change.",
        where="tickets.ticket:Ticket.change_listing",
        old="self._check_version(seen_version)",
        new="",
        tests=tests_in(_SEEN, "test_a_change_of_a_listing_that_its_seller_has_not_seen_is_not_undone"),
    ),
    Mutation(
        name="listing-has-a-visible-name",
        promise="A title, venue or place of invisible characters alone is refused.",
        where="tickets.schemas:_visible",
        old="if all(",
        new="if False and all(",
        tests=tests_in(
            "tickets/tests/integration/test_refusals.py",
            "test_an_invalid_listing_is_refused_with_its_field_and_changes_nothing",
        ),
    ),
)
