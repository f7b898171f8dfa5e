"""The scripts of the pages: what a person sees in the browser is current, and is done once.

The tests open the pages in Chromium or Chrome, like `make test-browser`.
"""

from mutations.mutation import Mutation, tests_in

_SCRIPTS = "storefront/src/storefront/static"
_CHANGED_PRICE = "tests/browser/test_changed_price.py"
_ENDED_SESSION = "tests/browser/test_ended_session.py"
_EXPIRY = "tests/browser/test_expiry.py"
_LOADING_AGAIN = "tests/browser/test_loading_again.py"
_ONE_ORDER = "tests/browser/test_one_order.py"
_PROMPT_CHANGES = "tests/browser/test_prompt_changes.py"
_PURCHASE = "tests/browser/test_purchase.py"
_SELLING = "tests/browser/test_selling.py"
_TABS = "tests/browser/test_tabs_and_history.py"
_TWO_BUYERS = "tests/browser/test_two_buyers.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="page-waits-after-a-changed-price",
        promise="A click at the moment at which the price changes orders nothing.",
        where=f"{_SCRIPTS}/buying.js",
        old="busy(button, () => new Promise((done) => setTimeout(done, PAUSE_MS)));",
        new="",
        tests=tests_in(_CHANGED_PRICE, "test_a_click_at_the_moment_at_which_the_price_changes_orders_nothing"),
        slow=True,
    ),
    Mutation(
        name="page-ignores-older-changes",
        promise="A change that is older than what the page shows changes nothing.",
        where=f"{_SCRIPTS}/tickets.js",
        old="if (change.v >= Number(place.dataset.v)) apply(place, change);",
        new="apply(place, change);",
        tests=tests_in(_LOADING_AGAIN, "test_a_change_during_a_load_is_shown_if_it_is_newer[motor-older]"),
        slow=True,
    ),
    Mutation(
        name="page-applies-changes-of-a-load-after-it",
        promise="A change that arrives while the page loads its content again is applied after the load.",
        where=f"{_SCRIPTS}/fresh.js",
        old="if (loading) arrived.push(detail);",
        new="",
        tests=tests_in(_LOADING_AGAIN, "test_a_change_during_a_load_is_shown_if_it_is_newer[motor-newer]"),
        slow=True,
    ),
    Mutation(
        name="page-loads-what-has-left-the-list",
        promise="A list that loads its content again also loads the tickets that it shows and that have left the list.",
        where=f"{_SCRIPTS}/fresh.js",
        old="if (left.length)",
        new="if (false)",
        tests=tests_in(_LOADING_AGAIN, "test_a_list_that_loads_again_shows_the_state_of_what_has_left_it"),
        slow=True,
    ),
    Mutation(
        name="page-repeats-a-load-without-an-answer",
        promise="A page whose load gets no answer loads again, until it gets one.",
        where=f"{_SCRIPTS}/fresh.js",
        old="refreshAfter(retryPause());",
        new="",
        tests=tests_in(_LOADING_AGAIN, "test_a_load_without_an_answer_is_repeated"),
        slow=True,
    ),
    Mutation(
        name="page-connects-again-after-an-error",
        promise="A page connects again after its connection for changes got an error answer, such as 503.",
        where=f"{_SCRIPTS}/live.js",
        old="if (source.readyState === EventSource.CLOSED) setTimeout(connect, retryPause());",
        new="",
        tests=tests_in(_LOADING_AGAIN, "test_a_connection_that_was_refused_is_made_again"),
        slow=True,
    ),
    Mutation(
        name="late-page-loads-again",
        promise="A page that does not show yet what a person has just done loads again until it does.",
        where=f"{_SCRIPTS}/fresh.js",
        old="refreshAfter(Number(notice.dataset.again))",
        new="notice.dataset.again",
        tests=tests_in(_LOADING_AGAIN, "test_a_page_that_does_not_show_a_change_yet_loads_again_until_it_does"),
        slow=True,
    ),
    Mutation(
        name="page-shows-a-change-within-a-second",
        promise="An open page shows within a second what others do.",
        where=f"{_SCRIPTS}/live.js",
        old="tell(name, JSON.parse(event.data));",
        new="setTimeout(tell, 1200, name, JSON.parse(event.data));",
        tests=tests_in(_PROMPT_CHANGES, "test_whoever_looks_at_a_ticket_sees_within_a_second_what_others_do_with_it"),
        slow=True,
    ),
    Mutation(
        name="page-from-the-memory-of-the-browser-is-refreshed",
        promise="A page that comes back from the memory of the browser, such as after Back, shows the present state.",
        where=f"{_SCRIPTS}/live.js",
        old="if (event.persisted) refresh();",
        new="",
        tests=tests_in(_TABS, "test_a_page_that_comes_back_from_the_memory_of_the_browser_loads_its_present_state"),
        slow=True,
    ),
    Mutation(
        name="countdown-uses-the-clock-of-the-server",
        promise="The countdown of an order is right on a computer whose clock is wrong.",
        where=f"{_SCRIPTS}/times.js",
        old="return serverNow + (performance.now() - readAt) / 1000;",
        new="return Date.now() / 1000;",
        tests=tests_in(_EXPIRY, "test_the_countdown_is_right_to_the_second_and_ends_with_the_expired_order"),
        slow=True,
    ),
    Mutation(
        name="page-repeats-with-the-same-key",
        promise="A payment that the page sends again has the same idempotency key.",
        where=f"{_SCRIPTS}/api.js",
        old="let response = await attemptOnce(method, path, headers, body);",
        new="""
            if (key) headers["Idempotency-Key"] = newKey();
            let response = await attemptOnce(method, path, headers, body);
        """,
        tests=tests_in(_PURCHASE, "test_after_a_lost_answer_the_page_says_what_it_knows_and_the_card_is_charged_once"),
        slow=True,
    ),
    Mutation(
        name="page-repeats-no-post-without-a-key",
        promise="A POST without an idempotency key is not sent again after a lost answer.",
        where=f"{_SCRIPTS}/api.js",
        old="if (attempt === ATTEMPTS || !repeatable)",
        new="if (attempt === ATTEMPTS)",
        tests=tests_in(
            "tests/browser/test_signing_in_while_buying.py",
            "test_a_new_person_signs_up_in_the_middle_of_a_purchase_and_errors_are_beside_their_fields",
        ),
        slow=True,
    ),
    Mutation(
        name="page-extends-once-for-a-double-click",
        promise="A click that meets the new button in the place of the clicked one does not repeat the command.",
        where=f"{_SCRIPTS}/forms.js",
        old="if (running.has(command)) return;",
        new="",
        tests=tests_in(_ONE_ORDER, "test_a_double_click_and_a_lost_answer_extend_an_order_once"),
        slow=True,
    ),
    Mutation(
        name="page-waits-for-a-payment-that-is-under-way",
        promise="A payment that another tab has begun, or this tab before a reload, is shown until it has ended.",
        where=f"{_SCRIPTS}/order.js",
        old='if (error.code === "payment-in-progress") return await waitForResult(form, SLOW);',
        new="",
        tests=tests_in(_TABS, "test_a_reload_while_a_slow_card_is_charged_does_not_charge_it_again"),
        slow=True,
    ),
    Mutation(
        name="page-names-a-payment-after-the-end-of-its-order",
        promise="A page says of an ended order that its payment is still under way.",
        where=f"{_SCRIPTS}/order.js",
        old="""if (page) document.addEventListener("shop:refreshed", followOrder);""",
        new="",
        tests=tests_in(_PURCHASE, "test_an_order_that_is_cancelled_during_its_payment_says_what_becomes_of_the_money"),
        slow=True,
    ),
    Mutation(
        name="page-orders-for-the-price-that-it-shows",
        promise="A person who clicks Buy orders for the price on the button, or orders nothing.",
        where=f"{_SCRIPTS}/buying.js",
        old="{ ticketId, expectedPrice }",
        new="{ ticketId }",
        tests=tests_in(
            _CHANGED_PRICE, "test_who_clicks_before_the_page_knows_the_new_price_is_told_it_and_buys_nothing"
        ),
        slow=True,
    ),
    Mutation(
        name="page-takes-back-what-is-no-longer-true",
        promise="What the page says of a failed purchase disappears when the ticket is on sale again.",
        where=f"{_SCRIPTS}/buying.js",
        old="document.addEventListener(name, forget);",
        new="",
        tests=tests_in(_TWO_BUYERS, "test_who_clicks_before_the_news_arrives_is_told_so_only_as_long_as_it_is_true"),
        slow=True,
    ),
    Mutation(
        name="page-follows-orders-of-other-tabs",
        promise="A page shows what the same person has ordered or paid in another tab.",
        where=f"{_SCRIPTS}/order.js",
        old="""if (document.querySelector(`[data-order="${CSS.escape(change.id)}"], #orders, #offer`)) refresh();""",
        new="",
        tests=tests_in(_TABS, "test_what_one_tab_buys_and_pays_the_other_tab_shows"),
        slow=True,
    ),
    Mutation(
        name="signing-out-concerns-all-tabs",
        promise="A person who signs out in one tab is signed out in the other tabs of the browser.",
        where=f"{_SCRIPTS}/session.js",
        old="""
            document.dispatchEvent(new CustomEvent("shop:session"));
            location.assign("/");
        """,
        new='location.assign("/");',
        tests=tests_in(_TABS, "test_who_signs_out_in_one_tab_is_signed_out_in_the_other"),
        slow=True,
    ),
    Mutation(
        name="page-stays-when-its-session-is-over",
        promise="A page whose session is over keeps what it shows, and says that the person is signed out.",
        where=f"{_SCRIPTS}/fresh.js",
        old="if (asks) return asked;",
        new="",
        tests=tests_in(_ENDED_SESSION, "test_the_listings_stay_when_the_tab_is_shown_again"),
        slow=True,
    ),
    Mutation(
        name="page-sends-a-command-again-after-the-sign-in",
        promise="A command that is answered 401 is sent again, with the same key, when the person has signed in.",
        where=f"{_SCRIPTS}/api.js",
        old="while (asks && response?.status === UNAUTHORIZED)",
        new="while (false)",
        tests=tests_in(_ENDED_SESSION, "test_a_payment_is_sent_again_with_the_same_key_after_the_sign_in"),
        slow=True,
    ),
    Mutation(
        name="page-notices-the-sign-in-of-another-tab",
        promise="A page with input knows that its person has signed in in another tab.",
        where=f"{_SCRIPTS}/fresh.js",
        old="if (signedIn) document.body.dataset.signedIn = signedIn;",
        new="if (false) ;",
        tests=tests_in(_ENDED_SESSION, "test_who_signs_in_in_another_tab_can_save_what_is_typed_here"),
        slow=True,
    ),
)
