"""A clock that a test can set. The tested service uses this clock instead of the real time."""

from datetime import datetime, timedelta

from common.domain.clock import utc_now


class SettableClock:
    """Shows the real time, or the fixed time `stands_at`.

    A test can call `move_on`. After that, the clock is ahead by this additional time.
    """

    def __init__(self, stands_at: datetime | None = None) -> None:
        self.stands_at = stands_at
        """The fixed time that the clock shows. If this is None, the clock shows the real time."""
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return (self.stands_at or utc_now()) + self.ahead

    def move_on(self, by: timedelta) -> None:
        self.ahead += by
