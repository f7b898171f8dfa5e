"""Decides when an event is delivered again after a failure, and when the event becomes a dead letter.

A dead letter is an event that is not delivered again. It is stored for an operator (see dead_letters.py).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class RetryPolicy:
    """Defines how often, and after which delays, the broker delivers an event again if its handler has failed.

    If MongoDB or another dependency is unavailable, this is not a failure of the handler. Instead, the consumer waits
    until the dependency is available again, and then handles the event (see delivery.py). Without this rule, all events
    would become dead letters (events that are not delivered again) during a long outage of the database.
    """

    delays: tuple[float, ...] = (1, 2, 5, 10, 20, 30)
    """The seconds to wait before the second delivery, before the third delivery, and so on.

    The last delivery comes after the last of these delays. If the handler fails again in the last delivery, the event
    becomes a dead letter.
    """
    ack_wait: float = 2.5
    """After this number of seconds without an answer, the broker delivers the event again.

    A consumer that needs more time for an event tells the broker that it is still working (see subscription.py).
    """
    max_unanswered: int = 20
    """If an event is delivered more often than this, it becomes a dead letter, and its handler is not called again.

    This limit is for an event that probably kills the process during each delivery, so that the broker never gets an
    answer. But a process that is only paused does not answer either, and its event is not the cause. The limit is high
    so that such an event does not become a dead letter. If the process answers but the handler fails, the event becomes
    a dead letter earlier (see `delays`).
    """

    @property
    def deliveries(self) -> int:
        return len(self.delays) + 1

    @property
    def max_deliver(self) -> int:
        """After this number of deliveries, the broker stops delivering an event.

        This number is higher than our own limits `deliveries` and `max_unanswered`. So our code makes the event a dead
        letter before the broker stops. The broker itself makes no dead letters.
        """
        return self.deliveries + self.max_unanswered + 2

    def delay_after(self, delivery: int) -> float | None:
        """Return how many seconds to wait before the next delivery.

        `delivery` is the number of the delivery that has failed. The first delivery has the number 1. Return
        None if the event must become a dead letter.
        """
        return self.delays[delivery - 1] if delivery <= len(self.delays) else None
