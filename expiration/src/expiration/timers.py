"""Sets timers at the broker. A timer is a message that the broker delivers at a given time.

The broker calls this a message schedule. It needs nats-server 2.12 or newer, which has these rules:

- The target subject must be in the same stream as the subject of the schedule, and must be a different subject.
- The time must have a time zone.
- If the max_age of the stream is shorter than the delay, the broker loses the timer without an error. So our stream has
  no max_age.
"""

from dataclasses import dataclass
from datetime import UTC

from common.events.envelope import TRACEPARENT
from common.events.tracing import current_traceparent
from common.messaging.publisher import Publisher
from expiration.deadline import Deadline

_KEEP_FIRED_TIMERS = "1h"
"""How long the broker keeps a timer that has fired.

If the expiration service is down for longer, it loses such a timer. But when it starts, it sets all timers again.
"""


@dataclass(frozen=True)
class TimerScheduler:
    publisher: Publisher

    async def schedule(self, deadline: Deadline) -> None:
        """Set the timer of this deadline. It replaces an earlier timer of the same deadline.

        If the deadline is in the past, the timer fires at once. Raises DependencyUnavailable.
        """
        timer = deadline.timer()
        at = deadline.expires_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        headers = {
            "Nats-Schedule": f"@at {at}",
            "Nats-Schedule-Target": timer.subject,
            "Nats-Schedule-TTL": _KEEP_FIRED_TIMERS,
        }
        if traceparent := current_traceparent():
            # The message of the fired timer has this header, so that the expiry belongs to the trace of the order.
            headers[TRACEPARENT] = traceparent
        await self.publisher.publish_raw(timer.schedule_subject, timer.to_json().encode(), headers)
