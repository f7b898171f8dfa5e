"""A timer that fires while its order ends: the deadline is completed or dropped, and its event says the same."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from expiration.tests.fake_timers import FakeTimers
from expiration.tests.use_cases import recorded_events, use_cases

from common.domain.ids import OrderId, new_id
from common.events.orders import OrderEvent
from common.storage.mongo import Mongo
from devkit.testing.samples import order_events
from expiration.deadline import Deadline, DeadlineStatus
from expiration.service import ExpirationService

pytestmark = pytest.mark.both_drivers


async def kept_deadlines(expiration: ExpirationService, orders: Sequence[tuple[OrderEvent, ...]]) -> list[Deadline]:
    found = [await expiration._deadlines.find(order[0].id) for order in orders]
    kept = [deadline for deadline in found if deadline is not None]
    assert len(kept) == len(orders)
    return kept


@pytest.mark.parametrize("closed", [1, 2], ids=["cancelled", "completed"])
async def test_a_timer_that_fires_while_the_order_ends_completes_the_deadline_at_most_once(
    mongo: Mongo, closed: int
) -> None:
    """For 15 orders: two deliveries of the timer and two of the event run concurrently."""
    expiration = use_cases(mongo.database, FakeTimers())
    orders = [order_events(new_id(), due_in=-timedelta(minutes=1)) for _ in range(15)]
    await asyncio.gather(*(expiration.follow_order(order[0]) for order in orders))

    await asyncio.gather(
        *(expiration.complete_deadline(OrderId(order[0].id)) for order in orders * 2),
        *(expiration.follow_order(order[closed]) for order in orders * 2),
    )

    kept = await kept_deadlines(expiration, orders)
    assert {deadline.status for deadline in kept} <= {DeadlineStatus.COMPLETED, DeadlineStatus.DROPPED}
    assert {deadline.order_version for deadline in kept} == {2}, "no change has overwritten another one"
    completed = sorted(deadline.id for deadline in kept if deadline.status is DeadlineStatus.COMPLETED)
    assert sorted(await recorded_events(expiration)) == [("expiration.completed.v1", one) for one in completed]


async def test_the_first_events_of_an_order_may_be_handled_concurrently(mongo: Mongo) -> None:
    expiration = use_cases(mongo.database, FakeTimers())
    orders = [order_events(new_id()) for _ in range(15)]

    await asyncio.gather(*(expiration.follow_order(event) for order in orders * 2 for event in (order[0], order[1])))

    kept = await kept_deadlines(expiration, orders)
    assert {(deadline.status, deadline.order_version) for deadline in kept} == {(DeadlineStatus.DROPPED, 2)}
