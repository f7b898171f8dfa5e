"""Pages, prices, and what an answer shows."""

from mutations.mutation import Mutation, tests_in

_LISTINGS = "tickets/tests/integration/test_listing.py"
_PRICES = "common/tests/unit/http/test_money.py"
_NO_PRICE = "test_an_invalid_price_is_refused_with_its_reason"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="page-size-bounded",
        promise="A page has at most 100 items, whatever a client asks for.",
        where="common.http.schemas:PageLimit",
        old="ge=1, le=100,",
        new="ge=1,",
        tests=tests_in("tickets/tests/integration/test_refusals.py", "test_an_invalid_query_is_refused"),
    ),
    Mutation(
        name="next-page-excludes-last-item",
        promise="The next page begins after the last item of the page before, without repeating it.",
        where="common.storage.repository:AggregateRepository.find_page",
        old='{"$lt": before}',
        new='{"$lte": before}',
        tests=tests_in(_LISTINGS, "test_a_ticket_listed_between_two_pages_does_not_shift_the_second"),
    ),
    Mutation(
        name="pages-newest-first",
        promise="Lists are newest first, so that what is added meanwhile does not shift the next page.",
        where="common.storage.repository:AggregateRepository.find_page",
        old='.sort([("_id", -1)])',
        new='.sort([("_id", 1)])',
        tests=tests_in(_LISTINGS, "test_a_ticket_listed_between_two_pages_does_not_shift_the_second"),
    ),
    Mutation(
        name="last-page-has-no-cursor",
        promise="The last page says that it is the last one, even if it is full.",
        where="common.storage.repository:AggregateRepository.find_page",
        old="if len(documents) > limit else None",
        new="if len(documents) >= limit else None",
        tests=tests_in(_LISTINGS, "test_a_ticket_listed_between_two_pages_does_not_shift_the_second"),
    ),
    Mutation(
        name="full-page-has-a-cursor",
        promise="A page after which more items follow has a cursor that leads to them.",
        where="common.storage.repository:AggregateRepository.find_page",
        old=".limit(limit + 1)",
        new=".limit(limit)",
        tests=tests_in(_LISTINGS, "test_tickets_for_sale_are_paged_newest_first_without_gaps"),
        slow=True,
    ),
    Mutation(
        name="order-answer-hides-request-key",
        promise="The answer about an order shows its public fields alone, and not the key that it was placed with.",
        where="orders.schemas:OrderOut",
        old="id: OrderId status: OrderStatus",
        new="""
            id: OrderId
            request_key: str | None
            status: OrderStatus
        """,
        tests=tests_in("orders/tests/integration/test_placing.py", "test_a_placed_order_can_be_seen_by_its_buyer"),
    ),
    Mutation(
        name="payment-answer-hides-card-token",
        promise="The answer about a payment shows its public fields alone, and neither card token nor charge.",
        where="payments.schemas:PaymentOut",
        old="id: PaymentId",
        new="""
            id: PaymentId
            token: str | None
        """,
        tests=tests_in(
            "payments/tests/integration/test_paying.py",
            "test_the_buyer_pays_an_open_order_and_the_payment_is_published",
        ),
    ),
    Mutation(
        name="buyer-pays-the-expected-price",
        promise="An order that says the price that the buyer saw is refused if the ticket has another price now.",
        where="orders.service:OrderService.place_order",
        old="_check_price(order, expected_price)",
        new="",
        tests=tests_in(
            "orders/tests/integration/test_expected_price.py",
            "test_a_price_that_changed_between_the_look_and_the_order_is_not_charged",
        ),
    ),
    Mutation(
        name="price-at-most-two-decimals",
        promise="A price with more than two decimals is refused, not rounded.",
        where="common.http.money:to_minor_units",
        old="if minor != minor.to_integral_value():",
        new="if False:",
        tests=tests_in(_PRICES, f"{_NO_PRICE}[19.999-price_decimals]"),
    ),
    Mutation(
        name="price-above-zero",
        promise="A price of zero or less is refused.",
        where="common.http.money:to_minor_units",
        old="if not 0 < minor <= MAX_MINOR_UNITS:",
        new="if minor > MAX_MINOR_UNITS:",
        tests=tests_in(_PRICES, f"{_NO_PRICE}[0-price_range]", f"{_NO_PRICE}[-19.99-price_range]"),
    ),
    Mutation(
        name="price-at-most-what-can-be-charged",
        promise="A price above the largest charge that Stripe takes is refused.",
        where="common.http.money:to_minor_units",
        old="if not 0 < minor <= MAX_MINOR_UNITS:",
        new="if not 0 < minor:",
        tests=tests_in(_PRICES, f"{_NO_PRICE}[1000000-price_range]"),
    ),
    Mutation(
        name="price-is-finite",
        promise="NaN, which Python's JSON reader accepts, is refused as a price and causes no failure.",
        where="common.http.money:to_minor_units",
        old="Decimal(str(amount)) if abs(amount) < 10**15 else None",
        new="Decimal(str(amount))",
        tests=tests_in(_PRICES, f"{_NO_PRICE}[NaN-price_range]"),
    ),
    Mutation(
        name="price-is-no-boolean",
        promise="The JSON values true and false are refused as a price.",
        where="common.http.money:to_minor_units",
        old="if isinstance(amount, str):",
        new="amount = int(amount) if isinstance(amount, bool) else amount\nif isinstance(amount, str):",
        tests=tests_in(_PRICES, f"{_NO_PRICE}[true-price_type]"),
    ),
    Mutation(
        name="price-text-is-digits",
        promise="A text that is no plain decimal number, such as 1e3 or -1, is refused as a price.",
        where="common.http.money:_DECIMAL_TEXT",
        old='r"[0-9]+(',
        new='r"[-+]?[0-9]+(?:[eE][0-9]+)?(',
        tests=tests_in(_PRICES, f'{_NO_PRICE}["1e3"-price_text]', f'{_NO_PRICE}["-1"-price_text]'),
    ),
    Mutation(
        name="price-text-is-not-rounded",
        promise="A price in a text of very many digits is refused, not rounded.",
        where="common.http.money:_decimal_of",
        old='if len(parts[1] or "") > len(".99"):',
        new="if False:",
        tests=tests_in(_PRICES, "test_a_long_text_of_a_price_is_not_rounded"),
    ),
    Mutation(
        name="price-read-to-the-cent",
        promise="A price is read exactly: 19.99 is 1999 cents, never 1998.",
        where="common.http.money:to_minor_units",
        old="return int(minor)",
        new="return int(amount * 100)",
        tests=tests_in(_PRICES, "test_a_price_is_read_exactly"),
    ),
    Mutation(
        name="price-written-to-the-cent",
        promise="A price is written exactly: 1999 cents are 19.99, never 19.990000000000002.",
        where="common.http.money:from_minor_units",
        old="else minor / 100",
        new="else minor * 0.01",
        tests=tests_in(_PRICES, "test_a_price_is_written_exactly_and_read_back_unchanged"),
    ),
)
