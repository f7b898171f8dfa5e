"""The bell: a message that the broker itself delivers at a given time (message schedules, nats-server 2.12 and later).

Traps: the target lies in the same stream as the schedule, and is not the schedule's own subject; the time needs a
zone; there is one schedule a subject, so arming again replaces it; a stream's max_age shorter than the delay would
lose the timer silently, so the stream has none.
"""

from dataclasses import dataclass
from datetime import UTC

from common.events.envelope import TRACEPARENT
from common.events.tracing import current_traceparent
from common.messaging.publisher import Publisher
from common.messaging.streams import SCHEDULES
from expiration.deadline import Deadline

_KEEP_RUNG_ALARMS = "1h"
"""An alarm that nobody heard for that long is not missed: a service that starts arms everything pending again."""


@dataclass(frozen=True)
class AlarmClock:
    publisher: Publisher

    async def arm(self, deadline: Deadline) -> None:
        """Ring at the deadline, or at once if it has passed. Raises DependencyUnavailable."""
        alarm = deadline.alarm()
        at = deadline.expires_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        headers = {
            "Nats-Schedule": f"@at {at}",
            "Nats-Schedule-Target": alarm.subject,
            "Nats-Schedule-TTL": _KEEP_RUNG_ALARMS,
        }
        if traceparent := current_traceparent():
            headers[TRACEPARENT] = traceparent  # the alarm carries it, so the expiry belongs to the order's trace
        await self.publisher.publish_raw(f"{SCHEDULES}.{deadline.id}", alarm.to_json().encode(), headers)
