"""The pages of the shop."""

from mutations.mutation import Mutation, tests_in

_PAGES = "storefront/tests/integration/pages"
_OFFER = "storefront/tests/unit/test_offer.py"
_QUERY = "storefront/tests/unit/test_listing_query.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="shop-never-shows-a-sold-ticket-on-sale",
        promise="A page shows a ticket as sold as soon as the event of its order has arrived, before its own event.",
        where="storefront.offer:offer_of",
        old="((OrderStatus.COMPLETED, Availability.SOLD), (OrderStatus.OPEN, Availability.HELD))",
        new="((OrderStatus.OPEN, Availability.HELD),)",
        tests=tests_in(_OFFER, "test_a_ticket_whose_sale_has_arrived_is_never_shown_on_sale"),
    ),
    Mutation(
        name="shop-shows-what-an-unknown-order-holds-as-held",
        promise="A page shows a ticket as held whose order has not arrived yet.",
        where="storefront.offer:offer_of",
        old="is_free = ticket.order_id is None or is_holder_known",
        new="is_free = True",
        tests=tests_in(_OFFER, "test_a_ticket_whose_open_order_has_arrived_is_never_shown_on_sale"),
    ),
    Mutation(
        name="shop-shows-no-withdrawn-ticket-on-sale",
        promise="A page never shows a withdrawn ticket on sale.",
        where="storefront.offer:offer_of",
        old="if ticket.withdrawn:",
        new="if False:",
        tests=tests_in(_OFFER, "test_a_withdrawn_ticket_is_never_shown_on_sale"),
    ),
    Mutation(
        name="shop-order-page-only-for-its-buyer",
        promise="Only its buyer can see the page of an order.",
        where="storefront.service:StorefrontService.find_purchase",
        old="if order.user_id != by:",
        new="if False:",
        tests=tests_in(f"{_PAGES}/test_owners.py", "test_an_order_of_somebody_else_is_refused_and_shows_nothing"),
    ),
    Mutation(
        name="shop-lists-only-ones-own-orders",
        promise="The list of orders has only those of the person who is signed in.",
        where="storefront.order_read_model:OrderReadModelRepository.find_of_buyer",
        old='{"user_id": buyer, **older}',
        new="older",
        tests=tests_in(f"{_PAGES}/test_owners.py", "test_an_order_of_somebody_else_is_refused_and_shows_nothing"),
    ),
    Mutation(
        name="shop-search-takes-words-literally",
        promise="No sign in a search has a meaning for MongoDB.",
        where="storefront.ticket_read_model:words_of",
        old=r're.findall(r"\w+", plain)',
        new="plain.split()",
        tests=tests_in(_QUERY, "test_words_are_lower_case_without_accents_and_signs"),
    ),
    Mutation(
        name="shop-search-for-signs-finds-nothing",
        promise="A search without any word finds nothing, and not every ticket.",
        where="storefront.ticket_read_model:condition_of",
        old="if query.text and not words:",
        new="if False:",
        tests=tests_in(f"{_PAGES}/test_listing.py", "test_a_search_finds_the_tickets_with_words_that_begin_so"),
    ),
    Mutation(
        name="shop-days-are-those-of-the-place",
        promise="A filter by date uses the day of the event at its place, which is the one that people read.",
        where="storefront.ticket_read_model:TicketReadModel.from_event",
        old='day=time[: len("2027-05-01")] if time else None,',
        new="day=str(utc_of(time).date()) if time else None,",
        tests=tests_in(f"{_PAGES}/test_listing.py", "test_a_day_is_the_day_at_the_place_of_the_event"),
    ),
    Mutation(
        name="shop-pages-do-not-repeat",
        promise="The next page of the list begins after the last ticket of the page before, also among equal prices.",
        where="storefront.listing_query:ListingQuery._after",
        old='{field: value, "_id": {beyond: found[2]}}',
        new="{field: value}",
        tests=tests_in(
            f"{_PAGES}/test_listing.py", "test_pages_neither_repeat_nor_leave_out_while_tickets_come_and_go"
        ),
        slow=True,
    ),
    Mutation(
        name="shop-ignores-a-cursor-of-another-order",
        promise="A place in the list that belongs to another order counts as the first page.",
        where="storefront.listing_query:ListingQuery._after",
        old='if found is None or (found[1] is None) != (field == "_id"):',
        new="if found is None:",
        tests=tests_in(_QUERY, "test_a_cursor_of_another_order_counts_as_the_first_page"),
    ),
    Mutation(
        name="shop-lists-come-from-an-index",
        promise="MongoDB finds each list with an index in its order, and does not read all tickets.",
        where="storefront.ticket_read_model:condition_of",
        old='{"on_sale": {"$in": [True, False]}, "withdrawn": False}',
        new='{"withdrawn": False}',
        tests=tests_in(f"{_PAGES}/test_indexes.py", "test_each_page_of_each_list_comes_from_an_index"),
        slow=True,
    ),
    Mutation(
        name="shop-reads-a-later-page-from-its-place",
        promise="MongoDB reads a later page of a list from its place, and not from the start of the list.",
        where="storefront.listing_query:ListingQuery._after",
        old='field: {f"{beyond}e": value}, "$or": after',
        new='"$or": after',
        tests=tests_in(f"{_PAGES}/test_indexes.py", "test_each_page_of_each_list_comes_from_an_index"),
        slow=True,
    ),
    Mutation(
        name="shop-serves-only-its-own-files",
        promise="An address below /assets leads only to a file of the shop.",
        where="storefront.assets:get_asset",
        old="path = _FILES.get(name)",
        new="""
            path = ASSETS / name
            path = path if path.is_file() else None
        """,
        tests=tests_in(f"{_PAGES}/test_answers.py", "test_no_address_leads_to_a_file_outside"),
    ),
    Mutation(
        name="shop-keeps-a-file-only-under-its-digest",
        promise="A browser keeps a file only if its address contains the digest of this version.",
        where="storefront.assets:get_asset",
        old="is_current = digest == assets_digest()",
        new="is_current = True",
        tests=tests_in(f"{_PAGES}/test_answers.py", "test_a_file_may_be_kept_only_under_the_current_digest"),
    ),
    Mutation(
        name="shop-leads-nobody-to-another-site",
        promise="After signing in, a person goes on to a page of this site, whatever the link says.",
        where="storefront.pages.accounts:_own_path",
        old='and not path.startswith(("//", "/\\\\"))',
        new="",
        tests=tests_in(f"{_PAGES}/test_answers.py", "test_after_signing_in_nobody_is_led_to_another_site"),
    ),
    Mutation(
        name="shop-escapes-what-people-write",
        promise="A title is shown as its text, whatever it contains.",
        where="storefront.rendering:Renderer.__init__",
        old="autoescape=True",
        new="autoescape=False",
        tests=tests_in(f"{_PAGES}/test_answers.py", "test_a_title_is_shown_as_its_text_whatever_it_contains"),
    ),
    Mutation(
        name="shop-error-pages-have-security-headers",
        promise="Each page has its security headers, also a page about an error.",
        where="storefront.rendering:Renderer.page",
        old="{**_HEADERS, **(headers or {})}",
        new="headers or _HEADERS",
        tests=tests_in(f"{_PAGES}/test_answers.py", "test_every_page_has_its_security_headers"),
    ),
    Mutation(
        name="shop-waits-at-most-a-second",
        promise="A page waits at most one second in all for what its reader has just done.",
        where="storefront.seen:ids_that_are_late",
        old="arrived = await asyncio.gather(*waits)",
        new="arrived = [await each for each in waits]",
        tests=tests_in(
            f"{_PAGES}/test_own_writes.py", "test_a_page_waits_at_most_a_second_in_all_and_says_that_it_is_late"
        ),
    ),
    Mutation(
        name="shop-never-calls-late-what-is-missing",
        promise="A page of something that its reader has not made is 404, even if something else is late.",
        where="storefront.pages.visit:_visit",
        old="if late.isdisjoint(asked):",
        new="if not late:",
        tests=tests_in(
            f"{_PAGES}/test_own_writes.py",
            "test_what_its_reader_has_not_made_is_missing_though_something_else_is_late",
        ),
    ),
    Mutation(
        name="shop-never-calls-missing-what-is-late",
        promise="A page of what its reader has just made, and whose event is late, tries again and is no 404.",
        where="storefront.pages.visit:_visit",
        old="if late.isdisjoint(asked):",
        new="if True:",
        tests=tests_in(f"{_PAGES}/test_own_writes.py", "test_what_its_reader_has_just_made_is_late_and_not_missing"),
    ),
    Mutation(
        name="shop-waits-for-what-another-program-has-made",
        promise="A page of what was made a moment ago by another program waits for it, and is no 404.",
        where="storefront.pages.visit:_visit",
        old="seen, made_lately(request.path_params, site.clock())",
        new="seen",
        tests=tests_in(
            f"{_PAGES}/test_own_writes.py", "test_a_page_of_what_another_program_has_just_made_waits_for_it"
        ),
    ),
    Mutation(
        name="shop-ignores-most-of-a-long-cookie",
        promise="A long cookie does not make the service read many documents for one page.",
        where="storefront.seen:_parts",
        old='cookie.split(".")[:_MOST]',
        new='cookie.split(".")',
        tests=tests_in(f"{_PAGES}/test_own_writes.py", "test_only_the_first_parts_of_the_cookie_count"),
    ),
    Mutation(
        name="shop-says-that-it-catches-up",
        promise="While storefront reads a long history, each page says so.",
        where="storefront.catching_up:CatchingUp.run",
        old="self.percent = progress.percent if progress else None",
        new="self.percent = None",
        tests=tests_in(f"{_PAGES}/test_catching_up.py", "test_pages_say_it_until_the_history_is_read"),
        slow=True,
    ),
)
