"""Times that keep the offset from UTC of their place, for example of the place of a concert.

We keep such a time as text. MongoDB and our other code keep a time in UTC, so the offset would be lost. But people want
to read that a concert in Rome begins at 20:00, also if their own clock shows another time.
"""

import re
from datetime import UTC, datetime
from typing import NewType

ZonedTime = NewType("ZonedTime", str)
"""A time as RFC 3339 writes it, in full seconds: 2027-05-01T20:00:00+02:00. The offset of UTC itself is `Z`."""

_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?", re.ASCII | re.IGNORECASE
)


def zoned_time(text: str) -> ZonedTime:
    """Parse a time of RFC 3339, and leave out fractions of a second.

    Raises ValueError if the text is not such a time or has no offset. The message is for the person who has sent it.
    """
    parts = _RFC_3339.fullmatch(text)
    if parts is None:
        raise ValueError("must be a time with its offset, such as 2027-05-01T20:00:00+02:00")
    if parts[2] is None:
        raise ValueError("must end with its offset from UTC, such as +02:00 or Z")
    try:
        parsed = datetime.fromisoformat((parts[1] + parts[2]).upper())
        parsed.astimezone(UTC)  # raises OverflowError if this is before the year 1 or after the year 9999
    except (ValueError, OverflowError):
        raise ValueError("must be an existing date and time") from None
    return ZonedTime(parsed.isoformat().replace("+00:00", "Z"))


def utc_of(time: ZonedTime) -> datetime:
    """Return the same moment in UTC, for example to compare it with the clock."""
    return datetime.fromisoformat(time).astimezone(UTC)
