"""When a failed delivery is tried again, and when it is given up."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RetryPolicy:
    """`delays`: seconds before the second, third, … delivery; after the last of them the event is a dead letter.

    A dependency that is down is no failed delivery: the event is held until it is back (see common.messaging.consumer),
    or three minutes without a database would turn every event of that time into a dead letter.
    """

    delays: tuple[float, ...] = (1, 2, 5, 10, 20, 30)
    ack_wait: float = 2.5
    """Seconds after which the broker takes a consumer for dead and delivers again. One that works keeps saying so."""
    max_unanswered: int = 20
    """Deliveries that nobody answered, after which an event is believed to kill its consumer, and given up.

    Generous, because a process that is merely stopped for a while looks dead to the broker, too.
    """

    @property
    def deliveries(self) -> int:
        return len(self.delays) + 1

    @property
    def max_deliver(self) -> int:
        """The broker's own bound lies behind ours: after it, the broker would drop the event without a word to us."""
        return self.deliveries + self.max_unanswered + 2

    def delay_after(self, delivery: int) -> float | None:
        """Seconds to wait after the failure of this delivery (the first is 1); None: give up."""
        return self.delays[delivery - 1] if delivery <= len(self.delays) else None
