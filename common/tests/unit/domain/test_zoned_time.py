"""Times that keep the offset of their place."""

from datetime import UTC, datetime

import pytest

from common.domain.zoned_time import utc_of, zoned_time

EVENING = datetime(2027, 5, 1, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2027-05-01T20:00:00+02:00", "2027-05-01T20:00:00+02:00"),
        ("2027-05-01t20:00:00.999+02:00", "2027-05-01T20:00:00+02:00"),
        ("2027-05-01T18:00:00.000Z", "2027-05-01T18:00:00Z"),
        ("2027-05-01T18:00:00z", "2027-05-01T18:00:00Z"),
        ("2027-05-01T18:00:00+00:00", "2027-05-01T18:00:00Z"),
        ("2027-05-01T18:00:00-00:00", "2027-05-01T18:00:00Z"),
        ("2027-05-01T08:15:00-09:45", "2027-05-01T08:15:00-09:45"),
        ("2027-05-02T08:00:00+14:00", "2027-05-02T08:00:00+14:00"),
    ],
)
def test_the_offset_survives_and_the_moment_is_known_in_utc(text: str, canonical: str) -> None:
    time = zoned_time(text)
    assert (time, utc_of(time)) == (canonical, EVENING)
    assert zoned_time(time) == time


@pytest.mark.parametrize("text", ["2027-05-01T20:00:00", "2027-05-01T20:00:00.5"])
def test_a_time_without_an_offset_is_refused(text: str) -> None:
    """Otherwise it would depend on the reader at which moment the event begins."""
    with pytest.raises(ValueError, match="must end with its offset from UTC"):
        zoned_time(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "tomorrow", "2027-05-01", "2027-05-01T20:00", "2027-05-01T20:00+02:00", "20270501T200000Z", "1809194400"),
        *("2027-05-01 20:00:00Z", " 2027-05-01T20:00:00Z", "2027-05-01T20:00:00Z\n", "2027-05-01T20:00:00,5Z"),
        *(
            "2027-05-01T20:00:00+0200",
            "2027-05-01T20:00:00+02",
            "2027-05-01T20:00:00+24:00",
            "2027-05-01T20:00:00+02:60",
        ),
        *("2027-05-01T20:00:00.Z", "2027-05-01T20:00:00 CEST", "2027-W17-6T20:00:00Z", "٢٠٢٧-05-01T20:00:00Z"),
    ],
)
def test_a_text_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a time with its offset, such as 2027-05-01T20:00:00"):
        zoned_time(text)


@pytest.mark.parametrize(
    "text",
    [
        *("2027-02-29T20:00:00Z", "2027-13-01T20:00:00Z", "2027-05-01T25:00:00Z", "2027-05-01T20:00:60Z"),
        *("0000-05-01T20:00:00Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"),
    ],
)
def test_a_time_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be an existing date and time"):
        zoned_time(text)
