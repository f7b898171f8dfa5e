"""The time that a service is told: the real one, moved on by as much as a test likes."""

from datetime import datetime, timedelta

from common.domain.clock import utc_now


class MovableClock:
    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self._ahead

    def move_on(self, by: timedelta) -> None:
        self._ahead += by
