"""The page "My listings": what a seller types and saves stays, while the list loads its content again.

The tests open the page in Chromium or Chrome, like `make test-browser`.
"""

from mutations.mutation import Mutation, tests_in

_SCRIPTS = "storefront/src/storefront/static"
_ENDED_SESSION = "tests/browser/test_ended_session.py"
_OWN_LISTINGS = "tests/browser/test_own_listings.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        name="page-keeps-what-is-typed",
        promise="What somebody has typed into a form stays while the page loads its content again.",
        where=f"{_SCRIPTS}/fresh.js",
        old="[rowIn(newer, row), hasInput(row)]",
        new="[rowIn(newer, row), false]",
        tests=tests_in(_OWN_LISTINGS, "test_a_change_is_kept_while_somebody_buys_and_saved_if_they_do_not"),
        slow=True,
    ),
    Mutation(
        name="page-shows-what-was-saved",
        promise="A list that is late does not replace what a seller has just saved.",
        where=f"{_SCRIPTS}/fresh.js",
        old="|| versionOf(fresh) < versionOf(row)",
        new="",
        tests=tests_in(_OWN_LISTINGS, "test_a_saved_row_shows_what_was_saved_although_the_list_is_late"),
        slow=True,
    ),
    Mutation(
        name="page-keeps-the-form-of-the-same-listing",
        promise="A list that loads its content again replaces only the forms of changed listings.",
        where=f"{_SCRIPTS}/fresh.js",
        old="(isTyped || versionOf(fresh) === versionOf(row))",
        new="isTyped",
        tests=tests_in(_OWN_LISTINGS, "test_a_list_replaces_only_the_form_of_a_changed_listing"),
        slow=True,
    ),
    Mutation(
        name="saved-form-shows-what-the-api-has-answered",
        promise="After a listing is saved, its form shows what the API has answered, not what the seller has typed.",
        where=f"{_SCRIPTS}/listing-form.js",
        old="input.value = input.defaultValue = values[index];",
        new="input.defaultValue = input.value;",
        tests=tests_in(_OWN_LISTINGS, "test_a_saved_row_shows_what_was_saved_although_the_list_is_late"),
        slow=True,
    ),
    Mutation(
        name="page-hides-the-listings-of-the-person-before",
        promise="When another person signs in on a page of listings, those of the first person disappear.",
        where=f"{_SCRIPTS}/fresh.js",
        old='document.getElementById("selling") || ',
        new="",
        tests=tests_in(_ENDED_SESSION, "test_who_signs_in_sees_no_listings_of_the_person_before"),
        slow=True,
    ),
)
