"""Sets timers at the broker. A timer is a message that the broker delivers at a given time.

The broker is NATS, which calls such a timer a message schedule. Message schedules need nats-server 2.12 or newer. To
set a timer, we publish a message to the schedule subject. At the given time, NATS publishes this message to a second
subject, the target subject, and our consumer receives it from there. NATS has these rules:

- The schedule subject and the target subject must be in the same stream, and must be different subjects.
- The time must have a time zone.
- A stream with a max_age deletes messages that are older than this age. If the max_age is shorter than the delay of the
  timer, the broker loses the timer and reports no error. So our stream has no max_age.
"""

from dataclasses import dataclass
from datetime import UTC

from common.events.envelope import TRACEPARENT
from common.events.tracing import current_traceparent
from common.messaging.publisher import Publisher
from expiration.deadline import Deadline

_KEEP_FIRED_TIMERS = "1h"
"""How long the broker keeps the message of a timer after the time of this timer has come.

If the expiration service is down for this whole hour, the broker deletes the message and the service never
receives it. For this reason, the service sets the timers of all pending deadlines again when it starts.
"""


@dataclass(frozen=True)
class TimerScheduler:
    publisher: Publisher

    async def schedule(self, deadline: Deadline) -> None:
        """Set the timer of this deadline. The timer is a message that the broker delivers to us at the deadline.

        The new timer replaces an earlier timer of the same deadline. If the deadline is in the past, the broker
        delivers the timer immediately. Raises DependencyUnavailable if the broker does not confirm that it has stored
        the timer.
        """
        timer = deadline.timer()
        at = deadline.expires_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        headers = {
            "Nats-Schedule": f"@at {at}",
            "Nats-Schedule-Target": timer.subject,
            "Nats-Schedule-TTL": _KEEP_FIRED_TIMERS,
        }
        if traceparent := current_traceparent():
            # NATS copies this header into the message that it delivers at the deadline. So one trace contains the event
            # that started the deadline, and also what happens at the end of the deadline.
            headers[TRACEPARENT] = traceparent
        await self.publisher.publish_raw(timer.schedule_subject, timer.to_json().encode(), headers)
