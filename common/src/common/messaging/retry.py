"""Decides when a failed delivery is retried, and when the event becomes a dead letter."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RetryPolicy:
    """How often, and after which delays, an event is delivered to a consumer.

    An unavailable dependency is not a failure: the event is held until the dependency is back (delivery.py). Otherwise
    an outage of the database would turn every event of that time into a dead letter.
    """

    delays: tuple[float, ...] = (1, 2, 5, 10, 20, 30)
    """Seconds before the second, third, … delivery. If the handler fails after the last, there is a dead letter."""
    ack_wait: float = 2.5
    """Seconds after which the broker repeats an unanswered delivery. A consumer at work asks for more time."""
    max_unanswered: int = 20
    """An event that was delivered more often than this becomes a dead letter, and its handler is not called again.

    Such an event probably kills the process during each delivery. The number is high, because a process that is paused
    does not answer either.
    """

    @property
    def deliveries(self) -> int:
        return len(self.delays) + 1

    @property
    def max_deliver(self) -> int:
        """The broker's limit, at which it stops delivering an event. Higher, so that we dead-letter it first."""
        return self.deliveries + self.max_unanswered + 2

    def delay_after(self, delivery: int) -> float | None:
        """Seconds to wait after the failure of this delivery (the first is 1). None: dead-letter the event."""
        return self.delays[delivery - 1] if delivery <= len(self.delays) else None
