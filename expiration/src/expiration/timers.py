"""Sets timers at the broker, which delivers a message at a given time (message schedules, nats-server ≥ 2.12).

The broker's rules: the target subject lies in the same stream as the schedule, and is not the schedule's own subject.
The time needs a zone. A stream whose max_age is shorter than the delay would lose the timer silently, so the stream
has no max_age.
"""

from dataclasses import dataclass
from datetime import UTC

from common.events.envelope import TRACEPARENT
from common.events.tracing import current_traceparent
from common.messaging.publisher import Publisher
from expiration.deadline import Deadline

_KEEP_FIRED_TIMERS = "1h"
"""How long the broker keeps a fired timer. None is lost after that: at each start, expiration sets all timers again."""


@dataclass(frozen=True)
class TimerScheduler:
    publisher: Publisher

    async def schedule(self, deadline: Deadline) -> None:
        """Set the timer of this deadline, in place of an earlier one. A deadline in the past fires at once.

        Raises DependencyUnavailable.
        """
        timer = deadline.timer()
        at = deadline.expires_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        headers = {
            "Nats-Schedule": f"@at {at}",
            "Nats-Schedule-Target": timer.subject,
            "Nats-Schedule-TTL": _KEEP_FIRED_TIMERS,
        }
        if traceparent := current_traceparent():
            headers[TRACEPARENT] = traceparent  # the fired timer carries it, so the expiry belongs to the order's trace
        await self.publisher.publish_raw(timer.schedule_subject, timer.to_json().encode(), headers)
