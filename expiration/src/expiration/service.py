"""The use cases of expiration."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from pymongo.errors import DuplicateKeyError, PyMongoError

from common.domain.clock import Clock
from common.domain.errors import DependencyUnavailable, RetryLater, VersionConflict
from common.domain.ids import OrderId
from common.events.orders import OrderEvent
from common.storage.repository import retry_lost_races
from expiration.deadline import Deadline
from expiration.repository import DeadlineRepository
from expiration.timers import TimerScheduler

log = structlog.get_logger()

_PAGE = 200
_CHECK_EVERY_SECONDS = 15.0
_SURELY_MISSED = timedelta(seconds=5)


@dataclass(frozen=True)
class ExpirationService:
    deadlines: DeadlineRepository
    timers: TimerScheduler
    clock: Clock

    async def follow_order(self, event: OrderEvent) -> None:
        """Keep the deadline of an open order, and drop it when the order is not open any more.

        Arming comes after the write and is done again by every delivery: the one before may have died in between.
        A dropped deadline's bell is left to ring in vain: what counts is the document.
        """

        async def attempt() -> Deadline:
            deadline = await self.deadlines.find(event.id)
            if deadline is None:
                return await self._add(event)
            if deadline.is_behind(event):
                deadline.follow(event)
                await self.deadlines.save(deadline)
            return deadline

        try:
            # The first event of an order most likely is the first that is heard of it, so there is nothing to look up.
            deadline = await (self._add(event) if event.version == 1 else attempt())
        except VersionConflict:
            deadline = await retry_lost_races(attempt)
        if deadline.is_pending:
            await self.timers.schedule(deadline)

    async def complete_deadline(self, order_id: OrderId) -> None:
        """The bell rang. Nothing happens if the deadline is not pending (any more)."""

        async def attempt() -> None:
            deadline = await self.deadlines.find(order_id)
            if deadline is None or not deadline.is_pending:
                return
            early = (deadline.expires_at - self.clock()).total_seconds()
            if early > 0:  # the broker's clock is ahead of ours
                raise RetryLater(early)
            deadline.complete()
            await self.deadlines.save(deadline)

        await retry_lost_races(attempt)

    async def keep_timers_set(self) -> None:
        """Arm everything pending at the start, and from then on what should have rung and has not."""
        due_before: datetime | None = None
        while True:
            try:
                scheduled = await self.set_pending_timers(due_before=due_before)
            except (PyMongoError, DependencyUnavailable) as error:
                log.warning("arming of pending deadlines put off", reason=str(error))
            else:
                if scheduled:
                    log.info("scheduled pending deadlines", deadlines=scheduled)
                due_before = self.clock() - _SURELY_MISSED + timedelta(seconds=_CHECK_EVERY_SECONDS)
            await asyncio.sleep(_CHECK_EVERY_SECONDS)

    async def set_pending_timers(self, *, due_before: datetime | None) -> int:
        """Arm each pending deadline (due before then, if given) again; answer how many there were."""
        count = 0
        after: Deadline | None = None
        while page := await self.deadlines.find_pending(due_before=due_before, after=after, limit=_PAGE):
            await asyncio.gather(*(self.timers.schedule(deadline) for deadline in page))
            count += len(page)
            after = page[-1]
        return count

    async def _add(self, event: OrderEvent) -> Deadline:
        """Raises VersionConflict if there is one already."""
        deadline = Deadline.of_order(event)
        try:
            await self.deadlines.add(deadline)
        except DuplicateKeyError:
            raise VersionConflict("The deadline of this order is known already.") from None
        return deadline
