"""The clock of the services. A service gets its clock as an argument, so that a test can set the time."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current time in UTC, rounded down to whole milliseconds.

    MongoDB stores times in milliseconds. If we stored a time with microseconds and read it again, we would get another
    value.
    """
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
