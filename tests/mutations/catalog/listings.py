"""What a listing says, that it is listed once, and when its ticket is off sale."""

from mutations.mutation import Mutation, tests_in

_SCRIPTS = "storefront/src/storefront/static"
_SELLING = "tests/browser/test_selling.py"
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
    Mutation(
        name="listing-does-not-turn-its-text",
        promise="A title, venue or place with a hidden character that turns the text around is refused.",
        where="tickets.schemas:_in_its_own_direction",
        old="if not _DIRECTION_CONTROLS.isdisjoint(text):",
        new="if False:",
        tests=tests_in(
            "tickets/tests/integration/test_refusals.py",
            "test_an_invalid_listing_is_refused_with_its_field_and_changes_nothing",
        ),
    ),
    Mutation(
        name="repeated-listing-answered-alike",
        promise="A listing that is sent again with its key is put on sale once and answered as the first time.",
        where="tickets.routes:idempotent",
        old=", route_class=IdempotentRoute",
        new="",
        tests=tests_in(
            "tests/integration/test_idempotent_route.py",
            "test_a_repeated_listing_gets_the_first_answer_and_is_listed_once",
        ),
    ),
    Mutation(
        name="unanswered-listing-found-by-its-key",
        promise="A ticket whose process died before it answered is found by its key, and not listed again.",
        where="tickets.routes:list_ticket",
        old=", request_key=request_key",
        new="",
        tests=tests_in(
            "tests/integration/test_idempotent_route_failures.py",
            "test_a_ticket_whose_process_died_before_the_answer_is_not_listed_again",
        ),
    ),
    Mutation(
        name="page-lists-once-after-a-lost-answer",
        promise="A listing that the seller sends again after a lost answer, also after a reload, is put on sale once.",
        where=f"{_SCRIPTS}/listing-draft.js",
        old="(keys[JSON.stringify(listing)] ??= newKey())",
        new="newKey()",
        tests=tests_in(_SELLING, "test_a_listing_whose_answer_is_lost_is_put_on_sale_once"),
        slow=True,
    ),
    Mutation(
        name="page-waits-for-the-first-copy-of-its-command",
        promise="A page goes on by itself while the shop still works on the first copy of its command.",
        where=f"{_SCRIPTS}/api.js",
        old=" && !(await isUnderWay(response))",
        new="",
        tests=tests_in(_SELLING, "test_a_listing_whose_answer_is_lost_is_put_on_sale_once"),
        slow=True,
    ),
    Mutation(
        name="page-shows-a-draft-to-its-writer-only",
        promise="What a seller has typed is not shown to another person who signs in in the same tab.",
        where=f"{_SCRIPTS}/listing-draft.js",
        old="Object.entries((isOwn && kept.values) || {})",
        new="Object.entries(kept.values || {})",
        tests=tests_in(_SELLING, "test_what_one_person_has_typed_is_not_shown_to_the_next_one"),
        slow=True,
    ),
    Mutation(
        name="my-listings-follow-each-change",
        promise="An open list of one's own listings shows what is listed elsewhere, and the sum of what was sold.",
        where="storefront.live.feed:Feed._send_what_is_ready",
        old="changes += [Change.of_listing(offer.ticket, newest) for offer in offers]",
        new="pass",
        tests=tests_in(_SELLING, "test_my_listings_follow_what_is_listed_elsewhere_and_what_is_sold"),
        slow=True,
    ),
)
