"""What a person may ask the list for, and what the search makes of words."""

import pytest

from storefront.listing_query import ListingQuery, Sort
from storefront.ticket_read_model import words_of

ID = "65f0c0ffee00000000000010"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Café del Mar", ["cafe", "del", "mar"]),
        ("ROCK rock Röck", ["rock"]),
        ("Straße", ["strasse"]),
        ("日本 2027", ["2027", "日本"]),
        ("AC/DC .* [a-z]+ $gt", ["a", "ac", "dc", "gt", "z"]),
        ("", []),
        ("🎸🎸", []),
        ("\u202eevil\u0000", ["evil"]),
        ("x" * 200, ["x" * 40]),
    ],
)
def test_words_are_lower_case_without_accents_and_signs(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize("sort", Sort)
def test_a_cursor_leads_to_the_tickets_after_it(sort: Sort) -> None:
    query = ListingQuery(sort=sort)
    cursor = query.cursor_after(ID, {"price": 1999, "begins": 7})
    following = ListingQuery(sort=sort, cursor=cursor).conditions()
    assert following, cursor
    assert ID in str(following)


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize(
    "cursor",
    ["", "7", "_", f"_{ID}", f"-1_{ID}", f"1.5_{ID}", f"{ID}x", f"{'9' * 13}_{ID}", '{"$gt": ""}', "\u0661_" + ID, "0"],
)
def test_a_cursor_that_the_shop_has_not_made_counts_as_the_first_page(sort: Sort, cursor: str) -> None:
    assert ListingQuery(sort=sort, cursor=cursor).conditions() == []


def test_a_cursor_of_another_order_counts_as_the_first_page() -> None:
    assert ListingQuery(sort=Sort.NEWEST, cursor=f"1999_{ID}").conditions() == []
    assert ListingQuery(sort=Sort.CHEAPEST, cursor=ID).conditions() == []
