"""Waits until the platform is idle: all events published and handled. Only then the data of all services must agree."""

from typing import Any

from common.events.expiration import ExpirationCompleted
from common.messaging.dead_letters import SUBJECT
from common.messaging.replay import REPLAYED, replay_subject
from devkit.testing.eventually import eventually
from faults.context import ScenarioContext
from faults.scenario import require
from marketplace.operations.lag import measure_lag
from orders.order import OrderStatus

_EXPIRE = "orders-expire-order-on-expiration-completed"


async def unfinished_work(context: ScenarioContext) -> list[str]:
    """List the events that are not published yet, or not handled."""
    found = []
    for service, opened in context.operator.databases.items():
        database: Any = opened
        found += [
            f"{count} outboxes of {service} {name}"
            for name in await database.list_collection_names()
            if (count := await database[name].count_documents({"outbox.id": {"$exists": True}}))
        ]
    found += [
        f"{lag.consumer}: {lag.pending} pending, {lag.in_flight} in flight"
        for lag in await measure_lag(context.operator)
        if lag.pending or lag.in_flight
    ]
    return found


async def wait_until_idle(context: ScenarioContext, within: float = 20.0) -> None:
    """Wait until all events are published and handled. It checks twice, since a handler may publish new events."""

    async def check_twice() -> list[str]:
        return await unfinished_work(context) or await unfinished_work(context)

    await eventually(check_twice, until=lambda found: not found, within=within, what="no unfinished work")


async def require_clean_audit(context: ScenarioContext, within: float = 20.0) -> None:
    await wait_until_idle(context, within)
    differences = await context.settle(within)
    require(not differences, f"the audit found {len(differences)} differences: {differences[:3]}")


async def expire_open_orders(context: ScenarioContext) -> None:
    """Expire every open order now, so that no deadline changes data later."""
    orders = context.operator.databases["orders"]["orders"]
    for order in await orders.find({"status": OrderStatus.CREATED.value}).to_list(None):
        event = ExpirationCompleted(id=order["_id"], version=2, expires_at=order["expires_at"])
        answer = await context.operator.broker.client.request(
            replay_subject(_EXPIRE), event.to_json().encode(), timeout=15, headers={SUBJECT: event.subject}
        )
        require(answer.data == REPLAYED, f"{_EXPIRE} answered for {event.id}: {answer.data.decode()}")
    await require_clean_audit(context)
