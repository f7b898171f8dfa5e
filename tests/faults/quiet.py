"""When nothing is on its way any more: the moment at which the books have to agree."""

from typing import Any

from common.events.expiration import ExpirationCompleted
from common.messaging.dead_letters import SUBJECT
from common.messaging.replay import REPLAYED, replay_subject
from devkit.testing.eventually import eventually
from faults.scenario import promise
from faults.world import World
from marketplace.operations.lag import measure_lag
from orders.order import OrderStatus

_EXPIRE = "orders-expire-order-on-expiration-completed"


async def on_its_way(world: World) -> list[str]:
    """Events that have not been published, or not been handled."""
    found = []
    for service, opened in world.operator.databases.items():
        database: Any = opened
        found += [
            f"{count} outboxes of {service} {name}"
            for name in await database.list_collection_names()
            if (count := await database[name].count_documents({"outbox.id": {"$exists": True}}))
        ]
    found += [
        f"{lag.consumer}: {lag.pending} pending, {lag.in_flight} in flight"
        for lag in await measure_lag(world.operator)
        if lag.pending or lag.in_flight
    ]
    return found


async def until_quiet(world: World, within: float = 20.0) -> None:
    """Wait until it has all arrived: seen twice in a row, since what was handled during one look may publish anew."""

    async def still_moving() -> list[str]:
        return await on_its_way(world) or await on_its_way(world)

    await eventually(still_moving, until=lambda found: not found, within=within, what="nothing on its way any more")


async def settle_with_nothing_wrong(world: World, within: float = 20.0) -> None:
    await until_quiet(world, within)
    differences = await world.settle(within)
    promise(not differences, f"the audit found {len(differences)} differences: {differences[:3]}")


async def expire_what_is_open(world: World) -> None:
    """Let the time of every open order run out now, so that no deadline changes anything from here on."""
    orders = world.operator.databases["orders"]["orders"]
    for order in await orders.find({"status": OrderStatus.CREATED.value}).to_list(None):
        event = ExpirationCompleted(id=order["_id"], version=2, expires_at=order["expires_at"])
        answer = await world.operator.broker.client.request(
            replay_subject(_EXPIRE), event.to_json().encode(), timeout=15, headers={SUBJECT: event.subject}
        )
        promise(answer.data == REPLAYED, f"{_EXPIRE} said of {event.id}: {answer.data.decode()}")
    await settle_with_nothing_wrong(world)
