"""A clock for services under test."""

from datetime import datetime, timedelta

from common.domain.clock import utc_now


class SettableClock:
    """Shows the real time, or the time at which it stands, plus as much as a test has moved it on."""

    def __init__(self, stands_at: datetime | None = None) -> None:
        self.stands_at = stands_at
        """None: the clock runs."""
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return (self.stands_at or utc_now()) + self.ahead

    def move_on(self, by: timedelta) -> None:
        self.ahead += by
