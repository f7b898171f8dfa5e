"""The clock of the services. A service gets its clock as an argument, so that a test can set the time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current time in UTC, rounded down to whole milliseconds.

    MongoDB stores times in milliseconds. If we stored a time with microseconds and read it again, we would get another
    value.
    """
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def is_within(limit: timedelta, stored: datetime, now: datetime) -> bool:
    """Return True if the time `stored` differs from `now` by at most `limit`, in either direction.

    If the clock of the machine was ahead and was then set back, stored times can be in the future. Something that began
    "in one hour" has really begun in the past, so code must not wait for an hour until it is old enough.
    """
    return abs(now - stored) <= limit
