"""The use cases of the expiration service. The handlers of events and timers call them.

A deadline is the time until which the buyer must pay for an order. A timer is a message that the broker delivers to
this service at the time of the deadline.
"""

import asyncio
from datetime import datetime, timedelta

import structlog

from common.domain.clock import Clock
from common.domain.errors import DependencyUnavailable, RetryLater, VersionConflict
from common.domain.ids import OrderId
from common.events.orders import OrderCreated, OrderEvent
from common.storage.availability import DatabaseError
from common.storage.retry import retry_on_conflict
from expiration.deadline import Deadline
from expiration.repository import DeadlineRepository
from expiration.timers import TimerScheduler

log = structlog.get_logger()

_CHECK_SECONDS = 15.0
_SURELY_LOST = timedelta(seconds=5)
"""If a deadline is still pending this long after its time, the service assumes that the broker has lost its timer.

A timer is a message that the broker delivers at the deadline. After the service has handled this message, the deadline
is not pending any more. The service sets a lost timer again.
"""


class ExpirationService:
    def __init__(self, deadlines: DeadlineRepository, timers: TimerScheduler, clock: Clock) -> None:
        self._deadlines = deadlines
        self._timers = timers
        self._clock = clock

    async def follow_order(self, event: OrderEvent) -> None:
        """Start the deadline for paying when an order is created, and move it when the order is extended.

        Drop the deadline when the order is cancelled or completed.

        This method first stores the deadline and then sets its timer (a message that the broker delivers at the
        deadline). The method also sets the timer when the same event is delivered again. The reason is that the process
        may have died during the first delivery, after it had stored the deadline and before it set the timer. If the
        timer was already set, the new timer replaces it. So the timer of an extended order fires only at the new time.
        If two deliveries set the timers in the wrong order, it fires at the old time, and `complete_deadline` waits.

        The timer of a dropped deadline stays at the broker. When the broker delivers it, the service does nothing.
        """
        deadline = await self._start(event) if isinstance(event, OrderCreated) else None
        if deadline is None:
            deadline = await self._follow(event)
        if deadline.is_pending:
            await self._timers.schedule(deadline)

    async def _start(self, event: OrderEvent) -> Deadline | None:
        """Store a new deadline and return it. Return None if the order already has a deadline.

        This method inserts the deadline and does not first read whether there already is one. When the first event of
        an order arrives, the order usually has no deadline, so a read would cost time and would almost never help. If
        there is a deadline, `add` stores nothing and raises VersionConflict.
        """
        deadline = Deadline.of_order(event)
        try:
            await self._deadlines.add(deadline)
        except VersionConflict:
            return None
        return deadline

    @retry_on_conflict
    async def _follow(self, event: OrderEvent) -> Deadline:
        deadline = await self._deadlines.find(event.id)
        if deadline is None:
            deadline = Deadline.of_order(event)
            await self._deadlines.add(deadline)
        elif deadline.is_behind(event):
            deadline.follow(event)
            await self._deadlines.save(deadline)
        return deadline

    @retry_on_conflict
    async def complete_deadline(self, order_id: OrderId) -> None:
        """Publish ExpirationCompleted, so that other services know that the time to pay for the order is over.

        The handler of timers calls this method when the broker has delivered the timer of the deadline. If the deadline
        is not pending any more, do nothing. For example, the buyer has paid, or the timer was delivered twice.

        If the clock of the broker is ahead of the clock of this service, the broker delivers the timer too early. The
        timer is also too early if the order was extended after the timer was set, and no later timer replaced it. Then
        this method raises RetryLater, so that the broker delivers the timer again at the right time.
        """
        deadline = await self._deadlines.find(order_id)
        if deadline is None or not deadline.is_pending:
            return
        early = (deadline.expires_at - self._clock()).total_seconds()
        if early > 0:
            raise RetryLater(early)
        deadline.complete()
        await self._deadlines.save(deadline)

    async def keep_timers_set(self) -> None:
        """Set the timers of all pending deadlines when the service starts. Then search for lost timers every 15 s.

        A deadline is the time until which the buyer must pay for an order. A timer is a message that the broker
        delivers at the deadline. If the deadline is still pending 5 s later, we assume that the timer is lost, and set
        it again. This method runs until the service stops.
        """
        due_before: datetime | None = None
        while True:
            try:
                scheduled = await self.set_pending_timers(due_before=due_before)
            except (DatabaseError, DependencyUnavailable) as error:
                log.warning("timers not set, trying again later", reason=str(error))
            else:
                if scheduled:
                    log.info("timers of pending deadlines set", deadlines=scheduled)
                next_check = self._clock() + timedelta(seconds=_CHECK_SECONDS)
                due_before = next_check - _SURELY_LOST
            await asyncio.sleep(_CHECK_SECONDS)

    async def set_pending_timers(self, *, due_before: datetime | None) -> int:
        """Set the timers of all pending deadlines, and return how many timers were set.

        A timer is a message that the broker delivers at the deadline. If `due_before` is not None, this method sets
        only the timers of the deadlines that are before this time. If the broker refuses one timer, log this and
        continue with the others.
        """
        count = 0
        async for page in self._deadlines.find_pending(due_before=due_before):
            count += sum(await asyncio.gather(*map(self._set_timer, page)))
        return count

    async def _set_timer(self, deadline: Deadline) -> bool:
        try:
            await self._timers.schedule(deadline)
        except DependencyUnavailable:
            raise
        except Exception:
            log.exception("timer not set", deadline=deadline.id)
            return False
        return True
