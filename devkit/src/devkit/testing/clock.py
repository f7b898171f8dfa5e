"""A clock that a test can set. The tested service uses this clock instead of the real time."""

from datetime import datetime, timedelta

from common.domain.clock import utc_now


class SettableClock:
    """A clock that returns the real time, or the fixed time `stands_at`.

    If a test calls `move_on(by)`, the clock returns a time that is later by `by`. Several calls add up.
    """

    def __init__(self, stands_at: datetime | None = None) -> None:
        self.stands_at = stands_at
        """The fixed time that the clock returns. If this is None, the clock returns the real time."""
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return (self.stands_at or utc_now()) + self.ahead

    def move_on(self, by: timedelta) -> None:
        self.ahead += by
