"""The story of each consumer of expiration, for tests/integration/test_every_consumer.py."""

from datetime import timedelta

from common.domain.clock import utc_now
from common.domain.ids import OrderId, new_id
from common.events.timers import DeadlineTimer
from devkit.testing.samples import extended_order, order_events
from devkit.testing.service_samples import Story, nothing_before
from expiration.deadline import Deadline
from expiration.service import ExpirationService

_ORDER = OrderId("65f0c0ffee00000000000020")
_CREATED, _CANCELLED, _ = order_events(new_id(), order_id=_ORDER)
_OVERDUE = order_events(new_id(), order_id=_ORDER, due_in=timedelta(seconds=-1))[0]


async def _a_completed_deadline(expiration: ExpirationService) -> None:
    """Store it without a timer. A timer would fire at once, and would wait for the new deadline after the extension."""
    deadline = Deadline.of_order(_OVERDUE)
    deadline.complete()
    await expiration._deadlines.add(deadline)


async def _an_overdue_deadline(expiration: ExpirationService) -> None:
    await expiration.follow_order(_OVERDUE)


STORIES = {
    "expiration-arm-deadline-on-order-created": Story((_CREATED,), nothing_before),
    "expiration-move-deadline-on-order-extended": Story((_OVERDUE, extended_order(_OVERDUE)), _a_completed_deadline),
    "expiration-drop-deadline-on-order-closed": Story((_CREATED, _CANCELLED), nothing_before),
    "expiration-complete-deadline-on-alarm": Story(
        (DeadlineTimer(id=_ORDER, version=1, expires_at=utc_now()),), _an_overdue_deadline
    ),
}
