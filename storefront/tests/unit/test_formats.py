"""What the pages write for people."""

import pytest

from storefront.formats import event_time


@pytest.mark.parametrize(
    ("starts_at", "text"),
    [
        ("2027-05-01T20:00:00Z", "Sat 1 May 2027, 20:00 UTC"),
        ("2027-05-01T20:00:00+02:00", "Sat 1 May 2027, 20:00 UTC+2"),
        ("2027-05-01T20:00:00-03:30", "Sat 1 May 2027, 20:00 UTC-3:30"),
        ("2027-05-01T20:00:00+12:45", "Sat 1 May 2027, 20:00 UTC+12:45"),
        ("tomorrow", "tomorrow"),
    ],
)
def test_the_time_of_an_event_is_that_of_its_place_and_says_so(starts_at: str, text: str) -> None:
    assert event_time(starts_at) == text
